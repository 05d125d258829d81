#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Dynamic glibc programs: coreutils, openssl, git.
. "$(dirname "$0")/lib.sh"
need openssl git sha256sum
head -c 300000 /bin/bash >bytes.bin
printf 'some input\nand more\n' >stdin

same "ls -l" -- /bin/ls -l /bin /etc/passwd
same "ls of nothing" -- /bin/ls -l /no/such/file
same "cat of standard input" -- /bin/cat
same "sha256sum" -- sha256sum bytes.bin
same "openssl" -- openssl dgst -sha256 bytes.bin
same "git" -- git --version
same "sort" -- sort -r /etc/passwd
same "true" -- /bin/true
same "false" -- /bin/false
finish
