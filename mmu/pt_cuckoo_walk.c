/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Walks of elastic cuckoo tables, as told at the head of pt_cuckoo.c. */

#include "mmu/pt_cuckoo_private.h"

#include <string.h>

enum cuckoo_phase { PHASE_START, PHASE_PMD, PHASE_PUD, PHASE_READ, PHASE_KEPT, PHASE_WRITTEN };

/* While reading: what is read (bits, in this order), and what was found. */
enum { WORD_READS, WORD_ENTRY, WORD_SIZE };
enum { FIRST_WALK_TABLE_BIT = SIZES_MAX * CUCKOO_WAYS_MAX };

void cuckoo_walk_start(const struct walk_input *input, struct walk_state *state)
{
	(void)input;
	memset(state, 0, sizeof(*state));
	state->phase = PHASE_START;
	state->perms = PERM_READ | PERM_WRITE | PERM_EXEC | PERM_USER;
}

static enum walk_step step_fault(enum fault_kind kind, unsigned level, struct walk_request *request)
{
	request->fault.kind = (uint8_t)kind;
	request->fault.level = (uint8_t)level;
	return WALK_FAULT;
}

static uint64_t ways_of(const struct cuckoo_table *t, unsigned size)
{
	return (BIT(t->ways) - 1) << size * CUCKOO_WAYS_MAX;
}
static uint64_t walk_table_bit(unsigned i)
{
	return BIT(FIRST_WALK_TABLE_BIT + i);
}

/* What has to be read, given what a walk cache said. */
static uint64_t reads_of(const struct walk_input *input, const struct walk_state *state)
{
	const struct cuckoo *cuckoo = input->space->table->format;
	const struct cuckoo_space *own = input->space->format;
	unsigned i = state->phase == PHASE_PUD, header, section;
	uint64_t reads = 0;

	if (state->phase == PHASE_START) {
		for (unsigned size = 0; size < cuckoo->sizes; size++)
			reads |= ways_of(&own->pages[size], size);
		for (i = 0; cuckoo->walks_use_them && i < cuckoo->walk_tables; i++)
			reads |= walk_table_bit(i);
		return reads;
	}
	section = cuckoo_section(input->va, cuckoo->lg2[i + 1]);
	header = cuckoo_header(state->word[section / 16], section);
	if (header >= SECTION_PAGE)
		return BIT((i + 1) * CUCKOO_WAYS_MAX + (header - SECTION_PAGE));
	if (header & SECTION_4K)
		reads |= ways_of(&own->pages[0], 0);
	if (header & SECTION_2M)
		reads |= ways_of(&own->pages[1], 1) | walk_table_bit(0);
	return reads;
}

static enum walk_step step_read(const struct walk_input *input, struct walk_state *state,
				struct walk_request *request)
{
	const struct cuckoo *cuckoo = input->space->table->format;
	const struct cuckoo_space *own = input->space->format;
	unsigned count = 0;

	for (uint64_t left = state->word[WORD_READS]; left; left &= left - 1) {
		unsigned bit = (unsigned)__builtin_ctzll(left), size = bit / CUCKOO_WAYS_MAX;
		const struct cuckoo_table *t;

		if (bit < FIRST_WALK_TABLE_BIT) {
			t = &own->pages[size];
			request->read.ref[count++] = (struct walk_ref){
				cuckoo_place(t, bit % CUCKOO_WAYS_MAX,
					     cuckoo_cluster(input->va, cuckoo->lg2[size])),
				CLUSTER_PAGES * 8
			};
			continue;
		}
		t = &own->walk[bit - FIRST_WALK_TABLE_BIT];
		for (unsigned way = 0; way < WALK_TABLE_WAYS; way++)
			request->read.ref[count++] = (struct walk_ref){
				cuckoo_place(
					t, way,
					cuckoo_group(input->va,
						     cuckoo->lg2[bit - FIRST_WALK_TABLE_BIT + 1])),
				WALK_TABLE_READ_BYTES
			};
	}
	state->phase = PHASE_READ;
	if (count == 0)
		return step_fault(FAULT_NOT_PRESENT, 0, request);
	request->read.count = (uint8_t)count;
	request->read.level = 0;
	request->read.together = true;
	request->cacheable = false;
	return WALK_READ;
}

/* What was found decides; a write-back first where A or D is clear. */
static enum walk_step step_found(const struct walk_input *input, struct walk_state *state,
				 struct walk_request *request)
{
	const struct cuckoo *cuckoo = input->space->table->format;
	uint64_t entry = state->word[WORD_ENTRY];
	uint64_t wanted = BIT(ENTRY_A) | (input->access == ACCESS_WRITE ? BIT(ENTRY_D) : 0);
	unsigned size = (unsigned)state->word[WORD_SIZE];

	if (!(entry & BIT(ENTRY_VALID)))
		return step_fault(FAULT_NOT_PRESENT, 0, request);
	if (!access_allowed(&input->controls, input->mode, input->access, entry_perms(entry)))
		return step_fault(FAULT_PROTECTION, size, request);
	if ((entry & wanted) == wanted) {
		cuckoo_decode(input->va, cuckoo->lg2[size], entry, &request->leaf);
		return WALK_LEAF;
	}
	state->phase = PHASE_WRITTEN;
	state->word[WORD_ENTRY] = entry | wanted;
	request->write.pa = state->table;
	request->write.old_value = entry;
	request->write.new_value = entry | wanted;
	request->write.bytes = 8;
	request->write.level = (uint8_t)size;
	return WALK_WRITE;
}

/* Looks for the page in the lines read: state->table and the words say where and what it is. */
static void find_page(const struct walk_input *input, struct walk_state *state,
		      const struct walk_reply *reply)
{
	const struct cuckoo *cuckoo = input->space->table->format;
	const struct cuckoo_space *own = input->space->format;
	unsigned i = 0;

	state->word[WORD_ENTRY] = 0;
	for (uint64_t left = state->word[WORD_READS] & (BIT(FIRST_WALK_TABLE_BIT) - 1); left;
	     left &= left - 1, i++) {
		unsigned bit = (unsigned)__builtin_ctzll(left), size = bit / CUCKOO_WAYS_MAX;
		unsigned lg2 = cuckoo->lg2[size], slot = cuckoo_slot(input->va, lg2);
		uint64_t key = cuckoo_cluster(input->va, lg2), entry;
		const uint8_t *line = reply->line[i];

		if (!cuckoo_line_is(line, false, key))
			continue;
		entry = walk_load(line + (size_t)slot * 8, 8);
		if (!(entry & BIT(ENTRY_VALID)))
			continue;
		state->table = cuckoo_place(&own->pages[size], bit % CUCKOO_WAYS_MAX, key) +
			       (pa_t)slot * 8;
		state->word[WORD_ENTRY] = entry;
		state->word[WORD_SIZE] = size;
		return;
	}
}

/* Asks to keep the entry of walk table i, if it was read and is there. */
static bool keep_entry(const struct walk_input *input, const struct walk_state *state, unsigned i,
		       const struct walk_reply *reply, struct walk_request *request)
{
	const struct cuckoo *cuckoo = input->space->table->format;
	uint64_t reads = state->word[WORD_READS];
	unsigned first = (unsigned)__builtin_popcountll(reads & (BIT(FIRST_WALK_TABLE_BIT) - 1));
	uint64_t key;

	if (i >= cuckoo->walk_tables || !(reads & walk_table_bit(i)))
		return false;
	if (i == 1 && reads & walk_table_bit(0))
		first += WALK_TABLE_WAYS;
	key = cuckoo_group(input->va, cuckoo->lg2[i + 1]);
	for (unsigned way = 0; way < WALK_TABLE_WAYS; way++) {
		const uint8_t *line = reply->line[first + way];

		if (!cuckoo_line_is(line, true, key))
			continue;
		memset(&request->keep, 0, sizeof(request->keep));
		request->keep.level = (uint8_t)(i + 1);
		request->keep.state.phase = i == 0 ? PHASE_PMD : PHASE_PUD;
		request->keep.state.level = (uint8_t)i;
		request->keep.state.perms = state->perms;
		for (unsigned k = 0; k < WALK_STATE_WORDS; k++)
			request->keep.state.word[k] = walk_load(line + 8 + (size_t)k * 8, 8);
		return true;
	}
	return false;
}

enum walk_step cuckoo_walk_next(const struct walk_input *input, struct walk_state *state,
				const struct walk_reply *reply, struct walk_request *request)
{
	const struct cuckoo *cuckoo = input->space->table->format;

	switch ((enum cuckoo_phase)state->phase) {
	case PHASE_START:
	case PHASE_PMD:
	case PHASE_PUD:
		state->word[WORD_READS] = reads_of(input, state);
		return step_read(input, state, request);
	case PHASE_READ:
		find_page(input, state, reply);
		state->phase = PHASE_KEPT;
		if (keep_entry(input, state, 0, reply, request))
			return WALK_KEEP;
		/* fall through */
	case PHASE_KEPT:
		if (state->count++ == 0 && keep_entry(input, state, 1, reply, request))
			return WALK_KEEP;
		return step_found(input, state, request);
	case PHASE_WRITTEN:
		if (reply->write_lost)
			return step_read(input, state, request);
		cuckoo_decode(input->va, cuckoo->lg2[state->word[WORD_SIZE]],
			      state->word[WORD_ENTRY], &request->leaf);
		return WALK_LEAF;
	}
	return step_fault(FAULT_NOT_PRESENT, 0, request);
}
