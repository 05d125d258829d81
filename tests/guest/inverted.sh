#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Inverted page tables: one entry a frame. One page at many addresses, where each mapping displaces
# the one before, also within one access; a replay has the same faults.
MACHINES="inverted-hash inverted-hash-chain inverted-scan"
. "$(dirname "$0")/lib.sh"
need gcc busybox lua5.4 sqlite3 bash
sources=$(dirname "$(readlink -f "$0")")/programs
gcc -O1 -static -o aliases "$sources/aliases.c" || fail "compiling aliases.c"
cases="shared crossing moves code private syscalls dirty change"

MACHINES="$MACHINES skylake"
for case in $cases; do
	same "aliases $case" --write . -- ./aliases "$case"
done
# Without memory hooks Unicorn loses sight of stores to code by another address than it runs at.
MACHINES="inverted-hash skylake"
for case in $cases; do
	same "aliases $case, not measured" --no-measure --write . -- ./aliases "$case"
done
# Natively nothing takes turns: what the counters must say.
rm -f "$DB"
pagewalk --mmu inverted-hash --write . -- ./aliases shared >guest.out
[ "$(counter kernel.fault_alias)" -gt 1000 ] || fail "hardly any alias faults"
[ "$(counter cycles.alias)" = "$((300 * $(counter kernel.pages_remapped)))" ] ||
	fail "alias faults do not cost what the description says"
rm -f "$DB"
pagewalk --mmu inverted-hash-chain --write . -- ./aliases shared >guest.out
[ "$(counter kernel.fault_alias)" = 0 ] || fail "alias faults on a table with chains"

figures() {
	"$PAGEWALK" query --csv "$1" counters && "$PAGEWALK" query --csv "$1" 'select cause, cycles from ledger where run = (select max(id) from run) order by cause'
}
for machines in "inverted-hash inverted-hash" "skylake inverted-hash" "inverted-hash textbook" "inverted-hash-chain inverted-scan"; do
	read -r recorded replayed <<<"$machines"
	for case in $cases; do
		rm -f live.db replay.db other.db
		"$PAGEWALK" run -q --mmu "$recorded" --db other.db --clock-start 1700000000 --trace t.trace --write . -- ./aliases "$case" >/dev/null 2>&1
		"$PAGEWALK" run -q --mmu "$replayed" --db live.db --clock-start 1700000000 --write . -- ./aliases "$case" >/dev/null 2>&1
		"$PAGEWALK" replay -q --mmu "$replayed" --db replay.db t.trace || fail "replay of $case on $replayed"
		figures live.db >live.txt
		figures replay.db >replay.txt
		[ "$(wc -l <live.txt)" -gt 50 ] || fail "$case: hardly any counters"
		diff live.txt replay.txt >difference.txt || fail "$case, $recorded to $replayed: $(head -n 6 difference.txt)"
	done
done

# Forked programs: every frame of the parent is shared with the child.
gcc -O1 -static -pthread -o processes "$sources/processes.c" || fail "compiling processes.c"
MACHINES="inverted-hash inverted-hash-chain"
same "forked copies" -- ./processes copies
same "pipeline" -- bash -c 'seq 1 300 | sort -rn | head -n 3; (echo child; echo "$(echo of a child)") | cat'
# One table for all of them: its bytes do not grow with the processes, a radix tree's do.
rm -f "$DB"
for machine in inverted-hash skylake; do
	pagewalk --mmu "$machine" --epoch 20000 --label "$machine" -- bash -c 'sleep 0.01 & sleep 0.01 & sleep 0.01 & wait' >/dev/null
done
grows() {
	"$PAGEWALK" query --csv "$DB" "select (select max(bytes) from tables_by_processes t join run r on r.id = t.run where r.label = '$1' and spaces >= 4) >
		(select max(bytes) from tables_by_processes t join run r on r.id = t.run where r.label = '$1' and spaces = 1)" | tail -n 1
}
[ "$(grows skylake)" = 1 ] || fail "tables_by_processes: radix trees do not grow with the processes"
[ "$(grows inverted-hash)" = 0 ] || fail "tables_by_processes: the inverted table grows with the processes"

MACHINES="inverted-hash inverted-hash-chain inverted-scan"
seq 1 500 | awk '{ print ($1 * 7919) % 10007, "line", $1 }' >lines.txt
same "busybox sort" -- "$(command -v busybox)" sort -n lines.txt
same "sqlite3" -- sqlite3 :memory: 'select sum(value) from generate_series(1,5000)'
same "lua" -- lua5.4 -e 'local t = {} for i = 1, 500 do t[i] = i * 7919 % 1009 end table.sort(t) print(t[1], t[500])'
finish
