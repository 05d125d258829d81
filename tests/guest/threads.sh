#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Threads: glibc's, and programs that use them.
. "$(dirname "$0")/lib.sh"
need gcc xz sort
MACHINES="skylake textbook no-tlb hashed-toy"
sources=$(dirname "$(readlink -f "$0")")/programs
gcc -O1 -pthread -o threads "$sources/threads.c" || fail "compiling threads.c"

for case in mutex inherit turns robust words last executed signalled floats protects; do
	same "threads $case" -- ./threads "$case"
done
MACHINES=skylake
for quantum in 1 777 100000; do
	rm -f "$DB"
	same "turns, quantum $quantum" --quantum "$quantum" -- ./threads turns
done
[ "$(counter kernel.thread_switches)" -gt 10 ] || fail "no thread was switched to"

expect_status "deadlock" 137 'deadlock' pagewalk -- ./threads deadlock

MACHINES="skylake hashed-toy"
seq 20000 -1 1 >numbers
same "sort --parallel" --write . -- sort -n --parallel=2 -S 200k -T . numbers
head -c 400000 "$(command -v gcc)" >input
same "xz -T2" -- xz -T2 -0 -k -c --block-size=100000 input
if [ -x /usr/bin/python3 ]; then
	MACHINES=skylake
	same "python3" -- /usr/bin/python3 -c 'import threading, queue
q, out = queue.Queue(), []
def work():
    while (n := q.get()) is not None:
        out.append(sum(range(n)))
threads = [threading.Thread(target=work) for _ in range(3)]
for t in threads: t.start()
for n in range(100): q.put(n * 10)
for t in threads: q.put(None)
for t in threads: t.join()
print(len(out), sum(out))'
fi
finish
