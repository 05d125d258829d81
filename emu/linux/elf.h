/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PAGEWALK_EMU_LINUX_ELF_H
#define PAGEWALK_EMU_LINUX_ELF_H

/*
 * Reads the headers of an ELF64 x86-64 program: a pure function over bytes, so that it can be
 * fuzzed. Every field is checked; what comes out can be loaded without further thought.
 *
 * Sources: System V ABI, chapter 4 "Object Files", and chapter 5 "Program Loading"; its AMD64
 * supplement, section 4.1; Linux fs/binfmt_elf.c for what is ignored rather than refused.
 */

#include "mmu/types.h"

/* Where the bytes come from. read: how many were there, which is less only at the end. */
struct elf_source {
	void *ctx;
	int64_t (*read)(void *ctx, uint64_t offset, void *to, size_t bytes);
	uint64_t size;
};

struct elf_segment {
	va_t va;
	uint64_t offset, file_bytes,
		memory_bytes; /* file_bytes <= memory_bytes; offset = va mod 4 KiB */
	uint32_t prot;        /* PROT_* */
};

enum { ELF_SEGMENTS_MAX = 64, ELF_INTERPRETER_MAX = 1024, ELF_TEXT_MAX = 160 };

struct elf_image {
	bool relocatable; /* ET_DYN: addresses are relative to a base of the loader's choice */
	bool exec_stack;
	va_t entry;
	va_t phdr; /* of the program headers in memory; 0: not loaded */
	unsigned phdr_count;
	va_t low, high;     /* page-aligned extent of all segments */
	uint64_t alignment; /* of the base; a power of two, at least 4 KiB */
	unsigned segment_count;
	struct elf_segment segment[ELF_SEGMENTS_MAX]; /* ascending, not overlapping */
	char interpreter[ELF_INTERPRETER_MAX];        /* "": none */
};

/*
 * PW_OK; PW_CORRUPT for damaged or truncated files and for what is no ELF file at all;
 * PW_UNSUPPORTED for other machines and kinds; PW_IO. `text` says what is wrong, in one line.
 */
int elf_parse(struct elf_image *image, const struct elf_source *source, char text[ELF_TEXT_MAX]);

#endif
