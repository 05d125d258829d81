/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "emu/linux/user.h"

#include <errno.h>
#include <string.h>

#include "emu/linux/process.h"

/* A string is looked for in pieces of this size, so that its cost follows its length. */
enum { STRING_PIECE = 64 };

static uint64_t bytes_in_page(va_t va, uint64_t bytes)
{
	uint64_t room = FRAME_BYTES - (va & (FRAME_BYTES - 1));

	return bytes < room ? bytes : room;
}

/* The host's view of [va, va + bytes), which lies within one page; NULL: -EFAULT. */
static uint8_t *touch(struct linux_task *p, va_t va, uint64_t bytes, enum access_kind access)
{
	if (kernel_user_copy(p->system->kernel, va, bytes, access) < 0)
		return NULL;
	return machine_user_bytes(p->system->machine, va, access);
}

static bool range_is_user(const struct linux_task *p, va_t va, uint64_t bytes)
{
	va_t end = kernel_va_end(p->system->kernel);

	return va <= end && bytes <= end - va;
}

int user_read(struct linux_task *p, void *to, va_t from, uint64_t bytes)
{
	uint8_t *out = to;

	if (!range_is_user(p, from, bytes))
		return -EFAULT;
	while (bytes > 0) {
		uint64_t now = bytes_in_page(from, bytes);
		const uint8_t *in = touch(p, from, now, ACCESS_READ);

		if (!in)
			return -EFAULT;
		memcpy(out, in, now);
		out += now;
		from += now;
		bytes -= now;
	}
	return 0;
}

int user_write(struct linux_task *p, va_t to, const void *from, uint64_t bytes)
{
	const uint8_t *in = from;

	if (!range_is_user(p, to, bytes))
		return -EFAULT;
	while (bytes > 0) {
		uint64_t now = bytes_in_page(to, bytes);
		uint8_t *out = touch(p, to, now, ACCESS_WRITE);

		if (!out)
			return -EFAULT;
		memcpy(out, in, now);
		in += now;
		to += now;
		bytes -= now;
	}
	return 0;
}

int user_zero(struct linux_task *p, va_t to, uint64_t bytes)
{
	if (!range_is_user(p, to, bytes))
		return -EFAULT;
	while (bytes > 0) {
		uint64_t now = bytes_in_page(to, bytes);
		uint8_t *out = touch(p, to, now, ACCESS_WRITE);

		if (!out)
			return -EFAULT;
		memset(out, 0, now);
		to += now;
		bytes -= now;
	}
	return 0;
}

int64_t user_string(struct linux_task *p, char *to, size_t size, va_t from)
{
	size_t length = 0;

	while (length < size) {
		uint64_t piece = STRING_PIECE - (from & (STRING_PIECE - 1));
		const char *end;

		if (piece > size - length)
			piece = size - length;
		if (user_read(p, to + length, from, piece) < 0)
			return -EFAULT;
		end = memchr(to + length, '\0', piece);
		if (end)
			return end - to;
		length += piece;
		from += piece;
	}
	return -ENAMETOOLONG;
}

int user_iovecs(struct linux_task *p, struct user_iovec *to, va_t from, uint64_t count,
		uint64_t *total)
{
	*total = 0;
	if (count > USER_IOVECS_MAX)
		return -EINVAL;
	if (user_read(p, to, from, count * sizeof(*to)) < 0)
		return -EFAULT;
	for (uint64_t i = 0; i < count; i++) {
		if (to[i].length > INT64_MAX - *total)
			return -EINVAL;
		*total += to[i].length;
	}
	return 0;
}
