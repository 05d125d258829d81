#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A trace knows how the program ended, and the run of a replay has it, and says it, as the live run does.
. "$(dirname "$0")/lib.sh"
need busybox sqlite3
busybox=$(command -v busybox)

# outcome DB RUN: the run's row, and how the report puts it
outcome() {
	sqlite3 "$1" "select status, exit_status, exit_signal, coalesce(cut_short, '-') from runs where run = $2"
	"$PAGEWALK" report "$1" "$2" | sed -n 's/^  *\([^;]*\); .*, detail .*/\1/p'
}

# ends NAME STATUS "STATUS|SIGNAL" INFO [OPTION...] -- PROGRAM...
ends() {
	local name=$1 status=$2 row=$3 info=$4 options=()
	shift 4
	while [ "$1" != -- ]; do
		options+=("$1")
		shift
	done
	shift
	rm -f live.db replay.db
	"$PAGEWALK" run -q --db live.db --trace t.trace "${options[@]}" -- "$@" >/dev/null 2>&1
	[ $? = "$status" ] || fail "$name: live"
	"$PAGEWALK" replay -q --db replay.db --mmu skylake --mmu textbook --jobs 2 t.trace || fail "$name: replay"
	[ "$(sqlite3 live.db 'select exit_status, exit_signal from run')" = "$row" ] || fail "$name: row of the live run"
	outcome live.db 1 >live.txt
	[ "$(wc -l <live.txt)" = 2 ] || fail "$name: the report says nothing: $(cat live.txt)"
	outcome replay.db 1 | cmp - live.txt || fail "$name: $(outcome replay.db 1)"
	outcome replay.db 2 | cmp - live.txt || fail "$name, the second machine: $(outcome replay.db 2)"
	"$PAGEWALK" trace info t.trace | grep -q "^program  *$info\$" || fail "$name: trace info: $("$PAGEWALK" trace info t.trace | grep ^program)"
}

ends "true" 0 "0|0" "exit status 0" -- "$busybox" true
ends "exit status" 3 "3|0" "exit status 3" -- sh -c 'exit 3'
ends "a large one" 255 "255|0" "exit status 255" -- sh -c 'exit 255'
ends "the first process counts" 4 "4|0" "exit status 4" -- sh -c '(exit 9); sh -c "kill -9 \$\$"; exit 4'
ends "signal" 137 "137|9" "ended by signal 9" -- sh -c 'kill -9 $$'
ends "another signal" 143 "143|15" "ended by signal 15" -- sh -c 'kill -TERM $$'
ends "no signal" 137 "137|0" "exit status 137" -- sh -c 'exit 137'
ends "stopped" 0 "0|0" "stopped before its end, exit status 0" --limit 20000 -- "$busybox" sha256sum "$busybox"

# A piece knows it where it holds the end.
"$PAGEWALK" run -q --db live.db --trace t.trace -- sh -c 'exit 3'
"$PAGEWALK" trace cut t.trace -o piece.trace --from 10000 || fail "cut"
"$PAGEWALK" trace info piece.trace | grep -q '^program  *exit status 3$' || fail "a piece with the end"
"$PAGEWALK" trace cut t.trace -o piece.trace --to 10000 || fail "cut"
"$PAGEWALK" trace info --verify piece.trace >info.txt || fail "verify"
grep -q '^program  *it is not known how it ended$' info.txt || fail "a piece without the end"
rm -f replay.db
"$PAGEWALK" replay -q --db replay.db piece.trace || fail "replay of a piece"
[ "$(sqlite3 replay.db "select status, coalesce(exit_status, 'none'), coalesce(exit_signal, 'none'), coalesce(cut_short, '-') from runs")" = 'finished|none|none|-' ] ||
	fail "the row of a piece"
"$PAGEWALK" report replay.db | grep -q '^  *replayed to the end; replay' || fail "the report of a piece"

# A recording that was killed: as far as it goes.
size=$(stat -c %s t.trace)
head -c $((size - 50)) t.trace >killed.trace
"$PAGEWALK" trace info killed.trace | grep -q '^program  *it is not known how it ended$' || fail "a killed recording"
rm -f replay.db
expect_status "replay of a killed recording" 125 'cut off' "$PAGEWALK" replay -q --db replay.db killed.trace
[ "$(sqlite3 replay.db "select status, coalesce(exit_status, 'none') from run")" = 'stopped|none' ] || fail "the row of a killed recording"
"$PAGEWALK" report replay.db | grep -q 'the replay stopped on the way' || fail "the report of a killed recording"

# A sweep's points have it too.
rm -f sweep.db
printf 'base: textbook\nvary:\n  - tlb.l1.d.entries: [32, 64]\n' >s.yaml
"$PAGEWALK" sweep -q s.yaml --trace t.trace --db sweep.db >/dev/null 2>sweep.err || fail "sweep: $(cat sweep.err)"
[ "$(sqlite3 sweep.db 'select group_concat(status || exit_status) from sweep_points')" = finished3,finished3 ] || fail "points of a sweep"
finish
