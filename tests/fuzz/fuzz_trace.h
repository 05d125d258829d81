/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PAGEWALK_TESTS_FUZZ_FUZZ_TRACE_H
#define PAGEWALK_TESTS_FUZZ_FUZZ_TRACE_H

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

/* Not assert(): it must hold in every build. */
static void must(int holds)
{
	if (!holds)
		abort();
}

static void must_be_told(int status, const struct trace_error *error)
{
	must(status == PW_OK ||
	     (error->text[0] != '\0' && memchr(error->text, 0, sizeof(error->text)) != NULL));
}

/* A machine that is soon out of memory; the format of its page table. */
static inline struct machine *small_machine(const char *format)
{
	struct config_complaint complaint;
	struct machine_config config;
	struct machine *machine;

	machine_config_default(&config);
	config.kernel.ram_bytes = 1 << 20;
	config.kernel.swap.bytes = 1 << 19;
	strcpy(config.mmu.page_table.format, format);
	must(machine_create(&machine, &config, &host_alloc_libc, &complaint) == PW_OK);
	return machine;
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

/* Hands over the paths of both files. */
static void fuzz_trace(const uint8_t *data, size_t size, void (*use)(const char *path))
{
	int fd = memfd_create("fuzz", MFD_CLOEXEC);
	char path[32];

	must(fd >= 0);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	put(fd, data, size);
	use(path);
	if (size > 1 + 4 * (SECTION_COUNT - 1) && size < TRACE_FRAME_MAX) {
		must(ftruncate(fd, 0) == 0 && lseek(fd, 0, SEEK_SET) == 0);
		put_head(fd, data[0] & 1);
		put_frame(fd, data + 1, size - 1);
		use(path);
	}
	close(fd);
}

#endif
