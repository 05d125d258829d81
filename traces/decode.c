/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Decoding: the mirror of encode.c, and what a replay spends its time on. An execution is bounded
 * as a whole (its codes, its residuals) before it is decoded; then no access needs a check of its
 * own. Most executions are on the pages that they were on last time: those are told as a whole, so
 * that a machine can serve them as a whole.
 */

#include "traces/decode.h"

#include <stdlib.h>

#include "traces/part.h"
#include "traces/rare.h"
#include "traces/template.h"

struct template
{
	struct trace_path path;
	uint32_t first_slot;
	uint16_t residual_bytes; /* as the codes of its slots say */
	/* The pages of its last execution, if that was on the pages of the one before it. */
	bool touches_known; /* else they are to be made out */
	bool touched;       /* there are not too many of them */
	uint8_t touches;
	struct trace_touch touch[TRACE_TOUCHES_MAX];
};

struct trace_decoder {
	bool has_pc;
	bool ended;       /* END was read: nothing may follow */
	va_t before;      /* the last access */
	va_t defined_end; /* of the last template's last block */
	unsigned template_count, slot_count, step_count;
	uint64_t records; /* that are still to come, says the head */
	struct trace_bytes section[SECTION_COUNT];
	struct template template[TEMPLATES_MAX];
	struct trace_slot slot[SLOTS_MAX + PATH_SLOTS_MAX];
	struct trace_item step[STEPS_MAX + PATH_STEPS_MAX];
	struct trace_parts parts;
};

int trace_decoder_create(struct trace_decoder **out, bool has_pc)
{
	struct trace_decoder *d = calloc(1, sizeof(*d));

	if (!d)
		return PW_NOMEM;
	d->has_pc = has_pc;
	*out = d;
	return PW_OK;
}

void trace_decoder_destroy(struct trace_decoder *decoder)
{
	free(decoder);
}

void trace_decoder_start(struct trace_decoder *d, const struct trace_frame_head *head,
			 const uint8_t *content)
{
	for (unsigned i = 0; i < SECTION_COUNT; i++) {
		d->section[i] = (struct trace_bytes){ content, content + head->bytes[i] };
		content += head->bytes[i];
	}
	d->records = trace_frame_records(head);
	d->before = d->defined_end = 0;
	d->template_count = d->slot_count = d->step_count = 0;
	trace_parts_forget(&d->parts);
	d->ended = false;
}

/* --- templates ------------------------------------------------------------------------------- */

static struct trace_item *add_step(struct trace_decoder *d, struct template *t)
{
	t->path.steps++;
	return &d->step[d->step_count++];
}

static bool define_block(struct trace_decoder *d, struct template *t, bool rep)
{
	struct trace_bytes *in = &d->section[SECTION_TEMPLATES];
	uint32_t bytes, instructions;
	int64_t from_last;
	va_t va;

	if (!get_signed(in, &from_last) || !get_small(in, FRAME_BYTES, &bytes) || bytes == 0 ||
	    !get_small(in, FRAME_BYTES, &instructions))
		return false;
	va = d->defined_end + (va_t)from_last;
	if (va + bytes < va)
		return false;
	*add_step(d, t) = (struct trace_item){ .va = va,
					       .bytes = (uint16_t)bytes,
					       .instructions = (uint16_t)instructions,
					       .kind = rep ? TRACE_ITEM_REP : TRACE_ITEM_BLOCK };
	d->defined_end = va + bytes;
	t->path.blocks++;
	t->path.rep_iterations = (uint8_t)(t->path.rep_iterations + rep);
	t->path.instructions += instructions;
	t->path.last_block = va;
	return true;
}

static bool define_slots(struct trace_decoder *d, struct template *t, unsigned count)
{
	struct trace_bytes *in = &d->section[SECTION_TEMPLATES];
	int64_t pc = 0;

	for (unsigned i = 0; i < count; i++) {
		struct trace_item *access;
		uint32_t bytes;
		int64_t from_last = 0;

		if (!get_small(in, FRAME_BYTES * 2 + 1, &bytes) || bytes < 2 ||
		    (d->has_pc && !get_signed(in, &from_last)))
			return false;
		pc = (int64_t)((uint64_t)pc + (uint64_t)from_last);
		if (pc != (uint16_t)pc)
			return false;
		access = add_step(d, t);
		*access = (struct trace_item){ .bytes = (uint16_t)(bytes >> 1),
					       .pc_offset = (uint16_t)pc,
					       .kind = bytes & 1 ? TRACE_ITEM_STORE
								 : TRACE_ITEM_LOAD };
		slot_init(&d->slot[d->slot_count++], access);
		t->path.accesses++;
		t->path.stores = (uint8_t)(t->path.stores + (bytes & 1));
	}
	return true;
}

/* A block and its slots, or slots alone. */
static bool define_part(struct trace_decoder *d, struct template *t, bool has_block)
{
	struct trace_bytes *in = &d->section[SECTION_TEMPLATES];
	unsigned count, first;
	bool rep;

	if (in->at == in->end)
		return false;
	count = *in->at & (PART_REP - 1);
	rep = *in->at++ & PART_REP;
	if (count > BLOCK_SLOTS_MAX || t->path.accesses + count > PATH_SLOTS_MAX ||
	    d->slot_count + count > SLOTS_MAX || (!has_block && (rep || count == 0)))
		return false;
	if ((has_block && !define_block(d, t, rep)) || !define_slots(d, t, count))
		return false;
	first = d->slot_count - count;
	if (has_block)
		trace_parts_define(&d->parts, d->slot, t->path.last_block, first, count);
	for (unsigned i = first; i < d->slot_count; i++)
		t->residual_bytes = (uint16_t)(t->residual_bytes + code_bytes(d->slot[i].code));
	return true;
}

static bool define(struct trace_decoder *d)
{
	struct trace_bytes *in = &d->section[SECTION_TEMPLATES];
	struct template *t = &d->template[d->template_count];
	unsigned blocks;

	if (d->template_count == TEMPLATES_MAX || in->at == in->end || *in->at > PATH_BLOCKS_MAX)
		return false;
	blocks = *in->at++;
	*t = (struct template){ .first_slot = d->slot_count,
				.path = { .step = &d->step[d->step_count],
					  .number = (uint16_t)d->template_count } };
	if (blocks == 0 && !define_part(d, t, false))
		return false;
	for (unsigned i = 0; i < blocks; i++)
		if (!define_part(d, t, true))
			return false;
	d->template_count++;
	return true;
}

static bool take_code(struct trace_bytes *in, struct template *t, struct trace_slot *slot)
{
	unsigned code;

	if (in->at == in->end || *in->at >= CODES)
		return false;
	code = *in->at++;
	t->residual_bytes =
		(uint16_t)(t->residual_bytes - code_bytes(slot->code) + code_bytes(code));
	slot->code = (uint8_t)code;
	return true;
}

static bool take_codes(struct trace_decoder *d, struct template *t)
{
	struct trace_bytes *in = &d->section[SECTION_CODES];
	struct trace_slot *slot = &d->slot[t->first_slot];
	unsigned count = in->at < in->end ? *in->at++ : 0;
	bool all = count == CODES_ALL;

	if (all)
		count = t->path.accesses;
	for (unsigned i = 0; i < count; i++) {
		unsigned at = i;

		if (!all && (in->at == in->end || (at = *in->at++) >= t->path.accesses))
			return false;
		if (!take_code(in, t, &slot[at]))
			return false;
	}
	return count > 0;
}

/* --- accesses -------------------------------------------------------------------------------- */

/* Of a residual as stored: the bits that it has, and the highest of them. */
static const struct {
	uint64_t bits, sign;
	size_t bytes;
} lengths[CODE_LENGTH + 1] = {
#define LENGTH(n)                                                               \
	{                                                                       \
		~UINT64_C(0) >> (64 - 8 * (n)), UINT64_C(1) << (8 * (n)-1), (n) \
	}
	{ 0, 0, 0 }, LENGTH(1), LENGTH(2), LENGTH(3), LENGTH(4), LENGTH(5), LENGTH(6), LENGTH(8)
#undef LENGTH
};

static inline uint64_t residual(const uint8_t **at, unsigned code)
{
	unsigned length = code & CODE_LENGTH;
	uint64_t value = get_u64(*at) & lengths[length].bits;

	*at += lengths[length].bytes;
	return (value ^ lengths[length].sign) - lengths[length].sign;
}

/* Where accesses went, all of an execution together. */
struct moves {
	va_t before;    /* the last access */
	uint64_t moved; /* bits in which addresses differ from those of the last execution */
	uint64_t ends;  /* in their pages, where accesses end: bits of all */
};

__attribute__((always_inline)) static inline void put_access(struct trace_slot *slot, va_t va,
							     va_t *out, struct moves *moves)
{
	*out = va;
	moves->moved |= va ^ slot->last;
	moves->ends |= (va & (FRAME_BYTES - 1)) + slot->beyond;
	slot_learn(slot, va, moves->before);
	moves->before = va;
}

__attribute__((always_inline)) static inline void
decode_exact(struct trace_slot *slot, unsigned count, va_t *out, struct moves *moves)
{
	for (unsigned i = 0; i < count; i++)
		put_access(&slot[i], slot_predict(&slot[i], slot[i].code, moves->before), &out[i],
			   moves);
}

__attribute__((always_inline)) static inline void decode_corrected(struct trace_slot *slot,
								   unsigned count, va_t *out,
								   struct moves *moves,
								   const uint8_t *at)
{
	for (unsigned i = 0; i < count; i++) {
		unsigned code = slot[i].code;
		va_t va = slot_predict(&slot[i], code, moves->before);

		if (code & CODE_LENGTH)
			va += residual(&at, code);
		put_access(&slot[i], va, &out[i], moves);
	}
}

/* --- touches --------------------------------------------------------------------------------- */

/* From the last access to the first: in that order a page is new where it is touched last. */
static void make_out_touches(struct template *t, const struct trace_slot *slot, const va_t *va)
{
	struct trace_touch *end = t->touch + TRACE_TOUCHES_MAX, *first = end;

	t->touches_known = true;
	t->touched = false;
	for (unsigned i = t->path.accesses; i-- > 0;) {
		uint64_t page = va[i] >> FRAME_LG2;
		struct trace_touch *touch = first;

		while (touch < end && touch->page != page)
			touch++;
		if (touch == end) {
			if (first == t->touch)
				return;
			touch = --first;
			*touch = (struct trace_touch){ .page = page };
		}
		touch->accesses++;
		touch->kinds |= (uint8_t)(1u << slot[i].kind);
	}
	t->touches = (uint8_t)(end - first);
	memmove(t->touch, first, t->touches * sizeof(*first));
	t->touched = true;
}

/*
 * The pages of an execution are told where they are those of the one before it: most are, and what
 * changes all the time is not worth it.
 */
__attribute__((always_inline)) static inline void
tell_touches(struct template *t, const struct trace_slot *slot, const struct moves *moves,
	     struct trace_execution *execution, struct trace_decoded *out)
{
	if (PAGEWALK_UNLIKELY((moves->moved | moves->ends) >> FRAME_LG2)) {
		t->touches_known = t->touched = false;
		return;
	}
	if (PAGEWALK_UNLIKELY(!t->touches_known))
		make_out_touches(t, slot, &out->va[execution->first]);
	if (!t->touched)
		return;
	execution->touched = true;
	execution->first_touch = (uint16_t)out->touches;
	execution->touches = t->touches;
	for (unsigned i = 0; i < t->touches; i++)
		out->touch[out->touches + i] = t->touch[i];
	out->touches += t->touches;
}

/* --- the flow -------------------------------------------------------------------------------- */

/* The template that is meant, defined just now where it is the next number; NULL: it cannot be. */
static struct template *resolve(struct trace_decoder *d, unsigned reference)
{
	unsigned number = reference >> 1;
	struct template *t = &d->template[number];

	if (PAGEWALK_UNLIKELY(number >= d->template_count) &&
	    (number != d->template_count || !define(d)))
		return NULL;
	if (PAGEWALK_UNLIKELY(reference & 1) && !take_codes(d, t))
		return NULL;
	return t;
}

/* For another execution, or record, whatever it is. */
static bool has_room(const struct trace_decoded *out)
{
	return out->executions < TRACE_BATCH_MAX &&
	       out->accesses + PATH_SLOTS_MAX <= TRACE_BATCH_MAX;
}

static bool decode_rare(struct trace_decoder *d, struct trace_decoded *out)
{
	struct trace_record *record = &out->other[out->other_count];

	if (!trace_rare_get(&d->section[SECTION_RARE], record))
		return false;
	d->section[SECTION_FLOW].at += 2;
	d->ended = record->tag == TRACE_END;
	out->execution[out->executions++] =
		(struct trace_execution){ .first = (uint32_t)out->other_count++ };
	out->items++;
	return true;
}

/* Executions up to a rare record, an end, or damage. What changes often is in locals here. */
static void decode_executions(struct trace_decoder *d, struct trace_decoded *out)
{
	struct trace_bytes *flow = &d->section[SECTION_FLOW];
	const uint8_t *at = flow->at, *end = flow->end;
	struct trace_bytes residuals = d->section[SECTION_RESIDUALS];
	struct moves moves = { .before = d->before };

	while (end - at >= 2 && has_room(out)) {
		unsigned reference = at[0] | (unsigned)at[1] << 8;
		struct template *t = reference >= REFERENCE_RARE ? NULL : resolve(d, reference);
		struct trace_execution *execution = &out->execution[out->executions];
		struct trace_slot *slot;
		va_t *va = &out->va[out->accesses];

		if (PAGEWALK_UNLIKELY(!t || residuals.end - residuals.at < t->residual_bytes))
			break;
		slot = &d->slot[t->first_slot];
		moves.moved = moves.ends = 0;
		if (t->residual_bytes) {
			decode_corrected(slot, t->path.accesses, va, &moves, residuals.at);
			residuals.at += t->residual_bytes;
		} else {
			decode_exact(slot, t->path.accesses, va, &moves);
		}
		*execution = (struct trace_execution){ .path = &t->path,
						       .first = (uint32_t)out->accesses };
		tell_touches(t, slot, &moves, execution, out);
		out->executions++;
		out->accesses += t->path.accesses;
		out->items += t->path.steps;
		at += 2;
	}
	flow->at = at;
	d->section[SECTION_RESIDUALS].at = residuals.at;
	d->before = moves.before;
}

/* At its end all sections are. */
static bool is_complete(const struct trace_decoder *d)
{
	for (unsigned i = 0; i < SECTION_COUNT; i++)
		if (d->section[i].at != d->section[i].end)
			return false;
	return d->records == 0;
}

static bool decode(struct trace_decoder *d, struct trace_decoded *out)
{
	const struct trace_bytes *flow = &d->section[SECTION_FLOW];

	for (;;) {
		if (d->ended)
			return flow->at == flow->end;
		decode_executions(d, out);
		if (flow->end - flow->at < 2 || out->other_count == TRACE_OTHERS_MAX ||
		    !has_room(out))
			return true;
		if ((flow->at[0] | (unsigned)flow->at[1] << 8) != REFERENCE_RARE ||
		    !decode_rare(d, out))
			return false;
	}
}

bool trace_decoder_run(struct trace_decoder *d, struct trace_decoded *out)
{
	bool made_sense;

	out->executions = out->accesses = out->touches = out->other_count = 0;
	out->items = 0;
	made_sense = decode(d, out);
	if (out->items > d->records)
		return false;
	d->records -= out->items;
	return made_sense && (out->items || is_complete(d));
}
