/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * The live CPU: building the engine, and the loop that runs the guest from stop to stop.
 *
 *   uc_emu_start ──┬─ system call ─> guest->syscall ───┐
 *        ^         ├─ fault, trap ─> guest->exception ─┤
 *        │         ├─ special ─────> cpu_special.c ────┤
 *        │         └─ limit ───────> CPU_STOPPED       │
 *        └───────────────── registers <────────────────┘
 */

#include "emu/cpu/cpu_access_pc.h"
#include "emu/cpu/cpu_internal.h"

#include <stdio.h>
#include <string.h>

enum {
	TCG_BUFFER_BYTES = 128 << 20, /* 40 bytes for each that CODE_BYTES_MAX counts */
	CR4_OSFXSR = 1 << 9,
	CR4_OSXMMEXCPT = 1 << 10,
	CR4_FSGSBASE = 1 << 16,
	CR4_OSXSAVE = 1 << 18,
};

const char *cpu_emulator(void)
{
	static char text[32];
	unsigned major, minor;

	if (!text[0]) {
		unsigned version = uc_version(&major, &minor);

		snprintf(text, sizeof(text), "unicorn %u.%u.%u", major, minor, version >> 8 & 0xff);
	}
	return text;
}

const char *cpu_failure(const struct cpu *cpu)
{
	return cpu->failure;
}

static va_t read_pc(void *ctx)
{
	return cpu_current_pc(ctx);
}

/* --- building -------------------------------------------------------------------------------- */

static bool configure_engine(struct cpu *cpu)
{
	uint64_t cr4 = 0;
	uc_engine *uc = cpu->uc;

	if (uc_ctl_set_cpu_model(uc, UC_CPU_X86_HASWELL) ||
	    uc_ctl_set_tcg_buffer_size(uc, TCG_BUFFER_BYTES) || uc_ctl_exits_enable(uc) ||
	    uc_ctl_tlb_mode(uc, UC_TLB_VIRTUAL))
		return false;
	uc_reg_read(uc, UC_X86_REG_CR4, &cr4);
	cr4 |= CR4_OSFXSR | CR4_OSXMMEXCPT | CR4_FSGSBASE | CR4_OSXSAVE;
	return uc_reg_write(uc, UC_X86_REG_CR4, &cr4) == UC_ERR_OK;
}

static bool map_windows(struct cpu *cpu)
{
	struct phys_mem *mem = &cpu->machine->mem;

	return uc_mem_map_ptr(cpu->uc, 0, mem->size, UC_PROT_ALL, mem->bytes) == UC_ERR_OK &&
	       uc_mem_map_ptr(cpu->uc, DATA_WINDOW, mem->size, UC_PROT_READ | UC_PROT_WRITE,
			      mem->bytes) == UC_ERR_OK;
}

static bool allocate_names(struct cpu *cpu)
{
	const struct host_alloc *alloc = cpu->machine->alloc;
	size_t frames = cpu->machine->mem.size >> FRAME_LG2;

	cpu->vpn_of_frame = host_zalloc(alloc, frames, sizeof(*cpu->vpn_of_frame));
	cpu->named_at = host_zalloc(alloc, frames, sizeof(*cpu->named_at));
	cpu->frame_flags = host_zalloc(alloc, frames, sizeof(*cpu->frame_flags));
	return cpu->vpn_of_frame && cpu->named_at && cpu->frame_flags;
}

static void guest_load_fx(struct guest *guest, struct cpu_regs *regs)
{
	struct cpu *cpu = guest->cpu;

	(void)regs; /* the CPU's own */
	cpu_load_fx(cpu);
}

static void join(struct cpu *cpu)
{
	const struct machine_cpu callbacks = { cpu, cpu_flush, cpu_frame_changed };

	machine_set_cpu(cpu->machine, &callbacks);
	cpu->machine->events.read_pc = read_pc;
	cpu->machine->events.read_pc_ctx = cpu;
	cpu->guest->cpu = cpu;
	cpu->guest->load_fx = guest_load_fx;
}

int cpu_create(struct cpu **out, struct machine *machine, struct guest *guest,
	       const struct cpu_config *config, const char **what)
{
	struct cpu *cpu = host_zalloc(machine->alloc, 1, sizeof(*cpu));

	*what = "the host refused memory";
	if (!cpu)
		return PW_NOMEM;
	cpu->machine = machine;
	cpu->guest = guest;
	cpu->config = *config;
	cpu->random = config->seed ^ 0x9e3779b97f4a7c15ull;
	if (!cpu->random)
		cpu->random = 1;
	cpu->flush_count = 1;
	cpu->located_at = UINT64_MAX;
	cpu->block = &cpu->no_block;
	if ((config->access_pcs && cpu_pc_memo_create(cpu)) ||
	    block_cache_create(&cpu->blocks, machine->alloc) ||
	    operand_cache_create(&cpu->operands, machine->alloc) || !allocate_names(cpu) ||
	    uc_open(UC_ARCH_X86, UC_MODE_64, &cpu->uc) != UC_ERR_OK) {
		cpu_destroy(cpu);
		return PW_NOMEM;
	}
	if (!configure_engine(cpu) || !map_windows(cpu) || !cpu_install_hooks(cpu)) {
		*what = "this Unicorn refused its set-up: 2.1.1 or later is needed";
		cpu_destroy(cpu);
		return PW_UNSUPPORTED;
	}
	join(cpu);
	*out = cpu;
	return PW_OK;
}

void cpu_destroy(struct cpu *cpu)
{
	const struct host_alloc *alloc;

	if (!cpu)
		return;
	alloc = cpu->machine->alloc;
	if (cpu->uc) {
		machine_set_cpu(cpu->machine, NULL);
		cpu->machine->events.read_pc = NULL;
		uc_close(cpu->uc);
	}
	block_cache_destroy(cpu->blocks);
	operand_cache_destroy(cpu->operands);
	host_free(alloc, cpu->vpn_of_frame);
	host_free(alloc, cpu->named_at);
	host_free(alloc, cpu->frame_flags);
	host_free(alloc, cpu->pc_memo);
	host_free(alloc, cpu);
}

void cpu_stop(struct cpu *cpu)
{
	cpu->stop_asked = true;
}

/* --- stops ----------------------------------------------------------------------------------- */

void cpu_cut_block(struct cpu *cpu, bool retired)
{
	const struct block_info *block = cpu->block;
	va_t rip = cpu->regs.rip;
	unsigned done, available;
	const uint8_t *code;

	if (rip < block->va || rip >= block->va + block->bytes)
		return;
	code = cpu_code_at(cpu, block->va, &available);
	if (!code)
		return;
	done = rip - block->va > available ? block->instructions - 1u
					   : block_instructions_before(cpu->blocks, code, block->va,
								       (unsigned)(rip - block->va));
	done += retired;
	if (done < block->instructions)
		machine_block_cut(cpu->machine, block->instructions - done);
}

/* The fill hook knew the page; the signal wants the byte. */
static void refine_fault_address(struct cpu *cpu)
{
	const struct operand_target page = { cpu->fault_page, FRAME_BYTES };
	va_t byte;

	if (cpu->fault_access == ACCESS_FETCH) {
		if (cpu->regs.rip >> FRAME_LG2 == cpu->fault_page >> FRAME_LG2)
			cpu->outcome.va = cpu->regs.rip;
		return;
	}
	if (cpu->outcome.va >> FRAME_LG2 == cpu->fault_page >> FRAME_LG2 &&
	    cpu_instruction_reaches(cpu, cpu->regs.rip, &page, &byte))
		cpu->outcome.va = byte;
}

static enum guest_action page_fault(struct cpu *cpu)
{
	struct cpu_stop stop = { .exception = CPU_PAGE_FAULT };
	struct mmu_fault fault = { .error_code = 0 };
	enum fault_kind kind =
		machine_probe(cpu->machine, cpu->fault_access, cpu->fault_page, &fault);

	cpu->held = false; /* its instruction starts again, or never */
	cpu_cut_block(cpu, false);
	if (kind == FAULT_NON_CANONICAL) /* #SS through RSP or RBP is not told apart */
		return cpu_raise(cpu, CPU_PROTECTION);
	refine_fault_address(cpu);
	stop.outcome = cpu->outcome;
	stop.error_code = kind == FAULT_NONE ? 0 : fault.error_code;
	cpu_load_fx(cpu);
	return cpu->guest->ops->exception(cpu->guest, &cpu->regs, &stop);
}

static enum guest_action interrupt(struct cpu *cpu)
{
	cpu->held = false;
	switch (cpu->interrupt) {
	case 0:
		cpu_cut_block(cpu, false);
		return cpu_raise(cpu, CPU_DIVIDE);
	case 1:
	case 3:
		return cpu_raise(cpu, CPU_BREAKPOINT);
	case 6:
		cpu_cut_block(cpu, false);
		return cpu_raise(cpu, CPU_UNDEFINED);
	case 16:
	case 19:
		cpu_cut_block(cpu, false);
		return cpu_raise(cpu, CPU_FLOAT);
	default: /* int n and whatever else a process may not do */
		cpu_cut_block(cpu, false);
		return cpu_raise(cpu, CPU_PROTECTION);
	}
}

static enum guest_action system_call(struct cpu *cpu)
{
	/* SYSCALL leaves the return address in RCX and RFLAGS in R11 (Intel SDM 2B). */
	cpu->regs.gpr[GPR_RCX] = cpu->regs.rip;
	cpu->regs.gpr[GPR_R11] = cpu->regs.rflags;
	return cpu->guest->ops->syscall(cpu->guest, &cpu->regs);
}

static enum guest_action timer(struct cpu *cpu)
{
	return cpu_raise(cpu, CPU_TIMER);
}

/* Code that Unicorn translated without the hook goes; it is translated again with it. */
static enum guest_action retranslate(struct cpu *cpu)
{
	va_t site = cpu->block->va + cpu->block->special_offset;
	pa_t pa;

	if (!cpu_hook_special(cpu, site)) {
		snprintf(cpu->failure, sizeof(cpu->failure),
			 "more than %d places with rdtsc, rdrand or privileged instructions",
			 SPECIAL_SITES_MAX);
		return GUEST_ENDED;
	}
	for (va_t va = cpu->block->va; va < cpu->block->va + cpu->block->bytes;
	     va = (va | (FRAME_BYTES - 1)) + 1)
		if (kernel_translate(cpu->machine->kernel, va, &pa))
			cpu_drop_code(cpu, pa >> FRAME_LG2);
	return GUEST_CONTINUE;
}

static enum guest_action empty_code(struct cpu *cpu)
{
	uc_ctl_flush_tb(cpu->uc);
	block_cache_clear(cpu->blocks);
	cpu->code_bytes = 0;
	cpu_flush(cpu);
	return GUEST_CONTINUE;
}

/* uc_emu_start() came back without any hook having asked for it. */
static enum guest_action unexpected(struct cpu *cpu, uc_err error)
{
	switch (error) {
	case UC_ERR_INSN_INVALID:
		cpu_cut_block(cpu, false);
		return cpu_raise(cpu, CPU_UNDEFINED);
	case UC_ERR_EXCEPTION:
		cpu_cut_block(cpu, false);
		return cpu_raise(cpu, CPU_PROTECTION);
	default:
		snprintf(cpu->failure, sizeof(cpu->failure), "Unicorn stopped at 0x%llx: %s",
			 (unsigned long long)cpu->regs.rip, uc_strerror(error));
		return GUEST_ENDED;
	}
}

static enum guest_action handle_stop(struct cpu *cpu, uc_err error)
{
	switch (cpu->stop) {
	case STOP_SYSCALL:
		return system_call(cpu);
	case STOP_FAULT:
		return page_fault(cpu);
	case STOP_INTERRUPT:
		return interrupt(cpu);
	case STOP_SPECIAL:
		return cpu_execute_special(cpu);
	case STOP_RETRANSLATE:
		return retranslate(cpu);
	case STOP_CODE_FULL:
		return empty_code(cpu);
	case STOP_TIMER:
		return timer(cpu);
	case STOP_LIMIT:
		return GUEST_ENDED;
	case STOP_NONE:
		break;
	}
	return unexpected(cpu, error);
}

enum cpu_end cpu_run(struct cpu *cpu, const struct cpu_regs *start)
{
	enum guest_action action = GUEST_CONTINUE;

	cpu_load_regs(cpu);
	cpu->regs = *start;
	cpu_reset_fx(cpu);
	cpu_store_regs(cpu);
	while (action == GUEST_CONTINUE) {
		uc_err error;

		cpu->stop = STOP_NONE;
		cpu->stopped_before = 0;
		cpu->block = &cpu->no_block; /* of another thread, perhaps */
		if (cpu->pc_memo)
			cpu_start_pcs(cpu);
		error = uc_emu_start(cpu->uc, cpu->regs.rip, 0, 0, 0);
		cpu_load_regs(cpu);
		/* Where one block leads straight to the next, Unicorn leaves RIP behind. */
		if (cpu->stopped_before)
			cpu->regs.rip = cpu->stopped_before;
		action = handle_stop(cpu, error);
		if (action == GUEST_CONTINUE)
			cpu_store_regs(cpu);
	}
	if (cpu->held)
		cpu_charge_held(cpu);
	if (cpu->failure[0])
		return CPU_FAILED;
	return cpu->stop == STOP_LIMIT ? CPU_STOPPED : CPU_GUEST_ENDED;
}
