/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The example of mmu/README.md, word for word, and the test that it is. */

#include "mmu/mmu.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* example begins */
static uint64_t walk_a_page(void)
{
	struct phys_mem mem;
	struct bump_frames frames;
	struct pt_memory tables;
	struct page_table table;
	struct pt_space *space;
	struct mmu_config config;
	struct config_complaint complaint;
	struct ledger ledger = { { 0 } };
	struct mmu_result result;
	static struct mmu mmu;
	const struct pt_mapping page = { .va = 0x400000,
					 .pa = 0x7000,
					 .page_lg2 = 12,
					 .attrs = { .perms = PERM_READ | PERM_USER } };

	mmu_config_default(&config); /* x86-64, 4 levels, no TLB, 100 cycles a reference */
	if (phys_mem_init(&mem, 64 << 20) != PW_OK)
		return 0;
	bump_frames_init(&frames, 16, mem.size >> FRAME_LG2); /* the first 16 frames are ours */
	pt_memory_init(&tables, &mem, &frames.source);
	if (page_table_create(&table, &config.page_table, &tables, &host_alloc_libc, &complaint) ||
	    pt_space_create(&table, 1, &space) || table.ops->map(space, &page, NULL) ||
	    mmu_init(&mmu, &config, &table, NULL, &ledger, &host_alloc_libc, &complaint))
		return 0;
	mmu_switch(&mmu, space);
	mmu_access(&mmu, ACCESS_READ, 0x400123, 4, &result);  /* result.pa == 0x7123 */
	mmu_access(&mmu, ACCESS_WRITE, 0x400123, 4, &result); /* result.fault: #PF, error code 7 */
	mmu_release(&mmu);
	pt_space_destroy(space);
	page_table_destroy(&table);
	phys_mem_release(&mem);
	return ledger_total(&ledger);
}
/* example ends */

/* Four references to find the page, one write-back of A, four again for the refused store. */
static void mmu_example_runs(void **state)
{
	struct mmu_config config;

	(void)state;
	mmu_config_default(&config);
	assert_int_equal(walk_a_page(), 8 * config.port.dram_latency + config.port.write_latency);
}

static char *read_text(const char *directory, const char *name)
{
	char path[4096];
	FILE *file;
	char *text = calloc(1, 65536);

	assert_non_null(text);
	snprintf(path, sizeof(path), "%s/%s", directory, name);
	file = fopen(path, "r");
	assert_non_null(file);
	assert_true(fread(text, 1, 65535, file) > 0);
	fclose(file);
	return text;
}

static void mmu_example_is_that_of_the_readme(void **state)
{
	const char *directory = getenv("PAGEWALK_SOURCE_DIR");
	char *source, *readme, *begin, *end;

	(void)state;
	if (!directory)
		skip();
	source = read_text(directory, "tests/unit/test_mmu_example.c");
	readme = read_text(directory, "mmu/README.md");
	begin = strstr(source, "/* example begins */\n");
	assert_non_null(begin);
	begin += strlen("/* example begins */\n");
	begin += strspn(begin, "\n");
	end = strstr(begin, "/* example ends */");
	assert_non_null(end);
	while (end[-1] == '\n')
		end--;
	*end = '\0';
	assert_non_null(strstr(readme, begin));
	free(source);
	free(readme);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mmu_example_runs),
		cmocka_unit_test(mmu_example_is_that_of_the_readme),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
