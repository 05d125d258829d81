/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PAGEWALK_EMU_KERNEL_PAGE_VIEW_H
#define PAGEWALK_EMU_KERNEL_PAGE_VIEW_H

/*
 * A page table whose base page is not 4 KiB, seen in pages of 4 KiB: what the guest knows and the
 * kernel model works with. To the kernel it is a page table as any other.
 */

#include "mmu/page_table.h"

/* Makes *view a view of `hardware`, which outlives it. There is nothing to release. */
void page_view_init(struct page_table *view, struct page_table *hardware);
bool page_view_is(const struct page_table *table);
/* The space that the hardware walks: that behind a view's, or the space itself. Its tag follows. */
struct pt_space *page_view_hardware(struct pt_space *space);
/* Did an entry that was there get more permissions since the last call? It is to be invalidated. */
bool page_view_widened(struct pt_space *space);
/* Where the base page around va lies that some page of it is mapped in. PW_ABSENT. Larger ones. */
int page_view_block(struct pt_space *space, va_t va, pa_t *pa);

#endif
