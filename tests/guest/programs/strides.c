/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Loads, stores and updates over 2 MiB in an order that small TLBs feel, some across the end of a
 * page; calls into functions that lie on pages of their own.
 */

#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum { PAGE = 4096, PAGES = 512, STEPS = 6000, FUNCTIONS = 24 };

static unsigned char memory[PAGES * PAGE] __attribute__((aligned(PAGE)));

static uint64_t load(const unsigned char *at)
{
	uint64_t value;

	memcpy(&value, at, sizeof(value)); /* one unaligned load */
	return value;
}

#define EACH(f)                                                                               \
	f(0) f(1) f(2) f(3) f(4) f(5) f(6) f(7) f(8) f(9) f(10) f(11) f(12) f(13) f(14) f(15) \
		f(16) f(17) f(18) f(19) f(20) f(21) f(22) f(23)
#define DEFINE(n)                                                                        \
	__attribute__((noinline, aligned(PAGE))) static uint64_t on_page_##n(uint64_t x) \
	{                                                                                \
		return x * 6364136223846793005u + n;                                     \
	}
#define NAME(n) on_page_##n,
EACH(DEFINE)

static uint64_t (*const functions[FUNCTIONS])(uint64_t) = { EACH(NAME) };

int main(void)
{
	uint64_t x = 1, sum = 0;

	for (unsigned i = 0; i < STEPS; i++) {
		unsigned reach = i % 3 == 0 ? PAGES : i % 3 == 1 ? 40 : 7; /* pages */
		unsigned char *at;

		x = functions[(x >> 40) % (i % 5 == 0 ? FUNCTIONS : 6)](x);
		at = memory + (x >> 33) % (reach * PAGE - 8);
		if (i % 7 == 0) /* across the end of its page */
			at = memory + ((x >> 33) % (reach - 1) + 1) * PAGE - 3;
		if (i % 4 == 0)
			*at ^= (unsigned char)x;
		else
			sum += load(at);
	}
	printf("%llu\n", (unsigned long long)sum);
	return 0;
}
