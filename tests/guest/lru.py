#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""An instruction and a data TLB, set-associative with LRU, on the output of lackey --trace-mem=yes.

    lru.py I_ENTRIES/I_WAYS D_ENTRIES/D_WAYS <trace

Knows nothing of pagewalk. Prints `name value` lines, for each side
  misses      lookups, one for each page of an access, that found nothing
  accesses    accesses with such a lookup: how cachegrind counts, for whom M is one access
  first       pages that this side was the first to touch
"""
import sys
from collections import OrderedDict

PAGE = 4096


class Tlb:
    def __init__(self, geometry):
        entries, self.ways = (int(n) for n in geometry.split("/"))
        self.sets = [OrderedDict() for _ in range(entries // self.ways)]
        self.misses = self.accesses = self.first = 0

    def look_up(self, page):
        lru = self.sets[page % len(self.sets)]
        hit = page in lru
        lru[page] = None
        lru.move_to_end(page)
        if len(lru) > self.ways:
            lru.popitem(last=False)
        self.misses += not hit
        return hit

    def access(self, address, size, touched):
        hit = True
        for page in range(address // PAGE, (address + size - 1) // PAGE + 1):
            hit &= self.look_up(page)
            self.first += page not in touched
            touched.add(page)
        self.accesses += not hit


sides = {"instruction": Tlb(sys.argv[1]), "data": Tlb(sys.argv[2])}
touched = set()
for line in sys.stdin:
    if line[:2] not in ("I ", " L", " S", " M"):
        continue
    address, size = line[2:].split(",")
    tlb = sides["instruction" if line[0] == "I" else "data"]
    tlb.access(int(address, 16), int(size), touched)
for name, tlb in sides.items():
    print(name + "_misses", tlb.misses)
    print(name + "_accesses", tlb.accesses)
    print(name + "_first", tlb.first)
