/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "emu/linux/content.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "emu/linux/process.h"

static uint8_t *bytes_of(void *ctx, pfn_t pfn)
{
	struct linux_system *system = ctx;

	return phys_mem_at(&system->machine->mem, pfn << FRAME_LG2);
}

static void content_zero(void *ctx, pfn_t pfn)
{
	memset(bytes_of(ctx, pfn), 0, FRAME_BYTES);
}

static void content_copy(void *ctx, pfn_t to, pfn_t from)
{
	memcpy(bytes_of(ctx, to), bytes_of(ctx, from), FRAME_BYTES);
}

/* As many bytes as the file has, up to a frame; -1 with errno. */
static ssize_t read_all(int fd, uint8_t *to, off_t offset)
{
	ssize_t done = 0;

	while (done < FRAME_BYTES) {
		ssize_t now = pread(fd, to + done, (size_t)(FRAME_BYTES - done), offset + done);

		if (now < 0 && errno == EINTR)
			continue;
		if (now < 0)
			return -1;
		if (now == 0)
			break;
		done += now;
	}
	return done;
}

static int content_read_file(void *ctx, uint64_t identity, uint64_t index, pfn_t pfn)
{
	struct linux_system *system = ctx;
	const struct inode *inode = inode_by_number(&system->inodes, identity);
	uint8_t *to = bytes_of(ctx, pfn);
	ssize_t got = -1;

	if (inode && inode->content_fd >= 0 && index <= INT64_MAX >> FRAME_LG2)
		got = read_all(inode->content_fd, to, (off_t)(index << FRAME_LG2));
	if (got < FRAME_BYTES)
		memset(to + (got > 0 ? got : 0), 0, (size_t)(FRAME_BYTES - (got > 0 ? got : 0)));
	return got < 0 ? PW_IO : PW_OK;
}

static int content_write_file(void *ctx, uint64_t identity, uint64_t index, pfn_t pfn,
			      unsigned bytes)
{
	struct linux_system *system = ctx;
	const struct inode *inode = inode_by_number(&system->inodes, identity);
	const uint8_t *from = bytes_of(ctx, pfn);

	if (!inode || !inode->content_writable || bytes > FRAME_BYTES ||
	    index > INT64_MAX >> FRAME_LG2)
		return PW_IO;
	for (unsigned done = 0; done < bytes;) {
		ssize_t now = pwrite(inode->content_fd, from + done, bytes - done,
				     (off_t)((index << FRAME_LG2) + done));

		if (now < 0 && errno == EINTR)
			continue;
		if (now <= 0)
			return PW_IO;
		done += (unsigned)now;
	}
	return PW_OK;
}

static void content_swap_out(void *ctx, uint64_t slot, pfn_t pfn)
{
	struct linux_system *system = ctx;

	memcpy(phys_mem_at(&system->swap, slot << FRAME_LG2), bytes_of(ctx, pfn), FRAME_BYTES);
}

static void content_swap_in(void *ctx, uint64_t slot, pfn_t pfn)
{
	struct linux_system *system = ctx;

	memcpy(bytes_of(ctx, pfn), phys_mem_at(&system->swap, slot << FRAME_LG2), FRAME_BYTES);
}

void content_provider(struct kernel_content *content, struct linux_system *system)
{
	*content = (struct kernel_content){
		.ctx = system,
		.zero = content_zero,
		.copy = content_copy,
		.read_file = content_read_file,
		.write_file = content_write_file,
		.swap_out = content_swap_out,
		.swap_in = content_swap_in,
	};
}
