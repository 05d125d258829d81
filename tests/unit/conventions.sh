#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What a reviewer would say about any file: it names its licence at the top, has no trailing
# blanks, ends with a newline, and scripts can be executed.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

offences=0
offend()
{
	printf '%s\n' "$*"
	offences=$((offences + 1))
}

sources()
{
	find . \( -path ./.git -o -path ./build -o -path ./tests/fuzz/corpus \) -prune -o -type f \
		\( -name '*.[chS]' -o -name '*.cc' -o -name '*.cpp' -o -name '*.def' -o -name '*.sql' \
		-o -name '*.yaml' -o -name '*.sh' -o -name '*.cmake' -o -name CMakeLists.txt \
		-o -name '*.py' -o -path './script/*' -o -path './.ci/*' \) -print
}

while IFS= read -r file; do
	head -n 3 "$file" | grep -q 'SPDX-License-Identifier: GPL-2.0-or-later' ||
		offend "$file: no SPDX line among the first three"
	! grep -nE '[[:blank:]]+$' "$file" /dev/null | head -n 3 | grep . ||
		offend "$file: blanks at the end of a line"
	[ ! -s "$file" ] || [ -z "$(tail -c 1 "$file")" ] || offend "$file: no newline at its end"
done < <(sources)
for file in script/* .ci/*; do
	[ -x "$file" ] || offend "$file: cannot be executed"
done
[ "$offences" -eq 0 ]
