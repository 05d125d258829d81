#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Transparent huge pages under real programs: native output, fewer TLB misses on machines that have
# larger entries, nothing at all on those that have one page size, a replay that equals the run.
. "$(dirname "$0")/lib.sh"
need gcc sqlite3
sources=$(dirname "$(readlink -f "$0")")/programs
gcc -O1 -o huge "$sources/huge.c" || fail "compiling huge.c"

MACHINES='skylake no-tlb elastic-cuckoo clustered hashed-toy inverted-hash'
for case in cut moved forked; do
	same "huge $case" --thp always -- ./huge "$case"
done
MACHINES=skylake
rm -f "$DB"
same "by advice" --thp madvise -- ./huge forked
[ "$(counter kernel.thp_fault_alloc)" -eq 4 ] || fail "advice: $(counter kernel.thp_fault_alloc) huge pages"
# Four huge pages are wanted; frame 0 is reserved, so 9.5 MiB have three free blocks of 2 MiB.
rm -f "$DB"
same "little RAM" --thp always --ram 9728K -- ./huge cut
[ "$(counter kernel.thp_fault_alloc)" -le 3 ] || fail "$(counter kernel.thp_fault_alloc) huge pages in 9.5 MiB"
[ "$(counter kernel.thp_fault_fallback)" -gt 0 ] || fail "9.5 MiB held everything in huge pages"
same "sqlite3" --thp always -- sqlite3 :memory: \
	'create table t (a integer primary key, b text); insert into t select value, hex(value * value) from generate_series(1,20000); select count(*), sum(length(b)) from t where b like "%3%"'
[ ! -x /usr/bin/python3 ] || same "python3" --thp always -- /usr/bin/python3 -IS -c 'print(sum(len(x) for x in ["a" * i for i in range(3000)]))'

# walks MACHINE MODE: of an array of 8 MiB that is read over and over with a stride of a page
cat >stride.c <<'END'
#include <stdio.h>
#include <stdlib.h>
enum { BYTES = 10 << 20, STEP = 4096, ROUNDS = 20 };
int main(void)
{
	unsigned char *p = malloc(BYTES);
	unsigned long sum = 0;

	for (int round = 0; round < ROUNDS; round++)
		for (int i = 0; i < BYTES; i += STEP)
			sum += p[i + round]++;
	printf("%lu\n", sum);
	return 0;
}
END
gcc -O1 -o stride stride.c || fail "compiling stride.c"
walks() {
	MACHINES=$1
	rm -f "$DB"
	same "stride on $1 with $2" --thp "$2" -- ./stride
	counter mmu.walk_leaves
}
base=$(walks textbook never)
huge=$(walks textbook always)
# 2560 pages in 512 entries: each of the 20 rounds walks for each page; in huge pages only those at
# both ends of the array, at most 1022, walk, and in the first round alone.
[ "$base" -gt 51200 ] || fail "textbook: $base walks with base pages"
[ "$huge" -lt $((base / 20)) ] || fail "textbook: $huge walks with huge pages, $base with base pages"

# Machines with one page size, or one entry a frame: the same counters to the last cycle.
for machine in hashed-toy inverted-hash; do
	for mode in never always; do
		rm -f one.db
		"$PAGEWALK" run -q --mmu "$machine" --thp "$mode" --db one.db --clock-start 1700000000 -- ./stride >/dev/null
		"$PAGEWALK" query --csv one.db counters >"$mode.txt"
	done
	cmp -s never.txt always.txt || fail "$machine: --thp changed something"
done

rm -f live.db replay.db
"$PAGEWALK" run -q --mmu skylake --thp always --db live.db --clock-start 1700000000 --trace t.trace -- ./huge forked >/dev/null
for machine in skylake textbook; do
	rm -f live.db replay.db
	"$PAGEWALK" run -q --mmu "$machine" --thp always --db live.db --clock-start 1700000000 -- ./huge forked >/dev/null
	"$PAGEWALK" replay -q --mmu "$machine" --thp always --db replay.db t.trace || fail "replay on $machine"
	"$PAGEWALK" query --csv live.db counters >live.txt
	"$PAGEWALK" query --csv replay.db counters >replay.txt
	[ "$(wc -l <live.txt)" -gt 50 ] || fail "hardly any counters"
	diff live.txt replay.txt >difference.txt || fail "replay on $machine: $(head -n 6 difference.txt)"
done
"$PAGEWALK" replay -q --mmu hashed-toy --thp always --db replay.db t.trace || fail "replay without huge pages"
expect_status "no such mode" 2 'never, madvise or always' "$PAGEWALK" run --thp sometimes -- true
finish
