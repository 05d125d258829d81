#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Timers of timer_create(2), and signals that are queued.
. "$(dirname "$0")/lib.sh"
need gcc timeout
MACHINES="skylake hashed-toy"
sources=$(dirname "$(readlink -f "$0")")/programs
gcc -O1 -pthread -o timers "$sources/timers.c" || fail "compiling timers.c"
for case in once periodic absolute errors queue thread; do
	same "$case" -- ./timers "$case"
done
same "timeout" -- sh -c 'timeout 0.1 sleep 5; echo $?; timeout -s INT 0.1 sleep 5; echo $?; timeout 5 true; echo $?
	timeout -k 0.2 0.1 sh -c "trap : TERM; sleep 0.2; sleep 3"; echo $?' 2>/dev/null
[ -z "$(query 'select name from unknown_syscall')" ] || fail "unknown calls: $(query 'select name from unknown_syscall')"
finish
