/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * ChampSim's records of one instruction (inc/trace_instruction.h), little-endian:
 *
 *	                         input_instr   cloudsuite_instr
 *	instruction pointer      0, 8 bytes    0
 *	is a branch, was taken   8, 9          8, 9
 *	registers written        10, 2 bytes   10, 4 bytes
 *	registers read           12, 4 bytes   14, 4 bytes
 *	stores                   16, 2 of 8    24, 4 of 8
 *	loads                    32, 4 of 8    56, 4 of 8
 *	address space            -             88, 2 bytes
 *	bytes                    64            96
 *
 * An address of 0 is none. Loads come before stores. The records hold no sizes: an access is one byte, so
 * that none is made to cross a page, and an instruction reaches to the next one where that is 1 to 15
 * bytes ahead, else it has one byte. Address spaces are not told apart. What belongs to the kernel, in
 * traces of whole systems, is left out and counted.
 */

#include <stdio.h>

#include "traces/import_private.h"

enum { INSTRUCTION_MAX = 15, LOADS = 4 };

struct layout {
	unsigned record_bytes, stores_at, stores, loads_at;
	unsigned padding_at, padding; /* bytes that are 0 in what writers are known to write */
};

static const struct layout standard = { 64, 16, 2, 32, 0, 0 };
static const struct layout cloudsuite = { 96, 24, 4, 56, 18, 6 };

static uint64_t word_at(const uint8_t *bytes)
{
	uint64_t word = 0;

	for (unsigned i = 8; i-- > 0;)
		word = word << 8 | bytes[i];
	return word;
}

static int read_accesses(struct import *im, const uint8_t *addresses, unsigned count,
			 enum access_kind access)
{
	int failed = PW_OK;

	for (unsigned i = 0; i < count && !failed; i++) {
		va_t va = word_at(addresses + 8 * i);

		if (va != 0 && !import_of_kernel(im, va))
			failed = import_access(im, access, va, 1);
	}
	return failed;
}

static int read_record(struct import *im, const struct layout *layout, const uint8_t *record,
		       size_t available)
{
	va_t ip = word_at(record);
	uint64_t ahead = available >= 2 * (size_t)layout->record_bytes
				 ? word_at(record + layout->record_bytes) - ip
				 : 0;
	int failed;

	im->place++;
	if (record[8] > 1 || record[9] > 1)
		return import_malformed(im,
					"an instruction: is_branch and branch_taken are 0 or 1");
	if (import_of_kernel(im, ip))
		return PW_OK;
	failed = import_fetch(im, ip, ahead >= 1 && ahead <= INSTRUCTION_MAX ? ahead : 1);
	if (!failed)
		failed = read_accesses(im, record + layout->loads_at, LOADS, ACCESS_READ);
	if (!failed)
		failed =
			read_accesses(im, record + layout->stores_at, layout->stores, ACCESS_WRITE);
	return failed;
}

static int read_records(struct import *im, const struct layout *layout)
{
	im->unit = "record";
	for (;;) {
		const uint8_t *bytes;
		int count = import_input_peek(im->input, 2 * (size_t)layout->record_bytes, &bytes,
					      im->error);
		int failed;

		if (count <= 0)
			return count;
		if ((size_t)count < layout->record_bytes) {
			char must_be[64];

			im->place++;
			snprintf(must_be, sizeof(must_be), "of %u bytes, not cut off after %d",
				 layout->record_bytes, count);
			return import_malformed(im, must_be);
		}
		failed = read_record(im, layout, bytes, (size_t)count);
		if (failed)
			return failed;
		import_input_take(im->input, layout->record_bytes);
	}
}

/* --- recognition ----------------------------------------------------------------------------- */

static bool is_address(va_t va)
{
	return va < IMPORT_VA_END || (int64_t)va < 0;
}

static bool is_record(const struct layout *layout, const uint8_t *record)
{
	if (record[8] > 1 || record[9] > record[8] || !is_address(word_at(record)) ||
	    word_at(record) == 0)
		return false;
	for (unsigned i = 0; i < layout->padding; i++)
		if (record[layout->padding_at + i] != 0)
			return false;
	for (unsigned at = layout->stores_at; at < layout->loads_at + 8 * LOADS; at += 8)
		if (!is_address(word_at(record + at)))
			return false;
	return true;
}

/* All that is there, in whole records. */
static bool are_records(const struct layout *layout, const uint8_t *bytes, size_t count, bool whole)
{
	if (count < layout->record_bytes || (whole && count % layout->record_bytes))
		return false;
	for (; count >= layout->record_bytes; count -= layout->record_bytes) {
		if (!is_record(layout, bytes))
			return false;
		bytes += layout->record_bytes;
	}
	return true;
}

static bool champsim_recognise(const uint8_t *bytes, size_t count, bool whole)
{
	return are_records(&standard, bytes, count, whole);
}

static bool cloudsuite_recognise(const uint8_t *bytes, size_t count, bool whole)
{
	return are_records(&cloudsuite, bytes, count, whole);
}

static int champsim_read(struct import *im)
{
	return read_records(im, &standard);
}

static int cloudsuite_read(struct import *im)
{
	return read_records(im, &cloudsuite);
}

const struct import_format import_champsim = {
	.name = "champsim",
	.doc = "ChampSim's input_instr, records of 64 bytes",
	.recognise = champsim_recognise,
	.read = champsim_read,
};

const struct import_format import_cloudsuite = {
	.name = "cloudsuite",
	.doc = "ChampSim's cloudsuite_instr, records of 96 bytes",
	.recognise = cloudsuite_recognise,
	.read = cloudsuite_read,
};
