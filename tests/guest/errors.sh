#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What goes wrong says so, with the right exit status, and leaves what was there.
. "$(dirname "$0")/lib.sh"
need gcc
mkdir -p directory
rm -f fifo && mkfifo fifo && chmod +x fifo
printf 'int main(void) { return 0; }' >empty.c
printf '#!/no/such/interpreter\n' >script && chmod +x script
printf 'neither\n' >plain
cp plain plain-x && chmod +x plain-x
cp /bin/true unreadable && chmod 0111 unreadable
gcc -o other empty.c
# e_machine 183 is AArch64; the class byte 1 is 32 bits.
cp other arm && printf '\267\000' | dd of=arm bs=1 seek=18 conv=notrunc 2>/dev/null
cp other bits32 && printf '\001' | dd of=bits32 bs=1 seek=4 conv=notrunc 2>/dev/null
head -c 100 other >truncated && chmod +x truncated
gcc -Wl,--dynamic-linker=/no/such/ld.so -o nointerp empty.c

expect_status "no program" 127 'nonesuch.*not found|nonesuch: ' pagewalk -- nonesuch
expect_status "no such path" 127 'none/such' pagewalk -- ./none/such
expect_status "directory" 126 'directory' pagewalk -- ./directory
expect_status "not executable" 126 'plain' pagewalk -- ./plain
expect_status "not ELF" 126 'plain-x' pagewalk -- ./plain-x
expect_status "wrong architecture" 126 'AArch64|architecture' pagewalk -- ./arm
expect_status "32 bits" 126 '32' pagewalk -- ./bits32
expect_status "truncated" 126 'truncated' pagewalk -- ./truncated
# Linux says ENOENT for these two, but the program itself was found: 126.
expect_status "no interpreter" 127 '/no/such/ld.so' pagewalk -- ./nointerp
expect_status "script without interpreter" 127 '/no/such/interpreter|script' pagewalk -- ./script
head -c 100000 /dev/urandom >noise && chmod +x noise
{ head -c 64 other && head -c 5000 /dev/urandom; } >noisy && chmod +x noisy
for program in ./fifo ./noise ./noisy ./noarguments /dev/null /dev/zero; do
	expect_status "$program" '126|127' "pagewalk: $program: " timeout 20 "$PAGEWALK" run -q --db "$DB" -- $program
done
expect_status "no name" 127 'not found' pagewalk -- ''
if [ "$(id -u)" != 0 ]; then
	expect_status "unreadable" 126 'unreadable' pagewalk -- ./unreadable
fi

expect_status "no arguments" 2 'usage|Usage|which program' "$PAGEWALK" run
expect_status "unmeasured trace" 2 'no-measure' pagewalk --trace t.trace --no-measure -- /bin/true
expect_status "bad clock" 2 "seconds or a date" pagewalk --clock-start 2026-02-30 -- /bin/true
expect_status "clock beyond 2262" 2 "seconds or a date" pagewalk --clock-start 9999-12-31 -- /bin/true
expect_status "bad variable" 2 "K=V" pagewalk --env =x -- /bin/true
expect_status "bad processors" 2 "1 to 1024" pagewalk --guest-cpus 4294967297 -- /bin/true
expect_status "no directory to write" 125 'nowhere' pagewalk --write nowhere -- /bin/true
expect_status "bad field" 125 'tlb.l2.shared.nothing' pagewalk --set tlb.l2.shared.nothing=1 -- /bin/true
expect_status "no such command" 2 'no such command' "$PAGEWALK" walk
expect_status "unknown option" 2 'unrecognized' pagewalk --frobnicate -- /bin/true
expect_status "bad size" 2 "size.*'lots'" pagewalk --ram lots -- /bin/true
expect_status "bad detail" 2 "none, summary, misses or all" pagewalk --events some -- /bin/true
expect_status "bad window" 2 "FROM:TO" pagewalk --window 9:3 -- /bin/true
expect_status "no machine" 125 'nomachine' pagewalk --mmu nomachine -- /bin/true
printf 'base: skylake\ntlb:\n  l2:\n    shared: {ways: 7}\n' >bad.yaml
expect_status "bad machine" 125 'bad.yaml:4: tlb.l2.shared.ways' pagewalk --mmu ./bad.yaml -- /bin/true
printf 'base: skylake\ntlbs: 3\n' >bad.yaml
expect_status "unknown key" 125 'bad.yaml:2: .*tlbs' pagewalk --mmu ./bad.yaml -- /bin/true
expect_status "config check" 125 'bad.yaml:2' "$PAGEWALK" config check bad.yaml

finish
