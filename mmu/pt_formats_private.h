/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PAGEWALK_MMU_PT_FORMATS_PRIVATE_H
#define PAGEWALK_MMU_PT_FORMATS_PRIVATE_H

/* The formats by name, for the registry alone; everyone else asks pt_format_find(). */

#include "mmu/page_table.h"

extern const struct pt_ops pt_radix_ops;
extern const struct pt_ops pt_hashed_ops;
extern const struct pt_ops pt_inverted_ops;
extern const struct pt_ops pt_open_ops;
extern const struct pt_ops pt_clustered_ops;
extern const struct pt_ops pt_pa_risc_ops;
extern const struct pt_ops pt_cuckoo_ops;
extern const struct pt_ops pt_linear_ops;
extern const struct pt_ops pt_htab_ops;
extern const struct pt_ops pt_tsb_ops;
extern const struct pt_ops pt_vhpt_ops;

#endif
