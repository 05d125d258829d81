/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Entries of machines in textbooks, of our own making: one, two, four or eight bytes.
 *
 *            7     4 3   2   1   0                 15            6 5   4   3   2   1   0
 *           ┌───────┬───┬───┬───┬───┐             ┌───────────────┬───┬───┬───┬───┬───┬───┐
 *   toy-8   │ frame │ D │ A │ W │ V │    toy-16   │ frame         │ D │ A │ U │ X │ W │ V │
 *           └───────┴───┴───┴───┴───┘             └───────────────┴───┴───┴───┴───┴───┴───┘
 *            31                          8 7   6   5   4   3   2   1   0
 *           ┌─────────────────────────────┬───┬───┬───┬───┬───┬───┬───┬───┐
 *   toy-32  │ frame                       │ S │ G │ D │ A │ U │ X │ W │ V │
 *           └─────────────────────────────┴───┴───┴───┴───┴───┴───┴───┴───┘
 *
 * toy-64 is toy-32 with a frame field of 46 bits, 8 to 53; the bits above are ignored.
 *
 * V valid, W writable, X executable, U user, A accessed, D dirty, G global. S, above level 0: this
 * maps a large page (a set bit there at level 0 means nothing). What is valid is readable; with
 * toy-8 it is executable and the user's, too. A pointer to a table has V and nothing else but its
 * address and S = 0; it grants all, and no walk sets A in it.
 *
 * `frame` holds a physical address in units of the base page or of the smallest table below the
 * root, whichever is smaller; of a page, the bits below its size are reserved. So tables of 32
 * bytes and pages of 64 can be told apart by one field. The root is in a register, which holds any
 * address.
 */

#include "mmu/bit_private.h"
#include "mmu/radix_entry.h"

enum { V = 0, W = 1, X = 2, U = 3, G = 6, S = 7 };

struct toy_layout {
	uint8_t entry_lg2, accessed, dirty, frame, end;
	bool few; /* no X, U, G, S */
	bool large;
	const struct entry_field *fields;
};

static const struct entry_field toy_8_fields[] = {
	{ "V", V, 1, IN_ALL }, { "W", W, 1, IN_ALL },     { "A", 2, 1, IN_ALL },
	{ "D", 3, 1, IN_ALL }, { "FRAME", 4, 4, IN_ALL }, { 0 },
};
static const struct entry_field toy_16_fields[] = {
	{ "V", V, 1, IN_ALL },      { "W", W, 1, IN_ALL },
	{ "X", X, 1, IN_ALL },      { "U", U, 1, IN_ALL },
	{ "A", 4, 1, IN_ALL },      { "D", 5, 1, IN_ALL },
	{ "FRAME", 6, 10, IN_ALL }, { 0 },
};
static const struct entry_field toy_32_fields[] = {
	{ "V", V, 1, IN_ALL },      { "W", W, 1, IN_ALL },
	{ "X", X, 1, IN_ALL },      { "U", U, 1, IN_ALL },
	{ "A", 4, 1, IN_ALL },      { "D", 5, 1, IN_ALL },
	{ "G", G, 1, IN_ALL },      { "S", S, 1, IN_ALL },
	{ "FRAME", 8, 24, IN_ALL }, { 0 },
};

static const struct entry_field toy_64_fields[] = {
	{ "V", V, 1, IN_ALL },      { "W", W, 1, IN_ALL },
	{ "X", X, 1, IN_ALL },      { "U", U, 1, IN_ALL },
	{ "A", 4, 1, IN_ALL },      { "D", 5, 1, IN_ALL },
	{ "G", G, 1, IN_ALL },      { "S", S, 1, IN_ALL },
	{ "FRAME", 8, 46, IN_ALL }, { 0 },
};

static const struct toy_layout layouts[] = {
	{ 0, 2, 3, 4, 8, true, false, toy_8_fields },
	{ 1, 4, 5, 6, 16, false, false, toy_16_fields },
	{ 2, 4, 5, 8, 32, false, true, toy_32_fields },
	{ 3, 4, 5, 8, 54, false, true, toy_64_fields },
};

static uint8_t toy_perms(uint64_t raw)
{
	return (uint8_t)(PERM_READ | (raw & BIT(W) ? PERM_WRITE : 0) |
			 (raw & BIT(X) ? PERM_EXEC : 0) | (raw & BIT(U) ? PERM_USER : 0));
}

static uint64_t toy_bits(unsigned perms)
{
	return (perms & PERM_WRITE ? BIT(W) : 0) | (perms & PERM_EXEC ? BIT(X) : 0) |
	       (perms & PERM_USER ? BIT(U) : 0);
}

static uint8_t toy_8_perms(uint64_t raw)
{
	return (uint8_t)(PERM_READ | PERM_EXEC | PERM_USER | (raw & BIT(W) ? PERM_WRITE : 0));
}

static uint64_t toy_8_bits(unsigned perms)
{
	return perms & PERM_WRITE ? BIT(W) : 0;
}

/* What the frame field counts, log2 of bytes. */
static unsigned unit_lg2(const struct toy_layout *layout, const struct radix_config *config)
{
	unsigned lg2 = config->offset_bits;

	for (unsigned i = 0; i + 1 < config->level_count; i++)
		if (config->index_bits[i] + layout->entry_lg2 < lg2)
			lg2 = config->index_bits[i] + layout->entry_lg2;
	return lg2;
}

static void toy_level(struct radix_level_encoding *level, unsigned number, bool leaf_allowed,
		      unsigned leaf_low_bit, unsigned address_end, const struct toy_layout *layout)
{
	const uint64_t above = bits_between(address_end, layout->end);

	level->present = (struct bit_test){ BIT(V), BIT(V) };
	level->table_test = number > 0 ? (struct bit_test){ 0, 0 } : (struct bit_test){ 0, 1 };
	level->leaf_reserved = bits_between(layout->frame, leaf_low_bit) | above;
	level->leaf_address = bits_between(leaf_low_bit, address_end);
	level->table_bits = BIT(V);
	level->leaf_bits = BIT(V);
	level->table_reserved = bits_between(W, layout->frame) | above;
	if (number > 0 && leaf_allowed) {
		level->table_test = (struct bit_test){ BIT(S), 0 };
		level->table_reserved &= ~BIT(S);
		level->leaf_bits |= BIT(S);
	}
}

int radix_encoding_toy(struct radix_encoding *encoding, const struct radix_config *config,
		       const uint8_t *page_lg2, struct config_complaint *complaint)
{
	const struct toy_layout *layout = &layouts[config->entry - RADIX_ENTRY_TOY_8];
	const unsigned unit = unit_lg2(layout, config), frames_lg2 = layout->end - layout->frame;
	const unsigned address_end = config->pa_bits - unit + layout->frame;
	const struct perm_runs runs = { W, layout->few ? 1 : 3, 0, 0 };

	for (unsigned i = 1; i < config->level_count; i++)
		if (config->leaf_allowed[i] && !layout->large)
			return radix_complain(complaint, "leaf_levels",
					      "[0] for entries of toy-8 and toy-16, which know no "
					      "large pages");
	if (config->pa_bits <= config->offset_bits || config->pa_bits > unit + frames_lg2)
		return radix_complain(
			complaint, "pa_bits",
			"more than offset_bits, and at most 4, 10, 24 or 46 (toy-8, "
			"toy-16, toy-32, toy-64) more than log2 of a page or, if smaller, of "
			"the smallest table below the root");
	encoding->entry_lg2 = layout->entry_lg2;
	encoding->address_shift = (uint8_t)((layout->frame - unit) & 63);
	encoding->root_anywhere = true;
	encoding->table_address = bits_between(layout->frame, address_end);
	encoding->accessed = BIT(layout->accessed);
	encoding->dirty = BIT(layout->dirty);
	encoding->global = layout->large ? BIT(G) : 0;
	encoding->fields = layout->fields;
	if (layout->few)
		perm_code_init(&encoding->perms, &runs, toy_8_perms, toy_8_bits);
	else
		perm_code_init(&encoding->perms, &runs, toy_perms, toy_bits);
	for (unsigned i = 0; i < config->level_count; i++)
		toy_level(&encoding->level[i], i, i == 0 || config->leaf_allowed[i],
			  page_lg2[i] - unit + layout->frame, address_end, layout);
	return PW_OK;
}
