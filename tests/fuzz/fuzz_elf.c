/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Any bytes as an ELF file. What the parser accepts must keep what elf.h promises, so that the
 * loader need not look again.
 */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "emu/linux/elf.h"
#include "mmu/error.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct bytes {
	const uint8_t *data;
	size_t size;
};

static int64_t read_bytes(void *ctx, uint64_t offset, void *to, size_t bytes)
{
	const struct bytes *from = ctx;

	if (offset >= from->size)
		return 0;
	if (bytes > from->size - offset)
		bytes = from->size - offset;
	memcpy(to, from->data + offset, bytes);
	return (int64_t)bytes;
}

/* Not assert(): it must hold in every build. */
static void must(int holds)
{
	if (!holds)
		abort();
}

static void check_image(const struct elf_image *image, size_t size)
{
	const uint64_t page = FRAME_BYTES - 1;
	uint64_t end = 0;

	must(image->segment_count >= 1 && image->segment_count <= ELF_SEGMENTS_MAX);
	must((image->alignment & (image->alignment - 1)) == 0 && image->alignment >= FRAME_BYTES);
	must((image->low & page) == 0 && (image->high & page) == 0 && image->low < image->high);
	must(image->high <= UINT64_C(1) << 47);
	must(memchr(image->interpreter, 0, sizeof(image->interpreter)) != NULL);
	for (unsigned i = 0; i < image->segment_count; i++) {
		const struct elf_segment *segment = &image->segment[i];

		must(segment->memory_bytes > 0 && segment->file_bytes <= segment->memory_bytes);
		must(segment->va >= end && segment->va >= image->low);
		end = segment->va + segment->memory_bytes;
		must(end > segment->va && end <= image->high);
		must(segment->offset <= size && segment->file_bytes <= size - segment->offset);
		must(segment->file_bytes == 0 || ((segment->va ^ segment->offset) & page) == 0);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes bytes = { data, size };
	const struct elf_source source = { &bytes, read_bytes, size };
	struct elf_image image;
	char text[ELF_TEXT_MAX];
	int error;

	memset(text, 'x', sizeof(text));
	error = elf_parse(&image, &source, text);
	must(error <= 0);
	if (error == PW_OK)
		check_image(&image, size);
	else
		must(memchr(text, 0, sizeof(text)) != NULL && text[0] != '\0');
	return 0;
}
