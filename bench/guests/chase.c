/* SPDX-License-Identifier: GPL-2.0-or-later */

/* A pointer chase through one random cycle (Sattolo, 1986) of cache lines: 32 MiB, 4 M steps. */

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

enum { LINES = 1 << 19, STEPS = 1 << 22 };

struct line {
	struct line *next;
	char pad[56];
};

static uint64_t seed = 88172645463325252ull;

static uint64_t random_below(uint64_t limit)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed % limit;
}

int main(void)
{
	struct line *lines = malloc(LINES * sizeof(*lines)), *at;
	uint32_t *order = malloc(LINES * sizeof(*order));
	unsigned long steps;

	if (!lines || !order)
		return 1;
	for (uint32_t i = 0; i < LINES; i++)
		order[i] = i;
	for (uint32_t i = LINES - 1; i > 0; i--) {
		uint32_t j = (uint32_t)random_below(i), swap = order[i];

		order[i] = order[j];
		order[j] = swap;
	}
	for (uint32_t i = 0; i < LINES; i++)
		lines[order[i]].next = &lines[order[(i + 1) % LINES]];
	at = lines;
	for (steps = 0; steps < STEPS; steps++)
		at = at->next;
	printf("%ld\n", (long)(at - lines));
	return 0;
}
