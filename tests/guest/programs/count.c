/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Integer work whose loads and stores do not depend on the processor found: sieve, sort, lists. */

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

enum { LIMIT = 400000, NODES = 30000 };

static unsigned char composite[LIMIT];
static uint32_t values[NODES];

struct node {
	struct node *left, *right;
	uint32_t value;
};

static struct node nodes[NODES];

static unsigned sieve(void)
{
	unsigned count = 0;

	for (unsigned i = 2; i < LIMIT; i++) {
		if (composite[i])
			continue;
		count++;
		for (unsigned j = 2 * i; j < LIMIT; j += i)
			composite[j] = 1;
	}
	return count;
}

static uint64_t sort(void)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < NODES; i++)
		values[i] = i * 2654435761u;
	for (unsigned gap = NODES / 2; gap; gap /= 2) {
		for (unsigned i = gap; i < NODES; i++) {
			uint32_t value = values[i];
			unsigned j = i;

			for (; j >= gap && values[j - gap] > value; j -= gap)
				values[j] = values[j - gap];
			values[j] = value;
		}
	}
	for (unsigned i = 0; i < NODES; i += 100)
		sum += values[i];
	return sum;
}

static unsigned tree(void)
{
	struct node *root = nodes;
	unsigned steps = 0;

	root->value = 1u << 31;
	for (unsigned i = 1; i < NODES; i++) {
		struct node *at = root, **next;

		nodes[i].value = i * 2246822519u;
		for (;;) {
			next = nodes[i].value < at->value ? &at->left : &at->right;
			steps++;
			if (!*next)
				break;
			at = *next;
		}
		*next = &nodes[i];
	}
	return steps;
}

int main(void)
{
	printf("%u %llu %u\n", sieve(), (unsigned long long)sort(), tree());
	return 0;
}
