/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PAGEWALK_EMU_CPU_OPERAND_H
#define PAGEWALK_EMU_CPU_OPERAND_H

/*
 * Memory operands, decoded once and remembered, so that an access can be given its instruction.
 *
 * Unicorn writes RIP before ordinary loads and stores, but not before the halves of 128-bit SSE
 * accesses and some others: there RIP stands at an earlier instruction of the block, or at an
 * earlier block. So the instruction is found by looking forward from RIP, or from the block's
 * start, for the first one whose operands explain the address.
 */

#include "mmu/memory.h"
#include "mmu/types.h"

enum { OPERANDS_MAX = 2 };

/* How an instruction touches memory without naming an operand. */
enum implicit_operand { IMPLICIT_NONE, IMPLICIT_STACK, IMPLICIT_STRING };

struct memory_operand {
	int64_t displacement;
	int8_t base, index; /* enum cpu_gpr; -1: none; OPERAND_RIP */
	uint16_t bytes;
	uint8_t scale;
	uint8_t segment;   /* enum operand_segment */
	bool base_32, far; /* address size 32; far: reaches anywhere (bt with a register) */
};
enum { OPERAND_RIP = 100 };
enum operand_segment { SEGMENT_FLAT, SEGMENT_FS, SEGMENT_GS };

struct insn_operands {
	va_t va;
	uint32_t generation;
	uint8_t bytes; /* of the instruction; 0: cannot be decoded */
	uint8_t count;
	uint8_t implicit; /* enum implicit_operand */
	struct memory_operand operand[OPERANDS_MAX];
};

struct operand_cache;

int operand_cache_create(struct operand_cache **out, const struct host_alloc *alloc);
void operand_cache_destroy(struct operand_cache *cache);
void operand_cache_clear(struct operand_cache *cache); /* code has changed */

/* The slot of the instruction at va; *fresh when its operands are there already. */
struct insn_operands *operand_cache_slot(struct operand_cache *cache, va_t va, bool *fresh);
void operand_decode(struct operand_cache *cache, struct insn_operands *insn, const uint8_t *code,
		    unsigned available);

/* Reads a register: enum cpu_gpr, or OPERAND_FS_BASE, OPERAND_GS_BASE. */
typedef uint64_t operand_read_fn(void *ctx, int reg);
enum { OPERAND_FS_BASE = 101, OPERAND_GS_BASE = 102 };

/*
 * Do the operands reach into [va, va + bytes)? *byte is the first such byte. Areas (fxsave) and
 * stack and string registers that have moved already are allowed for.
 */
struct operand_target {
	va_t va;
	uint64_t bytes;
};
bool operand_reaches(const struct insn_operands *insn, const struct operand_target *target,
		     operand_read_fn *read, void *ctx, va_t *byte);

/* Capstone's register as enum cpu_gpr and its width, or -1. */
int operand_gpr(unsigned capstone_register, unsigned *bytes);

#endif
