/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Two buffers: of the file, and of what was decoded from it, which callers see. A file that starts
 * as gzip (RFC 1952) or xz (.xz file format, 2.1.1.1) does is decoded; several of them one after the
 * other are one input, as for gzip and xz themselves.
 */

#include "traces/import_input.h"

#include <errno.h>
#include <fcntl.h>
#include <lzma.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

enum { FILE_BYTES = 1 << 16, DATA_BYTES = 2 * IMPORT_PEEK_MAX, XZ_MEMORY_MAX = 1 << 28 };

/* Decodes from file[] to data[]; the default only moves. */
typedef int decode_fn(struct import_input *input, struct trace_error *error);

struct import_input {
	int fd;
	const char *path;
	decode_fn *decode;
	z_stream gzip;
	lzma_stream xz;
	bool file_ended, data_ended;
	size_t file_at, file_used;
	size_t data_at, data_used;
	uint8_t file[FILE_BYTES];
	uint8_t data[DATA_BYTES];
};

static int fail(const struct import_input *in, int code, const char *what,
		struct trace_error *error)
{
	snprintf(error->text, sizeof(error->text), "%.300s: %s", in->path, what);
	return code;
}

/* --- the file -------------------------------------------------------------------------------- */

/* One read more, if there is room. */
static int read_file(struct import_input *in, struct trace_error *error)
{
	ssize_t got;

	if (in->file_at > 0) {
		memmove(in->file, in->file + in->file_at, in->file_used - in->file_at);
		in->file_used -= in->file_at;
		in->file_at = 0;
	}
	if (in->file_ended || in->file_used == FILE_BYTES)
		return PW_OK;
	do
		got = read(in->fd, in->file + in->file_used, FILE_BYTES - in->file_used);
	while (got < 0 && errno == EINTR);
	if (got < 0)
		return fail(in, PW_IO, strerror(errno), error);
	in->file_ended = got == 0;
	in->file_used += (size_t)got;
	return PW_OK;
}

/* --- decoders -------------------------------------------------------------------------------- */

static int decode_plain(struct import_input *in, struct trace_error *error)
{
	size_t count = in->file_used - in->file_at, room = DATA_BYTES - in->data_used;

	(void)error;
	if (count > room)
		count = room;
	memcpy(in->data + in->data_used, in->file + in->file_at, count);
	in->file_at += count;
	in->data_used += count;
	in->data_ended = in->file_ended && in->file_at == in->file_used;
	return PW_OK;
}

static int decode_gzip(struct import_input *in, struct trace_error *error)
{
	z_stream *z = &in->gzip;
	bool nothing_left = in->file_ended && in->file_at == in->file_used;
	int status;

	/* Between two members, of which a file may have several. */
	if (nothing_left && z->total_in == 0) {
		in->data_ended = true;
		return PW_OK;
	}
	z->next_in = in->file + in->file_at;
	z->avail_in = (uInt)(in->file_used - in->file_at);
	z->next_out = in->data + in->data_used;
	z->avail_out = (uInt)(DATA_BYTES - in->data_used);
	status = inflate(z, Z_NO_FLUSH);
	in->file_at = in->file_used - z->avail_in;
	in->data_used = DATA_BYTES - z->avail_out;
	if (status == Z_STREAM_END) {
		inflateReset(z);
		return PW_OK;
	}
	if (status == Z_BUF_ERROR && nothing_left)
		return fail(in, PW_CORRUPT, "cut off: its gzip data has no end", error);
	if (status != Z_OK && status != Z_BUF_ERROR)
		return fail(in, status == Z_MEM_ERROR ? PW_NOMEM : PW_CORRUPT,
			    "its gzip data is damaged", error);
	return PW_OK;
}

static int decode_xz(struct import_input *in, struct trace_error *error)
{
	lzma_stream *xz = &in->xz;
	bool last = in->file_ended;
	lzma_ret status;

	xz->next_in = in->file + in->file_at;
	xz->avail_in = in->file_used - in->file_at;
	xz->next_out = in->data + in->data_used;
	xz->avail_out = DATA_BYTES - in->data_used;
	status = lzma_code(xz, last ? LZMA_FINISH : LZMA_RUN);
	in->file_at = in->file_used - xz->avail_in;
	in->data_used = DATA_BYTES - xz->avail_out;
	if (status == LZMA_STREAM_END) {
		in->data_ended = true;
		return PW_OK;
	}
	if (status == LZMA_MEM_ERROR || status == LZMA_MEMLIMIT_ERROR)
		return fail(in, PW_NOMEM, "its xz data needs more than 256 MiB to decode", error);
	if (status == LZMA_BUF_ERROR && last && in->data_used < DATA_BYTES)
		return fail(in, PW_CORRUPT, "cut off: its xz data has no end", error);
	if (status != LZMA_OK && status != LZMA_BUF_ERROR)
		return fail(in, PW_CORRUPT, "its xz data is damaged", error);
	return PW_OK;
}

/* --- life ------------------------------------------------------------------------------------ */

static int choose_decoder(struct import_input *in, struct trace_error *error)
{
	static const uint8_t gzip[] = { 0x1f, 0x8b }, xz[] = { 0xfd, '7', 'z', 'X', 'Z', 0 };

	in->decode = decode_plain;
	/* A pipe may give a byte at a time. */
	while (in->file_used < sizeof(xz) && !in->file_ended) {
		int failed = read_file(in, error);

		if (failed)
			return failed;
	}
	if (in->file_used >= sizeof(gzip) && memcmp(in->file, gzip, sizeof(gzip)) == 0) {
		in->decode = decode_gzip;
		if (inflateInit2(&in->gzip, 15 + 16) != Z_OK) /* any window, gzip's head and tail */
			return fail(in, PW_NOMEM, "out of memory", error);
	} else if (in->file_used >= sizeof(xz) && memcmp(in->file, xz, sizeof(xz)) == 0) {
		in->decode = decode_xz;
		if (lzma_stream_decoder(&in->xz, XZ_MEMORY_MAX, LZMA_CONCATENATED) != LZMA_OK)
			return fail(in, PW_NOMEM, "out of memory", error);
	}
	return PW_OK;
}

int import_input_open(struct import_input **out, const char *path, struct trace_error *error)
{
	struct import_input *in = calloc(1, sizeof(*in));
	bool standard = strcmp(path, "-") == 0;
	int failed;

	if (!in) {
		snprintf(error->text, sizeof(error->text), "%.300s: out of memory", path);
		return PW_NOMEM;
	}
	in->path = standard ? "standard input" : path;
	in->fd = standard ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
	if (in->fd < 0) {
		snprintf(error->text, sizeof(error->text), "%.300s: cannot be read: %s", path,
			 strerror(errno));
		free(in);
		return PW_IO;
	}
	failed = choose_decoder(in, error);
	if (failed) {
		import_input_close(in);
		return failed;
	}
	*out = in;
	return PW_OK;
}

void import_input_close(struct import_input *in)
{
	if (!in)
		return;
	inflateEnd(&in->gzip);
	lzma_end(&in->xz);
	if (in->fd != STDIN_FILENO)
		close(in->fd);
	free(in);
}

bool import_input_is(const struct import_input *in, const char *path)
{
	struct stat ours, theirs;

	return fstat(in->fd, &ours) == 0 && S_ISREG(ours.st_mode) && stat(path, &theirs) == 0 &&
	       ours.st_dev == theirs.st_dev && ours.st_ino == theirs.st_ino;
}

/* --- reading --------------------------------------------------------------------------------- */

static int decode_more(struct import_input *in, struct trace_error *error)
{
	int failed = PW_OK;

	if (in->data_at > 0) {
		memmove(in->data, in->data + in->data_at, in->data_used - in->data_at);
		in->data_used -= in->data_at;
		in->data_at = 0;
	}
	if (in->file_at == in->file_used || in->decode != decode_plain)
		failed = read_file(in, error);
	return failed ? failed : in->decode(in, error);
}

int import_input_peek(struct import_input *in, size_t wanted, const uint8_t **bytes,
		      struct trace_error *error)
{
	while (in->data_used - in->data_at < wanted && !in->data_ended) {
		int failed = decode_more(in, error);

		if (failed)
			return failed;
	}
	*bytes = in->data + in->data_at;
	return (int)(in->data_used - in->data_at);
}

void import_input_take(struct import_input *in, size_t count)
{
	in->data_at += count;
}
