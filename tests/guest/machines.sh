#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Every shipped machine runs real programs with native output, or refuses before the first
# instruction and says why: an address space of 12 bits holds no Linux program.
. "$(dirname "$0")/lib.sh"
need busybox sqlite3 lua5.4 /usr/bin/python3
busybox=$(command -v busybox)

all=$("$PAGEWALK" config list | awk '{ print $1 }')
[ "$(wc -w <<<"$all")" -ge 30 ] || fail "config list names fewer than thirty machines: $all"
refused=$(grep -E '^toy12' <<<"$all")
MACHINES=$(grep -vE '^toy12' <<<"$all")
# Each miss of these reads thousands of entries: tests/guest/inverted_slow.sh has more of them.
quick=$(grep -vE -- '-scan$' <<<"$MACHINES")

seq 1 200 >stdin
same "busybox" -- "$busybox" sort -rn
rm stdin
same "lua" -- lua5.4 -e 'local t = {} for i = 1, 500 do t[i] = i * 7919 % 1009 end table.sort(t) print(t[1], t[500], #t)'
MACHINES=$quick
same "sqlite3" -- sqlite3 :memory: 'select sum(value * value) from generate_series(1,2000)'
same "python3" -- /usr/bin/python3 -I -S -c 'print(sorted(str(i * 7919 % 1009) for i in range(300))[:5])'

# Little memory and a swap device: the same output, or a refusal by those whose own tables need more.
seq 1 2000 >stdin
sort -rn stdin >native.out
ran=0
for machine in $quick; do
	pagewalk --mmu "$machine" --ram 3M --swap 64M -- "$busybox" sort -rn <stdin >guest.out 2>guest.err
	status=$?
	if [ "$status" = 0 ]; then
		expect_same "little memory on $machine" 0 "$status"
		ran=$((ran + 1))
	elif ! grep -qE 'ram_bytes|--ram|frame is left' guest.err; then
		fail "little memory on $machine: status $status: $(head -n 1 guest.err)"
	fi
done
[ "$ran" -ge 40 ] || fail "little memory: only $ran machines ran"
rm stdin

for machine in $refused; do
	expect_status "$machine" 126 '12.bit' pagewalk --mmu "$machine" -- "$busybox" true
done
finish
