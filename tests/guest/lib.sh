# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# What guest tests share: run a program natively and under pagewalk on several machines, and hold
# standard output, exit status and files written against each other, byte for byte.

set -uo pipefail
: "${PAGEWALK:?run through ctest, or set it to the pagewalk binary}"
: "${PAGEWALK_TEST_TMP:?run through ctest, or set it to a scratch directory}"
MACHINES=${MACHINES:-"skylake textbook no-tlb"}
DB=$PAGEWALK_TEST_TMP/test.db
failures=0
cd "$PAGEWALK_TEST_TMP" || exit 1
rm -f -- "$DB" *.db *.trace # of an earlier build: its formats may be others
export LC_ALL=C
ulimit -c 0

fail() {
	printf 'FAIL: %s\n' "$*" >&2
	failures=$((failures + 1))
}

# need PROGRAM...: skips the test, visibly, where one is missing
need() {
	local program
	for program in "$@"; do
		if ! command -v "$program" >/dev/null; then
			printf 'SKIP: %s is not installed\n' "$program" >&2
			exit 77
		fi
	done
}

pagewalk() {
	"$PAGEWALK" run --quiet --db "$DB" "$@"
}

# query SQL|NAME: one value or a CSV table of the newest run
query() {
	"$PAGEWALK" query --csv "$DB" "$1" | tail -n +2
}

counter() {
	query "select value from counters where name = '$1'"
}

# expect_same NAME NATIVE_STATUS STATUS: compares native.out with guest.out
expect_same() {
	cmp -s native.out guest.out || fail "$1: standard output differs ($(cmp native.out guest.out 2>&1))"
	[ "$2" = "$3" ] || fail "$1: exit status $3, natively $2"
}

# same NAME [pagewalk option...] -- PROGRAM ARGUMENT...: on every machine of $MACHINES. Standard
# input comes from the file `stdin` of the scratch directory where there is one.
same() {
	local name=$1 options=() native status machine input=/dev/null
	shift
	while [ "$1" != -- ]; do
		options+=("$1")
		shift
	done
	shift
	[ -e stdin ] && input=stdin
	"$@" <"$input" >native.out 2>native.err
	native=$?
	for machine in $MACHINES; do
		pagewalk --mmu "$machine" "${options[@]}" -- "$@" <"$input" >guest.out 2>guest.err
		status=$?
		expect_same "$name on $machine" "$native" "$status"
		[ "$native" = "$status" ] || tail -n 3 guest.err >&2
	done
}

# expect_status NAME STATUS PATTERN COMMAND...: exit status (or several, as 1|2), and what stderr
# must say; standard output stays in guest.out
expect_status() {
	local name=$1 wanted=$2 pattern=$3 status
	shift 3
	"$@" >guest.out 2>guest.err
	status=$?
	[[ $status =~ ^($wanted)$ ]] || fail "$name: exit status $status, wanted $wanted"
	[ -z "$pattern" ] || grep -qE -- "$pattern" guest.err || fail "$name: stderr lacks '$pattern': $(head -c 400 guest.err)"
}

# expect_output NAME TEXT: what the last command left in guest.out
expect_output() {
	[ "$(cat guest.out)" = "$2" ] || fail "$1: standard output is '$(head -c 200 guest.out)', wanted '$2'"
}

finish() {
	if [ "$failures" != 0 ]; then
		printf '%s failed\n' "$failures" >&2
		exit 1
	fi
	exit 0
}
