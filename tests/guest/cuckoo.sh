#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Real programs on elastic cuckoo page tables: on the shipped machine, and on one whose tables start
# so small that they are resized all the time.
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
need sqlite3 busybox

cat >tiny.yaml <<'YAML'
base: elastic-cuckoo
page_table: {cuckoo: {entries: 8, walk_table_entries: 8}}
YAML
MACHINES="elastic-cuckoo ./tiny.yaml"
same sqlite3 -- sqlite3 :memory: 'select sum(value) from generate_series(1,20000)'
same busybox -- busybox seq 1 2000
for program in lua5.4 lua5.3 lua; do
	command -v "$program" >/dev/null || continue
	same lua -- "$program" -e 'local t = {} for i = 1, 20000 do t[i] = i * 7919 % 10007 end table.sort(t) print(t[1], t[20000])'
	break
done
[ ! -x /usr/bin/python3 ] ||
	same python3 -- /usr/bin/python3 -S -c 'print(sum(i * i for i in range(20000)))'
# A script that execs: the second space has an ASID of its own, and maybe another's tag.
same exec -- busybox sh -c 'exec busybox seq 1 500'
finish
