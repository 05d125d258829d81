#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The database when things go wrong: whatever happens to it, the guest's output is whole, the message
# says what is the matter, and what was committed can be read.
. "$(dirname "$0")/lib.sh"
need sqlite3 seq
record() {
	"$PAGEWALK" run --quiet "$@"
}
sound() {
	[ "$(sqlite3 "$1" 'pragma integrity_check' 2>&1)" = ok ] || fail "$2: the database is damaged"
	[ -z "$(sqlite3 "$1" 'pragma foreign_key_check' 2>&1)" ] || fail "$2: foreign keys do not hold"
}

# Not ours, or not to be had: nothing runs, and nothing is touched.
printf 'neither\n' >plain
rm -f foreign.db newer.db fresh.db
sqlite3 foreign.db 'create table mine(x); insert into mine values (1)'
expect_status "foreign database" 125 'foreign.db: .*another program' record --db foreign.db -- echo hi
expect_output "foreign database" ""
[ "$(sqlite3 foreign.db 'select x from mine')" = 1 ] || fail "a foreign database was touched"
expect_status "not a database" 125 'plain: .*not a SQLite database' record --db plain -- echo hi
[ "$(cat plain)" = neither ] || fail "a file that is no database was touched"
expect_status "no directory" 125 'no/such/dir.db: ' record --db no/such/dir.db -- echo hi
expect_status "a directory" 125 'not a regular file' record --db . -- echo hi
expect_status "read-only directory" 125 '/proc/x.db: cannot open' record --db /proc/x.db -- echo hi
if [ "$(id -u)" != 0 ]; then
	rm -rf locked && mkdir locked && chmod 555 locked
	expect_status "directory without write permission" 125 'locked/x.db: ' record --db locked/x.db -- echo hi
fi
record --db fresh.db -- true && cp fresh.db newer.db && sqlite3 newer.db 'pragma user_version = 9999'
expect_status "newer database" 125 'newer.db: written by a newer pagewalk' record --db newer.db -- true
expect_status "newer database, read" 125 'newer.db: written by a newer pagewalk' "$PAGEWALK" query newer.db counters
head -c 9000 fresh.db >cut.db
expect_status "damaged database" 125 'cut.db: .*damaged' record --db cut.db -- echo hi
expect_status "no database" 125 'absent.db' "$PAGEWALK" report absent.db
expect_status "no run" 125 'no run 77' "$PAGEWALK" report fresh.db 77
expect_status "bad SQL" 125 'syntax' "$PAGEWALK" query fresh.db 'select from from run'
expect_status "no such query" 125 "named 'selekt'" "$PAGEWALK" query fresh.db selekt
expect_status "empty query" 2 'which query' "$PAGEWALK" query fresh.db ''
expect_status "a query that writes" 125 'only read' "$PAGEWALK" query fresh.db 'delete from run'
[ "$("$PAGEWALK" query --csv fresh.db 'select count(*) from run' | tail -n 1)" = 1 ] || fail "a query wrote"

# Killed at any moment: it opens, it is whole, and it holds the epochs that ended.
rm -f killed.db
"$PAGEWALK" run -q --db killed.db --epoch 300000 --events misses -- sqlite3 :memory: 'select sum(value) from generate_series(1,100000000)' >killed.out 2>&1 &
for _ in $(seq 200); do
	[ "$(sqlite3 killed.db 'select count(*) > 3 from epoch' 2>/dev/null)" = 1 ] && break
	sleep 0.1
done
kill -9 $!
wait $! 2>/dev/null
sound killed.db "a killed run"
[ "$(sqlite3 killed.db 'select count(*) > 3 from epoch')" = 1 ] || fail "a killed run leaves no epochs"
[ "$(sqlite3 killed.db 'select status from run')" = running ] || fail "a killed run is not marked as running"
[ "$(sqlite3 killed.db 'select e.instructions = r.instructions from run r join epoch e on e.run = r.id order by number desc limit 1')" = 1 ] ||
	fail "the row of a killed run is not as of its last epoch"
"$PAGEWALK" report killed.db >report.out || fail "no report of a killed run"
record --db killed.db -- true || fail "a killed run's database cannot be used again"

# Asked to end: the record is completed.
rm -f ended.db
"$PAGEWALK" run -q --db ended.db -- sqlite3 :memory: 'select sum(value) from generate_series(1,100000000)' >ended.out 2>ended.err &
sleep 1
kill -TERM $!
wait $!
status=$?
[ "$status" = 143 ] || fail "SIGTERM: exit status $status"
grep -q 'stopped by SIGTERM after' ended.err || fail "SIGTERM: no message"
[ "$(sqlite3 ended.db 'select status, exit_status from run')" = "finished|143" ] || fail "SIGTERM: the record is not complete"

# Two at once.
rm -f both.db
for i in 1 2 3; do
	"$PAGEWALK" run -q --db both.db --epoch 100000 -- seq 1 3000 >both$i.out 2>both$i.err &
done
wait
for i in 1 2 3; do
	[ "$(tail -n 1 both$i.out)" = 3000 ] || fail "three runs into one database: $(head -n 2 both$i.err)"
done
sound both.db "three at once"
[ "$(sqlite3 both.db "select count(*) from run where status = 'finished'")" = 3 ] || fail "three at once: not three runs"

# A full disk, in the middle of the run and for the trace.
expect_status "full disk for the trace" 125 'No space' record --db fresh.db --trace /dev/full -- echo hi
expect_output "full disk for the trace" hi
mkdir -p small
if mount -t tmpfs -o size=512k pagewalk-test small 2>/dev/null; then
	trap 'umount small' EXIT
	expect_status "full disk" 125 'small/a.db: .*no space' record --db small/a.db --epoch 2000 -- seq 1 20000
	[ "$(tail -n 1 guest.out)" = 20000 ] || fail "a full disk cost the guest its output"
	sound small/a.db "a full disk"
	[ "$(sqlite3 small/a.db 'select count(*) > 1 from epoch')" = 1 ] || fail "a full disk leaves no epochs"
	mount -o remount,ro small
	expect_status "read-only file system" 125 'small/b.db: .*read-only' record --db small/b.db -- echo hi
else
	printf 'SKIP (part): cannot mount a small tmpfs for the full disk\n' >&2
fi
finish
