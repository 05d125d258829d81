#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# `pagewalk compare`: one program on three machines in one database, in every format; the figures are
# those that sqlite3 finds in the counters, the best is marked, and what is unlike or wrong is said.
. "$(dirname "$0")/lib.sh"
need sqlite3 busybox seq
PYTHON=/usr/bin/python3
need "$PYTHON"
compare() {
	"$PAGEWALK" compare "$@"
}
sql() {
	sqlite3 "$DB" "$1"
}

for machine in skylake textbook no-tlb; do
	pagewalk --mmu "$machine" --label "$machine!" --clock-start 1700000000 -- busybox sha256sum /etc/passwd >/dev/null ||
		fail "the run on $machine"
done

# --- the figures, from the counters themselves ----------------------------------------------------
counter_of() { # RUN NAME...: their sum
	local run=$1
	shift
	sql "select sum(value) from counter c join counter_name n on n.id = c.name where run = $run and n.name in ($(printf "'%s'," "$@")'')"
}
cycles_of() { # RUN CONDITION
	sql "select coalesce(sum(cycles), 0) from ledger l join cause k on k.id = l.cause where run = $1 and $2"
}
walks="mmu.walks.read mmu.walks.write mmu.walks.fetch"
accesses="machine.loads machine.stores machine.fetches"
walking="k.name in ('walk_cache', 'walk_ref', 'walk_write', 'walk_handler', 'walk_faulting')"
compare "$DB" --csv >all.csv 2>all.err || fail "compare --csv"
[ -s all.err ] && fail "runs of one program are unlike: $(cat all.err)"
: >expected.txt
for run in 1 2 3; do
	instructions=$(counter_of "$run" machine.instructions)
	{
		echo "$run instructions $instructions 1"
		# shellcheck disable=SC2086
		echo "$run accesses $(counter_of "$run" $accesses) 1"
		# shellcheck disable=SC2086
		echo "$run walks $(counter_of "$run" $walks) 1"
		# shellcheck disable=SC2086
		echo "$run wpki $(counter_of "$run" $walks)e3 $instructions"
		# shellcheck disable=SC2086
		echo "$run refs_per_walk $(counter_of "$run" mmu.walk_refs) $(counter_of "$run" $walks)"
		echo "$run walk_per_instruction $(cycles_of "$run" "$walking") $instructions"
		echo "$run translation_per_instruction $(cycles_of "$run" "k.part = 'translation'") $instructions"
		# shellcheck disable=SC2086
		echo "$run translation_per_access $(cycles_of "$run" "k.part = 'translation'") $(counter_of "$run" $accesses)"
		echo "$run os_per_instruction $(cycles_of "$run" "k.part = 'os'") $instructions"
		echo "$run cycles $(cycles_of "$run" 1) 1"
		echo "$run faults_minor $(counter_of "$run" kernel.faults_minor) 1"
		echo "$run faults_major $(counter_of "$run" kernel.faults_major) 1"
		echo "$run page_table_bytes $(counter_of "$run" page_table.bytes) 1"
		echo "$run page_table_peak_bytes $(counter_of "$run" page_table.frames_peak) 1/4096"
	} >>expected.txt
	for level in l1 l2; do
		[ "$run" = 3 ] && continue # no TLB
		{
			echo "$run mpki.$level $(counter_of "$run" tlb.$level.data.misses tlb.$level.instruction.misses)e3 $instructions"
			echo "$run mpki.$level.data $(counter_of "$run" tlb.$level.data.misses)e3 $instructions"
			echo "$run mpki.$level.instruction $(counter_of "$run" tlb.$level.instruction.misses)e3 $instructions"
		} >>expected.txt
	done
done
[ "$(wc -l <expected.txt)" = 54 ] || fail "not all figures were asked for"
compare "$DB" --json >all.json || fail "compare --json"
"$PYTHON" - <<'EOF' || fail "the figures are not those of the counters"
import csv, json, math, sys
from fractions import Fraction
runs = {row['run']: row for row in csv.DictReader(open('all.csv'))}
objects = {str(o['run']): o for o in json.load(open('all.json'))}
bad = 0
def check(what, ok):
    global bad
    if not ok:
        print('FAIL:', what, file=sys.stderr)
        bad += 1
check('three runs', list(runs) == ['1', '2', '3'] == list(objects))
for line in open('expected.txt'):
    run, metric, above, below = line.split()
    value = Fraction(above) / Fraction(below)
    check(line + runs[run][metric], math.isclose(float(value), float(runs[run][metric]), rel_tol=1e-13))
for run, row in runs.items():
    for name, text in row.items():
        other = objects[run][name]
        if name == 'best':
            check('best in JSON', text.split() == other)
        elif text == '':
            check('NULL of ' + name, other is None)
        else:
            check('JSON of ' + name, str(other) == text or float(other) == float(text))
# The best and the ratios, from the values alone; more of these is no loss.
neither = ('instructions', 'accesses', 'faults_signalled')
metrics = [n[6:] for n in runs['1'] if n.startswith('ratio.')]
check('metrics', len(metrics) >= 21 and 'mpki.l2.data' in metrics)
for metric in metrics:
    values = {r: float(row[metric]) for r, row in runs.items() if row[metric] != ''}
    least = min(values.values()) if values else None
    for run, row in runs.items():
        best = metric not in neither and run in values and values[run] == least < max(values.values())
        check('best %s of %s' % (metric, run), (metric in row['best'].split()) == best)
        if run in values and values.get('1'):
            check('ratio of ' + metric, math.isclose(float(row['ratio.' + metric]), values[run] / values['1'], rel_tol=1e-13))
        else:
            check('no ratio of ' + metric, row['ratio.' + metric] == '')
check('machine without TLBs', runs['3']['mpki.l1'] == '' and 'wpki' in runs['1']['best'])
sys.exit(bad != 0)
EOF

# --- for people -----------------------------------------------------------------------------------
# has NAME FILE PATTERN
has() {
	grep -qE -- "$3" "$2" || fail "$1: no '$3' in: $(head -n 12 "$2")"
}
compare "$DB" >text.out || fail "compare as text"
walks_of() {
	sql "select walks from metrics where run = $1"
}
has "text" text.out '^program +busybox sha256sum /etc/passwd$'
has "text" text.out '^label +skylake! +textbook! +no-tlb!$'
has "text: the best" text.out "^walks +$(walks_of 1)\* +$(walks_of 2)[* ] "
has "text: a ratio" text.out '^walk_per_instruction .*\* .* [0-9.]+x'
[ "$(awk '{ print length }' text.out | sort -n | tail -n 1)" -le 80 ] || fail "text is wider than 80 columns"
compare "$DB" --markdown 'textbook!' no-tlb >markdown.out || fail "compare --markdown"
has "Markdown" markdown.out '^\| run \| 2 \| 3 \|$'
has "Markdown: the best" markdown.out "^\| walks \| \*\*$(walks_of 2)\*\* \| "
[ "$(grep -c '^|' markdown.out)" = "$(grep -cE '^\|[^|]+\|[^|]+\|[^|]+\|$' markdown.out)" ] || fail "Markdown: rows of unlike width"
compare "$DB" --csv --by refs_per_walk 3 2 1 >sorted.csv || fail "compare --by"
[ "$(cut -d, -f1 sorted.csv | tr '\n' ' ')" = "run 1 2 3 " ] || fail "not sorted: $(cut -d, -f1 sorted.csv)"
[ "$(compare "$DB" --csv no-tlb 1 | cut -d, -f1,2 | tr '\n' ' ')" = "run,machine 3,no-tlb 1,skylake " ] || fail "runs by name"

# Runs on one machine are told apart by what the command line changed.
rm -f set.db
for entries in 1536 3072; do
	"$PAGEWALK" run -q --db set.db --set tlb.l2.shared.entries=$entries --ram 1G --swap 64M --policy clock --thp always --fragment 5 \
		-- busybox true || fail "a run with --set"
done
compare set.db >set.out || fail "compare of two settings"
has "settings" set.out '^tlb.l2.shared.entries +1536 +3072$'
grep -q 'kernel\.' set.out && fail "settings that the runs share are shown"
[ "$(sqlite3 set.db "select group_concat(name || '=' || value, ' ') from (select * from setting where run = 2 order by name)")" = \
	"kernel.fragment=5 kernel.ram_bytes=1G kernel.reclaim.policy=clock kernel.swap.bytes=64M kernel.thp=always tlb.l2.shared.entries=3072" ] ||
	fail "settings: $(sqlite3 set.db 'select * from setting')"

# --- a sweep: a line a run --------------------------------------------------------------------------
cp "$DB" sweep.db
sqlite3 sweep.db "
	create temp table point as select value as i from generate_series(1, 20);
	insert into machine select 10 + i, 'point' || i, i, '' from point;
	insert into run select 10 + i, r.status, r.source, r.trace, 'sweep', r.program, r.arguments, r.environment, 10 + i, r.page_table,
		r.version, r.seed, r.clock_start_ns, r.ram_bytes, r.measured, r.detail, r.max_events, r.epoch_instructions, r.instructions,
		r.cycles, r.event_rows, r.exit_status, r.exit_signal, r.host_name, r.host_kernel, r.host_cpus, r.host_pid, r.host_started,
		r.host_seconds, r.host_peak_bytes from run r, point where r.id = 1;
	insert into counter select 10 + i, name, value * (21 - i) from counter, point where run = 1;
	insert into ledger select 10 + i, cause, cycles from ledger, point where run = 1;
	insert into setting select 10 + i, 'tlb.l2.entries', 512 * i from point" || fail "the sweep"
compare sweep.db sweep --by walks >sweep.out || fail "compare of a sweep"
has "a sweep" sweep.out '^run +machine +tlb.l2.entries +walks +ratio '
has "a sweep: the best comes first" sweep.out '^ *30 +point20 +10240 +[0-9]+\* +1.00x'
[ "$(grep -c ' point' sweep.out)" = 20 ] || fail "a sweep: not a line a run"
[ "$(compare sweep.db sweep --csv | wc -l)" = 21 ] || fail "a sweep: not a row a run"

# --- what is unlike -------------------------------------------------------------------------------
pagewalk -- busybox echo hi >/dev/null || fail "another program"
compare "$DB" 1 4 >unlike.out || fail "unlike programs"
has "another program" unlike.out '^note: unlike programs: run 4 ran something else than run 1: busybox sha256sum'
has "another length" unlike.out '^note: unlike lengths: from [0-9]+ to [0-9]+ instructions'
expect_status "unlike, as CSV" 0 'warning: unlike programs' compare "$DB" --csv 1 4
pagewalk --trace t.trace -- busybox echo hi >/dev/null || fail "recording"
"$PAGEWALK" replay -q --db "$DB" --mmu textbook t.trace || fail "replay"
compare "$DB" 5 6 >alike.out || fail "a run and its replay"
grep -q '^note:' alike.out && fail "a run and its replay are unlike: $(grep '^note:' alike.out)"
head -c $(($(wc -c <t.trace) / 2)) t.trace >cut.trace
"$PAGEWALK" replay -q --db "$DB" cut.trace 2>/dev/null && fail "a trace cut in two is replayed"
compare "$DB" 5 7 >cut.out || fail "a replay cut short"
has "cut short" cut.out '^run +5 +7!$'
has "cut short" cut.out '^note: run 7!: the replay stopped on the way'
"$PAGEWALK" run -q --db "$DB" --epoch 300000 -- sqlite3 :memory: 'select sum(value) from generate_series(1,100000000)' >/dev/null 2>&1 &
for _ in $(seq 200); do
	[ "$(sql 'select count(*) > 1 from epoch where run = 8' 2>/dev/null)" = 1 ] && break
	sleep 0.1
done
kill -9 $!
wait $! 2>/dev/null
compare "$DB" 1 8 >killed.out || fail "a killed run"
has "killed" killed.out '^run +1 +8!$'
has "killed" killed.out '^note: run 8!: not finished or killed'
[ "$(compare "$DB" --csv 8 1 2>/dev/null | sed -n 2p | sed 's/.*,//')" = "" ] || fail "a killed run is the best"

# --- what is wrong --------------------------------------------------------------------------------
expect_status "no such run" 125 "test.db: 'nowhere' is neither the number, the label nor the machine of a run" compare "$DB" 1 nowhere
expect_output "no such run" ""
expect_status "no such metric" 2 "no metric 'walk_per_instr'; did you mean 'walk_per_instruction'" compare "$DB" --by walk_per_instr
expect_status "a slip" 2 "did you mean 'mpki.l1.data'" compare "$DB" --by mpki.l1.dta
expect_status "no such metric at all" 2 "they have instructions, accesses, mpki.l1" compare "$DB" --by x
expect_status "the metrics" 0 '' compare --by help
has "the metrics" guest.out '^refs_per_walk +references +page-table reads per walk$'
expect_status "no database" 125 'absent.db' compare absent.db
printf 'neither\n' >plain
expect_status "not a database" 125 'plain: .*not a SQLite database' compare plain
rm -f foreign.db && sqlite3 foreign.db 'create table mine(x)'
expect_status "foreign database" 125 'another program' compare foreign.db
cp "$DB" empty.db && sqlite3 empty.db 'pragma foreign_keys = on; delete from run'
expect_status "no runs" 125 'empty.db: there is no run in it yet' compare empty.db
: >nothing.db
expect_status "an empty file" 125 'nothing.db: this database is empty' compare nothing.db
expect_status "standard output is full" 125 'cannot be written' bash -c '"$PAGEWALK" compare "$1" >/dev/full' sh "$DB"
finish
