/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PAGEWALK_MMU_PRNG_H
#define PAGEWALK_MMU_PRNG_H

/*
 * The two generators that stand behind everything random here: seeded, and the same on every host.
 *
 * Sources: Vigna, "An experimental exploration of Marsaglia's xorshift generators, scrambled", 2016
 * (xorshift64*); Steele, Lea and Flood, "Fast splittable pseudorandom number generators", OOPSLA
 * 2014, figure 17 with the constants of java.util.SplittableRandom (splitmix64).
 */

#include <stdint.h>

#define SPLITMIX_GAMMA UINT64_C(0x9e3779b97f4a7c15)

/* The next number; the state must not be 0 and never becomes 0. The upper bits are the better ones. */
static inline uint64_t xorshift_next(uint64_t *state)
{
	uint64_t x = *state;

	x ^= x >> 12;
	x ^= x << 25;
	x ^= x >> 27;
	*state = x;
	return x * UINT64_C(0x2545f4914f6cdd1d);
}

/* Scatters every bit of z over all of the result: also a hash. */
static inline uint64_t splitmix_mix(uint64_t z)
{
	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

/* The next number; any state will do. */
static inline uint64_t splitmix_next(uint64_t *state)
{
	return splitmix_mix(*state += SPLITMIX_GAMMA);
}

#endif
