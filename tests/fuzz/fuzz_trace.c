/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Any bytes as a trace. Beside them as they are, the same records in a frame whose checksum is
 * right: the input is then the decoded content, so that the records are reached and not only zstd.
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

static void put_u32(uint8_t *out, uint32_t value)
{
	for (unsigned i = 0; i < 4; i++)
		out[i] = (uint8_t)(value >> 8 * i);
}

static void put_head(int fd)
{
	uint8_t head[TRACE_HEAD_BYTES] = "PGWLKTRC";
	uint64_t sum;

	put_u32(head + TRACE_HEAD_VERSION, TRACE_VERSION);
	sum = trace_head_checksum(head, "", 0);
	put_u32(head + TRACE_HEAD_CHECKSUM, (uint32_t)sum);
	put_u32(head + TRACE_HEAD_CHECKSUM + 4, (uint32_t)(sum >> 32));
	put(fd, head, sizeof(head));
}

static void put_frame(int fd, const uint8_t *data, size_t size)
{
	size_t bound = ZSTD_compressBound(size), stored;
	uint8_t head[12] = "FRAM", *compressed = malloc(bound);

	must(compressed != NULL);
	stored = ZSTD_compress(compressed, bound, data, size, 1);
	must(!ZSTD_isError(stored));
	put_u32(head + 4, (uint32_t)stored);
	put_u32(head + 8, (uint32_t)size);
	put(fd, head, sizeof(head));
	put(fd, compressed, stored);
	free(compressed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int fd = memfd_create("fuzz", MFD_CLOEXEC);

	must(fd >= 0);
	put(fd, data, size);
	read_file(fd);
	must(ftruncate(fd, 0) == 0 && lseek(fd, 0, SEEK_SET) == 0);
	put_head(fd);
	put_frame(fd, data, size);
	read_file(fd);
	close(fd);
	return 0;
}
