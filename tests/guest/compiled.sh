#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What compilers make: C++ with exceptions, static, static-PIE, musl, and signals of every kind.
. "$(dirname "$0")/lib.sh"
need g++ gcc musl-gcc
sources=$(dirname "$(readlink -f "$0")")/programs

g++ -O1 -o exceptions "$sources/exceptions.cc" || fail "compiling exceptions.cc"
gcc -O1 -static -o hello-static "$sources/hello.c" || fail "compiling hello.c, static"
gcc -O1 -static-pie -o hello-static-pie "$sources/hello.c" || fail "compiling hello.c, static-pie"
musl-gcc -O1 -static -o hello-musl "$sources/hello.c" || fail "compiling hello.c with musl"
gcc -O1 -o signals "$sources/signals.c" || fail "compiling signals.c"
gcc -O1 -o mappings "$sources/mappings.c" || fail "compiling mappings.c"

same "C++ exceptions" -- ./exceptions
same "static" -- ./hello-static a b
same "static-PIE" -- ./hello-static-pie a b
same "musl static" -- ./hello-musl a b
signals="segv-null segv-readonly segv-noexec segv-byte bus divide illegal trap altstack nested \
	restart float-kept mask abort kill-default noncanonical privileged crossing"
mappings="anonymous file shared fixed remap protect stack brk dontneed hole selfmodify crossing"
for case in $signals; do
	same "signals $case" -- ./signals "$case"
done
for case in $mappings; do
	same "mappings $case" --write . -- ./mappings "$case"
done

# On another kind of page table, and without memory hooks, where the fill hook sets A and D.
MACHINES=hashed-toy
for case in $signals; do
	same "signals $case, not measured" --no-measure -- ./signals "$case"
done
for case in $mappings; do
	same "mappings $case, not measured" --no-measure --write . -- ./mappings "$case"
	same "mappings $case" --write . -- ./mappings "$case"
done
finish
