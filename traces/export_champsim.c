/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * ChampSim's input_instr, as import_champsim.c describes it. Sizes are lost, and so is an access at
 * address 0, which would be none there. Registers are not known, so that ChampSim sees no dependencies; a
 * branch is an instruction after which the program was elsewhere. An instruction with more than four loads
 * or two stores becomes several records; an access without instruction is one at address 0.
 */

#include <string.h>

#include "traces/export_private.h"

enum { RECORD_BYTES = 64, STORES_AT = 16, STORES = 2, LOADS_AT = 32, LOADS = 4 };

struct record {
	uint8_t byte[RECORD_BYTES];
	unsigned loads, stores;
};

static void put_word(uint8_t *to, uint64_t word)
{
	for (unsigned i = 0; i < 8; i++)
		to[i] = (uint8_t)(word >> 8 * i);
}

static bool has_room(const struct record *record, bool store)
{
	return store ? record->stores < STORES : record->loads < LOADS;
}

static void put_access(struct record *record, const struct export_access *access)
{
	unsigned at = access->store ? STORES_AT + 8 * record->stores++
				    : LOADS_AT + 8 * record->loads++;

	put_word(record->byte + at, access->va);
}

static void begin_record(struct record *record, const struct export_instruction *instruction)
{
	memset(record, 0, sizeof(*record));
	put_word(record->byte, instruction->ip);
}

static void write_champsim(FILE *out, const struct export_instruction *instruction,
			   struct trace_export_result *result)
{
	struct record record;

	begin_record(&record, instruction);
	for (uint32_t i = 0; i < instruction->access_count; i++) {
		const struct export_access *access = &instruction->access[i];

		result->lost += access->va == 0;
		if (access->va == 0)
			continue;
		if (!has_room(&record, access->store)) {
			fwrite(record.byte, 1, RECORD_BYTES, out);
			begin_record(&record, instruction);
			result->added++;
		}
		put_access(&record, access);
	}
	record.byte[8] = record.byte[9] = instruction->jumps;
	fwrite(record.byte, 1, RECORD_BYTES, out);
}

const struct export_format export_champsim = {
	.name = "champsim",
	.doc = "ChampSim's input_instr, records of 64 bytes",
	.write = write_champsim,
};
