/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PAGEWALK_TESTS_GUEST_PROGRAMS_ADVISED_H
#define PAGEWALK_TESTS_GUEST_PROGRAMS_ADVISED_H

/* For gcc -include: malloc() is of whole aligned huge pages, and asks for them. */

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>

static void *advised_malloc(size_t bytes)
{
	const uintptr_t mask = (2u << 20) - 1;
	char *p = mmap(NULL, bytes + 2 * mask, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return NULL;
	p = (char *)(((uintptr_t)p + mask) & ~mask);
	madvise(p, (bytes + mask) & ~mask, MADV_HUGEPAGE);
	return p;
}
#define malloc advised_malloc

#endif
