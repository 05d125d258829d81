/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Any bytes as a trace. Beside them as they are, as a frame whose checksums are right: the input is
 * then flags, sizes of sections and the decoded content, so that the templates and records are
 * reached and not only zstd.
 */

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <zstd.h>

#include "traces/format.h"
#include "traces/trace.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Not assert(): it must hold in every build. */
static void must(int holds)
{
	if (!holds)
		abort();
}

static void check_record(const struct trace_record *record)
{
	switch (record->tag) {
	case TRACE_LOAD:
	case TRACE_STORE:
	case TRACE_BLOCK:
	case TRACE_REP:
		must(record->bytes >= 1 && record->bytes <= FRAME_BYTES);
		break;
	case TRACE_ATTEMPT:
		must(record->access < ACCESS_KIND_COUNT && record->outcome.signal >= 0 &&
		     record->outcome.signal <= 64);
		break;
	case TRACE_MAPPING:
		must(strlen(record->mapping.path) < TRACE_PATH_MAX &&
		     strlen(record->mapping.identity) < TRACE_IDENTITY_MAX);
		break;
	case TRACE_KCALL:
		must(record->call.op < KCALL_COUNT);
		break;
	default:
		must(record->tag == TRACE_END || record->tag == TRACE_CUT);
	}
}

static void read_file(int fd)
{
	struct trace_reader *reader = NULL;
	struct trace_error error = { "" };
	struct trace_record record;
	char path[32];
	int more;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	more = trace_reader_open(&reader, path, &error);
	if (more == PW_OK) {
		while ((more = trace_reader_next(reader, &record, &error)) > 0)
			check_record(&record);
		trace_reader_number(reader, "seed", 0);
		trace_reader_close(reader);
	}
	must(more <= 0 && (more == 0 || error.text[0] != '\0'));
	must(memchr(error.text, 0, sizeof(error.text)) != NULL);
}

static void put(int fd, const void *bytes, size_t size)
{
	must(size == 0 || write(fd, bytes, size) == (ssize_t)size);
}

static void put_head(int fd, bool has_pc)
{
	uint8_t head[TRACE_HEAD_BYTES] = TRACE_MAGIC;

	put_u32(head + TRACE_HEAD_VERSION, TRACE_VERSION);
	put_u32(head + TRACE_HEAD_FLAGS, has_pc ? TRACE_FLAG_PC : 0);
	put_u64(head + TRACE_HEAD_CHECKSUM, trace_head_checksum(head, "", 0));
	put(fd, head, sizeof(head));
}

static uint32_t take_size(const uint8_t *data, size_t left)
{
	uint32_t size = get_u32(data) & 0xffffff;

	return size < left ? size : (uint32_t)left;
}

/* The input says how long each section is, then comes the content. */
static void put_frame(int fd, const uint8_t *data, size_t size)
{
	size_t sizes = 4 * (SECTION_COUNT - 1), left = size - sizes;
	size_t bound = ZSTD_compressBound(left), stored;
	uint8_t bytes[TRACE_FRAME_HEAD_BYTES], *compressed = malloc(bound);
	struct trace_frame_head head = { .count[TRACE_LOAD] = 1 << 20 };

	must(compressed != NULL);
	for (unsigned i = 0; i + 1 < SECTION_COUNT; i++) {
		head.bytes[i] = take_size(data + 4 * i, left);
		left -= head.bytes[i];
	}
	head.bytes[SECTION_COUNT - 1] = (uint32_t)left;
	stored = ZSTD_compress(compressed, bound, data + sizes, size - sizes, 1);
	must(!ZSTD_isError(stored));
	head.stored = (uint32_t)stored;
	trace_frame_head_put(bytes, &head);
	put(fd, bytes, sizeof(bytes));
	put(fd, compressed, stored);
	free(compressed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int fd = memfd_create("fuzz", MFD_CLOEXEC);

	must(fd >= 0);
	put(fd, data, size);
	read_file(fd);
	if (size > 1 + 4 * (SECTION_COUNT - 1) && size < TRACE_FRAME_MAX) {
		must(ftruncate(fd, 0) == 0 && lseek(fd, 0, SEEK_SET) == 0);
		put_head(fd, data[0] & 1);
		put_frame(fd, data + 1, size - 1);
		read_file(fd);
	}
	close(fd);
	return 0;
}
