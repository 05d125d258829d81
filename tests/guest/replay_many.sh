#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Several machines driven by one trace: the rows are those of one replay after another, whatever the
# number of threads; a machine that cannot go on stops alone; a kill leaves whole runs only.
. "$(dirname "$0")/lib.sh"
need busybox sqlite3
clock=(--clock-start 1700000000)
"$PAGEWALK" run -q --db live.db "${clock[@]}" --trace t.trace -- "$(command -v busybox)" sort -r /etc/services >/dev/null || fail "recording"

# dump DB: every row of every table, but for what the host was
dump() {
	local table
	for table in $(sqlite3 "$1" "select name from sqlite_schema where type = 'table' and name <> 'run' order by name"); do
		printf '%s\n' "$table"
		sqlite3 "$1" "select * from \"$table\""
	done
	sqlite3 "$1" "select id, status, source, trace, label, program, machine, page_table, seed, clock_start_ns, ram_bytes, detail,
		epoch_instructions, instructions, cycles, event_rows, exit_status, exit_signal from run"
}

machines=(--mmu skylake --mmu textbook --mmu hashed-toy --mmu no-tlb --mmu skylake --ram 64M --ram 1G)
record=(--events misses --epoch 100000 --label many)
rm -f one.db few.db many.db
for machine in skylake textbook hashed-toy no-tlb skylake; do
	for ram in 64M 1G; do
		"$PAGEWALK" replay -q --db one.db "${record[@]}" --mmu "$machine" --ram "$ram" t.trace || fail "replay on $machine"
	done
done
"$PAGEWALK" replay -q --db few.db "${record[@]}" --jobs 1 "${machines[@]}" t.trace || fail "one thread"
"$PAGEWALK" replay -q --db many.db "${record[@]}" --jobs 3 "${machines[@]}" t.trace || fail "three threads"
dump one.db >one.txt
dump few.db >few.txt
dump many.db >many.txt
[ "$(wc -l <one.txt)" -gt 10000 ] || fail "hardly any rows"
cmp one.txt few.txt || fail "one thread: not the rows of one machine after another"
cmp one.txt many.txt || fail "three threads: not the rows of one machine after another"
[ "$(sqlite3 many.db 'select group_concat(name) from (select name from run join machine on machine.id = run.machine order by run.id)')" = \
	skylake,skylake,textbook,textbook,hashed-toy,hashed-toy,no-tlb,no-tlb,skylake,skylake ] || fail "runs are not in the order of the command line"

# Policies are combined with the rest; what was combined stands with the run.
rm -f policies.db
"$PAGEWALK" replay -q --db policies.db --mmu textbook --mmu no-tlb --policy fifo --policy clock t.trace || fail "policies"
[ "$(sqlite3 policies.db "select group_concat(value) from setting where name = 'kernel.reclaim.policy'")" = fifo,clock,fifo,clock ] || fail "settings of policies"

# One machine has too little memory: it stops, is named with its place, and the others go on.
rm -f some.db
expect_status "one of three stops" 125 '^pagewalk: textbook --ram 128K: t.trace: frame at offset [0-9]+: ' \
	"$PAGEWALK" replay -q --db some.db --mmu textbook --ram 8M --ram 128K --ram 4M t.trace
outcomes=$(sqlite3 some.db "select group_concat(status || coalesce(' ' || exit_status, '')) from run")
[ "$outcomes" = 'finished 0,stopped,finished 0' ] || fail "outcomes of runs: $outcomes"
[ "$(sqlite3 some.db 'select count(distinct instructions) from run where exit_status = 0')" = 1 ] || fail "the others did not go on"
[ "$(sqlite3 some.db 'select count(*) from note where run = 2 and text like "%frame at offset%"')" = 1 ] || fail "no note of what stopped"
# And one that cannot even be built leaves no run.
rm -f some.db
expect_status "one of two cannot be built" 125 '^pagewalk: textbook --ram 16K: ' \
	"$PAGEWALK" replay -q --db some.db --mmu textbook --ram 16K --ram 8M t.trace
[ "$(sqlite3 some.db 'select count(*) from run')" = 1 ] || fail "runs beside one that cannot be built"

# Killed in the middle: the file opens and holds whole runs, the first ones.
"$PAGEWALK" run -q --db live.db "${clock[@]}" --trace long.trace -- sqlite3 :memory: 'select sum(value) from generate_series(1,10000)' >/dev/null || fail "recording"
rm -f killed.db
many=()
for _ in $(seq 30); do
	many+=(--mmu no-tlb)
done
"$PAGEWALK" replay -q --db killed.db --events misses --max-events 20000 --jobs 2 "${many[@]}" long.trace &
for _ in $(seq 600); do
	[ "$(sqlite3 killed.db 'select count(*) >= 2 from run' 2>/dev/null)" = 1 ] && break
	sleep 0.1
done
kill -9 $!
wait $! 2>/dev/null
[ "$(sqlite3 killed.db 'pragma integrity_check')" = ok ] || fail "damaged by a kill"
runs=$(sqlite3 killed.db 'select count(*) from run')
{ [ "$runs" -ge 2 ] && [ "$runs" -lt 30 ]; } || fail "killed with $runs runs done"
[ "$(sqlite3 killed.db "select count(*) from run where status <> 'finished' or event_rows <> 20000")" = 0 ] || fail "a kill left runs that are not whole"
[ "$(sqlite3 killed.db 'select count(*) from event')" = $((runs * 20000)) ] || fail "events of runs that are not there"

# OPT knows the future: no policy has fewer major faults in half of the memory that the program touches.
value="select value from counter join counter_name on counter_name.id = counter.name where counter_name.name = "
touched=$(sqlite3 live.db "select ($value 'kernel.frames_total' and run = 2) - ($value 'kernel.frames_free' and run = 2)")
policies=(fifo random lru clock enhanced-second-chance aging two-list clock-pro opt)
rm -f opt.db
"$PAGEWALK" replay -q --db opt.db --ram $((touched / 2 * 4))K --swap 64M "${policies[@]/#/--policy=}" long.trace || fail "replay with all policies"
[ "$(sqlite3 opt.db "select count(*) from run where exit_status = 0")" = 9 ] || fail "not all policies ran"
[ "$(sqlite3 opt.db "select min(value) > 50 and max(value) > min(value) from ($value 'kernel.faults_major')")" = 1 ] || fail "opt: memory was not short"
[ "$(sqlite3 opt.db "select min(value) = (select max(value) from ($value 'kernel.faults_major' and run = 9)) from ($value 'kernel.faults_major')")" = 1 ] ||
	fail "opt does not have the fewest major faults: $(sqlite3 opt.db "select group_concat(value) from (select value from counter join counter_name on counter_name.id = counter.name where counter_name.name = 'kernel.faults_major' order by run)")"

# What no thread can do anything about is said before any starts.
expect_status "no such machine" 125 'nowhere' "$PAGEWALK" replay -q --db some.db --mmu textbook --mmu nowhere t.trace
expect_status "not a database" 125 't.trace: ' "$PAGEWALK" replay -q --db t.trace --mmu textbook --mmu no-tlb t.trace
expect_status "jobs" 2 '--jobs takes 1 to' "$PAGEWALK" replay --jobs 0 t.trace
finish
