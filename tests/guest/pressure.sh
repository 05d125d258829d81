#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Programs with less RAM than they touch, and a swap device: the native output with every policy, and
# a replay equal to the live run with the same and with other memory and policies. Every slot is free
# when the last space is gone, or the run dies of an assertion. pressure_slow.sh has all combinations.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/lib_pressure.sh"
need busybox sqlite3 lua5.4

# Each program in each share; the policies take turns, so that each has each share, too.
turn=0
in_turn() {
	local name=$1 share
	shift
	measure "$@"
	for share in "${shares[@]}"; do
		squeezed "$name" "$share" "${policies[turn++ % ${#policies[@]}]}" "$@"
	done
}
each_program in_turn
query_text='select sum(value * 7) from generate_series(1, 400)'

# On other page tables: hashed, one mapping a frame, without A and D of the hardware.
MACHINES="hashed-toy textbook" same "sqlite3 elsewhere" --ram 1M --swap 64M -- sqlite3 :memory: "$query_text"
# Several processes.
MACHINES="skylake" same "pipeline" --ram 1200K --swap 64M -- sh -c 'seq 1 500 | sort | head -3; echo $(seq 1 5)'
# Translation only: the fills set A and D.
MACHINES="skylake" same "not measured" --no-measure --ram 1M --swap 64M --policy clock -- sqlite3 :memory: "$query_text"

# 2 MiB without a swap device: it works, or says that it is out of memory.
tiny() {
	local name=$1 status native
	shift
	"$@" >native.out 2>/dev/null </dev/null
	native=$?
	pagewalk --ram 2M -- "$@" >guest.out 2>guest.err </dev/null
	status=$?
	if grep -q 'Out of memory: Killed process' guest.err; then
		[ "$name" = pipeline ] || [ "$status" = 137 ] || fail "$name in 2 MiB: killed, and status $status"
	else
		expect_same "$name in 2 MiB" "$native" "$status"
	fi
}
each_program tiny
tiny hungry lua5.4 -e 'local t = {} for i = 1, 60000 do t[i] = tostring(i) end print(#t)'

# The same seed gives the same database, but for columns named host_*, whatever else the host has to do.
rows() {
	sqlite3 "$1" "select name from sqlite_master where type = 'table' order by 1" | while read -r table; do
		columns=$(sqlite3 "$1" "select group_concat('\"' || name || '\"') from pragma_table_info('$table') where name not like 'host\_%' escape '\\'")
		printf '%s\n' "$table"
		sqlite3 "$1" "select $columns from \"$table\""
	done
}
for policy in random aging two-list; do
	load=
	for name in alone again busy; do
		if [ "$name" = busy ]; then
			sh -c 'while :; do :; done' &
			load=$!
		fi
		rm -f $name.db
		"$PAGEWALK" run -q --db $name.db --clock-start 1700000000 --ram 1M --swap 8M --policy $policy --events misses \
			-- sh -c 'seq 1 300 | sort | head -3' >guest.out || fail "$policy, $name"
		rows $name.db >$name.txt
	done
	kill "$load"
	wait "$load" 2>/dev/null
	[ "$(wc -l <alone.txt)" -gt 1000 ] || fail "$policy: hardly any rows"
	cmp alone.txt again.txt || fail "$policy: another database for the same run"
	cmp alone.txt busy.txt || fail "$policy: another database beside a busy process"
done

expect_status "opt live" 125 'knows the future' pagewalk --policy opt -- true
expect_status "lru not measured" 125 'no-measure' pagewalk --policy lru --no-measure -- true
expect_status "no such policy" 125 'name of a policy' pagewalk --policy nru -- true

figures() {
	"$PAGEWALK" query --csv "$1" counters && "$PAGEWALK" query --csv "$1" 'select cause, cycles from ledger order by cause'
}

# as "OPTION..." "OPTION...": recorded with the first, replayed with the second: as live with these.
as() {
	rm -f live.db replay.db other.db
	# shellcheck disable=SC2086
	"$PAGEWALK" run -q $1 --db other.db --clock-start 1700000000 --trace t.trace -- sqlite3 :memory: "$query_text" >/dev/null
	# shellcheck disable=SC2086
	"$PAGEWALK" run -q $2 --db live.db --clock-start 1700000000 -- sqlite3 :memory: "$query_text" >/dev/null
	# shellcheck disable=SC2086
	"$PAGEWALK" replay -q $2 --db replay.db t.trace || fail "replay of $1 with $2"
	figures live.db >live.txt
	figures replay.db >replay.txt
	[ "$(wc -l <live.txt)" -gt 50 ] || fail "$1 to $2: hardly any counters"
	diff live.txt replay.txt >difference.txt || fail "$1 to $2: $(head -n 6 difference.txt)"
}
as "--ram 1M --swap 64M" "--ram 1M --swap 64M"
as "--ram 800K --swap 64M --policy lru" "--ram 800K --swap 64M --policy lru"
as "" "--ram 700K --swap 64M --policy clock"
as "--ram 700K --swap 64M --policy clock" ""
as "--ram 1M --swap 64M" "--ram 1200K --swap 32M --policy aging --mmu hashed-toy"
finish
