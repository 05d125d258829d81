/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * The profiles as rows, when a run ends. Rows are sorted by address space and address. The
 * costliest instructions also get their bytes (out of guest memory, else out of the mapped file),
 * disassembly, symbol and source line.
 */

#include "analysis/disasm.h"
#include "analysis/record_private.h"
#include "analysis/symbols.h"
#include "emu/kernel/kernel.h"

#include <stdlib.h>
#include <string.h>

enum { EXPLAINED_MAX = 10000 };

/* --- pages ----------------------------------------------------------------------------------- */

static int write_page(struct record *record, sqlite3_stmt *insert, const struct page_profile *page)
{
	const struct mapping_entry *mapping =
		mappings_sweep(&record->mappings, page->key.asid, page->key.address << FRAME_LG2);

	if (database_run(insert, "iiiiiiiiiiin", record->run, (int64_t)page->key.asid,
			 (int64_t)page->key.address, (int64_t)page->key.page_lg2,
			 (int64_t)page->accesses, (int64_t)page->fetches, (int64_t)page->misses,
			 (int64_t)page->walks, (int64_t)page->walk_cycles,
			 (int64_t)page->key.faults, (int64_t)page->fault_cycles,
			 mapping ? mapping->id : (int64_t)0) != SQLITE_OK)
		return record_fail(record, "write the page profile");
	return 0;
}

static int write_pages(struct record *record)
{
	struct page_profile *pages;
	uint64_t count = profile_sort_pages(&record->profile, &pages);
	sqlite3_stmt *insert;

	if (mappings_sweep_start(&record->mappings) != PW_OK)
		return record_fail_memory(record);
	insert = record_prepare(record,
				"INSERT INTO page (run, asid, vpn, page_lg2, accesses, fetches,"
				" misses, walks, walk_cycles, faults, fault_cycles, mapping)"
				" VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
	for (uint64_t i = 0; insert && i < count; i++)
		if (write_page(record, insert, &pages[i]))
			break;
	sqlite3_finalize(insert);
	return record->failed;
}

/* --- faults ---------------------------------------------------------------------------------- */

static int write_fault(struct record *record, sqlite3_stmt *insert, const struct fault_profile *row)
{
	vpn_t vpn = row->key.address / FAULT_WAYS;
	unsigned service = row->key.address % FAULT_WAYS;
	const struct mapping_entry *mapping =
		mappings_sweep(&record->mappings, row->key.asid, vpn << FRAME_LG2);

	if (database_run(insert, "iiitiiin", record->run, (int64_t)row->key.asid, (int64_t)vpn,
			 service < FAULT_SERVICE_COUNT ? fault_service_names[service] : "?",
			 (int64_t)row->key.faults, (int64_t)row->major, (int64_t)row->cycles,
			 mapping ? mapping->id : (int64_t)0) != SQLITE_OK)
		return record_fail(record, "write the profile of faults");
	return 0;
}

static int write_faults(struct record *record)
{
	struct fault_profile *rows;
	uint64_t count = profile_sort_faults(&record->profile, &rows);
	sqlite3_stmt *insert;

	if (mappings_sweep_start(&record->mappings) != PW_OK)
		return record_fail_memory(record);
	insert = record_prepare(record, "INSERT INTO page_fault (run, asid, vpn, service, faults,"
					" major, cycles, mapping) VALUES (?, ?, ?, ?, ?, ?, ?, ?)");
	for (uint64_t i = 0; insert && i < count; i++)
		if (write_fault(record, insert, &rows[i]))
			break;
	sqlite3_finalize(insert);
	return record->failed;
}

/* --- instructions ---------------------------------------------------------------------------- */

/* What is known of one instruction beyond its figures. */
struct explanation {
	uint8_t bytes[DISASM_BYTES_MAX];
	unsigned length; /* 0: none */
	char text[DISASM_TEXT_MAX];
	struct symbol_place place;
};

struct explainer {
	struct disasm *disasm;
	struct symbols *symbols;
	const struct record_end *end;
	uint64_t threshold;    /* rows that cost more are chosen */
	unsigned at_threshold; /* and so many that cost just as much */
};

static uint64_t cost(const struct instruction_profile *row)
{
	return row->walk_cycles + row->fault_cycles + row->misses;
}

static int descending(const void *left, const void *right)
{
	uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;

	return (a < b) - (a > b);
}

/*
 * Chooses the EXPLAINED_MAX costliest rows: all above a threshold, and the first of those at it.
 * All, where there are no more; none, where there is no memory to find out.
 */
static void choose(struct explainer *explainer, const struct record *record,
		   const struct instruction_profile *rows, uint64_t count)
{
	uint64_t *costs;

	explainer->at_threshold = EXPLAINED_MAX;
	if (count <= EXPLAINED_MAX)
		return;
	explainer->threshold = UINT64_MAX;
	costs = host_zalloc(record->alloc, count, sizeof(*costs));
	if (!costs)
		return;
	for (uint64_t i = 0; i < count; i++)
		costs[i] = cost(&rows[i]);
	qsort(costs, count, sizeof(*costs), descending);
	explainer->threshold = costs[EXPLAINED_MAX - 1];
	for (unsigned i = 0; costs[i] > explainer->threshold; i++)
		explainer->at_threshold--;
	host_free(record->alloc, costs);
}

static bool chosen(struct explainer *explainer, const struct instruction_profile *row)
{
	uint64_t own = cost(row);

	if (own != explainer->threshold)
		return own > explainer->threshold;
	if (!explainer->at_threshold)
		return false;
	explainer->at_threshold--;
	return true;
}

static void explain(const struct explainer *explainer, const struct mapping_entry *mapping,
		    const struct profile_key *key, struct explanation *out)
{
	const struct record_end *end = explainer->end;
	const struct record_mapping *of = mapping ? &mapping->mapping : NULL;
	bool named = of && of->path && of->identity && of->identity[0];
	const struct symbol_file file = { named ? of->path : NULL, named ? of->identity : NULL };
	uint64_t offset = named ? key->address - of->start + of->offset : 0;
	size_t length = 0;

	memset(out, 0, sizeof(*out));
	if (end->read)
		length = end->read(end->read_ctx, key->asid, key->address, out->bytes,
				   sizeof(out->bytes));
	/* Where the program can write, its code may be another than the file's. */
	if (!length && named && !(of->perms & PERM_WRITE))
		length = symbols_read(explainer->symbols, &file, offset, out->bytes,
				      sizeof(out->bytes));
	out->length = disasm_one(explainer->disasm, out->bytes, length, key->address, out->text);
	if (named)
		symbols_find(explainer->symbols, &file, offset, &out->place);
}

static void bind_text(sqlite3_stmt *statement, int index, const char *text)
{
	if (text[0])
		sqlite3_bind_text(statement, index, text, -1, SQLITE_STATIC);
	else
		sqlite3_bind_null(statement, index);
}

static void bind_explanation(sqlite3_stmt *insert, const struct explanation *explanation)
{
	if (explanation->length)
		sqlite3_bind_blob(insert, 9, explanation->bytes, (int)explanation->length,
				  SQLITE_STATIC);
	else
		sqlite3_bind_null(insert, 9);
	bind_text(insert, 10, explanation->text);
	bind_text(insert, 11, explanation->place.symbol);
	bind_text(insert, 12, explanation->place.file);
}

static int write_instruction(struct record *record, sqlite3_stmt *insert,
			     struct explainer *explainer, const struct instruction_profile *row)
{
	const struct mapping_entry *mapping =
		mappings_sweep(&record->mappings, row->key.asid, row->key.address);
	struct explanation explanation;

	sqlite3_clear_bindings(insert);
	if (chosen(explainer, row)) {
		explain(explainer, mapping, &row->key, &explanation);
		bind_explanation(insert, &explanation);
	}
	if (database_run(insert, "iiiiiiii", record->run, (int64_t)row->key.asid,
			 (int64_t)row->key.address, (int64_t)row->misses, (int64_t)row->walks,
			 (int64_t)row->walk_cycles, (int64_t)row->key.faults,
			 (int64_t)row->fault_cycles) != SQLITE_OK)
		return record_fail(record, "write the instruction profile");
	return 0;
}

static int write_rows(struct record *record, struct explainer *explainer,
		      const struct instruction_profile *rows, uint64_t count)
{
	sqlite3_stmt *insert = record_prepare(
		record,
		"INSERT INTO instruction (run, asid, pc, misses, walks, walk_cycles, faults,"
		" fault_cycles, bytes, disassembly, symbol, file)"
		" VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");

	for (uint64_t i = 0; insert && i < count; i++)
		if (write_instruction(record, insert, explainer, &rows[i]))
			break;
	sqlite3_finalize(insert);
	return record->failed;
}

struct telling {
	struct record *record;
	const struct record_end *end;
};

static void tell_unusable(void *ctx, const char *path, const char *why)
{
	const struct telling *telling = ctx;
	struct text text = { 0 };

	text_addf(&text, "%s %s: its instructions have neither disassembly nor symbols", path, why);
	record_note(telling->record, text_string(&text));
	if (telling->end->unusable)
		telling->end->unusable(telling->end->unusable_ctx, text_string(&text));
	text_release(&text);
}

static int write_instructions(struct record *record, const struct record_end *end)
{
	struct explainer explainer = { .end = end };
	struct telling telling = { record, end };
	struct instruction_profile *rows;
	uint64_t count = profile_sort_instructions(&record->profile, &rows);

	choose(&explainer, record, rows, count);
	if (mappings_sweep_start(&record->mappings) != PW_OK ||
	    disasm_create(&explainer.disasm, record->guest_bits) != PW_OK ||
	    symbols_create(&explainer.symbols) != PW_OK)
		record_fail_memory(record);
	else
		write_rows(record, &explainer, rows, count);
	if (explainer.symbols)
		symbols_visit_unusable(explainer.symbols, tell_unusable, &telling);
	disasm_destroy(explainer.disasm);
	symbols_destroy(explainer.symbols);
	return record->failed;
}

int record_write_profiles(struct record *record, const struct record_end *end)
{
	if (record_write_pending(record) || write_pages(record) || write_faults(record))
		return record->failed;
	return write_instructions(record, end);
}
