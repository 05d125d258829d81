/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Unicorn's hooks: the fill hook attempts, the memory and block hooks complete.
 *
 * What is known about Unicorn 2.1.1 to 2.1.4 and relied on here is in design.md ("The emulated
 * machine"). In short: the fill hook runs when Unicorn's own TLB misses and gets the page, not
 * the byte; READ_AFTER hooks run once a load, after both fills; WRITE hooks run after the first
 * page's fill and before the second's; flushing is safe in fill and block hooks and not in memory
 * hooks; never stop in a memory hook.
 */

#include "emu/cpu/cpu_access_pc.h"
#include "emu/cpu/cpu_internal.h"

#include <assert.h>

static inline pfn_t frame_of(uint64_t physical)
{
	return (physical & WINDOW_MASK) >> FRAME_LG2;
}

static inline va_t name_of(const struct cpu *cpu, uint64_t physical)
{
	return cpu->vpn_of_frame[frame_of(physical)] << FRAME_LG2 | (physical & (FRAME_BYTES - 1));
}

/* Grows with each access and each block. */
static uint64_t accesses(const struct cpu *cpu)
{
	const struct machine_counters *counters = &cpu->machine->counters;

	return counters->loads + counters->stores + counters->blocks;
}

/*
 * Of a load that crosses, the hook comes after both fills, with the place of the first byte: where
 * both pages lie in one frame, its name is that of the second. Then the second page was filled last,
 * took the name over from the page before it, and nothing was accessed since. (A crossing from
 * the second page to a third would have filled that last: name_frame() flushed.)
 */
static va_t first_name(const struct cpu *cpu, va_t va)
{
	if (cpu->filled_page >> FRAME_LG2 == va >> FRAME_LG2 && cpu->name_moved_up &&
	    cpu->filled_at == accesses(cpu))
		return va - FRAME_BYTES;
	return va;
}

/* --- held stores ----------------------------------------------------------------------------- */

void cpu_charge_held(struct cpu *cpu)
{
	cpu->held = false;
	cpu->charging_held = true;
	cpu_tell_held_pc(cpu);
	machine_complete(cpu->machine, ACCESS_WRITE, cpu->held_va, cpu->held_bytes);
	cpu->charging_held = false;
}

static void hold_store(struct cpu *cpu, va_t va, unsigned bytes)
{
	cpu->held = true;
	cpu->held_va = va;
	cpu->held_bytes = bytes;
	cpu->located_at = UINT64_MAX;
	cpu->held_pc = cpu_current_pc(cpu);
	cpu->located_at = UINT64_MAX;
}

/* The held store's own second page is not yet the next access. */
static bool is_second_page_of_held(const struct cpu *cpu, enum access_kind access, va_t va)
{
	va_t last = cpu->held_va + cpu->held_bytes - 1;

	return access == ACCESS_WRITE && last >> FRAME_LG2 == va >> FRAME_LG2;
}

/* --- invalidation ---------------------------------------------------------------------------- */

/* Another space may run: what was decoded is known by virtual address. */
static void select_space(struct cpu *cpu)
{
	const struct pt_space *space = kernel_space(cpu->machine->kernel);
	asid_t id = space ? space->asid : 0;

	if (id == cpu->space)
		return;
	cpu->space = id;
	block_cache_select(cpu->blocks, id);
	operand_cache_clear(cpu->operands);
}

void cpu_flush(void *ctx)
{
	struct cpu *cpu = ctx;

	uc_ctl_flush_tlb(cpu->uc);
	cpu->flush_count++;
	cpu->flushed = true;
	select_space(cpu);
}

static void forget_decoded(struct cpu *cpu)
{
	block_cache_clear(cpu->blocks);
	operand_cache_clear(cpu->operands);
}

void cpu_drop_code(struct cpu *cpu, pfn_t pfn)
{
	uint64_t start = DIRECT_WINDOW + (pfn << FRAME_LG2);

	cpu->direct_open = true;
	uc_ctl_remove_cache(cpu->uc, start, start + FRAME_BYTES);
	cpu->direct_open = false;
	cpu->frame_flags[pfn] &= (uint8_t)~FRAME_CODE;
	forget_decoded(cpu);
	cpu_flush(cpu); /* or Unicorn keeps an entry for the window, which the guest could use */
}

void cpu_frame_changed(void *ctx, pfn_t pfn)
{
	struct cpu *cpu = ctx;

	if (cpu->frame_flags[pfn] & FRAME_CODE)
		cpu_drop_code(cpu, pfn);
}

/* --- fills ----------------------------------------------------------------------------------- */

static enum access_kind kind_of(uc_mem_type type)
{
	if (type == UC_MEM_FETCH)
		return ACCESS_FETCH;
	return type == UC_MEM_WRITE ? ACCESS_WRITE : ACCESS_READ;
}

/* Gives the frame its one name; a second one makes the first void everywhere in Unicorn. */
static void name_frame(struct cpu *cpu, pfn_t pfn, va_t va)
{
	vpn_t vpn = va >> FRAME_LG2, old = cpu->vpn_of_frame[pfn];

	cpu->name_moved_up = old + 1 == vpn;
	cpu->filled_page = va;
	cpu->filled_at = accesses(cpu);
	if (old != vpn && (cpu->named_at[pfn] == cpu->flush_count || cpu->name_moved_up))
		cpu_flush(cpu);
	cpu->vpn_of_frame[pfn] = vpn;
	cpu->named_at[pfn] = cpu->flush_count;
}

/*
 * Unicorn checks these stores; what we decoded it cannot. But without memory hooks it loses sight of
 * them after the first, where they come by another address than the code runs at: then the code
 * goes now, and the next fetch, which is a fill since the frame changes its name, brings it back.
 */
static void writes_to_code(struct cpu *cpu, pfn_t pfn, bool executable)
{
	if (cpu->config.instrument == CPU_TRANSLATE_ONLY && !executable)
		cpu_drop_code(cpu, pfn);
	else
		forget_decoded(cpu);
}

/*
 * Which window, and which permissions. X only for fetches on pages that can be written, since a
 * page both writable and executable makes each of its stores slow. Code that Unicorn holds is
 * dropped before stores that it would not see are let through.
 */
static void grant(struct cpu *cpu, enum access_kind access, unsigned grants, pa_t page,
		  uc_tlb_entry *result)
{
	bool writable = grants & 1u << ACCESS_WRITE, executable = grants & 1u << ACCESS_FETCH;
	pfn_t pfn = page >> FRAME_LG2;
	uint8_t *flags = &cpu->frame_flags[pfn];
	unsigned perms = UC_PROT_READ;

	if (executable && (!writable || access == ACCESS_FETCH)) {
		if (*flags & FRAME_UNCHECKED) {
			cpu_flush(cpu);
			*flags &= (uint8_t)~FRAME_UNCHECKED;
		}
		*flags |= FRAME_CODE;
		perms |= UC_PROT_EXEC;
	}
	if (writable && access != ACCESS_FETCH) {
		perms |= UC_PROT_WRITE;
		if (*flags & FRAME_CODE)
			writes_to_code(cpu, pfn, executable);
	}
	result->perms = perms;
	if (!executable && !(*flags & FRAME_CODE)) {
		if (writable)
			*flags |= FRAME_UNCHECKED;
		result->paddr = DATA_WINDOW + page;
	} else {
		result->paddr = page;
	}
}

/* Without memory hooks the fill is where A and D are set; W only together with D. */
static unsigned mark_at_fill(struct cpu *cpu, enum access_kind access, va_t va, unsigned grants)
{
	struct translation leaf;

	if (kernel_mark(cpu->machine->kernel, va, access == ACCESS_WRITE, &leaf) &&
	    access != ACCESS_WRITE && !leaf.dirty)
		grants &= ~(1u << ACCESS_WRITE);
	return grants;
}

/* Step 1 of the access that fills; any event on the way has its PC. */
static bool attempt_fill(struct cpu *cpu, enum access_kind access, va_t page)
{
	bool served;

	cpu->accessing = page;
	cpu->filling = true;
	cpu->fetching = access == ACCESS_FETCH;
	cpu->located_at = UINT64_MAX;
	served = machine_attempt(cpu->machine, access, page, &cpu->outcome);
	cpu->filling = cpu->fetching = false;
	cpu->located_at = UINT64_MAX;
	if (!served) {
		cpu->stop = STOP_FAULT;
		cpu->fault_access = access;
		cpu->fault_page = page;
	}
	return served;
}

static bool on_fill(uc_engine *uc, uint64_t va, uc_mem_type type, uc_tlb_entry *result, void *user)
{
	struct cpu *cpu = user;
	enum access_kind access = kind_of(type);
	unsigned grants;
	pa_t page = 0;

	(void)uc;
	if (PAGEWALK_UNLIKELY(cpu->direct_open)) {
		result->paddr = va - DIRECT_WINDOW;
		result->perms = UC_PROT_ALL;
		return true;
	}
	if (PAGEWALK_UNLIKELY(cpu->held) && !is_second_page_of_held(cpu, access, va))
		cpu_charge_held(cpu);
	grants = machine_grants(cpu->machine, va, &page);
	if (PAGEWALK_UNLIKELY(!(grants >> access & 1))) {
		if (!attempt_fill(cpu, access, va & ~(va_t)(FRAME_BYTES - 1)))
			return false;
		grants = machine_grants(cpu->machine, va, &page);
	}
	if (cpu->config.instrument == CPU_TRANSLATE_ONLY)
		grants = mark_at_fill(cpu, access, va, grants);
	grant(cpu, access, grants, page, result);
	name_frame(cpu, page >> FRAME_LG2, va); /* last: a flush voids names given before it */
	return true;
}

/* --- loads and stores ------------------------------------------------------------------------ */

/*
 * The checked build: at every access the physical address that the modelled TLBs yield must be the
 * one that Unicorn used; and of one in SAMPLE the instruction's registers must explain the virtual
 * one, because a stale name of a frame that was reused would fool the first check.
 */
#ifdef PAGEWALK_CHECKED
enum { SAMPLE = 64 };

static void check_access(struct cpu *cpu, va_t va, pa_t modelled, uint64_t physical)
{
	bool explained = true;

	assert(modelled == (physical & WINDOW_MASK));
	if (cpu->checked_accesses++ % SAMPLE == 0)
		cpu_locate(cpu, &(struct operand_target){ va, 1 }, &explained);
	assert(explained);
}
#else
static inline void check_access(struct cpu *cpu, va_t va, pa_t modelled, uint64_t physical)
{
	(void)cpu, (void)va, (void)modelled, (void)physical;
}
#endif

static void load_crossing(struct cpu *cpu, va_t va, unsigned bytes, uint64_t physical)
{
	pa_t pa;

	cpu->accessing = va;
	cpu_tell_pc(cpu, ACCESS_READ, bytes);
	pa = machine_complete(cpu->machine, ACCESS_READ, va, bytes);
	check_access(cpu, va, pa, physical);
}

static void on_load(uc_engine *uc, uc_mem_type type, uint64_t physical, int size, int64_t value,
		    void *user)
{
	struct cpu *cpu = user;
	va_t va = name_of(cpu, physical);
	pa_t pa;

	(void)uc;
	(void)type;
	(void)value;
	if (PAGEWALK_UNLIKELY(cpu->held))
		cpu_charge_held(cpu);
	if (PAGEWALK_UNLIKELY(!machine_same_page(va, (unsigned)size))) {
		load_crossing(cpu, first_name(cpu, va), (unsigned)size, physical);
		return;
	}
	cpu->accessing = va;
	cpu_tell_pc(cpu, ACCESS_READ, (unsigned)size);
	pa = machine_complete(cpu->machine, ACCESS_READ, va, (unsigned)size);
	check_access(cpu, va, pa, physical);
}

static void on_store(uc_engine *uc, uc_mem_type type, uint64_t physical, int size, int64_t value,
		     void *user)
{
	struct cpu *cpu = user;
	va_t va = name_of(cpu, physical);
	pa_t pa;

	(void)uc;
	(void)type;
	(void)value;
	if (PAGEWALK_UNLIKELY(cpu->held))
		cpu_charge_held(cpu);
	cpu->accessing = va;
	if (PAGEWALK_UNLIKELY(!machine_same_page(va, (unsigned)size))) {
		hold_store(cpu, va, (unsigned)size);
		return;
	}
	cpu_tell_pc(cpu, ACCESS_WRITE, (unsigned)size);
	pa = machine_complete(cpu->machine, ACCESS_WRITE, va, (unsigned)size);
	check_access(cpu, va, pa, physical);
}

/* --- blocks ---------------------------------------------------------------------------------- */

const uint8_t *cpu_code_at(struct cpu *cpu, va_t va, unsigned *available)
{
	pa_t pa;

	if (!kernel_translate(cpu->machine->kernel, va, &pa))
		return NULL;
	*available = (unsigned)(FRAME_BYTES - (va & (FRAME_BYTES - 1)));
	return phys_mem_at(&cpu->machine->mem, pa);
}

/* Copies a block's bytes, which may lie in two frames. */
static unsigned copy_code(struct cpu *cpu, va_t va, unsigned bytes, uint8_t *out)
{
	unsigned copied = 0;

	while (copied < bytes) {
		unsigned available;
		const uint8_t *code = cpu_code_at(cpu, va + copied, &available);

		if (!code)
			break;
		if (available > bytes - copied)
			available = bytes - copied;
		__builtin_memcpy(out + copied, code, available);
		copied += available;
	}
	return copied;
}

static bool is_writable(struct cpu *cpu, va_t va)
{
	bool inside;
	const struct vma *vma = kernel_vma_at(cpu->machine->kernel, va, &inside);

	return vma && inside && (vma->prot & 2); /* PROT_WRITE */
}

/* Decodes the block into its slot. Code that may be written at any time is decoded each time. */
static struct block_info *decode_block(struct cpu *cpu, struct block_info *slot, va_t va,
				       unsigned bytes)
{
	uint8_t code[2 * FRAME_BYTES];

	bytes = copy_code(cpu, va, bytes < sizeof(code) ? bytes : sizeof(code), code);
	block_decode(cpu->blocks, code, va, bytes, slot);
	cpu->code_bytes += CODE_OF_BLOCK + bytes;
	if (is_writable(cpu, va) || is_writable(cpu, va + bytes - 1))
		slot->generation = 0;
	return slot;
}

static inline struct block_info *find_block(struct cpu *cpu, va_t va, unsigned bytes)
{
	struct block_info *slot = block_cache_slot(cpu->blocks, va);

	if (PAGEWALK_LIKELY(slot->va == va && slot->bytes == bytes &&
			    slot->generation == block_cache_generation(cpu->blocks)))
		return slot;
	return decode_block(cpu, slot, va, bytes);
}

/* Mappings may have changed since Unicorn looked this block up. */
static bool attempt_block(struct cpu *cpu, va_t va, unsigned bytes)
{
	cpu->flushed = false;
	if (machine_fetch_block(cpu->machine, va, bytes, &cpu->outcome))
		return true;
	cpu->stop = STOP_FAULT;
	cpu->fault_access = ACCESS_FETCH;
	cpu->fault_page = cpu->outcome.va & ~(va_t)(FRAME_BYTES - 1);
	return false;
}

static bool is_hooked(const struct cpu *cpu, va_t site)
{
	for (unsigned i = 0; i < cpu->special_count; i++)
		if (cpu->special_site[i] == site)
			return true;
	return false;
}

/* Something is due before the block. May it go ahead? Otherwise cpu->stop says why not. */
static bool enter_block_slowly(struct cpu *cpu, va_t va, unsigned bytes)
{
	struct machine *m = cpu->machine;

	if (cpu->flushed && !attempt_block(cpu, va, bytes))
		return false;
	if (m->counters.instructions >= m->next_alarm) {
		machine_ring_before(m, va, bytes);
		if (cpu->stop_asked) {
			cpu->stop = STOP_LIMIT;
			return false;
		}
	}
	if (m->counters.instructions >= cpu->guest->wake_at) {
		cpu->stop = STOP_TIMER;
		return false;
	}
	return true;
}

/*
 * Unicorn's buffer of translated code must not run over: 2.1.1 would then link a block that is not
 * there any more. Each block that is decoded here was translated there, and takes 9 bytes and more
 * of the buffer for each of its own; the buffer has 40.
 */
static bool code_is_full(struct cpu *cpu)
{
	if (PAGEWALK_LIKELY(cpu->code_bytes < CODE_BYTES_MAX))
		return false;
	cpu->stop = STOP_CODE_FULL;
	return true;
}

static inline bool enter_block(struct cpu *cpu, va_t va, unsigned bytes)
{
	uint64_t now = cpu->machine->counters.instructions;

	if (PAGEWALK_UNLIKELY(cpu->flushed || now >= cpu->machine->next_alarm ||
			      now >= cpu->guest->wake_at) &&
	    !enter_block_slowly(cpu, va, bytes))
		return false;
	cpu->block = find_block(cpu, va, bytes);
	if (PAGEWALK_UNLIKELY(cpu->pc_memo != NULL))
		cpu_start_pcs(cpu);
	if (code_is_full(cpu))
		return false;
	if (PAGEWALK_UNLIKELY(cpu->block->special != SPECIAL_NONE) &&
	    !is_hooked(cpu, va + cpu->block->special_offset)) {
		cpu->stop = STOP_RETRANSLATE;
		return false;
	}
	return true;
}

static void on_block(uc_engine *uc, uint64_t va, uint32_t bytes, void *user)
{
	struct cpu *cpu = user;

	if (PAGEWALK_UNLIKELY(cpu->held))
		cpu_charge_held(cpu);
	cpu->entering = va;
	if (PAGEWALK_LIKELY(enter_block(cpu, va, bytes))) {
		if (PAGEWALK_LIKELY(cpu->config.instrument == CPU_MEASURE))
			machine_charge_block(cpu->machine, va, bytes, cpu->block->instructions,
					     cpu->block->rep);
		else
			machine_count_block(cpu->machine, cpu->block->instructions,
					    cpu->block->rep);
	} else {
		cpu->stopped_before = va;
		uc_emu_stop(uc);
	}
	cpu->entering = 0;
}

static void on_special(uc_engine *uc, uint64_t va, uint32_t bytes, void *user)
{
	struct cpu *cpu = user;
	struct special_insn insn;
	unsigned available;
	const uint8_t *code = cpu_code_at(cpu, va, &available);

	(void)bytes;
	if (!code)
		return;
	block_special_at(cpu->blocks, code, available, va, &insn);
	if (insn.kind == SPECIAL_NONE) /* other code lies there now */
		return;
	cpu->stop = STOP_SPECIAL;
	uc_emu_stop(uc);
}

/* --- system calls and interrupts ------------------------------------------------------------- */

static void on_syscall(uc_engine *uc, void *user)
{
	struct cpu *cpu = user;

	if (cpu->held)
		cpu_charge_held(cpu);
	cpu->stop = STOP_SYSCALL;
	uc_emu_stop(uc);
}

static void on_interrupt(uc_engine *uc, uint32_t vector, void *user)
{
	struct cpu *cpu = user;

	cpu->stop = STOP_INTERRUPT;
	cpu->interrupt = vector;
	uc_emu_stop(uc);
}

/* --- the bench's empty hooks ----------------------------------------------------------------- */

static void on_nothing_memory(uc_engine *uc, uc_mem_type type, uint64_t physical, int size,
			      int64_t value, void *user)
{
	(void)uc, (void)type, (void)physical, (void)size, (void)value, (void)user;
}

static void on_nothing_block(uc_engine *uc, uint64_t va, uint32_t bytes, void *user)
{
	(void)uc, (void)va, (void)bytes, (void)user;
}

/* --- installing ------------------------------------------------------------------------------ */

/* Unicorn takes every callback as void *, which ISO C has no conversion for. */
#define CALLBACK(function) __extension__((void *)(function))

static bool add_hook(struct cpu *cpu, int type, void *callback)
{
	uc_hook handle; /* hooks live as long as the engine */

	return uc_hook_add(cpu->uc, &handle, type, callback, cpu, (uint64_t)1, (uint64_t)0) ==
	       UC_ERR_OK;
}

/*
 * Unicorn writes RIP before a load only where a plain READ hook exists at translation, and our
 * READ_AFTER hooks want it: one whose range holds no address is enough.
 */
static bool keep_rip_exact(struct cpu *cpu)
{
	uc_hook handle;

	return uc_hook_add(cpu->uc, &handle, UC_HOOK_MEM_READ, CALLBACK(on_nothing_memory), cpu,
			   UINT64_MAX, UINT64_MAX) == UC_ERR_OK;
}

static bool add_access_hooks(struct cpu *cpu)
{
	switch (cpu->config.instrument) {
	case CPU_EMPTY_HOOKS:
		return add_hook(cpu, UC_HOOK_MEM_READ_AFTER | UC_HOOK_MEM_WRITE,
				CALLBACK(on_nothing_memory)) &&
		       add_hook(cpu, UC_HOOK_BLOCK, CALLBACK(on_nothing_block));
	case CPU_TRANSLATE_ONLY:
		return add_hook(cpu, UC_HOOK_BLOCK, CALLBACK(on_block));
	case CPU_NO_HOOKS:
		return true;
	case CPU_MEASURE:
		break;
	}
	return keep_rip_exact(cpu) && add_hook(cpu, UC_HOOK_MEM_READ_AFTER, CALLBACK(on_load)) &&
	       add_hook(cpu, UC_HOOK_MEM_WRITE, CALLBACK(on_store)) &&
	       add_hook(cpu, UC_HOOK_BLOCK, CALLBACK(on_block));
}

bool cpu_install_hooks(struct cpu *cpu)
{
	uc_hook handle;

	return add_hook(cpu, UC_HOOK_TLB_FILL, CALLBACK(on_fill)) && add_access_hooks(cpu) &&
	       add_hook(cpu, UC_HOOK_INTR, CALLBACK(on_interrupt)) &&
	       uc_hook_add(cpu->uc, &handle, UC_HOOK_INSN, CALLBACK(on_syscall), cpu, (uint64_t)1,
			   (uint64_t)0, UC_X86_INS_SYSCALL) == UC_ERR_OK;
}

bool cpu_hook_special(struct cpu *cpu, va_t site)
{
	uc_hook handle;

	if (cpu->special_count == SPECIAL_SITES_MAX)
		return false;
	cpu->special_site[cpu->special_count++] = site;
	return uc_hook_add(cpu->uc, &handle, UC_HOOK_CODE, CALLBACK(on_special), cpu, site, site) ==
	       UC_ERR_OK;
}
