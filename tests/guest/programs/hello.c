/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Arguments, environment, thread-local storage, stdio. */

#include <stdio.h>
#include <stdlib.h>

static _Thread_local int local = 40;

int main(int argc, char **argv)
{
	local += 2;
	printf("hello, world: %d %d\n", argc, local);
	for (int i = 1; i < argc; i++)
		printf("%s\n", argv[i]);
	return getenv("PATH") ? argc : 99;
}
