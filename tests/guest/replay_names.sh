#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A trace knows which files were mapped where: with --pc, a replay names and disassembles instructions as
# the live run did, out of the files, as long as they are what they were; and never guesses.
. "$(dirname "$0")/lib.sh"
need gcc python3 sqlite3 strip
programs=$(dirname "$(readlink -f "$0")")/programs
printf '\xb8\x2a\0\0\0\xc3' >code.bin && truncate -s 4096 code.bin
gcc -g -O1 -o code "$programs/code.c" || fail "compiling code.c"
gcc -g -O1 -Wl,--build-id=none -o anonymous "$programs/code.c" || fail "compiling code.c without a build-id"

# names DB RUN: what a run says of the program's end and of what is mapped
names() {
	sqlite3 "$1" "select asid, start, length, offset, permissions, path from mapping where run = $2 order by id;
		select page.asid, vpn, page_lg2, path from page left join mapping on mapping.id = page.mapping where page.run = $2 order by 1, 2, 3;
		select exit_status, exit_signal from run where id = $2"
}

# as_live NAME [CODE]: the replay names what the live run names, but for the code at that address. (Live, the instruction
# of a fault is looked for among those of its block: it may be another one.)
as_live() {
	local strangers others
	diff live.txt replay.txt >difference.txt || fail "$1: $(head -n 6 difference.txt)"
	strangers=$(sqlite3 live.db "attach 'replay.db' as r; select abs((select count(*) from instruction) - (select count(*) from r.instruction where run = 1)),
		(select count(*) from instruction) - count(*) from instruction join r.instruction o using (run, asid, pc)")
	[[ $strangers =~ ^[01]\|[01]$ ]] || fail "$1: other instructions: $strangers"
	others=$(sqlite3 live.db "attach 'replay.db' as r; select asid, pc, i.disassembly, i.symbol, i.file, o.disassembly, o.symbol, o.file
		from instruction i join r.instruction o using (run, asid, pc) where pc not between ${2:-1} and ${2:--16} + 16 and
		(i.bytes is not o.bytes or i.disassembly is not o.disassembly or i.symbol is not o.symbol or i.file is not o.file)")
	[ -z "$others" ] || fail "$1: other names: $(head -n 3 <<<"$others")"
}

# live STATUS PROGRAM...: into live.db, t.trace and live.txt
live() {
	local wanted=$1 status
	shift
	rm -f live.db
	# shellcheck disable=SC2086
	"$PAGEWALK" run -q --clock-start 1700000000 --pc ${OPTIONS:-} --db live.db --trace t.trace -- "$@" >guest.out 2>guest.err </dev/null
	status=$?
	[ "$status" = "$wanted" ] || fail "$*: exit status $status: $(cat guest.err)"
	names live.db 1 >live.txt
}

# replayed NAME [OPTION...]: the newest trace on the same machine, twice, and on another; what was said is in replay.err
replayed() {
	local name=$1
	shift
	rm -f replay.db
	"$PAGEWALK" replay -q --db replay.db --mmu skylake --mmu textbook --mmu skylake --jobs 3 "$@" t.trace 2>replay.err ||
		fail "$name: replay: $(cat replay.err)"
	names replay.db 1 >replay.txt
	names replay.db 3 | cmp -s - replay.txt || fail "$name: two threads disagree"
}

# same_names NAME STATUS LEAST PROGRAM...: as live, and at least so many instructions with a symbol
same_names() {
	local name=$1 wanted=$2 least=$3
	shift 3
	live "$wanted" "$@"
	[ "$(sqlite3 live.db 'select count(symbol) from instruction')" -ge "$least" ] || fail "$name: hardly any symbols"
	[ "$(sqlite3 live.db 'select count(*) - count(disassembly) from instruction')" = 0 ] || fail "$name: live, instructions without disassembly"
	replayed "$name"
	as_live "$name"
	[ ! -s replay.err ] || fail "$name: $(cat replay.err)"
	[ "$(sqlite3 replay.db 'select count(*) - count(disassembly) from instruction where run = 2')" = 0 ] ||
		fail "$name: the other machine has instructions without disassembly"
}

same_names "python3" 3 500 /usr/bin/python3 -c 'import sys; sys.exit(3)'
same_names "python3, killed" 137 500 /usr/bin/python3 -S -c 'import os; os.kill(os.getpid(), 9)'
same_names "sqlite3" 0 20 sqlite3 :memory: 'select sum(value) from generate_series(1, 100)'
same_names "processes" 5 20 sh -c 'for i in 1 2; do /bin/true; (exit 9); done; exit 5'
same_names "lines" 42 1 ./code file code.bin
[ "$(sqlite3 replay.db "select count(*) > 0 from instruction where run = 1 and symbol glob 'main*' and file glob '*/code.c:[0-9]*'")" = 1 ] || fail "no source lines"

# --- code that is of no file -------------------------------------------------------------------

# case_of NAME STATUS: live and replay agree; leaves the code's instructions in found.txt
case_of() {
	live "$2" ./code "$1" code.bin
	replayed "$1"
	as_live "$1" "$(cat guest.out)"
	sqlite3 replay.db "select coalesce(disassembly, 'none'), coalesce(file, 'none') from instruction
		where run = 1 and pc between $(cat guest.out) and $(cat guest.out) + 16" >found.txt
}

here=$(pwd -P)
for name in file moved; do
	case_of $name 42
	grep -qx "mov eax, 0x2a|$here/code.bin" found.txt || fail "$name: $(cat found.txt)"
done
while read -r name status; do
	case_of "$name" "$status"
	grep -qx 'none|none' found.txt || fail "$name: $(cat found.txt)"
	[ "$(sort -u found.txt)" = 'none|none' ] || fail "$name: guessed: $(cat found.txt)"
	[ "$(sqlite3 live.db 'select count(*) from mapping where path is null')" -lt 5 ] || fail "$name: told again and again"
done <<END
made 99
open 43
patched 44
forked 44
was_read 42
END
case_of writable 45
grep -qx "none|$here/code.bin" found.txt || fail "writable: $(cat found.txt)"

# --- files that are not what they were ---------------------------------------------------------

# spoilt NAME FILE WHY: said once, noted with each run; nothing of the file is named, the C library still is
spoilt() {
	replayed "$1"
	[ "$(grep -c "$2 $3: its instructions have neither disassembly nor symbols" replay.err)" = 1 ] || fail "$1: said: $(cat replay.err)"
	[ "$(wc -l <replay.err)" = 1 ] || fail "$1: more was said: $(cat replay.err)"
	[ "$(sqlite3 replay.db "select count(distinct run) from note where text glob '*$2 $3*'")" = 3 ] || fail "$1: notes"
	[ "$(sqlite3 replay.db "select count(*) from instruction where run = 1 and (symbol glob 'main*' or file glob '*code.c:*' or file glob '$2')")" = 0 ] || fail "$1: guessed"
	[ "$(sqlite3 replay.db "select count(*) from instruction where run = 1 and disassembly is not null and file glob '*libc*'")" -gt 20 ] || fail "$1: the C library"
	[ "$(sqlite3 replay.db "select count(*) > 0 from instruction where run = 1 and bytes is null and disassembly is null and symbol is null and file is null")" = 1 ] ||
		fail "$1: no instruction is nameless"
}

for program in code anonymous; do
	live 42 ./$program file code.bin
	cp $program kept
	replayed "$program"
	as_live "$program"
	strip $program
	spoilt "$program, stripped" "$here/$program" "has changed since it ran"
	rm $program
	spoilt "$program, removed" "$here/$program" "is gone"
	mkdir $program
	spoilt "$program, a directory" "$here/$program" "is no file any more"
	rmdir $program
	cp kept $program
	replayed "$program, a copy"
	as_live "$program, a copy"
done
# Without a build-id every byte counts.
printf 'x' | dd of=anonymous bs=1 seek=$(($(stat -c %s anonymous) - 1)) conv=notrunc 2>/dev/null
spoilt "a byte" "$here/anonymous" "has changed since it ran"

# What a live run does not find any more it does not name either.
OPTIONS="--write ." live 0 sh -c 'cp kept copy; ./copy file code.bin; rm copy'
grep -q "copy is gone: its instructions have neither disassembly nor symbols" guest.err || fail "live, removed: $(cat guest.err)"
replayed "removed"
as_live "removed"
# One path, two files: each has its own names, as far as it is there.
OPTIONS="--write ." live 0 sh -c 'cp code copy; ./copy file code.bin; cp anonymous copy; ./copy file code.bin; true'
[ "$(grep -c "copy has changed since it ran" guest.err)" = 1 ] || fail "live, replaced: $(cat guest.err)"
replayed "replaced"
as_live "replaced"
[ "$(sqlite3 replay.db "select count(distinct asid) from instruction where run = 1 and (file glob '*/code.c:*' or file glob '*/copy')")" = 1 ] || fail "replaced: names"

# --- other ways --------------------------------------------------------------------------------

# A sweep says it once, too; and a piece knows its files.
live 42 ./code file code.bin
printf 'base: textbook\nvary:\n  - tlb.l1.d.entries: [8, 16, 32]\n' >s.yaml
rm -f sweep.db
"$PAGEWALK" sweep -q s.yaml --trace t.trace --db sweep.db --jobs 2 >/dev/null 2>sweep.err || fail "sweep: $(cat sweep.err)"
[ "$(sqlite3 sweep.db "select count(distinct run) from instruction where file glob '*code.bin'")" = 3 ] || fail "a sweep without names"
"$PAGEWALK" trace cut t.trace -o piece.trace --from 50000 || fail "cut"
rm -f piece.db
"$PAGEWALK" replay -q --db piece.db piece.trace || fail "replay of a piece"
[ "$(sqlite3 piece.db "select count(*) > 0 from instruction where file glob '*code.bin'")" = 1 ] || fail "a piece without names"
mv code.bin away
rm -f sweep.db
"$PAGEWALK" sweep -q s.yaml --trace t.trace --db sweep.db --jobs 2 >/dev/null 2>sweep.err || fail "sweep: $(cat sweep.err)"
[ "$(grep -c 'code.bin is gone' sweep.err)" = 1 ] || fail "a sweep says: $(cat sweep.err)"
mv away code.bin

# Without --pc there are no instructions, and no file is asked for; but mappings have their names.
"$PAGEWALK" record -q --clock-start 1700000000 -o t.trace -- ./code file code.bin >guest.out </dev/null
mv code away
replayed "without --pc"
mv away code
[ ! -s replay.err ] || fail "without --pc: $(cat replay.err)"
grep "^[0-9]*|[0-9]*|[0-9]*|/" live.txt | cmp - <(grep "^[0-9]*|[0-9]*|[0-9]*|/" replay.txt) || fail "without --pc: names of pages"
[ "$(sqlite3 replay.db 'select count(*) from instruction')" = 0 ] || fail "without --pc: instructions"
finish
