#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Want of memory: the process that Linux would choose is killed, whoever asked; the others go on. A
# replay kills the same, and says so where its machine would not.
. "$(dirname "$0")/lib.sh"
need gcc sqlite3
sources=$(dirname "$(readlink -f "$0")")/programs
gcc -O1 -static -o hog "$sources/hog.c" || fail "compiling hog.c"
killed='Out of memory: Killed process [0-9]+ \(hog\) total-vm:[0-9]+kB, anon-rss:[1-9][0-9]*kB, file-rss:[0-9]+kB, shmem-rss:0kB'

# A shell goes on when its child is killed, and so does another child that waits.
cat >script <<'END'
sleep 1 & waiter=$!
"$@" & hog=$!
wait $hog; echo "hog $?"
wait $waiter; echo "waiter $?"
END
for machine in skylake hashed-toy; do
	rm -f "$DB"
	expect_status "hog on $machine" 0 "$killed" pagewalk --mmu $machine --ram 6M -- sh script ./hog endless
	expect_output "hog on $machine" "$(printf 'hog 137\nwaiter 0')"
	rm -f "$DB"
	expect_status "hog and swap on $machine" 0 "$killed" pagewalk --mmu $machine --ram 4M --swap 3M -- sh script ./hog endless
	expect_output "hog and swap on $machine" "$(printf 'hog 137\nwaiter 0')"
	[ "$(counter kernel.pages_swapped_out)" -gt 700 ] || fail "hog and swap on $machine: the device was not used up"
done
[ "$(query "select count(*) from note where text like 'Out of memory: Killed process % (hog) %'")" = 1 ] || fail "no note of the kill"
if command -v perl >/dev/null; then
	expect_status "perl" 0 'Killed process [0-9]+ \(perl\)' pagewalk --ram 8M -- sh script perl -e 'while (1) { push @x, "x" x 10000 }'
	expect_output "perl" "$(printf 'hog 137\nwaiter 0')"
fi

# The one that asks is not the one that has the most.
other() {
	local name=$1
	shift
	rm -f "$DB"
	expect_status "$name" 0 "$killed" pagewalk --ram 3M --events misses "$@"
	expect_output "$name" "$(printf 'small: exit 0\nlarge: signal 9')"
	[ "$(counter kernel.oom_kills)" = 1 ] || fail "$name: $(counter kernel.oom_kills) kills"
	# 1,800 KiB are 450 pages.
	[ "$(counter kernel.oom_reaped_pages)" -ge 450 ] || fail "$name: $(counter kernel.oom_reaped_pages) pages taken"
	# The second space to be made is the first child's.
	[ "$(query "select e.asid from event e join event_kind k on k.id = e.kind where k.name = 'oom'")" = 2 ] ||
		fail "$name: the event names another space"
}
for machine in skylake textbook hashed-toy inverted-hash rmm; do
	other "another one on $machine" --mmu $machine -- ./hog other 1800 1500
done
other "translation only" --no-measure -- ./hog other 1800 1500
other "two in one memory" -- ./hog shared 1800 1500
[ "$(grep -c 'Killed process' guest.err)" = 2 ] || fail "two in one memory: not both were killed"
# One after the other, until there is room: the parent is never the largest.
expect_status "forks" 0 "$killed" pagewalk --ram 3M -- ./hog forks 10
expect_output "forks" "$(printf 'several 1\nall gone')"

# Little RAM: whatever happens is said.
for ram in 100K 300K 1M 2M; do
	for program in "./hog endless" "sh -c 'echo x | cat'" "./hog other 400 300"; do
		eval "pagewalk --ram $ram -- $program" >guest.out 2>guest.err
		status=$?
		case $status in
		0) ;;
		126 | 137) grep -qE 'out of memory|does not fit' guest.err || fail "$program with $ram: status $status and no reason" ;;
		*) fail "$program with $ram: status $status: $(head -n 3 guest.err)" ;;
		esac
	done
done

figures() {
	"$PAGEWALK" query --csv "$1" counters && "$PAGEWALK" query --csv "$1" 'select cause, cycles from ledger order by cause'
}
recorded() {
	rm -f live.db replay.db
	"$PAGEWALK" run -q --db live.db --clock-start 1700000000 --trace t.trace "$@" >/dev/null 2>&1
}
for options in "--mmu skylake" "--mmu hashed-toy --swap 200K" "--mmu textbook --policy clock"; do
	for arguments in "other 1800 1500" "shared 1800 1500" "forks 10" "endless"; do
		# shellcheck disable=SC2086
		recorded --ram 3M $options -- ./hog $arguments
		# shellcheck disable=SC2086
		"$PAGEWALK" replay -q --ram 3M $options --db replay.db t.trace || fail "replay of $arguments with $options"
		[ "$(sqlite3 live.db "select value > 0 from counters where name = 'kernel.oom_kills'")" = 1 ] || fail "$arguments with $options: nobody was killed"
		cmp -s <(figures live.db) <(figures replay.db) || fail "replay of $arguments with $options differs: $(diff <(figures live.db) <(figures replay.db) | head -n 3)"
	done
done
for arguments in "other 1800 1500" "endless"; do
	# shellcheck disable=SC2086
	recorded --ram 3M -- ./hog $arguments
	expect_status "more memory, $arguments" 125 'out of memory: the processes of address space [12] are killed in the recorded run and not on this machine' \
		"$PAGEWALK" replay -q --ram 8M --db replay.db t.trace
done
recorded --ram 8M -- ./hog other 1800 1500
expect_status "less memory" 125 'out of memory: the processes of address space 2 are killed on this machine and were not' "$PAGEWALK" replay -q --ram 3M --db replay.db t.trace
expect_status "much less memory" 125 'out of memory: the processes of address space [1-9] are killed on this machine and were not' "$PAGEWALK" replay -q --ram 1M --db replay.db t.trace
finish
