#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Interpreters running scripts: python3, lua, perl.
. "$(dirname "$0")/lib.sh"
need /usr/bin/python3 lua5.4 perl
cat >script.py <<'PY'
import hashlib, json, re, sys
words = {}
for i in range(800):
    w = hashlib.md5(str(i % 140).encode()).hexdigest()[:4]
    words[w] = words.get(w, 0) + 1
print(json.dumps(sorted(words.items(), key=lambda kv: (-kv[1], kv[0]))[:5]))
print(re.sub(r"(\d)(\d)", r"\2\1", "".join(str(i) for i in range(50))), sys.argv[1:])
try:
    [][1]
except IndexError as e:
    print("caught", e)
sys.exit(3)
PY
cat >script.lua <<'LUA'
local t = {}
for i = 1, 4000 do t[#t + 1] = (i * 7919) % 10007 end
table.sort(t)
print(t[1], t[#t], #t, string.format("%.6f", math.sin(1)))
print(pcall(error, "caught"))
LUA
cat >script.pl <<'PERL'
my %h; $h{ $_ * 7919 % 1009 } += $_ for 1 .. 4000;
print join(",", (sort { $h{$b} <=> $h{$a} || $a <=> $b } keys %h)[0 .. 4]), "\n";
my $s = "abc" x 1000; my $n = () = $s =~ /b(?=c)/g; print "$n\n"; exit 4;
PERL
same "python3" -- /usr/bin/python3 -I script.py one two
same "lua" -- lua5.4 script.lua
same "perl" -- perl script.pl
finish
