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

# 16,384 pages, of which the child writes every other one: 8,192 copies there, and none elsewhere of that mapping. The
# parent then writes all of them: none is copied, all have one owner (the child's copies went with it).
MACHINES="skylake hashed-toy"
for machine in $MACHINES; do
	rm -f "$DB"
	pagewalk --mmu "$machine" --events misses -- ./processes copies >guest.out || fail "copies on $machine"
	expect_output "copies on $machine" "$(printf 'child 0\nwrong 0')"
	copied=$(sqlite3 "$DB" "with served as (select e.va, e.level, e.asid from event e join event_kind k on k.id = e.kind where k.name = 'fault_served'),
		big as (select min(va) as low from served where va >= (select max(va) from served where level = 1) - 70000000)
		select asid || ' ' || count(*) from served where level = 3 group by asid having count(*) > 1000")
	[ "${copied#* }" -ge 8192 ] && [ "${copied#* }" -lt 8300 ] || fail "copies on $machine: '$copied' by space, wanted 8192 and a few of the stack"
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

# A fork bomb with a limit: refused, and ends.
pagewalk --max-processes 30 -- ./processes bomb >guest.out || fail "bomb"
expect_output "bomb" "$(printf 'refused 1\nall gone 1')"
pagewalk -- ./processes bomb >guest.out || fail "bomb with RLIMIT_NPROC"
expect_output "bomb with RLIMIT_NPROC" "$(printf 'refused 1\nall gone 1')"
finish
