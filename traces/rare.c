/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "traces/rare.h"

#include <string.h>

/* --- writing --------------------------------------------------------------------------------- */

static uint8_t *put_kcall(uint8_t *out, const struct trace_record *record)
{
	for (unsigned i = 0; i < kcall_infos[record->call.op].arg_count; i++)
		out = put_number(out, record->call.arg[i]);
	return put_signed(out, record->result);
}

static uint8_t *put_string(uint8_t *out, const char *string)
{
	size_t size = strlen(string) + 1;

	memcpy(out, string, size);
	return out + size;
}

static uint8_t *put_mapping(uint8_t *out, const struct trace_mapping *mapping)
{
	out = put_number(out, mapping->space);
	out = put_number(out, mapping->start);
	out = put_number(out, mapping->length);
	out = put_number(out, mapping->offset);
	out = put_number(out, mapping->prot);
	out = put_string(out, mapping->path);
	return put_string(out, mapping->identity);
}

size_t trace_rare_put(uint8_t *start, const struct trace_record *record)
{
	uint8_t *out = start;

	*out++ =
		(uint8_t)(record->tag == TRACE_KCALL ? TRACE_KCALL + record->call.op : record->tag);
	switch (record->tag) {
	case TRACE_END:
		for (unsigned i = 0; i < 3; i++)
			out = put_number(out, record->total[i]);
		out = put_number(out, record->end.ending);
		out = put_number(out, record->end.number);
		break;
	case TRACE_CUT:
		out = put_number(out, record->instructions);
		break;
	case TRACE_ATTEMPT:
		out = put_number(out, record->access);
		out = put_number(out, record->va);
		out = put_number(out, (uint64_t)record->outcome.signal);
		out = put_signed(out, record->outcome.si_code);
		break;
	case TRACE_MAPPING:
		out = put_mapping(out, &record->mapping);
		break;
	case TRACE_KCALL:
		out = put_kcall(out, record);
		break;
	default:
		assert(!"not a rare record");
	}
	return (size_t)(out - start);
}

/* --- numbers --------------------------------------------------------------------------------- */

bool get_number(struct trace_bytes *in, uint64_t *value)
{
	unsigned shift = 0;

	*value = 0;
	while (in->at < in->end && shift < 64) {
		uint8_t byte = *in->at++;

		*value |= (uint64_t)(byte & 0x7f) << shift;
		if (!(byte & 0x80))
			return true;
		shift += 7;
	}
	return false;
}

bool get_signed(struct trace_bytes *in, int64_t *value)
{
	uint64_t zigzag;

	if (!get_number(in, &zigzag))
		return false;
	*value = (int64_t)(zigzag >> 1 ^ (0 - (zigzag & 1)));
	return true;
}

bool get_small(struct trace_bytes *in, uint32_t max, uint32_t *value)
{
	uint64_t wide;

	if (!get_number(in, &wide) || wide > max)
		return false;
	*value = (uint32_t)wide;
	return true;
}

/* --- reading --------------------------------------------------------------------------------- */

enum { SIGNAL_MAX = 64 };

static bool get_attempt(struct trace_bytes *in, struct trace_record *record)
{
	uint32_t access, signal;
	int64_t si_code;

	if (!get_small(in, ACCESS_KIND_COUNT - 1, &access) || !get_number(in, &record->va) ||
	    !get_small(in, SIGNAL_MAX, &signal) || !get_signed(in, &si_code) ||
	    si_code != (int32_t)si_code)
		return false;
	record->access = (enum access_kind)access;
	record->outcome = (struct fault_outcome){ .signal = (int)signal,
						  .si_code = (int)si_code,
						  .va = record->va };
	return true;
}

static bool get_kcall(struct trace_bytes *in, unsigned op, struct trace_record *record)
{
	if (op >= KCALL_COUNT)
		return false;
	record->call.op = (enum kcall_op)op;
	for (unsigned i = 0; i < kcall_infos[op].arg_count; i++)
		if (!get_number(in, &record->call.arg[i]))
			return false;
	return get_signed(in, &record->result);
}

/* Of at most `size` bytes with its NUL; it stays where it is. */
static const char *get_string(struct trace_bytes *in, size_t size)
{
	const char *string = (const char *)in->at;
	size_t left = (size_t)(in->end - in->at);
	const uint8_t *nul = memchr(in->at, 0, left < size ? left : size);

	if (nul)
		in->at = nul + 1;
	return nul ? string : NULL;
}

static bool get_mapping(struct trace_bytes *in, struct trace_mapping *mapping)
{
	if (!get_number(in, &mapping->space) || !get_number(in, &mapping->start) ||
	    !get_number(in, &mapping->length) || !get_number(in, &mapping->offset) ||
	    !get_small(in, UINT32_MAX, &mapping->prot))
		return false;
	mapping->path = get_string(in, TRACE_PATH_MAX);
	mapping->identity = mapping->path ? get_string(in, TRACE_IDENTITY_MAX) : NULL;
	return mapping->identity != NULL;
}

static bool get_end(struct trace_bytes *in, struct trace_record *record)
{
	uint32_t ending, number;

	for (unsigned i = 0; i < 3; i++)
		if (!get_number(in, &record->total[i]))
			return false;
	if (!get_small(in, TRACE_ENDINGS - 1, &ending) || !get_small(in, UINT8_MAX, &number))
		return false;
	record->end = (struct trace_outcome){ (enum trace_ending)ending, number };
	return true;
}

bool trace_rare_get(struct trace_bytes *in, struct trace_record *record)
{
	unsigned tag;

	if (in->at == in->end)
		return false;
	tag = *in->at++;
	memset(record, 0, sizeof(*record));
	record->tag = tag >= TRACE_KCALL ? TRACE_KCALL : (enum trace_tag)tag;
	switch (record->tag) {
	case TRACE_END:
		return get_end(in, record);
	case TRACE_CUT:
		return get_small(in, FRAME_BYTES, &record->instructions);
	case TRACE_ATTEMPT:
		return get_attempt(in, record);
	case TRACE_MAPPING:
		return get_mapping(in, &record->mapping);
	case TRACE_KCALL:
		return get_kcall(in, tag - TRACE_KCALL, record);
	default:
		return false;
	}
}
