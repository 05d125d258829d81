/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PAGEWALK_EMU_CPU_BLOCK_H
#define PAGEWALK_EMU_CPU_BLOCK_H

/*
 * What a basic block holds: how many instructions, and the first one that the emulator must not
 * execute by itself. Decoded with Capstone, remembered in a direct-mapped cache. Whoever changes
 * code bumps the generation (block_cache_clear); blocks on writable pages are never remembered.
 */

#include "mmu/memory.h"
#include "mmu/types.h"

/* Instructions that Unicorn would run in a way that a Linux process never sees. */
enum block_special {
	SPECIAL_NONE,
	SPECIAL_RDTSC, /* host time would leak in */
	SPECIAL_RDTSCP,
	SPECIAL_RDRAND,     /* host randomness would leak in; rdseed too */
	SPECIAL_PRIVILEGED, /* #GP at CPL 3, but the emulated CPU is at CPL 0 */
};

struct block_info {
	va_t va;
	uint64_t generation; /* and which space; 0: never */
	uint16_t bytes;
	uint16_t instructions;
	uint16_t special_offset; /* of the first special instruction, where there is one */
	uint8_t special;         /* enum block_special */
	bool rep;                /* one instruction, a rep-prefixed string one: an iteration */
	uint32_t pcs;            /* cpu_access_pc.c's: what is known of its accesses; 0: nothing */
	uint32_t pad;            /* 32 bytes: the cache is indexed once a block */
};

struct block_cache;

int block_cache_create(struct block_cache **out, const struct host_alloc *alloc);
void block_cache_destroy(struct block_cache *cache);
void block_cache_clear(struct block_cache *cache);
/* Addresses mean another space from now on; what is known of others is kept, where it fits. */
void block_cache_select(struct block_cache *cache, asid_t space);

struct block_info *block_cache_slot(struct block_cache *cache, va_t va);
void block_cache_forget_pcs(struct block_cache *cache);
uint64_t block_cache_generation(const struct block_cache *cache);

/* Decodes `bytes` bytes of code that start at va into *info. Undecodable bytes end the count. */
void block_decode(struct block_cache *cache, const uint8_t *code, va_t va, unsigned bytes,
		  struct block_info *info);
/* How many whole instructions lie before `offset`. */
unsigned block_instructions_before(struct block_cache *cache, const uint8_t *code, va_t va,
				   unsigned offset);

/* movs, stos, lods, scas, cmps of any size; id is Capstone's. */
bool block_is_string_insn(unsigned id);

/* One special instruction, decoded for emulation. */
struct special_insn {
	enum block_special kind;
	uint8_t bytes;
	uint8_t gpr; /* enum cpu_gpr numbering of the destination (rdrand) */
	uint8_t operand_bytes;
};
void block_special_at(struct block_cache *cache, const uint8_t *code, unsigned available, va_t va,
		      struct special_insn *insn);

#endif
