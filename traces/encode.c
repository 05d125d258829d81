/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Encoding. A block with its accesses is looked up among the templates of the frame, first where
 * the template before it was followed by it last time; then each address is what its slot predicts,
 * or the residual is stored. Nothing here depends on anything but the items: the same recording
 * gives the same bytes.
 */

#include "traces/encode.h"

#include <stdlib.h>

#include "traces/rare.h"
#include "traces/template.h"

enum {
	HASH_LG2 = 16,
	HASH_EMPTY = 0xffff,
	/* most that one execution or one rare record can take, in any section together */
	EXECUTION_RECORDS = TEMPLATE_SLOTS_MAX + 1,
	EXECUTION_BYTES_MAX = 2 + TEMPLATE_SLOTS_MAX * (1 + 8 + 8) + 32,
	RARE_BYTES_MAX = 2 + TRACE_RARE_BYTES_MAX,
	SLACK = 8 /* residuals are stored eight bytes at a time */
};

static_assert(RARE_BYTES_MAX >= EXECUTION_BYTES_MAX, "there is room for either");

struct template
{
	va_t va;
	look_t look; /* of the block; 0: accesses alone */
	uint32_t first_slot;
	uint16_t next; /* the template that followed last time */
	uint8_t slots, stores;
};

struct section {
	uint8_t *bytes;
	size_t used;
};

struct trace_encoder {
	trace_frame_fn *full;
	void *ctx;
	bool has_pc;
	struct trace_frame_head head; /* of the frame under way; `bytes` is not kept up */
	uint64_t instructions;        /* so far */
	va_t block;                   /* the last one */
	va_t before;                  /* the last access */
	va_t defined_end;             /* of the last template's block */
	unsigned template_count, slot_count;
	unsigned last; /* template */
	size_t room;   /* before it is looked again */
	struct section section[SECTION_COUNT];
	struct template template[TEMPLATES_MAX];
	struct trace_slot slot[SLOTS_MAX];
	uint8_t code[SLOTS_MAX];
	uint16_t hash[1 << HASH_LG2];
};

/* --- life ------------------------------------------------------------------------------------ */

static void start_frame(struct trace_encoder *e)
{
	uint64_t accesses =
		e->head.accesses + e->head.count[TRACE_LOAD] + e->head.count[TRACE_STORE];

	e->head = (struct trace_frame_head){ .accesses = accesses,
					     .instructions = e->instructions,
					     .block = e->block };
	e->before = e->defined_end = 0;
	e->template_count = e->slot_count = e->last = 0;
	for (unsigned i = 0; i < SECTION_COUNT; i++)
		e->section[i].used = 0;
	memset(e->hash, 0xff, sizeof(e->hash));
	e->room = 0;
}

int trace_encoder_create(struct trace_encoder **out, bool has_pc, trace_frame_fn *full, void *ctx)
{
	struct trace_encoder *e = calloc(1, sizeof(*e));

	if (!e)
		return PW_NOMEM;
	for (unsigned i = 0; i < SECTION_COUNT; i++) {
		e->section[i].bytes = malloc(TRACE_FRAME_MAX + SLACK);
		if (!e->section[i].bytes) {
			trace_encoder_destroy(e);
			return PW_NOMEM;
		}
	}
	e->has_pc = has_pc;
	e->full = full;
	e->ctx = ctx;
	start_frame(e);
	*out = e;
	return PW_OK;
}

void trace_encoder_destroy(struct trace_encoder *e)
{
	if (!e)
		return;
	for (unsigned i = 0; i < SECTION_COUNT; i++)
		free(e->section[i].bytes);
	free(e);
}

bool trace_encoder_frame(struct trace_encoder *e, struct trace_frame_head *head, uint8_t *out)
{
	if (trace_frame_records(&e->head) == 0)
		return false;
	for (unsigned i = 0; i < SECTION_COUNT; i++) {
		const struct section *section = &e->section[i];

		e->head.bytes[i] = (uint32_t)section->used;
		memcpy(out, section->bytes, section->used);
		out += section->used;
	}
	e->head.instructions_after = e->instructions;
	*head = e->head;
	start_frame(e);
	return true;
}

/* So many executions or rare records certainly fit into the frame. */
static size_t room(const struct trace_encoder *e)
{
	size_t bytes = TRACE_FRAME_MAX, records = FRAME_RECORDS_MAX, slots = SLOTS_MAX, least;

	for (unsigned i = 0; i < SECTION_COUNT; i++)
		bytes -= e->section[i].used;
	records -= trace_frame_records(&e->head);
	slots -= e->slot_count;
	least = TEMPLATES_MAX - e->template_count;
	least = bytes / RARE_BYTES_MAX < least ? bytes / RARE_BYTES_MAX : least;
	least = records / EXECUTION_RECORDS < least ? records / EXECUTION_RECORDS : least;
	return slots / TEMPLATE_SLOTS_MAX < least ? slots / TEMPLATE_SLOTS_MAX : least;
}

/* Room for one execution or rare record more, whatever it is. */
static void make_room(struct trace_encoder *e)
{
	if (PAGEWALK_LIKELY(e->room--))
		return;
	e->room = room(e);
	if (e->room == 0) {
		e->full(e->ctx);
		e->room = room(e);
	}
	e->room--;
}

/* --- templates ------------------------------------------------------------------------------- */

/* A block, or none, and the accesses that follow it. */
struct execution {
	const struct trace_item *block, *access;
	unsigned count;
};

static va_t block_va(const struct execution *execution)
{
	return execution->block ? execution->block->va : 0;
}

static look_t block_look(const struct execution *execution)
{
	return execution->block ? item_look(execution->block) : 0;
}

static bool is_of(const struct trace_encoder *e, const struct template *t,
		  const struct execution *execution)
{
	const struct trace_slot *slot = &e->slot[t->first_slot];

	if (t->va != block_va(execution) || t->look != block_look(execution) ||
	    t->slots != execution->count)
		return false;
	for (unsigned i = 0; i < execution->count; i++)
		if (slot[i].look != item_look(&execution->access[i]))
			return false;
	return true;
}

static unsigned hash_of(const struct execution *execution)
{
	uint64_t hash = block_va(execution) ^ block_look(execution) << 7;

	for (unsigned i = 0; i < execution->count; i++)
		hash = (hash ^ item_look(&execution->access[i])) * UINT64_C(0x9e3779b97f4a7c15);
	hash = (hash ^ hash >> 32) * UINT64_C(0x9e3779b97f4a7c15);
	return (unsigned)(hash >> (64 - HASH_LG2));
}

static void write_definition(struct trace_encoder *e, const struct template *t,
			     const struct execution *execution)
{
	struct section *section = &e->section[SECTION_TEMPLATES];
	uint8_t *out = section->bytes + section->used;
	const struct trace_item *block = execution->block;
	unsigned pc = 0;

	*out++ = !block                            ? TEMPLATE_LONE
		 : block->kind == TRACE_ITEM_BLOCK ? TEMPLATE_BLOCK
						   : TEMPLATE_REP;
	*out++ = t->slots;
	if (block) {
		out = put_signed(out, (int64_t)(block->va - e->defined_end));
		out = put_number(out, block->bytes);
		out = put_number(out, block->instructions);
		e->defined_end = block->va + block->bytes;
	}
	for (unsigned i = 0; i < execution->count; i++) {
		const struct trace_item *access = &execution->access[i];

		out = put_number(out, access->bytes * 2u + (access->kind == TRACE_ITEM_STORE));
		if (e->has_pc)
			out = put_signed(out, (int64_t)access->pc_offset - pc);
		pc = access->pc_offset;
	}
	section->used = (size_t)(out - section->bytes);
}

static unsigned define(struct trace_encoder *e, const struct execution *execution)
{
	struct template *t = &e->template[e->template_count];

	*t = (struct template){ .va = block_va(execution),
				.look = block_look(execution),
				.first_slot = e->slot_count,
				.slots = (uint8_t)execution->count };
	for (unsigned i = 0; i < execution->count; i++) {
		const struct trace_item *access = &execution->access[i];

		slot_init(&e->slot[e->slot_count], item_look(access));
		e->code[e->slot_count++] = CODE_FIRST;
		t->stores = (uint8_t)(t->stores + (access->kind == TRACE_ITEM_STORE));
	}
	write_definition(e, t, execution);
	return e->template_count++;
}

static unsigned find(struct trace_encoder *e, const struct execution *execution)
{
	unsigned mask = (1u << HASH_LG2) - 1, at = hash_of(execution);

	while (e->hash[at] != HASH_EMPTY) {
		if (is_of(e, &e->template[e->hash[at]], execution))
			return e->hash[at];
		at = (at + 1) & mask;
	}
	e->hash[at] = (uint16_t)e->template_count;
	return define(e, execution);
}

/* --- addresses ------------------------------------------------------------------------------- */

/* The shortest length that holds it, as a code. */
static unsigned length_of(uint64_t residual)
{
	static const uint8_t codes[] = { 0, 1, 2, 3, 4, 5, 6, 7, 7 };
	uint64_t magnitude = residual ^ (uint64_t)((int64_t)residual >> 63);

	if (residual == 0)
		return 0;
	return codes[(64 - (unsigned)__builtin_clzll(magnitude | 1) + 1 + 7) / 8];
}

/* Keeps the predictor as long as it does not get longer. */
static unsigned choose(const struct trace_slot *slot, unsigned code, va_t va, va_t before)
{
	unsigned other = (code ^ CODE_NEIGHBOUR) & CODE_NEIGHBOUR;
	unsigned length = length_of(va - slot_predict(slot, code, before));
	unsigned other_length = length_of(va - slot_predict(slot, other, before));

	if (length <= (code & CODE_LENGTH) || length <= other_length)
		return (code & CODE_NEIGHBOUR) | length;
	return other | other_length;
}

/* Are all codes those that the slots remember? */
static bool write_addresses(struct trace_encoder *e, const struct template *t,
			    const struct execution *execution)
{
	struct section *residuals = &e->section[SECTION_RESIDUALS];
	struct section *codes = &e->section[SECTION_CODES];
	uint8_t *out = residuals->bytes + residuals->used, *code_out = codes->bytes + codes->used;
	unsigned changed = 0;
	va_t before = e->before;

	for (unsigned i = 0; i < t->slots; i++) {
		struct trace_slot *slot = &e->slot[t->first_slot + i];
		unsigned code = e->code[t->first_slot + i];
		va_t va = execution->access[i].va;
		uint64_t residual = va - slot_predict(slot, code, before);

		if (PAGEWALK_UNLIKELY(length_of(residual) != (code & CODE_LENGTH))) {
			unsigned chosen = choose(slot, code, va, before);

			changed |= chosen ^ code;
			code = chosen;
			residual = va - slot_predict(slot, code, before);
			e->code[t->first_slot + i] = (uint8_t)code;
		}
		code_out[i] = (uint8_t)code;
		put_u64(out, residual);
		out += code_bytes(code);
		slot_learn(slot, va, before);
		before = va;
	}
	e->before = before;
	residuals->used = (size_t)(out - residuals->bytes);
	if (changed)
		codes->used += t->slots;
	return !changed;
}

/* --- records --------------------------------------------------------------------------------- */

static void refer(struct trace_encoder *e, unsigned reference)
{
	struct section *flow = &e->section[SECTION_FLOW];

	flow->bytes[flow->used++] = (uint8_t)reference;
	flow->bytes[flow->used++] = (uint8_t)(reference >> 8);
}

static void count(struct trace_encoder *e, const struct template *t,
		  const struct execution *execution)
{
	e->head.count[TRACE_STORE] += t->stores;
	e->head.count[TRACE_LOAD] += t->slots - (uint32_t)t->stores;
	if (!execution->block)
		return;
	e->head.count[execution->block->kind == TRACE_ITEM_BLOCK ? TRACE_BLOCK : TRACE_REP]++;
	e->instructions += execution->block->instructions;
	e->block = execution->block->va;
}

static void write_execution(struct trace_encoder *e, const struct execution *execution)
{
	struct template *t;
	unsigned number;

	make_room(e);
	number = e->template[e->last].next;
	if (number >= e->template_count || !is_of(e, &e->template[number], execution))
		number = find(e, execution);
	e->template[e->last].next = (uint16_t)number;
	e->last = number;
	t = &e->template[number];
	count(e, t, execution);
	refer(e, number << 1 | !write_addresses(e, t, execution));
}

static void write_rare(struct trace_encoder *e, const struct trace_record *record)
{
	struct section *rare = &e->section[SECTION_RARE];

	make_room(e);
	refer(e, REFERENCE_RARE);
	rare->used += trace_rare_put(rare->bytes + rare->used, record);
	e->head.count[record->tag == TRACE_KCALL ? TRACE_COUNT_KCALL : record->tag]++;
	if (record->tag == TRACE_CUT)
		e->instructions -= record->instructions;
}

static inline bool is_access(const struct trace_item *item)
{
	return item->kind <= TRACE_ITEM_STORE;
}

void trace_encoder_run(struct trace_encoder *e, const struct trace_item *items, size_t item_count,
		       const struct trace_record *others)
{
	const struct trace_item *item = items, *end = items + item_count;

	while (item < end) {
		struct execution execution = { NULL, item, 0 };
		unsigned most = TEMPLATE_LONE_SLOTS;

		if (item->kind == TRACE_ITEM_OTHER) {
			write_rare(e, &others[item++->va]);
			continue;
		}
		if (!is_access(item)) {
			execution.block = item++;
			execution.access = item;
			most = TEMPLATE_SLOTS_MAX;
		}
		while (item < end && is_access(item) && execution.count < most) {
			execution.count++;
			item++;
		}
		write_execution(e, &execution);
	}
}
