/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Memory operands of instructions. See operand.h. */

#include "emu/cpu/operand.h"

#include <capstone/capstone.h>
#include <string.h>

#include "emu/cpu/block.h"
#include "emu/machine/guest.h"

enum { OPERAND_SLOTS = 1 << 13, INSN_BYTES_MAX = 15, STATE_AREA_BYTES = 1024 };

struct operand_cache {
	const struct host_alloc *alloc;
	csh capstone;
	cs_insn *insn;
	uint32_t generation;
	struct insn_operands slot[OPERAND_SLOTS];
};

int operand_cache_create(struct operand_cache **out, const struct host_alloc *alloc)
{
	struct operand_cache *cache = host_zalloc(alloc, 1, sizeof(*cache));

	if (!cache)
		return PW_NOMEM;
	cache->alloc = alloc;
	cache->generation = 1;
	if (cs_open(CS_ARCH_X86, CS_MODE_64, &cache->capstone) == CS_ERR_OK &&
	    cs_option(cache->capstone, CS_OPT_DETAIL, CS_OPT_ON) == CS_ERR_OK)
		cache->insn = cs_malloc(cache->capstone);
	if (!cache->insn) {
		operand_cache_destroy(cache);
		return PW_NOMEM;
	}
	*out = cache;
	return PW_OK;
}

void operand_cache_destroy(struct operand_cache *cache)
{
	if (!cache)
		return;
	if (cache->insn)
		cs_free(cache->insn, 1);
	if (cache->capstone)
		cs_close(&cache->capstone);
	host_free(cache->alloc, cache);
}

void operand_cache_clear(struct operand_cache *cache)
{
	cache->generation++;
}

struct insn_operands *operand_cache_slot(struct operand_cache *cache, va_t va, bool *fresh)
{
	struct insn_operands *slot = &cache->slot[(va ^ va >> 13) % OPERAND_SLOTS];

	*fresh = slot->va == va && slot->generation == cache->generation;
	slot->va = va;
	slot->generation = cache->generation;
	return slot;
}

/* --- decoding -------------------------------------------------------------------------------- */

int operand_gpr(unsigned reg, unsigned *bytes)
{
	static const x86_reg names[3][GPR_COUNT] = {
		{ X86_REG_RAX, X86_REG_RCX, X86_REG_RDX, X86_REG_RBX, X86_REG_RSP, X86_REG_RBP,
		  X86_REG_RSI, X86_REG_RDI, X86_REG_R8, X86_REG_R9, X86_REG_R10, X86_REG_R11,
		  X86_REG_R12, X86_REG_R13, X86_REG_R14, X86_REG_R15 },
		{ X86_REG_EAX, X86_REG_ECX, X86_REG_EDX, X86_REG_EBX, X86_REG_ESP, X86_REG_EBP,
		  X86_REG_ESI, X86_REG_EDI, X86_REG_R8D, X86_REG_R9D, X86_REG_R10D, X86_REG_R11D,
		  X86_REG_R12D, X86_REG_R13D, X86_REG_R14D, X86_REG_R15D },
		{ X86_REG_AX, X86_REG_CX, X86_REG_DX, X86_REG_BX, X86_REG_SP, X86_REG_BP,
		  X86_REG_SI, X86_REG_DI, X86_REG_R8W, X86_REG_R9W, X86_REG_R10W, X86_REG_R11W,
		  X86_REG_R12W, X86_REG_R13W, X86_REG_R14W, X86_REG_R15W },
	};

	for (unsigned width = 0; width < 3; width++) {
		for (int gpr = 0; gpr < GPR_COUNT; gpr++) {
			if (names[width][gpr] == reg) {
				*bytes = 8u >> width;
				return gpr;
			}
		}
	}
	return -1;
}

static int8_t address_register(x86_reg reg, bool *is_32)
{
	unsigned bytes = 8;
	int gpr;

	if (reg == X86_REG_RIP)
		return OPERAND_RIP;
	gpr = operand_gpr(reg, &bytes);
	if (gpr >= 0 && bytes == 4)
		*is_32 = true;
	return (int8_t)gpr;
}

/* fxsave, xsave, fnsave and their kin: Capstone gives the size of a part. */
static bool is_state_area(const cs_insn *insn)
{
	return strstr(insn->mnemonic, "save") || strstr(insn->mnemonic, "rstor") ||
	       strstr(insn->mnemonic, "env");
}

static void take_operand(struct insn_operands *insn, const cs_insn *decoded, const cs_x86_op *op)
{
	struct memory_operand *operand;

	if (op->type != X86_OP_MEM || insn->count == OPERANDS_MAX)
		return;
	operand = &insn->operand[insn->count++];
	memset(operand, 0, sizeof(*operand));
	operand->displacement = op->mem.disp;
	operand->base = address_register(op->mem.base, &operand->base_32);
	operand->index = address_register(op->mem.index, &operand->base_32);
	operand->scale = (uint8_t)op->mem.scale;
	operand->bytes = is_state_area(decoded) ? STATE_AREA_BYTES : op->size;
	operand->far = strstr(decoded->mnemonic, "bt") != NULL; /* "lock bts" */
	if (op->mem.segment == X86_REG_FS)
		operand->segment = SEGMENT_FS;
	else if (op->mem.segment == X86_REG_GS)
		operand->segment = SEGMENT_GS;
}

static enum implicit_operand implicit_of(const cs_insn *insn)
{
	static const char *const stack[] = { "push", "pop", "call", "ret", "leave", "enter" };

	if (block_is_string_insn(insn->id))
		return IMPLICIT_STRING;
	for (unsigned i = 0; i < sizeof(stack) / sizeof(stack[0]); i++)
		if (strstr(insn->mnemonic, stack[i])) /* behind a prefix too: "repz ret" */
			return IMPLICIT_STACK;
	return IMPLICIT_NONE;
}

void operand_decode(struct operand_cache *cache, struct insn_operands *insn, const uint8_t *code,
		    unsigned available)
{
	size_t left = available < INSN_BYTES_MAX ? available : INSN_BYTES_MAX;
	uint64_t address = insn->va;
	const cs_detail *detail;

	insn->bytes = insn->count = insn->implicit = 0;
	if (!cs_disasm_iter(cache->capstone, &code, &left, &address, cache->insn))
		return;
	detail = cache->insn->detail;
	insn->bytes = (uint8_t)cache->insn->size;
	insn->implicit = (uint8_t)implicit_of(cache->insn);
	for (unsigned i = 0; i < detail->x86.op_count; i++)
		take_operand(insn, cache->insn, &detail->x86.operands[i]);
}

/* --- explaining ------------------------------------------------------------------------------ */

static uint64_t address_part(const struct insn_operands *insn, int8_t reg, operand_read_fn *read,
			     void *ctx)
{
	if (reg < 0)
		return 0;
	return reg == OPERAND_RIP ? insn->va + insn->bytes : read(ctx, reg);
}

static uint64_t effective_address(const struct insn_operands *insn,
				  const struct memory_operand *operand, operand_read_fn *read,
				  void *ctx)
{
	uint64_t address = address_part(insn, operand->base, read, ctx) +
			   address_part(insn, operand->index, read, ctx) * operand->scale +
			   (uint64_t)operand->displacement;

	if (operand->base_32)
		address &= 0xffffffffu;
	if (operand->segment == SEGMENT_FS)
		address += read(ctx, OPERAND_FS_BASE);
	else if (operand->segment == SEGMENT_GS)
		address += read(ctx, OPERAND_GS_BASE);
	return address;
}

/* Does [start, start + bytes) meet the target? */
static bool meets(uint64_t start, uint64_t bytes, const struct operand_target *target, va_t *byte)
{
	if (start - target->va < target->bytes) {
		*byte = start;
		return true;
	}
	if (target->va - start < bytes) {
		*byte = target->va;
		return true;
	}
	return false;
}

/* A register that the instruction moves by up to `bytes` in either direction. */
static bool meets_around(uint64_t at, uint64_t bytes, const struct operand_target *target,
			 va_t *byte)
{
	return meets(at, bytes, target, byte) || meets(at - bytes, bytes, target, byte);
}

bool operand_reaches(const struct insn_operands *insn, const struct operand_target *target,
		     operand_read_fn *read, void *ctx, va_t *byte)
{
	for (unsigned i = 0; i < insn->count; i++) {
		const struct memory_operand *operand = &insn->operand[i];

		if (meets(effective_address(insn, operand, read, ctx), operand->bytes, target,
			  byte))
			return true;
		if (operand->far) {
			*byte = target->va;
			return true;
		}
	}
	if (insn->implicit == IMPLICIT_STACK)
		return meets_around(read(ctx, GPR_RSP), 8, target, byte) ||
		       meets(read(ctx, GPR_RBP), 8, target, byte); /* leave */
	if (insn->implicit == IMPLICIT_STRING)
		return meets_around(read(ctx, GPR_RDI), 8, target, byte) ||
		       meets_around(read(ctx, GPR_RSI), 8, target, byte);
	return false;
}
