/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * A reader of DWARF line tables, versions 2 to 5, 32- and 64-bit format, little-endian: DWARF 5
 * standard, section 6.2 "Line Number Information". Not read: compressed sections, columns,
 * statement flags, VLIW operation indexes, names through .debug_str_offsets.
 *
 * Sequences that begin at address 0 are functions that the linker threw away.
 */

#include "analysis/lines.h"

#include "analysis/dwarf_cursor.h"

#include <gelf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct sections {
	Elf_Data *line, *line_str, *str;
};

/* The header of one unit, as far as running its program needs it. */
struct unit {
	const struct sections *sections;
	unsigned version, offset_bytes; /* 4 or 8 */
	unsigned min_length, line_range, opcode_base;
	int line_base;
	const uint8_t *operands; /* of the standard opcodes, [opcode - 1] */
	size_t first_file;       /* of this unit in lines->file */
	size_t file_count;
};

enum { FORMATS_MAX = 16, DIRECTORIES_MAX = 1 << 12 };

static const char *string_at(const Elf_Data *data, uint64_t offset)
{
	if (!data || !data->d_buf || offset >= data->d_size ||
	    !memchr((const char *)data->d_buf + offset, 0, data->d_size - offset))
		return NULL;
	return (const char *)data->d_buf + offset;
}

/* --- growing --------------------------------------------------------------------------------- */

static void add_row(struct lines *lines, uint64_t address, uint32_t line, uint32_t file)
{
	if (lines->row_count == lines->row_room) {
		size_t room = lines->row_room ? lines->row_room * 2 : 4096;
		struct line_row *larger;

		if (room > LINE_ROWS_MAX)
			return;
		larger = realloc(lines->row, room * sizeof(*larger));
		if (!larger)
			return;
		lines->row = larger;
		lines->row_room = room;
	}
	lines->row[lines->row_count++] = (struct line_row){ address, line, file };
}

static void add_file(struct lines *lines, struct unit *unit, const char *directory,
		     const char *name)
{
	if (lines->file_count == lines->file_room) {
		size_t room = lines->file_room ? lines->file_room * 2 : 256;
		struct line_file *larger;

		if (room > LINE_FILES_MAX)
			return;
		larger = realloc(lines->file, room * sizeof(*larger));
		if (!larger)
			return;
		lines->file = larger;
		lines->file_room = room;
	}
	lines->file[lines->file_count++] = (struct line_file){ directory, name };
	unit->file_count++;
}

/* --- names: versions 2 to 4 ------------------------------------------------------------------ */

static void read_names(struct lines *lines, struct unit *unit, struct cursor *c)
{
	const char **directory = calloc(DIRECTORIES_MAX, sizeof(*directory));
	size_t count = 1; /* 0 is the directory of the compilation, which stands elsewhere */
	const char *name;

	if (!directory) {
		c->bad = true;
		return;
	}
	while (*(name = get_string(c)))
		if (count < DIRECTORIES_MAX)
			directory[count++] = name;
	add_file(lines, unit, NULL, "?"); /* files count from 1 */
	while (!c->bad && *(name = get_string(c))) {
		uint64_t in = get_uleb(c);

		get_uleb(c); /* time */
		get_uleb(c); /* length */
		add_file(lines, unit, in < count ? directory[in] : NULL, name);
	}
	free(directory);
}

/* --- names: version 5 ------------------------------------------------------------------------ */

struct entry {
	const char *name;
	uint64_t directory;
};

enum { CONTENT_PATH = 1, CONTENT_DIRECTORY = 2 };

/* One value of a form; strings through *string, numbers as the result. */
static uint64_t read_form(const struct unit *unit, struct cursor *c, uint64_t form,
			  const char **string)
{
	*string = NULL;
	switch (form) {
	case 0x08: /* DW_FORM_string */
		*string = get_string(c);
		return 0;
	case 0x0e: /* DW_FORM_strp */
		*string = string_at(unit->sections->str, get(c, unit->offset_bytes));
		return 0;
	case 0x1f: /* DW_FORM_line_strp */
		*string = string_at(unit->sections->line_str, get(c, unit->offset_bytes));
		return 0;
	case 0x0b:
		return get(c, 1); /* DW_FORM_data1 */
	case 0x05:
		return get(c, 2);
	case 0x06:
		return get(c, 4);
	case 0x07:
		return get(c, 8);
	case 0x0f:
		return get_uleb(c); /* DW_FORM_udata */
	case 0x1e:                  /* DW_FORM_data16: an MD5 sum */
		skip(c, 16);
		return 0;
	case 0x09: /* DW_FORM_block */
		skip(c, get_uleb(c));
		return 0;
	default:
		c->bad = true;
		return 0;
	}
}

struct formats {
	unsigned count;
	uint64_t content[FORMATS_MAX], form[FORMATS_MAX];
};

static void read_formats(struct cursor *c, struct formats *formats)
{
	formats->count = (unsigned)get(c, 1);
	if (formats->count > FORMATS_MAX)
		c->bad = true;
	for (unsigned i = 0; i < formats->count && !c->bad; i++) {
		formats->content[i] = get_uleb(c);
		formats->form[i] = get_uleb(c);
	}
}

static struct entry read_entry(const struct unit *unit, struct cursor *c,
			       const struct formats *formats)
{
	struct entry entry = { NULL, 0 };

	for (unsigned i = 0; i < formats->count && !c->bad; i++) {
		const char *string;
		uint64_t number = read_form(unit, c, formats->form[i], &string);

		if (formats->content[i] == CONTENT_PATH)
			entry.name = string;
		else if (formats->content[i] == CONTENT_DIRECTORY)
			entry.directory = number;
	}
	return entry;
}

/* Entries without a format take no bytes, so a number of them alone must not keep us busy. */
static uint64_t read_count(struct cursor *c, const struct formats *formats)
{
	uint64_t count = get_uleb(c);

	if (count && !formats->count)
		c->bad = true;
	return count;
}

static void read_names_5(struct lines *lines, struct unit *unit, struct cursor *c)
{
	const char **directory = calloc(DIRECTORIES_MAX, sizeof(*directory));
	struct formats formats = { 0 };
	uint64_t count, directories;

	if (!directory) {
		c->bad = true;
		return;
	}
	read_formats(c, &formats);
	directories = read_count(c, &formats);
	for (uint64_t i = 0; i < directories && !c->bad; i++) {
		struct entry entry = read_entry(unit, c, &formats);

		if (i < DIRECTORIES_MAX)
			directory[i] = entry.name;
	}
	read_formats(c, &formats);
	count = read_count(c, &formats);
	for (uint64_t i = 0; i < count && !c->bad; i++) {
		struct entry entry = read_entry(unit, c, &formats);

		add_file(lines, unit,
			 entry.directory < DIRECTORIES_MAX ? directory[entry.directory] : NULL,
			 entry.name ? entry.name : "?");
	}
	free(directory);
}

/* --- the program ----------------------------------------------------------------------------- */

struct registers {
	uint64_t address, file, start;
	int64_t line;
	bool begun; /* rows of this sequence were given */
};

static const struct registers first_registers = { .file = 1, .line = 1 };

static void emit(struct lines *lines, const struct unit *unit, struct registers *r, bool end)
{
	uint64_t file = r->file < unit->file_count ? r->file : 0;

	if (!r->begun)
		r->start = r->address;
	else if (r->start && lines->row_count &&
		 lines->row[lines->row_count - 1].address == r->address)
		lines->row_count--; /* of several rows for one address the last counts */
	r->begun = true;
	if (!r->start || !unit->file_count)
		return;
	if (end || r->line < 0 || r->line > INT32_MAX)
		add_row(lines, r->address, 0, 0);
	else
		add_row(lines, r->address, (uint32_t)r->line, (uint32_t)(unit->first_file + file));
}

static void run_extended(struct lines *lines, const struct unit *unit, struct cursor *c,
			 struct registers *r)
{
	uint64_t length = get_uleb(c);
	const uint8_t *end;

	if (c->bad || !length || length > (uint64_t)(c->end - c->at)) {
		c->bad = true;
		return;
	}
	end = c->at + length;
	switch (get(c, 1)) {
	case 1: /* DW_LNE_end_sequence */
		emit(lines, unit, r, true);
		*r = first_registers;
		break;
	case 2: /* DW_LNE_set_address */
		r->address = get(c, length - 1 <= 8 ? (unsigned)length - 1 : 8);
		break;
	default:
		break;
	}
	c->at = end;
}

static void advance(const struct unit *unit, struct registers *r, unsigned adjusted)
{
	r->address += (uint64_t)(adjusted / unit->line_range) * unit->min_length;
}

static void run_standard(struct lines *lines, const struct unit *unit, struct cursor *c,
			 struct registers *r, unsigned opcode)
{
	switch (opcode) {
	case 1: /* DW_LNS_copy */
		emit(lines, unit, r, false);
		break;
	case 2: /* DW_LNS_advance_pc */
		r->address += get_uleb(c) * unit->min_length;
		break;
	case 3: /* DW_LNS_advance_line */
		r->line = (int64_t)((uint64_t)r->line + (uint64_t)get_sleb(c));
		break;
	case 4: /* DW_LNS_set_file */
		r->file = get_uleb(c);
		break;
	case 8: /* DW_LNS_const_add_pc */
		advance(unit, r, 255 - unit->opcode_base);
		break;
	case 9: /* DW_LNS_fixed_advance_pc */
		r->address += get(c, 2);
		break;
	default:
		for (unsigned i = 0; i < unit->operands[opcode - 1]; i++)
			get_uleb(c);
		break;
	}
}

static void run_program(struct lines *lines, const struct unit *unit, struct cursor *c)
{
	struct registers r = first_registers;

	while (!c->bad && c->at < c->end) {
		unsigned opcode = (unsigned)get(c, 1);

		if (opcode >= unit->opcode_base) {
			unsigned adjusted = opcode - unit->opcode_base;

			advance(unit, &r, adjusted);
			r.line += unit->line_base + (int)(adjusted % unit->line_range);
			emit(lines, unit, &r, false);
		} else if (opcode) {
			run_standard(lines, unit, c, &r, opcode);
		} else {
			run_extended(lines, unit, c, &r);
		}
	}
}

/* --- units ----------------------------------------------------------------------------------- */

/* *c is the unit without its length field. */
static void read_unit(struct lines *lines, struct unit *unit, struct cursor *c)
{
	struct cursor program;

	unit->version = (unsigned)get(c, 2);
	if (unit->version < 2 || unit->version > 5)
		return;
	if (unit->version == 5)
		skip(c, 2); /* sizes of addresses and of segment selectors */
	program = *c;
	skip(&program, unit->offset_bytes);
	skip(&program, get(c, unit->offset_bytes));
	unit->min_length = (unsigned)get(c, 1);
	if (unit->version >= 4)
		skip(c, 1); /* operations per instruction */
	skip(c, 1);         /* default_is_stmt */
	unit->line_base = (int)(int8_t)(uint8_t)get(c, 1);
	unit->line_range = (unsigned)get(c, 1);
	unit->opcode_base = (unsigned)get(c, 1);
	unit->operands = c->at;
	if (!unit->line_range || !unit->opcode_base)
		return;
	skip(c, unit->opcode_base - 1);
	unit->first_file = lines->file_count;
	if (unit->version == 5)
		read_names_5(lines, unit, c);
	else
		read_names(lines, unit, c);
	if (!c->bad && !program.bad)
		run_program(lines, unit, &program);
}

static void read_units(struct lines *lines, const struct sections *sections)
{
	struct cursor all = { sections->line->d_buf, NULL, false };

	all.end = all.at + sections->line->d_size;
	while (!all.bad && all.at < all.end) {
		struct unit unit = { .sections = sections, .offset_bytes = 4 };
		uint64_t length = get(&all, 4);
		struct cursor one;

		if (length == 0xffffffff) {
			unit.offset_bytes = 8;
			length = get(&all, 8);
		}
		one = all;
		skip(&all, length);
		if (all.bad)
			return;
		one.end = all.at;
		read_unit(lines, &unit, &one);
	}
}

static int compare_rows(const void *left, const void *right)
{
	const struct line_row *a = left, *b = right;

	if (a->address != b->address)
		return a->address < b->address ? -1 : 1;
	/* The end of one sequence before the beginning of the next. */
	if (!a->line != !b->line)
		return a->line ? 1 : -1;
	/* Of several rows for one address, a fixed one. */
	if (a->file != b->file)
		return a->file < b->file ? -1 : 1;
	return (a->line > b->line) - (a->line < b->line);
}

static Elf_Data *find_section(Elf *elf, const char *wanted)
{
	Elf_Scn *section = NULL;
	size_t names;

	if (elf_getshdrstrndx(elf, &names) != 0)
		return NULL;
	while ((section = elf_nextscn(elf, section)) != NULL) {
		GElf_Shdr header;
		const char *name;

		if (!gelf_getshdr(section, &header) || (header.sh_flags & SHF_COMPRESSED) ||
		    header.sh_type == SHT_NOBITS)
			continue;
		name = elf_strptr(elf, names, header.sh_name);
		if (name && strcmp(name, wanted) == 0)
			return elf_rawdata(section, NULL);
	}
	return NULL;
}

void lines_load(struct lines *lines, Elf *elf)
{
	struct sections sections = { find_section(elf, ".debug_line"),
				     find_section(elf, ".debug_line_str"),
				     find_section(elf, ".debug_str") };

	if (!sections.line || !sections.line->d_buf)
		return;
	read_units(lines, &sections);
	if (lines->row_count)
		qsort(lines->row, lines->row_count, sizeof(*lines->row), compare_rows);
}

void lines_release(struct lines *lines)
{
	free(lines->row);
	free(lines->file);
	*lines = (struct lines){ 0 };
}

bool lines_find(const struct lines *lines, uint64_t address, char *out, size_t size)
{
	size_t low = 0, high = lines->row_count;
	const struct line_row *row;
	const struct line_file *file;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (lines->row[middle].address <= address)
			low = middle + 1;
		else
			high = middle;
	}
	if (!low || !lines->row[low - 1].line)
		return false;
	row = &lines->row[low - 1];
	file = &lines->file[row->file];
	if (file->directory && file->name[0] != '/')
		snprintf(out, size, "%s/%s:%u", file->directory, file->name, row->line);
	else
		snprintf(out, size, "%s:%u", file->name, row->line);
	return true;
}
