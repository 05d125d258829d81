/* SPDX-License-Identifier: GPL-2.0-or-later */

/* See identity.h. The file may be hostile: libelf checks what it reads, and sizes are bounded here. */

#include "analysis/identity.h"

#include <gelf.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mmu/fnv1a.h"

enum { BUILD_ID_MAX = 32, NOTES_BYTES_MAX = 1 << 16, PIECE = 1 << 16 };

/* A file of /proc may claim any size. */
static const off_t digest_bytes_max = (off_t)1 << 33;

/* --- build-id -------------------------------------------------------------------------------- */

static bool is_build_id(const Elf_Data *notes, const GElf_Nhdr *note, size_t name)
{
	return note->n_type == NT_GNU_BUILD_ID && note->n_namesz == sizeof("GNU") &&
	       memcmp((const char *)notes->d_buf + name, "GNU", sizeof("GNU")) == 0 &&
	       note->n_descsz >= 1 && note->n_descsz <= BUILD_ID_MAX;
}

static bool find_in_notes(Elf_Data *notes, char hex[2 * BUILD_ID_MAX + 1])
{
	size_t at = 0, name, content;
	GElf_Nhdr note;

	while ((at = gelf_getnote(notes, at, &note, &name, &content)) > 0) {
		const uint8_t *id = (const uint8_t *)notes->d_buf + content;

		if (!is_build_id(notes, &note, name))
			continue;
		for (unsigned i = 0; i < note.n_descsz; i++)
			snprintf(hex + 2 * i, 3, "%02x", id[i]);
		return true;
	}
	return false;
}

static bool find_build_id(Elf *elf, char hex[2 * BUILD_ID_MAX + 1])
{
	size_t count;

	if (elf_kind(elf) != ELF_K_ELF || elf_getphdrnum(elf, &count) != 0)
		return false;
	for (size_t i = 0; i < count; i++) {
		Elf_Data *notes;
		GElf_Phdr segment;

		if (!gelf_getphdr(elf, (int)i, &segment))
			return false;
		if (segment.p_type != PT_NOTE || segment.p_filesz > NOTES_BYTES_MAX ||
		    segment.p_offset > INT64_MAX)
			continue;
		notes = elf_getdata_rawchunk(elf, (int64_t)segment.p_offset, segment.p_filesz,
					     segment.p_align == 8 ? ELF_T_NHDR8 : ELF_T_NHDR);
		if (notes && find_in_notes(notes, hex))
			return true;
	}
	return false;
}

static bool has_build_id(int fd, char hex[2 * BUILD_ID_MAX + 1])
{
	/* Not mapped: a file that shrinks while it is read must not kill us. */
	Elf *elf = elf_version(EV_CURRENT) == EV_NONE ? NULL : elf_begin(fd, ELF_C_READ, NULL);
	bool found = elf && find_build_id(elf, hex);

	if (elf)
		elf_end(elf);
	return found;
}

/* --- digest ---------------------------------------------------------------------------------- */

static bool digest(int fd, off_t size, uint64_t *sum)
{
	uint8_t piece[PIECE];

	*sum = FNV1A_START;
	for (off_t at = 0; at < size;) {
		ssize_t got = pread(fd, piece, sizeof(piece), at);

		if (got <= 0)
			return false;
		*sum = fnv1a(*sum, piece, (size_t)got);
		at += got;
	}
	return true;
}

/* --------------------------------------------------------------------------------------------- */

bool identity_of_file(int fd, char text[IDENTITY_TEXT_MAX])
{
	char hex[2 * BUILD_ID_MAX + 1];
	struct stat status;
	uint64_t sum;

	if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode))
		return false;
	if (has_build_id(fd, hex)) {
		snprintf(text, IDENTITY_TEXT_MAX, "%jd:build-id:%s", (intmax_t)status.st_size, hex);
		return true;
	}
	if (status.st_size > digest_bytes_max || !digest(fd, status.st_size, &sum))
		return false;
	snprintf(text, IDENTITY_TEXT_MAX, "%jd:fnv1a:%016" PRIx64, (intmax_t)status.st_size, sum);
	return true;
}

bool identity_holds(int fd, const char *identity)
{
	char text[IDENTITY_TEXT_MAX];
	struct stat status;
	int length;

	if (fstat(fd, &status) != 0)
		return false;
	length = snprintf(text, sizeof(text), "%jd:", (intmax_t)status.st_size);
	return strncmp(text, identity, (size_t)length) == 0 && identity_of_file(fd, text) &&
	       strcmp(text, identity) == 0;
}

static bool is_same_time(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

const char *identity_find(struct identities *identities, int fd)
{
	struct identity_known *known;
	struct stat status;

	if (fstat(fd, &status) != 0)
		return "";
	for (unsigned i = 0; i < identities->count; i++) {
		known = &identities->known[i];
		if (known->device == status.st_dev && known->inode == status.st_ino &&
		    known->size == status.st_size &&
		    is_same_time(&known->modified, &status.st_mtim) &&
		    is_same_time(&known->changed, &status.st_ctim))
			return known->text;
	}
	known = &identities->known[identities->next];
	if (!identity_of_file(fd, known->text)) {
		known->inode = 0;
		known->text[0] = '\0';
		return known->text;
	}
	known->device = status.st_dev;
	known->inode = status.st_ino;
	known->size = status.st_size;
	known->modified = status.st_mtim;
	known->changed = status.st_ctim;
	identities->next = (identities->next + 1) % IDENTITIES_KEPT;
	if (identities->count < IDENTITIES_KEPT)
		identities->count++;
	return known->text;
}
