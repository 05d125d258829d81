/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * The ELF parser against files of the host, against a small image built here and broken one field
 * at a time, and against every truncation of it. Facts about fields: System V ABI, chapters 4, 5.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <elf.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "emu/linux/elf.h"
#include "mmu/error.h"

/* --- sources --------------------------------------------------------------------------------- */

struct bytes {
	const uint8_t *data;
	size_t size;
};

static int64_t read_bytes(void *ctx, uint64_t offset, void *to, size_t bytes)
{
	const struct bytes *from = ctx;

	if (offset >= from->size)
		return 0;
	if (bytes > from->size - offset)
		bytes = from->size - offset;
	memcpy(to, from->data + offset, bytes);
	return (int64_t)bytes;
}

static int parse(const void *data, size_t size, struct elf_image *image, char text[ELF_TEXT_MAX])
{
	struct bytes bytes = { data, size };
	const struct elf_source source = { &bytes, read_bytes, size };

	text[0] = '\0';
	return elf_parse(image, &source, text);
}

static int64_t read_fd(void *ctx, uint64_t offset, void *to, size_t bytes)
{
	return pread(*(int *)ctx, to, bytes, (off_t)offset);
}

static int parse_file(const char *path, struct elf_image *image, char text[ELF_TEXT_MAX])
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), error;
	struct elf_source source = { &fd, read_fd, 0 };
	struct stat st;

	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	source.size = (uint64_t)st.st_size;
	error = elf_parse(image, &source, text);
	close(fd);
	return error;
}

/* --- a small program ------------------------------------------------------------------------- */

enum { PHDRS = 4, NAME_AT = 0x200, IMAGE_BYTES = 0x1800 };

struct program {
	Elf64_Ehdr header;
	Elf64_Phdr phdr[PHDRS]; /* interpreter, text, data, stack */
	uint8_t rest[IMAGE_BYTES - sizeof(Elf64_Ehdr) - PHDRS * sizeof(Elf64_Phdr)];
};
_Static_assert(sizeof(struct program) == IMAGE_BYTES, "no holes");

static void build(struct program *program)
{
	static const char name[] = "/lib64/ld-linux-x86-64.so.2";

	memset(program, 0, sizeof(*program));
	program->header = (Elf64_Ehdr){
		.e_ident = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB,
			     EV_CURRENT },
		.e_type = ET_DYN,
		.e_machine = EM_X86_64,
		.e_version = EV_CURRENT,
		.e_entry = 0x400,
		.e_phoff = sizeof(Elf64_Ehdr),
		.e_ehsize = sizeof(Elf64_Ehdr),
		.e_phentsize = sizeof(Elf64_Phdr),
		.e_phnum = PHDRS,
	};
	program->phdr[0] =
		(Elf64_Phdr){ .p_type = PT_INTERP, .p_offset = NAME_AT, .p_filesz = sizeof(name) };
	program->phdr[1] = (Elf64_Phdr){ .p_type = PT_LOAD,
					 .p_flags = PF_R | PF_X,
					 .p_filesz = 0x1000,
					 .p_memsz = 0x1000,
					 .p_align = 0x1000 };
	program->phdr[2] = (Elf64_Phdr){ .p_type = PT_LOAD,
					 .p_flags = PF_R | PF_W,
					 .p_offset = 0x1000,
					 .p_vaddr = 0x3000,
					 .p_filesz = 0x800,
					 .p_memsz = 0x5000,
					 .p_align = 0x1000 };
	program->phdr[3] = (Elf64_Phdr){ .p_type = PT_GNU_STACK, .p_flags = PF_R | PF_W };
	memcpy((uint8_t *)program + NAME_AT, name, sizeof(name));
}

static void elf_reads_every_field(void **state)
{
	struct program program;
	struct elf_image image;
	char text[ELF_TEXT_MAX];

	(void)state;
	build(&program);
	assert_int_equal(parse(&program, sizeof(program), &image, text), PW_OK);
	assert_true(image.relocatable);
	assert_false(image.exec_stack);
	assert_int_equal(image.entry, 0x400);
	assert_int_equal(image.phdr,
			 sizeof(Elf64_Ehdr)); /* the text segment starts at file offset 0 */
	assert_int_equal(image.phdr_count, PHDRS);
	assert_int_equal(image.low, 0);
	assert_int_equal(image.high, 0x8000);
	assert_int_equal(image.alignment, 0x1000);
	assert_string_equal(image.interpreter, "/lib64/ld-linux-x86-64.so.2");
	assert_int_equal(image.segment_count, 2);
	assert_int_equal(image.segment[0].prot, PROT_READ | PROT_EXEC);
	assert_int_equal(image.segment[1].prot, PROT_READ | PROT_WRITE);
	assert_int_equal(image.segment[1].va, 0x3000);
	assert_int_equal(image.segment[1].offset, 0x1000);
	assert_int_equal(image.segment[1].file_bytes, 0x800);
	assert_int_equal(image.segment[1].memory_bytes, 0x5000);
}

/* --- one field wrong ------------------------------------------------------------------------- */

struct damage {
	size_t offset, bytes;
	uint64_t value;
	int error;
	const char *says;
};
#define HEADER(field)  offsetof(struct program, header.field), sizeof(((Elf64_Ehdr *)0)->field)
#define PHDR(n, field) offsetof(struct program, phdr[n].field), sizeof(((Elf64_Phdr *)0)->field)
#define IDENT(n)       offsetof(struct program, header.e_ident[n]), 1

static const struct damage damages[] = {
	{ IDENT(EI_MAG1), 'e', PW_CORRUPT, "not an ELF file" },
	{ IDENT(EI_CLASS), 1, PW_UNSUPPORTED, "x32" },
	{ IDENT(EI_CLASS), 7, PW_CORRUPT, "class 7" },
	{ IDENT(EI_DATA), ELFDATA2MSB, PW_UNSUPPORTED, "big-endian" },
	{ IDENT(EI_VERSION), 9, PW_CORRUPT, "version" },
	{ HEADER(e_version), 2, PW_CORRUPT, "version 2" },
	{ HEADER(e_machine), EM_AARCH64, PW_UNSUPPORTED, "ELF for AArch64, need x86-64" },
	{ HEADER(e_machine), EM_386, PW_UNSUPPORTED, "i386" },
	{ HEADER(e_machine), 0x1234, PW_UNSUPPORTED, "machine 4660" },
	{ HEADER(e_type), ET_REL, PW_UNSUPPORTED, "object file" },
	{ HEADER(e_type), ET_CORE, PW_UNSUPPORTED, "core dump" },
	{ HEADER(e_type), 77, PW_CORRUPT, "type 77" },
	{ HEADER(e_phentsize), 32, PW_CORRUPT, "32 bytes" },
	{ HEADER(e_phnum), 0, PW_CORRUPT, "0 program headers" },
	{ HEADER(e_phnum), 0xffff, PW_CORRUPT, "65535 program headers" },
	{ HEADER(e_phoff), UINT64_MAX - 8, PW_CORRUPT, "program headers end beyond the file" },
	{ HEADER(e_phoff), IMAGE_BYTES - 8, PW_CORRUPT, "program headers end beyond the file" },
	{ PHDR(0, p_filesz), 1, PW_CORRUPT, "interpreter name of 1 bytes" },
	{ PHDR(0, p_filesz), 1u << 20, PW_CORRUPT, "interpreter name" },
	{ PHDR(0, p_filesz), 9, PW_CORRUPT, "not a string" },
	{ PHDR(0, p_offset), UINT64_MAX, PW_CORRUPT, "interpreter name ends beyond the file" },
	{ PHDR(0, p_offset), NAME_AT + 0x100, PW_CORRUPT, "not a string" },
	{ PHDR(0, p_type), PT_LOAD, PW_CORRUPT, "larger in the file" },
	{ PHDR(1, p_memsz), 0xfff, PW_CORRUPT, "larger in the file" },
	{ PHDR(1, p_memsz), 0x3001, PW_CORRUPT, "overlaps" },
	{ PHDR(2, p_vaddr), 0x3001, PW_CORRUPT, "differ in a page" },
	{ PHDR(2, p_vaddr), 0, PW_CORRUPT, "overlaps" },
	{ PHDR(2, p_vaddr), 0xffff800000000000, PW_CORRUPT, "beyond user addresses" },
	{ PHDR(2, p_vaddr), 0x7fffffffe000, PW_CORRUPT, "beyond user addresses" },
	{ PHDR(2, p_memsz), UINT64_MAX - 0x2000, PW_CORRUPT, "beyond user addresses" },
	{ PHDR(2, p_offset), UINT64_MAX & ~UINT64_C(0xfff), PW_CORRUPT, "ends beyond the file" },
	{ PHDR(2, p_filesz), 0x801, PW_CORRUPT, "ends beyond the file" },
};

static void elf_names_what_is_wrong(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(damages) / sizeof(*damages); i++) {
		const struct damage *damage = &damages[i];
		struct program program;
		struct elf_image image;
		char text[ELF_TEXT_MAX];
		int error;

		build(&program);
		memcpy((uint8_t *)&program + damage->offset, &damage->value, damage->bytes);
		error = parse(&program, sizeof(program), &image, text);
		if (error != damage->error || !strstr(text, damage->says))
			fail_msg("damage %zu: %d \"%s\", not %d \"%s\"", i, error, text,
				 damage->error, damage->says);
		assert_null(strchr(text, '\n'));
	}
}

static void elf_passes_over_what_linux_ignores(void **state)
{
	struct program program;
	struct elf_image image;
	char text[ELF_TEXT_MAX];

	(void)state;
	build(&program);
	program.phdr[2].p_align = 3;
	assert_int_equal(parse(&program, sizeof(program), &image, text), PW_OK);
	assert_int_equal(image.alignment, 0x1000);
	program.phdr[2].p_align = 0x200000;
	program.phdr[3].p_flags |= PF_X;
	assert_int_equal(parse(&program, sizeof(program), &image, text), PW_OK);
	assert_int_equal(image.alignment, 0x200000);
	assert_true(image.exec_stack);
	program.phdr[1].p_type = program.phdr[2].p_type = PT_NULL;
	assert_int_equal(parse(&program, sizeof(program), &image, text), PW_CORRUPT);
	assert_non_null(strstr(text, "nothing to load"));
}

/* The last loaded byte of the file is at 0x17ff: anything shorter is truncated. */
static void elf_refuses_every_truncation(void **state)
{
	struct program program;
	struct elf_image image;
	char text[ELF_TEXT_MAX];

	(void)state;
	build(&program);
	for (size_t size = 0; size < sizeof(program); size++) {
		assert_int_equal(parse(&program, size, &image, text), PW_CORRUPT);
		assert_true(text[0] != '\0');
		if (size >= SELFMAG)
			assert_non_null(strstr(text, "truncated"));
	}
}

static int64_t read_nothing(void *ctx, uint64_t offset, void *to, size_t bytes)
{
	(void)ctx, (void)offset, (void)to, (void)bytes;
	return -1;
}

static void elf_reports_an_unreadable_file(void **state)
{
	const struct elf_source source = { NULL, read_nothing, 4096 };
	struct elf_image image;
	char text[ELF_TEXT_MAX];

	(void)state;
	assert_int_equal(elf_parse(&image, &source, text), PW_IO);
	assert_string_equal(text, "cannot be read");
}

/* --- the host's ------------------------------------------------------------------------------ */

static void elf_reads_this_program(void **state)
{
	struct elf_image image;
	char text[ELF_TEXT_MAX];
	bool executable = false;

	(void)state;
	assert_int_equal(parse_file("/proc/self/exe", &image, text), PW_OK);
	assert_true(image.segment_count >= 2);
	assert_true(image.entry >= image.low && image.entry < image.high);
	assert_true(image.phdr > image.low && image.phdr < image.high);
	for (unsigned i = 0; i < image.segment_count; i++)
		executable |= (image.segment[i].prot & PROT_EXEC) &&
			      image.entry - image.segment[i].va < image.segment[i].memory_bytes;
	assert_true(executable);
}

static void elf_reads_programs_of_the_host(void **state)
{
	static const struct {
		const char *path;
		bool relocatable, interpreter;
	} known[] = {
		{ "/bin/ls", true, true },
		{ "/usr/bin/python3", false, true },
		{ "/usr/bin/busybox", false, false },
		{ "/lib64/ld-linux-x86-64.so.2", true, false },
	};
	struct elf_image image;
	char text[ELF_TEXT_MAX];
	unsigned seen = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++) {
		if (access(known[i].path, R_OK) != 0)
			continue;
		seen++;
		assert_int_equal(parse_file(known[i].path, &image, text), PW_OK);
		assert_int_equal(image.interpreter[0] != '\0', known[i].interpreter);
		if (known[i].relocatable) /* the others may be built either way */
			assert_true(image.relocatable);
	}
	if (seen == 0)
		skip();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(elf_reads_every_field),
		cmocka_unit_test(elf_names_what_is_wrong),
		cmocka_unit_test(elf_passes_over_what_linux_ignores),
		cmocka_unit_test(elf_refuses_every_truncation),
		cmocka_unit_test(elf_reports_an_unreadable_file),
		cmocka_unit_test(elf_reads_this_program),
		cmocka_unit_test(elf_reads_programs_of_the_host),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
