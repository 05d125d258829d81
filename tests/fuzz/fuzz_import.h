/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PAGEWALK_TESTS_FUZZ_FUZZ_IMPORT_H
#define PAGEWALK_TESTS_FUZZ_FUZZ_IMPORT_H

/*
 * The whole path of an importer, as it is and lenient: what it reports is a legal trace, it stops with
 * a message or not at all, and what is reported before it stops is what a lenient one reports.
 */

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "traces/import.h"

static void must(bool holds)
{
	if (!holds)
		abort();
}

struct heard {
	uint64_t loads, stores, blocks, calls;
	uint64_t hash, hash_at_end; /* of all; of as much as `until` accesses and blocks */
	uint64_t until;
};

static void hear(struct heard *heard, uint64_t kind, va_t va, unsigned bytes)
{
	must(heard->calls >= 3);
	must(bytes >= 1 && bytes <= FRAME_BYTES && va < IMPORT_VA_END &&
	     bytes <= IMPORT_VA_END - va);
	heard->hash = (heard->hash * 31 + kind) * 31 + va * 31 + bytes;
	if (heard->loads + heard->stores + heard->blocks == heard->until)
		heard->hash_at_end = heard->hash;
}

static void on_access(void *ctx, enum access_kind access, va_t va, unsigned bytes)
{
	struct heard *heard = ctx;

	must(access == ACCESS_READ || access == ACCESS_WRITE);
	if (access == ACCESS_READ)
		heard->loads++;
	else
		heard->stores++;
	hear(heard, access, va, bytes);
}

static void on_block(void *ctx, va_t va, unsigned bytes, unsigned instructions, bool rep)
{
	struct heard *heard = ctx;

	must(instructions == 1 && !rep);
	heard->blocks++;
	hear(heard, ACCESS_FETCH, va, bytes);
}

static void on_kcall(void *ctx, const struct kcall *call, int64_t result)
{
	static const enum kcall_op preamble[] = { KCALL_space_create, KCALL_space_switch,
						  KCALL_first_touch };
	struct heard *heard = ctx;

	must(call->op == (heard->calls < 3 ? preamble[heard->calls] : KCALL_tick));
	must(result == (call->op == KCALL_space_create));
	heard->calls++;
}

static int import(const char *path, const char *format, bool lenient, struct heard *heard)
{
	const struct trace_import_setup setup = { path, format, lenient };
	const struct machine_tap tap = {
		.ctx = heard, .access = on_access, .block = on_block, .kcall = on_kcall
	};
	struct trace_import_result result;
	struct trace_error error;
	int status;

	memset(&error, 'x', sizeof(error));
	status = trace_import_read(&setup, &tap, &result, &error);
	must(result.loads == heard->loads && result.stores == heard->stores &&
	     result.instructions == heard->blocks);
	must(status <= 0 && (status == 0 || memchr(error.text, 0, sizeof(error.text))));
	must(!lenient || (result.skipped == 0) == (result.first_skipped.text[0] == '\0'));
	must(lenient || status == PW_CORRUPT || result.skipped == 0);
	return status;
}

static void fuzz_import(const char *format, const uint8_t *data, size_t size)
{
	struct heard strict = { .until = UINT64_MAX }, lenient = { 0 };
	int fd = memfd_create("fuzz", MFD_CLOEXEC), status;
	char path[32];

	must(fd >= 0);
	must(size == 0 || write(fd, data, size) == (ssize_t)size);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	status = import(path, format, false, &strict);
	lenient.until = strict.loads + strict.stores + strict.blocks;
	must(import(path, format, true, &lenient) <= 0);
	must(lenient.hash_at_end == strict.hash);
	must(status != PW_OK || lenient.hash == strict.hash);
	close(fd);
}

#endif
