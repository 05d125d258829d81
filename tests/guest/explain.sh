#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# `pagewalk explain` on real programs, and the drawings and differences of `pagewalk config`.
. "$(dirname "$0")/lib.sh"
need busybox
busybox=$(command -v busybox)

explain() {
	"$PAGEWALK" explain "$@"
}

# holds NAME PATTERN: what guest.out must say
holds() {
	grep -qE -- "$2" guest.out || {
		fail "$1: nothing matches '$2'"
		head -n 40 guest.out >&2
	}
}

# A page of code that the record says was fetched from most.
expect_status "limit" 0 '' pagewalk --limit 20000 -- "$busybox" true
hot=$(query "select printf('0x%x', vpn * 4096) from page where run = (select max(id) from run) order by fetches desc limit 1")
explain --access fetch --after 20000 "$hot" -- "$busybox" true >guest.out || fail "explain: status $?"
holds "walk" "after 20[0-9]{3} instructions: fetch of $hot"
holds "walk" '\| index, level 3 *\| index, level 2 '
holds "walk" 'l1\.i4k, page of 4 KiB: set [0-9]+ of 16, 8 ways: way [0-9], .* ASID 1, r-x user'
holds "walk" 'level 0: 8 bytes at 0x[0-9a-f]+, from (l1d|l2|llc|memory)'
holds "walk" "leaf: $hot -> 0x[0-9a-f]+, 4 KiB, r-x user"
holds "walk" 'Physical address 0x[0-9a-f]+000'
holds "mapping" 'In the mapping 0x[0-9a-f]+-0x[0-9a-f]+ r-x .*busybox'

# A store to a read-only page, and an address where nothing is: told as faults, not made.
explain --access write --after 20000 "$hot" -- "$busybox" true >guest.out
holds "write" 'present, but this access is not allowed'
holds "write" 'SIGSEGV: the mapping does not allow this'
explain --after 20000 0x123456789000 -- "$busybox" true >guest.out
holds "absent" 'In no mapping of the program; below it 0x'
holds "absent" 'error code 0x4 \(not present, read, U/S: user\)'
holds "absent" 'SIGSEGV: nothing is mapped there'

# Every machine that can run it can be explained; the answer is where the access goes.
for machine in $MACHINES hashed-toy; do
	explain --mmu "$machine" --access fetch --after 20000 "$hot" -- "$busybox" true >guest.out || fail "$machine: status $?"
	holds "$machine" 'Physical address 0x[0-9a-f]+000'
done

# Machines refilled by software. Where something is: the handlers of tables in virtual memory, what
# bounded tables hold. Where nothing is: those of bounded tables, too, and the table behind.
nowhere=0x12345000
for machine in mips-r3000-ultrix mips-r3000-mach intel-jm ppc604 ultrasparc itanium itanium-long; do
	explain --mmu "$machine" --access fetch --after 20000 "$hot" -- "$busybox" true >guest.out || fail "$machine: status $?"
	holds "$machine" 'Physical address 0x[0-9a-f]+000'
	holds "$machine" "^  leaf: 0x[0-9a-f]+ -> "
	case $machine in
	mips-*) holds "$machine" '^  software handler: trap and 10 instructions' ;;
	ultrasparc) holds "$machine" '^  software handler: trap and 12 instructions' ;;
	esac
	case $machine in
	mips-*) holds "$machine" '^      software handler for table addresses: trap and 20 instructions' ;;
	itanium) holds "$machine" '^      software handler for table addresses: trap and 60 instructions' ;;
	esac
	[ "$machine" != mips-r3000-mach ] || holds "$machine" '^          software handler for table addresses: trap and 500 instructions'
	explain --mmu "$machine" --access fetch --after 20000 $nowhere -- "$busybox" true >guest.out || fail "$machine: status $?"
	holds "$machine" 'Fault: not present'
	case $machine in
	ppc604) holds "$machine" '^  software handler: trap and 100 instructions' ;;
	ultrasparc) holds "$machine" '^  the handler goes on: 40 instructions' ;;
	itanium-long) holds "$machine" '^  software handler: trap and 50 instructions' ;;
	*) continue ;;
	esac
	holds "$machine" "^  translate $nowhere of ASID 1 in the radix table"
	holds "$machine" '^      fault at level [0-9]: not present'
done

# Without --after the program runs to its end first, and its output comes first.
explain "$hot" -- "$busybox" echo hello >guest.out 2>guest.err
[ "$(head -n 1 guest.out)" = hello ] || fail "the program's output does not come first: $(head -n 1 guest.out)"

# Without a program: the arithmetic.
explain 0xdeadbeef >guest.out
holds "sizes" '2\^52 entries x 8 B = 32 PiB'
explain --page-size 2G 0xdeadbeef >guest.out
holds "page size" 'pages of 2 GiB'

# Mistakes.
expect_status "no address" 2 'which address' "$PAGEWALK" explain
expect_status "not an address" 2 "an address is a number" "$PAGEWALK" explain main -- "$busybox" true
expect_status "after nothing" 2 'needs a program' "$PAGEWALK" explain --after 5 0x400000
expect_status "access" 2 'read, write or fetch' "$PAGEWALK" explain --access jump 0x400000
expect_status "used" 2 'FIRST-LAST' "$PAGEWALK" explain --used 5-1 0x400000
expect_status "no program" 127 'not found|No such' "$PAGEWALK" explain 0x400000 -- /no/such/program

# config: the tree, and the difference of two machines.
"$PAGEWALK" config show skylake --tree >guest.out
holds "tree" 'miss: TLB l2'
holds "tree" 'miss: memory: [0-9]+ cycles'
"$PAGEWALK" config diff skylake skylake >guest.out || fail "a machine differs from itself"
[ -s guest.out ] && fail "a machine differs from itself: $(head -n 1 guest.out)"
"$PAGEWALK" config diff --set cpi=3 skylake skylake >guest.out || fail "--set must change both"
sed 's/entries: 1536/entries: 3072/' "$PAGEWALK_CONFIG_DIR/skylake.yaml" >other.yaml
cp "$PAGEWALK_CONFIG_DIR"/x86-64.yaml .
expect_status "diff" 1 '' "$PAGEWALK" config diff skylake ./other.yaml
[ "$(cat guest.out)" = 'tlb.l2.shared.entries: 1536 -> 3072' ] || fail "diff: $(head -n 3 guest.out)"
expect_status "diff of one" 2 'two machines' "$PAGEWALK" config diff skylake
expect_status "tree and diff" 2 '--tree' "$PAGEWALK" config diff skylake zen4 --tree
finish
