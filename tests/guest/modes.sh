#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# One guest, many ways: measured and not, on every shipped machine, recorded in every detail; and
# the same run twice gives the same database.
. "$(dirname "$0")/lib.sh"
need busybox sqlite3
busybox=$(command -v busybox)
seq 1 400 >stdin

# tests/guest/machines.sh runs every machine; here is one of each way to translate.
sample="skylake zen4 cortex-a76 riscv-sv39 x86-32 two-level-1k sparc-8k-radix hashed-chained hashed-open clustered
	pa-risc inverted-hash elastic-cuckoo mips-r3000-mach ppc604 ultrasparc itanium direct-segment rmm pom-tlb
	prefetch-distance"
MACHINES=$sample
same "machines" -- "$busybox" sort -rn
MACHINES="skylake no-tlb"
same "not measured" --no-measure -- "$busybox" sort -rn
same "no events" --events none -- "$busybox" sort -rn
same "misses" --events misses -- "$busybox" sort -rn
same "all, in a window" --events all --window 100000:120000 -- "$busybox" sort -rn
[ "$(query 'select count(*) > 1000 from event')" = 1 ] || fail "a window of all events is nearly empty"
[ "$(query 'select min(instruction) >= 99000 and max(instruction) <= 121000 from event where run = (select max(id) from run)')" = 1 ] ||
	fail "events outside of the window"
same "all, capped" --events all --max-events 5000 -- "$busybox" sort -rn

# What the guest executed does not depend on the machine, nor on whether it is measured.
rm -f executed.db
for machine in $sample; do
	for mode in --events=summary --no-measure; do
		# The layout is part of what a guest is told: that of the narrowest, for all.
		"$PAGEWALK" run -q --db executed.db --mmu "$machine" $mode --guest-va-bits 31 --clock-start 1700000000 -- "$busybox" sort -rn <stdin >/dev/null
	done
done
[ "$(sqlite3 executed.db 'select count(distinct instructions) from run')" = 1 ] ||
	fail "instructions differ: $(sqlite3 executed.db 'select measured, instructions from run')"
[ "$(sqlite3 executed.db "select count(distinct value) from counters join run on run.id = run where measured and name in ('machine.loads', 'machine.stores') group by name" | sort -u)" = 1 ] ||
	fail "loads or stores differ between machines"

# Twice the same: equal databases but for host_ columns.
dump() {
	local columns
	columns=$(sqlite3 "$1" "select group_concat(name) from pragma_table_info('run') where name not like 'host!_%' escape '!'")
	sqlite3 "$1" "select $columns from run"
	sqlite3 "$1" .dump | grep -v '^INSERT INTO run '
}
for i in 1 2; do
	rm -f twice$i.db
	"$PAGEWALK" run -q --db twice$i.db --clock-start 1700000000 --seed 7 --clean-env --epoch 100000 --events misses -- "$busybox" sort -rn <stdin >/dev/null
	dump twice$i.db >twice$i.sql
done
cmp twice1.sql twice2.sql || fail "the same run twice gives different databases"
[ "$(wc -l <twice1.sql)" -gt 1000 ] || fail "the databases hold hardly anything"
rm -f other.db
"$PAGEWALK" run -q --db other.db --clock-start 1700000000 --seed 8 --clean-env --epoch 100000 --events misses -- "$busybox" sort -rn <stdin >/dev/null
dump other.db >other.sql
cmp -s <(grep 'INSERT INTO page ' twice1.sql) <(grep 'INSERT INTO page ' other.sql) && fail "another seed gives the same database: the comparison sees nothing"
finish
