#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# mmu/ is a library for other people's simulators: it must build and install without anything else
# of this tree, and a stranger must be able to compile against each installed header and link the
# whole archive with what pkg-config says, and nothing more.
set -euo pipefail

readonly source=${PAGEWALK_SOURCE_DIR:?} scratch=${PAGEWALK_TEST_TMP:?}
readonly prefix=$scratch/prefix

compgen -G "$source/mmu/*.c" >/dev/null || { printf 'mmu/ has no C file yet\n'; exit 77; }

rm -rf "$scratch/build" "$prefix" "$scratch/moved"
cmake -S "$source" -B "$scratch/build" -G Ninja -DCMAKE_BUILD_TYPE=Release -DPAGEWALK_MMU_ONLY=ON \
	-DCMAKE_C_COMPILER="${CC:-cc}" -DCMAKE_INSTALL_PREFIX=/somewhere/else >"$scratch/log"
cmake --build "$scratch/build" >>"$scratch/log" || { cat "$scratch/log"; exit 1; }
cmake --install "$scratch/build" --prefix "$prefix" >>"$scratch/log"

# A tree that was moved after installing has to work too.
mv "$prefix" "$scratch/moved"
pc=$(find "$scratch/moved" -name pagewalk-mmu.pc)
PKG_CONFIG_PATH=$(dirname "$pc")
export PKG_CONFIG_PATH
{
	(cd "$scratch/moved/include/pagewalk" && find mmu -name '*.h' -printf '#include "%p"\n' | sort)
	printf 'int main(void)\n{\n\treturn 0;\n}\n'
} >"$scratch/stranger.c"
cd "$scratch"
read -r -a cflags < <(pkg-config --cflags pagewalk-mmu)
read -r -a libs < <(pkg-config --libs pagewalk-mmu)
for lto in -flto -fno-lto; do
	"${CC:-cc}" -std=gnu11 "$lto" -Wall -Wextra -Werror stranger.c -o stranger "${cflags[@]}" \
		-Wl,--whole-archive "${libs[@]}" -Wl,--no-whole-archive
	./stranger
done
rm -rf "$scratch/build" "$scratch/moved"
