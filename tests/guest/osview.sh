#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What the guest sees of its memory is what the model has, in Linux's formats; who looked is known.
. "$(dirname "$0")/lib.sh"
need gcc busybox awk grep
busybox=$(command -v busybox)
sources=$(dirname "$(readlink -f "$0")")/programs
gcc -O1 -static -o pagemap "$sources/pagemap.c" || fail "compiling pagemap.c"

# run [pagewalk option...] -- PROGRAM...: output in guest.out, the only run of the database
run() {
	rm -f "$DB"
	pagewalk "$@" >guest.out 2>guest.err || fail "$*: exit status $?: $(tail -n 2 guest.err)"
}

# equal NAME A B
equal() {
	[ "$2" = "$3" ] || fail "$1: $2, should be $3"
}

# --- pagemap, mincore, smaps and rusage agree, on tables of every kind
for machine in skylake textbook hashed-toy; do
	run --mmu "$machine" -- ./pagemap
	equal "pagemap on $machine" "$(cat guest.out)" ok
done

# --- memory twice as large as RAM: each page is either present or on the swap device
run --mmu skylake --ram 8M --swap 64M -- ./pagemap swap
equal "pages on the swap device" "$(tail -n 1 guest.out)" ok
run --ram 8M --swap 64M --guest-ram 8M -- "$busybox" sh -c 'i=aaaaaaaaaaaaaaaa; while [ ${#i} -lt 6000000 ]; do i=$i$i; done; cat /proc/meminfo /proc/vmstat; true'
swapped=$(awk '$1 == "SwapTotal:" { t = $2 } $1 == "SwapFree:" { print (t - $2) / 4 }' guest.out)
out=$(awk '$1 == "pswpout" { print $2 }' guest.out)
if [ "$swapped" -eq 0 ] || [ "$out" -lt "$swapped" ] || [ "$out" -gt "$(counter kernel.pages_swapped_out)" ]; then fail "swap: $swapped pages in use, $out written"; fi

# --- meminfo: the total is the contract's, what is used is the machine's
run --ram 256M --guest-ram 256M -- "$busybox" cat /proc/meminfo
meminfo() {
	awk -v name="$1:" '$1 == name { print $2 }' guest.out
}
equal MemTotal "$(meminfo MemTotal)" 262144
equal "Linux's format" "$(grep -cvE '^([A-Za-z]+: +[0-9]+ kB|HugePages_[A-Za-z]+: +[0-9]+)$' guest.out)" 0
used=$(($(meminfo Cached) + $(meminfo AnonPages) + $(meminfo Slab) + $(meminfo PageTables) + 4))
equal "MemTotal - MemFree" $((262144 - $(meminfo MemFree))) "$used"
run --ram 64M -- "$busybox" grep MemTotal /proc/meminfo
equal "MemTotal of --guest-ram" "$(awk '{ print $2 }' guest.out)" 4194304
run --ram 256M --guest-ram 256M -- "$busybox" free
equal "busybox free" "$(awk '/^Mem:/ { print $2 }' guest.out)" 262144

# --- buddyinfo: eleven orders, and all free memory in them
free_kib() {
	awk '/zone/ { for (i = 0; i < 11; i++) sum += $(i + 5) * 2 ^ i * 4; print NF, sum }' guest.out
}
run --ram 64M -- "$busybox" cat /proc/buddyinfo /proc/vmstat
read -r fields free <<<"$(free_kib)"
equal "fields of buddyinfo" "$fields" 15
vmstat() {
	awk -v name="$1" '$1 == name { print $2 }' guest.out
}
# Opening vmstat may take a page or two since.
taken=$((free / 4 - $(vmstat nr_free_pages)))
if [ "$taken" -lt 0 ] || [ "$taken" -ge 8 ]; then fail "buddyinfo has $free KiB, vmstat $(vmstat nr_free_pages) pages"; fi
[ "$(vmstat pgfault)" -gt 10 ] || fail "pgfault: $(vmstat pgfault)"

# --- pagetypeinfo: Linux's three tables; all free memory, and each block of 2 MiB, in one category
run --ram 64M -- "$busybox" cat /proc/pagetypeinfo
free=$(awk '/, type/ { for (i = 0; i < 11; i++) sum += $(i + 7) * 2 ^ i } END { print sum }' guest.out)
taken=$((free - $(counter kernel.frames_free)))
if [ "$taken" -lt -8 ] || [ "$taken" -ge 8 ]; then fail "pagetypeinfo has $free pages free, the record $(counter kernel.frames_free)"; fi
equal "blocks of 2 MiB" "$(awk '/^Node 0, zone/ { print $5 + $6 + $7 }' guest.out)" 32
equal "view pageblocks" "$(query 'select sum(blocks), sum(free) from pageblocks')" "32,$(counter kernel.frames_free)"
# Pinned frames in 3 of the 31 whole blocks; page tables and slabs of one shell and its short-lived
# children, fewer than 512 frames, come among the pages unless they are grouped: then into one more.
spoilt() {
	run --ram 64M --fragment 10 --set kernel.group_by_mobility="$1" -- "$busybox" sh -c 'i=aaaaaaaaaaaaaaaa
		while [ ${#i} -lt 6000000 ]; do i=$i$i; done
		for n in 1 2 3 4 5 6 7 8 9 10; do (i=b$i; echo ${#i}) | busybox cat >/dev/null; done'
	counter frames.pageblocks_with_unmovable
}
grouped=$(spoilt true)
mixed=$(spoilt false)
equal "blocks with unmovable frames" "$grouped" 4
[ "$mixed" -gt "$grouped" ] || fail "without grouping $mixed blocks with unmovable frames"

# --- aged memory: no 2 MiB block of it is whole, and the record says so
run --ram 64M --fragment 100 -- "$busybox" cat /proc/buddyinfo
equal "blocks of 2 and 4 MiB in aged memory" "$(awk '{ print $14 + $15 }' guest.out)" 0
equal "unusable index of order 9" "$(counter frames.unusable_index_order_9)" 1000
run --ram 64M --fragment 50 -- "$busybox" true
index=$(counter frames.unusable_index_order_9)
if [ "$index" -le 400 ] || [ "$index" -ge 650 ]; then fail "half aged: index $index"; fi
expect_status "more than all" 2 '0 to 100' pagewalk --fragment 101 -- "$busybox" true

# --- slabinfo: a line each, frames and waste as recorded
run -- "$busybox" cat /proc/slabinfo
equal "lines of slabinfo" "$(grep -c ' : tunables .* slabdata ' guest.out)" 10
awk '/vm_area_struct/ { exit !($2 >= 5 && $2 <= $3 && $4 == 192 && $5 == 21) }' guest.out ||
	fail "vm_area_struct: $(grep vm_area guest.out)"
waste=$(query "select sum(value) from counters where name glob 'slab.*.waste_bytes'")
equal "waste in slabs" "$waste" "$(counter kernel.slab_waste_bytes)"
[ "$waste" -gt 0 ] || fail "no waste in slabs"
equal "frames of slabs" "$(query "select sum(value) from counters where name glob 'slab.*.frames'")" \
	"$(counter kernel.frames_slab)"

# --- smaps: what all mappings have is what status says, and maps are its headings
cat >both.sh <<'END'
while read -r line; do echo "$line"; done </proc/self/smaps
while read -r line; do echo "$line"; done </proc/self/status
END
run -- "$busybox" sh both.sh
rss=$(awk '$1 == "Rss:" { sum += $2 } END { print sum }' guest.out)
status=$(awk '$1 == "VmRSS:" { print $2 }' guest.out)
# The shell touches a few pages more in between.
more=$((status - rss))
if [ "$rss" -le 100 ] || [ "$more" -lt 0 ] || [ "$more" -gt 128 ]; then fail "smaps $rss KiB, status $status KiB"; fi
awk '$1 == "Rss:" { r = $2 } $1 ~ /^(Shared|Private)_(Clean|Dirty):/ { s += $2 }
	$1 == "Referenced:" { if (s != r) exit 1; s = 0 }' guest.out || fail "parts of Rss"

# --- who looked is known: a replay elsewhere warns, one on the same machine does not
replay() {
	rm -f replay.db
	"$PAGEWALK" replay -q --db replay.db "$@" t.trace 2>replay.err || fail "replay $*: $(cat replay.err)"
}
run --trace t.trace --clock-start 1700000000 -- ./pagemap frames
replay
[ -s replay.err ] && fail "a warning on the same machine: $(cat replay.err)"
replay --ram 2G
grep -q 'warning: the recorded program looked' replay.err || fail "no warning with other RAM"
equal "the note" "$("$PAGEWALK" query --csv replay.db "select count(*) from note where text like '%looked at its machine%'" | tail -n 1)" 1
replay --mmu textbook
grep -q 'warning: the recorded program looked' replay.err || fail "no warning on another machine"
run --trace t.trace --clock-start 1700000000 -- "$busybox" sha256sum /etc/passwd
replay --mmu textbook
[ -s replay.err ] && fail "a warning though nobody looked: $(cat replay.err)"

# --- the record: sums of every view are the counters
run --epoch 100000 -- "$busybox" sh -c 'ls / | sort >/dev/null; (true) & wait'
equal "faults by mapping" "$(query 'select sum(faults) from faults_by_vma')" \
	"$(($(counter kernel.faults_minor) + $(counter kernel.faults_major)))"
equal "major ones" "$(query 'select sum(major) from faults_by_vma')" "$(counter kernel.faults_major)"
[ "$(query "select sum(faults) from faults_by_vma where service = 'cow' and mapping is null")" -gt 0 ] || fail "no copies on write"
[ "$(query "select count(*) from faults_by_vma where service = 'file' and mapping like '%busybox%'")" -gt 0 ] || fail "no faults on the program's file"
equal "waste of slabs" "$(query 'select sum(waste_bytes) from slabs')" "$(counter kernel.slab_waste_bytes)"
equal "frames" "$(query 'select total - free - anonymous - file - page_table - slab - slack - reserved - hugetlb from memory')" 0
equal "categories" "$(query 'select total - free - unmovable - reclaimable - swappable from memory')" 0
epochs=$(query 'select count(*) from memory_over_time')
[ "$epochs" -ge 3 ] || fail "$epochs epochs"
equal "the last epoch" "$(query 'select (m.free - t.free) || (m.slab - t.slab) || (m.anonymous - t.anonymous) || (m.slab_waste_bytes - t.slab_waste_bytes)
	from memory m join memory_over_time t using (run) order by t.epoch desc limit 1')" 0000
equal "free blocks" "$(query 'select sum(bytes) from free_blocks where epoch = (select max(number) from epoch)')" \
	$(($(counter kernel.frames_free) * 4096))
"$PAGEWALK" report "$DB" >report.out || fail "no report"
for line in '^frames .* anonymous, .* of files, .* of page tables, .* of slabs, .* free$' \
	'^fragmentation .* below 2 MiB$' '^waste .* in slabs, .* in larger pages$' '^slabs .* 1 mm_struct' \
	'^pageblocks .* movable, .* with unmovable frames in them$' '^processes .* forks'; do
	grep -qE "$line" report.out || fail "the report has no line $line"
done
grep -q 'swapped' report.out && fail "the report tells of swap where there was none"

finish
