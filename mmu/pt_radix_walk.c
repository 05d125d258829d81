/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Walks of a radix table: step by step for the core (radix_walk_next), and silently in one loop
 * (radix_probe). Both hand each entry to judge(), the only place that knows the rules.
 *
 * Order of checks: present, reserved bits, then A of a pointer to a table; at the leaf present,
 * reserved bits, access rights, then A and D. So a refused access leaves the leaf's A and D alone.
 * Where software sets A or D, a walk that misses them faults there and then. Armv8 ranks a missing
 * access flag before the access rights; here all have the one order. Source: Intel SDM volume 3A, chapter "Paging" (December 2023), sections "4-Level Paging and
 * 5-Level Paging", "Determination of Access Rights", "Accessed and Dirty Flags".
 *
 * Nearly every entry above the leaf is plain: present, a pointer to a table, with A set, and
 * granting all. One comparison with masks that follow from the encoding tells; the full judgement
 * of such an entry would be the same.
 *
 * Not modelled: speculative walks.
 */

#include "mmu/pt_radix_private.h"

#include <assert.h>
#include <string.h>

/* Between two calls of walk_next a walk waits for one of these. */
enum radix_phase {
	PHASE_ENTRY,         /* the read of the entry at state->level */
	PHASE_TABLE_WRITTEN, /* A set in the pointer to a table: word[WORD_RAW] */
	PHASE_LEAF_WRITTEN,  /* A, D set in the leaf: word[WORD_RAW] */
};
enum { WORD_RAW };

/* ---- the rules ---- */

enum verdict { VERDICT_FAULT, VERDICT_TABLE, VERDICT_LEAF };

struct judgement {
	enum verdict verdict;
	enum fault_kind fault; /* VERDICT_FAULT */
	uint8_t perms;         /* of the path with this entry; not of a fault */
	uint64_t missing;      /* bits that the walk flips in it, to set A and D */
};

/* Adds to the mask and the value of `sum` what makes `test` hold. False: they contradict. */
static bool bit_test_add(struct bit_test *sum, struct bit_test test)
{
	if ((test.value & ~test.mask) || ((sum->value ^ test.value) & sum->mask & test.mask))
		return false;
	sum->mask |= test.mask;
	sum->value |= test.value;
	return true;
}

void radix_walk_prepare(struct radix *radix)
{
	const struct radix_encoding *e = &radix->encoding;
	const struct bit_test never = { 0, 1 };

	for (unsigned i = 0; i < radix->level_count; i++) {
		struct radix_level *level = &radix->level[i];
		const struct radix_level_encoding *here = &e->level[i];
		const struct bit_test accessed = { here->table_accessed, here->table_accessed };
		const struct bit_test clear = { here->table_reserved | e->no_execute, 0 };
		const struct bit_test grants_all = { e->perms.mask, e->perms.encode[PERMS_ALL] };
		struct bit_test plain = here->present;

		assert(here->present.value != 0);
		assert(level->shift >= e->entry_lg2);
		level->offset_shift = (uint8_t)(level->shift - e->entry_lg2);
		level->offset_mask = level->index_mask << e->entry_lg2;
		if (!bit_test_add(&plain, clear) || !bit_test_add(&plain, accessed) ||
		    !bit_test_add(&plain, here->table_test) ||
		    (here->table_perms && !bit_test_add(&plain, grants_all)))
			plain = never;
		level->plain_table = plain;
	}
}

static inline struct judgement judged_fault(enum fault_kind fault)
{
	return (struct judgement){ .verdict = VERDICT_FAULT, .fault = fault };
}

/* A supervisor may write what is not writable, without write_protect. */
static inline uint64_t dirty_of(const struct radix_encoding *encoding, uint8_t perms)
{
	if (PAGEWALK_UNLIKELY(encoding->dirty_soft) && !(perms & PERM_WRITE))
		return encoding->dirty_soft;
	return encoding->dirty;
}

static inline struct judgement judge_leaf(const struct radix_encoding *encoding,
					  const struct walk_input *input, uint8_t perms,
					  uint64_t raw)
{
	uint8_t granted = perm_decode(&encoding->perms, raw);
	uint64_t wanted = encoding->accessed, missing;

	perms &= granted;
	if (!access_allowed(&input->controls, input->mode, input->access, perms))
		return judged_fault(granted & PERMS_RESERVED ? FAULT_RESERVED : FAULT_PROTECTION);
	if (input->access == ACCESS_WRITE)
		wanted |= dirty_of(encoding, granted);
	missing = wanted & ~(raw ^ encoding->inverted);
	if (PAGEWALK_UNLIKELY(missing & encoding->software)) {
		if (!input->look)
			return judged_fault(missing & encoding->software & encoding->accessed
						    ? FAULT_ACCESSED
						    : FAULT_DIRTY);
		missing &= ~encoding->software;
	}
	return (struct judgement){ VERDICT_LEAF, FAULT_NONE, perms, missing };
}

/* What an entry of a level is to a walk that comes with these permissions, if it is not plain. */
__attribute__((always_inline)) static inline struct judgement
judge_other(const struct radix *radix, const struct walk_input *input, unsigned level,
	    uint8_t perms, uint64_t raw)
{
	const struct radix_encoding *encoding = &radix->encoding;
	const struct radix_level_encoding *here = &encoding->level[level];
	uint64_t reserved;
	bool table;

	if (!bit_test_holds(here->present, raw))
		return judged_fault(FAULT_NOT_PRESENT);
	table = bit_test_holds(here->table_test, raw);
	reserved = table ? here->table_reserved : here->leaf_reserved;
	if (!input->controls.no_execute)
		reserved |= encoding->no_execute;
	if (raw & reserved)
		return judged_fault(FAULT_RESERVED);
	if (!table)
		return judge_leaf(encoding, input, perms, raw);
	if (here->table_perms)
		perms &= perm_decode(&encoding->perms, raw);
	return (struct judgement){ VERDICT_TABLE, FAULT_NONE, perms, here->table_accessed & ~raw };
}

__attribute__((always_inline)) static inline struct judgement judge(const struct radix *radix,
								    const struct walk_input *input,
								    unsigned level, uint8_t perms,
								    uint64_t raw)
{
	if (PAGEWALK_LIKELY(bit_test_holds(radix->level[level].plain_table, raw)))
		return (struct judgement){ VERDICT_TABLE, FAULT_NONE, perms, 0 };
	return judge_other(radix, input, level, perms, raw);
}

static inline void leaf_of(const struct radix *radix, va_t va, unsigned level, uint64_t raw,
			   struct translation *leaf)
{
	const struct radix_encoding *encoding = &radix->encoding;
	uint64_t bytes = radix_span(radix, level), normal = raw ^ encoding->inverted;

	leaf->va = va & ~(bytes - 1);
	leaf->pa = radix_leaf_pa(radix, level, raw);
	leaf->bytes = bytes;
	leaf->page_lg2 = radix->level[level].shift;
	leaf->global = normal & encoding->global;
	leaf->accessed = normal & encoding->accessed;
	leaf->dirty = normal & (encoding->dirty | encoding->dirty_soft);
}

/* One instruction for the common sizes, where a length that varies would be a call. */
static inline uint64_t entry_in(const struct radix *radix, const void *line)
{
	if (PAGEWALK_LIKELY(radix->encoding.entry_lg2 == 3))
		return walk_load(line, 8);
	if (radix->encoding.entry_lg2 == 2)
		return walk_load(line, 4);
	return radix->encoding.entry_lg2 == 1 ? walk_load(line, 2) : walk_load(line, 1);
}

/* ---- silently ---- */

/* An entry within the last eight bytes of memory, or beyond it. */
__attribute__((noinline)) static uint64_t peek_last(const struct radix *radix,
						    const struct phys_mem *mem, pa_t pa)
{
	if (!phys_mem_holds(mem, pa, UINT64_C(1) << radix->encoding.entry_lg2))
		return 0;
	return entry_in(radix, phys_mem_at(mem, pa));
}

/* Memory that is not there reads as zero. */
static inline uint64_t peek_entry(const struct radix *radix, const struct phys_mem *mem, pa_t table,
				  unsigned level, va_t va)
{
	pa_t pa = radix_entry_pa(radix, table, level, va);

	if (PAGEWALK_UNLIKELY(!phys_mem_holds(mem, pa, sizeof(uint64_t))))
		return peek_last(radix, mem, pa);
	return entry_in(radix, phys_mem_at(mem, pa));
}

enum fault_kind radix_probe(const struct walk_input *input, struct translation *leaf, unsigned *end)
{
	const struct radix *radix = input->space->table->format;
	const struct phys_mem *mem = input->space->table->memory->mem;
	unsigned level = radix->level_count - 1;
	pa_t table = input->space->root;
	uint8_t perms = PERMS_ALL;

	for (;; level--) {
		uint64_t raw = peek_entry(radix, mem, table, level, input->va);
		struct judgement seen;

		while (PAGEWALK_LIKELY(bit_test_holds(radix->level[level].plain_table, raw))) {
			table = radix_table_pa(radix, raw);
			level--;
			raw = peek_entry(radix, mem, table, level, input->va);
		}
		seen = judge_other(radix, input, level, perms, raw);
		perms = seen.perms;
		switch (seen.verdict) {
		case VERDICT_TABLE:
			table = radix_table_pa(radix, raw);
			continue;
		case VERDICT_LEAF:
			if (!leaf)
				return FAULT_NONE;
			leaf_of(radix, input->va, level, raw ^ seen.missing, leaf);
			leaf->perms = perms;
			return FAULT_NONE;
		case VERDICT_FAULT:
			*end = level;
			return seen.fault;
		}
	}
}

/* ---- step by step ---- */

void radix_walk_start(const struct walk_input *input, struct walk_state *state)
{
	const struct pt_space *space = input->space;

	state->table = space->root;
	state->level = (uint8_t)(radix_of(space->table)->level_count - 1);
	state->phase = PHASE_ENTRY;
	state->perms = PERMS_ALL;
	state->count = 0;
	memset(state->word, 0, sizeof(state->word));
}

static inline enum walk_step step_read(const struct radix *radix, const struct walk_input *input,
				       struct walk_state *state, struct walk_request *request)
{
	request->read.ref[0].pa = radix_entry_pa(radix, state->table, state->level, input->va);
	request->read.ref[0].bytes = (uint16_t)(1u << radix->encoding.entry_lg2);
	request->read.count = 1;
	request->read.level = state->level;
	request->read.together = false;
	request->cacheable = state->level + 1u < radix->level_count;
	state->phase = PHASE_ENTRY;
	return WALK_READ;
}

/* Replaces the entry by word[WORD_RAW]; what comes then depends on the phase. */
static enum walk_step step_write(const struct radix *radix, const struct walk_input *input,
				 const struct walk_state *state, uint64_t raw,
				 struct walk_request *request)
{
	request->write.pa = radix_entry_pa(radix, state->table, state->level, input->va);
	request->write.old_value = raw;
	request->write.new_value = state->word[WORD_RAW];
	request->write.bytes = (uint8_t)(1u << radix->encoding.entry_lg2);
	request->write.level = state->level;
	return WALK_WRITE;
}

static inline enum walk_step step_down(const struct radix *radix, const struct walk_input *input,
				       struct walk_state *state, uint64_t raw,
				       struct walk_request *request)
{
	state->table = radix_table_pa(radix, raw);
	state->level--;
	state->word[WORD_RAW] = 0;
	return step_read(radix, input, state, request);
}

static inline enum walk_step step_leaf(const struct radix *radix, const struct walk_input *input,
				       const struct walk_state *state, uint64_t raw,
				       struct walk_request *request)
{
	leaf_of(radix, input->va, state->level, raw, &request->leaf);
	if (PAGEWALK_UNLIKELY(input->span_lg2))
		radix_leaf_widen(input, state, raw, &request->leaf);
	return WALK_LEAF;
}

static enum walk_step entry_arrived(const struct radix *radix, const struct walk_input *input,
				    struct walk_state *state, uint64_t raw,
				    struct walk_request *request)
{
	struct judgement seen = judge(radix, input, state->level, state->perms, raw);

	if (seen.verdict == VERDICT_FAULT) {
		request->fault.kind = (uint8_t)seen.fault;
		request->fault.level = state->level;
		return WALK_FAULT;
	}
	if (seen.missing) {
		state->phase = seen.verdict == VERDICT_LEAF ? PHASE_LEAF_WRITTEN
							    : PHASE_TABLE_WRITTEN;
		state->word[WORD_RAW] = raw ^ seen.missing;
		return step_write(radix, input, state, raw, request);
	}
	if (seen.verdict == VERDICT_TABLE) {
		state->perms = seen.perms;
		return step_down(radix, input, state, raw, request);
	}
	request->leaf.perms = seen.perms;
	return step_leaf(radix, input, state, raw, request);
}

/* A and D are set in the entry, as judged before; it needs no second judgement. */
static enum walk_step entry_written(const struct radix *radix, const struct walk_input *input,
				    struct walk_state *state, struct walk_request *request)
{
	uint64_t raw = state->word[WORD_RAW];

	if (state->phase == PHASE_TABLE_WRITTEN) {
		if (radix->encoding.level[state->level].table_perms)
			state->perms &= perm_decode(&radix->encoding.perms, raw);
		return step_down(radix, input, state, raw, request);
	}
	request->leaf.perms = state->perms & perm_decode(&radix->encoding.perms, raw);
	return step_leaf(radix, input, state, raw, request);
}

enum walk_step radix_walk_next(const struct walk_input *input, struct walk_state *state,
			       const struct walk_reply *reply, struct walk_request *request)
{
	const struct radix *radix = input->space->table->format;

	if (!reply)
		return step_read(radix, input, state, request);
	if (PAGEWALK_LIKELY(state->phase == PHASE_ENTRY))
		return entry_arrived(radix, input, state, entry_in(radix, reply->line[0]), request);
	if (reply->write_lost)
		return step_read(radix, input, state, request);
	return entry_written(radix, input, state, request);
}
