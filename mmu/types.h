/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PAGEWALK_MMU_TYPES_H
#define PAGEWALK_MMU_TYPES_H

/*
 * The scalar types that must not be mixed up, and the few enums that every layer shares.
 *
 * Sizes of pages and tables are carried as binary logarithms and named _lg2; latencies are in
 * cycles; everything else is in bytes unless its name says otherwise.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint64_t va_t;     /* virtual (linear) address */
typedef uint64_t pa_t;     /* simulated physical address */
typedef uint64_t vpn_t;    /* virtual page number, in units of the guest's 4 KiB page */
typedef uint64_t pfn_t;    /* physical frame number, in units of 4 KiB */
typedef uint64_t cycles_t; /* modelled cycles */
typedef uint16_t asid_t;   /* address-space identifier (PCID on x86) */

/* The guest's page and the unit in which frames are owned, whatever the page table maps with. */
enum { FRAME_LG2 = 12, FRAME_BYTES = 1 << FRAME_LG2 };

#define PFN_NONE UINT64_MAX

enum access_kind { ACCESS_READ, ACCESS_WRITE, ACCESS_FETCH, ACCESS_KIND_COUNT };

/* Which translation hardware serves an access: split arrays hold one side, unified ones both. */
enum tlb_side { SIDE_INSTRUCTION = 1, SIDE_DATA = 2, SIDE_BOTH = 3 };

/*
 * Privilege at which an access is made. With SMAP, a supervisor's data access to a user page
 * depends on EFLAGS.AC (Intel SDM vol. 3A, "Determination of Access Rights"), hence three.
 */
enum cpu_mode { MODE_USER, MODE_SUPERVISOR, MODE_SUPERVISOR_AC, CPU_MODE_COUNT };

/* What a leaf (and, combined downwards, the path to it) permits. */
enum perm_bits { PERM_READ = 1, PERM_WRITE = 2, PERM_EXEC = 4, PERM_USER = 8 };

#define PAGEWALK_LIKELY(x)   __builtin_expect(!!(x), 1)
#define PAGEWALK_UNLIKELY(x) __builtin_expect(!!(x), 0)

#endif
