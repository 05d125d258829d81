#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# sqlite3 in memory, and on a database file in a directory opened for writing.
. "$(dirname "$0")/lib.sh"
need sqlite3
# shellcheck disable=SC2016
script='create table t(a integer primary key, b text);
with recursive n(i) as (select 1 union all select i + 1 from n where i < 2000)
insert into t select i, hex(i * 7919) from n;
create index tb on t(b); select count(*), sum(a), max(b) from t; select * from t where b > "39" limit 3;'

same "in memory" -- sqlite3 :memory: 'select sum(value) from generate_series(1,20000)'
same "tables in memory" -- sqlite3 :memory: "$script"

rm -rf native guest && mkdir native guest
sqlite3 native/file.db "$script" >native.out
for machine in $MACHINES; do
	for mode in delete wal; do
		rm -f guest/file.db*
		pagewalk --mmu "$machine" --write guest -- sqlite3 guest/file.db "pragma journal_mode = $mode; $script" >guest.out 2>guest.err
		status=$?
		sed -i 1d guest.out
		expect_same "on a file ($mode) on $machine" 0 "$status"
		[ "$(sqlite3 guest/file.db 'pragma integrity_check')" = ok ] || fail "the guest's database is damaged ($mode)"
		[ "$(sqlite3 guest/file.db .dump | sha256sum)" = "$(sqlite3 native/file.db .dump | sha256sum)" ] ||
			fail "the guest's database differs ($mode)"
	done
done
# The shell's own status (1), or SQLite's: READONLY (8), CANTOPEN (14).
expect_status "not opened for writing" '1|8|14' 'readonly|read-only|unable to open' pagewalk -- sqlite3 guest/file.db 'create table u(x)'
finish
