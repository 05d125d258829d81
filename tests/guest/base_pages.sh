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
machine page8k 13 '[10, 10, 10]'
machine page16k 14 '[11, 11]'
machine page64k 16 '[13, 9]'

MACHINES='page512.yaml page1k.yaml page8k.yaml page16k.yaml page64k.yaml'
same "busybox" -- busybox sh -c 'x=1; while [ $x -lt 300 ]; do x=$((x * 3)); done; echo $x'
same "sqlite3" -- sqlite3 :memory: 'select sum(value) from generate_series(1,500)'
same "lua" -- lua -e 't = {} for i = 1, 999 do t[i] = i * i end print(#t, t[999])'
[ ! -x /usr/bin/python3 ] || same "python3" -- /usr/bin/python3 -IS -c 'print(sum(i * i for i in range(100)))'

figures() {
	"$PAGEWALK" query --csv "$1" counters && "$PAGEWALK" query --csv "$1" 'select cause, cycles from ledger where run = (select max(id) from run) order by cause'
}
same "private memory" -- lua -e 'local y, s = string.rep("y", 4096), {} for i = 1, 60 do s[i] = string.rep(y, i) end collectgarbage() print(#table.concat(s))'
for machine in $MACHINES; do
	rm -f live.db replay.db
	"$PAGEWALK" run -q --mmu "$machine" --db live.db --clock-start 1700000000 --trace t.trace --write . -- ./mappings >/dev/null 2>&1
	"$PAGEWALK" replay -q --mmu "$machine" --db replay.db t.trace || fail "replay on $machine"
	figures live.db >live.txt
	figures replay.db >replay.txt
	[ "$(wc -l <live.txt)" -gt 50 ] || fail "$machine: hardly any counters"
	diff live.txt replay.txt >difference.txt || fail "$machine, replayed: $(head -n 6 difference.txt)"
done

# Shared memory that can be written: refused with a reason, where a base page is larger.
cat >shared.c <<'END'
#include <errno.h>
#include <stdio.h>
#include <sys/mman.h>
int main(void)
{
	void *p = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	printf("%d\n", p == MAP_FAILED ? errno : 0);
	return 0;
}
END
gcc -O1 -static -o shared shared.c || fail "compiling shared.c"
expect_status "shared" 0 '1 shared writable mappings were refused .ENODEV.: base pages of this machine are larger' \
	"$PAGEWALK" run --db "$DB" --mmu page64k.yaml -- ./shared
expect_output "shared" 19
pagewalk --mmu page1k.yaml -- ./shared >guest.out
expect_output "shared, smaller base pages" 0
finish
