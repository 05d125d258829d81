#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# RAM just large enough, and too little: a guest kill with a message, never a crash of ours.
. "$(dirname "$0")/lib.sh"
need busybox sqlite3
busybox=$(command -v busybox)

# least_ram PROGRAM...: the least RAM that it runs in, in KiB, found by bisection
least_ram() {
	local low=64 high=65536 middle
	while [ $((high - low)) -gt 4 ]; do
		middle=$(((low + high) / 8 * 4))
		if pagewalk --ram "${middle}K" -- "$@" >/dev/null 2>&1; then
			high=$middle
		else
			low=$middle
		fi
	done
	echo "$high"
}

for program in "$busybox sha256sum /etc/passwd" "sqlite3 :memory: select(1)"; do
	# shellcheck disable=SC2086
	ram=$(least_ram $program)
	[ "$ram" -lt 32768 ] || fail "$program needs $ram KiB"
	# shellcheck disable=SC2086
	same "$program in $ram KiB" --ram "${ram}K" -- $program
	# shellcheck disable=SC2086
	expect_status "$program in $((ram - 8)) KiB" 137 'out of memory|do not hold' pagewalk --ram "$((ram - 8))K" -- $program
done
same "64 GiB" --ram 64G -- "$busybox" true
for ram in 4K 8K 16K 64K 256K 1M; do
	pagewalk --ram "$ram" -- "$busybox" true >guest.out 2>guest.err
	status=$?
	case $status in
	0) ;;
	125 | 126 | 137) [ -s guest.err ] || fail "$ram of RAM: no message" ;;
	*) fail "$ram of RAM: exit status $status: $(tail -n 2 guest.err)" ;;
	esac
done
expect_status "eating all" 137 'out of memory' pagewalk --ram 32M -- "$busybox" awk 'BEGIN { s = "x"; while (1) s = s s }'
finish
