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

# --- and back: what lackey wrote comes out again, but for an M, which is a load and a store
awk '/^I  / || /^ [LS] / { print } /^ M / { print " L " $2; print " S " $2 }' strides.lackey >plain.lackey
for trace in strides.trace other.trace; do
	"$PAGEWALK" export -q --to lackey "$trace" | cmp - plain.lackey || fail "lackey to $trace to lackey"
done
"$PAGEWALK" export -q --to din strides.trace -o strides.din
"$PAGEWALK" import -q strides.din -o other.trace || fail "import of din"
replay other.trace && figures | cmp -s - expected.txt || fail "din: another trace than of lackey's output"
awk '{ print $1, $2, "comment" }' strides.din >words.din
"$PAGEWALK" import words.din -o other.trace 2>guest.err || fail "import of din without sizes"
equal "din without sizes" "$(sed -n 's/^pagewalk: words.din: din: //p' guest.err)" \
	"$(grep -c '^0' words.din) loads, $(grep -c '^1' words.din) stores, $(grep -c '^2' words.din) instructions"

# ChampSim has no sizes: what is left is held to the simulator.
"$PAGEWALK" export -q --to champsim strides.trace -o strides.champsim
equal "ChampSim's records" "$(stat -c %s strides.champsim)" $((64 * $(grep -c '^I' plain.lackey)))
xz -0f strides.champsim
"$PAGEWALK" import strides.champsim.xz -o other.trace 2>guest.err || fail "import of ChampSim's format"
equal "ChampSim" "$(cat guest.err)" "pagewalk: strides.champsim.xz: champsim: $(grep -c '^ L' plain.lackey) loads, \
$(grep -c '^ S' plain.lackey) stores, $(grep -c '^I' plain.lackey) instructions"
"$PAGEWALK" export -q --to lackey other.trace | /usr/bin/python3 "$here/lru.py" 16/16 64/64 >lru.txt
replay other.trace --mmu textbook --thp never --set tlb.l1.i.entries=16
equal "ChampSim: data misses" "$(counter tlb.l1.data.misses)" $(($(simulated data_misses) + $(simulated data_first)))
equal "ChampSim: instruction misses" "$(counter tlb.l1.instruction.misses)" \
	$(($(simulated instruction_misses) + $(simulated instruction_first)))

# What perf 6.1 wrote for perf record -d -e page-faults.
printf '          4a6270 ffffffff817554ea\n          4014f0           4014f0\n          4ab220           402871\n' |
	"$PAGEWALK" import -o other.trace 2>guest.err || fail "import of perf's output"
equal "perf" "$(tr '\n' ' ' <guest.err)" "pagewalk: standard input: perf: 2 loads, 0 stores, 2 instructions \
pagewalk: 1 samples or accesses of the kernel were left out "

# --- a recording of our own, through lackey's format: as many of all, and the same lookups for code
gcc -O1 -static -o hello "$here/programs/hello.c" || fail "compiling hello.c"
rm -f "$DB"
pagewalk --mmu textbook --trace hello.trace -- ./hello a >/dev/null # its status is the number of its arguments
"$PAGEWALK" export --to lackey hello.trace 2>guest.err | "$PAGEWALK" import -q - -o other.trace || fail "hello exported and imported"
for name in machine.instructions machine.loads machine.stores; do
	wanted=$(counter "$name")
	equal "hello: $name" "$("$PAGEWALK" replay -q --mmu textbook --db other.db other.trace; "$PAGEWALK" query --csv other.db \
		"select value from counters where name = '$name'" | tail -n 1)" "$wanted"
done

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

# --- nothing in it: a trace of nothing, and a warning that names the input, with -q too
: >empty
printf '==1== no access\n' >chatter.lackey
printf 'kind,address,size\n' >heading.csv
printf '          4a6270 ffffffff817554ea\n               0 ffffffff817554ea\n' >kernel.perf
gzip -kf empty
for file in lackey:empty lackey:empty.gz din:empty champsim:empty lackey:chatter.lackey csv:heading.csv perf:kernel.perf; do
	expect_status "$file" 0 "^pagewalk: warning: ${file#*:}: no access of a program is in it" import -q --from "${file%:*}" "${file#*:}"
	replay bad.trace || fail "$file: its trace cannot be replayed"
done
expect_status "all skipped" 0 '^pagewalk: warning: bad.lackey: no access' import --lenient --from csv bad.lackey
expect_status "an empty pipe" 0 '^pagewalk: warning: standard input: no access' import --from csv - < <(:)
expect_status "an empty pipe, guessed" 125 'standard input: is empty, so its format cannot be guessed' import - < <(:)
printf ' L 10,4\n' >one.lackey
expect_status "one load" 0 '' import -q one.lackey
[ ! -s guest.err ] || fail "one load: $(cat guest.err)"

head -c 3000 strides.lackey.gz >cut.gz
expect_status "cut gzip" 125 'cut.gz: cut off: its gzip data has no end' import cut.gz
head -c 3000 strides.lackey.xz >cut.xz
expect_status "cut xz" 125 'cut.xz: cut off: its xz data has no end' import cut.xz
printf '\037\213\010\0\0\0\0\0\0\003\007\007\007' >damaged.gz # a block of type 3, which there is none of
expect_status "damaged gzip" 125 'damaged.gz: its gzip data is damaged' import damaged.gz
expect_status "no file" 125 'none: cannot be read: No such file' import none
expect_status "a directory" 125 '/: Is a directory' import /
expect_status "cannot be written" 125 'none/t.trace: cannot be written' "$PAGEWALK" import bad.lackey -o none/t.trace
xz -dc strides.champsim.xz | head -c 100 >bad.champsim
expect_status "cut record" 125 "bad.champsim: record 2: it must be of 64 bytes, not cut off after 36" import --from champsim bad.champsim
expect_status "no such format to write" 125 "no export format is called 'csv'" "$PAGEWALK" export --to csv strides.trace
expect_status "not a trace" 125 'not a pagewalk trace' "$PAGEWALK" export --to din strides.lackey
expect_status "a full disk" 125 'cannot be written: No space left' "$PAGEWALK" export --to din strides.trace -o /dev/full
cp strides.trace same.trace
expect_status "onto itself" 125 'same.trace: is what is read' "$PAGEWALK" export --to din same.trace -o ./same.trace
cmp -s strides.trace same.trace || fail "an export destroys its trace"
expect_status "onto itself" 125 'bad.lackey: is what is read' "$PAGEWALK" import -l bad.lackey -o ./bad.lackey
[ "$(wc -l <bad.lackey)" = 2 ] || fail "an import destroys what it reads"
expect_status "no format to write" 2 'in which format' "$PAGEWALK" export strides.trace
expect_status "no output" 2 'into which trace' "$PAGEWALK" import bad.lackey
finish
