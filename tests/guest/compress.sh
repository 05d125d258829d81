#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# gzip and xz, there and back. 100 kB here; compress_slow.sh does 10 MB.
. "$(dirname "$0")/lib.sh"
need gzip xz
bytes=${COMPRESS_BYTES:-100000}
cat /bin/bash /usr/bin/perl /bin/ls /usr/bin/git /usr/bin/openssl 2>/dev/null | head -c "$bytes" >stdin
size=$(wc -c <stdin)
while [ "$size" -lt "$bytes" ]; do
	cat stdin stdin >more
	truncate -s "<$bytes" more
	mv more stdin
	size=$(wc -c <stdin)
done
cp stdin original
same "gzip" -- gzip -n -c
cp native.out stdin
same "gunzip" -- gzip -d -c
cmp -s guest.out original || fail "gunzip does not give back what gzip took"
cp original stdin
same "xz" -- xz -T1 -0 -c
cp native.out stdin
same "unxz" -- xz -T1 -d -c
cmp -s guest.out original || fail "unxz does not give back what xz took"
finish
