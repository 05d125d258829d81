/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "traces/index.h"

#include <stdlib.h>

void trace_index_release(struct trace_index *index)
{
	free(index->entry);
	*index = (struct trace_index){ .entry = NULL };
}

static bool reserve(struct trace_index *index, size_t entries)
{
	struct trace_index_entry *grown;
	size_t room = index->room ? index->room : 64;

	while (room < entries)
		room *= 2;
	if (room == index->room)
		return true;
	grown = realloc(index->entry, room * sizeof(*grown));
	if (!grown)
		return false;
	index->entry = grown;
	index->room = room;
	return true;
}

bool trace_index_add(struct trace_index *index, uint64_t offset,
		     const struct trace_frame_head *head)
{
	if (!reserve(index, index->count + 1))
		return false;
	index->entry[index->count++] =
		(struct trace_index_entry){ offset, head->accesses, head->instructions };
	for (unsigned i = 0; i < TRACE_COUNTS; i++)
		index->total[i] += head->count[i];
	index->instructions = head->instructions_after;
	return true;
}

/* --- as bytes -------------------------------------------------------------------------------- */

static size_t checked_bytes(size_t entries)
{
	return trace_index_bytes(entries) - TRACE_FOOTER_BYTES - 8;
}

void trace_index_put(const struct trace_index *index, uint64_t offset, uint8_t *out)
{
	uint8_t *start = out;

	memcpy(out, TRACE_INDEX_MAGIC, 4);
	put_u32(out + 4, (uint32_t)index->count);
	out += TRACE_INDEX_HEAD_BYTES;
	for (size_t i = 0; i < index->count; i++, out += TRACE_INDEX_ENTRY_BYTES) {
		put_u64(out, index->entry[i].offset);
		put_u64(out + 8, index->entry[i].accesses);
		put_u64(out + 16, index->entry[i].instructions);
	}
	for (unsigned i = 0; i < TRACE_COUNTS; i++, out += 8)
		put_u64(out, index->total[i]);
	put_u64(out, index->instructions);
	out += 8;
	put_u64(out, trace_checksum(start, checked_bytes(index->count)));
	put_u64(out + 8, offset);
	put_u64(out + 16, trace_checksum(out + 8, 8));
	memcpy(out + 24, TRACE_END_MAGIC, 8);
}

bool trace_footer_get(const uint8_t in[TRACE_FOOTER_BYTES], uint64_t *offset)
{
	*offset = get_u64(in);
	return get_u64(in + 8) == trace_checksum(in, 8) && memcmp(in + 16, TRACE_END_MAGIC, 8) == 0;
}

bool trace_index_holds(const uint8_t *in, size_t entries, uint64_t offset)
{
	size_t checked = checked_bytes(entries);
	uint64_t said;

	return memcmp(in, TRACE_INDEX_MAGIC, 4) == 0 && get_u32(in + 4) == entries &&
	       get_u64(in + checked) == trace_checksum(in, checked) &&
	       trace_footer_get(in + checked + 8, &said) && said == offset;
}

bool trace_index_get(struct trace_index *index, const uint8_t *in, size_t entries)
{
	if (!reserve(index, entries))
		return false;
	in += TRACE_INDEX_HEAD_BYTES;
	for (size_t i = 0; i < entries; i++, in += TRACE_INDEX_ENTRY_BYTES)
		index->entry[i] = (struct trace_index_entry){ get_u64(in), get_u64(in + 8),
							      get_u64(in + 16) };
	for (unsigned i = 0; i < TRACE_COUNTS; i++, in += 8)
		index->total[i] = get_u64(in);
	index->instructions = get_u64(in);
	index->count = entries;
	return true;
}
