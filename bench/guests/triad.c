/* SPDX-License-Identifier: GPL-2.0-or-later */

/* a[i] = b[i] + s c[i], as STREAM's triad (McCalpin, 1995): three arrays of 8 MiB, 12 rounds. */

#include <stdio.h>
#include <stdlib.h>

enum { COUNT = 1 << 20, ROUNDS = 12 };

int main(void)
{
	double *a = malloc(COUNT * sizeof(*a)), *b = malloc(COUNT * sizeof(*b));
	double *c = malloc(COUNT * sizeof(*c));

	if (!a || !b || !c)
		return 1;
	for (int i = 0; i < COUNT; i++) {
		b[i] = i;
		c[i] = COUNT - i;
	}
	for (int round = 0; round < ROUNDS; round++)
		for (int i = 0; i < COUNT; i++)
			a[i] = b[i] + 3.0 * c[(i + round) % COUNT];
	printf("%g %g\n", a[0], a[COUNT - 1]);
	return 0;
}
