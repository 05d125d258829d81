#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# make builds a small C project inside: gcc, cc1, as, collect2 and ld, some forty processes. The files that it writes
# are those of the native build, byte for byte. git, which forks to pack and to check, does likewise.
. "$(dirname "$0")/lib.sh"
need gcc make busybox sqlite3
export TMPDIR=$PAGEWALK_TEST_TMP

mkdir -p project && cd project || exit 1
printf '#include <stdio.h>\nint fib(int);\nint main(void) { printf("%%d\\n", fib(20)); return 0; }\n' >main.c
printf 'int fib(int n) { return n < 2 ? n : fib(n - 1) + fib(n - 2); }\n' >fib.c
printf 'fib: main.o fib.o\n\t$(CC) -o fib main.o fib.o\n%%.o: %%.c\n\t$(CC) -O1 -c $<\n' >Makefile

# build COMMAND...: leaves native.sums or guest.sums beside the project
build() {
	rm -f fib ./*.o
	"$@" || fail "$*"
	sha256sum fib main.o fib.o
}
build make -s >../native.sums
build pagewalk --mmu skylake --write .. -- make -s >../guest.sums
cmp ../native.sums ../guest.sums || fail "what make built differs"
[ "$(./fib)" = 6765 ] || fail "what make built does not run"
pagewalk --mmu hashed-toy --write .. -- sh -c './fib && make' >../guest.out || fail "nothing to be done"
grep -q 6765 ../guest.out && grep -q 'up to date' ../guest.out || fail "make on hashed-toy: $(head -c 200 ../guest.out)"
cd ..

# The same build from the same files has the same figures each time, and its replay has them.
counted() {
	sqlite3 "$1" 'select n.name, c.value from counter c join counter_name n on n.id = c.name order by 1; select * from ledger order by 1, 2'
}
for turn in first second; do
	rm -rf again "$turn.db"
	mkdir -p again/tmp && cp project/main.c project/fib.c project/Makefile again
	TMPDIR=$PWD/again/tmp "$PAGEWALK" run -q --db "$turn.db" --mmu skylake --clock-start 1700000000 --trace make.trace --write again \
		-- make -s -C again || fail "the $turn build"
done
rm -f replay.db
"$PAGEWALK" replay -q --db replay.db make.trace || fail "replay of make"
for turn in first second replay; do
	counted "$turn.db" >"$turn.txt"
done
[ "$(wc -l <first.txt)" -gt 100 ] || fail "hardly any counters"
cmp first.txt second.txt || fail "the same build has other figures: $(diff first.txt second.txt | head -n 4)"
cmp second.txt replay.txt || fail "the replay of make has other figures: $(diff second.txt replay.txt | head -n 4)"

if command -v git >/dev/null; then
	cat >repository.sh <<-'END'
		export HOME=$PWD GIT_CONFIG_NOSYSTEM=1 GIT_AUTHOR_DATE=2020-01-01T00:00:00Z GIT_COMMITTER_DATE=2020-01-01T00:00:00Z
		mkdir "$1" && cd "$1" && git init -q . && git config user.email a@b && git config user.name n && git config core.pager cat
		echo hello >a && git add a && git commit -q -m one && echo more >>a && git commit -qam two
		git log --oneline && git diff HEAD~1 && git gc -q && git fsck && git rev-parse HEAD
	END
	rm -rf native guest
	sh repository.sh native >native.out 2>/dev/null
	native=$?
	pagewalk --mmu skylake --write . -- sh repository.sh guest >guest.out 2>guest.err
	expect_same "git" "$native" $?
fi
finish
