#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# busybox-static: a static program of many applets.
. "$(dirname "$0")/lib.sh"
need busybox
busybox=$(command -v busybox)
seq 1 3000 | awk '{ print ($1 * 7919) % 10007, "line", $1 }' >lines.txt
head -c 200000 "$busybox" >bytes.bin
mkdir -p tree/a/b && touch tree/a/one.c tree/a/b/two.c tree/three.h

same "sh" -- "$busybox" sh -c 'i=0; while [ $i -lt 200 ]; do i=$((i + 1)); done; echo "$i ${PATH:+set}"; exit 7'
same "sort" -- "$busybox" sort -n lines.txt
same "awk" -- "$busybox" awk '{ s += $1 } END { printf "%d %.3f\n", s, s / NR }' lines.txt
same "sha256sum" -- "$busybox" sha256sum bytes.bin
same "gzip" -- "$busybox" gzip -c lines.txt
same "find" -- "$busybox" find tree -name '*.c'
same "ls" -- "$busybox" ls -l tree
same "grep" -- "$busybox" grep -c 9 lines.txt
finish
