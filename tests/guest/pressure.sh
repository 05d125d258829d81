#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Programs with less RAM than they touch, and a swap device: the native output with every policy, and
# a replay equal to the live run with the same and with other memory and policies. Every slot is free
# when the last space is gone, or the run dies of an assertion.
. "$(dirname "$0")/lib.sh"
need busybox sqlite3 lua5.4 gcc
policies="fifo random lru clock enhanced-second-chance aging two-list clock-pro"
seq 1 1000 | sed 's/.*/&7919 line/' | rev >lines

# Frames in use at the end of a run with ample RAM, where the program's space still stands.
frames_used() {
	rm -f "$DB"
	pagewalk -- "$@" >/dev/null 2>&1
	echo $(($(counter kernel.frames_total) - $(counter kernel.frames_free)))
}

# squeezed NAME SHARE PROGRAM...: with each policy in that share of what it touches.
squeezed() {
	local name=$1 share=$2 frames policy
	shift 2
	frames=$(frames_used "$@")
	[ "$frames" -gt 100 ] || fail "$name: only $frames frames in use"
	for policy in $policies; do
		rm -f "$DB"
		MACHINES=skylake same "$name, 1/$share, $policy" --ram $((frames / share * 4))K --swap 64M --policy "$policy" -- "$@"
		[ "$(counter kernel.pages_reclaimed_direct)" -gt 0 ] || fail "$name, 1/$share, $policy: nothing left memory"
	done
}

query_text='select sum(value * 7) from generate_series(1, 400)'
for share in 2 4 8; do
	squeezed sqlite3 $share sqlite3 :memory: "$query_text"
done
squeezed lua 2 lua5.4 -e 'local t = {} for i = 1, 1500 do t[i] = tostring(i * 7) end print(#table.concat(t))'
squeezed sort 2 busybox sort lines

# On other page tables: hashed, one mapping a frame, without A and D of the hardware.
MACHINES="hashed-toy textbook" same "sqlite3 elsewhere" --ram 1M --swap 64M -- sqlite3 :memory: "$query_text"
# Several processes.
MACHINES="skylake" same "pipeline" --ram 1200K --swap 64M -- sh -c 'seq 1 500 | sort | head -3; echo $(seq 1 5)'
# Translation only: the fills set A and D.
MACHINES="skylake" same "not measured" --no-measure --ram 1M --swap 64M --policy clock -- sqlite3 :memory: "$query_text"

# When all sleep the reclaim daemon runs: here is nothing else that could call it, ticks being a million instructions
# apart.
gcc -O1 -static -o hog "$(dirname "$(readlink -f "$0")")/programs/hog.c" || fail "compiling hog.c"
for machine in skylake hashed-toy; do
	rm -f "$DB"
	MACHINES=$machine same "naps on $machine" --ram 1M --swap 16M -- ./hog naps 2000
	[ "$(counter machine.instructions)" -lt 1000000 ] || fail "naps on $machine: long enough for a tick"
	[ "$(counter kernel.daemon_runs)" -gt 0 ] || fail "naps on $machine: $(counter kernel.daemon_runs) runs of the daemon"
	[ "$(counter kernel.pages_reclaimed_daemon)" -gt 0 ] || fail "naps on $machine: the daemon took nothing"
done

# 2 MiB without a swap device: it works, or says that it is out of memory.
pagewalk --ram 2M -- lua5.4 -e 'local t = {} for i = 1, 60000 do t[i] = tostring(i) end print(#t)' >guest.out 2>guest.err
status=$?
[ "$status" = 0 ] || { [ "$status" = 137 ] && grep -q 'out of memory' guest.err; } || fail "2 MiB: status $status: $(tail -n 1 guest.err)"
expect_status "opt live" 125 'knows the future' pagewalk --policy opt -- true
expect_status "lru not measured" 125 'no-measure' pagewalk --policy lru --no-measure -- true
expect_status "no such policy" 125 'name of a policy' pagewalk --policy nru -- true

figures() {
	"$PAGEWALK" query --csv "$1" counters && "$PAGEWALK" query --csv "$1" 'select cause, cycles from ledger order by cause'
}

program=(sqlite3 :memory: "$query_text")

# as "OPTION..." "OPTION...": $program, recorded with the first, replayed with the second: as live with these.
as() {
	rm -f live.db replay.db other.db
	# shellcheck disable=SC2086
	"$PAGEWALK" run -q $1 --db other.db --clock-start 1700000000 --trace t.trace -- "${program[@]}" >/dev/null
	# shellcheck disable=SC2086
	"$PAGEWALK" run -q $2 --db live.db --clock-start 1700000000 -- "${program[@]}" >/dev/null
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
program=(./hog naps 2000)
as "--ram 1M --swap 64M" "--ram 1M --swap 64M"
as "--ram 8M" "--ram 1M --swap 64M --policy aging --mmu hashed-toy"
finish
