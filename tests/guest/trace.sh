#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Traces as files: how many bytes an access takes, what info and dump say of them (a reader written
# from FORMAT.md says the same), pieces of them that replay, recordings that were killed or ran out
# of disk.
. "$(dirname "$0")/lib.sh"
need gcc busybox sqlite3 zstd
here=$(dirname "$(readlink -f "$0")")
kcalls=$PAGEWALK_SOURCE_DIR/emu/kernel/kcall.def
busybox=$(command -v busybox)
gcc -O1 -static -o hello "$here/programs/hello.c" || fail "compiling hello.c"
gcc -O1 -static -o mappings "$here/programs/mappings.c" || fail "compiling mappings.c"
gcc -O1 -static -o signals "$here/programs/signals.c" || fail "compiling signals.c"
gcc -O1 -pthread -o processes "$here/programs/processes.c" || fail "compiling processes.c"

record() {
	"$PAGEWALK" record -q "$@"
}

info() {
	"$PAGEWALK" trace info "$1" | awk -v name="$2" 'index($0, name) == 1 { print $(split(name, words, " ") + 1) }'
}

# small NAME PROGRAM ARGUMENT...: at most 2 bytes an access; with --pc a tenth more at most, and as
# many records
small() {
	local name=$1 accesses
	shift
	record -o plain.trace -- "$@" >/dev/null 2>&1
	record --pc -o pc.trace -- "$@" >/dev/null 2>&1
	accesses=$(($(info plain.trace loads) + $(info plain.trace stores)))
	[ "$accesses" -gt 1000 ] || fail "$name: only $accesses accesses"
	[ "$(info plain.trace bytes | tr -d ,)" -le $((2 * accesses)) ] || fail "$name: more than 2 bytes an access"
	[ "$(stat -c %s plain.trace)" -le $((2 * accesses)) ] || fail "$name: more than 2 bytes an access"
	[ $((10 * $(stat -c %s pc.trace))) -le $((11 * $(stat -c %s plain.trace))) ] || fail "$name: --pc adds more than a tenth"
	[ "$(info pc.trace loads)" = "$(info plain.trace loads)" ] || fail "$name: --pc records other accesses"
	printf '%-24s %9d accesses, %s bytes each, %s with --pc\n' "$name" "$accesses" \
		"$(bc_of plain.trace "$accesses")" "$(bc_of pc.trace "$accesses")"
}

bc_of() {
	awk -v bytes="$(stat -c %s "$1")" -v count="$2" 'BEGIN { printf "%.3f", bytes / count }'
}

small hello ./hello a b
small busybox "$busybox" sha256sum /etc/passwd
small mappings ./mappings anonymous
small signals ./signals restart
small processes ./processes groups
small sqlite3 sqlite3 :memory: 'select sum(value) from generate_series(1,10000)'
small shell sh -c 'ls / | sort | head -3'

# --- what it holds -----------------------------------------------------------------------------

# The same fixed clock: the same bytes, whichever thread was faster; record and run --trace alike.
record --clock-start 1700000000 -o one.trace -- ./processes groups >/dev/null 2>&1
record --clock-start 1700000000 -o two.trace -- ./processes groups >/dev/null 2>&1
cmp one.trace two.trace || fail "two recordings of the same differ"
pagewalk --clock-start 1700000000 --trace run.trace -- ./processes groups >/dev/null 2>&1
cmp one.trace run.trace || fail "run --trace and record differ"
expect_status "record has the program's status" 3 '' record -o hello.trace -- ./hello a b
./hello a b >native.out
cmp -s native.out guest.out || fail "output under record"

# Two readers, one text.
for options in "" --pc; do
	# shellcheck disable=SC2086
	record $options -o t.trace -- ./signals segv-null >/dev/null 2>&1
	"$PAGEWALK" trace dump --csv t.trace >dump.csv || fail "dump --csv"
	/usr/bin/python3 "$here/read_trace.py" t.trace "$kcalls" >python.csv || fail "read_trace.py $options"
	cmp dump.csv python.csv || fail "dump and read_trace.py differ $options"
	[ "$(grep -c ',attempt,.*,11$' dump.csv)" = 1 ] || fail "the attempt that ended in SIGSEGV is not in the dump"
	for kind in load store block kcall; do
		[ "$(grep -c ",$kind," dump.csv)" -gt 10 ] || fail "hardly any $kind in the dump"
	done
done
/usr/bin/python3 "$here/read_trace.py" one.trace "$kcalls" >python.csv || fail "read_trace.py: processes"
"$PAGEWALK" trace dump --csv one.trace | cmp - python.csv || fail "dump and read_trace.py differ: processes"
[ "$(grep -cE '^[0-9]+,load,' python.csv)" = "$(info one.trace loads)" ] || fail "info counts other loads than there are"
[ "$(grep -c ,kcall, python.csv)" = "$(info one.trace 'kernel calls')" ] || fail "info counts other kernel calls than there are"

# With --pc the instruction lies in its block.
/usr/bin/python3 - dump.csv <<'EOF' || fail "--pc gives instructions outside of their blocks"
import csv, sys
start = size = seen = 0
for row in csv.reader(open(sys.argv[1])):
    if row[1] in ("block", "rep"):
        start, size = int(row[2], 16), int(row[3])
    elif row[1] in ("load", "store"):
        seen += 1
        assert 0 <= int(row[5], 16) - start < size, row
assert seen > 1000
EOF

# --from and --to: the part of the whole that it names.
"$PAGEWALK" trace dump one.trace >whole.txt
"$PAGEWALK" trace dump --from 20000 --to 30000 one.trace >part.txt
awk '$1 >= 20000 && $1 < 30000' whole.txt | head -n "$(wc -l <part.txt)" | cmp - part.txt || fail "dump --from --to"
[ "$(wc -l <part.txt)" -gt 1000 ] || fail "dump --from --to gives little"
expect_status "info" 0 '' "$PAGEWALK" trace info --verify one.trace
grep -q '^state  *complete$' guest.out || fail "info: complete"
grep -q '^verified ' guest.out || fail "info: verified"
grep -q '^program  *exit status 0$' guest.out || fail "info: how the program ended"

# --- pieces ------------------------------------------------------------------------------------

# piece NAME FROM TO [option...]: replays, and has the accesses that the whole has there
piece() {
	local name=$1 from=$2 to=$3
	shift 3
	"$PAGEWALK" trace cut t.trace -o piece.trace --from "$from" --to "$to" || fail "$name: cut"
	[ "$("$PAGEWALK" trace dump piece.trace | grep -cE '^ *[0-9]+ (load|store) ')" = \
		"$("$PAGEWALK" trace dump t.trace --from "$from" --to "$to" | grep -cE '^ *[0-9]+ (load|store) ')" ] ||
		fail "$name: the piece has other accesses than the whole has there"
	for machine in skylake hashed-toy; do
		"$PAGEWALK" replay -q --mmu "$machine" "$@" --db "$DB" piece.trace || fail "$name: $from to $to on $machine"
	done
}

for case in stack brk shared fixed protect dontneed remap; do
	record -o t.trace -- ./mappings "$case" >/dev/null 2>&1
	total=$(info t.trace instructions)
	piece "mappings $case" $((total / 3)) $((total * 2 / 3))
	piece "mappings $case" $((total - 2000)) $((total + 1000000))
done
for case in segv-null restart altstack; do
	record -o t.trace -- ./signals "$case" >/dev/null 2>&1
	total=$(info t.trace instructions)
	for part in 1 2 3 4 5; do
		piece "signals $case" $((total * part / 7)) $((total * (part + 1) / 7))
	done
done
record --ram 16M --swap 64M -o t.trace -- ./processes groups >/dev/null 2>&1
total=$(info t.trace instructions)
piece "processes" $((total / 2)) "$total"
piece "processes, memory short" $((total / 2)) "$total" --ram 8M --swap 64M
"$PAGEWALK" trace info piece.trace | grep -q "^  cut: $((total / 2)):$total\$" || fail "the header of a piece"
expect_status "cut onto itself" 125 'write to another file' "$PAGEWALK" trace cut t.trace -o ./t.trace
expect_status "usage" 2 'less than --to' "$PAGEWALK" trace dump t.trace --from 5 --to 5
expect_status "usage" 2 'writes to which file' "$PAGEWALK" trace cut t.trace
expect_status "usage" 2 'which file' "$PAGEWALK" record -- ./hello
expect_status "usage" 2 '--pc goes with --trace' "$PAGEWALK" run --pc -- ./hello

# --- recordings that end early -----------------------------------------------------------------

# As a full disk: the program goes on, its output is whole, and what was written can be read.
native=$("$busybox" gzip -c "$busybox" | sha256sum)
guest=$( (ulimit -f 600; record -o full.trace -- "$busybox" gzip -c "$busybox" 2>full.err; echo $? >full.status) | sha256sum)
[ "$native" = "$guest" ] || fail "a recording that stopped disturbed the program"
[ "$(cat full.status)" = 125 ] || fail "a recording that stopped: exit status $(cat full.status)"
grep -q 'full.trace: recording stopped: File too large; what came before can be read' full.err || fail "a recording that stopped: $(cat full.err)"
expect_status "info of a recording that stopped" 0 '' "$PAGEWALK" trace info full.trace
grep -qE '^state  *offset [0-9]+: cut off' guest.out || fail "info: cut off"
[ "$(info full.trace frames)" -ge 2 ] || fail "hardly anything of a recording that stopped can be read"
expect_status "verify" 125 'full.trace: offset [0-9]+: cut off' "$PAGEWALK" trace info --verify full.trace
expect_status "salvage" 125 'cut off' "$PAGEWALK" trace cut full.trace -o salvaged.trace
expect_status "salvaged" 0 '' "$PAGEWALK" trace info --verify salvaged.trace
[ "$(info salvaged.trace loads)" = "$(info full.trace loads)" ] || fail "salvaging lost loads"
"$PAGEWALK" replay -q --db "$DB" salvaged.trace || fail "replay of what was salvaged"
expect_status "no space at all" 125 'No space left' record -o /dev/full -- ./hello

# Version 1 is told apart.
printf 'PGWLKTRC\001\000\000\000\000\000\000\000xxxxxxxxxxxxxxxxxxxxx' >old.trace
expect_status "version 1" 125 'format version 1: this pagewalk reads version 3' "$PAGEWALK" trace info old.trace
"$PAGEWALK" trace dump t.trace >/dev/full 2>guest.err && fail "dump to a full disk"
finish
