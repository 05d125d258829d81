/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Machine descriptions: what ships loads and survives a round trip, layers merge as documented,
 * values are read in every form, and schema, loader and manual agree. Mistakes are in
 * test_config_loader_errors.c.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "configs/loader.h"
#include "configs/schema.h"
#include "configs/text.h"
#include "emu/machine/config.h"

/* --- helpers -------------------------------------------------------------------------------- */

static char scratch[256];

static const char *source_directory(void)
{
	const char *directory = getenv("PAGEWALK_SOURCE_DIR");

	return directory != NULL ? directory : ".";
}

static const char *scratch_path(const char *name)
{
	static char path[600];

	snprintf(path, sizeof(path), "%s/%s", scratch, name);
	return path;
}

static void write_file(const char *name, const char *text)
{
	FILE *file = fopen(scratch_path(name), "w");

	assert_non_null(file);
	assert_int_equal(fwrite(text, 1, strlen(text), file), strlen(text));
	assert_int_equal(fclose(file), 0);
}

static struct machine_config load(const char *name)
{
	struct machine_config config;
	struct config_error error;

	if (config_load(&config, name, &error) != PW_OK)
		fail_msg("%s", error.text);
	return config;
}

static struct machine_config load_text(const char *text)
{
	struct machine_config config;
	struct config_error error;

	if (config_load_bytes(&config, "m.yaml", text, strlen(text), &error) != PW_OK)
		fail_msg("%s", error.text);
	return config;
}

static char *render(const struct machine_config *config)
{
	char *text = NULL;

	assert_int_equal(config_render(config, &text), PW_OK);
	return text;
}

/* Structs may have holes, so machines are compared by their complete description. */
static void assert_same_machine(const struct machine_config *a, const struct machine_config *b)
{
	char *text_a = render(a), *text_b = render(b);

	assert_string_equal(text_a, text_b);
	free(text_a);
	free(text_b);
}

/* --- what ships ----------------------------------------------------------------------------- */

static const char *const shipped[] = {
	"armv8",
	"armv8-16k",
	"armv8-64k",
	"clustered",
	"cortex-a72",
	"cortex-a76",
	"direct-segment",
	"flat-latency",
	"flat32",
	"golden-cove",
	"hashed-chained",
	"hashed-open",
	"hashed-open-line8",
	"hashed-toy",
	"hashed-yaniv",
	"inverted-hash",
	"inverted-hash-chain",
	"inverted-scan",
	"neoverse-n1",
	"no-tlb",
	"pa-risc",
	"pom-tlb",
	"prefetch-distance",
	"prefetch-next-page",
	"riscv-sv39",
	"riscv-sv48",
	"rmm",
	"skylake",
	"sparc-8k-radix",
	"sv32",
	"sv57",
	"textbook",
	"toy12-32b",
	"toy12-512b",
	"toy12-512b-flat",
	"toy12-64b",
	"toy12-64b-flat",
	"two-level-1k",
	"x86-32",
	"x86-32-pae",
	"x86-64",
	"x86-64-5level",
	"zen2",
	"zen4",
};
enum { SHIPPED_COUNT = sizeof(shipped) / sizeof(shipped[0]) };

static void config_loader_loads_what_ships(void **state)
{
	(void)state;
	for (size_t i = 0; i < SHIPPED_COUNT; i++) {
		struct machine_config config = load(shipped[i]);
		struct config_complaint complaint;

		assert_string_equal(config.name, shipped[i]);
		assert_int_equal(machine_config_check(&config, &complaint), PW_OK);
	}
}

static void config_loader_round_trips_what_ships(void **state)
{
	(void)state;
	for (size_t i = 0; i < SHIPPED_COUNT; i++) {
		struct machine_config config = load(shipped[i]), again;
		char *text = render(&config);

		again = load_text(text);
		assert_same_machine(&config, &again);
		free(text);
	}
}

static void config_loader_default_is_a_description_too(void **state)
{
	struct machine_config config, again;
	char *text;

	(void)state;
	machine_config_default(&config);
	text = render(&config);
	again = load_text(text);
	assert_same_machine(&config, &again);
	free(text);
}

/* Intel Optimization Reference Manual, table "TLB Parameters of the Skylake Client". */
static void config_loader_skylake_is_the_manuals(void **state)
{
	static const struct {
		const char *name;
		unsigned level, entries, ways, page_size_count, page_lg2;
		enum tlb_side side;
	} arrays[] = {
		{ "i4k", 0, 128, 8, 1, 12, SIDE_INSTRUCTION },
		{ "i2m", 0, 8, 0, 1, 21, SIDE_INSTRUCTION },
		{ "d4k", 0, 64, 4, 1, 12, SIDE_DATA },
		{ "d2m", 0, 32, 4, 1, 21, SIDE_DATA },
		{ "d1g", 0, 4, 4, 1, 30, SIDE_DATA },
		{ "shared", 1, 1536, 12, 2, 12, SIDE_BOTH },
		{ "1g", 1, 16, 4, 1, 30, SIDE_BOTH },
	};
	struct machine_config config = load("skylake");
	unsigned index = 0;

	(void)state;
	assert_int_equal(config.mmu.tlb.level_count, 2);
	assert_int_equal(config.mmu.tlb.level[0].array_count, 5);
	assert_int_equal(config.mmu.tlb.level[1].array_count, 2);
	for (size_t i = 0; i < sizeof(arrays) / sizeof(arrays[0]); i++) {
		const struct tlb_array_config *array;

		index = arrays[i].level == 1 ? (unsigned)i - 5 : (unsigned)i;
		array = &config.mmu.tlb.level[arrays[i].level].array[index];
		assert_string_equal(array->name, arrays[i].name);
		assert_int_equal(array->entries, arrays[i].entries);
		assert_int_equal(array->ways, arrays[i].ways);
		assert_int_equal(array->page_size_count, arrays[i].page_size_count);
		assert_int_equal(array->page_lg2[0], arrays[i].page_lg2);
		assert_int_equal(array->side, arrays[i].side);
		assert_int_equal(array->latency, arrays[i].level == 0 ? 0 : 7);
	}
	assert_int_equal(config.mmu.port.level_count, 3);
	assert_int_equal(config.mmu.port.level[0].size_bytes, 32768);
	assert_int_equal(config.mmu.port.level[1].size_bytes, 262144);
	assert_int_equal(config.mmu.port.level[1].ways, 4);
	assert_int_equal(config.mmu.walk_caches.count, 3);
	assert_int_equal(config.mmu.fetch_bytes, 64);
	assert_int_equal(config.mmu.asid_bits, 12);
}

static void config_loader_textbook_is_the_lectures(void **state)
{
	struct machine_config config = load("textbook");
	const struct tlb_config *tlb = &config.mmu.tlb;

	(void)state;
	assert_int_equal(tlb->level[0].array[0].entries, 128);
	assert_int_equal(tlb->level[0].array[0].side, SIDE_INSTRUCTION);
	assert_int_equal(tlb->level[0].array[1].entries, 64);
	assert_int_equal(tlb->level[0].array[1].side, SIDE_DATA);
	assert_int_equal(tlb->level[0].array[1].latency, 1);
	assert_int_equal(tlb->level[1].array[0].entries, 512);
	config = load("no-tlb");
	assert_int_equal(config.mmu.tlb.level_count, 0);
	assert_int_equal(config.mmu.walk_caches.count, 0);
}

struct names {
	char text[1024];
	int stop_after;
};

static int note_name(void *ctx, const char *name, const char *description)
{
	struct names *names = ctx;
	size_t length = strlen(names->text);

	snprintf(names->text + length, sizeof(names->text) - length, "%s=%.7s\n", name,
		 description);
	return names->stop_after != 0 && --names->stop_after == 0 ? 7 : 0;
}

static void config_loader_lists_what_ships(void **state)
{
	struct names names = { 0 };

	(void)state;
	assert_int_equal(config_list(note_name, &names), PW_OK);
	for (size_t i = 0; i < SHIPPED_COUNT; i++)
		assert_non_null(strstr(names.text, shipped[i]));
	assert_non_null(strstr(names.text, "\nskylake=Intel S\n"));
	names = (struct names){ .stop_after = 1 };
	assert_int_equal(config_list(note_name, &names), 7);
	assert_ptr_equal(strchr(names.text, '\n'), names.text + strlen(names.text) - 1);
}

static void config_loader_describes(void **state)
{
	static const char *const lines[] = {
		"skylake\n",
		"9/9/9/9/12 = 48-bit addresses",
		"pages 4K, 2M, 1G\n",
		"4K+2M: 1536 entries, 12-way, lru, +7 cycles, reach 6M in 4K, 3G in 2M\n",
		"256K, 4-way, 64-byte lines",
	};
	struct machine_config config = load("skylake");
	char *text;

	(void)state;
	assert_int_equal(config_describe(&config, &text), PW_OK);
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		if (strstr(text, lines[i]) == NULL)
			fail_msg("'%s' is not in:\n%s", lines[i], text);
	free(text);
}

/* --- layers --------------------------------------------------------------------------------- */

static void config_loader_merges_on_a_base(void **state)
{
	struct machine_config base, config;

	(void)state;
	config = load_text("base: skylake\n"
			   "tlb:\n"
			   "  l2:\n"
			   "    shared: {entries: 3072, page_sizes: [4K]}\n"
			   "    extra: {side: data, page_sizes: [2M], entries: 8}\n"
			   "walk_caches: {pde: ~}\n");
	base = load("skylake");
	assert_string_equal(config.name, "m");
	/* Changed: a scalar and a list. Kept: the rest of the array. Added: last. */
	assert_int_equal(config.mmu.tlb.level[1].array[0].entries, 3072);
	assert_int_equal(config.mmu.tlb.level[1].array[0].page_size_count, 1);
	assert_int_equal(config.mmu.tlb.level[1].array[0].ways, 12);
	assert_int_equal(config.mmu.tlb.level[1].array_count, 3);
	assert_string_equal(config.mmu.tlb.level[1].array[2].name, "extra");
	assert_int_equal(config.mmu.tlb.level[1].array[2].ways, 0);
	/* Removed. */
	assert_int_equal(config.mmu.walk_caches.count, 2);
	assert_string_equal(config.mmu.walk_caches.cache[1].name, "pdpte");
	/* Undone, it is the base. */
	config = load_text("base: skylake\nname: skylake\ntlb: {l2: {shared: {entries: 1536}}}\n");
	assert_same_machine(&config, &base);
}

static void config_loader_base_by_path_is_beside_the_file(void **state)
{
	struct machine_config config;

	(void)state;
	write_file("root.yaml", "base: textbook\nfetch_bytes: 16\n");
	write_file("middle.yaml", "name: middle\nbase: root.yaml\ncpi: 2\n");
	write_file("leaf.yaml", "base: middle.yaml\ncpi: 3\n");
	config = load(scratch_path("leaf.yaml"));
	assert_string_equal(config.name, "leaf"); /* not the base's */
	assert_int_equal(config.cpi, 3);
	assert_int_equal(config.mmu.fetch_bytes, 16);
	assert_int_equal(config.mmu.tlb.level[0].array[1].entries, 64);
}

static void config_loader_own_directory_goes_first(void **state)
{
	const char *before = getenv("PAGEWALK_CONFIG_DIR");
	char kept[600] = "";
	struct machine_config config;

	(void)state;
	snprintf(kept, sizeof(kept), "%s", before != NULL ? before : "");
	write_file("textbook.yaml", "base: no-tlb\ncpi: 9\n");
	setenv("PAGEWALK_CONFIG_DIR", scratch, 1);
	write_file("zen4.yaml", "cpi: 8\n");
	config = load("zen4");
	assert_int_equal(config.cpi, 8);
	assert_int_equal(load("skylake").cpi, 1); /* still found where it was */
	setenv("PAGEWALK_CONFIG_DIR", kept, 1);
	assert_int_equal(load("zen4").cpi, 1);
	unlink(scratch_path("textbook.yaml"));
	unlink(scratch_path("zen4.yaml"));
}

static void config_loader_overrides_single_fields(void **state)
{
	static const char *const overrides[] = {
		"tlb.l2.shared.entries=1024",
		"tlb.l2.shared.ways=8",
		"tlb.l1.i2m=~",
		"kernel.ram_bytes=64M",
		"tlb.l2.1g.page_sizes=[512G]",
		"cpi=2",
		"cpi=3",
		"walk_caches=~",
		"page_table.radix.entry=x86_64",
	};
	struct machine_config config, base = load("skylake");
	struct config_error error;
	int result = config_load_with(&config, "skylake", overrides,
				      sizeof(overrides) / sizeof(overrides[0]), &error);

	(void)state;
	if (result != PW_OK)
		fail_msg("%s", error.text);
	assert_int_equal(config.mmu.tlb.level[1].array[0].entries, 1024);
	assert_int_equal(config.mmu.tlb.level[1].array[0].ways, 8);
	assert_int_equal(config.mmu.tlb.level[0].array_count,
			 base.mmu.tlb.level[0].array_count - 1);
	assert_int_equal(config.kernel.ram_bytes, 64 << 20);
	assert_int_equal(config.mmu.tlb.level[1].array[1].page_lg2[0], 39);
	assert_int_equal(config.cpi, 3);
	assert_int_equal(config.mmu.walk_caches.count, 0);
	assert_string_equal(config.name, "skylake");
}

/* --- values --------------------------------------------------------------------------------- */

static void config_loader_reads_every_form(void **state)
{
	struct machine_config config = load_text(
		"name: \"my machine\"\n"
		"fetch_bytes: 0x20\n"
		"kernel: {ram_bytes: 4GiB}\n"
		"controls: {smep: no, smap: Off, no_execute: TRUE}\n"
		"seed: 18446744073709551615\n"
		"tlb:\n"
		"  l1:\n"
		"    d: &array {side: Data, page_sizes: [4KB, 2MiB, 1g], entries: 64, ways: full}\n"
		"  l2: {i: *array}\n"
		"port: {l1: {size_bytes: 32k, latency: 4}, traffic: tables-and-data}\n");

	(void)state;
	assert_string_equal(config.name, "my machine");
	assert_int_equal(config.mmu.fetch_bytes, 32);
	assert_true(config.kernel.ram_bytes == 4ULL << 30);
	assert_false(config.mmu.controls.smep);
	assert_false(config.mmu.controls.smap);
	assert_true(config.mmu.controls.no_execute);
	assert_true(config.mmu.seed == UINT64_MAX);
	assert_int_equal(config.mmu.tlb.level[1].array[0].page_lg2[2], 30);
	assert_string_equal(config.mmu.tlb.level[1].array[0].name, "i");
	assert_int_equal(config.mmu.tlb.level[1].array[0].ways, 0);
	assert_int_equal(config.mmu.port.level[0].line_bytes, 64); /* a preset */
	assert_int_equal(config.mmu.port.traffic, PORT_TABLES_AND_DATA);
}

/* --- the schema ----------------------------------------------------------------------------- */

static unsigned count_values(const cyaml_schema_field_t *members, const char *path, bool named)
{
	unsigned count = 0;

	for (; members->key != NULL; members++) {
		char below[200];

		if (named && strcmp(members->key, SCHEMA_NAME) == 0)
			continue;
		snprintf(below, sizeof(below), "%s%s%s", path, *path != '\0' ? "." : "",
			 members->key);
		if (strcmp(members->key, SCHEMA_NAMED) == 0) {
			count += count_values(members->value.sequence.entry->mapping.fields, below,
					      true);
		} else if (members->value.type == CYAML_MAPPING) {
			count += count_values(members->value.mapping.fields, below, false);
		} else {
			if (schema_field(below) == NULL)
				fail_msg("schema_fields lacks %s", below);
			count++;
		}
	}
	return count;
}

static void config_loader_schema_halves_agree(void **state)
{
	unsigned count = 0;

	(void)state;
	while (schema_fields[count].path != NULL)
		count++;
	assert_int_equal(count, count_values(machine_schema.mapping.fields, "", false));
}

static void config_loader_every_field_is_documented(void **state)
{
	static char text[65536];
	char path[600];
	FILE *file;

	(void)state;
	snprintf(path, sizeof(path), "%s/docs/machine-description.md", source_directory());
	file = fopen(path, "r");
	if (file == NULL && errno == ENOENT && getenv("PAGEWALK_SOURCE_DIR") == NULL)
		skip();
	assert_non_null(file);
	text[fread(text, 1, sizeof(text) - 1, file)] = '\0';
	fclose(file);
	for (const struct field *field = schema_fields; field->path != NULL; field++) {
		char quoted[200];

		snprintf(quoted, sizeof(quoted), "| `%s` |", field->path);
		if (strstr(text, quoted) == NULL)
			fail_msg("docs/machine-description.md lacks a row for %s", quoted);
		for (unsigned i = 0; i < field->choice_count; i++) {
			const char *choice = field->choices[i];

			if (choice != NULL && *choice != '\0' && strstr(text, choice) == NULL)
				fail_msg("docs/machine-description.md lacks the choice %s", choice);
		}
	}
}

static void config_loader_sizes_and_distances(void **state)
{
	char buffer[TEXT_SIZE_MAX];

	(void)state;
	assert_string_equal(config_text_size(buffer, 0), "0");
	assert_string_equal(config_text_size(buffer, 1023), "1023");
	assert_string_equal(config_text_size(buffer, 1536), "1536");
	assert_string_equal(config_text_size(buffer, 32768), "32K");
	assert_string_equal(config_text_size(buffer, 1ULL << 63), "8192P");
	assert_int_equal(config_text_distance("entries", "entries", 3), 0);
	assert_int_equal(config_text_distance("kitten", "sitting", 9),
			 3); /* Levenshtein's own example */
	assert_int_equal(config_text_distance("wyas", "ways", 3), 1); /* a swap is one change */
	assert_int_equal(config_text_distance("", "abc", 3), 3);
}

static int set_up(void **state)
{
	const char *directory = getenv("PAGEWALK_TEST_TMP");

	(void)state;
	snprintf(scratch, sizeof(scratch), "%.200s/config-loader.XXXXXX",
		 directory != NULL ? directory : "/tmp");
	return mkdtemp(scratch) != NULL ? 0 : -1;
}

static int tear_down(void **state)
{
	char command[400];

	(void)state;
	snprintf(command, sizeof(command), "rm -r '%s'", scratch);
	return system(command);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(config_loader_loads_what_ships),
		cmocka_unit_test(config_loader_round_trips_what_ships),
		cmocka_unit_test(config_loader_default_is_a_description_too),
		cmocka_unit_test(config_loader_skylake_is_the_manuals),
		cmocka_unit_test(config_loader_textbook_is_the_lectures),
		cmocka_unit_test(config_loader_lists_what_ships),
		cmocka_unit_test(config_loader_describes),
		cmocka_unit_test(config_loader_merges_on_a_base),
		cmocka_unit_test(config_loader_base_by_path_is_beside_the_file),
		cmocka_unit_test(config_loader_own_directory_goes_first),
		cmocka_unit_test(config_loader_overrides_single_fields),
		cmocka_unit_test(config_loader_reads_every_form),
		cmocka_unit_test(config_loader_schema_halves_agree),
		cmocka_unit_test(config_loader_every_field_is_documented),
		cmocka_unit_test(config_loader_sizes_and_distances),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
