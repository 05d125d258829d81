#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Compiles each header alone, so that none depends on what its includers happened to include
# before it. Checks itself first on a header that must fail.
set -euo pipefail

readonly FLAGS=(-std=gnu11 -D_GNU_SOURCE -DPAGEWALK_CHECKED=1 -fsyntax-only -x c -I. -Wall -Wextra
	-Wpedantic -Wshadow -Wstrict-prototypes -Werror)

# -x c and not c-header: the header is then the file itself, which #pragma once complains about,
# so it is included from an empty file instead.
compiles_alone()
{
	# shellcheck disable=SC2086	# several flags
	printf '#include "%s"\n' "$1" | "${CC:-cc}" "${FLAGS[@]}" $includes -
}

self_check()
{
	local scratch

	scratch=$(mktemp -d "${PAGEWALK_TEST_TMP:-${TMPDIR:-/tmp}}/headers.XXXXXX")
	printf 'uint64_t f(void);\n' >"$scratch/bad.h"
	printf '#include <stdint.h>\nuint64_t f(void);\n' >"$scratch/good.h"
	if compiles_alone "$scratch/bad.h" 2>/dev/null; then
		printf 'headers.sh did not notice a header that does not compile alone\n'
		exit 1
	fi
	compiles_alone "$scratch/good.h"
	rm -r "$scratch"
}

cd "$(dirname "${BASH_SOURCE[0]}")/../.."
includes=$(pkg-config --cflags capstone libcyaml cmocka 2>/dev/null || true)
self_check
failed=0 count=0
while IFS= read -r header; do
	count=$((count + 1))
	compiles_alone "$header" || { printf 'does not compile alone: %s\n' "$header"; failed=1; }
done < <(find mmu emu traces analysis configs cli tests bench -name '*.h' 2>/dev/null | sort)
printf '%d headers\n' "$count"
exit "$failed"
