/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PAGEWALK_EMU_LINUX_RANDOM_H
#define PAGEWALK_EMU_LINUX_RANDOM_H

/*
 * All chance that the guest meets (ASLR, AT_RANDOM, getrandom, /dev/urandom): SplitMix64, seeded.
 * Not for secrets. Source: prng.h.
 */

#include <stddef.h>

#include "mmu/prng.h"

struct guest_random {
	uint64_t state;
};

static inline void guest_random_init(struct guest_random *random, uint64_t seed)
{
	random->state = seed;
}

static inline uint64_t guest_random_next(struct guest_random *random)
{
	return splitmix_next(&random->state);
}

static inline void guest_random_fill(struct guest_random *random, uint8_t *to, size_t bytes)
{
	uint64_t word = 0;

	for (size_t i = 0; i < bytes; i++) {
		if (i % 8 == 0)
			word = guest_random_next(random);
		to[i] = (uint8_t)(word >> (i % 8 * 8));
	}
}

#endif
