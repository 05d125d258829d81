/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Symbols through libelf, lines through lines.c: see symbols.h.
 *
 * A file offset becomes an address of the object through its PT_LOAD segments; symbols (.symtab
 * and .dynsym) are kept sorted by address. Everything read from a file is checked by libelf or
 * here before it is used. Of several symbols at one address the one with a size, then global
 * before local, then the first by name is taken, so that names do not depend on the table's order.
 */

#include "analysis/symbols.h"

#include "analysis/identity.h"
#include "analysis/lines.h"

#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Beyond this a table is not believed. */
enum { SYMBOLS_MAX = 1 << 22 };

struct symbol {
	uint64_t address, size;
	const char *name; /* in the ELF file's memory */
	uint8_t rank;     /* lower is better among equals */
};

struct object {
	char *path, *identity; /* identity NULL: any */
	const char *unusable;  /* why; NULL: it is not, or nobody minds */
	int fd;                /* -1: not usable */
	Elf *elf;
	struct lines lines;
	struct symbol *symbol;
	size_t symbol_count;
	struct object *next;
};

struct symbols {
	struct object *objects, **last; /* in the order in which they were asked for */
	unsigned count;
};

/* --- one file -------------------------------------------------------------------------------- */

static uint8_t rank_of(const GElf_Sym *symbol)
{
	unsigned binding = GELF_ST_BIND(symbol->st_info);

	return (uint8_t)((symbol->st_size ? 0 : 2) + (binding == STB_LOCAL ? 1 : 0));
}

static bool is_code_name(const GElf_Sym *symbol)
{
	unsigned type = GELF_ST_TYPE(symbol->st_info);

	return symbol->st_shndx != SHN_UNDEF && symbol->st_value != 0 &&
	       (type == STT_FUNC || type == STT_GNU_IFUNC || type == STT_NOTYPE);
}

static void add_section(struct object *object, Elf_Scn *section, const GElf_Shdr *header)
{
	Elf_Data *data = elf_getdata(section, NULL);
	size_t count = header->sh_entsize ? header->sh_size / header->sh_entsize : 0;
	struct symbol *larger;

	if (!data || !count || count > SYMBOLS_MAX)
		return;
	larger = realloc(object->symbol, (object->symbol_count + count) * sizeof(*larger));
	if (!larger)
		return;
	object->symbol = larger;
	for (size_t i = 0; i < count; i++) {
		GElf_Sym symbol;
		const char *name;

		if (!gelf_getsym(data, (int)i, &symbol))
			break;
		if (!is_code_name(&symbol))
			continue;
		name = elf_strptr(object->elf, header->sh_link, symbol.st_name);
		if (!name || !*name)
			continue;
		object->symbol[object->symbol_count++] =
			(struct symbol){ symbol.st_value, symbol.st_size, name, rank_of(&symbol) };
	}
}

static int compare_symbols(const void *left, const void *right)
{
	const struct symbol *a = left, *b = right;

	if (a->address != b->address)
		return a->address < b->address ? -1 : 1;
	if (a->rank != b->rank)
		return a->rank < b->rank ? -1 : 1;
	return strcmp(a->name, b->name);
}

static void load_symbols(struct object *object)
{
	Elf_Scn *section = NULL;
	size_t kept = 0;

	while ((section = elf_nextscn(object->elf, section)) != NULL) {
		GElf_Shdr header;

		if (gelf_getshdr(section, &header) &&
		    (header.sh_type == SHT_SYMTAB || header.sh_type == SHT_DYNSYM))
			add_section(object, section, &header);
	}
	if (!object->symbol_count)
		return;
	qsort(object->symbol, object->symbol_count, sizeof(*object->symbol), compare_symbols);
	for (size_t i = 0; i < object->symbol_count; i++)
		if (!kept || object->symbol[kept - 1].address != object->symbol[i].address)
			object->symbol[kept++] = object->symbol[i];
	object->symbol_count = kept;
}

/* Returns what is wrong with it. */
static const char *open_file(struct object *object)
{
	struct stat status;

	/* Neither a FIFO nor a terminal must be able to stop us. */
	object->fd = open(object->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (object->fd < 0)
		return errno == ENOENT || errno == ENOTDIR ? "is gone" : "cannot be read";
	if (fstat(object->fd, &status) != 0 || !S_ISREG(status.st_mode))
		return "is no file any more";
	if (!object->identity || identity_holds(object->fd, object->identity))
		return NULL;
	return "has changed since it ran";
}

static void open_object(struct object *object)
{
	const char *wrong = open_file(object);

	if (wrong) {
		if (object->fd >= 0)
			close(object->fd);
		object->fd = -1;
		object->unusable = object->identity ? wrong : NULL;
		return;
	}
	/* Not mapped: a file that shrinks while it is read must not kill us. */
	object->elf = elf_begin(object->fd, ELF_C_READ, NULL);
	if (!object->elf || elf_kind(object->elf) != ELF_K_ELF)
		return;
	load_symbols(object);
	lines_load(&object->lines, object->elf);
}

static void close_object(struct object *object)
{
	lines_release(&object->lines);
	if (object->elf)
		elf_end(object->elf);
	if (object->fd >= 0)
		close(object->fd);
	free(object->symbol);
	free(object->path);
	free(object->identity);
	free(object);
}

/* The file's address of a file offset, by the segment that holds it. */
static bool address_of(const struct object *object, uint64_t offset, uint64_t *address)
{
	size_t count;

	if (elf_getphdrnum(object->elf, &count) != 0)
		return false;
	for (size_t i = 0; i < count; i++) {
		GElf_Phdr segment;

		if (!gelf_getphdr(object->elf, (int)i, &segment))
			return false;
		if (segment.p_type == PT_LOAD && offset >= segment.p_offset &&
		    offset - segment.p_offset < segment.p_filesz) {
			*address = segment.p_vaddr + (offset - segment.p_offset);
			return true;
		}
	}
	return false;
}

static const struct symbol *symbol_at(const struct object *object, uint64_t address)
{
	size_t low = 0, high = object->symbol_count;
	const struct symbol *symbol;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (object->symbol[middle].address <= address)
			low = middle + 1;
		else
			high = middle;
	}
	if (!low)
		return NULL;
	symbol = &object->symbol[low - 1];
	if (symbol->size && address - symbol->address >= symbol->size)
		return NULL;
	return symbol;
}

/* --- all files ------------------------------------------------------------------------------- */

int symbols_create(struct symbols **out)
{
	*out = NULL;
	if (elf_version(EV_CURRENT) == EV_NONE)
		return PW_UNSUPPORTED;
	*out = calloc(1, sizeof(**out));
	if (!*out)
		return PW_NOMEM;
	(*out)->last = &(*out)->objects;
	return PW_OK;
}

void symbols_destroy(struct symbols *symbols)
{
	if (!symbols)
		return;
	for (struct object *object = symbols->objects, *next; object; object = next) {
		next = object->next;
		close_object(object);
	}
	free(symbols);
}

static bool is_object(const struct object *object, const struct symbol_file *file)
{
	if (strcmp(object->path, file->path) != 0 || !object->identity != !file->identity)
		return false;
	return !file->identity || strcmp(object->identity, file->identity) == 0;
}

static struct object *create_object(const struct symbol_file *file)
{
	struct object *object = calloc(1, sizeof(*object));

	if (!object)
		return NULL;
	object->fd = -1;
	object->path = strdup(file->path);
	object->identity = file->identity ? strdup(file->identity) : NULL;
	if (!object->path || (file->identity && !object->identity)) {
		close_object(object);
		return NULL;
	}
	return object;
}

static struct object *find_object(struct symbols *symbols, const struct symbol_file *file)
{
	struct object *object;

	for (object = symbols->objects; object; object = object->next)
		if (is_object(object, file))
			return object;
	if (symbols->count == SYMBOL_FILES_MAX)
		return NULL;
	object = create_object(file);
	if (!object)
		return NULL;
	open_object(object);
	*symbols->last = object;
	symbols->last = &object->next;
	symbols->count++;
	return object;
}

void symbols_find(struct symbols *symbols, const struct symbol_file *file, uint64_t offset,
		  struct symbol_place *place)
{
	const struct object *object = find_object(symbols, file);
	const struct symbol *symbol;
	uint64_t address;

	place->symbol[0] = place->file[0] = '\0';
	if (file->identity && (!object || object->fd < 0))
		return;
	snprintf(place->file, sizeof(place->file), "%s", file->path);
	if (!object || !object->elf || !address_of(object, offset, &address))
		return;
	symbol = symbol_at(object, address);
	if (symbol && symbol->address == address)
		snprintf(place->symbol, sizeof(place->symbol), "%s", symbol->name);
	else if (symbol)
		snprintf(place->symbol, sizeof(place->symbol), "%.200s+0x%llx", symbol->name,
			 (unsigned long long)(address - symbol->address));
	lines_find(&object->lines, address, place->file, sizeof(place->file));
}

size_t symbols_read(struct symbols *symbols, const struct symbol_file *file, uint64_t offset,
		    void *to, size_t length)
{
	const struct object *object = find_object(symbols, file);
	ssize_t got;

	if (!object || object->fd < 0 || offset > INT64_MAX)
		return 0;
	got = pread(object->fd, to, length, (off_t)offset);
	return got > 0 ? (size_t)got : 0;
}

void symbols_visit_unusable(const struct symbols *symbols,
			    void (*visit)(void *ctx, const char *path, const char *why), void *ctx)
{
	for (const struct object *object = symbols->objects; object; object = object->next)
		if (object->unusable)
			visit(ctx, object->path, object->unusable);
}
