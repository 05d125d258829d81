#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""
A second reader of traces, written from traces/FORMAT.md: prints what `pagewalk trace dump --csv`
prints. The standard library has no zstd, so zstd(1) decompresses the frames.

    read_trace.py FILE kcall.def
"""

import re
import struct
import subprocess
import sys

MASK = (1 << 64) - 1
LENGTHS = [0, 1, 2, 3, 4, 5, 6, 8]
RARE = 0xfffe
ENDINGS = ["unknown", "exited", "killed", "stopped"]


def fnv1a(data):
    value = 0xcbf29ce484222325
    for byte in data:
        value = (value ^ byte) * 0x100000001b3 & MASK
    return value


def expect(holds, what):
    if not holds:
        sys.exit("read_trace.py: " + what)


class Bytes:
    """A section: taken from front to back."""

    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, count):
        expect(self.at + count <= len(self.data), "a section is too short")
        self.at += count
        return self.data[self.at - count:self.at]

    def u16(self):
        return int.from_bytes(self.take(2), "little")

    def byte(self):
        return self.take(1)[0]

    def number(self):
        value = shift = 0
        while True:
            byte = self.byte()
            value |= (byte & 0x7f) << shift
            shift += 7
            if byte < 0x80:
                return value & MASK

    def signed(self):
        value = self.number()
        return value >> 1 ^ -(value & 1)

    def string(self):
        end = self.data.index(b"\0", self.at)
        return self.take(end + 1 - self.at)[:-1].decode(errors="surrogateescape")

    def left(self):
        return len(self.data) - self.at


class Slot:
    def __init__(self, is_store, size, pc):
        self.is_store, self.size, self.pc = is_store, size, pc
        self.last = self.stride = self.delta = 0
        self.code = 8


class Printer:
    """One line a record; keeps count of instructions and of the last block."""

    def __init__(self, calls, block, instructions):
        self.calls, self.block = calls, block
        self.position = self.now = instructions

    def access(self, slot, va):
        pc = "" if slot.pc in (None, 65535) else "0x%x" % ((self.block + slot.pc) & MASK)
        print("%d,%s,0x%x,%d,,%s,,," % (self.position, "store" if slot.is_store else "load", va, slot.size, pc))

    def block_start(self, kind, va, size, instructions):
        self.position, self.block = self.now, va
        self.now += instructions
        print("%d,%s,0x%x,%d,%d,,,," % (self.position, kind, va, size, instructions))

    def rare(self, rare):
        tag = rare.byte()
        if tag == 0:
            totals = tuple(rare.number() for _ in range(3))
            ending, number = ENDINGS[rare.number()], rare.number()
            print("%d,end,,,,,%s,loads=%d stores=%d instructions=%d,%d" % ((self.now, ending) + totals + (number,)))
        elif tag == 5:
            count = rare.number()
            self.now -= count
            print("%d,cut,,,%d,,,," % (self.position, count))
        elif tag == 6:
            kind, va, signal, code = rare.number(), rare.number(), rare.number(), rare.signed()
            print("%d,attempt,0x%x,,,,%s,si_code=%d,%d" % (self.now, va, ("load", "store", "fetch")[kind], code, signal))
        elif tag == 7:
            space, start, length, offset, prot = (rare.number() for _ in range(5))
            path, identity = ('"%s"' % rare.string().replace('"', '""') for _ in range(2))
            print("%d,mapping,0x%x,,,,%s,space=%d length=0x%x offset=0x%x prot=%d,%s" %
                  (self.now, start, path, space, length, offset, prot, identity))
        else:
            expect(64 <= tag < 64 + len(self.calls), "an unknown record %d" % tag)
            name, arguments = self.calls[tag - 64]
            text = " ".join("%s=0x%x" % (argument, rare.number()) for argument in arguments)
            print("%d,kcall,,,,,%s,%s,%d" % (self.now, name, text, rare.signed()))
        return tag


def sections_of(content, sizes):
    at, parts = 0, []
    for size in sizes:
        parts.append(Bytes(content[at:at + size]))
        at += size
    expect(at == len(content), "the sections are not the content")
    return parts


def define_part(definitions, end, has_pc, has_block):
    count = definitions.byte()
    block = None
    if has_block:
        va = (end + definitions.signed()) & MASK
        size, instructions = definitions.number(), definitions.number()
        block = ("rep" if count & 0x80 else "block", va, size, instructions)
        end = (va + size) & MASK
    slots, pc = [], 0
    for _ in range(count & 0x7f):
        size = definitions.number()
        if has_pc:
            pc += definitions.signed()
        slots.append(Slot(size & 1, size >> 1, pc if has_pc else None))
    return (block, slots), end


def define(definitions, end, has_pc, last_of):
    blocks, parts = definitions.byte(), []
    for _ in range(max(blocks, 1)):
        part, end = define_part(definitions, end, has_pc, blocks > 0)
        parts.append(part)
        block, slots = part
        if block:
            for slot, other in zip(slots, last_of.get(block[1], [])):
                slot.last, slot.stride, slot.delta, slot.code = other.last, other.stride, other.delta, other.code
            last_of[block[1]] = slots
    return parts, end


def change_codes(codes, slots):
    count = codes.byte()
    for i in range(len(slots) if count == 0xff else count):
        which = i if count == 0xff else codes.byte()
        slots[which].code = codes.byte()


def addresses(slots, residuals, before):
    for slot in slots:
        predicted = before + slot.delta if slot.code & 8 else slot.last + slot.stride
        residual = int.from_bytes(residuals.take(LENGTHS[slot.code & 7]), "little", signed=True)
        va = (predicted + residual) & MASK
        slot.stride, slot.last, slot.delta = va - slot.last, va, va - before
        before = va
        yield slot, va


def read_frame(content, sizes, has_pc, printer):
    flow, codes, residuals, definitions, rare = sections_of(content, sizes)
    last_of = {}
    templates, end, before, counts = [], 0, 0, [0] * 9
    while flow.left():
        reference = flow.u16()
        if reference == RARE:
            tag = printer.rare(rare)
            counts[tag if tag < 64 else 8] += 1
            continue
        if reference >> 1 == len(templates):
            template, end = define(definitions, end, has_pc, last_of)
            templates.append(template)
        parts = templates[reference >> 1]
        if reference & 1:
            change_codes(codes, [slot for _, slots in parts for slot in slots])
        for block, slots in parts:
            if block:
                printer.block_start(*block)
                counts[3 if block[0] == "block" else 4] += 1
            for slot, va in addresses(slots, residuals, before):
                printer.access(slot, va)
                counts[2 if slot.is_store else 1] += 1
                before = va
    expect(not any(part.left() for part in (codes, residuals, definitions, rare)), "a section is too long")
    return counts


def read_calls(path):
    calls = []
    for line in open(path):
        match = re.match(r"KCALL(\d)\(([^)]*)\)", line)
        if match:
            words = [word.strip() for word in match[2].split(",")]
            expect(len(words) == int(match[1]) + 1, "kcall.def: " + line)
            calls.append((words[0], words[1:]))
    return calls


def read_index(data, at, frames, totals):
    size = 8 + 24 * len(frames) + 9 * 8 + 8
    magic, count = struct.unpack_from("<4sI", data, at)
    expect(magic == b"INDX" and count == len(frames), "no index of these frames")
    expect(list(struct.iter_unpack("<QQQ", data[at + 8:at + 8 + 24 * count])) == frames, "the index names other frames")
    said = struct.unpack_from("<9Q", data, at + 8 + 24 * count)
    expect(list(said) == totals, "the index counts other records")
    expect(struct.unpack_from("<Q", data, at + size)[0] == fnv1a(data[at:at + size]), "the index is damaged")
    footer = data[at + size + 8:]
    expect(len(footer) == 24 and footer[16:] == b"PGWLKEND", "no footer")
    expect(struct.unpack("<QQ", footer[:16]) == (at, fnv1a(footer[:8])), "the footer is damaged")


def main():
    data, calls = open(sys.argv[1], "rb").read(), read_calls(sys.argv[2])
    magic, version, flags, length, _, checksum = struct.unpack_from("<8sIIIIQ", data)
    expect(magic == b"PGWLKTRC" and version == 3, "not a trace of version 3")
    expect(checksum == fnv1a(data[8:24] + data[32:32 + length]), "the head is damaged")
    print("instruction,record,address,bytes,instructions,pc,name,arguments,result")
    at, frames, totals = 32 + length, [], [0] * 9
    while data[at:at + 4] == b"FRAM":
        head = struct.unpack_from("<4s15I4QQ", data, at)
        stored, counts, sizes = head[1], list(head[2:11]), head[11:16]
        accesses, instructions, block, after, checksum = head[16:]
        expect(checksum == fnv1a(data[at:at + 96]), "the head of a frame is damaged")
        frames.append((at, accesses, instructions))
        content = data[at + 104:at + 104 + stored]
        content = subprocess.run(["zstd", "-dcq"], input=content, stdout=subprocess.PIPE, check=True).stdout
        printer = Printer(calls, block, instructions)
        expect(read_frame(content, sizes, flags & 1, printer) == counts, "the head of a frame counts other records")
        expect(printer.now == after, "the head of a frame counts other instructions")
        totals = [a + b for a, b in zip(totals, counts)]
        at += 104 + stored
    read_index(data, at, frames, totals)


main()
