#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Machines with TLBs of other designs give native output, and there is no TLB miss in a heap that is a direct segment.
. "$(dirname "$0")/lib.sh"
need sqlite3 /usr/bin/python3 busybox
MACHINES="direct-segment rmm pom-tlb prefetch-next-page prefetch-distance zen4"

same sqlite3 -- sqlite3 :memory: 'select sum(value) from generate_series(1,5000)'
same python3 -- /usr/bin/python3 -S -c 'print(sum(len(str(i)) for i in range(3000)), sorted(str(i) for i in range(300))[:9])'
same busybox -- busybox sh -c 'for i in 1 2 3; do echo $((i * i)); done'

# no_misses PROGRAM ARGUMENT...: all accesses to the heap count for the segment's first page, and
# pages of the heap have neither misses nor walks nor faults
no_misses() {
	local base end hits
	rm -f "$DB"
	pagewalk --mmu direct-segment -- "$@" >guest.out || fail "$1: exit status $?"
	hits=$(counter tlb.l1.segment.hits)
	[ "${hits:-0}" -gt 10000 ] || fail "$1: only ${hits:-no} hits of the segment"
	base=$(query "select address from pages where accesses = $hits")
	[ -n "$base" ] || fail "$1: no page has the accesses of the segment"
	end=$(printf '0x%x' $((base + 0x4000000)))
	[ "$(query "select sum(misses + walks + faults) from pages where address >= '$base' and address < '$end' and length(address) = length('$base')")" = 0 ] ||
		fail "$1: misses in the direct segment"
}
no_misses sqlite3 :memory: 'select sum(value) from generate_series(1,5000)'
no_misses /usr/bin/python3 -S -c 'print(sum(len(str(i)) for i in range(3000)))'
# A range TLB answers for most of what misses the first level, and few walks are left.
rm -f "$DB"
pagewalk --mmu rmm -- /usr/bin/python3 -S -c "print(sum(list(range(100000))))" >guest.out
[ "$(counter tlb.l2.ranges.hits)" -gt "$(counter tlb.l2.data.misses)" ] || fail "rmm: few hits of the range TLB"
# The same heap without a segment has some: the query above can fail.
rm -f "$DB"
pagewalk --mmu skylake -- sqlite3 :memory: 'select sum(value) from generate_series(1,5000)' >guest.out
[ "$(query "select sum(misses + walks + faults) > 0 from pages where mapping is null")" = 1 ] ||
	fail "no misses without a segment either"
# With less memory than a segment of the size asked for there is a clear refusal.
expect_status "a segment larger than half of memory" 125 'kernel.segment_bytes' pagewalk --mmu direct-segment --ram 64M -- busybox true
finish
