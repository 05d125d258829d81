#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Every program in a half, a quarter and an eighth of the memory that it touches, with every policy; and make with gcc
# in half and, with Linux's policy, in less.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/lib_pressure.sh"
need busybox sqlite3

all_ways() {
	local name=$1 share policy
	shift
	measure "$@"
	for share in "${shares[@]}"; do
		for policy in "${policies[@]}"; do
			squeezed "$name" "$share" "$policy" "$@"
		done
	done
}
each_program all_ways

if command -v gcc >/dev/null && command -v make >/dev/null; then
	printf 'int fib(int n) { return n < 2 ? n : fib(n - 1) + fib(n - 2); }\n' >fib.c
	printf 'all:\n\t@gcc -O1 -S -o - fib.c\n' >Makefile
	measure make -s
	for policy in "${policies[@]}"; do
		squeezed make 2 "$policy" make -s
	done
	squeezed make 4 two-list make -s
	squeezed make 8 two-list make -s
else
	printf 'SKIP: no gcc, or no make\n' >&2
fi
finish
