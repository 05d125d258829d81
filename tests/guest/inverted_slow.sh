#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The usual guests, all of them, on the inverted tables; a scan reads up to 2048 lines a miss.
set -uo pipefail
: "${PAGEWALK_TEST_TMP:?run through ctest, or set it to a scratch directory}"
here=$(dirname "$(readlink -f "$0")")
export MACHINES="inverted-hash inverted-hash-chain inverted-scan"
failures=0
for script in busybox sqlite languages coreutils memory; do
	mkdir -p "$PAGEWALK_TEST_TMP/$script"
	PAGEWALK_TEST_TMP=$PAGEWALK_TEST_TMP/$script bash "$here/$script.sh"
	case $? in
	0 | 77) ;;
	*)
		printf 'FAIL: %s.sh on the inverted tables\n' "$script" >&2
		failures=$((failures + 1))
		;;
	esac
done
exit "$((failures != 0))"
