/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Disassembly through Capstone: see disasm.h. Handles are of one thread each, but Capstone fills
 * tables that they share when they are first used.
 */

#include "analysis/disasm.h"

#include <capstone/capstone.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

struct disasm {
	csh handle;
	cs_insn *instruction;
};

static pthread_mutex_t capstone = PTHREAD_MUTEX_INITIALIZER;

static bool open_handle(csh *handle, unsigned bits)
{
	cs_err failed;

	pthread_mutex_lock(&capstone);
	failed = cs_open(CS_ARCH_X86, bits == 32 ? CS_MODE_32 : CS_MODE_64, handle);
	pthread_mutex_unlock(&capstone);
	return failed == CS_ERR_OK;
}

int disasm_create(struct disasm **out, unsigned bits)
{
	struct disasm *disasm = calloc(1, sizeof(*disasm));

	*out = NULL;
	if (!disasm)
		return PW_NOMEM;
	if (!open_handle(&disasm->handle, bits)) {
		free(disasm);
		return PW_NOMEM;
	}
	disasm->instruction = cs_malloc(disasm->handle);
	if (!disasm->instruction) {
		disasm_destroy(disasm);
		return PW_NOMEM;
	}
	*out = disasm;
	return PW_OK;
}

void disasm_destroy(struct disasm *disasm)
{
	if (!disasm)
		return;
	if (disasm->instruction)
		cs_free(disasm->instruction, 1);
	cs_close(&disasm->handle);
	free(disasm);
}

unsigned disasm_one(struct disasm *disasm, const uint8_t *bytes, size_t length, va_t pc,
		    char text[DISASM_TEXT_MAX])
{
	const cs_insn *instruction = disasm->instruction;
	uint64_t address = pc;
	bool made_sense;

	text[0] = '\0';
	pthread_mutex_lock(&capstone);
	made_sense = cs_disasm_iter(disasm->handle, &bytes, &length, &address, disasm->instruction);
	pthread_mutex_unlock(&capstone);
	if (!made_sense)
		return 0;
	snprintf(text, DISASM_TEXT_MAX, "%s%s%s", instruction->mnemonic,
		 instruction->op_str[0] ? " " : "", instruction->op_str);
	return instruction->size;
}
