#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What the options say they do, and the streams and signals around a run.
. "$(dirname "$0")/lib.sh"
need busybox sqlite3 seq
busybox=$(command -v busybox)
run_row() {
	query "select $1 from run where id = (select max(id) from run)"
}

# Exit statuses: the guest's own, 128 + n.
same "status 7" -- "$busybox" sh -c 'exit 7'
same "SIGTERM" -- "$busybox" sh -c 'kill -TERM $$'
same "SIGABRT" -- "$busybox" sh -c 'kill -ABRT $$'

# --limit stops before the block in which it would be passed by more than a block.
expect_status "limit" 0 'stopped by --limit after 10[0-9]{4} instructions' pagewalk --limit 100000 -- "$busybox" seq 1 100000
[ "$(run_row 'instructions between 100000 and 101000')" = 1 ] || fail "--limit: $(run_row instructions) instructions"
[ "$(query "select count(*) from note where text like 'stopped by --limit%'")" = 1 ] || fail "--limit leaves no note"

# --window confines the rows, not the figures.
pagewalk --events misses --window 20000:40000 -- "$busybox" true
[ "$(query 'select count(*) > 0 and min(instruction) >= 19000 and max(instruction) < 41000 from event where run = (select max(id) from run)')" = 1 ] ||
	fail "--window: $(query 'select count(*), min(instruction), max(instruction) from event where run = (select max(id) from run)')"

# Environment, clock, what the machine says of itself.
pagewalk --clean-env --env A=1 --env 'B=two words' -- "$busybox" env >guest.out
expect_output "--env" $'A=1\nB=two words'
PAGEWALK_TEST_A=host pagewalk --env PAGEWALK_TEST_A=guest -- "$busybox" sh -c 'echo $PAGEWALK_TEST_A' >guest.out
expect_output "--env replaces" guest
pagewalk --clock-start 2026-01-31T12:30:00Z -- "$busybox" date -u +%FT%T >guest.out
expect_output "--clock-start" 2026-01-31T12:30:00
pagewalk --clock-start 86400.5 -- "$busybox" date -u +%F >guest.out
expect_output "--clock-start, seconds" 1970-01-02
pagewalk --guest-cpus 3 -- "$busybox" nproc >guest.out
expect_output "--guest-cpus" 3
pagewalk --guest-ram 1G -- "$busybox" awk '/MemTotal/ { print $2 }' /proc/meminfo >guest.out
expect_output "--guest-ram" 1048576
pagewalk --label 'a name' --ram 96M --set tlb.l2.shared.entries=768 -- "$busybox" true
[ "$(run_row 'label, ram_bytes')" = "a name,100663296" ] || fail "--label, --ram: $(run_row 'label, ram_bytes')"
query machine | grep -q 'entries: 768' || fail "--set is not in the recorded description"

# Writing: only below what was opened.
rm -rf open closed && mkdir open closed && ln -s ../closed open/out
pagewalk --write open -- "$busybox" sh -c 'echo x >open/file; echo x >closed/file; echo x >open/../closed/file; echo x >open/out/file' 2>/dev/null
[ "$(cat open/file)" = x ] || fail "--write does not open the directory"
[ -z "$(ls closed)" ] || fail "the guest wrote where nothing was opened: $(ls closed)"

# Streams: a reader that leaves, closed ones, long output.
pagewalk -- "$busybox" yes 2>/dev/null | head -n 1 >/dev/null
[ "${PIPESTATUS[0]}" = 141 ] || fail "| head: not ended by SIGPIPE"
native=$("$busybox" cat <&- >/dev/null 2>&1; echo $?)
pagewalk -- "$busybox" cat <&- >guest.out 2>guest.err
status=$?
[ "$status" = "$native" ] || fail "closed standard input: exit status $status, natively $native"
pagewalk --trace closed.trace -- "$busybox" echo hi >&- 2>guest.err
[ $? = 1 ] || fail "closed standard output: $(cat guest.err)"
"$PAGEWALK" replay -q --db "$DB" closed.trace || fail "a trace recorded with standard output closed"
pagewalk -- seq 1 300000 >guest.out
cmp -s guest.out <(seq 1 300000) || fail "a long output differs"
pagewalk -- seq 1 100000 >/dev/full 2>guest.err
[ $? = 1 ] || fail "full standard output"
same "many arguments" -- /bin/echo $(seq 1 20000)
same "a long argument" -- /bin/echo "$(head -c 100000 /dev/zero | tr '\0' y)"

# Unknown system calls: ENOSYS, told at the end, recorded.
printf '%s\n' '#include <errno.h>' '#include <stdio.h>' '#include <unistd.h>' \
	'int main(void) { for (int i = 0; i < 3; i++) if (syscall(9999) != -1 || errno != ENOSYS) return 1; return 0; }' >unknown.c
"${CC:-cc}" -o unknown unknown.c || fail "compiling unknown.c"
expect_status "unknown system calls" 0 'answered with ENOSYS: .*\(3\)' "$PAGEWALK" run --db "$DB" -- ./unknown
[ "$(query 'select number, count from unknown_syscall where run = (select max(id) from run)')" = "9999,3" ] ||
	fail "unknown system calls are not recorded: $(query syscalls)"

# The progress line: only on a terminal, without colours where they are not wanted, never recorded.
if command -v script >/dev/null; then
	slow="'$PAGEWALK' run --db progress.db -- sqlite3 :memory: 'select sum(value) from generate_series(1,1000000)'"
	script -qec "$slow" /dev/null </dev/null >terminal.out
	grep -q 'M instructions, .* accesses/s' terminal.out || fail "no progress on a terminal"
	grep -q $'\033\[2m' terminal.out || fail "no colour on a terminal"
	NO_COLOR=1 script -qec "$slow --limit 0" /dev/null </dev/null >terminal.out
	grep -q $'\033\[2m' terminal.out && fail "NO_COLOR is not honoured"
fi
"$PAGEWALK" run --db progress.db -- "$busybox" true 2>guest.err
grep -q $'\r' guest.err && fail "progress where stderr is no terminal"
grep -q "pagewalk report progress.db" guest.err || fail "no closing line"
pagewalk -- "$busybox" true 2>guest.err
[ -s guest.err ] && fail "--quiet is not: $(cat guest.err)"
finish
