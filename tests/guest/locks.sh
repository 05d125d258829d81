#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# File locks between processes: fcntl's of records and of open files, flock; and programs that need them.
. "$(dirname "$0")/lib.sh"
need gcc sqlite3 flock
MACHINES="skylake hashed-toy"
sources=$(dirname "$(readlink -f "$0")")/programs
gcc -O1 -o locks "$sources/locks.c" || fail "compiling locks.c"
for case in records closing killed interrupted deadlock open-files whole; do
	same "$case" --write . -- ./locks "$case"
done
for quantum in 50 1000; do
	MACHINES=skylake same "records, quantum $quantum" --write . --quantum $quantum -- ./locks records
done

MACHINES=skylake
cat >both <<'END'
rm -f f out
flock f sh -c 'sleep 0.2; echo first >>out' &
sleep 0.1
flock -n f echo unexpected || echo "busy $?"
flock -w 0.01 f echo unexpected || echo "late $?"
flock f sh -c 'echo second >>out'
wait
cat out
END
same "flock" --write . -- sh both
# Each of two processes adds to what it reads, ten times: nothing is lost.
cat >add <<'END'
rm -f t.db
sqlite3 t.db 'create table t(n); insert into t values (0)'
one() { for i in 1 2 3 4 5 6 7 8 9 10; do sqlite3 -cmd '.timeout 20000' t.db 'begin immediate; update t set n = n + 1; commit'; done; }
one & one & wait
sqlite3 t.db 'select n from t; pragma integrity_check'
END
same "sqlite3" --write . -- sh add
expect_output "sqlite3" "$(printf '20\nok')"
finish
