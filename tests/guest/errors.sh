#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What goes wrong says so, with the right exit status, and leaves what was there.
. "$(dirname "$0")/lib.sh"
need sqlite3 gcc
mkdir -p directory
printf 'int main(void) { return 0; }' >empty.c
printf '#!/no/such/interpreter\n' >script && chmod +x script
printf 'neither\n' >plain
cp plain plain-x && chmod +x plain-x
cp /bin/true unreadable && chmod 0111 unreadable
gcc -o other empty.c
# e_machine 183 is AArch64; the class byte 1 is 32 bits.
cp other arm && printf '\267\000' | dd of=arm bs=1 seek=18 conv=notrunc 2>/dev/null
cp other bits32 && printf '\001' | dd of=bits32 bs=1 seek=4 conv=notrunc 2>/dev/null
head -c 100 other >truncated && chmod +x truncated
gcc -Wl,--dynamic-linker=/no/such/ld.so -o nointerp empty.c

expect_status "no program" 127 'nonesuch.*not found|nonesuch: ' pagewalk -- nonesuch
expect_status "no such path" 127 'none/such' pagewalk -- ./none/such
expect_status "directory" 126 'directory' pagewalk -- ./directory
expect_status "not executable" 126 'plain' pagewalk -- ./plain
expect_status "not ELF" 126 'plain-x' pagewalk -- ./plain-x
expect_status "wrong architecture" 126 'AArch64|architecture' pagewalk -- ./arm
expect_status "32 bits" 126 '32' pagewalk -- ./bits32
expect_status "truncated" 126 'truncated' pagewalk -- ./truncated
expect_status "no interpreter" 127 '/no/such/ld.so' pagewalk -- ./nointerp
expect_status "script without interpreter" 127 '/no/such/interpreter|script' pagewalk -- ./script
if [ "$(id -u)" != 0 ]; then
	expect_status "unreadable" 126 'unreadable' pagewalk -- ./unreadable
fi

expect_status "no arguments" 2 'usage|Usage|which program' "$PAGEWALK" run
expect_status "no such command" 2 'no such command' "$PAGEWALK" walk
expect_status "unknown option" 2 'unrecognized' pagewalk --frobnicate -- /bin/true
expect_status "bad size" 2 "size.*'lots'" pagewalk --ram lots -- /bin/true
expect_status "bad detail" 2 "none, summary, misses or all" pagewalk --events some -- /bin/true
expect_status "bad window" 2 "FROM:TO" pagewalk --window 9:3 -- /bin/true
expect_status "no machine" 125 'nomachine' pagewalk --mmu nomachine -- /bin/true
printf 'base: skylake\ntlb:\n  l2:\n    shared: {ways: 7}\n' >bad.yaml
expect_status "bad machine" 125 'bad.yaml:4: tlb.l2.shared.ways' pagewalk --mmu ./bad.yaml -- /bin/true
printf 'base: skylake\ntlbs: 3\n' >bad.yaml
expect_status "unknown key" 125 'bad.yaml:2: .*tlbs' pagewalk --mmu ./bad.yaml -- /bin/true
expect_status "config check" 125 'bad.yaml:2' "$PAGEWALK" config check bad.yaml

# Databases that are not ours, or not to be had.
rm -f foreign.db && sqlite3 foreign.db 'create table mine(x); insert into mine values (1)'
expect_status "foreign database" 125 'foreign.db' "$PAGEWALK" run -q --db foreign.db -- /bin/echo hi
[ "$(sqlite3 foreign.db 'select x from mine')" = 1 ] || fail "a foreign database was touched"
expect_status "not a database" 125 'plain' "$PAGEWALK" run -q --db plain -- /bin/echo hi
expect_status "no directory" 125 'no/such/dir.db' "$PAGEWALK" run -q --db no/such/dir.db -- /bin/echo hi
rm -f newer.db && "$PAGEWALK" run -q --db newer.db -- /bin/true && sqlite3 newer.db 'pragma user_version = 9999'
expect_status "newer database" 125 'newer' "$PAGEWALK" run -q --db newer.db -- /bin/true
expect_status "no database" 125 'absent.db' "$PAGEWALK" report absent.db
expect_status "bad query" 125 'syntax|selekt' "$PAGEWALK" query newer2.db 'selekt'
expect_status "full disk" 125 'full|No space' "$PAGEWALK" run -q --db errors.db --trace /dev/full -- /bin/echo hi
[ "$(cat guest.out)" = hi ] || fail "a full disk cost the guest its output"

# Killed in the middle: the database opens and holds the committed epochs.
rm -f killed.db
"$PAGEWALK" run -q --db killed.db --epoch 500000 -- sqlite3 :memory: 'select sum(value) from generate_series(1,5000000)' >/dev/null 2>&1 &
sleep 3
kill -9 $! && wait $! 2>/dev/null
[ "$(sqlite3 killed.db 'pragma integrity_check')" = ok ] || fail "a killed run leaves a damaged database"
[ "$(sqlite3 killed.db 'select count(*) > 1 from epoch')" = 1 ] || fail "a killed run leaves no epochs"
finish
