#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What transparent huge pages buy and waste on skylake: programs that live by their TLB, with and
# without; a real one whose heap the background collapses; memory that is hardly used.
. "$(dirname "$0")/lib.sh"
need gcc sqlite3
here=$(dirname "$(readlink -f "$0")")
guests=$here/../../bench/guests
for guest in triad hashtable chase; do
	gcc -O1 -o "$guest" "$guests/$guest.c" || fail "compiling $guest.c"
done
gcc -O1 -include "$here/programs/advised.h" -o advised "$guests/triad.c" || fail "compiling triad.c with advice"
MACHINES=skylake

# measure MODE PROGRAM: sets walks, refs, misses, made (huge pages), filled (base pages unasked)
measure() {
	rm -f "$DB"
	same "$2 with $1" --thp "$1" -- "./$2"
	read -r walks refs made collapsed filled misses <<<"$(query "select group_concat(value, ' ') from (select value from (
		select 1 as i, value from counters where name = 'mmu.walk_leaves' union all
		select 2, value from counters where name = 'mmu.walk_refs' union all
		select 3, value from counters where name = 'kernel.thp_fault_alloc' union all
		select 4, value from counters where name = 'kernel.thp_collapse_alloc' union all
		select 5, value from counters where name = 'kernel.thp_filled_pages' union all
		select 6, sum(misses) from tlb_levels) order by i)" | tr -d '"')"
}

# at_least NAME A B, at_most NAME A B
at_least() {
	[ "$2" -ge "$3" ] || fail "$1: $2, less than $3"
}
at_most() {
	[ "$2" -le "$3" ] || fail "$1: $2, more than $3"
}

# better PROGRAM LEAST FACTOR: at least so many walks with base pages, and at most 1/FACTOR of the
# walks, references and misses with huge ones
better() {
	local base_walks base_refs base_misses
	measure never "$1"
	at_least "walks of $1 in base pages" "$walks" "$2"
	[ "$made $filled" = '0 0' ] || fail "$1: $made huge pages with never"
	base_walks=$walks base_refs=$refs base_misses=$misses
	measure always "$1"
	at_most "walks of $1 in huge pages" "$walks" $((base_walks / $3))
	at_most "references of $1 in huge pages" "$refs" $((base_refs / $3))
	at_most "misses of $1 in huge pages" "$misses" $((base_misses * 3 / 4))
	# A fault fills all of a huge page but the page that it was for, a collapse what is absent.
	at_least "filled by $1" "$filled" $((made * 511))
	at_most "filled by $1" "$filled" $(((made + collapsed) * 511))
}

# 64 + 1536 entries keep at most 1600 pages at any time. Huge pages and what sticks out at both ends
# of each mapping (at most 2 x 511 base pages) fit into them.
#   triad      12 rounds through 3 x 2048 pages, one after the other: 12 x (6144 - 1600) walks
#   hashtable  3,600,000 first probes at random in 4096 pages: 1 - 1600/4096 of them, 2,190,000
#   chase      4,194,304 steps at random through 8192 pages: 1 - 1600/8192 of them, 3,370,000
better triad 54528 20
better hashtable 2100000 200
better chase 3300000 200

# By advice alone: three arrays of four whole huge pages each, all of them used.
measure madvise triad
[ "$made" -eq 0 ] || fail "$made huge pages that nobody asked for"
at_least "walks of triad without advice" "$walks" 54528
measure madvise advised
[ "$made $filled" = "12 $((12 * 511))" ] || fail "by advice: $made huge pages, $filled pages filled"
# 12 entries do: what is left are the program and its libraries.
at_most "walks of triad by advice" "$walks" 1000

# The heap grows by less than a huge page at a time, so that no fault finds room for one: all are made
# at ticks. 12,138,894 bytes of text lie in it, which is four whole aligned 2 MiB at least.
sql="create table t (a integer primary key, b text);
	insert into t select value, printf('%.400c%d', 'x', value) from generate_series(1,30000);
	select count(*), sum(length(b)) from t;
	select sum(length(b)) from t join (select value * 7919 % 30000 as k from generate_series(1,30000)) on a = k"
collapse() {
	rm -f "$DB"
	same "sqlite3, $1 pages a tick" --thp always --set kernel.thp_scan_pages="$1" -- sqlite3 :memory: "$sql"
	made=$(counter kernel.thp_collapse_alloc)
	walks=$(counter mmu.walk_leaves)
}
collapse 0
[ "$made" -eq 0 ] || fail "$made huge pages collapsed by nobody"
base=$walks
collapse 4096
at_least "huge pages collapsed" "$made" 4
# The join reads 30,000 rows in an order of its own, in 3,000 pages and more.
at_most "walks with a collapsed heap" "$walks" $((base / 2))
[ "$(query "select value > 0 from counters where name = 'cycles.collapse'")" = 1 ] || fail "collapsing was free"

# A byte in each of eight huge pages: the other 511 pages of each are waste, and the report says so.
cat >sparse.c <<'END_C'
int main(void)
{
	char *p = malloc(16 << 20);

	for (int i = 0; p && i < 16 << 20; i += 2 << 20)
		p[i] = 1;
	return !p;
}
END_C
gcc -O1 -include "$here/programs/advised.h" -o sparse sparse.c || fail "compiling sparse.c"
measure madvise sparse
[ "$made $filled" = "8 $((8 * 511))" ] || fail "sparse: $made huge pages, $filled pages filled"
at_least "anonymous frames" "$(counter kernel.frames_anonymous)" 4096
"$PAGEWALK" report "$DB" >report.out
grep -q '^huge pages .*8 made at faults, 4,088 base pages filled unasked$' report.out || fail "the report: $(grep '^huge' report.out)"
finish
