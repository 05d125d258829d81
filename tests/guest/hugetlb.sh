#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# MAP_HUGETLB: the host's answers where the pools are empty; the bytes of ordinary memory, and the
# same story, on page tables of all kinds where they are not; walks as short as the pages are large.
. "$(dirname "$0")/lib.sh"
need gcc grep sed
sources=$(dirname "$(readlink -f "$0")")/programs
gcc -O1 -o hugetlb "$sources/hugetlb.c" || fail "compiling hugetlb.c"

# told NAME TEXT OPTION... -- ARGUMENT...: the program says so on every machine of $MACHINES
told() {
	local name=$1 text=$2 machine
	shift 2
	for machine in $MACHINES; do
		pagewalk --mmu "$machine" --set kernel.hugetlb_2m=8 "$@" >guest.out 2>guest.err ||
			fail "$name on $machine: $(tail -n 1 guest.err)"
		expect_output "$name on $machine" "$text"
	done
}

MACHINES='skylake textbook hashed-toy inverted-hash armv8-16k'
if [ "$(sed -n 's/^HugePages_Total: *//p' /proc/meminfo)" = 0 ]; then
	same "empty pools" -- ./hugetlb rules
else
	echo 'SKIP: the answers of empty pools: the host has huge pages, or knows none' >&2
fi
# Leaves of 2 MiB; none but base pages; one entry a frame; base pages of 16 and 64 KiB, and of 8.
MACHINES='skylake no-tlb elastic-cuckoo hashed-toy inverted-hash armv8-16k armv8-64k ultrasparc'
told "bytes of ordinary memory" "$(./hugetlb use plain)" -- ./hugetlb use
# The pool's 8 pages: 5 in use, 3 promised, so that a child's copy has none (signal 7: SIGBUS).
told "a child without a page" "the child: signal 7
the parent: 2 1" -- ./hugetlb short
MACHINES=skylake
told "what /proc says" "HugePages_Total:        8
HugePages_Free:        6
HugePages_Rsvd:        1
HugePages_Surp:        0
Hugepagesize:       2048 kB
Hugetlb:           16384 kB
Size:               6144 kB
KernelPageSize:     2048 kB
MMUPageSize:        2048 kB
Rss:                   0 kB
Shared_Hugetlb:        0 kB
Private_Hugetlb:     4096 kB
VmFlags: rd wr mr mw me de ht
HugetlbPages:	    4096 kB" -- ./hugetlb smaps

# Below an absent root entry no walk cache helps: a walk reads an entry for each level down to the
# leaf, 4 for 4 KiB, one less for 2 MiB, two less for 1 GiB.
rm -f "$DB"
told "a page of each size" $'1\n1\n1' --set kernel.hugetlb_1g=1 --events misses -- ./hugetlb leaves
walks=$(query "select group_concat(value || ' ' || page_bytes) from (select * from events
	where kind = 'walk' and page_bytes > 0 and va in ('0x10000000000', '0x20000000000', '0x30000000000') order by seq)")
[ "$walks" = '"4 4096,3 2097152,2 1073741824"' ] || [ "$walks" = '4 4096,3 2097152,2 1073741824' ] || fail "walks: $walks"
[ "$(counter kernel.frames_hugetlb)" -eq $((8 * 512 + 262144)) ] || fail "frames: $(counter kernel.frames_hugetlb)"
[ "$(counter hugetlb.free_2m) $(counter hugetlb.free_1g)" = '7 0' ] || fail "free pages: $(counter hugetlb.free_2m) and $(counter hugetlb.free_1g)"
[ "$(query 'select total - free - anonymous - file - page_table - slab - slack - reserved - hugetlb from memory')" -eq 0 ] ||
	fail "frames of the view memory"

# The pools are part of the guest contract: a trace brings them along, to any machine.
rm -f live.db replay.db
"$PAGEWALK" run -q --mmu skylake --set kernel.hugetlb_2m=8 --clock-start 1700000000 --db live.db --trace t.trace -- ./hugetlb use >/dev/null
for machine in skylake hashed-toy armv8-16k; do
	rm -f live.db replay.db
	"$PAGEWALK" run -q --mmu "$machine" --set kernel.hugetlb_2m=8 --clock-start 1700000000 --db live.db -- ./hugetlb use >/dev/null
	"$PAGEWALK" replay -q --mmu "$machine" --db replay.db t.trace || fail "replay on $machine"
	"$PAGEWALK" query --csv live.db counters >live.txt
	"$PAGEWALK" query --csv replay.db counters >replay.txt
	diff live.txt replay.txt >difference.txt || fail "replay on $machine: $(head -n 6 difference.txt)"
done
expect_status "no room for them" 125 'hugetlb_2m' "$PAGEWALK" replay -q --mmu skylake --ram 16M --db replay.db t.trace
expect_status "more than there is" 125 'no more than ram_bytes holds' "$PAGEWALK" run -q --ram 64M --set kernel.hugetlb_2m=33 -- true
finish
