/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PAGEWALK_EMU_KERNEL_FRAME_ALLOC_PRIVATE_H
#define PAGEWALK_EMU_KERNEL_FRAME_ALLOC_PRIVATE_H

/* The allocators by name, for the registry alone; everyone else asks frame_allocator_find(). */

#include "emu/kernel/frame_alloc.h"

extern const struct frame_allocator_ops frame_alloc_buddy_ops;
extern const struct frame_allocator_ops frame_alloc_list_ops;
extern const struct frame_allocator_ops frame_alloc_first_fit_ops;

#endif
