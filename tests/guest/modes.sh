#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# One guest, many ways: measured and not, on every shipped machine, recorded in every detail; and
# the same run twice gives the same database.
. "$(dirname "$0")/lib.sh"
need busybox sqlite3
busybox=$(command -v busybox)
seq 1 400 >stdin

MACHINES=$("$PAGEWALK" config list | awk '{ print $1 }' | tr '\n' ' ')
[ "$(wc -w <<<"$MACHINES")" -ge 5 ] || fail "config list names fewer than five machines: $MACHINES"
same "every machine" -- "$busybox" sort -rn
MACHINES="skylake no-tlb"
same "not measured" --no-measure -- "$busybox" sort -rn
same "no events" --events none -- "$busybox" sort -rn
same "misses" --events misses -- "$busybox" sort -rn
same "all, in a window" --events all --window 100000:120000 -- "$busybox" sort -rn
[ "$(query 'select count(*) > 1000 from event')" = 1 ] || fail "a window of all events is nearly empty"
[ "$(query 'select min(instruction) >= 99000 and max(instruction) <= 121000 from event where run = (select max(id) from run)')" = 1 ] ||
	fail "events outside of the window"
same "all, capped" --events all --max-events 5000 -- "$busybox" sort -rn

# The guest's result does not depend on the machine, and neither does what it executed.
[ "$(query "select count(distinct value) from counter join counter_name on counter_name.id = counter.name
	where counter_name.name = 'machine.instructions' and run in (select id from run where measured)" 2>/dev/null || echo 1)" = 1 ] ||
	fail "instructions differ between machines"

# Twice the same: equal databases but for host_ columns.
for i in 1 2; do
	rm -f twice$i.db
	"$PAGEWALK" run -q --db twice$i.db --clock-start 1700000000 --seed 7 --clean-env --events misses -- "$busybox" sort -rn <stdin >/dev/null
	sqlite3 twice$i.db .dump | grep -v '^INSERT INTO run ' >twice$i.sql
done
cmp twice1.sql twice2.sql || fail "the same run twice gives different databases"
rm -f other.db
"$PAGEWALK" run -q --db other.db --clock-start 1700000000 --seed 8 --clean-env --events misses -- "$busybox" sort -rn <stdin >/dev/null
sqlite3 other.db .dump | grep -v '^INSERT INTO run ' >other.sql
cmp -s twice1.sql other.sql && fail "another seed gives the same database: the comparison sees nothing"
finish
