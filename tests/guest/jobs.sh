#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Stopped and continued processes, and shells that control jobs.
. "$(dirname "$0")/lib.sh"
need gcc bash timeout
MACHINES="skylake hashed-toy"
sources=$(dirname "$(readlink -f "$0")")/programs
gcc -O1 -pthread -o jobs "$sources/jobs.c" || fail "compiling jobs.c"
for case in waits itself handlers calls threads told orphan; do
	same "$case" -- ./jobs "$case"
done
MACHINES=skylake same "waits, quantum 100" --quantum 100 -- ./jobs waits

MACHINES=skylake
# shellcheck disable=SC2016
same "kill -STOP" -- sh -c 'sleep 0.05 & p=$!; kill -STOP $p; sleep 0.1; kill -0 $p && echo there; kill -CONT $p; wait $p; echo $?'
# shellcheck disable=SC2016
same "bash, set -m" -- bash -c 'set -m; (kill -STOP $BASHPID; echo went on; exit 4) & sleep 0.1; jobs | tr -s " " | cut -d " " -f 2; fg >/dev/null; echo $?
	sh -c "kill -TSTP \$\$; echo again" & sleep 0.1; kill -CONT %1; wait %1; echo $?' 2>/dev/null
same "timeout, stopped" -- sh -c 'timeout 0.1 sh -c "kill -STOP \$\$"; echo $?' 2>/dev/null
# Nobody is there to continue the only process: that is said.
# shellcheck disable=SC2016
expect_status "stopped for ever" 137 'deadlock' pagewalk -- sh -c 'kill -STOP $$; echo never'
expect_output "stopped for ever" ''
finish
