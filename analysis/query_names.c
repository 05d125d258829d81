/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The queries that have a name; all but the last few are about the newest run. */

#include "analysis/query.h"

#define NEWEST "(SELECT run FROM newest_run)"

const struct query_named query_names[] = {
	{ "counters", "every counter and ledger line by name",
	  "SELECT name, value FROM counters WHERE run = " NEWEST },
	{ "ledger", "cycles by part and cause with their shares",
	  "SELECT part, cause, cycles, round(100 * share, 2) AS percent,"
	  " round(per_instruction, 4) AS per_instruction, doc FROM ledger_lines WHERE run = " NEWEST },
	{ "mpki", "hits, misses, miss rate and misses per thousand instructions of each TLB level",
	  "SELECT level, side, lookups, hits, misses, round(100 * miss_rate, 4) AS miss_percent,"
	  " round(mpki, 4) AS mpki, reach_bytes, reach_most_bytes, reach_in_use_bytes FROM tlb_levels WHERE run = " NEWEST },
	{ "miss_classes", "why each TLB level missed: for runs with classify_misses",
	  "SELECT level, side, misses, cold, capacity, conflict, flush FROM tlb_miss_classes"
	  " WHERE run = " NEWEST },
	{ "walks", "page walks: how many, references and cycles each, share of all cycles",
	  "SELECT walks, walks_read, walks_write, walks_fetch, leaves, faults, dirty, refs, writes,"
	  " round(refs_per_walk, 3) AS refs_per_walk, cycles, round(cycles_per_walk, 2) AS"
	  " cycles_per_walk, round(100 * share, 2) AS percent_of_cycles, round(wpki, 4) AS wpki"
	  " FROM walks WHERE run = " NEWEST },
	{ "faults", "page faults by cost, access, service and cause",
	  "SELECT class, kind, count, doc FROM faults WHERE run = " NEWEST },
	{ "pages", "the 40 pages that cost most",
	  "SELECT address, mapping, accesses, fetches, misses, walks, walk_cycles, faults,"
	  " fault_cycles FROM pages WHERE run = " NEWEST
	  " ORDER BY cost DESC, misses DESC, accesses DESC, asid, address LIMIT 40" },
	{ "instructions", "the 40 instructions that cost most",
	  "SELECT address, symbol, disassembly, misses, walks, walk_cycles, faults, fault_cycles,"
	  " file FROM instructions WHERE run = " NEWEST
	  " ORDER BY cost DESC, misses DESC, asid, address LIMIT 40" },
	{ "epochs", "the run as a time series",
	  "SELECT epoch, ended_at, instructions, cycles, translation_cycles, os_cycles, lookups,"
	  " walks, faults FROM epochs WHERE run = " NEWEST " ORDER BY epoch" },
	{ "tables", "size and shape of the page tables",
	  "SELECT name, value, doc FROM counters WHERE run = " NEWEST
	  " AND name GLOB 'page_table.*'" },
	{ "syscalls", "system calls that were answered with ENOSYS",
	  "SELECT number, name, count FROM unknown_syscall WHERE run = " NEWEST
	  " ORDER BY number" },
	{ "notes", "what the figures leave out",
	  "SELECT text FROM note WHERE run = " NEWEST " ORDER BY number" },
	{ "mappings", "named ranges of the guest's address space",
	  "SELECT start, end, permissions, offset, path FROM mappings WHERE run = " NEWEST },
	{ "machine", "the machine description",
	  "SELECT m.name, m.description FROM machine m JOIN run r ON r.machine = m.id"
	  " WHERE r.id = " NEWEST },
	{ "runs", "all runs in the file",
	  "SELECT run, status, label, program, machine, page_table, instructions, cycles,"
	  " exit_status, exit_signal, host_started FROM runs ORDER BY run" },
	{ "compare", "all runs side by side",
	  "SELECT r.run, r.label, r.machine, r.page_table, f.instructions, round(w.wpki, 4) AS wpki,"
	  " round(w.refs_per_walk, 3) AS refs_per_walk, round(w.cycles_per_instruction, 5) AS"
	  " walk_cycles_per_instruction, round(w.translation_per_instruction, 5) AS"
	  " translation_per_instruction, f.faults_minor, f.faults_major, f.page_table_bytes"
	  " FROM runs r JOIN figures f ON f.run = r.run JOIN walks w ON w.run = r.run"
	  " ORDER BY r.run" },
	{ "events", "the first 1000 events",
	  "SELECT seq, kind, instruction, cycle, pc, va, pa, access, level, value, cycles,"
	  " page_bytes FROM events WHERE id >= " NEWEST " << 40 ORDER BY id LIMIT 1000" },
	{ "documentation", "what every table, view, column and counter means",
	  "SELECT object, column, text FROM documentation UNION SELECT 'counter_name.name', name, doc"
	  " FROM counter_name WHERE name NOT IN (SELECT column FROM documentation WHERE"
	  " object = 'counter_name.name')" },
	{ NULL, NULL, NULL },
};
