#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Recorded and replayed on the same machine: every counter and ledger line is equal. On another
# machine: as the live run there. On a radix and on a hashed page table.
. "$(dirname "$0")/lib.sh"
need gcc busybox sqlite3
sources=$(dirname "$(readlink -f "$0")")/programs
gcc -O1 -static -o hello "$sources/hello.c" || fail "compiling hello.c"
gcc -O1 -static -o mappings "$sources/mappings.c" || fail "compiling mappings.c"
gcc -O1 -static -o signals "$sources/signals.c" || fail "compiling signals.c"

figures() {
	"$PAGEWALK" query --csv "$1" counters && "$PAGEWALK" query --csv "$1" 'select cause, cycles from ledger where run = (select max(id) from run) order by cause'
}

# on RECORDED REPLAYED NAME PROGRAM...
on() {
	local recorded=$1 replayed=$2 name=$3
	shift 3
	rm -f live.db replay.db other.db
	"$PAGEWALK" run -q --mmu "$recorded" --db other.db --clock-start 1700000000 --trace t.trace --write . -- "$@" >/dev/null 2>&1
	"$PAGEWALK" run -q --mmu "$replayed" --db live.db --clock-start 1700000000 --write . -- "$@" >/dev/null 2>&1
	"$PAGEWALK" replay -q --mmu "$replayed" --db replay.db t.trace || fail "$name: replay on $replayed"
	figures live.db >live.txt
	figures replay.db >replay.txt
	[ "$(wc -l <live.txt)" -gt 50 ] || fail "$name: hardly any counters"
	diff live.txt replay.txt >difference.txt || fail "$name: $recorded to $replayed: $(head -n 6 difference.txt)"
}

for machines in "skylake skylake" "hashed-toy hashed-toy" "skylake textbook" "skylake hashed-toy" "hashed-toy skylake" "textbook no-tlb"; do
	# shellcheck disable=SC2086
	set -- $machines
	on "$1" "$2" "hello" ./hello a b
	on "$1" "$2" "busybox" "$(command -v busybox)" sha256sum /etc/passwd
done
for case in file shared remap selfmodify crossing; do
	on skylake skylake "mappings $case" ./mappings "$case"
done
for case in segv-byte restart nested crossing; do
	on skylake skylake "signals $case" ./signals "$case"
done

# Damage is found and named with its place.
head -c 3000 t.trace >cut.trace
expect_status "truncated" 125 'cut.trace: offset [0-9]+: cut off' "$PAGEWALK" replay -q --db replay.db cut.trace
printf 'XXXX' | dd of=t.trace bs=1 seek=2000 conv=notrunc 2>/dev/null
expect_status "damaged" 125 't.trace: offset [0-9]+: .*damaged' "$PAGEWALK" replay -q --db replay.db t.trace
expect_status "not a trace" 125 'not a pagewalk trace' "$PAGEWALK" replay -q --db replay.db /bin/ls
expect_status "no trace" 125 'cannot be read' "$PAGEWALK" replay -q --db replay.db none.trace
finish
