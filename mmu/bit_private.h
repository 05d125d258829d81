/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PAGEWALK_MMU_BIT_PRIVATE_H
#define PAGEWALK_MMU_BIT_PRIVATE_H

/* Bits of page-table entries and of descriptions, by the numbers that manuals give them. */

#include <stdint.h>

#define BIT(n) (UINT64_C(1) << (n))

#endif
