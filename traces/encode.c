/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Encoding. Blocks with their accesses are put together to paths, which are looked up among the
 * templates of the frame, first where the template before was followed by it last time; then each
 * address is what its slot predicts, or the residual is stored. Nothing here depends on anything but
 * the items: the same recording gives the same bytes.
 */

#include "traces/encode.h"

#include <stdlib.h>

#include "traces/part.h"
#include "traces/rare.h"
#include "traces/segment.h"
#include "traces/template.h"

enum {
	HASH_LG2 = 16,
	HASH_EMPTY = 0xffff,
	/* Most bytes that one path, or one rare record, can take in all sections together. */
	DEFINITION_BYTES_MAX = 1 + PATH_BLOCKS_MAX * (1 + 10 + 2 + 2) + PATH_SLOTS_MAX * (2 + 3),
	CODES_BYTES_MAX = 1 + PATH_SLOTS_MAX,
	PATH_BYTES_MAX = 2 + CODES_BYTES_MAX + PATH_SLOTS_MAX * 8 + DEFINITION_BYTES_MAX,
	RARE_BYTES_MAX = 2 + TRACE_RARE_BYTES_MAX,
	SLACK = 8 /* residuals are stored eight bytes at a time */
};

static_assert(RARE_BYTES_MAX >= PATH_BYTES_MAX, "there is room for either");

struct template
{
	uint32_t first_slot, first_step;
	uint16_t next; /* the template that followed last time */
	uint16_t instructions;
	uint8_t slots, steps, stores, reps, blocks;
	va_t last_block;
};

struct section {
	uint8_t *bytes;
	size_t used;
};

/* Slots of a path whose codes changed. */
struct code_changes {
	unsigned count;
	uint8_t slot[PATH_SLOTS_MAX];
};

/* What does not change in an execution of a template: an item, without the address of an access. */
struct step {
	va_t va;
	uint64_t look;
};

struct trace_encoder {
	trace_frame_fn *full;
	void *ctx;
	bool has_pc;
	struct trace_frame_head head; /* of the frame under way; `bytes` is not kept up */
	uint64_t instructions;        /* so far */
	va_t block;                   /* the last one */
	va_t before;                  /* the last access */
	va_t defined_end;             /* of the last template's last block */
	unsigned template_count, slot_count, step_count;
	unsigned last; /* template */
	size_t room;   /* before it is looked again */
	/* A path that had not ended where items did. */
	struct trace_item open[2 * PATH_STEPS_MAX];
	size_t open_count;
	struct section section[SECTION_COUNT];
	struct template template[TEMPLATES_MAX];
	struct trace_slot slot[SLOTS_MAX];
	struct step step[STEPS_MAX];
	struct trace_parts parts;
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
	e->template_count = e->slot_count = e->step_count = e->last = 0;
	for (unsigned i = 0; i < SECTION_COUNT; i++)
		e->section[i].used = 0;
	memset(e->hash, 0xff, sizeof(e->hash));
	trace_parts_forget(&e->parts);
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

/* So many paths or rare records certainly fit into the frame. */
static size_t room(const struct trace_encoder *e)
{
	size_t bytes = TRACE_FRAME_MAX, records = FRAME_RECORDS_MAX, slots = SLOTS_MAX, least;

	for (unsigned i = 0; i < SECTION_COUNT; i++)
		bytes -= e->section[i].used;
	records -= trace_frame_records(&e->head);
	slots -= e->slot_count;
	least = TEMPLATES_MAX - e->template_count;
	least = bytes / RARE_BYTES_MAX < least ? bytes / RARE_BYTES_MAX : least;
	least = records / PATH_STEPS_MAX < least ? records / PATH_STEPS_MAX : least;
	return slots / PATH_SLOTS_MAX < least ? slots / PATH_SLOTS_MAX : least;
}

/* Room for one path or rare record more, whatever it is. */
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

static inline struct step step_of(const struct trace_item *item)
{
	struct step step = { trace_item_is_access(item) ? 0 : item->va, 0 };

	memcpy(&step.look, &item->bytes, sizeof(step.look));
	return step;
}

static_assert(sizeof(struct trace_item) == 16 && offsetof(struct trace_item, bytes) == 8,
	      "an item is an address and what it looks like");

static bool is_of(const struct trace_encoder *e, const struct template *t,
		  const struct trace_segment *path)
{
	const struct step *step = &e->step[t->first_step];

	if (t->steps != path->items)
		return false;
	for (unsigned i = 0; i < path->items; i++) {
		const struct step other = step_of(&path->item[i]);

		if (step[i].look != other.look || step[i].va != other.va)
			return false;
	}
	return true;
}

static inline uint64_t mix(uint64_t value)
{
	return value * UINT64_C(0x9e3779b97f4a7c15); /* 2^64 by the golden ratio */
}

static unsigned hash_of(const struct trace_segment *path)
{
	uint64_t hash = path->items;

	for (unsigned i = 0; i < path->items; i++) {
		const struct step step = step_of(&path->item[i]);

		hash = mix(hash ^ step.va ^ step.look << 7);
		hash ^= hash >> 32;
	}
	return (unsigned)(mix(hash) >> (64 - HASH_LG2));
}

static uint8_t *put_block(struct trace_encoder *e, uint8_t *out, const struct trace_item *block)
{
	out = put_signed(out, (int64_t)(block->va - e->defined_end));
	out = put_number(out, block->bytes);
	out = put_number(out, block->instructions);
	e->defined_end = block->va + block->bytes;
	return out;
}

/* The accesses up to the next block; returns that, or the end. */
static const struct trace_item *put_slots(const struct trace_encoder *e, uint8_t **out,
					  const struct trace_item *item,
					  const struct trace_item *end)
{
	unsigned pc = 0;

	for (; item < end && trace_item_is_access(item); item++) {
		*out = put_number(*out, item->bytes * 2u + (item->kind == TRACE_ITEM_STORE));
		if (e->has_pc)
			*out = put_signed(*out, (int64_t)item->pc_offset - pc);
		pc = item->pc_offset;
	}
	return item;
}

static void write_definition(struct trace_encoder *e, const struct trace_segment *path)
{
	struct section *section = &e->section[SECTION_TEMPLATES];
	const struct trace_item *item = path->item, *end = item + path->items;
	uint8_t *out = section->bytes + section->used;

	*out++ = (uint8_t)path->blocks;
	do {
		const struct trace_item *block = trace_item_is_access(item) ? NULL : item++;
		uint8_t *count = out++;
		const struct trace_item *next;

		if (block)
			out = put_block(e, out, block);
		next = put_slots(e, &out, item, end);
		*count = (uint8_t)(next - item);
		if (block && block->kind == TRACE_ITEM_REP)
			*count |= PART_REP;
		item = next;
	} while (item < end);
	section->used = (size_t)(out - section->bytes);
}

static void define_step(struct trace_encoder *e, struct template *t, const struct trace_item *item)
{
	e->step[e->step_count++] = step_of(item);
	t->steps++;
	if (trace_item_is_access(item)) {
		slot_init(&e->slot[e->slot_count++], item);
		t->slots++;
		t->stores = (uint8_t)(t->stores + (item->kind == TRACE_ITEM_STORE));
		return;
	}
	t->blocks++;
	t->reps = (uint8_t)(t->reps + (item->kind == TRACE_ITEM_REP));
	t->instructions = (uint16_t)(t->instructions + item->instructions);
	t->last_block = item->va;
}

static void define_parts(struct trace_encoder *e, const struct template *t,
			 const struct trace_segment *path)
{
	const struct trace_item *item = path->item, *end = item + path->items;
	uint32_t slot = t->first_slot;

	while (item < end && !trace_item_is_access(item)) {
		va_t va = item++->va;
		unsigned slots = 0;

		for (; item < end && trace_item_is_access(item); item++)
			slots++;
		trace_parts_define(&e->parts, e->slot, va, slot, slots);
		slot += slots;
	}
}

static unsigned define(struct trace_encoder *e, const struct trace_segment *path)
{
	struct template *t = &e->template[e->template_count];

	*t = (struct template){ .first_slot = e->slot_count, .first_step = e->step_count };
	for (unsigned i = 0; i < path->items; i++)
		define_step(e, t, &path->item[i]);
	define_parts(e, t, path);
	write_definition(e, path);
	return e->template_count++;
}

static unsigned find(struct trace_encoder *e, const struct trace_segment *path)
{
	unsigned mask = (1u << HASH_LG2) - 1, at = hash_of(path);

	while (e->hash[at] != HASH_EMPTY) {
		if (is_of(e, &e->template[e->hash[at]], path))
			return e->hash[at];
		at = (at + 1) & mask;
	}
	e->hash[at] = (uint16_t)e->template_count;
	return define(e, path);
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

/* The codes that changed, one by one or all. */
static void write_codes(struct trace_encoder *e, const struct template *t,
			const struct code_changes *changes)
{
	struct section *section = &e->section[SECTION_CODES];
	const struct trace_slot *slot = &e->slot[t->first_slot];
	uint8_t *out = section->bytes + section->used;

	if (2 * changes->count > t->slots) {
		*out++ = CODES_ALL;
		for (unsigned i = 0; i < t->slots; i++)
			*out++ = slot[i].code;
	} else {
		*out++ = (uint8_t)changes->count;
		for (unsigned i = 0; i < changes->count; i++) {
			*out++ = changes->slot[i];
			*out++ = slot[changes->slot[i]].code;
		}
	}
	section->used = (size_t)(out - section->bytes);
}

static void write_addresses(struct trace_encoder *e, const struct template *t,
			    const struct trace_segment *path, struct code_changes *changes)
{
	struct section *residuals = &e->section[SECTION_RESIDUALS];
	uint8_t *out = residuals->bytes + residuals->used;
	struct trace_slot *first = &e->slot[t->first_slot], *slot = first;
	va_t before = e->before;

	for (unsigned i = 0; i < path->items; i++) {
		va_t va = path->item[i].va;
		uint64_t residual;

		if (!trace_item_is_access(&path->item[i]))
			continue;
		residual = va - slot_predict(slot, slot->code, before);
		if (PAGEWALK_UNLIKELY(length_of(residual) != (slot->code & CODE_LENGTH))) {
			unsigned chosen = choose(slot, slot->code, va, before);

			if (chosen != slot->code)
				changes->slot[changes->count++] = (uint8_t)(slot - first);
			slot->code = (uint8_t)chosen;
			residual = va - slot_predict(slot, chosen, before);
		}
		put_u64(out, residual);
		out += code_bytes(slot->code);
		slot_learn(slot++, va, before);
		before = va;
	}
	e->before = before;
	residuals->used = (size_t)(out - residuals->bytes);
}

/* --- records --------------------------------------------------------------------------------- */

static void refer(struct trace_encoder *e, unsigned reference)
{
	struct section *flow = &e->section[SECTION_FLOW];

	flow->bytes[flow->used++] = (uint8_t)reference;
	flow->bytes[flow->used++] = (uint8_t)(reference >> 8);
}

static void count(struct trace_encoder *e, const struct template *t)
{
	e->head.count[TRACE_STORE] += t->stores;
	e->head.count[TRACE_LOAD] += t->slots - (uint32_t)t->stores;
	e->head.count[TRACE_REP] += t->reps;
	e->head.count[TRACE_BLOCK] += t->blocks - (uint32_t)t->reps;
	e->instructions += t->instructions;
	if (t->blocks)
		e->block = t->last_block;
}

static void write_path(struct trace_encoder *e, const struct trace_segment *path)
{
	struct code_changes changes;
	const struct template *t;
	unsigned number;

	make_room(e);
	number = e->template[e->last].next;
	if (number >= e->template_count || !is_of(e, &e->template[number], path))
		number = find(e, path);
	e->template[e->last].next = (uint16_t)number;
	e->last = number;
	t = &e->template[number];
	count(e, t);
	changes.count = 0;
	write_addresses(e, t, path, &changes);
	if (changes.count)
		write_codes(e, t, &changes);
	refer(e, number << 1 | (changes.count != 0));
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

/* --- items ----------------------------------------------------------------------------------- */

static void keep_open(struct trace_encoder *e, const struct trace_item *item, size_t count)
{
	memcpy(&e->open[e->open_count], item, count * sizeof(*item));
	e->open_count += count;
}

/* Goes on with the path that is open; returns how many of the items belong to it. */
static size_t end_open(struct trace_encoder *e, const struct trace_item *items, size_t count)
{
	size_t had = e->open_count, more = count < PATH_STEPS_MAX ? count : PATH_STEPS_MAX;
	struct trace_segment path;

	if (had == 0)
		return 0;
	keep_open(e, items, more);
	if (!trace_segment_take(&path, e->open, e->open + e->open_count))
		return more;
	write_path(e, &path);
	e->open_count = 0;
	return path.items - had;
}

void trace_encoder_run(struct trace_encoder *e, const struct trace_item *items, size_t item_count,
		       const struct trace_record *others)
{
	const struct trace_item *item = items, *end = items + item_count;
	struct trace_segment path;

	item += end_open(e, items, item_count);
	while (item < end) {
		if (item->kind == TRACE_ITEM_OTHER) {
			write_rare(e, &others[item++->va]);
			continue;
		}
		if (!trace_segment_take(&path, item, end)) {
			keep_open(e, item, path.items);
			return;
		}
		write_path(e, &path);
		item += path.items;
	}
}
