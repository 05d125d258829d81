#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The manual page names every command and option that --help names, and no others (but valgrind's).
set -euo pipefail
[ -n "${PAGEWALK:-}" ] || exit 77
manual=$(dirname "${BASH_SOURCE[0]}")/../../docs/pagewalk.1
offences=0
offend()
{
	printf '%s\n' "$*"
	offences=$((offences + 1))
}

commands=$("$PAGEWALK" --help | awk '/^  [a-z]+ / && $1 != "pagewalk" { print $1 }')
[ "$(wc -w <<<"$commands")" -ge 5 ] || offend "--help lists hardly any commands"
helped=$(for command in $commands; do "$PAGEWALK" "$command" --help; done |
	grep -oE '^ +(-[a-zA-Z?], )?--[a-z][a-z-]*' | grep -oE -- '--[a-z-]+' | grep -vxE -- '--(help|usage)' | sort -u)
described=$(grep -v '^\.BR "valgrind ' "$manual" | sed 's/\\-/-/g' | grep -oE -- '--[a-z][a-z-]*' | grep -vxE -- '--(help|version)' | sort -u)
for command in $commands; do
	grep -q "^\.SS \"pagewalk $command\"" "$manual" || offend "the manual lacks the command $command"
done
while IFS= read -r difference; do
	offend "only in --help (<) or in the manual (>): $difference"
done < <(diff <(echo "$helped") <(echo "$described") | grep '^[<>]')
[ "$(wc -l <<<"$helped")" -ge 20 ] || offend "--help lists hardly any options"
[ "$offences" -eq 0 ]
