/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Direct-mapped bounded tables, one for all address spaces: the TSB of SPARC and the long-format
 * VHPT of Itanium. What bounded tables are is told in pt_bounded_private.h; the rest is layout.
 *
 * TSB: 512 x 2^n entries of 16 bytes; the trap handler of a TLB miss loads the entry.
 *
 *     0  tag   63        context        48 47 .. 0  page / 512 (real: context 60..48, VA<63:22>)
 *     8  TTE   63 V | 57..52 page size, log2 | 40..12 PA | 9 modified | 8 executable | 7 writable |
 *              2 P (privileged) | 1 W (may be stored to: writable and modified) | 0 G
 *              (real: 62..61 Size of 8K, 64K, 512K, 4M; bits 12..7 and 58..50 are software's)
 *
 * VHPT: entries of 32 bytes; the hardware walker reads one, software takes over when the tag differs.
 *
 *     0  PTE   0 P | 5 A | 6 D | 8..7 PL (3 user, 0 kernel) | 11..9 AR (0 R, 1 RX, 2 RW, 3 RWX) |
 *              49..12 PPN | 53 global | 59..54 page size, log2 (real: in the second word)
 *     8  page size and key: not modelled
 *    16  tag   63 invalid | 61..46 region (the ASID) | 45..0 page
 *    24  left to software: the collision chain, which is not used (as in Linux)
 *
 * A page of several base pages has a copy for each base page touched, which says how large it is.
 * An entry's two words are written one after the other, the PTE first.
 *
 * Not modelled: split TSBs, the 6-bit region identifiers' hash of a real VHPT (implementation
 * specific; here page XOR region x an odd constant), the hardware TSB pointer's arithmetic (part of
 * the handler's instructions).
 *
 * Sources: Sun, "UltraSPARC User's Manual" (UltraSPARC I/II), 1997, chapters 6 and 15; "The SPARC
 * Architecture Manual, Version 9"; Intel, "Itanium Architecture Software Developer's Manual", volume
 * 2, section 4.1.5 "Virtual Hash Page Table".
 */

#include "mmu/bit_private.h"
#include "mmu/pt_bounded_private.h"
#include "mmu/pt_formats_private.h"

#include <string.h>

enum { WORD_TAG, WORD_ENTRY, WORD_NEW };
enum { TSB_ENTRY_BYTES = 16, TSB_TAG = 0, TSB_DATA = 8, TSB_SIZE_MAX = 7, TSB_PA_BITS = 41 };
enum { TSB_INDEX_BITS = 9, TSB_CONTEXT = 48 };
enum { VHPT_ENTRY_BYTES = 32, VHPT_PTE = 0, VHPT_TAG = 16, VHPT_ENTRIES_MAX = 1 << 24 };
enum { VHPT_PA_BITS = 50, VHPT_REGION = 46, VHPT_ENTRIES_MIN = 128 };

/* Where the words of an entry are, and what they say. */
struct layout {
	unsigned bytes, tag, entry;
	uint64_t no_tag; /* of an empty entry */
	uint64_t (*tag_of)(uint64_t page, asid_t asid);
	uint64_t (*index)(const struct bounded *b, uint64_t page, asid_t asid);
	/* The page of a tag in the slot `index`. */
	uint64_t (*page_of)(const struct bounded *b, uint64_t tag, uint64_t index);
	asid_t (*asid_of)(uint64_t tag);
	uint64_t (*encode)(const struct translation *leaf);
	void (*decode)(uint64_t entry, struct translation *leaf); /* all but va */
	bool (*valid)(uint64_t tag, uint64_t entry);
};

struct direct_kind {
	struct bounded_kind kind; /* stays first */
	const struct layout *layout;
};

static const struct layout *layout_of(const struct bounded *b)
{
	return ((const struct direct_kind *)b->kind)->layout;
}

/* ---- TSB ---- */

enum tte_bits { TTE_G = 0, TTE_W = 1, TTE_P = 2, TTE_WRITABLE = 7, TTE_EXEC = 8, TTE_MODIFIED = 9 };
enum { TTE_SIZE = 52, TTE_V = 63 };

static uint64_t tsb_tag_of(uint64_t page, asid_t asid)
{
	return (uint64_t)asid << TSB_CONTEXT | (page >> TSB_INDEX_BITS & (BIT(TSB_CONTEXT) - 1));
}

static uint64_t tsb_index(const struct bounded *b, uint64_t page, asid_t asid)
{
	(void)asid;
	return page & (b->slots - 1);
}

static uint64_t tsb_page_of(const struct bounded *b, uint64_t tag, uint64_t index)
{
	(void)b;
	return (tag & (BIT(TSB_CONTEXT) - 1)) << TSB_INDEX_BITS |
	       (index & (BIT(TSB_INDEX_BITS) - 1));
}

static asid_t tsb_asid_of(uint64_t tag)
{
	return (asid_t)(tag >> TSB_CONTEXT);
}

static uint64_t tte_encode(const struct translation *leaf)
{
	bool writable = leaf->perms & PERM_WRITE;

	return BIT(TTE_V) | (uint64_t)leaf->page_lg2 << TTE_SIZE | leaf->pa |
	       (leaf->dirty ? BIT(TTE_MODIFIED) : 0) |
	       (leaf->perms & PERM_EXEC ? BIT(TTE_EXEC) : 0) | (writable ? BIT(TTE_WRITABLE) : 0) |
	       (leaf->perms & PERM_USER ? 0 : BIT(TTE_P)) |
	       (writable && leaf->dirty ? BIT(TTE_W) : 0) | (leaf->global ? BIT(TTE_G) : 0);
}

static void tte_decode(uint64_t entry, struct translation *leaf)
{
	leaf->pa = entry & (BIT(TSB_PA_BITS) - FRAME_BYTES);
	leaf->page_lg2 = entry >> TTE_SIZE & 63;
	leaf->perms = (uint8_t)(PERM_READ | (entry & BIT(TTE_WRITABLE) ? PERM_WRITE : 0) |
				(entry & BIT(TTE_EXEC) ? PERM_EXEC : 0) |
				(entry & BIT(TTE_P) ? 0 : PERM_USER));
	leaf->dirty = entry & BIT(TTE_MODIFIED);
	leaf->global = entry & BIT(TTE_G);
}

static bool tte_valid(uint64_t tag, uint64_t entry)
{
	(void)tag;
	return entry & BIT(TTE_V);
}

static const struct layout tsb_layout = {
	.bytes = TSB_ENTRY_BYTES,
	.tag = TSB_TAG,
	.entry = TSB_DATA,
	.tag_of = tsb_tag_of,
	.index = tsb_index,
	.page_of = tsb_page_of,
	.asid_of = tsb_asid_of,
	.encode = tte_encode,
	.decode = tte_decode,
	.valid = tte_valid,
};

/* ---- VHPT ---- */

enum vhpt_bits { VHPT_P = 0, VHPT_A = 5, VHPT_D = 6, VHPT_PL = 7, VHPT_AR = 9, VHPT_GLOBAL = 53 };
enum { VHPT_SIZE = 54, VHPT_INVALID = 63 };

static uint64_t vhpt_tag_of(uint64_t page, asid_t asid)
{
	return (uint64_t)asid << VHPT_REGION | (page & (BIT(VHPT_REGION) - 1));
}

static uint64_t vhpt_index(const struct bounded *b, uint64_t page, asid_t asid)
{
	return (page ^ (uint64_t)asid * 0x9e37) & (b->slots - 1);
}

static uint64_t vhpt_page_of(const struct bounded *b, uint64_t tag, uint64_t index)
{
	(void)b;
	(void)index;
	return tag & (BIT(VHPT_REGION) - 1);
}

static asid_t vhpt_asid_of(uint64_t tag)
{
	return (asid_t)(tag >> VHPT_REGION);
}

static uint64_t vhpt_encode(const struct translation *leaf)
{
	unsigned rights = (leaf->perms & PERM_EXEC ? 1u : 0) | (leaf->perms & PERM_WRITE ? 2u : 0);

	return BIT(VHPT_P) | BIT(VHPT_A) | (leaf->dirty ? BIT(VHPT_D) : 0) |
	       (leaf->perms & PERM_USER ? UINT64_C(3) << VHPT_PL : 0) |
	       (uint64_t)rights << VHPT_AR | leaf->pa | (leaf->global ? BIT(VHPT_GLOBAL) : 0) |
	       (uint64_t)leaf->page_lg2 << VHPT_SIZE;
}

static void vhpt_decode(uint64_t entry, struct translation *leaf)
{
	leaf->pa = entry & (BIT(VHPT_PA_BITS) - FRAME_BYTES);
	leaf->page_lg2 = entry >> VHPT_SIZE & 63;
	leaf->perms = (uint8_t)(PERM_READ | (entry >> VHPT_AR & 1 ? PERM_EXEC : 0) |
				(entry >> VHPT_AR & 2 ? PERM_WRITE : 0) |
				(entry >> VHPT_PL & 3 ? PERM_USER : 0));
	leaf->dirty = entry & BIT(VHPT_D);
	leaf->global = entry & BIT(VHPT_GLOBAL);
}

static bool vhpt_valid(uint64_t tag, uint64_t entry)
{
	(void)tag;
	return entry & BIT(VHPT_P);
}

static const struct layout vhpt_layout = {
	.bytes = VHPT_ENTRY_BYTES,
	.tag = VHPT_TAG,
	.entry = VHPT_PTE,
	.no_tag = UINT64_C(1) << VHPT_INVALID,
	.tag_of = vhpt_tag_of,
	.index = vhpt_index,
	.page_of = vhpt_page_of,
	.asid_of = vhpt_asid_of,
	.encode = vhpt_encode,
	.decode = vhpt_decode,
	.valid = vhpt_valid,
};

/* ---- both ---- */

/* The base page of an address, without its sign extension. */
static uint64_t page_of(const struct page_table *pt, va_t va)
{
	return (va & (UINT64_MAX >> (64 - pt->caps.va_bits))) >> pt->caps.base_page_lg2;
}

static pa_t slot_of(const struct pt_space *space, va_t va)
{
	const struct bounded *b = bounded_of(space->table);
	uint64_t index = layout_of(b)->index(b, page_of(space->table, va), space->asid);

	return b->table + index * layout_of(b)->bytes;
}

/* What the entry says of the page of its size around va. */
static void leaf_of(const struct layout *layout, uint64_t entry, va_t va, struct translation *leaf)
{
	layout->decode(entry, leaf);
	leaf->bytes = UINT64_C(1) << leaf->page_lg2;
	leaf->va = va & ~(leaf->bytes - 1);
	leaf->accessed = true;
}

static unsigned direct_look(const struct bounded *b, const struct walk_input *input, unsigned stage,
			    struct walk_ref *ref)
{
	if (stage > 0)
		return 0;
	ref->pa = slot_of(input->space, input->va);
	ref->bytes = (uint16_t)layout_of(b)->bytes;
	return 1;
}

static bool direct_match(const struct bounded *b, const struct walk_input *input, unsigned stage,
			 const struct walk_reply *reply, struct translation *leaf)
{
	const struct layout *layout = layout_of(b);
	const uint8_t *line = reply->line[0];
	uint64_t tag = walk_load(line + layout->tag, 8), entry = walk_load(line + layout->entry, 8);

	(void)stage;
	if (!layout->valid(tag, entry) ||
	    tag != layout->tag_of(page_of(input->space->table, input->va), input->space->asid))
		return false;
	leaf_of(layout, entry, input->va, leaf);
	return true;
}

static void direct_remember(const struct bounded *b, const struct walk_input *input,
			    const struct walk_reply *reply, bool found, struct walk_state *state)
{
	const uint8_t *line = reply->line[0];

	(void)input;
	(void)found;
	state->word[WORD_TAG] = walk_load(line + layout_of(b)->tag, 8);
	state->word[WORD_ENTRY] = walk_load(line + layout_of(b)->entry, 8);
}

static enum walk_step step_write(pa_t pa, uint64_t old, uint64_t new, struct walk_request *request)
{
	request->write.pa = pa;
	request->write.old_value = old;
	request->write.new_value = new;
	request->write.bytes = 8;
	request->write.level = 0;
	return WALK_WRITE;
}

static enum walk_step direct_refill(const struct bounded *b, const struct walk_input *input,
				    struct walk_state *state, const struct walk_reply *reply,
				    const struct translation *leaf, struct walk_request *request)
{
	const struct layout *layout = layout_of(b);
	uint64_t tag = layout->tag_of(page_of(input->space->table, input->va), input->space->asid);
	pa_t slot = slot_of(input->space, input->va);

	(void)reply;
	if (leaf)
		state->word[WORD_NEW] = layout->encode(leaf);
	switch (state->count++) {
	case 0:
		return step_write(slot + layout->entry, state->word[WORD_ENTRY],
				  state->word[WORD_NEW], request);
	case 1:
		if (state->word[WORD_TAG] != tag)
			return step_write(slot + layout->tag, state->word[WORD_TAG], tag, request);
		break;
	default:
		break;
	}
	leaf_of(layout, state->word[WORD_NEW], input->va, &request->leaf);
	return WALK_LEAF;
}

static void direct_clear(struct page_table *pt, uint64_t index)
{
	const struct layout *layout = layout_of(bounded_of(pt));
	pa_t slot = bounded_of(pt)->table + index * layout->bytes;

	pt_memory_store(pt->memory, slot + layout->tag, 8, layout->no_tag);
	pt_memory_store(pt->memory, slot + layout->entry, 8, 0);
}

static void direct_forget(const struct pt_space *space, va_t va)
{
	struct page_table *pt = space->table;
	const struct layout *layout = layout_of(bounded_of(pt));
	pa_t slot = slot_of(space, va);
	uint64_t entry = pt_memory_load(pt->memory, slot + layout->entry, 8);
	uint64_t tag = pt_memory_load(pt->memory, slot + layout->tag, 8);

	if (layout->valid(tag, entry) && tag == layout->tag_of(page_of(pt, va), space->asid))
		direct_clear(pt, (slot - bounded_of(pt)->table) / layout->bytes);
}

static va_t extended(const struct page_table *pt, va_t va)
{
	unsigned above = 64u - pt->caps.va_bits;

	return pt->caps.sign_extended ? (va_t)((int64_t)(va << above) >> above) : va;
}

static bool direct_copy(const struct page_table *pt, uint64_t index, asid_t *asid, va_t *va,
			struct translation *leaf)
{
	const struct bounded *b = bounded_of(pt);
	const struct layout *layout = layout_of(b);
	const uint8_t *line = phys_mem_at(pt->memory->mem, b->table + index * layout->bytes);
	uint64_t tag = walk_load(line + layout->tag, 8), entry = walk_load(line + layout->entry, 8);

	if (!layout->valid(tag, entry))
		return false;
	*asid = layout->asid_of(tag);
	*va = extended(pt, layout->page_of(b, tag, index) << pt->caps.base_page_lg2);
	leaf_of(layout, entry, *va, leaf);
	return true;
}

#define DIRECT_KIND                                                                      \
	{                                                                                \
		.look = direct_look, .match = direct_match, .remember = direct_remember, \
		.refill = direct_refill, .forget = direct_forget, .copy = direct_copy,   \
		.clear = direct_clear                                                    \
	}
static const struct direct_kind tsb_kind = { DIRECT_KIND, &tsb_layout };
static const struct direct_kind vhpt_kind = { DIRECT_KIND, &vhpt_layout };

/* ---- creation ---- */

/* Both words of a PTE leave no room for more, and pages of less than a frame have low bits set. */
static int narrow(struct page_table *pt, unsigned pa_bits, unsigned page_bits,
		  struct config_complaint *complaint)
{
	if (pt->caps.base_page_lg2 < FRAME_LG2) {
		bounded_destroy(pt);
		return bounded_complain(complaint, "page_table.radix.offset_bits",
					"12 or more behind a bounded table");
	}
	if (pt->caps.va_bits > pt->caps.base_page_lg2 + page_bits) {
		bounded_destroy(pt);
		return bounded_complain(complaint, "page_table.radix.index_bits",
					"addresses that the tags of the bounded table can hold");
	}
	if (pt->caps.pa_bits > pa_bits)
		pt->caps.pa_bits = (uint8_t)pa_bits;
	return PW_OK;
}

static int tsb_config_check(const struct pt_config *all, struct config_complaint *complaint)
{
	const struct tsb_config *config = &all->tsb;
	int error = bounded_check_instructions(config->hit_instructions,
					       "page_table.tsb.hit_instructions", complaint);

	if (config->size > TSB_SIZE_MAX)
		return bounded_complain(complaint, "page_table.tsb.size", "from 0 to 7");
	if (error)
		return error;
	return bounded_check_instructions(config->miss_instructions,
					  "page_table.tsb.miss_instructions", complaint);
}

static int tsb_create(struct page_table *pt, struct config_complaint *complaint)
{
	const struct tsb_config *config = &pt->config.tsb;
	const struct bounded model = { .kind = &tsb_kind.kind,
				       .slots = UINT64_C(512) << (config->size % 64),
				       .trap_first = true,
				       .lookup_instructions = config->hit_instructions,
				       .miss_instructions = config->miss_instructions };
	int error = tsb_config_check(&pt->config, complaint);

	if (!error)
		error = bounded_create(pt, &model, model.slots * TSB_ENTRY_BYTES, complaint);
	return error ? error : narrow(pt, TSB_PA_BITS, TSB_INDEX_BITS + 42, complaint);
}

static int vhpt_config_check(const struct pt_config *all, struct config_complaint *complaint)
{
	const struct vhpt_config *config = &all->vhpt;

	if (config->entries < VHPT_ENTRIES_MIN || config->entries > VHPT_ENTRIES_MAX ||
	    (config->entries & (config->entries - 1)))
		return bounded_complain(complaint, "page_table.vhpt.entries",
					"a power of two from 128 to 16777216");
	return bounded_check_instructions(config->handler_instructions,
					  "page_table.vhpt.handler_instructions", complaint);
}

static int vhpt_create(struct page_table *pt, struct config_complaint *complaint)
{
	const struct vhpt_config *config = &pt->config.vhpt;
	const struct bounded model = { .kind = &vhpt_kind.kind,
				       .slots = config->entries,
				       .miss_instructions = config->handler_instructions };
	int error = vhpt_config_check(&pt->config, complaint);

	if (!error)
		error = bounded_create(pt, &model, model.slots * VHPT_ENTRY_BYTES, complaint);
	if (!error)
		error = narrow(pt, VHPT_PA_BITS, VHPT_REGION, complaint);
	return error;
}

/* ---- for people ---- */

static unsigned describe(const struct pt_field *all, unsigned count, uint64_t raw,
			 struct pt_field *fields)
{
	for (unsigned i = 0; i < count; i++) {
		fields[i] = all[i];
		fields[i].value = raw >> all[i].low_bit & (BIT(all[i].bits) - 1);
	}
	return count;
}

static unsigned tsb_describe(const struct page_table *pt, unsigned level, const void *bytes,
			     unsigned length, struct pt_field *fields)
{
	static const struct pt_field all[] = {
		{ "G", TTE_G, 1, 0 },
		{ "W", TTE_W, 1, 0 },
		{ "P", TTE_P, 1, 0 },
		{ "writable", TTE_WRITABLE, 1, 0 },
		{ "executable", TTE_EXEC, 1, 0 },
		{ "modified", TTE_MODIFIED, 1, 0 },
		{ "PFN", FRAME_LG2, TSB_PA_BITS - FRAME_LG2, 0 },
		{ "size_lg2", TTE_SIZE, 6, 0 },
		{ "V", TTE_V, 1, 0 },
	};

	(void)pt;
	if (level > 0 || length < TSB_ENTRY_BYTES)
		return 0;
	return describe(all, sizeof(all) / sizeof(all[0]),
			walk_load((const uint8_t *)bytes + TSB_DATA, 8), fields);
}

static unsigned vhpt_describe(const struct page_table *pt, unsigned level, const void *bytes,
			      unsigned length, struct pt_field *fields)
{
	static const struct pt_field all[] = {
		{ "P", VHPT_P, 1, 0 },           { "A", VHPT_A, 1, 0 },
		{ "D", VHPT_D, 1, 0 },           { "PL", VHPT_PL, 2, 0 },
		{ "AR", VHPT_AR, 3, 0 },         { "PPN", FRAME_LG2, VHPT_PA_BITS - FRAME_LG2, 0 },
		{ "global", VHPT_GLOBAL, 1, 0 }, { "size_lg2", VHPT_SIZE, 6, 0 },
	};

	(void)pt;
	if (level > 0 || length < VHPT_ENTRY_BYTES)
		return 0;
	return describe(all, sizeof(all) / sizeof(all[0]),
			walk_load((const uint8_t *)bytes + VHPT_PTE, 8), fields);
}

const struct pt_ops pt_tsb_ops = {
	.name = "tsb",
	.doc = "SPARC's translation storage buffer over a backing table: direct-mapped, by software",
	.config_check = tsb_config_check,
	.page_sizes = pt_backing_page_sizes,
	.create = tsb_create,
	.describe = tsb_describe,
	BOUNDED_OPS,
};

const struct pt_ops pt_vhpt_ops = {
	.name = "vhpt",
	.doc = "Itanium's long-format VHPT over a backing table: hashed, looked up by hardware",
	.config_check = vhpt_config_check,
	.page_sizes = pt_backing_page_sizes,
	.create = vhpt_create,
	.describe = vhpt_describe,
	BOUNDED_OPS,
};
