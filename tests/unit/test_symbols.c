/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Names for places in ELF files: this very program, which has symbols; the C library, which has
 * dynamic ones; and copies of this program with bytes changed or cut off, which must do no harm.
 */

#include "tests/unit/test_record.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "analysis/disasm.h"
#include "analysis/identity.h"
#include "analysis/symbols.h"

static const char own_path[] = "/proc/self/exe";

__attribute__((noinline)) int symbols_landmark(int x);
static const int landmark_line = __LINE__ + 1;
int symbols_landmark(int x)
{
	return x * 3 + 1;
}

/* Where a loaded address lies in its file, by /proc/self/maps. */
static uint64_t file_offset(const void *pointer, char path[512])
{
	uint64_t address = (uint64_t)(uintptr_t)pointer, offset = UINT64_MAX;
	FILE *maps = fopen("/proc/self/maps", "r");
	char line[1024];

	assert_non_null(maps);
	while (fgets(line, sizeof(line), maps)) {
		unsigned long long start, end, from;

		if (sscanf(line, "%llx-%llx %*s %llx %*s %*s %511s", &start, &end, &from, path) ==
			    4 &&
		    address >= start && address < end) {
			offset = address - start + from;
			break;
		}
	}
	fclose(maps);
	assert_true(offset != UINT64_MAX);
	return offset;
}

static void symbols_of_own_functions(void **state)
{
	struct symbols *symbols;
	struct symbol_place place;
	char path[512];
	uint64_t offset = file_offset((const void *)(uintptr_t)symbols_landmark, path);

	(void)state;
	assert_int_equal(symbols_create(&symbols), 0);
	symbols_find(symbols, &(struct symbol_file){ .path = own_path }, offset, &place);
	assert_string_equal(place.symbol, "symbols_landmark");
	symbols_find(symbols, &(struct symbol_file){ .path = own_path }, offset + 2, &place);
	assert_string_equal(place.symbol, "symbols_landmark+0x2");
	/* Built with -g the source line is known, else the object is named. */
	if (strstr(place.file, "test_symbols.c:"))
		assert_in_range(atoi(strrchr(place.file, ':') + 1), landmark_line,
				landmark_line + 2);
	else
		assert_string_equal(place.file, own_path);
	symbols_destroy(symbols);
}

static void symbols_of_shared_objects(void **state)
{
	struct symbols *symbols;
	struct symbol_place place;
	char path[512];
	uint64_t offset;
	void *function = dlsym(RTLD_DEFAULT, "getpid");

	(void)state;
	assert_non_null(function);
	offset = file_offset(function, path);
	assert_int_equal(symbols_create(&symbols), 0);
	symbols_find(symbols, &(struct symbol_file){ .path = path }, offset, &place);
	/* Of the aliases at one address, global ones first, then by name. */
	assert_non_null(strstr(place.symbol, "getpid"));
	assert_non_null(strstr(place.file, "libc"));
	symbols_destroy(symbols);
}

static void symbols_read_and_disassemble(void **state)
{
	struct symbols *symbols;
	struct disasm *disasm;
	char path[512], text[DISASM_TEXT_MAX];
	uint8_t bytes[DISASM_BYTES_MAX];
	uint64_t offset = file_offset((const void *)(uintptr_t)symbols_landmark, path);

	(void)state;
	assert_int_equal(symbols_create(&symbols), 0);
	assert_int_equal(symbols_read(symbols, &(struct symbol_file){ .path = own_path }, offset,
				      bytes, sizeof(bytes)),
			 sizeof(bytes));
	assert_memory_equal(bytes, (const void *)(uintptr_t)symbols_landmark, sizeof(bytes));
	assert_int_equal(symbols_read(symbols, &(struct symbol_file){ .path = own_path },
				      UINT64_MAX, bytes, sizeof(bytes)),
			 0);
	assert_int_equal(symbols_read(symbols, &(struct symbol_file){ .path = own_path }, INT64_MAX,
				      bytes, sizeof(bytes)),
			 0);
	assert_int_equal(disasm_create(&disasm, 64), 0);
	assert_true(disasm_one(disasm, bytes, sizeof(bytes), 0x1000, text) > 0);
	assert_int_equal(
		disasm_one(disasm, (const uint8_t *)"\xe8\x01\x00\x00\x00", 5, 0x1000, text), 5);
	assert_string_equal(text, "call 0x1006");
	assert_int_equal(disasm_one(disasm, (const uint8_t *)"\xe8\x01", 2, 0x1000, text), 0);
	assert_string_equal(text, "");
	assert_int_equal(disasm_one(disasm, bytes, 0, 0x1000, text), 0);
	disasm_destroy(disasm);
	/* 0x40 is a prefix in 64-bit code and an instruction in 32-bit code. */
	assert_int_equal(disasm_create(&disasm, 32), 0);
	assert_int_equal(disasm_one(disasm, (const uint8_t *)"\x40", 1, 0, text), 1);
	assert_string_equal(text, "inc eax");
	disasm_destroy(disasm);
	symbols_destroy(symbols);
}

static void symbols_of_what_is_no_object(void **state)
{
	static const char *const paths[] = { "/nowhere",    "/",      "/dev/null", "/dev/zero",
					     "/etc/passwd", "[heap]", "" };
	struct symbols *symbols;
	struct symbol_place place;
	char fifo[512];
	uint8_t bytes[4];

	(void)state;
	assert_int_equal(symbols_create(&symbols), 0);
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		symbols_find(symbols, &(struct symbol_file){ .path = paths[i] }, 0x1000, &place);
		assert_string_equal(place.symbol, "");
		assert_string_equal(place.file, paths[i]);
	}
	assert_int_equal(symbols_read(symbols, &(struct symbol_file){ .path = "/dev/zero" }, 0,
				      bytes, sizeof(bytes)),
			 0);
	snprintf(fifo, sizeof(fifo), "%s", scratch("fifo"));
	assert_int_equal(mkfifo(fifo, 0600), 0);
	symbols_find(symbols, &(struct symbol_file){ .path = fifo }, 0,
		     &place); /* must not wait for a writer */
	unlink(fifo);
	symbols_destroy(symbols);
}

/* More files than are kept open: the rest have no names, and descriptors do not run out. */
static void symbols_of_many_files(void **state)
{
	struct symbols *symbols;
	struct symbol_place place;

	(void)state;
	assert_int_equal(symbols_create(&symbols), 0);
	for (unsigned i = 0; i < 2 * SYMBOL_FILES_MAX; i++) {
		char path[64];

		snprintf(path, sizeof(path), "/no/such/%u", i);
		symbols_find(symbols, &(struct symbol_file){ .path = path }, 0, &place);
		assert_string_equal(place.file, path);
	}
	symbols_destroy(symbols);
}

static void write_file(const char *path, const uint8_t *bytes, size_t length)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, length), length);
	close(fd);
}

static void ask_everywhere(const char *path, size_t length)
{
	struct symbols *symbols;
	struct symbol_place place;

	assert_int_equal(symbols_create(&symbols), 0);
	for (uint64_t offset = 0; offset < length + 4096; offset += 1 + length / 50)
		symbols_find(symbols, &(struct symbol_file){ .path = path }, offset, &place);
	symbols_find(symbols, &(struct symbol_file){ .path = path }, UINT64_MAX, &place);
	symbols_destroy(symbols);
}

/* Seeded damage: cut off anywhere, bytes changed in the headers and tables. */
static void symbols_of_damaged_files(void **state)
{
	size_t length, room = 1 << 22;
	uint8_t *original = malloc(room), *copy = malloc(room);
	FILE *file = fopen(own_path, "r");
	uint64_t random = 12345;
	const char *path = scratch("damaged.elf");

	(void)state;
	length = fread(original, 1, room, file);
	fclose(file);
	for (unsigned round = 0; round < 300; round++) {
		size_t kept = length;

		memcpy(copy, original, length);
		for (unsigned i = 0; i < 1 + round % 20; i++) {
			size_t where;

			random = random * 6364136223846793005u + 1442695040888963407u;
			/* Headers at the front, section headers at the back, or anywhere. */
			where = (size_t)(random >> 33);
			if (random >> 16 & 1)
				where %= 1024;
			else if (random >> 17 & 1)
				where = length - 1 - where % 4096;
			else
				where %= length;
			copy[where] = (uint8_t)(random >> 24);
		}
		if (round % 4 == 0)
			kept = (size_t)(random >> 20) % length;
		write_file(path, copy, kept);
		ask_everywhere(path, kept);
	}
	unlink(path);
	free(original);
	free(copy);
}

static void count_unusable(void *ctx, const char *path, const char *why)
{
	char *said = ctx;

	assert_string_equal(path, strstr(why, "gone") ? "/nowhere" : own_path);
	strcat(said, why);
	strcat(said, ";");
}

/* The right one is used, another is not; each is told once, in the order in which they were asked for. */
static void symbols_of_files_that_changed(void **state)
{
	char path[512], identity[IDENTITY_TEXT_MAX], said[200] = "";
	uint64_t offset = file_offset((const void *)(uintptr_t)symbols_landmark, path);
	const struct symbol_file gone = { "/nowhere", "1:fnv1a:00" },
				 other = { own_path, "1:fnv1a:00" }, same = { own_path, identity };
	int fd = open(own_path, O_RDONLY);
	struct symbols *symbols;
	struct symbol_place place;
	uint8_t bytes[4];

	(void)state;
	assert_true(identity_of_file(fd, identity));
	close(fd);
	assert_int_equal(symbols_create(&symbols), 0);
	for (unsigned i = 0; i < 2; i++) {
		symbols_find(symbols, &gone, offset, &place);
		assert_string_equal(place.file, "");
		symbols_find(symbols, &other, offset, &place);
		assert_string_equal(place.symbol, "");
		assert_string_equal(place.file, "");
		assert_int_equal(symbols_read(symbols, &other, 0, bytes, sizeof(bytes)), 0);
		symbols_find(symbols, &same, offset, &place);
		assert_string_equal(place.symbol, "symbols_landmark");
		assert_int_equal(symbols_read(symbols, &same, 0, bytes, sizeof(bytes)), 4);
	}
	symbols_visit_unusable(symbols, count_unusable, said);
	assert_string_equal(said, "is gone;has changed since it ran;");
	symbols_destroy(symbols);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(symbols_of_own_functions),
		cmocka_unit_test(symbols_of_shared_objects),
		cmocka_unit_test(symbols_read_and_disassemble),
		cmocka_unit_test(symbols_of_what_is_no_object),
		cmocka_unit_test(symbols_of_files_that_changed),
		cmocka_unit_test(symbols_of_many_files),
		cmocka_unit_test(symbols_of_damaged_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
