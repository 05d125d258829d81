#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Recorded and replayed on the same machine: every counter and ledger line is equal. On another
# machine: as the live run there. On a radix and on a hashed page table.
. "$(dirname "$0")/lib.sh"
need gcc busybox sqlite3
sources=$(dirname "$(readlink -f "$0")")/programs
gcc -O1 -static -o hello "$sources/hello.c" || fail "compiling hello.c"
gcc -O1 -static -o mappings "$sources/mappings.c" || fail "compiling mappings.c"
gcc -O1 -static -o signals "$sources/signals.c" || fail "compiling signals.c"
gcc -O1 -pthread -o processes "$sources/processes.c" || fail "compiling processes.c"
gcc -O1 -pthread -o threads "$sources/threads.c" || fail "compiling threads.c"

# What each address space touched is in it too: a space that had another's ASID must not take over its pages.
figures() {
	"$PAGEWALK" query --csv "$1" 'select asid, count(*), sum(accesses), sum(fetches) from page group by asid' &&
	"$PAGEWALK" query --csv "$1" counters && "$PAGEWALK" query --csv "$1" 'select cause, cycles from ledger where run = (select max(id) from run) order by cause'
}

# on RECORDED REPLAYED NAME PROGRAM...
on() {
	local recorded=$1 replayed=$2 name=$3
	shift 3
	rm -f live.db replay.db other.db
	"$PAGEWALK" run -q --mmu "$recorded" --db other.db --clock-start 1700000000 --trace t.trace --write . -- "$@" >/dev/null 2>&1
	"$PAGEWALK" run -q --mmu "$replayed" --db live.db --clock-start 1700000000 --write . -- "$@" >/dev/null 2>&1
	"$PAGEWALK" replay -q --mmu "$replayed" --db replay.db t.trace || fail "$name: replay on $replayed"
	figures live.db >live.txt
	figures replay.db >replay.txt
	[ "$(wc -l <live.txt)" -gt 50 ] || fail "$name: hardly any counters"
	diff live.txt replay.txt >difference.txt || fail "$name: $recorded to $replayed: $(head -n 6 difference.txt)"
}

for machines in "skylake skylake" "textbook textbook" "hashed-toy hashed-toy" "no-tlb no-tlb" "skylake textbook" \
	"skylake hashed-toy" "hashed-toy skylake" "textbook no-tlb"; do
	# shellcheck disable=SC2086
	set -- $machines
	on "$1" "$2" "hello" ./hello a b
	on "$1" "$2" "busybox" "$(command -v busybox)" sha256sum /etc/passwd
	on "$1" "$2" "mappings remap" ./mappings remap
	on "$1" "$2" "signals restart" ./signals restart
done
for case in anonymous file shared fixed protect stack brk dontneed hole selfmodify crossing; do
	on skylake hashed-toy "mappings $case" ./mappings "$case"
done
for case in segv-null segv-readonly segv-noexec segv-byte bus divide illegal trap altstack nested float-kept mask abort \
	kill-default noncanonical privileged crossing; do
	on hashed-toy skylake "signals $case" ./signals "$case"
done

# Several processes and threads: the recorded switches are made again, and cost what they cost live.
for machines in "skylake skylake" "skylake hashed-toy" "hashed-toy textbook" "textbook no-tlb"; do
	# shellcheck disable=SC2086
	set -- $machines
	on "$1" "$2" "processes groups" ./processes groups
	on "$1" "$2" "threads mutex" ./threads mutex
done
on skylake hashed-toy "pipeline" sh -c 'ls / | sort | head -3; (sleep 0; echo x) & wait'
on skylake textbook "vfork" ./processes spawned

# The seed comes from the trace: the machine draws from it too.
random=(--set tlb.l2.shared.replacement=random --set tlb.l1.d4k.replacement=random)
rm -f live.db replay.db
"$PAGEWALK" run -q "${random[@]}" --seed 1234 --db live.db --clock-start 1700000000 --trace seeded.trace -- "$(command -v busybox)" sha256sum /etc/passwd >/dev/null
"$PAGEWALK" replay -q "${random[@]}" --db replay.db seeded.trace || fail "replay with a seed"
cmp <(figures live.db) <(figures replay.db) || fail "replay with a seed differs"
[ "$(sqlite3 replay.db 'select seed, clock_start_ns from run')" = "1234|1700000000000000000" ] || fail "seed or clock of a replay"

# A replay reports how the recorded program ended.
"$PAGEWALK" report replay.db >report.out
grep -q '^ *exit status 0; replay, ' report.out || fail "report of a replay: $(sed -n 2p report.out)"

# A run that was stopped, or killed, replays as far as it went.
"$PAGEWALK" run -q --db other.db --limit 50000 --trace limited.trace -- ./hello 2>/dev/null >&2
expect_status "stopped by --limit" 0 '' "$PAGEWALK" replay -q --db replay.db limited.trace
rm -f killed.trace killed.db
"$PAGEWALK" run -q --db other.db --trace killed.trace -- sqlite3 :memory: 'select sum(value) from generate_series(1,100000000)' >/dev/null 2>&1 &
for _ in $(seq 200); do
	[ -e killed.trace ] && [ "$(wc -c <killed.trace)" -gt 100000 ] && break
	sleep 0.1
done
kill -9 $!
wait $! 2>/dev/null
expect_status "killed" 125 'killed.trace: offset [0-9]+: cut off' "$PAGEWALK" replay -q --db killed.db killed.trace
[ "$(sqlite3 killed.db 'select max(instructions) > 100000 from run')" = 1 ] || fail "what a killed run recorded is not replayed"
"$PAGEWALK" report killed.db >report.out
grep -q '^ *the replay stopped on the way; replay, ' report.out || fail "report of half a replay: $(sed -n 2p report.out)"

# Damage is found and named with its place.
cp seeded.trace t.trace
head -c 3000 t.trace >cut.trace
expect_status "truncated" 125 'cut.trace: offset [0-9]+: cut off' "$PAGEWALK" replay -q --db replay.db cut.trace
printf 'XXXX' | dd of=t.trace bs=1 seek=2000 conv=notrunc 2>/dev/null
expect_status "damaged" 125 't.trace: offset [0-9]+: .*damaged' "$PAGEWALK" replay -q --db replay.db t.trace
cp seeded.trace header.trace && printf '9' | dd of=header.trace bs=1 seek=60 conv=notrunc 2>/dev/null
expect_status "damaged header" 125 'header.trace: offset 0: the header is damaged' "$PAGEWALK" replay -q --db replay.db header.trace
cp seeded.trace longer.trace && printf 'more' >>longer.trace
expect_status "something at the end" 125 'longer.trace: offset [0-9]+: something follows' "$PAGEWALK" replay -q --db replay.db longer.trace
expect_status "not a trace" 125 'not a pagewalk trace' "$PAGEWALK" replay -q --db replay.db /bin/ls
expect_status "no trace" 125 'cannot be read' "$PAGEWALK" replay -q --db replay.db none.trace
finish
