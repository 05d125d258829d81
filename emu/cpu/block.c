/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Decoding of basic blocks. See block.h.
 *
 * Capstone is asked for details only where operands matter (a special instruction, the address
 * that a fault was about); counting instructions needs none.
 */

#include "emu/cpu/block.h"

#include <capstone/capstone.h>
#include <string.h>

#include "emu/cpu/operand.h"

enum { BLOCK_SLOTS = 1 << 15, INSN_BYTES_MAX = 15 };

struct block_cache {
	const struct host_alloc *alloc;
	csh plain, detailed;
	cs_insn *insn, *detailed_insn;
	uint64_t generation; /* times cleared << 16 | the space */
	struct block_info slot[BLOCK_SLOTS];
};

int block_cache_create(struct block_cache **out, const struct host_alloc *alloc)
{
	struct block_cache *cache = host_zalloc(alloc, 1, sizeof(*cache));

	if (!cache)
		return PW_NOMEM;
	cache->alloc = alloc;
	cache->generation = 1 << 16;
	if (cs_open(CS_ARCH_X86, CS_MODE_64, &cache->plain) != CS_ERR_OK ||
	    cs_open(CS_ARCH_X86, CS_MODE_64, &cache->detailed) != CS_ERR_OK ||
	    cs_option(cache->detailed, CS_OPT_DETAIL, CS_OPT_ON) != CS_ERR_OK)
		goto fail;
	cache->insn = cs_malloc(cache->plain);
	cache->detailed_insn = cs_malloc(cache->detailed);
	if (!cache->insn || !cache->detailed_insn)
		goto fail;
	*out = cache;
	return PW_OK;
fail:
	block_cache_destroy(cache);
	return PW_NOMEM;
}

void block_cache_destroy(struct block_cache *cache)
{
	if (!cache)
		return;
	if (cache->insn)
		cs_free(cache->insn, 1);
	if (cache->detailed_insn)
		cs_free(cache->detailed_insn, 1);
	if (cache->plain)
		cs_close(&cache->plain);
	if (cache->detailed)
		cs_close(&cache->detailed);
	host_free(cache->alloc, cache);
}

void block_cache_clear(struct block_cache *cache)
{
	cache->generation += 1 << 16;
}

void block_cache_select(struct block_cache *cache, asid_t space)
{
	cache->generation = (cache->generation & ~UINT64_C(0xffff)) | space;
}

struct block_info *block_cache_slot(struct block_cache *cache, va_t va)
{
	return &cache->slot[(va ^ va >> 13) % BLOCK_SLOTS];
}

void block_cache_forget_pcs(struct block_cache *cache)
{
	for (unsigned i = 0; i < BLOCK_SLOTS; i++)
		cache->slot[i].pcs = 0;
}

uint64_t block_cache_generation(const struct block_cache *cache)
{
	return cache->generation;
}

static enum block_special special_of(unsigned id)
{
	switch (id) {
	case X86_INS_RDTSC:
		return SPECIAL_RDTSC;
	case X86_INS_RDTSCP:
		return SPECIAL_RDTSCP;
	case X86_INS_RDRAND:
	case X86_INS_RDSEED:
		return SPECIAL_RDRAND;
	case X86_INS_HLT:
	case X86_INS_IN:
	case X86_INS_INSB:
	case X86_INS_INSD:
	case X86_INS_INSW:
	case X86_INS_OUT:
	case X86_INS_OUTSB:
	case X86_INS_OUTSD:
	case X86_INS_OUTSW:
	case X86_INS_CLI:
	case X86_INS_STI:
	case X86_INS_CLTS:
	case X86_INS_RDMSR:
	case X86_INS_WRMSR:
	case X86_INS_RDPMC:
	case X86_INS_INVD:
	case X86_INS_WBINVD:
	case X86_INS_INVLPG:
	case X86_INS_INVPCID:
	case X86_INS_LGDT:
	case X86_INS_LIDT:
	case X86_INS_LLDT:
	case X86_INS_LTR:
	case X86_INS_LMSW:
	case X86_INS_SWAPGS:
	case X86_INS_SYSRET:
	case X86_INS_SYSEXIT:
	case X86_INS_SYSENTER:
	case X86_INS_IRET:
	case X86_INS_IRETD:
	case X86_INS_IRETQ:
	case X86_INS_XSETBV:
		return SPECIAL_PRIVILEGED;
	default:
		return SPECIAL_NONE;
	}
}

/*
 * mov to and from control and debug registers shares its identifier with every other mov: opcodes
 * 0F 20 to 0F 23 behind an optional REX prefix (Intel SDM 2B, MOV).
 */
static bool is_mov_control(const cs_insn *insn)
{
	const uint8_t *opcode = insn->bytes;

	if (insn->id != X86_INS_MOV || insn->size < 3)
		return false;
	opcode += (*opcode & 0xf0) == 0x40;
	return opcode[0] == 0x0f && opcode[1] >= 0x20 && opcode[1] <= 0x23;
}

bool block_is_string_insn(unsigned id)
{
	switch (id) {
	case X86_INS_MOVSB:
	case X86_INS_MOVSW:
	case X86_INS_MOVSD:
	case X86_INS_MOVSQ:
	case X86_INS_STOSB:
	case X86_INS_STOSW:
	case X86_INS_STOSD:
	case X86_INS_STOSQ:
	case X86_INS_LODSB:
	case X86_INS_LODSW:
	case X86_INS_LODSD:
	case X86_INS_LODSQ:
	case X86_INS_SCASB:
	case X86_INS_SCASW:
	case X86_INS_SCASD:
	case X86_INS_SCASQ:
	case X86_INS_CMPSB:
	case X86_INS_CMPSW:
	case X86_INS_CMPSD:
	case X86_INS_CMPSQ:
		return true;
	default:
		return false;
	}
}

static bool has_rep_prefix(const cs_insn *insn)
{
	for (unsigned i = 0; i < insn->size; i++) {
		uint8_t byte = insn->bytes[i];

		if (byte == 0xf2 || byte == 0xf3)
			return true;
		if (byte != 0x66 && byte != 0x67)
			return false;
	}
	return false;
}

static void note_special(struct block_info *info, const cs_insn *insn, va_t va)
{
	enum block_special special = special_of(insn->id);

	if (special == SPECIAL_NONE && is_mov_control(insn))
		special = SPECIAL_PRIVILEGED;
	if (special == SPECIAL_NONE || info->special != SPECIAL_NONE)
		return;
	info->special = (uint8_t)special;
	info->special_offset = (uint16_t)(insn->address - va);
}

void block_decode(struct block_cache *cache, const uint8_t *code, va_t va, unsigned bytes,
		  struct block_info *info)
{
	const uint8_t *at = code;
	size_t left = bytes;
	uint64_t address = va;

	memset(info, 0, sizeof(*info));
	info->va = va;
	info->bytes = (uint16_t)bytes;
	info->generation = cache->generation;
	while (left && cs_disasm_iter(cache->plain, &at, &left, &address, cache->insn)) {
		info->instructions++;
		note_special(info, cache->insn, va);
	}
	if (left) /* Capstone does not know it, Unicorn did: one instruction to the block's end */
		info->instructions++;
	info->rep = info->instructions == 1 && !left && block_is_string_insn(cache->insn->id) &&
		    has_rep_prefix(cache->insn);
}

unsigned block_instructions_before(struct block_cache *cache, const uint8_t *code, va_t va,
				   unsigned offset)
{
	const uint8_t *at = code;
	size_t left = offset;
	uint64_t address = va;
	unsigned count = 0;

	while (left && cs_disasm_iter(cache->plain, &at, &left, &address, cache->insn))
		count++;
	return count + (left != 0);
}

/* --- special instructions -------------------------------------------------------------------- */

void block_special_at(struct block_cache *cache, const uint8_t *code, unsigned available, va_t va,
		      struct special_insn *insn)
{
	cs_insn *decoded = cache->detailed_insn;
	size_t left = available < INSN_BYTES_MAX ? available : INSN_BYTES_MAX;
	uint64_t address = va;
	unsigned bytes = 8;
	int gpr = 0;

	memset(insn, 0, sizeof(*insn));
	if (!cs_disasm_iter(cache->detailed, &code, &left, &address, decoded))
		return;
	insn->kind = special_of(decoded->id);
	if (insn->kind == SPECIAL_NONE && is_mov_control(decoded))
		insn->kind = SPECIAL_PRIVILEGED;
	insn->bytes = (uint8_t)decoded->size;
	if (insn->kind == SPECIAL_RDRAND && decoded->detail->x86.op_count)
		gpr = operand_gpr(decoded->detail->x86.operands[0].reg, &bytes);
	insn->gpr = (uint8_t)(gpr < 0 ? 0 : gpr);
	insn->operand_bytes = (uint8_t)bytes;
}
