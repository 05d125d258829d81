/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PAGEWALK_EMU_KERNEL_HUGE_H
#define PAGEWALK_EMU_KERNEL_HUGE_H

/*
 * Huge pages: leaves larger than 4 KiB, of private anonymous memory.
 *
 * Law: a huge leaf lies within one VMA, and each of its 2^order frames is anonymous and has a
 * reference and a map count of its own, as if mapped by itself. So whoever draws a boundary between
 * two VMAs, or changes a part of a leaf, splits it first.
 */

#include "emu/kernel/config.h"
#include "mmu/page_table.h"

struct frame;
struct kernel;
struct space;
struct touch;
struct vma;

/* In vma.flags, beside MAP_*: madvise(2) has said so. */
enum { VMA_HUGEPAGE = 1 << 24, VMA_NOHUGEPAGE = 1 << 25 };

/* Which size this machine's huge pages have; at kernel_start(). */
void huge_init(struct kernel *k);
/* A huge page for the absent page that is touched; false: it is to be a base page. */
bool huge_touch(struct kernel *k, struct touch *touch, const struct vma *vma);
/* May the VMA have a huge page at `block`, by its kind, its advice, kernel.thp, and its extent? */
bool huge_allowed(const struct kernel *k, const struct vma *vma, va_t block);
/* 2^order aligned frames, if they are free, and the low watermark holds without them; PFN_NONE. */
pfn_t huge_take_block(struct kernel *k);
void huge_give_back(struct kernel *k, pfn_t first); /* nothing maps them */
/*
 * Afterwards va is mapped by a base page, if at all: same frames, same permissions, so no flush is
 * owed. PW_NOFRAMES: there is no frame for the table of base pages, nor, with make_room, could
 * reclaim get one (it must not ask for that itself).
 */
int huge_split(struct kernel *k, struct space *space, va_t va, bool make_room);
/* Does some huge leaf map the frame? */
bool frame_is_huge(const struct kernel *k, const struct frame *frame);
/* Afterwards no leaf lies across either end of the range. As huge_split(). */
int huge_split_ends(struct kernel *k, struct space *space, va_t start, va_t end);
/* Afterwards [start, end) has base pages only. */
int huge_split_all(struct kernel *k, struct space *space, va_t start, va_t end);
/* Has nobody else a reference to any frame of the leaf? */
bool leaf_exclusive(const struct kernel *k, const struct translation *leaf);

/* collapse.c: the next part of the background's round, and MADV_COLLAPSE. */
void collapse_tick(struct kernel *k);
void collapse_range(struct kernel *k, struct space *space, const struct vma *part);

#endif
