/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What the operating system did: the lines below "faults". Nothing that is 0 has a line of its own. */

#include "analysis/report_private.h"

/* "NAME   a of this, b of that" from rows of (count, text); rows of 0 are left out. */
static void print_list(struct report *report, const char *name, const char *sql)
{
	sqlite3_stmt *row = report_ask(report, sql);
	char buffer[32];
	const char *before = name;

	while (report_next(report, row)) {
		if (report_integer(row, 0) == 0)
			continue;
		text_addf(&report->out, "%s%s %s", before,
			  report_grouped(buffer, sizeof(buffer), report_integer(row, 0)),
			  report_string(row, 1));
		before = ", ";
	}
	if (before != name)
		text_puts(&report->out, "\n");
	sqlite3_finalize(row);
}

static void print_waste(struct report *report)
{
	sqlite3_stmt *row = report_ask(report, "SELECT unusable_64k, unusable_2m, slab_waste_bytes,"
					       " block_waste_bytes, slab FROM memory"
					       " WHERE run = ?1 AND unusable_2m IS NOT NULL");

	if (report_next(report, row)) {
		text_addf(
			&report->out,
			"fragmentation  %.1f %% of free memory in blocks below 64 KiB, %.1f %% below "
			"2 MiB\n",
			100 * sqlite3_column_double(row, 0), 100 * sqlite3_column_double(row, 1));
		text_puts(&report->out, "waste          ");
		text_size(&report->out, report_integer(row, 2));
		text_puts(&report->out, " of ");
		text_size(&report->out, report_integer(row, 4) * 4096);
		text_puts(&report->out, " in slabs, ");
		text_size(&report->out, report_integer(row, 3));
		text_puts(&report->out, " in larger pages\n");
	}
	sqlite3_finalize(row);
}

void report_print_os(struct report *report)
{
	print_list(report, "frames         ",
		   "SELECT anonymous, 'anonymous' FROM memory WHERE run = ?1 UNION ALL"
		   " SELECT file, 'of files' FROM memory WHERE run = ?1 UNION ALL"
		   " SELECT page_table, 'of page tables' FROM memory WHERE run = ?1 UNION ALL"
		   " SELECT slab, 'of slabs' FROM memory WHERE run = ?1 UNION ALL"
		   " SELECT slack, 'of slack' FROM memory WHERE run = ?1 UNION ALL"
		   " SELECT reserved, 'reserved' FROM memory WHERE run = ?1 UNION ALL"
		   " SELECT hugetlb, 'of hugetlb pools' FROM memory WHERE run = ?1 UNION ALL"
		   " SELECT free, 'free' FROM memory WHERE run = ?1");
	print_waste(report);
	print_list(report, "pageblocks     ",
		   "SELECT blocks, category FROM pageblocks WHERE run = ?1 UNION ALL"
		   " SELECT value, 'with unmovable frames in them' FROM counters"
		   " WHERE run = ?1 AND name = 'frames.pageblocks_with_unmovable'");
	print_list(
		report, "slabs          ",
		"SELECT objects, cache FROM slabs WHERE run = ?1 ORDER BY frames DESC, cache LIMIT 4");
	print_list(report, "huge pages     ",
		   "SELECT value, CASE name WHEN 'kernel.thp_fault_alloc' THEN 'made at faults'"
		   " WHEN 'kernel.thp_collapse_alloc' THEN 'collapsed'"
		   " WHEN 'kernel.thp_split_pmd' THEN 'split'"
		   " WHEN 'kernel.hugetlb_fault_alloc' THEN 'from the pools'"
		   " ELSE 'base pages filled unasked' END"
		   " FROM counters WHERE run = ?1 AND name IN ('kernel.thp_fault_alloc',"
		   " 'kernel.thp_collapse_alloc', 'kernel.thp_split_pmd',"
		   " 'kernel.hugetlb_fault_alloc', 'kernel.thp_filled_pages')"
		   " ORDER BY name = 'kernel.thp_filled_pages'");
	print_list(report, "reclaim, swap  ",
		   "SELECT value, replace(substr(name, 8), '_', ' ') FROM counters WHERE run = ?1"
		   " AND name IN ('kernel.pages_swapped_out', 'kernel.pages_swapped_in',"
		   " 'kernel.pages_dropped', 'kernel.pages_reclaimed_direct',"
		   " 'kernel.pages_reclaimed_daemon')");
	print_list(report, "processes      ",
		   "SELECT value, CASE name WHEN 'kernel.tasks' THEN 'threads made'"
		   " WHEN 'kernel.forks' THEN 'forks' WHEN 'kernel.context_switches'"
		   " THEN 'context switches' WHEN 'kernel.thread_switches' THEN 'thread switches'"
		   " WHEN 'kernel.signals' THEN 'signals' ELSE 'kills for want of memory' END"
		   " FROM counters WHERE run = ?1 AND name IN ('kernel.tasks', 'kernel.forks',"
		   " 'kernel.context_switches', 'kernel.thread_switches', 'kernel.signals',"
		   " 'kernel.oom_kills')");
}
