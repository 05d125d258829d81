# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# What pressure.sh and pressure_slow.sh share: real programs in a part of the memory that they touch.

policies=(fifo random lru clock enhanced-second-chance aging two-list clock-pro)
shares=(2 4 8)
# Page tables and slabs stay, and so do the page that is served, its neighbours and the code that runs; what is left
# has to hold what one instruction and one system call want at once, and some more, or the program hardly moves. So
# there are at least this many frames beside page tables and slabs.
least_frames=36

seq 1 1000 | sed 's/.*/&7919 line/' | rev >lines
head -c 100000 /bin/bash >bytes.bin

# each_program VISIT ARGUMENT...: calls VISIT ARGUMENT... NAME PROGRAM... for each that is installed
each_program() {
	visit() {
		if command -v "$2" >/dev/null; then
			"${visitor[@]}" "$@"
		else
			printf 'SKIP: %s is not installed\n' "$2" >&2
		fi
	}
	local visitor=("$@")
	visit ls busybox ls -l /bin/ /etc/passwd
	visit awk busybox awk '{ s += $1; n[length($0)]++ } END { print s, n[13] }' lines
	visit sort sort -r lines
	visit sha256sum sha256sum bytes.bin
	visit sqlite3 sqlite3 :memory: 'select sum(value * 7) from generate_series(1, 400)'
	visit lua lua5.4 -e 'local t = {} for i = 1, 1500 do t[i] = tostring(i * 7) end print(#table.concat(t))'
	visit perl perl -e '%h = map { $_ => $_ * 7 } 1 .. 1500; $s += $_ for values %h; print "$s\n"'
	visit python3 /usr/bin/python3 -I -S -c 'print(sum(len(str(i)) for i in range(2000)))'
	visit xz xz -0 -c lines
	visit gzip gzip -n -c bytes.bin
	visit openssl openssl dgst -sha256 bytes.bin
	visit pipeline sh -c 'seq 1 300 | sort | head -3; echo $(seq 1 5)'
}

# measure PROGRAM...: $touched, frames in use at most, and $fixed, those of page tables and slabs among them
measure() {
	rm -f "$DB"
	pagewalk --epoch 100000 -- "$@" >/dev/null 2>&1
	touched=$(query "select max(c.value - m.free) from memory_over_time m, counters c where c.name = 'kernel.frames_total'")
	fixed=$(query "select max(page_table + slab) from memory_over_time")
	[ "${touched:-0}" -gt 100 ] && [ "${fixed:-0}" -gt 10 ] || fail "$*: $touched frames in use, $fixed of them fixed"
}

# squeezed NAME SHARE POLICY PROGRAM...: in that share of what measure() saw
squeezed() {
	local name="$1, 1/$2, $3" frames=$((touched / $2)) least=$((fixed + least_frames)) policy=$3
	shift 3
	if [ "$frames" -lt "$least" ]; then
		printf '%s: %s frames for %s\n' "$name" "$least" "$frames" >&2
		frames=$least
	fi
	rm -f "$DB"
	MACHINES=skylake same "$name" --ram $((frames * 4))K --swap 64M --policy "$policy" -- "$@"
	[ "$(query "select sum(value) from counters where name in ('kernel.pages_reclaimed_direct',
		'kernel.pages_reclaimed_daemon')")" -gt 0 ] || fail "$name: nothing left memory"
	[ "$(query "select sum(value * iif(name = 'kernel.frames_total', -1, 1)) from counters where name in
		('kernel.frames_total', 'kernel.frames_free', 'kernel.frames_table', 'kernel.frames_slab', 'kernel.frames_slack',
		'kernel.frames_anonymous', 'kernel.frames_file', 'kernel.frames_reserved')")" = 0 ] || fail "$name: frames are lost"
}
