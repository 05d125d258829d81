#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The stack-distance curve of a trace equals individual replays, at every size tried: on machines
# whose first TLB level is one fully associative LRU array, for data, instructions and both in one
# array. It is exact with faults, copies on write, unmapping, several address spaces, and with base
# pages of 16 KiB, because the curve models the same operating system. What it cannot know are the A
# and D bits that a replay's walks set, which matter where memory is short: RAM is plenty here.
. "$(dirname "$0")/lib.sh"
need gcc busybox
sources=$(dirname "$(readlink -f "$0")")/programs
gcc -O1 -static -o mappings "$sources/mappings.c" || fail "compiling mappings.c"
gcc -O1 -static -o signals "$sources/signals.c" || fail "compiling signals.c"
gcc -O1 -static -fno-tree-vectorize -o count "$sources/count.c" || fail "compiling count.c"

trace() {
	local name=$1
	shift
	"$PAGEWALK" run -q --events none --db run.db --clock-start 1700000000 --trace "$name.trace" "$@" >/dev/null 2>&1
	[ -s "$name.trace" ] || fail "$name: no trace"
}
trace count -- ./count
trace pipe -- busybox sh -c 'busybox ls /usr/bin | busybox sort | busybox head -n 3; (busybox true; echo x) & wait'
trace remap -- ./mappings remap
trace protect -- ./mappings protect
trace restart -- ./signals restart
trace crossing -- ./mappings crossing

machine() {
	printf 'base: %s\n%s\ntlb: {l1: {%s}}\n' "$2" "$3" "$4" >"$1.yaml"
}
sizes='page_sizes: [4K, 2M, 1G], entries: 64, ways: full'
machine split x86-64 '' "i: {side: instruction, $sizes}, d: {side: data, $sizes}"
machine unified x86-64 '' "u: {side: both, $sizes}"
machine no-asids x86-64 'asid_bits: 0' "u: {side: both, $sizes}"
machine two-asids x86-64 'asid_bits: 2' "u: {side: both, $sizes}"
machine base-16k armv8-16k '' 'u: {side: both, page_sizes: [16K, 32M], entries: 64, ways: full}'

# replayed TRACE MACHINE FIELD,... SIDE ENTRIES: the misses of the first level
replayed() {
	local set=() field
	for field in ${3//,/ }; do
		set+=(--set "tlb.l1.$field.entries=$5")
	done
	rm -f replay.db
	"$PAGEWALK" replay -q --events none --db replay.db --mmu "./$2.yaml" "${set[@]}" "$1.trace" || fail "replay of $1 on $2"
	"$PAGEWALK" query --csv replay.db "select sum(value) from counters where name in ('tlb.l1.data.misses', 'tlb.l1.instruction.misses') and ('$4' = 'both' or name = 'tlb.l1.$4.misses')" | tail -n 1
}

# The first of the tables.
points() {
	"$PAGEWALK" curve --csv "$@" | sed '/^$/,$d'
}

# same_curve TRACE MACHINE FIELD,... SIDE ENTRIES...
same_curve() {
	local trace=$1 machine=$2 fields=$3 side=$4 entries wanted got
	shift 4
	points --entries all --side "$side" --mmu "./$machine.yaml" "$trace.trace" >curve.csv || fail "curve of $trace on $machine"
	[ "$(wc -l <curve.csv)" -gt 10 ] || fail "$trace: hardly a curve"
	for entries in "$@"; do
		# Beyond the last point the curve is flat.
		wanted=$(awk -F, -v n="$entries" 'NR > 1 && $3 <= n { misses = $4 } END { print misses }' curve.csv)
		got=$(replayed "$trace" "$machine" "$fields" "$side" "$entries")
		[ "$wanted" = "$got" ] || fail "$trace on $machine, $side, $entries entries: the curve says $wanted, a replay $got"
	done
}

some="1 3 8 16 17 47 200"
for side in data instruction; do
	# shellcheck disable=SC2086
	same_curve pipe split i,d $side $some
	same_curve count split i,d $side 4 17
done
for name in pipe remap protect restart crossing; do
	same_curve $name unified u both 2 16 33 256
done
same_curve pipe no-asids u both 8 64
same_curve pipe two-asids u both 8 64
same_curve pipe base-16k u both 1 20 64
same_curve remap base-16k u both 20

# Several page sizes in one pass: each is what it is alone, and a larger page covers more.
points --page-size 2m,4k,64k,1g,16k pipe.trace >all.csv || fail "five page sizes"
[ "$(tail -n +2 all.csv | cut -d, -f2 | uniq | tr '\n' ' ')" = "4096 16384 65536 2097152 1073741824 " ] || fail "page sizes in order"
for size in 4k 2m; do
	points --page-size $size pipe.trace | tail -n +2 >one.csv
	grep -Fxqf one.csv all.csv && [ "$(grep -Fxcf one.csv all.csv)" = "$(wc -l <one.csv)" ] || fail "$size alone differs"
done
awk -F, 'NR > 1 && $3 == 1 { if (NR > 2 && $4 > misses) exit 1; misses = $4 }' all.csv || fail "larger pages miss more"

# References alone: fewer lookups than with faults, and no machine to go by.
"$PAGEWALK" curve --ideal --json pipe.trace >ideal.json || fail "--ideal"
"$PAGEWALK" curve --json pipe.trace >os.json || fail "--json"
/usr/bin/python3 - <<'END' || fail "JSON of a curve"
import json
ideal, os = json.load(open('ideal.json')), json.load(open('os.json'))
a, b = ideal['curves'][0], os['curves'][0]
assert ideal['machine'] is None and os['machine'] == 'skylake'
assert a['faulting'] == a['invalidated'] == 0 < min(b['invalidated'], b['faulting'])
assert b['lookups'] - a['lookups'] == b['faulting']
assert a['points'][-1]['misses'] == a['compulsory'] == a['pages']
END

# Working sets: averages grow with T and end at the whole; windows hold what was referenced in them.
"$PAGEWALK" curve --json --ideal --window 50000 --side both pipe.trace >windows.json || fail "--window"
"$PAGEWALK" curve --json --ideal --time references pipe.trace >references.json || fail "--time"
/usr/bin/python3 - <<'END' || fail "working sets"
import json
report = json.load(open('windows.json'))
curve = report['curves'][0]
pages = [w['pages'] for w in curve['working_set']]
assert pages == sorted(pages) and 0 < pages[0] < pages[-1] <= curve['pages']
faults = [w['fault_ratio'] for w in curve['working_set']]
assert faults == sorted(faults, reverse=True)
assert abs(faults[-1] * curve['lookups'] - curve['pages']) < 1e-3 * curve['pages']
assert len(curve['windows']) == -(-report['instructions'] // 50000)
assert max(curve['windows']) < curve['pages'] < sum(curve['windows'])
assert json.load(open('references.json'))['time'] == 'references'
END

# Samples: one that all pages fit in is exact; a smaller one says how small, and from where on it speaks.
points --sample 100000 pipe.trace >sample.csv
points pipe.trace | cmp -s - sample.csv || fail "a sample of all pages differs"
"$PAGEWALK" curve --json --sample 200 pipe.trace >sample.json || fail "--sample 200"
"$PAGEWALK" curve --json --sample 0.25 pipe.trace >rate.json || fail "--sample 0.25"
/usr/bin/python3 - <<'END' || fail "samples"
import json
exact = json.load(open('os.json'))['curves'][0]
for name in 'sample.json', 'rate.json':
    sample = json.load(open(name))['curves'][0]
    assert sample['sample_rate'] <= 0.5
    assert sample['points'][0]['entries'] >= 8 / sample['sample_rate'] - 1
    assert sample['lookups'] == exact['lookups']
    assert any(p['standard_error'] > 0 for p in sample['points'])
    assert abs(sample['pages'] / exact['pages'] - 1) < 0.2
END

# As rows.
rm -f curve.db
"$PAGEWALK" curve --db curve.db --window 100000 --page-size 4k,2m pipe.trace >guest.out || fail "--db"
expect_output "--db prints nothing" ""
points --page-size 4k,2m pipe.trace | tail -n +2 | cut -d, -f1-4 >csv.txt
"$PAGEWALK" query --csv curve.db "select side, page_bytes, entries, cast(misses as integer) from curves order by curve, entries" | tail -n +2 | cmp -s - csv.txt || fail "the database differs from the CSV"
[ "$("$PAGEWALK" query --csv curve.db 'select count(*) > 10, (select count(*) > 20 from working_set) from working_set_window' | tail -n 1)" = "1,1" ] || fail "working sets in the database"

"$PAGEWALK" curve pipe.trace >text.txt || fail "text"
grep -q '^      any' text.txt || fail "text: $(head -n 3 text.txt)"
expect_status "no trace" 2 'which trace' "$PAGEWALK" curve
expect_status "page size" 2 'powers of two from 512' "$PAGEWALK" curve --page-size 3k pipe.trace
expect_status "side" 2 'data, instruction or both' "$PAGEWALK" curve --side left pipe.trace
expect_status "sample" 2 'a rate between 0 and 1' "$PAGEWALK" curve --sample 7 pipe.trace
expect_status "window" 2 'a number from 1' "$PAGEWALK" curve --window 0 pipe.trace
expect_status "time" 2 'instructions or references' "$PAGEWALK" curve --time days pipe.trace
head -c 3000 pipe.trace >cut.trace
expect_status "cut off" 125 'cut.trace: offset [0-9]+: cut off' "$PAGEWALK" curve cut.trace
finish
