#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Holds the folders to the layering: who may include whom, which folder owns which library, and
# that only cli/ ends the process or prints to standard output. The rules are the tables below.
# tests/ and bench/ may include anything.
#
#	layering.sh [ROOT]
#
# Before the real tree it judges a small tree in which each line that must be refused says so, and
# fails if it lets one through or refuses another: a check that cannot fail proves nothing.
set -euo pipefail

readonly FOLDERS='mmu emu/kernel emu/machine emu/linux emu/cpu traces analysis configs cli'

# Reads file names, prints "FILE:LINE: what is wrong" for each offence.
judge()
{
	awk '
	function rule(folder, may) { allowed[folder] = may }
	function owner(header, folders) { owners[header] = folders }
	BEGIN {
		# Project headers: folder, and the folders whose headers it may include.
		rule("mmu", "mmu")
		rule("emu/kernel", "mmu emu/kernel")
		rule("emu/machine", "mmu emu/kernel emu/machine")
		rule("emu/linux", "mmu emu/kernel emu/machine emu/linux")
		rule("emu/cpu", "mmu emu/kernel emu/machine emu/linux emu/cpu")
		rule("traces", "mmu emu/kernel emu/machine traces")
		rule("analysis", "mmu emu/kernel emu/machine analysis")
		rule("configs", "mmu emu/kernel emu/machine/config.h configs")
		rule("cli", "mmu emu/kernel emu/machine emu/linux emu/cpu traces analysis configs cli")

		# Libraries: a pattern of the header, and the folders that may include it.
		owner("^unicorn(/|\\.h)", "emu/cpu")
		owner("^capstone(/|\\.h)", "emu/cpu analysis")
		owner("^sqlite3", "analysis")
		owner("^(cyaml/|cyaml\\.h|yaml\\.h)", "configs")
		owner("^(zstd|zlib|lzma)", "traces")
		owner("^(elfutils/|dwarf\\.h|libelf\\.h|gelf\\.h)", "analysis")

		# mmu/ knows libc only, and of it nothing that prints.
		# emmintrin comes with the compiler: SSE2, which every x86-64 has.
		libc = " assert emmintrin errno inttypes limits math stdalign stdarg stdatomic stdbool stddef" \
		       " stdint stdlib stdnoreturn string strings sys/mman sys/types unistd "
	}
	function has(list, word) { return index(" " list " ", " " word " ") > 0 }
	function offend(why) { print FILENAME ":" FNR ": " why }

	function folder_of(path,    parts, n) {
		n = split(path, parts, "/")
		if (n > 2 && (parts[1] "/" parts[2]) in allowed) return parts[1] "/" parts[2]
		return n > 1 && parts[1] in allowed ? parts[1] : ""
	}

	# What the compiler sees of a line: no comments, no contents of strings.
	function code_of(line,    out, c, two, quote) {
		out = ""
		while (line != "") {
			c = substr(line, 1, 1)
			two = substr(line, 1, 2)
			if (in_comment) {
				if (two == "*/") { in_comment = 0; line = substr(line, 3) }
				else line = substr(line, 2)
			} else if (quote != "") {
				if (c == "\\") { line = substr(line, 3); continue }
				if (c == quote) { out = out c; quote = "" }
				line = substr(line, 2)
			} else if (two == "/*") { in_comment = 1; out = out " "; line = substr(line, 3)
			} else if (two == "//") break
			else {
				if (c == "\"" || c == "\047") quote = c
				out = out c
				line = substr(line, 2)
			}
		}
		return out
	}

	function judge_project_header(header,    target, list, n, i) {
		n = split(allowed[folder], list, " ")
		for (i = 1; i <= n; i++)
			if (header == list[i] || index(header, list[i] "/") == 1) return
		target = folder_of(header)
		if (target == "") offend("\"" header "\" is not written from the top of the tree")
		else offend(folder "/ may not include " target "/ (\"" header "\")")
	}

	function judge_system_header(header,    pattern, name) {
		for (pattern in owners)
			if (header ~ pattern && !has(owners[pattern], folder))
				offend("<" header "> belongs to " owners[pattern] ", not " folder "/")
		name = header
		sub(/\.h$/, "", name)
		if (folder == "mmu" && !has(libc, name))
			offend("mmu/ may include libc without stdio only, not <" header ">")
	}

	function judge_include(line,    header) {
		header = line
		sub(/^[ \t]*#[ \t]*include[ \t]*/, "", header)
		if (header ~ /^"[^"]+"/) {
			header = substr(header, 2)
			sub(/".*/, "", header)
			judge_project_header(header)
		} else if (header ~ /^<[^>]+>/) {
			header = substr(header, 2)
			sub(/>.*/, "", header)
			judge_system_header(header)
		} else offend("an include that names no file")
	}

	FNR == 1 { in_comment = 0; folder = folder_of(FILENAME) }
	FNR == 1 && folder == "" { offend("belongs to no folder of the layering") }
	folder == "" { next }
	{
		was_comment = in_comment
		code = code_of($0)
		if (!was_comment && code ~ /^[ \t]*#[ \t]*include/) { judge_include($0); next }
		if (folder == "cli") next
		if (code ~ /(^|[^A-Za-z0-9_.>])(exit|_exit|_Exit|quick_exit|abort)[ \t]*\(/)
			offend("only cli/ may end the process")
		if (code ~ /(^|[^A-Za-z0-9_.>])(printf|vprintf|puts|putchar|perror)[ \t]*\(/ ||
		    code ~ /(^|[^A-Za-z0-9_.>])stdout([^A-Za-z0-9_]|$)/)
			offend("only cli/ may print")
	}' "$@"
}

# Judges all C files under the current directory's folders.
judge_tree()
{
	local -a files
	local folder

	mapfile -d '' -t files < <(for folder in mmu emu traces analysis configs cli; do
		[ ! -d "$folder" ] || find "$folder" -name '*.[ch]' -print0 -o -name '*.def' -print0
	done)
	[ ${#files[@]} -eq 0 ] || judge "${files[@]}"
}

# PATH|code|BAD if it must be refused.
fixture()
{
	cat <<'END'
mmu/tlb.c|#include "mmu/tlb.h"|
mmu/tlb.c|#include <stdint.h>|
mmu/tlb.c|#include <stdio.h>|BAD
mmu/tlb.c|#include <sqlite3.h>|BAD
mmu/tlb.c|#include "tlb.h"|BAD
mmu/tlb.c|#include "../mmu/tlb.h"|BAD
mmu/tlb.c|#include "emu/kernel/kernel.h"|BAD
mmu/tlb.c|  #  include   "analysis/db.h"|BAD
mmu/tlb.c|#include HEADER|BAD
mmu/tlb.c|/* #include <stdio.h> */|
mmu/tlb.c|// printf("%d", 1);|
mmu/tlb.c|const char *s = "exit(1)";|
mmu/tlb.c|	exit(1);|BAD
mmu/tlb.c|	/* why */ abort();|BAD
mmu/tlb.c|	ops->exit(1);|
mmu/tlb.c|	table_exit(1);|
emu/kernel/fault.c|#include "mmu/mmu.h"|
emu/kernel/fault.c|#include "emu/machine/machine.h"|BAD
emu/kernel/fault.c|#include <unicorn/unicorn.h>|BAD
emu/machine/machine.c|#include "emu/kernel/kernel.h"|
emu/machine/machine.c|#include "traces/trace.h"|BAD
emu/linux/elf.c|#include <elf.h>|
emu/linux/elf.c|#include "emu/cpu/cpu.h"|BAD
emu/linux/elf.c|	fprintf(stdout, "x");|BAD
emu/linux/elf.c|	fprintf(stderr, "x");|
emu/linux/elf.c|	printf("x");|BAD
emu/cpu/cpu.c|#include <unicorn/unicorn.h>|
emu/cpu/cpu.c|#include <capstone/capstone.h>|
emu/cpu/cpu.c|#include <sqlite3.h>|BAD
emu/other.c|int x;|BAD
traces/replay.c|#include <zstd.h>|
traces/replay.c|#include "emu/machine/machine.h"|
traces/replay.c|#include "analysis/db.h"|BAD
traces/replay.c|#include "configs/loader.h"|BAD
analysis/db.c|#include <sqlite3.h>|
analysis/db.c|#include <capstone.h>|
analysis/db.c|#include <elfutils/libdwfl.h>|
analysis/db.c|#include "traces/trace.h"|BAD
analysis/db.c|#include <unicorn.h>|BAD
configs/loader.c|#include <cyaml/cyaml.h>|
configs/loader.c|#include "emu/kernel/config.h"|
configs/loader.c|#include "emu/machine/config.h"|
configs/loader.c|#include "emu/machine/machine.h"|BAD
cli/main.c|#include "configs/loader.h"|
cli/main.c|#include <yaml.h>|BAD
cli/main.c|#include <zstd.h>|BAD
cli/import.c|#include <lzma.h>|BAD
traces/import_input.c|#include <zlib.h>|
cli/main.c|	printf("x");|
cli/main.c|	exit(2);|
END
}

# Writes the fixture's tree, and the places that must be refused to expected.
write_fixture()
{
	local path code verdict

	fixture | while IFS='|' read -r path code verdict; do
		mkdir -p "$(dirname "$path")"
		printf '%s\n' "$code" >>"$path"
		[ -z "$verdict" ] || printf '%s:%d\n' "$path" "$(wc -l <"$path")" >>expected
	done
}

self_check()
{
	local scratch

	scratch=$(mktemp -d "${PAGEWALK_TEST_TMP:-${TMPDIR:-/tmp}}/layering.XXXXXX")
	(
		cd "$scratch"
		write_fixture
		judge_tree | cut -d: -f1,2 | sort -u >refused
		sort -u expected | diff - refused >difference
	) || {
		printf 'layering.sh does not tell right from wrong (< missed, > refused for nothing):\n'
		cat "$scratch/difference"
		exit 1
	}
	rm -r "$scratch"
}

root=${1:-$(dirname "${BASH_SOURCE[0]}")/../..}
self_check
cd "$root"
for folder in $FOLDERS; do
	[ -d "$folder" ] || printf 'note: there is no %s/ yet\n' "$folder"
done
offences=$(judge_tree)
if [ -n "$offences" ]; then
	printf '%s\n' "$offences"
	exit 1
fi
