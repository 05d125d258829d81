/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * The hashed page table (HTAB) of 32-bit PowerPC (603, 604): a bounded table over a backing one, as
 * Linux uses it. What bounded tables are is told in pt_bounded_private.h.
 *
 *   effective address    31 .. 28        27 .. 12     11 .. 0
 *                       ┌──────────┬────────────────┬─────────┐
 *                       │ segment  │  page index    │ offset  │
 *                       └──────────┴────────────────┴─────────┘
 *   segment register ──> VSID, 24 bits; here ASID x 16 + segment (Linux spreads contexts by 897)
 *   hash 1 = VSID<18:0> XOR page index, hash 2 = its complement; PTE group = hash modulo groups
 *
 *   PTE group: eight PTEs of 8 bytes. PTE, as one word of 64 bits:
 *     63 V | 62..39 VSID | 38 H (1: entered by hash 2) | 37..32 API, the page index's upper 6 bits
 *     31..12 RPN | 11 no-execute | 10 global | 8 R | 7 C | 6..3 WIMG (0) | 1..0 PP
 *     (real: bits 11 and 10 are reserved, no-execute is a segment's)
 *   PP, with the key of user mode 1 and that of supervisor mode 0:
 *     00 supervisor, writable    10 both, writable    11 both, read-only
 *     01 supervisor, read-only (real: supervisor writable, user read-only; not needed here)
 *
 * The hardware reads the group of hash 1, then that of hash 2, a cache line at a time, up to the PTE
 * that matches: at most 16 PTEs in two groups of 64 bytes, four lines of 32. A miss is an exception
 * (DSI, ISI): its handler walks the backing table, looks for an empty slot in the first group, then
 * in the second, else displaces in the first the one whose turn it is (a counter in memory, as in
 * Linux). What is displaced lives on in the backing table. R is always set. C is set when the page
 * is dirty in the backing table: hardware never has to set it, a store to a clean page is an
 * exception (as in Linux, which maps clean pages read-only).
 *
 * Not modelled: block address translation (BAT), the 603's software search, direct-store segments.
 *
 * Source: Motorola, "PowerPC Microprocessor Family: The Programming Environments for 32-Bit
 * Microprocessors", 1997, chapter 7 (7.6, "Hashed Page Tables").
 */

#include "mmu/bit_private.h"
#include "mmu/pt_bounded_private.h"
#include "mmu/pt_formats_private.h"

#include <string.h>

enum { VA_BITS = 32, PA_BITS = 32, SEGMENT_LG2 = 28, PAGE_INDEX_BITS = 16, API_SHIFT = 10 };
enum { GROUP_SLOTS = 8, GROUP_BYTES = 64, PTE_BYTES = 8, HASH_BITS = 19 };
enum { GROUPS_MIN = 1 << 10, GROUPS_MAX = 1 << HASH_BITS };
enum pte_bits { PTE_PP = 0, PTE_C = 7, PTE_R = 8, PTE_G = 10, PTE_N = 11, PTE_RPN = 12 };
enum { PTE_API = 32, PTE_H = 38, PTE_VSID = 39, PTE_V = 63 };
enum { WORD_NEW, WORD_SLOT, WORD_OLD };

enum refill_step { FIRST_GROUP, SECOND_GROUP, COUNTER, VICTIM, WRITTEN, TURNED };

static uint64_t vsid_of(asid_t asid, va_t va)
{
	return (uint64_t)asid << 4 | (va >> SEGMENT_LG2 & 15);
}

static uint64_t page_index(va_t va)
{
	return va >> FRAME_LG2 & (BIT(PAGE_INDEX_BITS) - 1);
}

static uint64_t group_of(const struct bounded *b, uint64_t vsid, uint64_t index, unsigned second)
{
	uint64_t hash = (vsid ^ index) & (BIT(HASH_BITS) - 1);

	return (second ? ~hash : hash) & (b->slots / GROUP_SLOTS - 1);
}

static pa_t group_pa(const struct bounded *b, asid_t asid, va_t va, unsigned second)
{
	return b->table + group_of(b, vsid_of(asid, va), page_index(va), second) * GROUP_BYTES;
}

/* V, VSID, H and API of the PTE of a page. */
static uint64_t upper_of(asid_t asid, va_t va, unsigned second)
{
	return BIT(PTE_V) | vsid_of(asid, va) << PTE_VSID | (uint64_t)second << PTE_H |
	       page_index(va) >> API_SHIFT << PTE_API;
}

static bool pte_matches(uint64_t pte, uint64_t upper)
{
	return (pte ^ upper) >> PTE_API == 0;
}

static uint64_t pte_encode(const struct translation *leaf)
{
	bool write = leaf->perms & PERM_WRITE, user = leaf->perms & PERM_USER;
	unsigned pp = write ? (user ? 2 : 0) : (user ? 3 : 1);

	return leaf->pa | (leaf->perms & PERM_EXEC ? 0 : BIT(PTE_N)) |
	       (leaf->global ? BIT(PTE_G) : 0) | BIT(PTE_R) | (leaf->dirty ? BIT(PTE_C) : 0) | pp;
}

static void pte_decode(uint64_t pte, va_t va, struct translation *leaf)
{
	static const uint8_t perms[] = { PERM_WRITE, 0, PERM_WRITE | PERM_USER, PERM_USER };

	*leaf = (struct translation){
		.va = va & ~(va_t)(FRAME_BYTES - 1),
		.pa = pte & (BIT(PA_BITS) - FRAME_BYTES),
		.bytes = FRAME_BYTES,
		.page_lg2 = FRAME_LG2,
		.perms = (uint8_t)(PERM_READ | perms[pte & 3] | (pte & BIT(PTE_N) ? 0 : PERM_EXEC)),
		.global = pte & BIT(PTE_G),
		.accessed = true,
		.dirty = pte & BIT(PTE_C),
	};
}

/* ---- the hardware's search ---- */

static unsigned lines_a_group(const struct walk_input *input)
{
	return GROUP_BYTES / input->space->table->config.htab.line_bytes;
}

static pa_t line_pa(const struct bounded *b, const struct walk_input *input, unsigned stage)
{
	unsigned lines = lines_a_group(input);

	return group_pa(b, input->space->asid, input->va, stage / lines) +
	       (pa_t)(stage % lines) * input->space->table->config.htab.line_bytes;
}

static unsigned htab_look(const struct bounded *b, const struct walk_input *input, unsigned stage,
			  struct walk_ref *ref)
{
	if (stage >= 2 * lines_a_group(input))
		return 0;
	ref->pa = line_pa(b, input, stage);
	ref->bytes = (uint16_t)input->space->table->config.htab.line_bytes;
	return 1;
}

/* The index in a line of the page's PTE, or -1. */
static int find_in_line(const struct walk_input *input, unsigned stage, const uint8_t *line)
{
	unsigned count = input->space->table->config.htab.line_bytes / PTE_BYTES;
	uint64_t upper = upper_of(input->space->asid, input->va, stage / lines_a_group(input));

	for (unsigned i = 0; i < count; i++)
		if (pte_matches(walk_load(line + i * PTE_BYTES, PTE_BYTES), upper))
			return (int)i;
	return -1;
}

static bool htab_match(const struct bounded *b, const struct walk_input *input, unsigned stage,
		       const struct walk_reply *reply, struct translation *leaf)
{
	const uint8_t *line = reply->line[0];
	int found = find_in_line(input, stage, line);

	(void)b;
	if (found < 0)
		return false;
	pte_decode(walk_load(line + found * PTE_BYTES, PTE_BYTES), input->va, leaf);
	return true;
}

/* A PTE that is there and stands for less than is wanted is written over. */
static void htab_remember(const struct bounded *b, const struct walk_input *input,
			  const struct walk_reply *reply, bool found, struct walk_state *state)
{
	const uint8_t *line = reply->line[0];
	int i;

	state->word[WORD_SLOT] = 0;
	if (!found)
		return;
	i = find_in_line(input, state->count, line);
	state->word[WORD_SLOT] = line_pa(b, input, state->count) + (pa_t)i * PTE_BYTES;
	state->word[WORD_OLD] = walk_load(line + i * PTE_BYTES, PTE_BYTES);
}

/* ---- the handler's refill ---- */

static enum walk_step step_read(pa_t pa, unsigned bytes, unsigned count, enum refill_step step,
				struct walk_state *state, struct walk_request *request)
{
	for (unsigned i = 0; i < count; i++) {
		request->read.ref[i].pa = pa + (pa_t)i * bytes;
		request->read.ref[i].bytes = (uint16_t)bytes;
	}
	request->read.count = (uint8_t)count;
	request->read.level = 0;
	request->read.together = false;
	request->cacheable = false;
	state->count = (uint8_t)step;
	return WALK_READ;
}

static enum walk_step step_group(const struct bounded *b, const struct walk_input *input,
				 unsigned second, struct walk_state *state,
				 struct walk_request *request)
{
	unsigned lines = lines_a_group(input);

	return step_read(line_pa(b, input, second * lines),
			 input->space->table->config.htab.line_bytes, lines,
			 second ? SECOND_GROUP : FIRST_GROUP, state, request);
}

static enum walk_step step_write(pa_t pa, uint64_t old, uint64_t new, enum refill_step step,
				 struct walk_state *state, struct walk_request *request)
{
	request->write.pa = pa;
	request->write.old_value = old;
	request->write.new_value = new;
	request->write.bytes = PTE_BYTES;
	request->write.level = 0;
	state->count = (uint8_t)step;
	return WALK_WRITE;
}

static enum walk_step step_done(const struct walk_input *input, const struct walk_state *state,
				struct walk_request *request)
{
	pte_decode(state->word[WORD_NEW], input->va, &request->leaf);
	return WALK_LEAF;
}

/* An empty slot of the group that was read is taken; none: the other group, or the counter. */
static enum walk_step group_read(const struct bounded *b, const struct walk_input *input,
				 struct walk_state *state, const struct walk_reply *reply,
				 struct walk_request *request)
{
	unsigned second = state->count == SECOND_GROUP, lines = lines_a_group(input);
	unsigned a_line = GROUP_SLOTS / lines;

	for (unsigned i = 0; i < GROUP_SLOTS; i++) {
		const uint8_t *line = reply->line[i / a_line];
		uint64_t pte = walk_load(line + i % a_line * PTE_BYTES, PTE_BYTES);

		if (pte & BIT(PTE_V))
			continue;
		state->word[WORD_SLOT] = 0;
		return step_write(
			group_pa(b, input->space->asid, input->va, second) + (pa_t)i * PTE_BYTES,
			pte,
			state->word[WORD_NEW] | upper_of(input->space->asid, input->va, second),
			WRITTEN, state, request);
	}
	if (!second)
		return step_group(b, input, 1, state, request);
	return step_read(b->data, PTE_BYTES, 1, COUNTER, state, request);
}

static enum walk_step htab_refill(const struct bounded *b, const struct walk_input *input,
				  struct walk_state *state, const struct walk_reply *reply,
				  const struct translation *leaf, struct walk_request *request)
{
	asid_t asid = input->space->asid;
	uint64_t old;

	if (leaf) {
		state->word[WORD_NEW] = pte_encode(leaf);
		if (!state->word[WORD_SLOT])
			return step_group(b, input, 0, state, request);
		/* Its own PTE, which stood for a clean page. */
		old = state->word[WORD_OLD];
		return step_write(state->word[WORD_SLOT], old,
				  state->word[WORD_NEW] | old >> PTE_API << PTE_API, TURNED, state,
				  request);
	}
	switch ((enum refill_step)state->count) {
	case FIRST_GROUP:
	case SECOND_GROUP:
		return group_read(b, input, state, reply, request);
	case COUNTER:
		old = walk_load(reply->line[0], PTE_BYTES);
		state->word[WORD_OLD] = old;
		state->word[WORD_SLOT] =
			group_pa(b, asid, input->va, 0) + (old & (GROUP_SLOTS - 1)) * PTE_BYTES;
		return step_read(state->word[WORD_SLOT], PTE_BYTES, 1, VICTIM, state, request);
	case VICTIM:
		return step_write(state->word[WORD_SLOT], walk_load(reply->line[0], PTE_BYTES),
				  state->word[WORD_NEW] | upper_of(asid, input->va, 0), WRITTEN,
				  state, request);
	case WRITTEN:
		if (!state->word[WORD_SLOT])
			break;
		old = state->word[WORD_OLD];
		return step_write(b->data, old, (old + 1) & (GROUP_SLOTS - 1), TURNED, state,
				  request);
	case TURNED:
		break;
	}
	return step_done(input, state, request);
}

/* ---- copies ---- */

static void htab_clear(struct page_table *pt, uint64_t index)
{
	pt_memory_store(pt->memory, bounded_of(pt)->table + index * PTE_BYTES, PTE_BYTES, 0);
}

static void htab_forget(const struct pt_space *space, va_t va)
{
	struct page_table *pt = space->table;
	const struct bounded *b = bounded_of(pt);

	for (unsigned second = 0; second < 2; second++) {
		pa_t group = group_pa(b, space->asid, va, second);
		uint64_t upper = upper_of(space->asid, va, second);

		for (unsigned i = 0; i < GROUP_SLOTS; i++) {
			pa_t pa = group + (pa_t)i * PTE_BYTES;

			if (!pte_matches(pt_memory_load(pt->memory, pa, PTE_BYTES), upper))
				continue;
			htab_clear(pt, (pa - b->table) / PTE_BYTES);
			return;
		}
	}
}

/* The page index follows from the group: hash XOR VSID; its upper bits are in the PTE, too. */
static bool htab_copy(const struct page_table *pt, uint64_t index, asid_t *asid, va_t *va,
		      struct translation *leaf)
{
	const struct bounded *b = bounded_of(pt);
	uint64_t pte = walk_load(phys_mem_at(pt->memory->mem, b->table + index * PTE_BYTES), 8);
	uint64_t vsid = pte >> PTE_VSID & (BIT(24) - 1), hash = index / GROUP_SLOTS, page;

	if (!(pte & BIT(PTE_V)))
		return false;
	if (pte & BIT(PTE_H))
		hash = ~hash;
	page = (hash ^ vsid) & (BIT(API_SHIFT) - 1);
	page |= (pte >> PTE_API & 63) << API_SHIFT;
	*asid = (asid_t)(vsid >> 4);
	*va = (vsid & 15) << SEGMENT_LG2 | page << FRAME_LG2;
	pte_decode(pte, *va, leaf);
	return true;
}

static const struct bounded_kind htab_kind = {
	.look = htab_look,
	.match = htab_match,
	.remember = htab_remember,
	.refill = htab_refill,
	.forget = htab_forget,
	.copy = htab_copy,
	.clear = htab_clear,
};

/* ---- creation ---- */

static int htab_config_check(const struct pt_config *all, struct config_complaint *complaint)
{
	const struct htab_config *config = &all->htab;

	if (config->groups < GROUPS_MIN || config->groups > GROUPS_MAX ||
	    (config->groups & (config->groups - 1)))
		return bounded_complain(complaint, "page_table.htab.groups",
					"a power of two from 1024 to 524288");
	if (config->line_bytes != 32 && config->line_bytes != 64)
		return bounded_complain(complaint, "page_table.htab.line_bytes", "32 or 64");
	return bounded_check_instructions(config->handler_instructions,
					  "page_table.htab.handler_instructions", complaint);
}

static int htab_create(struct page_table *pt, struct config_complaint *complaint)
{
	const struct htab_config *config = &pt->config.htab;
	const struct bounded model = { .kind = &htab_kind,
				       .slots = (uint64_t)config->groups * GROUP_SLOTS,
				       .has_data = true,
				       .miss_instructions = config->handler_instructions };
	int error = htab_config_check(&pt->config, complaint);

	if (!error)
		error = bounded_create(pt, &model, model.slots * PTE_BYTES, complaint);
	if (error)
		return error;
	if (pt->caps.base_page_lg2 != FRAME_LG2 || pt->caps.va_bits < VA_BITS) {
		bounded_destroy(pt);
		return bounded_complain(
			complaint, "page_table.backing",
			"a table of 4 KiB pages for 32 bits or more, behind an HTAB");
	}
	pt->caps.page_sizes = FRAME_BYTES;
	pt->caps.sign_extended &= pt->caps.va_bits == VA_BITS;
	pt->caps.va_bits = VA_BITS;
	if (pt->caps.pa_bits > PA_BITS)
		pt->caps.pa_bits = PA_BITS;
	return PW_OK;
}

static unsigned htab_describe(const struct page_table *pt, unsigned level, const void *bytes,
			      unsigned length, struct pt_field *fields)
{
	static const struct pt_field all[] = {
		{ "V", PTE_V, 1, 0 },     { "VSID", PTE_VSID, 24, 0 }, { "H", PTE_H, 1, 0 },
		{ "API", PTE_API, 6, 0 }, { "RPN", PTE_RPN, 20, 0 },   { "N", PTE_N, 1, 0 },
		{ "G", PTE_G, 1, 0 },     { "R", PTE_R, 1, 0 },        { "C", PTE_C, 1, 0 },
		{ "PP", PTE_PP, 2, 0 },
	};
	const unsigned count = sizeof(all) / sizeof(all[0]);
	uint64_t raw;

	(void)pt;
	/* A line of several PTEs has no meaning of its own. */
	if (level > 0 || length != PTE_BYTES)
		return 0;
	raw = walk_load(bytes, PTE_BYTES);
	for (unsigned i = 0; i < count; i++) {
		fields[i] = all[i];
		fields[i].value = raw >> all[i].low_bit & (BIT(all[i].bits) - 1);
	}
	return count;
}

const struct pt_ops pt_htab_ops = {
	.name = "htab",
	.doc = "PowerPC's hashed page table over a backing table: two hashes, groups of eight",
	.config_check = htab_config_check,
	.page_sizes = pt_backing_page_sizes,
	.create = htab_create,
	.describe = htab_describe,
	BOUNDED_OPS,
};
