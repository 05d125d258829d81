/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Mistakes in machine descriptions: each kind gets one message that names its file, line and field
 * and says what would be right; hostile files cost a moment at most; and on failure nothing has
 * changed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "configs/loader.h"
#include "emu/machine/config.h"

static char scratch[256];

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

static void assert_message(int result, const struct config_error *error, const char *message)
{
	if (strcmp(error->text, message) != 0)
		fail_msg("\n  expected: %s\n  got:      %s", message, error->text);
	assert_true(result < 0);
}

static void config_loader_refuses_bad_overrides(void **state)
{
	static const struct {
		const char *override, *message;
	} cases[] = {
		{ "tlb.l2.shraed.entries=1",
		  "override tlb.l2.shraed.entries=1: there is no 'shraed'; did you mean 'shared'?" },
		{ "nonsense.a=1", "override nonsense.a=1: there is no 'nonsense'" },
		{ "cpi.a=1", "override cpi.a=1: 'a': what is before it has no fields" },
		{ "cpi", "override cpi: must be FIELD=VALUE, such as tlb.l2.shared.entries=1024" },
		{ "=1", "override =1: must be FIELD=VALUE, such as tlb.l2.shared.entries=1024" },
		{ "cpi=",
		  "override cpi=: cpi: must be a whole number from 1 to 1000, not nothing" },
		{ "cpi=0", "override cpi=0: cpi: must be a whole number from 1 to 1000, not '0'" },
		{ "cpi=[1]",
		  "override cpi=[1]: cpi: must be a whole number from 1 to 1000, not a list" },
		{ "cpi={",
		  "override cpi={: not YAML: while parsing a flow node: did not find expected node "
		  "content" },
		{ "tlb.l1.d4k.entry=1",
		  "override tlb.l1.d4k.entry=1: tlb.l1.d4k.entry: unknown key; did you mean 'entries'?" },
		{ "cpu=1", "override cpu=1: cpu: unknown key; did you mean 'cpi'?" },
		{ ".=1", "override .=1: there is no ''" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct machine_config config = { .cpi = 77 };
		struct config_error error;
		int result = config_load_with(&config, "skylake", &cases[i].override, 1, &error);

		assert_message(result, &error, cases[i].message);
		assert_int_equal(config.cpi, 77); /* on failure nothing has changed */
	}
}

static const struct {
	const char *text, *message;
} mistakes[] = {
	/* clang-format off: two lines a case */
	{ "", "m.yaml:1: empty" },
	{ "# nothing\n", "m.yaml:1: empty" },
	{ "hello\n", "m.yaml:1: a machine description is a mapping of fields, such as 'cpi: 1'" },
	{ "- a\n- b\n",
	  "m.yaml:1: a machine description is a mapping of fields, such as 'cpi: 1'" },
	{ "cpi: 1\n---\ncpi: 2\n", "m.yaml:2: a second document begins; a description is one" },
	{ "cpi: 1\ntlb: {l1: {\n",
	  "m.yaml:3: not YAML: while parsing a flow node: did not find expected node content" },
	{ "cpi: 1\ntlb:\n\tl1: 1\n",
	  "m.yaml:3: not YAML: while scanning for the next token: found character that cannot "
	  "start any token" },
	{ "cpi: 1\nname: a\001"
	  "b\n",
	  "m.yaml:2: not YAML: control characters are not allowed" },
	{ "cpi: *one\n", "m.yaml:1: alias *one: there is no &one before it" },
	{ "tlb: &a {l1: *a}\n", "m.yaml:1: alias *a: there is no &a before it" },
	{ "cpi: 1\nfetch_bytes: 64\ncpi: 2\n", "m.yaml:3: cpi: given twice, first on line 1" },
	{ "tlb:\n  l1:\n    relation: neither\n    relation: neither\n",
	  "m.yaml:4: relation: given twice, first on line 3" },
	{ "cpi: 1\ntbl:\n  l1: ~\n", "m.yaml:2: tbl: unknown key; did you mean 'tlb'?" },
	{ "cpi: 1\nvoltage: 3\n",
	  "m.yaml:2: voltage: unknown key; here may stand: base, name, cpi, tlb, prefetch, pom_tlb, "
	  "page_table, walk_caches, port, controls, asid_bits, classify_misses, fetch_bytes, walk_latency, "
	  "trap_latency, handler_cpi, "
	  "seed, kernel" },
	{ "tlb:\n  l1:\n    d: {side: data, page_sizes: [4K], entries: 64,\n"
	  "        latancy: 1}\n",
	  "m.yaml:4: tlb.l1.d.latancy: unknown key; did you mean 'latency'?" },
	{ "tlb:\n  l1:\n    latency: 1\n",
	  "m.yaml:3: tlb.l1.latency: unknown key; here may stand: relation, or a name with a "
	  "mapping" },
	{ "tlb:\n  l1:\n    name: l1\n",
	  "m.yaml:3: tlb.l1.name: unknown key; here may stand: relation, or a name with a "
	  "mapping" },
	{ "? [a, b]\n: 1\n", "m.yaml:1: a key must be a single word" },
	{ "cpi: {a: 1}\n", "m.yaml:1: cpi: must be a whole number from 1 to 1000, not a mapping" },
	{ "tlb: 5\n", "m.yaml:1: tlb: must be a mapping of fields, not '5'" },
	{ "tlb: [l1]\n", "m.yaml:1: tlb: must be a mapping of fields, not a list" },
	{ "cpi:\nfetch_bytes: 64\n",
	  "m.yaml:1: cpi: must be a whole number from 1 to 1000, not nothing" },
	{ "tlb:\n  l1:\n    d: {side: data, page_sizes: [4K], entries: 64, ways: -1}\n",
	  "m.yaml:3: tlb.l1.d.ways: must be `full` or a whole number from 1 to 1048576, not "
	  "'-1'" },
	{ "tlb:\n  l1:\n    d: {side: data, page_sizes: [4K], entries: 64,\n"
	  "        latency: -3}\n",
	  "m.yaml:4: tlb.l1.d.latency: must be a whole number from 0 to 1000000, not '-3'" },
	{ "tlb:\n  l1:\n    d: {side: data, page_sizes: [4K], entries: 64, ways: 0}\n",
	  "m.yaml:3: tlb.l1.d.ways: must be `full` or a whole number from 1 to 1048576, not '0'" },
	{ "tlb:\n  l1:\n    d: {side: data, page_sizes: [4K], entries: 64, ways: 7}\n",
	  "m.yaml:3: tlb.l1.d.ways: must be a divisor of the entries, or 0 for fully associative, "
	  "not '7'" },
	{ "tlb:\n  l1:\n    relation: inclusive\n"
	  "    d: {side: data, page_sizes: [4K], entries: 64}\n",
	  "m.yaml:3: tlb.l1.relation: must be neither: there is no level above the first, not "
	  "'inclusive'" },
	{ "tlb:\n  l1:\n    d: {side: data, page_sizes: [4K], entries: 64}\n"
	  "  l2:\n    d: {side: data, page_sizes: [4K, 8K], entries: 64}\n",
	  "m.yaml:5: tlb.l2.d.page_sizes: must be sizes that an entry of the page table can cover "
	  "at some level" },
	{ "page_table:\n  radix:\n    index_bits: [9, 9, 70, 9]\n",
	  "m.yaml:3: page_table.radix.index_bits: must be a whole number from 1 to 24, not '70'" },
	{ "page_table:\n  format: cuckold\n",
	  "m.yaml:2: page_table.format: must be one of radix, hashed, open, clustered, pa_risc, "
	  "inverted, cuckoo, linear, htab, tsb, vhpt, not 'cuckold'" },
	{ "fetch_bytes: 64\ncpi: fast\n",
	  "m.yaml:2: cpi: must be a whole number from 1 to 1000, not 'fast'" },
	{ "cpi: 1.5\n", "m.yaml:1: cpi: must be a whole number from 1 to 1000, not '1.5'" },
	{ "cpi: 010\n", "m.yaml:1: cpi: must be a whole number from 1 to 1000, not '010'" },
	{ "cpi: 1001\n", "m.yaml:1: cpi: must be a whole number from 1 to 1000, not '1001'" },
	{ "port: {dram_latency: 4294967296}\n",
	  "m.yaml:1: port.dram_latency: must be a whole number from 0 to 1000000, not "
	  "'4294967296'" },
	{ "seed: 18446744073709551616\n",
	  "m.yaml:1: seed: must be a whole number from 0 to 18446744073709551615, not "
	  "'18446744073709551616'" },
	{ "kernel:\n  ram_bytes: 99999999999T\n",
	  "m.yaml:2: kernel.ram_bytes: must be a size from 64K to 64T, such as 4K or 2M, not "
	  "'99999999999T'" },
	{ "kernel: {ram_bytes: 4Q}\n",
	  "m.yaml:1: kernel.ram_bytes: must be a size from 64K to 64T, such as 4K or 2M, not "
	  "'4Q'" },
	{ "tlb:\n  l1:\n    d: {side: data, page_sizes: [4K], entries: 1K}\n",
	  "m.yaml:3: tlb.l1.d.entries: must be a whole number from 1 to 1048576, not '1K'" },
	{ "tlb:\n  l1:\n    d:\n      side: data\n      entries: 64\n"
	  "      page_sizes:\n        - 4K\n        - 3K\n",
	  "m.yaml:8: tlb.l1.d.page_sizes: must be a page size from 16 to 4P, such as 4K or 2M, "
	  "not '3K'" },
	{ "tlb:\n  l1:\n    d: {side: data, page_sizes: 4K, entries: 64}\n",
	  "m.yaml:3: tlb.l1.d.page_sizes: must be a list of 1 to 8 values, each a page size "
	  "from 16 to 4P, such as 4K or 2M" },
	{ "tlb:\n  l1:\n    d: {side: data, page_sizes: [], entries: 64}\n",
	  "m.yaml:3: tlb.l1.d.page_sizes: must be a list of 1 to 8 values, each a page size "
	  "from 16 to 4P, such as 4K or 2M" },
	{ "tlb:\n  l1:\n    d: {side: left, page_sizes: [4K], entries: 64}\n",
	  "m.yaml:3: tlb.l1.d.side: must be one of instruction, data, both, not 'left'" },
	{ "tlb:\n  l1:\n    relation: 0\n    d: {}\n",
	  "m.yaml:3: tlb.l1.relation: must be one of neither, inclusive, exclusive, not '0'" },
	{ "controls:\n  smep: maybe\n",
	  "m.yaml:2: controls.smep: must be true or false, not 'maybe'" },
	{ "tlb:\n  l1:\n    d: {side: data, page_sizes: [4K]}\n",
	  "m.yaml:3: tlb.l1.d.entries: is missing; must be a whole number from 1 to 1048576" },
	{ "base: skylake\ntlb:\n  l2:\n    new:\n      entries: 64\n",
	  "m.yaml:4: tlb.l2.new.side: is missing; must be one of instruction, data, both" },
	{ "tlb:\n  l1: {relation: neither}\n",
	  "m.yaml:2: tlb.l1: must hold at least 1 named mapping" },
	{ "tlb:\n  l1.5:\n    d: {}\n",
	  "m.yaml:2: tlb: the name 'l1.5' must be 1 to 23 letters, digits, '-' or '_'" },
	{ "name: abcdefghijklmnopqrstuvwxyz\n",
	  "m.yaml:1: name: must be a text of 1 to 23 bytes, not 'abcdefghijklmnopqrstuvwxyz'" },
	{ "tlb:\n  l1: {d: {side: both, page_sizes: [4K], entries: 4}}\n"
	  "  l2: {d: {side: both, page_sizes: [4K], entries: 4}}\n"
	  "  l3: {d: {side: both, page_sizes: [4K], entries: 4}}\n"
	  "  l4: {d: {side: both, page_sizes: [4K], entries: 4}}\n"
	  "  l5: {d: {side: both, page_sizes: [4K], entries: 4}}\n",
	  "m.yaml:6: tlb.l5: at most 4 of these can stand in tlb" },
	{ "tlb:\n  l1:\n    d: {side: data, entries: 64,\n"
	  "        page_sizes: [4K, 8K, 16K, 32K, 64K, 128K, 256K, 512K, 1M]}\n",
	  "m.yaml:4: tlb.l1.d.page_sizes: must be a list of 1 to 8 values, each a page size "
	  "from 16 to 4P, such as 4K or 2M" },
	{ "page_table: {radix: {leaf_levels: [0, 8]}}\n",
	  "m.yaml:1: page_table.radix.leaf_levels: must be a number of a level (0 is the leaf) "
	  "from 0 to 7, not '8'" },
	{ "page_table:\n  radix:\n    index_bits: [9, 9, 99, 9]\n",
	  "m.yaml:3: page_table.radix.index_bits: must be a whole number from 1 to 24, not '99'" },
	{ "base: [skylake]\n", "m.yaml:1: base: must be the name or the path of a description" },
	{ "cpi: 1\nbase: skylark\n",
	  "m.yaml:2: base: no machine is named 'skylark'; did you mean 'skylake'?" },
	{ "base: skylake\nport: {l9: ~}\n",
	  "m.yaml:2: port.l9: unknown key; here may stand: dram_latency, write_latency, "
	  "traffic, or a name with a mapping" },
	{ "name: \"a\\0b\"\n", "m.yaml:1: a text holds a zero byte" },
	/* clang-format on */
};

static void config_loader_names_file_line_and_field(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(mistakes) / sizeof(mistakes[0]); i++) {
		struct machine_config config = { .cpi = 77 };
		struct config_error error;
		int result = config_load_bytes(&config, "m.yaml", mistakes[i].text,
					       strlen(mistakes[i].text), &error);

		assert_message(result, &error, mistakes[i].message);
		assert_int_equal(config.cpi, 77); /* on failure nothing has changed */
	}
}

/* What the machine as a whole has wrong: the checks of mmu/ and emu/kernel, in their own words. */
static void config_loader_places_complaints_of_checks(void **state)
{
	static const struct {
		const char *text, *place, *value;
	} cases[] = {
		{ "base: skylake\ntlb:\n  l2:\n    shared:\n      ways: 7\n",
		  "m.yaml:5: tlb.l2.shared.ways: must be ", ", not '7'" },
		{ "base: skylake\nport:\n  l1d: {size_bytes: 1000}\n",
		  "m.yaml:3: port.l1d.size_bytes: must be ", ", not '1000'" },
		{ "cpi: 1\npage_table:\n  format: ra.dix\n",
		  "m.yaml:3: page_table.format: must be ", ", not 'ra.dix'" },
		{ "tlb:\n  l1:\n    data:\n      side: data\n      page_sizes: [4K]\n      entries: 4\n",
		  "m.yaml:3: tlb.l1.data.name: must be ", "" },
		{ "tlb:\n  l1:\n    d: {side: data, page_sizes: [4K, 4K], entries: 4}\n",
		  "m.yaml:3: tlb.l1.d.page_sizes: must be ", "" },
		{ "base: skylake\nwalk_caches:\n  pde:\n    level: 7\n",
		  "m.yaml:4: walk_caches.pde.level: must be ", ", not '7'" },
		{ "page_table:\n  radix:\n    index_bits: [24, 24, 24]\n",
		  "m.yaml:3: page_table.radix.index_bits: must be ", "" },
		{ "page_table:\n  radix: {entry: x86-32, pa_bits: 40}\n",
		  "m.yaml:2: page_table.radix.pa_bits: must be more than offset_bits, and at most "
		  "32",
		  ", not '40'" },
		{ "page_table:\n  radix:\n    pa_bits: 48\n    entry: armv8\n"
		  "    leaf_levels: [0, 3]\n",
		  "m.yaml:5: page_table.radix.leaf_levels: must be of 0 and 1", "" },
		{ "page_table: {radix: {entry: x86-pae, leaf_levels: [0]}}\n",
		  "m.yaml:1: page_table.radix.index_bits: must be [9, 9, 2]", "" },
		{ "kernel:\n  ram_bytes: 100000\n", "m.yaml:2: kernel.ram_bytes: must be ",
		  ", not '100000'" },
		{ "kernel: {frame_allocator: lost}\n", "m.yaml:1: kernel.frame_allocator: must be ",
		  ", not 'lost'" },
		{ "page_table:\n  format: hashed\n  hashed: {buckets: 1000}\n",
		  "m.yaml:3: page_table.hashed.buckets: must be ", ", not '1000'" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct machine_config config;
		struct config_error error;
		int result = config_load_bytes(&config, "m.yaml", cases[i].text,
					       strlen(cases[i].text), &error);

		assert_int_equal(result, PW_INVALID);
		if (strncmp(error.text, cases[i].place, strlen(cases[i].place)) != 0 ||
		    strstr(error.text, cases[i].value) == NULL)
			fail_msg("'%s' is not at %s", error.text, cases[i].place);
	}
}

/* The message names the file that holds the value, whichever layer that is. */
static void config_loader_names_the_layer(void **state)
{
	char message[1200], path[600];
	struct machine_config config;
	struct config_error error;
	int result;

	(void)state;
	write_file("wrong.yaml", "\ncpi: none\n");
	write_file("right.yaml", "base: wrong.yaml\nfetch_bytes: 64\n");
	snprintf(path, sizeof(path), "%s", scratch_path("right.yaml"));
	result = config_load(&config, path, &error);
	snprintf(message, sizeof(message),
		 "%s:2: cpi: must be a whole number from 1 to 1000, not 'none'",
		 scratch_path("wrong.yaml"));
	assert_message(result, &error, message);
	/* Mended above, it is no longer wrong. */
	write_file("right.yaml", "base: wrong.yaml\ncpi: 4\n");
	assert_int_equal(load(path).cpi, 4);
}

static void config_loader_refuses_circles(void **state)
{
	char message[2400], one[600], two[600];
	struct machine_config config;
	struct config_error error;
	int result;

	(void)state;
	write_file("one.yaml", "cpi: 1\nbase: two.yaml\n");
	write_file("two.yaml", "base: ./one.yaml\n");
	snprintf(one, sizeof(one), "%s", scratch_path("one.yaml"));
	snprintf(two, sizeof(two), "%s", scratch_path("two.yaml"));
	result = config_load(&config, one, &error);
	snprintf(message, sizeof(message),
		 "%s:1: base: goes round in a circle: %.100s -> %.100s -> ", two, one, two);
	assert_int_equal(result, PW_INVALID);
	assert_memory_equal(error.text, message, strlen(message));
	write_file("self.yaml", "base: self.yaml\n");
	assert_int_equal(config_load(&config, scratch_path("self.yaml"), &error), PW_INVALID);
	assert_non_null(strstr(error.text, "goes round in a circle"));
}

static void config_loader_limits_the_depth_of_bases(void **state)
{
	struct machine_config config;
	struct config_error error;
	char name[32], text[64];

	(void)state;
	for (int i = 0; i < 9; i++) {
		snprintf(name, sizeof(name), "chain%d.yaml", i);
		snprintf(text, sizeof(text), i != 8 ? "base: chain%d.yaml\n" : "cpi: %d\n", i + 1);
		write_file(name, text);
	}
	assert_int_equal(config_load(&config, scratch_path("chain0.yaml"), &error), PW_INVALID);
	assert_non_null(strstr(error.text, "chain7.yaml:1: base: more than 8 descriptions"));
	assert_int_equal(load(scratch_path("chain1.yaml")).cpi, 9);
}

static void config_loader_refuses_what_is_no_file(void **state)
{
	struct machine_config config;
	char message[1200], path[600];
	struct config_error error;
	int result;

	(void)state;
	result = config_load(&config, "skylak", &error);
	assert_message(result, &error, "no machine is named 'skylak'; did you mean 'skylake'?");
	assert_int_equal(result, PW_ABSENT);
	result = config_load(&config, "pdp-11", &error);
	assert_int_equal(result, PW_ABSENT);
	assert_non_null(strstr(error.text, "no machine is named 'pdp-11' (looked in "));
	assert_int_equal(config_load(&config, "", &error), PW_ABSENT);

	snprintf(path, sizeof(path), "%s", scratch_path("none.yaml"));
	result = config_load(&config, path, &error);
	snprintf(message, sizeof(message), "%s: No such file or directory", path);
	assert_message(result, &error, message);
	assert_int_equal(result, PW_ABSENT);

	snprintf(path, sizeof(path), "%s", scratch_path("directory.yaml"));
	mkdir(path, 0755);
	result = config_load(&config, path, &error);
	snprintf(message, sizeof(message), "%s: is a directory", path);
	assert_message(result, &error, message);
	assert_int_equal(result, PW_IO);

	write_file("base.yaml", "cpi: 1\nbase: ./none.yaml\n");
	result = config_load(&config, scratch_path("base.yaml"), &error);
	snprintf(message, sizeof(message),
		 "%s/base.yaml:2: base: %s/./none.yaml: No such file or directory", scratch,
		 scratch);
	assert_message(result, &error, message);
}

/* A file of one byte repeated, or of a text repeated. */
static int load_repeated(const char *unit, size_t count, const char *end,
			 struct config_error *error)
{
	size_t length = strlen(unit) * count + strlen(end);
	char *text = malloc(length + 1), *at = text;
	struct machine_config config;
	int result;

	assert_non_null(text);
	for (size_t i = 0; i < count; i++)
		at = stpcpy(at, unit);
	stpcpy(at, end);
	write_file("large.yaml", text);
	result = config_load(&config, scratch_path("large.yaml"), error);
	free(text);
	return result;
}

static void config_loader_has_limits(void **state)
{
	struct config_error error;

	(void)state;
	assert_int_equal(load_repeated("# comment line\n", 70000, "cpi: 1\n", &error), PW_LIMIT);
	assert_non_null(strstr(error.text, "large.yaml: larger than 1 MiB"));
	assert_int_equal(load_repeated("# comment line\n", 60000, "cpi: 1\n", &error), PW_OK);
	assert_int_equal(load_repeated("[", 100000, "\n", &error), PW_LIMIT);
	assert_non_null(strstr(error.text, "large.yaml:1: nested more than 16 deep"));
	assert_int_equal(load_repeated("- 1\n", 5000, "", &error), PW_LIMIT);
	assert_non_null(strstr(error.text, "large.yaml:4096: more than 4096 values"));
	assert_int_equal(load_repeated("\xff\xfe\x80", 100, "", &error), PW_INVALID);
	assert_non_null(strstr(error.text, "large.yaml:"));
}

/*
 * Eight levels of eight aliases each: 19 million values, if one let it. Line n holds 1 + 8 times the
 * values of line n - 1: 9, 73, 585, 4681, so the fourth is too much.
 */
static void config_loader_survives_a_billion_laughs(void **state)
{
	char text[2000] = "a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1]\n";
	struct machine_config config;
	struct config_error error;

	(void)state;
	for (int i = 1; i < 8; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text),
			 "a%d: &a%d [*a%d, *a%d, *a%d, *a%d, *a%d, *a%d, *a%d, *a%d]\n", i, i,
			 i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1);
	assert_int_equal(config_load_bytes(&config, "m.yaml", text, strlen(text), &error),
			 PW_LIMIT);
	assert_string_equal(error.text,
			    "m.yaml:4: more than 4096 values, aliases counted as copies");
}

/* What a hostile file can put into a message: nothing that moves a terminal's cursor. */
static void config_loader_messages_are_printable(void **state)
{
	const char *text = "cpi: \"\\e[2J\\nX\"\n";
	struct machine_config config;
	struct config_error error;

	(void)state;
	assert_int_equal(config_load_bytes(&config, "m.yaml", text, strlen(text), &error),
			 PW_INVALID);
	assert_string_equal(error.text,
			    "m.yaml:1: cpi: must be a whole number from 1 to 1000, not '?[2J?X'");
}

static int set_up(void **state)
{
	const char *directory = getenv("PAGEWALK_TEST_TMP");

	(void)state;
	snprintf(scratch, sizeof(scratch), "%.200s/config-errors.XXXXXX",
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
		cmocka_unit_test(config_loader_refuses_bad_overrides),
		cmocka_unit_test(config_loader_names_file_line_and_field),
		cmocka_unit_test(config_loader_places_complaints_of_checks),
		cmocka_unit_test(config_loader_names_the_layer),
		cmocka_unit_test(config_loader_refuses_circles),
		cmocka_unit_test(config_loader_limits_the_depth_of_bases),
		cmocka_unit_test(config_loader_refuses_what_is_no_file),
		cmocka_unit_test(config_loader_has_limits),
		cmocka_unit_test(config_loader_survives_a_billion_laughs),
		cmocka_unit_test(config_loader_messages_are_printable),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
