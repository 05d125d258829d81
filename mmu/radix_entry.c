/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The registry of entry encodings, and what they share. An architecture enters one line. */

#include "mmu/radix_entry.h"

#include <assert.h>
#include <string.h>

static radix_encoding_fn *const encodings[RADIX_ENTRY_COUNT] = {
	[RADIX_ENTRY_X86_64] = radix_encoding_x86,
	[RADIX_ENTRY_X86_32] = radix_encoding_x86_32,
	[RADIX_ENTRY_X86_PAE] = radix_encoding_x86_pae,
	[RADIX_ENTRY_RISCV_32] = radix_encoding_riscv,
	[RADIX_ENTRY_RISCV_64] = radix_encoding_riscv,
	[RADIX_ENTRY_ARMV8] = radix_encoding_armv8,
	[RADIX_ENTRY_TOY_8] = radix_encoding_toy,
	[RADIX_ENTRY_TOY_16] = radix_encoding_toy,
	[RADIX_ENTRY_TOY_32] = radix_encoding_toy,
	[RADIX_ENTRY_TOY_64] = radix_encoding_toy,
};

int radix_complain(struct config_complaint *complaint, const char *field, const char *must_be)
{
	static const char prefix[] = "page_table.radix.";
	size_t bytes = strlen(field) + 1;

	assert(sizeof(prefix) - 1 + bytes <= sizeof(complaint->field));
	memcpy(complaint->field, prefix, sizeof(prefix) - 1);
	memcpy(complaint->field + sizeof(prefix) - 1, field, bytes);
	complaint->must_be = must_be;
	return PW_INVALID;
}

void perm_code_init(struct perm_code *code, const struct perm_runs *runs,
		    uint8_t (*perms_of)(uint64_t raw), uint64_t (*bits_of)(unsigned perms))
{
	unsigned low_count = runs->low_count, bits = low_count + runs->high_count;

	assert(bits <= PERM_RUN_BITS && (runs->high_count == 0 || runs->high >= low_count));
	code->mask = bits_between(runs->low, runs->low + low_count) |
		     bits_between(runs->high, runs->high + runs->high_count);
	code->low_shift = runs->low;
	code->low_mask = (uint8_t)bits_between(0, low_count);
	code->high_mask = (uint8_t)bits_between(low_count, bits);
	code->high_shift = runs->high_count > 0 ? (uint8_t)(runs->high - low_count) : 0;
	for (uint64_t i = 0; i < UINT64_C(1) << bits; i++)
		code->decode[i] = perms_of((i & code->low_mask) << code->low_shift |
					   (i & code->high_mask) << code->high_shift);
	code->always = PERMS_ALL;
	for (unsigned perms = 0; perms < PERM_SETS; perms++) {
		code->encode[perms] = bits_of(perms);
		if (perms)
			code->always &= perm_decode(code, code->encode[perms]);
	}
}

unsigned radix_entry_describe(const struct radix_encoding *encoding, unsigned level, uint64_t raw,
			      struct pt_field *fields)
{
	const struct radix_level_encoding *here = &encoding->level[level];
	bool table = bit_test_holds(here->table_test, raw);
	unsigned kind = table ? IN_TABLE : level > 0 ? IN_LARGE : IN_PAGE, count = 0;
	uint64_t address = table ? encoding->table_address : here->leaf_address;

	for (const struct entry_field *field = encoding->fields; field->name; field++) {
		uint64_t bits = field->where & IS_ADDRESS ? raw & address : raw;

		if (!(field->where & kind))
			continue;
		assert(count < PT_FIELDS_MAX);
		fields[count++] =
			(struct pt_field){ field->name, field->low_bit, field->bits,
					   bits >> field->low_bit & bits_between(0, field->bits) };
	}
	return count;
}

int radix_encoding_init(struct radix_encoding *encoding, const struct radix_config *config,
			const uint8_t *page_lg2, struct config_complaint *complaint)
{
	int error;

	memset(encoding, 0, sizeof(*encoding));
	if ((unsigned)config->entry >= RADIX_ENTRY_COUNT)
		return radix_complain(complaint, "entry", "a known entry encoding, such as x86-64");
	error = encodings[config->entry](encoding, config, page_lg2, complaint);
	if (config->accessed == RADIX_MARK_SOFTWARE)
		encoding->software |= encoding->accessed;
	if (config->dirty == RADIX_MARK_SOFTWARE)
		encoding->software |= encoding->dirty | encoding->dirty_soft;
	return error;
}

int radix_config_check(const struct radix_config *config, struct config_complaint *complaint)
{
	struct radix_encoding encoding;
	uint8_t page_lg2[PT_LEVELS_MAX];
	unsigned shift = config->offset_bits;

	for (unsigned i = 0; i < config->level_count; i++) {
		page_lg2[i] = (uint8_t)shift;
		shift += config->index_bits[i];
	}
	return radix_encoding_init(&encoding, config, page_lg2, complaint);
}
