#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Sweeps: a run for each point, equal to a replay with the same fields set; a sweep that was killed goes
# on where it was; mistakes are told before anything is done.
. "$(dirname "$0")/lib.sh"
need busybox sqlite3

"$PAGEWALK" run -q --db live.db --clock-start 1700000000 --trace t.trace -- busybox sha256sum /etc/passwd >/dev/null ||
	fail "recording"
rm -f sweep.db replay.db

cat >spec.yaml <<'END'
name: sizes
base: [skylake, textbook]
set: {kernel.ram_bytes: 64M}
vary:
  - cpi: [1, 3]
END
cat >l2.yaml <<'END'
base: skylake
vary:
  - tlb.l2.shared.entries: [12, 96, 1536]
    tlb.l2.shared.ways: [12, 6, 12]
  - tlb.l2.shared.latency: {from: 5, to: 9, step: 4}
  - page_table.format: [radix, hashed]
END

# --list does nothing.
"$PAGEWALK" sweep l2.yaml --trace t.trace --db sweep.db --list >list.txt || fail "--list"
[ "$(grep -c 'to do' list.txt)" = 12 ] || fail "--list: $(cat list.txt)"
[ ! -e sweep.db ] || fail "--list made a database"

# A line a point, and a row.
"$PAGEWALK" sweep l2.yaml --trace t.trace --db sweep.db --csv >points.csv 2>said.txt || fail "sweep: $(cat said.txt)"
[ "$(wc -l <points.csv)" = 13 ] || fail "not a line a point: $(wc -l <points.csv)"
grep -q '12 points: 12 done now, 0 done before, 0 failed' said.txt || fail "what was said: $(cat said.txt)"
[ "$(sqlite3 sweep.db 'select count(*), count(distinct point) from sweep_points')" = '12|12' ] || fail "sweep_points"
[ "$(sqlite3 sweep.db "select fields ->> '$.\"tlb.l2.shared.latency\"' from sweep_points where point = 4")" = 9 ] ||
	fail "the fields of a point"

# Each is what a replay of that machine is.
figures() {
	sqlite3 "$1" "select n.name, c.value from counter c join counter_name n on n.id = c.name where c.run = $2
		order by n.name; select cause, cycles from ledger where run = $2 order by cause"
}
point=0
for size in "12 12" "96 6" "1536 12"; do
	for latency in 5 9; do
		for format in radix hashed; do
			point=$((point + 1))
			rm -f replay.db
			"$PAGEWALK" replay -q --db replay.db --set "tlb.l2.shared.entries=${size% *}" \
				--set "tlb.l2.shared.ways=${size#* }" --set "tlb.l2.shared.latency=$latency" \
				--set "page_table.format=$format" t.trace || fail "replay of point $point"
			figures sweep.db "$point" >sweep.txt
			figures replay.db 1 >replay.txt
			[ "$(wc -l <sweep.txt)" -gt 50 ] || fail "hardly any counters"
			cmp -s sweep.txt replay.txt || fail "point $point: $(diff sweep.txt replay.txt | head -n 5)"
		done
	done
done

# Nothing is done twice; a value more is.
"$PAGEWALK" sweep l2.yaml --trace t.trace --db sweep.db >/dev/null 2>said.txt || fail "the second time"
grep -q '0 done now, 12 done before' said.txt || fail "the second time: $(cat said.txt)"
sed -i 's/\[radix, hashed\]/[radix, hashed, inverted]/' l2.yaml
"$PAGEWALK" sweep l2.yaml --trace t.trace --db sweep.db --csv >more.csv 2>said.txt || fail "more values"
grep -q '18 points: 6 done now, 12 done before' said.txt || fail "more values: $(cat said.txt)"
[ "$(wc -l <more.csv)" = 19 ] || fail "points that were done before are not printed"
[ "$(sqlite3 sweep.db 'select count(*) from run')" = 18 ] || fail "a point was done twice"
# Another record of the same points is not what was asked for before.
"$PAGEWALK" sweep l2.yaml --trace t.trace --db sweep.db --epoch 50000 --list >list.txt
[ "$(grep -c 'to do' list.txt)" = 18 ] || fail "other epochs are other figures"
"$PAGEWALK" sweep spec.yaml --trace t.trace --db sweep.db >/dev/null 2>&1 || fail "several machines"
[ "$(sqlite3 sweep.db "select group_concat(distinct machine) from sweep_points where sweep = 'sizes'")" = skylake,textbook ] ||
	fail "the machines of a sweep"
"$PAGEWALK" compare sweep.db sizes --csv >compared.csv || fail "compare by the name of a sweep"
[ "$(wc -l <compared.csv)" = 5 ] || fail "compare by the name of a sweep: $(wc -l <compared.csv)"

# The same rows, however many threads.
rows() {
	sqlite3 "$1" 'select run, point, fields, instructions, cycles from sweep_points order by run'
}
for jobs in 1 3; do
	rm -f "jobs$jobs.db"
	"$PAGEWALK" sweep l2.yaml --trace t.trace --db "jobs$jobs.db" --jobs "$jobs" -q >/dev/null || fail "--jobs $jobs"
	rows "jobs$jobs.db" >"jobs$jobs.txt"
done
cmp jobs1.txt jobs3.txt || fail "the number of threads shows"

# Killed in the middle: what is there is whole, and stays.
"$PAGEWALK" run -q --db live.db --trace long.trace -- sqlite3 :memory: 'select sum(value) from generate_series(1,20000)' >/dev/null
cat >long.yaml <<'END'
base: textbook
vary: {tlb.l1.d.entries: {from: 16, to: 1024, times: 2}, cpi: [1, 2, 3]}
END
rm -f long.db
"$PAGEWALK" sweep long.yaml --trace long.trace --db long.db -q >/dev/null 2>killed.txt &
for _ in $(seq 300); do
	[ -e long.db ] && [ "$(sqlite3 -readonly long.db 'select count(*) from run' 2>/dev/null || echo 0)" -ge 2 ] && break
	sleep 0.05
done
kill -9 $! 2>/dev/null
wait $! 2>/dev/null
[ -s killed.txt ] && fail "the long sweep: $(cat killed.txt)"
before=$(sqlite3 long.db 'select count(*), max(id) from run')
[ "$(sqlite3 long.db "select count(*) from run where status <> 'finished'")" = 0 ] || fail "a killed sweep left half a run"
sqlite3 long.db 'select id, host_started, cycles from run order by id' >kept.txt
"$PAGEWALK" sweep long.yaml --trace long.trace --db long.db -q >/dev/null || fail "going on after a kill"
points=$("$PAGEWALK" sweep long.yaml --trace long.trace --db long.db --list | wc -l)
[ "$points" -ge 10 ] || fail "the long sweep is short: $points points"
[ "${before%|*}" -lt "$points" ] || fail "the kill came too late to show anything: $before of $points"
[ "$(sqlite3 long.db 'select count(*), count(distinct point) from sweep_points')" = "$points|$points" ] ||
	fail "after a kill some points are missing or there twice"
sqlite3 long.db 'select id, host_started, cycles from run order by id' | head -n "$(wc -l <kept.txt)" | cmp - kept.txt ||
	fail "runs from before the kill have changed"

# Mistakes.
cat >bad.yaml <<'END'
base: skylake
vary: {tlb.l2.shared.ways: [12, 7]}
END
rm -f bad.db small.db
expect_status "a point that cannot be" 2 'point 2 of 2 cannot be: skylake tlb.l2.shared.ways=7' \
	"$PAGEWALK" sweep bad.yaml --trace t.trace --db bad.db
[ ! -e bad.db ] || fail "something was done in spite of a bad point"
"$PAGEWALK" sweep bad.yaml --trace t.trace --db bad.db --skip-invalid >/dev/null 2>said.txt || fail "--skip-invalid"
grep -q '2 points: 1 done now, 0 done before, 0 failed, 1 left out' said.txt || fail "--skip-invalid: $(cat said.txt)"
printf 'base: skylake\nvary: {tlb.l2.shred.ways: [12]}\n' >bad.yaml
expect_status "no such field" 2 "there is no 'shred'; did you mean 'shared'" "$PAGEWALK" sweep bad.yaml --trace t.trace --db bad.db
printf 'base: skylake\nvary: {kernel.ram_bytes: 64M}\n' >bad.yaml
expect_status "no list" 2 'bad.yaml:2: kernel.ram_bytes: must be a list' "$PAGEWALK" sweep bad.yaml --trace t.trace --db bad.db
expect_status "no specification" 2 'none.yaml: No such file' "$PAGEWALK" sweep none.yaml --trace t.trace --db bad.db
expect_status "no trace" 125 'none.trace: cannot be read' "$PAGEWALK" sweep l2.yaml --trace none.trace --db bad.db
expect_status "which trace" 2 'which sweep of which trace' "$PAGEWALK" sweep l2.yaml --db bad.db
expect_status "no such metric" 125 'no metric' "$PAGEWALK" sweep l2.yaml --trace t.trace --db sweep.db -q --by mpik
printf 'base: skylake\nvary: {kernel.ram_bytes: [64K, 64M]}\n' >small.yaml
expect_status "too small a machine" 125 'kernel.ram_bytes=64K' "$PAGEWALK" sweep small.yaml --trace long.trace --db small.db
[ "$(sqlite3 small.db "select count(*) from sweep_points where fields ->> '$.\"kernel.ram_bytes\"' = '64M' and exit_status = 0")" = 1 ] ||
	fail "one point that cannot go on keeps the others from it"
finish
