#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Machines whose base page is not 4 KiB: the guest sees 4 KiB all the same.
. "$(dirname "$0")/lib.sh"
need gcc busybox sqlite3 lua
sources=$(dirname "$(readlink -f "$0")")/programs
gcc -O1 -static -o mappings "$sources/mappings.c" || fail "compiling mappings.c"

# machine NAME OFFSET_BITS INDEX_BITS: a radix table without TLBs
machine() {
	printf 'base: no-tlb\npage_table: {radix: {offset_bits: %s, index_bits: %s, leaf_levels: [0]}}\n' "$2" "$3" >"$1.yaml"
}
machine page512 9 '[9, 9, 9]'
machine page1k 10 '[9, 9, 9]'

MACHINES='page512.yaml page1k.yaml'
same "busybox" -- busybox sh -c 'x=1; while [ $x -lt 300 ]; do x=$((x * 3)); done; echo $x'
same "sqlite3" -- sqlite3 :memory: 'select sum(value) from generate_series(1,500)'
same "lua" -- lua -e 't = {} for i = 1, 999 do t[i] = i * i end print(#t, t[999])'
[ ! -x /usr/bin/python3 ] || same "python3" -- /usr/bin/python3 -IS -c 'print(sum(i * i for i in range(100)))'

figures() {
	"$PAGEWALK" query --csv "$1" counters && "$PAGEWALK" query --csv "$1" 'select cause, cycles from ledger where run = (select max(id) from run) order by cause'
}
for machine in $MACHINES; do
	rm -f live.db replay.db
	"$PAGEWALK" run -q --mmu "$machine" --db live.db --clock-start 1700000000 --trace t.trace --write . -- ./mappings >/dev/null 2>&1
	"$PAGEWALK" replay -q --mmu "$machine" --db replay.db t.trace || fail "replay on $machine"
	figures live.db >live.txt
	figures replay.db >replay.txt
	[ "$(wc -l <live.txt)" -gt 50 ] || fail "$machine: hardly any counters"
	diff live.txt replay.txt >difference.txt || fail "$machine, replayed: $(head -n 6 difference.txt)"
done
finish
