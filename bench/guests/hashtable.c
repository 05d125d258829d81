/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Open addressing with linear probing: 16 MiB table, 600,000 inserts, 3,000,000 lookups. */

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

enum { SLOTS = 1 << 20, INSERTS = 600000, LOOKUPS = 3000000 };

struct slot {
	uint64_t key, value;
};

static uint64_t mix(uint64_t x)
{
	x = (x ^ x >> 31) * 0x7fb5d329728ea185ull;
	x = (x ^ x >> 27) * 0x81dadef4bc2dd44dull;
	return x ^ x >> 33;
}

int main(void)
{
	struct slot *table = calloc(SLOTS, sizeof(*table));
	uint64_t sum = 0;

	if (!table)
		return 1;
	for (uint64_t key = 1; key <= INSERTS; key++) {
		uint64_t at = mix(key) % SLOTS;

		while (table[at].key)
			at = (at + 1) % SLOTS;
		table[at] = (struct slot){ key, key * key };
	}
	for (uint64_t i = 0; i < LOOKUPS; i++) {
		uint64_t key = 1 + mix(i) % (2 * INSERTS), at = mix(key) % SLOTS;

		while (table[at].key && table[at].key != key)
			at = (at + 1) % SLOTS;
		sum += table[at].value;
	}
	printf("%llu\n", (unsigned long long)sum);
	return 0;
}
