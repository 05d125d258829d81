#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Machines whose TLBs are refilled by software or from bounded tables print what the host prints:
# MIPS under ULTRIX and MACH and their Intel counterpart, PowerPC 604, UltraSPARC, Itanium with both
# formats of its VHPT.
MACHINES=${MACHINES:-"mips-r3000-ultrix mips-r3000-mach intel-jm ppc604 ultrasparc itanium itanium-long"}
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
need sqlite3 python3 lua5.4 busybox

same sqlite3 -- sqlite3 :memory: 'select sum(value), count(*) from generate_series(1,3000)'
same python3 -- /usr/bin/python3 -I -c 'print(sorted({i * 7919 % 1009: i for i in range(999)})[-3:])'
same lua -- lua5.4 -e 'local t = {} for i = 1, 3000 do t[i] = i * 7919 % 10007 end table.sort(t) print(t[7])'
same busybox -- busybox sh -c 'i=0; while [ $i -lt 200 ]; do i=$((i + 7)); done; echo $i; exit 3'

# Processes that come and go, whose tags are lent: enough of each, and so few that they are taken back.
count='for i in 1 2 3 4 5 6; do echo $i | busybox sed s/^/x/; done | busybox sort -r | busybox head -n 3'
same pipes -- busybox sh -c "$count"
MACHINES="mips-r3000-mach ppc604 ultrasparc itanium" same "pipes, two tags" --set asid_bits=1 -- busybox sh -c "$count"
# More processes than a MIPS has ASIDs.
MACHINES=mips-r3000-ultrix same "70 processes" -- busybox sh -c 'i=0; while [ $i -lt 70 ]; do busybox sleep 1 & i=$((i + 1)); done; wait; echo $i'

# They did what they are for: handlers ran, and nested translations were asked for.
for machine in mips-r3000-mach ppc604 ultrasparc itanium itanium-long; do
	rm -f "$DB"
	pagewalk --mmu "$machine" -- busybox true
	[ "$(counter mmu.walk_calls)" -gt 0 ] || fail "$machine: no nested translation"
	[ "$(counter mmu.walk_traps)" -gt 0 ] || fail "$machine: no handler ran"
done
finish
