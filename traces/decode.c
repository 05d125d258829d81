/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Decoding: the mirror of encode.c, and what a replay spends its time on. An execution is bounded
 * as a whole (its codes, its residuals) before it is decoded; then no access has a branch of its
 * own.
 */

#include "traces/decode.h"

#include <stdlib.h>

#include "traces/rare.h"
#include "traces/template.h"

struct template
{
	va_t va;
	look_t look; /* of the block */
	uint32_t first_slot;
	uint16_t residual_bytes; /* as the codes of its slots say */
	uint8_t slots;
	bool has_block;
};

struct trace_decoder {
	bool has_pc;
	bool ended;       /* END was read: nothing may follow */
	va_t before;      /* the last access */
	va_t defined_end; /* of the last template's block */
	unsigned template_count, slot_count;
	uint64_t records; /* that are still to come, says the head */
	struct trace_bytes section[SECTION_COUNT];
	struct template template[TEMPLATES_MAX];
	struct trace_slot slot[SLOTS_MAX + TEMPLATE_SLOTS_MAX];
	uint8_t code[SLOTS_MAX + TEMPLATE_SLOTS_MAX];
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
	d->template_count = d->slot_count = 0;
	d->ended = false;
}

/* --- templates ------------------------------------------------------------------------------- */

static bool define_block(struct trace_decoder *d, struct template *t, unsigned kind)
{
	struct trace_bytes *in = &d->section[SECTION_TEMPLATES];
	struct trace_item block = { .kind = kind == TEMPLATE_REP ? TRACE_ITEM_REP
								 : TRACE_ITEM_BLOCK };
	uint32_t bytes, instructions;
	int64_t from_last;

	if (!get_signed(in, &from_last) || !get_small(in, FRAME_BYTES, &bytes) || bytes == 0 ||
	    !get_small(in, FRAME_BYTES, &instructions))
		return false;
	block.bytes = (uint16_t)bytes;
	block.instructions = (uint16_t)instructions;
	t->va = d->defined_end + (va_t)from_last;
	t->look = item_look(&block);
	t->has_block = true;
	d->defined_end = t->va + bytes;
	return true;
}

static bool define_slots(struct trace_decoder *d, struct template *t)
{
	struct trace_bytes *in = &d->section[SECTION_TEMPLATES];
	int64_t pc = 0;

	for (unsigned i = 0; i < t->slots; i++) {
		struct trace_item access = { .kind = TRACE_ITEM_LOAD };
		uint32_t bytes;
		int64_t from_last = 0;

		if (!get_small(in, FRAME_BYTES * 2 + 1, &bytes) || bytes < 2 ||
		    (d->has_pc && !get_signed(in, &from_last)))
			return false;
		pc = (int64_t)((uint64_t)pc + (uint64_t)from_last);
		if (pc != (uint16_t)pc)
			return false;
		access.bytes = (uint16_t)(bytes >> 1);
		access.kind = bytes & 1 ? TRACE_ITEM_STORE : TRACE_ITEM_LOAD;
		access.pc_offset = (uint16_t)pc;
		slot_init(&d->slot[d->slot_count], item_look(&access));
		d->code[d->slot_count++] = CODE_FIRST;
	}
	return true;
}

static bool define(struct trace_decoder *d)
{
	struct trace_bytes *in = &d->section[SECTION_TEMPLATES];
	struct template *t = &d->template[d->template_count];
	unsigned kind;

	if (d->template_count == TEMPLATES_MAX || in->end - in->at < 2)
		return false;
	kind = *in->at++;
	*t = (struct template){ .first_slot = d->slot_count, .slots = *in->at++ };
	if (kind >= TEMPLATE_KINDS || t->slots > TEMPLATE_SLOTS_MAX ||
	    d->slot_count + t->slots > SLOTS_MAX || (kind == TEMPLATE_LONE && t->slots == 0))
		return false;
	if ((kind != TEMPLATE_LONE && !define_block(d, t, kind)) || !define_slots(d, t))
		return false;
	d->template_count++;
	return true;
}

static bool take_codes(struct trace_decoder *d, struct template *t)
{
	struct trace_bytes *in = &d->section[SECTION_CODES];
	unsigned sum = 0;

	if (in->end - in->at < t->slots)
		return false;
	for (unsigned i = 0; i < t->slots; i++) {
		uint8_t code = *in->at++;

		if (code >= CODES)
			return false;
		d->code[t->first_slot + i] = code;
		sum += code_bytes(code);
	}
	t->residual_bytes = (uint16_t)sum;
	return true;
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

static inline va_t put_access(struct trace_item *item, struct trace_slot *slot, va_t va,
			      va_t before)
{
	item_put(item, va, slot->look);
	slot_learn(slot, va, before);
	return va;
}

static inline va_t decode_exact(struct trace_slot *slot, const uint8_t *code, unsigned count,
				struct trace_item *item, va_t before)
{
	for (unsigned i = 0; i < count; i++)
		before = put_access(&item[i], &slot[i], slot_predict(&slot[i], code[i], before),
				    before);
	return before;
}

static inline va_t decode_corrected(struct trace_slot *slot, const uint8_t *code, unsigned count,
				    struct trace_item *item, va_t before, const uint8_t *at)
{
	for (unsigned i = 0; i < count; i++) {
		va_t va = slot_predict(&slot[i], code[i], before) + residual(&at, code[i]);

		before = put_access(&item[i], &slot[i], va, before);
	}
	return before;
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

static bool decode_rare(struct trace_decoder *d, struct trace_decoded *out)
{
	struct trace_record *record = &out->other[out->other_count];

	if (!trace_rare_get(&d->section[SECTION_RARE], record))
		return false;
	d->section[SECTION_FLOW].at += 2;
	d->ended = record->tag == TRACE_END;
	out->item[out->count++] =
		(struct trace_item){ .va = out->other_count++, .kind = TRACE_ITEM_OTHER };
	return true;
}

/* Executions up to a rare record, an end, or damage. What changes often is in locals here. */
static void decode_executions(struct trace_decoder *d, struct trace_decoded *out)
{
	struct trace_bytes *flow = &d->section[SECTION_FLOW];
	const uint8_t *at = flow->at, *end = flow->end;
	struct trace_bytes residuals = d->section[SECTION_RESIDUALS];
	struct trace_item *item = out->item + out->count;
	const struct trace_item *last = out->item + TRACE_BATCH_MAX - TEMPLATE_SLOTS_MAX - 1;
	va_t before = d->before;

	while (end - at >= 2 && item <= last) {
		unsigned reference = at[0] | (unsigned)at[1] << 8;
		struct template *t = reference >= REFERENCE_RARE ? NULL : resolve(d, reference);
		struct trace_slot *slot;
		const uint8_t *code;
		unsigned count;

		if (PAGEWALK_UNLIKELY(!t || residuals.end - residuals.at < t->residual_bytes))
			break;
		slot = &d->slot[t->first_slot];
		code = &d->code[t->first_slot];
		count = t->slots;
		item_put(item, t->va, t->look); /* overwritten where there is no block */
		item += t->has_block;
		if (t->residual_bytes) {
			before = decode_corrected(slot, code, count, item, before, residuals.at);
			residuals.at += t->residual_bytes;
		} else {
			before = decode_exact(slot, code, count, item, before);
		}
		item += count;
		at += 2;
	}
	flow->at = at;
	d->section[SECTION_RESIDUALS].at = residuals.at;
	d->before = before;
	out->count = (size_t)(item - out->item);
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
		    out->count + TEMPLATE_SLOTS_MAX + 1 > TRACE_BATCH_MAX)
			return true;
		if ((flow->at[0] | (unsigned)flow->at[1] << 8) != REFERENCE_RARE ||
		    !decode_rare(d, out))
			return false;
	}
}

bool trace_decoder_run(struct trace_decoder *d, struct trace_decoded *out)
{
	bool made_sense;

	out->count = out->other_count = 0;
	made_sense = decode(d, out);
	if (out->count > d->records)
		return false;
	d->records -= out->count;
	return made_sense && (out->count || is_complete(d));
}
