#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# One program on every machine, as a table in Markdown; with --update it replaces the one in
# docs/machines.md. Modelled figures only: they do not depend on the computer that runs this, but on
# the versions of the program and of its libraries.
#
#	bench/machines.sh [--update] [MACHINE...]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
PAGEWALK=${PAGEWALK:-build/release/pagewalk}
export PAGEWALK_CONFIG_DIR=$PWD/configs

update=false
if [ "${1:-}" = --update ]; then
	update=true
	shift
fi

# 6.4 MB of numbers, 1,600 pages, read at random: more than most second-level TLBs reach.
readonly SCRIPT='local n, t, x, sum = 400000, {}, 1, 0
for i = 1, n do t[i] = i end
for i = 1, 300000 do x = (x * 1103515245 + 12345) % 2147483648 sum = sum + t[(x >> 8) % n + 1] end
print(sum)'

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
db=$scratch/machines.db
lua5.4 -e "$SCRIPT" >"$scratch/native"

machines=("$@")
[ ${#machines[@]} -gt 0 ] || mapfile -t machines < <("$PAGEWALK" config list | awk '{ print $1 }')
missing=()
for machine in "${machines[@]}"; do
	if ! "$PAGEWALK" run -q --clean-env --clock-start 1700000000 --db "$db" --label "$machine" \
		--mmu "$machine" -- lua5.4 -e "$SCRIPT" >"$scratch/out" 2>"$scratch/err"; then
		missing+=("$machine: $(head -n 1 "$scratch/err")")
	elif ! cmp -s "$scratch/native" "$scratch/out"; then
		printf '%s: output differs from the native run\n' "$machine" >&2
		exit 1
	fi
done

table()
{
	printf '| machine | format | MPKI, first level | walks per 1000 instructions | references per walk | translation cycles per instruction | table bytes, peak |\n'
	printf '|---|---|--:|--:|--:|--:|--:|\n'
	"$PAGEWALK" query --csv "$db" "
		select r.label, r.page_table,
			printf('%.3f', (select sum(t.misses) * 1000.0 / r.instructions from tlb_levels t where t.run = r.id and t.level =
				(select level from tlb_levels where run = r.id limit 1))) as mpki,
			printf('%.3f', w.walks * 1000.0 / r.instructions) as walks,
			printf('%.2f', 1.0 * w.refs / w.walks) as refs,
			printf('%.3f', 1.0 * c.translation / r.instructions) as cycles,
			p.peak_bytes
		from run r join walks w on w.run = r.id join cycle_parts c on c.run = r.id
		join page_tables p on p.run = r.id where r.status = 'finished' and r.exit_status = 0 order by r.label" |
		tail -n +2 | sed 's/^/| /; s/,/ | /g; s/$/ |/'
	for line in "${missing[@]}"; do
		printf '\n%s\n' "$line"
	done
}

table >"$scratch/table.md"
if ! $update; then
	cat "$scratch/table.md"
	exit 0
fi
awk -v table="$scratch/table.md" '
	/<!-- table: end -->/ { skip = 0 }
	!skip { print }
	/<!-- table: begin -->/ { skip = 1; while ((getline line < table) > 0) print line }
' docs/machines.md >"$scratch/machines.md"
cp "$scratch/machines.md" docs/machines.md
