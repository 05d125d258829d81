/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "emu/linux/elf.h"

#include <elf.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "mmu/error.h"

enum { PHDRS_MAX = 65536 / sizeof(Elf64_Phdr) }; /* binfmt_elf.c: at most 64 KiB of them */

#define USER_VA_END 0x7ffffffff000ull /* Linux TASK_SIZE with four levels */
#define PAGE_MASK   ((uint64_t)FRAME_BYTES - 1)

static int complain(char text[ELF_TEXT_MAX], int error, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static int complain(char text[ELF_TEXT_MAX], int error, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(text, ELF_TEXT_MAX, format, args);
	va_end(args);
	return error;
}

static int read_exactly(const struct elf_source *source, uint64_t offset, void *to, size_t bytes)
{
	int64_t got = source->read(source->ctx, offset, to, bytes);

	if (got < 0)
		return PW_IO;
	return (uint64_t)got == bytes ? PW_OK : PW_CORRUPT;
}

static const char *machine_name(unsigned machine)
{
	switch (machine) {
	case EM_386:
		return "i386";
	case EM_AARCH64:
		return "AArch64";
	case EM_ARM:
		return "Arm";
	case EM_RISCV:
		return "RISC-V";
	case EM_PPC64:
		return "PowerPC64";
	case EM_S390:
		return "S/390";
	case EM_MIPS:
		return "MIPS";
	default:
		return NULL;
	}
}

static int check_machine(const Elf64_Ehdr *header, char *text)
{
	const char *name = machine_name(header->e_machine);

	if (header->e_machine == EM_X86_64 && header->e_ident[EI_CLASS] == ELFCLASS32)
		return complain(text, PW_UNSUPPORTED, "x32 ELF is not supported, need x86-64");
	if (header->e_machine == EM_X86_64)
		return PW_OK;
	if (header->e_machine == EM_386)
		return complain(text, PW_UNSUPPORTED,
				"32-bit i386 ELF is not supported yet, need x86-64");
	if (name)
		return complain(text, PW_UNSUPPORTED, "ELF for %s, need x86-64", name);
	return complain(text, PW_UNSUPPORTED, "ELF for machine %u, need x86-64", header->e_machine);
}

static int check_ident(const Elf64_Ehdr *header, char *text)
{
	if (memcmp(header->e_ident, ELFMAG, SELFMAG) != 0)
		return complain(text, PW_CORRUPT, "not an ELF file");
	if (header->e_ident[EI_DATA] != ELFDATA2LSB)
		return complain(text, PW_UNSUPPORTED, "big-endian ELF, need x86-64");
	return check_machine(header, text); /* e_machine lies where it does in either class */
}

static int check_header(const Elf64_Ehdr *header, uint64_t size, char *text)
{
	if (header->e_ident[EI_CLASS] != ELFCLASS64)
		return complain(text, PW_CORRUPT, "ELF class %u for x86-64, must be 2 (64-bit)",
				header->e_ident[EI_CLASS]);
	if (header->e_ident[EI_VERSION] != EV_CURRENT || header->e_version != EV_CURRENT)
		return complain(text, PW_CORRUPT, "ELF version %u, must be 1", header->e_version);
	if (header->e_type == ET_REL)
		return complain(text, PW_UNSUPPORTED, "an object file, not a linked program");
	if (header->e_type == ET_CORE)
		return complain(text, PW_UNSUPPORTED, "a core dump, not a program");
	if (header->e_type != ET_EXEC && header->e_type != ET_DYN)
		return complain(text, PW_CORRUPT, "ELF type %u is not a program", header->e_type);
	if (header->e_phentsize != sizeof(Elf64_Phdr))
		return complain(text, PW_CORRUPT, "program headers of %u bytes, must be %zu",
				header->e_phentsize, sizeof(Elf64_Phdr));
	if (header->e_phnum == 0 || header->e_phnum > PHDRS_MAX)
		return complain(text, PW_CORRUPT, "%u program headers, must be 1 to %u",
				header->e_phnum, (unsigned)PHDRS_MAX);
	if (header->e_phoff > size || header->e_phnum * sizeof(Elf64_Phdr) > size - header->e_phoff)
		return complain(text, PW_CORRUPT, "truncated: program headers end beyond the file");
	return PW_OK;
}

static uint32_t prot_of(uint32_t flags)
{
	return (flags & PF_R ? PROT_READ : 0u) | (flags & PF_W ? PROT_WRITE : 0u) |
	       (flags & PF_X ? PROT_EXEC : 0u);
}

static int check_load(const Elf64_Phdr *phdr, unsigned n, uint64_t size, char *text)
{
	if (phdr->p_filesz > phdr->p_memsz)
		return complain(text, PW_CORRUPT, "segment %u is larger in the file than in memory",
				n);
	if (phdr->p_offset > size || phdr->p_filesz > size - phdr->p_offset)
		return complain(text, PW_CORRUPT, "truncated: segment %u ends beyond the file", n);
	if (phdr->p_vaddr > USER_VA_END || phdr->p_memsz > USER_VA_END - phdr->p_vaddr)
		return complain(text, PW_CORRUPT, "segment %u ends beyond user addresses", n);
	if ((phdr->p_vaddr & PAGE_MASK) != (phdr->p_offset & PAGE_MASK) && phdr->p_filesz != 0)
		return complain(text, PW_CORRUPT, "segment %u: address and offset differ in a page",
				n);
	return PW_OK;
}

static int add_load(struct elf_image *image, const Elf64_Phdr *phdr, unsigned n, uint64_t size,
		    char *text)
{
	const struct elf_segment *last =
		image->segment_count ? &image->segment[image->segment_count - 1] : NULL;
	int error = check_load(phdr, n, size, text);

	if (error || phdr->p_memsz == 0)
		return error;
	if (image->segment_count == ELF_SEGMENTS_MAX)
		return complain(text, PW_UNSUPPORTED, "more than %d segments", ELF_SEGMENTS_MAX);
	if (last && phdr->p_vaddr < last->va + last->memory_bytes)
		return complain(text, PW_CORRUPT, "segment %u overlaps or precedes another", n);
	image->segment[image->segment_count++] = (struct elf_segment){
		.va = phdr->p_vaddr,
		.offset = phdr->p_offset,
		.file_bytes = phdr->p_filesz,
		.memory_bytes = phdr->p_memsz,
		.prot = prot_of(phdr->p_flags),
	};
	/* As Linux does, an alignment that makes no sense is passed over. */
	if ((phdr->p_align & (phdr->p_align - 1)) == 0 && phdr->p_align > image->alignment &&
	    phdr->p_align <= USER_VA_END / 4)
		image->alignment = phdr->p_align;
	return PW_OK;
}

static int add_interpreter(struct elf_image *image, const struct elf_source *source,
			   const Elf64_Phdr *phdr, char *text)
{
	if (image->interpreter[0])
		return complain(text, PW_CORRUPT, "more than one PT_INTERP");
	if (phdr->p_filesz < 2 || phdr->p_filesz > ELF_INTERPRETER_MAX)
		return complain(text, PW_CORRUPT, "interpreter name of %llu bytes, must be 2 to %d",
				(unsigned long long)phdr->p_filesz, ELF_INTERPRETER_MAX);
	if (phdr->p_offset > source->size || phdr->p_filesz > source->size - phdr->p_offset ||
	    read_exactly(source, phdr->p_offset, image->interpreter, phdr->p_filesz))
		return complain(text, PW_CORRUPT,
				"truncated: interpreter name ends beyond the file");
	if (image->interpreter[phdr->p_filesz - 1] != '\0' || image->interpreter[0] == '\0')
		return complain(text, PW_CORRUPT, "interpreter name is not a string");
	return PW_OK;
}

static int add_phdr(struct elf_image *image, const struct elf_source *source,
		    const Elf64_Phdr *phdr, unsigned n, char *text)
{
	switch (phdr->p_type) {
	case PT_LOAD:
		return add_load(image, phdr, n, source->size, text);
	case PT_INTERP:
		return add_interpreter(image, source, phdr, text);
	case PT_GNU_STACK:
		image->exec_stack = phdr->p_flags & PF_X;
		return PW_OK;
	default:
		return PW_OK;
	}
}

/* Where the program headers lie in memory: in the segment that holds their place in the file. */
static void find_phdrs(struct elf_image *image, const Elf64_Ehdr *header)
{
	for (unsigned i = 0; i < image->segment_count; i++) {
		const struct elf_segment *segment = &image->segment[i];

		if (header->e_phoff >= segment->offset &&
		    header->e_phoff - segment->offset < segment->file_bytes) {
			image->phdr = segment->va + (header->e_phoff - segment->offset);
			return;
		}
	}
}

static int finish(struct elf_image *image, const Elf64_Ehdr *header, char *text)
{
	const struct elf_segment *last;

	if (image->segment_count == 0)
		return complain(text, PW_CORRUPT, "nothing to load (no PT_LOAD segment)");
	last = &image->segment[image->segment_count - 1];
	image->low = image->segment[0].va & ~PAGE_MASK;
	image->high = (last->va + last->memory_bytes + PAGE_MASK) & ~PAGE_MASK;
	image->entry = header->e_entry;
	image->phdr_count = header->e_phnum;
	image->relocatable = header->e_type == ET_DYN;
	find_phdrs(image, header);
	return PW_OK;
}

int elf_parse(struct elf_image *image, const struct elf_source *source, char text[ELF_TEXT_MAX])
{
	Elf64_Ehdr header;
	Elf64_Phdr phdr;
	int error;

	memset(image, 0, sizeof(*image));
	memset(&header, 0, sizeof(header));
	image->alignment = FRAME_BYTES;
	error = read_exactly(source, 0, &header, sizeof(header));
	if (error == PW_IO)
		return complain(text, error, "cannot be read");
	if (error && memcmp(header.e_ident, ELFMAG, SELFMAG) == 0)
		return complain(text, error, "truncated: the ELF header ends beyond the file");
	error = check_ident(&header, text);
	if (!error)
		error = check_header(&header, source->size, text);
	for (unsigned n = 0; !error && n < header.e_phnum; n++) {
		error = read_exactly(source, header.e_phoff + n * sizeof(phdr), &phdr,
				     sizeof(phdr));
		if (error)
			return complain(text, error, "truncated: program headers cannot be read");
		error = add_phdr(image, source, &phdr, n, text);
	}
	return error ? error : finish(image, &header, text);
}
