/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * lackey's --trace-mem lines and Dinero's din, as import_lackey.c and import_din.c describe them. An
 * update is a load and a store, not M. Din lines have a size behind the address, hexadecimal, beginning
 * with a decimal digit: Dinero takes it for a comment.
 */

#include "traces/export_private.h"

static void write_lackey(FILE *out, const struct export_instruction *instruction,
			 struct trace_export_result *result)
{
	(void)result;
	if (instruction->bytes)
		fprintf(out, "I  %08llx,%u\n", (unsigned long long)instruction->ip,
			instruction->bytes);
	for (uint32_t i = 0; i < instruction->access_count; i++)
		fprintf(out, " %c %08llx,%u\n", instruction->access[i].store ? 'S' : 'L',
			(unsigned long long)instruction->access[i].va,
			instruction->access[i].bytes);
}

static void write_din_line(FILE *out, char label, va_t va, uint32_t bytes)
{
	uint32_t first = bytes;

	while (first > 0xf)
		first >>= 4;
	fprintf(out, "%c %llx %s%x\n", label, (unsigned long long)va, first > 9 ? "0" : "", bytes);
}

static void write_din(FILE *out, const struct export_instruction *instruction,
		      struct trace_export_result *result)
{
	(void)result;
	if (instruction->bytes)
		write_din_line(out, '2', instruction->ip, instruction->bytes);
	for (uint32_t i = 0; i < instruction->access_count; i++)
		write_din_line(out, instruction->access[i].store ? '1' : '0',
			       instruction->access[i].va, instruction->access[i].bytes);
}

const struct export_format export_lackey = {
	.name = "lackey",
	.doc = "as valgrind --tool=lackey --trace-mem=yes",
	.write = write_lackey,
};

const struct export_format export_din = {
	.name = "din",
	.doc = "Dinero: label, address and size in a line, hexadecimal",
	.write = write_din,
};
