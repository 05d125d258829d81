/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PAGEWALK_ANALYSIS_IDENTITY_H
#define PAGEWALK_ANALYSIS_IDENTITY_H

/*
 * What tells the content of a file from another's, as text that can be kept and compared:
 *
 *   BYTES:build-id:HEX   of an ELF file that has one, as debuggers and profilers know it
 *   BYTES:fnv1a:HEX      of any other: 64 bits, of all its bytes
 *
 * The size is beside the build-id since strip(1) changes a file and leaves that. A file that was
 * patched in place, its notes aside, is not told apart. Times are not used: they differ between
 * installations of one program, and a copy of a file has others.
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

enum { IDENTITY_TEXT_MAX = 112, IDENTITIES_KEPT = 64 };

/* Of a regular file, read from anywhere in it. False: it cannot be read, or is beyond all measure. */
bool identity_of_file(int fd, char text[IDENTITY_TEXT_MAX]);
/* Is this of the file? Without reading it where the size says no already. */
bool identity_holds(int fd, const char *identity);

/* Those of the last files, as long as fstat() says that they are as they were. */
struct identities {
	struct identity_known {
		dev_t device;
		ino_t inode;
		off_t size;
		struct timespec modified, changed;
		char text[IDENTITY_TEXT_MAX];
	} known[IDENTITIES_KEPT];
	unsigned count, next;
};

/* Or "". Good until the next call. */
const char *identity_find(struct identities *identities, int fd);

#endif
