#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Machines with few virtual addresses: programs run inside them, or are refused before their first
# instruction with machine, width and the address that does not fit. Traces between them.
. "$(dirname "$0")/lib.sh"
need gcc busybox sqlite3 lua

# machine BITS INDEX_BITS: vaBITS.yaml, a radix table without TLBs
machine() {
	printf 'base: no-tlb\npage_table: {radix: {index_bits: %s, leaf_levels: [0]}}\n' "$2" >"va$1.yaml"
}
machine 16 '[4]'
machine 22 '[9, 1]'
machine 28 '[9, 7]'
machine 32 '[9, 9, 2]'
machine 38 '[9, 9, 8]'
machine 39 '[9, 9, 9]'

MACHINES='va28.yaml va32.yaml va39.yaml'
same "busybox" -- busybox sh -c 'x=1; while [ $x -lt 300 ]; do x=$((x * 3)); done; echo $x'
same "sqlite3" -- sqlite3 :memory: 'select sum(value) from generate_series(1,500)'
same "lua" -- lua -e 't = {} for i = 1, 999 do t[i] = i * i end print(#t, t[999])'
[ ! -x /usr/bin/python3 ] || same "python3" -- /usr/bin/python3 -IS -c 'print(sum(i * i for i in range(100)))'
# Blocks of 20 MiB and less, by mmap and mremap.
same "20 MiB" -- lua -e 'x = string.rep("x", 1 << 16) print(#string.rep(x, 320))'

# refused NAME MACHINE BITS ADDRESS PROGRAM...: the program did not run at all
refused() {
	local name=$1 machine=$2 bits=$3 address=$4
	shift 4
	expect_status "$name" 126 "at $address does not fit into the $bits-bit addresses of machine $machine: there is room up to 0x" \
		pagewalk --mmu "$machine.yaml" -- "$@"
	expect_output "$name" ""
}
refused "no room for anything" va16 16 0x10000 busybox echo hi
refused "no room for libraries" va22 22 '0x[0-9a-f]+' sqlite3 :memory: 'select 1'
cat >high.c <<'END'
void _start(void) { __asm__("syscall" : : "a"(60), "D"(7)); }
END
gcc -static -nostdlib -Wl,-Ttext-segment=0x700000000 -o high high.c || fail "compiling high.c"
refused "linked high" va32 32 '0x700[0-9a-f]+' ./high
MACHINES='va38.yaml va39.yaml'
same "linked high, and room for it" -- ./high

# replays MACHINE: t.trace there gives the counters of a live run there
replay() {
	"$PAGEWALK" replay -q --mmu "$1" --db replay.db t.trace
}
record() {
	"$PAGEWALK" run -q --db record.db --clock-start 1700000000 --trace t.trace "$@" -- sqlite3 :memory: 'select 7' >/dev/null
}
figures() {
	"$PAGEWALK" query --csv "$1" counters
}
record --mmu va32.yaml
replay skylake || fail "recorded on 32 bits, replayed on 48"
replay va39.yaml || fail "recorded on 32 bits, replayed on 39"
record --mmu skylake --guest-va-bits 32
rm -f live.db replay.db
"$PAGEWALK" run -q --mmu va32.yaml --guest-va-bits 32 --db live.db --clock-start 1700000000 -- sqlite3 :memory: 'select 7' >/dev/null
replay va32.yaml || fail "laid out in 32 bits on 48, replayed on 32"
figures live.db >live.txt
figures replay.db >replay.txt
[ "$(wc -l <live.txt)" -gt 50 ] || fail "hardly any counters"
diff live.txt replay.txt >difference.txt || fail "laid out in 32 bits: $(head -n 6 difference.txt)"
record --mmu skylake
expect_status "recorded on 48, replayed on 32" 125 'space_layout gave .*addresses of machine va32 end at 0x100000000, the trace.s at 0x7ffffffff000' \
	replay va32.yaml
finish
