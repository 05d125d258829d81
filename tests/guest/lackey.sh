#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Loads, stores and instructions against an independent count: valgrind's lackey. Within 1 %.
# What differs, and why:
#  - lackey counts a 128-bit SSE access once, Unicorn delivers two of 64 bits;
#  - valgrind replaces nothing in a static program, but starts it with another environment and
#    auxiliary vector, so start-up differs by some hundred instructions;
#  - a guest that chooses code by CPUID chooses alike only where both offer the same; hence the
#    programs here are compiled without the C library's string functions in their inner loops;
#  - with --vex-guest-chase=yes (its default) valgrind translates the second half of an `a && b`
#    speculatively and lackey counts it even where it is not executed (5 % here), so it is off.
. "$(dirname "$0")/lib.sh"
need valgrind gcc
sources=$(dirname "$(readlink -f "$0")")/programs
gcc -O2 -fno-tree-vectorize -mno-sse3 -static -o count "$sources/count.c" || fail "compiling count.c"

valgrind --tool=lackey --vex-guest-chase=no --detailed-counts=yes --log-file=lackey.txt ./count >/dev/null
lackey_instructions=$(awk '/guest instrs: / { gsub(",", ""); print $4 }' lackey.txt)
# Rows of "IR-level counts by type": type, loads, stores, ALU operations.
lackey_column() {
	awk -v column="$1" '$2 ~ /^[IFDV][0-9]+$/ { gsub(",", ""); n += $column } END { print n }' lackey.txt
}
lackey_loads=$(lackey_column 3)
lackey_stores=$(lackey_column 4)

pagewalk -- ./count >/dev/null
within() {
	awk -v a="$2" -v b="$3" 'BEGIN { d = (a - b) / b; if (d < 0) d = -d; exit !(b > 0 && d <= 0.01) }' ||
		fail "$1: $2, lackey $3"
	printf '%s: pagewalk %s, lackey %s\n' "$1" "$2" "$3"
}
within instructions "$(counter machine.instructions)" "$lackey_instructions"
within loads "$(counter machine.loads)" "$lackey_loads"
within stores "$(counter machine.stores)" "$lackey_stores"
finish
