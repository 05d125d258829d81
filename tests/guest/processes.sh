#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Several processes: fork and its copies, shells and their pipelines, make with a compiler and a linker.
. "$(dirname "$0")/lib.sh"
need gcc busybox sqlite3
MACHINES="skylake textbook no-tlb hashed-toy"
sources=$(dirname "$(readlink -f "$0")")/programs
gcc -O1 -pthread -o processes "$sources/processes.c" || fail "compiling processes.c"

for case in zombies orphans pipes polled signals groups spawned shared timers; do
	same "processes $case" -- ./processes "$case"
done
gcc -O1 -o usage "$sources/usage.c" || fail "compiling usage.c"
same "usage" -- ./usage
same "descriptors" --write /tmp -- ./processes descriptors

# A quantum of any length, and few ASIDs, change nothing that the program sees.
MACHINES=skylake
for quantum in 1 100 5000; do
	same "pipes, quantum $quantum" --quantum "$quantum" -- ./processes pipes
done
for bits in 0 1 2; do
	rm -f "$DB"
	same "groups, $bits bits of ASID" --set asid_bits=$bits -- ./processes groups
	[ "$bits" = 0 ] || [ "$(counter kernel.asid_rollovers)" -gt 0 ] || fail "$bits bits of ASID were enough"
done

# 16,384 pages, of which the child writes every other one: exactly 8,192 copies within that mapping, all the child's.
# Its own went with it, so the parent, which then writes every page, is the last that has each: 16,384 are made writable
# in place, none is copied. Copies elsewhere are a few pages of stacks, heaps and libraries, listed by what maps them.
MACHINES="skylake hashed-toy"
for machine in $MACHINES; do
	rm -f "$DB"
	pagewalk --mmu "$machine" --events misses -- ./processes copies >guest.out 2>map || fail "copies on $machine"
	expect_output "copies on $machine" "$(printf 'child 0\nwrong 0')"
	start=$(head -n 1 map)
	served="select e.asid, e.level, e.va between $start and $start + 67108863 as inside, e.va from event e
		join event_kind k on k.id = e.kind where k.name = 'fault_served' and e.level in (3, 4)"
	[ "$(sqlite3 "$DB" "select asid, level, count(*) from ($served) where inside group by asid, level order by asid, level")" = \
		"$(printf '1|4|16384\n2|3|8192')" ] || fail "copies on $machine within the mapping"
	sqlite3 "$DB" "select s.asid, coalesce(m.path, 'anonymous'), count(*) from ($served) s left join mapping m
		on m.asid = s.asid and s.va between m.start and m.start + m.length - 1 where not inside and level = 3 group by 1, 2"
	[ "$(sqlite3 "$DB" "select count(*) < 60 from ($served) where not inside and level = 3")" = 1 ] || fail "many copies elsewhere on $machine"
done

# Shells.
MACHINES="skylake hashed-toy"
same "pipeline" -- sh -c 'ls / | sort | head -3; (sleep 0; echo sub) & wait'
same "find and xargs" -- sh -c "find '$sources' -name '*.c' | sort | xargs wc -l"
MACHINES=skylake
printf 'three\none\ntwo\n' >lines
# shellcheck disable=SC2016
same "bash" -- bash -c 'x=$(sort lines | tr a-z A-Z); echo "$x"; cat <<-END | rev
		here document
	END
	trap "echo left" EXIT; (exit 3); echo $?; for i in 1 2 3; do echo $i; done | while read n; do echo $((n * 2)); done
	diff <(sort lines) <(sort -r lines) | head -2; trap "echo caught" USR2; kill -USR2 $$; f() { local IFS=,; echo "$*"; }; f a b c | cat'
same "busybox sh" -- busybox sh -c 'seq 1 500 | busybox awk "{ s += \$1 } END { print s }"; echo a | (read x; echo "got $x")'
if command -v perl >/dev/null; then
	same "perl" -- perl -e 'pipe R, W; if (!fork) { close R; print W "x" x 100000; exit 5 } close W; $n = length(join "", <R>); wait; print "$n ", $? >> 8, "\n"'
fi
if [ -x /usr/bin/python3 ]; then
	same "python3" -- /usr/bin/python3 -c 'import subprocess, os
print(subprocess.run(["tr", "a-z", "A-Z"], input=b"hello", capture_output=True).stdout)
r, w = os.pipe()
if os.fork() == 0:
    os.write(w, b"child"); os._exit(3)
print(os.read(r, 10), os.waitstatus_to_exitcode(os.wait()[1]))'
fi

# Semaphores and a pool of processes, through files that are mapped shared.
if [ -x /usr/bin/python3 ] && [ -w /dev/shm ]; then
	cat >pool.py <<-'END'
		import multiprocessing
		if __name__ == "__main__":
		    context = multiprocessing.get_context("fork")
		    with context.Pool(2) as pool:
		        print(pool.map(abs, [-1, -2, 3]))
	END
	same "multiprocessing" --write /dev/shm -- /usr/bin/python3 pool.py
fi

# A fork bomb with a limit: refused, and ends.
pagewalk --max-processes 30 -- ./processes bomb >guest.out || fail "bomb"
expect_output "bomb" "$(printf 'refused 1\nall gone 1')"
pagewalk -- ./processes bomb >guest.out || fail "bomb with RLIMIT_NPROC"
expect_output "bomb with RLIMIT_NPROC" "$(printf 'refused 1\nall gone 1')"
finish
