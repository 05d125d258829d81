#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Thrashing: sqlite3 with a quarter of the memory that it touches against the same with ample memory, in
# the host's processor time for each instruction of the guest, the least of five rounds. The target of
# the project: at least 0.3 of the speed. Exits with 1 below that.
#
#	bench/thrash.sh [POLICY...]     (two-list)
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
PAGEWALK=${PAGEWALK:-build/release/pagewalk}
export PAGEWALK_CONFIG_DIR=$PWD/configs
readonly PROGRAM=(sqlite3 :memory: 'create table t as select value as a, value * 7919 % 100003 as b from generate_series(1, 20000);
	create index i on t (b); select sum(a) from (select a from t order by b limit 10000); select count(distinct b % 1000) from t')

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

value() {
	sqlite3 "$scratch/run.db" "select value from counters where name = '$1'"
}

# run OPTION...: $nanoseconds of the host for a thousand instructions, into $least where it is less
run() {
	local seconds instructions
	rm -f "$scratch/run.db"
	TIMEFORMAT='%U %S'
	{ time "$PAGEWALK" run -q --clean-env --clock-start 1700000000 --db "$scratch/run.db" "$@" -- "${PROGRAM[@]}" \
		>"$scratch/out" 2>"$scratch/err"; } 2>"$scratch/time"
	read -r user system <"$scratch/time"
	instructions=$(sqlite3 "$scratch/run.db" 'select instructions from run')
	nanoseconds=$(awk "BEGIN { printf \"%d\", ($user + $system) * 1e12 / $instructions }")
}

run
frames=$(($(value kernel.frames_total) - $(value kernel.frames_free)))
policies=("$@")
[ ${#policies[@]} -gt 0 ] || policies=(two-list)
status=0
printf '%-24s %12s %12s %14s %8s\n' policy 'ample ns/ki' '1/4 ns/ki' 'major faults' 'speed'
for policy in "${policies[@]}"; do
	ample=0 quarter=0
	for _ in 1 2 3 4 5; do
		run --policy "$policy"
		[ "$ample" != 0 ] && [ "$ample" -lt "$nanoseconds" ] || ample=$nanoseconds
		run --policy "$policy" --ram $((frames / 4 * 4))K --swap 64M
		[ "$quarter" != 0 ] && [ "$quarter" -lt "$nanoseconds" ] || quarter=$nanoseconds
	done
	speed=$(awk "BEGIN { printf \"%.2f\", $ample / $quarter }")
	printf '%-24s %12s %12s %14s %8s\n' "$policy" "$ample" "$quarter" "$(value kernel.faults_major)" "$speed"
	awk "BEGIN { exit !($speed < 0.3) }" && status=1
done
exit $status
