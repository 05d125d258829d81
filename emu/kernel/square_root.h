/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PAGEWALK_EMU_KERNEL_SQUARE_ROOT_H
#define PAGEWALK_EMU_KERNEL_SQUARE_ROOT_H

/* As Linux's int_sqrt(): watermarks and the lengths of its lists are made with it. */

#include <stdint.h>

/* The integer part of the root; `of` is below 2^62. */
static inline uint64_t square_root(uint64_t of)
{
	uint64_t root = 0;

	for (uint64_t bit = UINT64_C(1) << 30; bit; bit >>= 1)
		if ((root + bit) * (root + bit) <= of)
			root += bit;
	return root;
}

#endif
