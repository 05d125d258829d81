#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A replay equals the live run, on the machine that was recorded and on others, row by row, for one
# guest of each kind; replay_equal_slow.sh has all kinds on all designs.
. "$(dirname "$0")/lib_equal.sh"
need busybox sqlite3 gzip
busybox=$(command -v busybox)

equal "busybox" "skylake hashed-toy inverted-hash sparc-8k-radix" -- "$busybox" sha256sum /etc/passwd
equal "sqlite" "textbook elastic-cuckoo ultrasparc" -- sqlite3 :memory: 'select sum(value * 7) from generate_series(1, 300)'
equal "pipeline" "skylake inverted-hash ppc604" -- sh -c 'echo b a | tr " " "\n" | sort; (sleep 0; echo x) & wait'
equal "huge pages" "skylake zen4" --thp always -- "$busybox" sha256sum /etc/passwd
equal "little memory" "skylake hashed-toy" --ram 1M --swap 32M --policy clock -- sqlite3 :memory: 'select sum(value * 7) from generate_series(1, 300)'
RECORD="--events all --window 20000:60000" equal "all events" "skylake mips-r3000-ultrix" -- "$busybox" sha256sum /etc/passwd

# With --pc instructions are as live; without, there are none. (Live, an instruction that faults is looked for among
# those of its block that touch the page; the trace knows. Here no two do.)
instructions() {
	sqlite3 "$1" 'select asid, pc, misses, walks, walk_cycles, faults, fault_cycles from instruction where run = (select max(id) from run) order by 1, 2'
}
rm -f live.db replay.db
for machine in skylake textbook; do
	"$PAGEWALK" run -q --mmu $machine --db live.db --clock-start 1700000000 --pc --trace pc.trace -- sqlite3 :memory: 'select 1' >/dev/null || fail "recording with --pc"
	"$PAGEWALK" replay -q --mmu $machine --db replay.db pc.trace || fail "replay with --pc"
	[ "$(instructions live.db | wc -l)" -gt 200 ] || fail "hardly any instructions on $machine"
	cmp <(instructions live.db) <(instructions replay.db) || fail "instructions on $machine"
done
"$PAGEWALK" replay -q --db replay.db t.trace || fail "replay without --pc"
[ "$(instructions replay.db | wc -l)" = 0 ] || fail "instructions of a trace that has none"

# What does not fit is found, named with its place, and does not keep others from going on.
rm -f other.db
"$PAGEWALK" run -q --mmu skylake --db other.db --trace narrow.trace -- "$busybox" true
rm -f other.db
expect_status "narrow" 125 '^pagewalk: sv32: narrow.trace: frame at offset [0-9]+: .* the addresses of machine sv32 end at 0x100000000, the trace.s at 0x7ffffffff000' \
	"$PAGEWALK" replay -q --mmu sv32 --mmu skylake --db other.db narrow.trace
[ "$(sqlite3 other.db 'select group_concat(status) from run')" = stopped,finished ] || fail "narrow: the other machine"
expect_status "too small" 125 '^pagewalk: t.trace: frame at offset [0-9]+: ' "$PAGEWALK" replay -q --mmu skylake --ram 128K --db other.db t.trace
finish
