#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A replay equals the live run for every kind of guest on every kind of design, row by row.
. "$(dirname "$0")/lib_equal.sh"
need gcc busybox sqlite3 lua5.4 perl /usr/bin/python3 gzip xz openssl git
busybox=$(command -v busybox)
sources=$(dirname "$(readlink -f "$0")")/programs
for program in processes threads; do
	gcc -O1 -pthread -o $program "$sources/$program.c" || fail "compiling $program.c"
done
for program in mappings signals; do
	gcc -O1 -static -o $program "$sources/$program.c" || fail "compiling $program.c"
done
seq 1 400 | sort -R --random-source=/etc/passwd >lines

designs="skylake zen4 textbook no-tlb armv8 riscv-sv48 hashed-toy hashed-open clustered pa-risc elastic-cuckoo inverted-hash
	inverted-hash-chain ppc604 ultrasparc sparc-8k-radix itanium mips-r3000-ultrix sv32 x86-32-pae flat32 pom-tlb rmm direct-segment prefetch-distance"
designs=$(tr -s '\n\t' ' ' <<<"$designs")

equal "busybox" "$designs" -- "$busybox" sort -n lines
equal "coreutils" "$designs" -- sort -rn lines
equal "sqlite" "$designs" -- sqlite3 :memory: 'select sum(value * value) from generate_series(1,1000)'
equal "lua" "$designs" -- lua5.4 -e 'local t = {} for i = 1, 400 do t[i] = i * 7919 % 1009 end table.sort(t) print(t[1])'
equal "python3" "skylake hashed-toy inverted-hash ultrasparc" -- /usr/bin/python3 -I -S -c 'print(sorted(str(i * 7919 % 1009) for i in range(200))[:5])'
equal "perl" "skylake elastic-cuckoo ppc604" -- perl -e 'my %h; $h{$_ % 97} += $_ for 1..2000; print scalar(keys %h), "\n"'
equal "gzip" "$designs" -- gzip -c lines
equal "xz, threads" "skylake textbook hashed-open inverted-hash" -- xz -T2 -0 -c lines
equal "openssl" "skylake itanium" -- openssl dgst -sha256 lines
equal "git" "skylake clustered" -- git hash-object lines
equal "pipeline" "$designs" -- sh -c 'sort lines | head -3; (sleep 0; echo $((3 * 4))) & wait'
equal "processes" "$designs" -- ./processes groups
equal "threads" "$designs" -- ./threads mutex
for case in remap shared file protect selfmodify crossing; do
	equal "mappings $case" "skylake hashed-toy inverted-hash inverted-hash-chain ppc604 elastic-cuckoo" -- ./mappings $case
done
for case in restart altstack segv-null nested; do
	equal "signals $case" "skylake elastic-cuckoo ppc604" -- ./signals $case
done
for policy in fifo random lru clock enhanced-second-chance aging two-list clock-pro; do
	equal "little memory, $policy" "skylake hashed-toy inverted-hash" --ram 1200K --swap 64M --policy $policy -- "$busybox" sort lines
	equal "little memory, processes, $policy" "skylake textbook" --ram 2M --swap 64M --policy $policy -- sh -c 'sort lines | head -3; echo $(seq 1 5)'
done
for mode in madvise always; do
	equal "huge pages, $mode" "skylake zen4 riscv-sv48 elastic-cuckoo rmm direct-segment" --thp $mode -- /usr/bin/python3 -I -S -c 'print(len([0] * 600000))'
done
equal "huge pages in little memory" "skylake zen4" --thp always --ram 8M --swap 64M -- /usr/bin/python3 -I -S -c 'print(len([0] * 600000))'
RECORD="--events all --window 50000:90000" equal "all events" "$designs" -- "$busybox" sort -n lines
finish
