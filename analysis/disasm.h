/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PAGEWALK_ANALYSIS_DISASM_H
#define PAGEWALK_ANALYSIS_DISASM_H

/* x86 instructions as text for people, through Capstone, in Intel syntax. */

#include "mmu/error.h"
#include "mmu/types.h"

enum { DISASM_BYTES_MAX = 15, DISASM_TEXT_MAX = 200 };

struct disasm;

/* bits: 32 or 64. PW_NOMEM. */
int disasm_create(struct disasm **out, unsigned bits);
void disasm_destroy(struct disasm *disasm);
/*
 * The one instruction at pc, out of `length` bytes. Returns its length in bytes, or 0, with an
 * empty text, where these bytes are no complete instruction.
 */
unsigned disasm_one(struct disasm *disasm, const uint8_t *bytes, size_t length, va_t pc,
		    char text[DISASM_TEXT_MAX]);

#endif
