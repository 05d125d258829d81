#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Traces of other tools. The misses of a replay are those of an independent LRU simulation of the
# same text (lru.py), lookup by lookup, and of cachegrind, which ran the program by itself. What
# differs, and why:
#  - a page that is touched first faults, and the access is made again: one more lookup and miss for
#    each fault, on the side of the access. lru.py counts first touches, so that these are known too;
#  - cachegrind with lines of 4096 bytes counts an access to two lines as one miss at most: lru.py
#    counts both ways;
#  - the instruction side looks up once for each window of 64 bytes, lackey reports each instruction:
#    lookups differ, misses do not, as LRU is blind to repetitions.
# Lackey and cachegrind run the same program with the same addresses; valgrind's speculative second
# halves of blocks (--vex-guest-chase) are off, as both tools would count them.
. "$(dirname "$0")/lib.sh"
need valgrind gcc gzip xz awk /usr/bin/python3
here=$(dirname "$(readlink -f "$0")")
gcc -O1 -static -o strides "$here/programs/strides.c" || fail "compiling strides.c"
valgrind --tool=lackey --trace-mem=yes --vex-guest-chase=no --log-file=strides.lackey ./strides >/dev/null
"$PAGEWALK" import -q strides.lackey -o strides.trace || fail "import of lackey's output"

# replay TRACE [option...]: the only run of the database
replay() {
	local trace=$1
	shift
	rm -f "$DB"
	"$PAGEWALK" replay -q --db "$DB" "$@" "$trace"
}

equal() {
	[ "$2" = "$3" ] || fail "$1: $2, should be $3"
}

# simulated NAME: of the last run of lru.py
simulated() {
	awk -v name="$1" '$1 == name { print $2 }' lru.txt
}

# --- against the simulator: geometries as entries/ways, of the instruction and of the data side.
# Sets are 1, 2, 3, 4, 16: powers of two and not.
for geometry in "16/16 64/64" "1/1 1/1" "4/4 16/16" "8/2 64/4" "12/4 48/3" "6/2 12/4" "128/8 256/32" "16/1 64/1"; do
	# shellcheck disable=SC2086
	set -- $geometry
	/usr/bin/python3 "$here/lru.py" "$1" "$2" <strides.lackey >lru.txt
	replay strides.trace --mmu textbook --thp never --set "tlb.l1.i.entries=${1%/*}" --set "tlb.l1.i.ways=${1#*/}" \
		--set "tlb.l1.d.entries=${2%/*}" --set "tlb.l1.d.ways=${2#*/}" || fail "replay with $geometry"
	equal "$geometry: instruction misses" "$(counter tlb.l1.instruction.misses)" \
		$(($(simulated instruction_misses) + $(simulated instruction_first)))
	equal "$geometry: data misses" "$(counter tlb.l1.data.misses)" $(($(simulated data_misses) + $(simulated data_first)))
	equal "$geometry: fetch faults" "$(counter kernel.faults_fetch)" "$(simulated instruction_first)"
	equal "$geometry: data faults" $(($(counter kernel.faults_read) + $(counter kernel.faults_write))) "$(simulated data_first)"
	[ "$(simulated data_misses)" -gt 600 ] || fail "$geometry: hardly any misses: the test shows nothing"
	[ "$(simulated data_misses)" -gt "$(simulated data_accesses)" ] || fail "$geometry: nothing missed twice in an access"
done

# --- against cachegrind: size,associativity,line
cachegrind() {
	valgrind --tool=cachegrind --cache-sim=yes --vex-guest-chase=no --cachegrind-out-file=/dev/null --LL=2097152,16,4096 \
		--I1="$1" --D1="$2" ./strides 2>&1 >/dev/null | tr -d , >cachegrind.txt
}
misses_of() {
	awk -v side="$1" '$2 == side && $3 == "misses:" { print $4 }' cachegrind.txt
}
refs_of() {
	awk -v side="$1" '$2 == side && $3 == "refs:" { print $4 }' cachegrind.txt
}
for geometry in "16/16 64/64" "8/2 64/4" "128/8 512/32"; do
	# shellcheck disable=SC2086
	set -- $geometry
	/usr/bin/python3 "$here/lru.py" "$1" "$2" <strides.lackey >lru.txt
	cachegrind $((${1%/*} * 4096)),"${1#*/}",4096 $((${2%/*} * 4096)),"${2#*/}",4096
	equal "$geometry: cachegrind's instruction misses" "$(misses_of I1)" "$(simulated instruction_accesses)"
	equal "$geometry: cachegrind's data misses" "$(misses_of D1)" "$(simulated data_accesses)"
done
equal "instructions" "$(counter machine.instructions)" "$(refs_of I)"
# M is one access for cachegrind, two for us.
equal "accesses" $(($(counter machine.loads) + $(counter machine.stores) - $(grep -c '^ M' strides.lackey))) "$(refs_of D)"

# --- the same from compressed files, from a pipe, and as CSV
figures() {
	"$PAGEWALK" query --csv "$DB" counters
}
replay strides.trace && figures >expected.txt
gzip -kf strides.lackey
xz -0kf strides.lackey
awk -F'[ ,]+' 'BEGIN { print "kind,address,size" } /^I / { print "fetch,0x" $2 "," $3 } / [LSM] / { print $2 ",0x" $3 "," $4 }' \
	strides.lackey >strides.csv
for file in strides.lackey.gz strides.lackey.xz strides.csv; do
	"$PAGEWALK" import -q "$file" -o other.trace || fail "import of $file"
	replay other.trace && figures | cmp -s - expected.txt || fail "$file: another trace than of the plain file"
done
cat strides.lackey.gz strides.lackey.gz | "$PAGEWALK" import - -o twice.trace 2>guest.err || fail "import of two gzip members"
grep -q "standard input: lackey: .* $((2 * $(refs_of I))) instructions" guest.err || fail "of two gzip members: $(cat guest.err)"

# --- every machine takes it, or says that its addresses do not reach
for machine in $("$PAGEWALK" config list | awk '{ print $1 }'); do
	replay strides.trace --mmu "$machine" 2>guest.err ||
		grep -q "the addresses of machine $machine end at" guest.err || fail "$machine: $(cat guest.err)"
done
[ -s guest.err ] && fail "the last machine reaches: $(cat guest.err)"

# --- what is wrong is said with its place
import() {
	"$PAGEWALK" import "$@" -o bad.trace
}
printf ' L 10,4\n L 20,4x\n' >bad.lackey
expect_status "malformed" 125 "^pagewalk: bad.lackey: line 2: ' L 20,4x' must be I, L, S or M with" import bad.lackey
[ ! -e bad.trace ] || fail "a failed import leaves a trace"
expect_status "lenient" 0 '^pagewalk: 1 skipped, the first: bad.lackey: line 2:' import --lenient bad.lackey
expect_status "no such format" 125 "no trace format is called 'dinn'" import --from dinn bad.lackey
printf '\177ELF\0\0\0\0' >bad.bin
expect_status "unknown" 125 'bad.bin: looks like no trace format that is known' import bad.bin
head -c 3000 strides.lackey.gz >cut.gz
expect_status "cut gzip" 125 'cut.gz: cut off: its gzip data has no end' import cut.gz
head -c 3000 strides.lackey.xz >cut.xz
expect_status "cut xz" 125 'cut.xz: cut off: its xz data has no end' import cut.xz
printf '\037\213\010\0\0\0\0\0\0\003\007\007\007' >damaged.gz # a block of type 3, which there is none of
expect_status "damaged gzip" 125 'damaged.gz: its gzip data is damaged' import damaged.gz
expect_status "no file" 125 'none: cannot be read: No such file' import none
expect_status "a directory" 125 '/: Is a directory' import /
expect_status "cannot be written" 125 'none/t.trace: cannot be written' "$PAGEWALK" import bad.lackey -o none/t.trace
expect_status "no output" 2 'into which trace' "$PAGEWALK" import bad.lackey
finish
