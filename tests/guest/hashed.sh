#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Real programs on every hashed page table, each begun so small that it doubles while they run.
. "$(dirname "$0")/lib.sh"
need sqlite3 /usr/bin/python3 lua5.4 busybox
MACHINES="hashed-chained hashed-open hashed-open-line8 hashed-yaniv clustered pa-risc"
small=()
for format in hashed open clustered pa_risc; do
	small+=(--set "page_table.$format.buckets=16")
done

same "sqlite3" -- sqlite3 :memory: 'select sum(value) from generate_series(1,20000)'
same "sqlite3, growing" "${small[@]}" -- sqlite3 :memory: 'select sum(value) from generate_series(1,20000)'
for machine in $MACHINES; do
	rm -f "$DB" # counter() reads all runs of it
	pagewalk --mmu "$machine" "${small[@]}" -- busybox true
	[ "$(counter page_table.resizes)" -gt 0 ] || fail "the table of $machine did not double"
done
same "busybox" "${small[@]}" -- busybox sh -c 'i=0; while [ $i -lt 200 ]; do i=$((i+1)); done; echo $i'
same "lua" -- lua5.4 -e 'local t = {} for i = 1, 20000 do t[i] = i * i end print(#t, t[20000])'
same "python3" -- /usr/bin/python3 -I -c 'print(sum(i * i for i in range(20000)), sorted({str(i) for i in range(50)})[:5])'
finish
