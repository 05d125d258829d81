# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# Recorded on one machine and replayed on others, each against the live run there: every counter and
# ledger line, by epoch, every page, and every row of event.

. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

# rows DB RUN: all that a run recorded but what says who drove it, and the instructions, which only
# a trace with --pc has
rows() {
	sqlite3 "$1" "select exit_status, exit_signal, instructions, cycles, event_rows, ram_bytes, seed, clock_start_ns, page_table from run where id = $2;
		select counter_name.name, value from counter join counter_name on counter_name.id = counter.name where run = $2 order by 1;
		select cause.name, ledger.cycles from ledger join cause on cause.id = cause where run = $2 order by 1;
		select epoch, counter_name.name, delta from epoch_counter join counter_name on counter_name.id = epoch_counter.name where run = $2 order by 1, 2;
		select epoch, cause.name, epoch_ledger.cycles from epoch_ledger join cause on cause.id = cause where run = $2 order by 1, 2;
		select asid, start, length, offset, permissions, path from mapping where run = $2 order by id;
		select page.asid, vpn, page_lg2, accesses, fetches, misses, walks, walk_cycles, faults, fault_cycles, path
			from page left join mapping on mapping.id = mapping where page.run = $2 order by 1, 2;
		select page_fault.asid, vpn, service, faults, major, cycles, path
			from page_fault left join mapping on mapping.id = mapping where page_fault.run = $2 order by 1, 2, 3;
		select seq, event_kind.name, instruction, cycle, va, pa, asid, access, level, value, event.cycles, page_lg2
			from event join event_kind on event_kind.id = kind where event.id between $2 << 40 and ($2 << 40) + (1 << 40) - 1 order by event.id"
}

# equal NAME "MACHINE..." [OPTION...] -- PROGRAM...: recorded on the first machine without the options,
# replayed on all of them with; both bear one layout of the guest. RECORD holds options of the record.
RECORD=${RECORD:-"--events misses --max-events 200000 --epoch 1000000"}
LAYOUT=${LAYOUT:-"--guest-va-bits 31"}
equal() {
	local name=$1 machines=$2 options=() replayed=() machine run=0 guest="--clock-start 1700000000 --write . $LAYOUT"
	shift 2
	while [ "$1" != -- ]; do
		options+=("$1")
		shift
	done
	shift
	rm -f live.db replay.db recorded.db t.trace
	# shellcheck disable=SC2086
	"$PAGEWALK" run -q --mmu "${machines%% *}" --db recorded.db $guest --trace t.trace -- "$@" >recorded.out 2>recorded.err </dev/null
	for machine in $machines; do
		replayed+=(--mmu "$machine")
		# shellcheck disable=SC2086
		"$PAGEWALK" run -q --mmu "$machine" "${options[@]}" --db live.db $RECORD $guest -- "$@" >guest.out 2>guest.err </dev/null
		cmp -s recorded.out guest.out || fail "$name: standard output on $machine is another: $(head -n 1 guest.err)"
	done
	# shellcheck disable=SC2086
	"$PAGEWALK" replay -q "${replayed[@]}" "${options[@]}" --db replay.db $RECORD --jobs 2 t.trace || fail "$name: replay"
	for machine in $machines; do
		run=$((run + 1))
		rows live.db "$run" >live.txt
		rows replay.db "$run" >replay.txt
		[ "$(wc -l <live.txt)" -gt 300 ] || fail "$name on $machine: hardly any rows"
		diff live.txt replay.txt >difference.txt || fail "$name: recorded on ${machines%% *}, replayed on $machine: $(head -n 6 difference.txt)"
	done
}
