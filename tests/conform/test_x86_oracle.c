/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * The x86 walker against Unicorn's own MMU (UC_TLB_CPU: QEMU's walker, which we did not write).
 *
 * Each case is a small seeded random set of tables, biased so that most paths are almost valid: a
 * path of one entry a level from the root to a 4 KiB, 2 MiB or 1 GiB leaf, with a few random bits
 * flipped, and next to each table another one with the same path and other bits, which flipped
 * address bits lead to. One access (load, store or fetch; user, supervisor, supervisor with
 * EFLAGS.AC; any of CR0.WP, CR4.SMEP, CR4.SMAP, EFER.NXE; 4 or 5 levels) is made through our MMU
 * and through Unicorn's, both starting from the same tables in the same memory. Afterwards the
 * physical address, or the fault with error code and CR2, and every entry must be the same.
 *
 * How the physical address shows: each word of the data area encodes its own address, so a load
 * returns it; the word is also code (mov eax, address >> 3; int3), so that a fetch does; a store's
 * value must appear where our MMU says.
 *
 * PAGEWALK_TEST_OPS scales the million cases, PAGEWALK_TEST_SEED (not 0) gives others.
 *
 * Known differences, both sides as they are:
 *  1. Unicorn sets A of a 1 GiB leaf before it checks reserved bits and access rights; we (and
 *     Unicorn itself for 4 KiB and 2 MiB leaves) only for accesses that go through. The manual
 *     allows both: a flag is set when the entry is used for a translation (Intel SDM 3A,
 *     "Accessed and Dirty Flags").
 *  2. A leaf that points beyond memory ends in a host error there and in a translation here; that
 *     both let the access through is all that is compared then.
 */

#include "mmu/mmu.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>
#include <unicorn/unicorn.h>

#define BIT(n) (UINT64_C(1) << (n))

enum {
	P = 1 << 0,
	W = 1 << 1,
	U = 1 << 2,
	A = 1 << 5,
	D = 1 << 6,
	PS = 1 << 7,
};
#define NX BIT(63)

/*
 * Physical memory:
 *   0x00000  GDT          0x01000 code (also mapped for users)   0x02000.. tables that map these
 *   0x10000  16 tables of the cases      0x20000 the two roots   from 2 MiB: data
 */
#define MEMORY_BYTES (UINT64_C(4) << 30)
enum {
	GDT_PA = 0x0,
	CODE_PA = 0x1000,
	FIXED_TABLES_PA = 0x2000,
	CASE_TABLES_PA = 0x10000,
	CASE_TABLES = 16,
	ROOT_PA = 0x20000, /* + 4096 for 5 levels */
	SYSTEM_END = 0x200000,
	FIXED_SLOT = 256, /* of the root: nothing random goes there */
};
/* Offsets in the window at FIXED_SLOT and in the code page. */
enum { WINDOW_GDT = 0, WINDOW_CODE_KERNEL = 0x1000, WINDOW_CODE_USER = 0x2000 };
enum { WINDOW_STACK = 0x800 }; /* in the page of the GDT */
enum { STUB_LOAD = 0, STUB_STORE = 16, STUB_IRET = 32, STUB_BREAK = 34 };
enum { SELECTOR_CODE0 = 0x08, SELECTOR_DATA0 = 0x10, SELECTOR_DATA3 = 0x1b, SELECTOR_CODE3 = 0x23 };

enum { CONTROL_WP = 1, CONTROL_SMEP = 2, CONTROL_SMAP = 4, CONTROL_NXE = 8, CONTROL_SETS = 16 };

struct side_result {
	bool translated;
	bool beyond_memory;
	uint8_t vector; /* 14 #PF, 13 #GP */
	uint32_t error_code;
	va_t cr2;
	pa_t pa;
};

/* One number of levels: our MMU and Unicorn over the same root. */
struct machine {
	unsigned levels;
	struct page_table table;
	struct pt_space *space;
	struct mmu mmu;
	struct ledger ledger;
	uc_engine *uc;
	uc_context *pristine[CPU_MODE_COUNT][CONTROL_SETS];
	uc_context *after;
	size_t error_code_offset;
	va_t window;
	pa_t own_root; /* of the space, which uses ROOT_PA instead */
	uint32_t interrupt;
};

struct slot {
	pa_t pa;
	uint64_t before, ours;
	unsigned level;
};

struct trial {
	struct machine *machine;
	enum access_kind access;
	enum cpu_mode mode;
	unsigned controls; /* CONTROL_ */
	va_t va;
	unsigned leaf_level;
	pa_t pdpte; /* of the walk: where the upper entries lead */
	unsigned slot_count;
	struct slot slot[2 * PT_LEVELS_MAX];
};

static struct phys_mem memory;
static struct bump_frames frames;
static struct pt_memory table_memory;
static struct machine machines[2];

/* xorshift64*, Vigna 2016. */
static uint64_t random_state;
static uint64_t rnd(void)
{
	random_state ^= random_state >> 12;
	random_state ^= random_state << 25;
	random_state ^= random_state >> 27;
	return random_state * UINT64_C(2685821657736338717);
}
static unsigned below(unsigned n)
{
	return (unsigned)((rnd() >> 32) * n >> 32);
}
static bool chance(unsigned percent)
{
	return below(100) < percent;
}

static uint64_t word_at(pa_t pa)
{
	return *(uint64_t *)phys_mem_at(&memory, pa);
}
static void put_word(pa_t pa, uint64_t value)
{
	*(uint64_t *)phys_mem_at(&memory, pa) = value;
}
/* mov eax, pa >> 3; int3; nop; nop */
static uint64_t data_word(pa_t pa)
{
	return UINT64_C(0x9090cc0000000000) | (pa >> 3) << 8 | 0xb8;
}

/* ---- set-up ---- */

static void write_fixed_memory(void)
{
	static const uint8_t load[] = { 0x48, 0x8b, 0x07, 0xcc };  /* mov rax, [rdi]; int3 */
	static const uint8_t store[] = { 0x48, 0x89, 0x07, 0xcc }; /* mov [rdi], rax; int3 */
	static const uint8_t iret[] = { 0x48, 0xcf, 0xcc };        /* iretq; int3 */
	const uint64_t all = P | W | U | A | D;
	pa_t table = FIXED_TABLES_PA;

	put_word(GDT_PA + 0x08, UINT64_C(0x00af9b000000ffff)); /* 64-bit code, DPL 0 */
	put_word(GDT_PA + 0x10, UINT64_C(0x00cf93000000ffff));
	put_word(GDT_PA + 0x18, UINT64_C(0x00cff3000000ffff)); /* data, DPL 3 */
	put_word(GDT_PA + 0x20, UINT64_C(0x00affb000000ffff)); /* 64-bit code, DPL 3 */
	memcpy(phys_mem_at(&memory, CODE_PA + STUB_LOAD), load, sizeof(load));
	memcpy(phys_mem_at(&memory, CODE_PA + STUB_STORE), store, sizeof(store));
	memcpy(phys_mem_at(&memory, CODE_PA + STUB_IRET), iret, sizeof(iret));
	/* Four tables: the fourth is used below the 5-level root only. */
	put_word(table, GDT_PA | P | W | A | D);
	put_word(table + 8, CODE_PA | P | W | A | D);
	put_word(table + 16, CODE_PA | all);
	for (unsigned i = 1; i < 4; i++)
		put_word(table + i * 4096, (table + (i - 1) * 4096) | all);
	put_word(ROOT_PA + FIXED_SLOT * 8, (table + 2 * 4096) | all);
	put_word(ROOT_PA + 4096 + FIXED_SLOT * 8, (table + 3 * 4096) | all);
}

static void on_interrupt(uc_engine *uc, uint32_t number, void *user)
{
	struct machine *m = user;

	m->interrupt = number;
	uc_emu_stop(uc);
}

static void uc_must(uc_err error)
{
	if (error != UC_ERR_OK)
		fail_msg("Unicorn: %s", uc_strerror(error));
}

static void write_register(uc_engine *uc, int reg, uint64_t value)
{
	uc_must(uc_reg_write(uc, reg, &value));
}

/* As a kernel does it: writing SS through the API leaves the privilege level alone. */
static void enter_user(struct machine *m)
{
	const uint64_t frame[] = { m->window + WINDOW_CODE_USER + STUB_BREAK, SELECTOR_CODE3, 2, 0,
				   SELECTOR_DATA3 };

	memcpy(phys_mem_at(&memory, GDT_PA + WINDOW_STACK), frame, sizeof(frame));
	write_register(m->uc, UC_X86_REG_RSP, m->window + WINDOW_GDT + WINDOW_STACK);
	m->interrupt = 0;
	uc_must(uc_emu_start(m->uc, m->window + WINDOW_CODE_KERNEL + STUB_IRET, 0, 0, 0));
	assert_int_equal(m->interrupt, 3);
}

static void save_pristine(struct machine *m, enum cpu_mode mode, unsigned controls)
{
	uc_engine *uc = m->uc;
	uc_x86_msr efer = { .rid = 0xc0000080,
			    .value = 0x500 | (controls & CONTROL_NXE ? 0x800u : 0) };
	uint64_t cr4 = BIT(5) | BIT(9) | (m->levels == 5 ? BIT(12) : 0);

	if (controls & CONTROL_SMEP)
		cr4 |= BIT(20);
	if (controls & CONTROL_SMAP)
		cr4 |= BIT(21);
	write_register(uc, UC_X86_REG_CR3, ROOT_PA + (m->levels == 5 ? 4096u : 0));
	write_register(uc, UC_X86_REG_CR4, cr4);
	uc_must(uc_reg_write(uc, UC_X86_REG_MSR, &efer));
	write_register(uc, UC_X86_REG_CR0,
		       UINT64_C(0x80000001) | (controls & CONTROL_WP ? 0x10000u : 0));
	write_register(uc, UC_X86_REG_EFLAGS, mode == MODE_SUPERVISOR_AC ? BIT(18) | 2 : 2);
	write_register(uc, UC_X86_REG_CS, SELECTOR_CODE0);
	write_register(uc, UC_X86_REG_SS, SELECTOR_DATA0);
	if (mode == MODE_USER)
		enter_user(m);
	uc_must(uc_context_alloc(uc, &m->pristine[mode][controls]));
	uc_must(uc_context_save(uc, m->pristine[mode][controls]));
}

static void open_unicorn(struct machine *m)
{
	uc_x86_mmr gdtr = { .base = m->window + WINDOW_GDT, .limit = 0x27 };
	/* The API takes functions as object pointers, which ISO C has no cast for. */
	const union {
		uc_cb_hookintr_t function;
		void *object;
	} callback = { .function = on_interrupt };
	uc_context *fresh;
	uc_hook hook;

	uc_must(uc_open(UC_ARCH_X86, UC_MODE_64, &m->uc));
	uc_must(uc_ctl_set_cpu_model(m->uc, UC_CPU_X86_ICELAKE_SERVER));
	uc_must(uc_ctl_tlb_mode(m->uc, UC_TLB_CPU));
	uc_must(uc_ctl_exits_enable(m->uc));
	uc_must(uc_mem_map_ptr(m->uc, 0, MEMORY_BYTES, UC_PROT_ALL, memory.bytes));
	uc_must(uc_hook_add(m->uc, &hook, UC_HOOK_INTR, callback.object, m, 1, 0));
	uc_must(uc_reg_write(m->uc, UC_X86_REG_GDTR, &gdtr));
	uc_must(uc_context_alloc(m->uc, &fresh));
	uc_must(uc_context_save(m->uc, fresh));
	for (int mode = 0; mode < CPU_MODE_COUNT; mode++) {
		for (unsigned controls = 0; controls < CONTROL_SETS; controls++) {
			uc_must(uc_context_restore(m->uc, fresh));
			save_pristine(m, mode, controls);
		}
	}
	uc_must(uc_context_free(fresh));
	uc_must(uc_context_alloc(m->uc, &m->after));
}

static void open_ours(struct machine *m)
{
	struct mmu_config config;
	struct config_complaint complaint;
	struct radix_config *radix = &config.page_table.radix;

	mmu_config_default(&config);
	config.tlb.level_count = 0;
	config.walk_caches.count = 0;
	strcpy(config.page_table.format, "radix");
	radix->level_count = m->levels;
	radix->offset_bits = 12;
	radix->pa_bits = 40; /* Unicorn's MAXPHYADDR (TCG_PHYS_ADDR_BITS of QEMU), any model */
	radix->entry = RADIX_ENTRY_X86_64;
	for (unsigned i = 0; i < m->levels; i++) {
		radix->index_bits[i] = 9;
		radix->leaf_allowed[i] = i < 3;
	}
	assert_int_equal(page_table_create(&m->table, &config.page_table, &table_memory,
					   &host_alloc_libc, &complaint),
			 PW_OK);
	assert_int_equal(pt_space_create(&m->table, 1, &m->space), PW_OK);
	m->own_root = m->space->root;
	m->space->root = ROOT_PA + (m->levels == 5 ? 4096u : 0);
	assert_int_equal(mmu_init(&m->mmu, &config, &m->table, NULL, &m->ledger, &host_alloc_libc,
				  &complaint),
			 PW_OK);
	mmu_switch(&m->mmu, m->space);
}

/* ---- one access on each side ---- */

static void run_ours(const struct trial *t, struct side_result *result)
{
	struct mmu *mmu = &t->machine->mmu;
	const struct mmu_controls controls = {
		.write_protect = t->controls & CONTROL_WP,
		.smep = t->controls & CONTROL_SMEP,
		.smap = t->controls & CONTROL_SMAP,
		.no_execute = t->controls & CONTROL_NXE,
	};
	struct mmu_result r;
	struct mmu_fault probed;
	enum fault_kind kind;

	memset(result, 0, sizeof(*result));
	mmu->mode = t->mode;
	mmu_set_controls(mmu, &controls);
	kind = mmu_probe(mmu, t->access, t->va, &probed);
	mmu_access(mmu, t->access, t->va, 8, &r);
	assert_int_equal(kind, r.fault.kind);
	if (r.fault.kind == FAULT_NONE) {
		result->translated = true;
		result->pa = r.pa;
		result->beyond_memory = !phys_mem_holds(&memory, r.pa, 8);
		return;
	}
	assert_memory_equal(&probed.va, &r.fault.va, sizeof(va_t));
	assert_int_equal(probed.error_code, r.fault.error_code);
	result->vector = r.fault.kind == FAULT_NON_CANONICAL ? 13 : 14;
	result->error_code = r.fault.error_code;
	result->cr2 = r.fault.va;
}

static const uint64_t store_value = UINT64_C(0x5706e0fada7a0123);

static uc_err start_unicorn(const struct trial *t)
{
	struct machine *m = t->machine;
	va_t code = m->window + (t->mode == MODE_USER ? WINDOW_CODE_USER : WINDOW_CODE_KERNEL);

	uc_must(uc_context_restore(m->uc, m->pristine[t->mode][t->controls]));
	uc_must(uc_ctl_flush_tlb(m->uc));
	write_register(m->uc, UC_X86_REG_RDI, t->va);
	write_register(m->uc, UC_X86_REG_RAX, store_value);
	m->interrupt = 0;
	if (t->access == ACCESS_FETCH)
		code = t->va;
	else
		code += t->access == ACCESS_READ ? STUB_LOAD : STUB_STORE;
	return uc_emu_start(m->uc, code, 0, 0, 0);
}

static uint32_t unicorn_error_code(struct machine *m)
{
	uint32_t code;

	uc_must(uc_context_save(m->uc, m->after));
	memcpy(&code, (const char *)m->after + m->error_code_offset, sizeof(code));
	return code;
}

/* `expected` is where our MMU went: a store is looked for there, and only there. */
static void run_unicorn(const struct trial *t, pa_t expected, struct side_result *result)
{
	struct machine *m = t->machine;
	uc_err error = start_unicorn(t);
	uint64_t value;

	memset(result, 0, sizeof(*result));
	if (error == UC_ERR_READ_UNMAPPED || error == UC_ERR_WRITE_UNMAPPED ||
	    error == UC_ERR_FETCH_UNMAPPED) {
		result->translated = result->beyond_memory = true;
		return;
	}
	uc_must(error);
	if (m->interrupt == 3) {
		result->translated = true;
		uc_must(uc_reg_read(m->uc, UC_X86_REG_RAX, &value));
		if (t->access == ACCESS_WRITE)
			result->pa = word_at(expected) == store_value ? expected : PFN_NONE;
		else if (t->access == ACCESS_READ)
			result->pa = value == word_at(expected) ? expected : value;
		else
			result->pa = value << 3;
		return;
	}
	result->vector = (uint8_t)m->interrupt;
	result->error_code = unicorn_error_code(m);
	if (m->interrupt == 14)
		uc_must(uc_reg_read(m->uc, UC_X86_REG_CR2, &result->cr2));
}

/*
 * The error code has no register of its own in Unicorn's API: find it in the saved context, as the
 * one word that holds the right code after each of several faults on an absent page.
 */
static void find_error_code(struct machine *m)
{
	static const struct {
		enum cpu_mode mode;
		enum access_kind access;
		uint32_t code;
	} known[] = {
		{ MODE_USER, ACCESS_READ, 4 },       { MODE_USER, ACCESS_WRITE, 6 },
		{ MODE_SUPERVISOR, ACCESS_READ, 0 }, { MODE_SUPERVISOR, ACCESS_WRITE, 2 },
		{ MODE_USER, ACCESS_FETCH, 20 },     { MODE_SUPERVISOR, ACCESS_FETCH, 16 },
	};
	size_t size = uc_context_size(m->uc), found = 0;
	bool *candidate = calloc(size, sizeof(*candidate));

	assert_non_null(candidate);
	for (size_t i = 0; i < size; i += 4)
		candidate[i] = i + 4 <= size;
	for (unsigned k = 0; k < sizeof(known) / sizeof(known[0]); k++) {
		struct trial t = { .machine = m,
				   .access = known[k].access,
				   .mode = known[k].mode,
				   .controls = CONTROL_NXE,
				   .va = 0x123456789000 };

		uc_must(start_unicorn(&t));
		assert_int_equal(m->interrupt, 14);
		uc_must(uc_context_save(m->uc, m->after));
		for (size_t i = 0; i + 4 <= size; i += 4)
			candidate[i] = candidate[i] &&
				       memcmp((const char *)m->after + i, &known[k].code, 4) == 0;
	}
	for (size_t i = 0; i < size; i += 4) {
		if (candidate[i]) {
			m->error_code_offset = i;
			found++;
		}
	}
	free(candidate);
	assert_int_equal(found, 1);
}

/* ---- cases ---- */

static uint64_t random_flags(bool leaf)
{
	uint64_t flags = P;

	if (chance(80))
		flags |= W;
	if (chance(70))
		flags |= U;
	if (chance(50))
		flags |= A;
	if (leaf && chance(40))
		flags |= D;
	if (chance(12))
		flags |= NX;
	return flags;
}

static pa_t random_leaf_pa(unsigned level)
{
	static const unsigned page_lg2[] = { 12, 21, 30 };
	pa_t mask = ~(BIT(page_lg2[level]) - 1);

	if (level == 2)
		return (1 + below(3)) * BIT(30);
	return (SYSTEM_END + (rnd() & 0x3fffffff)) & mask;
}

/* Bits whose flipping keeps tables within the tables, and leaves mostly within memory. */
static uint64_t random_flip(bool leaf)
{
	static const uint8_t usual[] = { 0, 0, 1, 1, 2, 2, 5, 6, 7, 7, 7, 63, 63, 3, 4, 8 };

	if (chance(65))
		return BIT(usual[below(sizeof(usual))]);
	if (chance(20))
		return BIT(52 + below(11));
	if (chance(10))
		return BIT(40 + below(12));
	if (!leaf)
		return chance(60) ? BIT(12) : BIT(9 + below(3));
	if (chance(5))
		return BIT(32 + below(8));
	return BIT(8 + below(24));
}

static unsigned random_flip_count(void)
{
	unsigned dice = below(100);

	return dice < 30 ? 0 : dice < 62 ? 1 : dice < 84 ? 2 : dice < 95 ? 3 : 6;
}

static va_t random_va(const struct machine *m)
{
	unsigned bits = 12 + 9 * m->levels;
	unsigned top = below(511);
	va_t va = rnd() & (BIT(bits - 9) - 1) & ~UINT64_C(7);

	if (top >= FIXED_SLOT)
		top++;
	va |= (va_t)top << (bits - 9);
	va = (va_t)((int64_t)(va << (64 - bits)) >> (64 - bits));
	if (chance(2))
		va ^= chance(50) ? BIT(bits + below(64 - bits))
				 : ~(BIT(bits) - 1); /* not canonical */
	return va;
}

static pa_t entry_pa(const struct trial *t, unsigned level, pa_t table)
{
	return table + (t->va >> (12 + 9 * level) & 511) * 8;
}

static void place(struct trial *t, unsigned level, pa_t table, uint64_t entry)
{
	pa_t pa = entry_pa(t, level, table);

	put_word(pa, entry);
	t->slot[t->slot_count++] = (struct slot){ .pa = pa, .level = level };
}

static uint64_t random_entry(const struct trial *t, unsigned level, pa_t next)
{
	bool leaf = level == t->leaf_level;
	uint64_t entry = random_flags(leaf);

	if (leaf)
		return entry | random_leaf_pa(level) | (level > 0 ? PS : 0);
	return entry | next;
}

static void make_trial(struct trial *t)
{
	unsigned dice = below(100), flips = random_flip_count();
	pa_t table;

	t->machine = &machines[chance(35)];
	t->access = below(ACCESS_KIND_COUNT);
	t->mode = below(CPU_MODE_COUNT);
	t->controls = below(CONTROL_SETS);
	if (chance(40))
		t->controls |= CONTROL_NXE;
	t->va = random_va(t->machine);
	t->leaf_level = dice < 50 ? 0 : dice < 78 ? 1 : 2;
	t->slot_count = 0;
	table = t->machine->space->root;
	for (unsigned level = t->machine->levels; level-- > t->leaf_level;) {
		pa_t next = CASE_TABLES_PA + below(CASE_TABLES) * 4096;

		place(t, level, table, random_entry(t, level, next));
		if (level + 1 < t->machine->levels) /* where bit 12 of the pointer leads */
			place(t, level, table ^ 4096, random_entry(t, level, next));
		table = next;
	}
	while (flips-- > 0) {
		unsigned i = below(t->slot_count);
		bool leaf = t->slot[i].level == t->leaf_level;

		put_word(t->slot[i].pa, word_at(t->slot[i].pa) ^ random_flip(leaf));
	}
	for (unsigned i = 0; i < t->slot_count; i++)
		t->slot[i].before = word_at(t->slot[i].pa);
	table = t->machine->space->root;
	for (unsigned level = t->machine->levels - 1; level > 2; level--)
		table = word_at(entry_pa(t, level, table)) & (BIT(40) - 4096) & (MEMORY_BYTES - 1);
	t->pdpte = entry_pa(t, 2, table);
}

/* Data words are written where they are needed: memory is larger than the host's. */
static bool prepare_data(const struct trial *t, const struct side_result *ours)
{
	if (!ours->translated || ours->beyond_memory)
		return true;
	if (ours->pa < SYSTEM_END)
		return t->access == ACCESS_READ;
	put_word(ours->pa, data_word(ours->pa));
	return true;
}

static void describe_and_fail(const struct trial *t, const struct side_result *ours,
			      const struct side_result *unicorn, const char *what)
{
	static const char *const accesses[] = { "read", "write", "fetch" };
	static const char *const modes[] = { "user", "supervisor", "supervisor with AC" };

	print_error("%s: %u levels, %s, %s, controls %#x, va %#llx, leaf level %u\n", what,
		    t->machine->levels, accesses[t->access], modes[t->mode], t->controls,
		    (unsigned long long)t->va, t->leaf_level);
	for (unsigned i = 0; i < t->slot_count; i++)
		print_error("  level %u at %#llx: before %#llx, ours %#llx, Unicorn's %#llx\n",
			    t->slot[i].level, (unsigned long long)t->slot[i].pa,
			    (unsigned long long)t->slot[i].before,
			    (unsigned long long)t->slot[i].ours,
			    (unsigned long long)word_at(t->slot[i].pa));
	for (unsigned i = 0; i < 2; i++) {
		const struct side_result *r = i ? unicorn : ours;

		print_error(
			"  %s: translated %d, beyond %d, pa %#llx, vector %u, code %#x, CR2 %#llx\n",
			i ? "Unicorn" : "ours", r->translated, r->beyond_memory,
			(unsigned long long)r->pa, r->vector, r->error_code,
			(unsigned long long)r->cr2);
	}
	fail_msg("%s", what);
}

/* Known difference 1. */
static uint64_t ignored_bits(const struct trial *t, const struct slot *slot,
			     const struct side_result *ours)
{
	return !ours->translated && slot->pa == t->pdpte && (slot->before & PS) ? A : 0;
}

static void compare(const struct trial *t, const struct side_result *ours,
		    const struct side_result *unicorn)
{
	if (ours->translated != unicorn->translated ||
	    ours->beyond_memory != unicorn->beyond_memory)
		describe_and_fail(t, ours, unicorn, "one side faults, the other does not");
	if (ours->translated && !ours->beyond_memory && ours->pa != unicorn->pa)
		describe_and_fail(t, ours, unicorn, "physical addresses differ");
	if (ours->vector != unicorn->vector || ours->error_code != unicorn->error_code ||
	    ours->cr2 != unicorn->cr2)
		describe_and_fail(t, ours, unicorn, "faults differ");
	for (unsigned i = 0; i < t->slot_count; i++) {
		uint64_t ignored = ignored_bits(t, &t->slot[i], ours);

		if ((t->slot[i].ours | ignored) != (word_at(t->slot[i].pa) | ignored))
			describe_and_fail(t, ours, unicorn, "entries differ afterwards");
	}
}

struct tally {
	unsigned long cases, skipped, translated, beyond, page_faults, general_protection;
	unsigned long by_code[32], leaves[3], levels[2], entry_writes;
};

static void count(struct tally *tally, const struct trial *t, const struct side_result *ours)
{
	tally->cases++;
	tally->levels[t->machine->levels - 4]++;
	if (ours->translated) {
		tally->translated++;
		tally->beyond += ours->beyond_memory;
		tally->leaves[t->leaf_level]++;
	} else if (ours->vector == 14) {
		tally->page_faults++;
		tally->by_code[ours->error_code & 31]++;
	} else {
		tally->general_protection++;
	}
	for (unsigned i = 0; i < t->slot_count; i++)
		tally->entry_writes += t->slot[i].ours != t->slot[i].before;
}

static void run_trial(struct tally *tally)
{
	struct side_result ours, unicorn;
	struct trial t;

	make_trial(&t);
	run_ours(&t, &ours);
	for (unsigned i = 0; i < t.slot_count; i++)
		t.slot[i].ours = word_at(t.slot[i].pa);
	for (unsigned i = 0; i < t.slot_count; i++)
		put_word(t.slot[i].pa, t.slot[i].before);
	if (prepare_data(&t, &ours)) {
		run_unicorn(&t, ours.pa, &unicorn);
		compare(&t, &ours, &unicorn);
		count(tally, &t, &ours);
	} else {
		tally->skipped++;
	}
	for (unsigned i = 0; i < t.slot_count; i++)
		put_word(t.slot[i].pa, 0);
}

/* Between cases the tables are empty, whatever side wrote: nothing else may have been touched. */
static void check_tables_empty(void)
{
	for (pa_t pa = CASE_TABLES_PA; pa < CASE_TABLES_PA + CASE_TABLES * 4096; pa += 8)
		if (word_at(pa) != 0)
			fail_msg("a table was written at %#llx outside the path",
				 (unsigned long long)pa);
}

static unsigned long case_count(unsigned long usual)
{
	const char *scale = getenv("PAGEWALK_TEST_OPS");

	return scale ? (unsigned long)((double)usual * atof(scale)) : usual;
}

static void report(const struct tally *tally)
{
	print_message("4 levels %lu, 5 levels %lu\n", tally->levels[0], tally->levels[1]);
	print_message(
		"cases %lu (skipped %lu): translated %lu (4K %lu, 2M %lu, 1G %lu path; beyond "
		"memory %lu), #PF %lu, #GP %lu; entries changed %lu\n",
		tally->cases, tally->skipped, tally->translated, tally->leaves[0], tally->leaves[1],
		tally->leaves[2], tally->beyond, tally->page_faults, tally->general_protection,
		tally->entry_writes);
	for (unsigned i = 0; i < 32; i++)
		if (tally->by_code[i])
			print_message("  error code %#4x: %lu\n", i, tally->by_code[i]);
}

static void x86_oracle_agrees(void **state)
{
	unsigned long cases = case_count(1000000);
	struct tally tally = { 0 };

	(void)state;
	random_state = getenv("PAGEWALK_TEST_SEED")
			       ? strtoull(getenv("PAGEWALK_TEST_SEED"), NULL, 0)
			       : 20260601;
	for (unsigned long i = 1; tally.cases < cases; i++) {
		run_trial(&tally);
		if (i % 16384 == 0) {
			check_tables_empty();
			madvise(memory.bytes + SYSTEM_END, memory.size - SYSTEM_END, MADV_DONTNEED);
		}
	}
	check_tables_empty();
	report(&tally);
	if (cases >= 10000) {
		/* Every code that x86 can form here: P, W/R, U/S, RSVD (with P), I/D (without W). */
		static const uint8_t codes[] = { 0,  1,  2,  3,  4,  5,  6,  7,  9,
						 11, 13, 15, 16, 17, 20, 21, 25, 29 };

		for (unsigned i = 0; i < sizeof(codes); i++)
			assert_true(tally.by_code[codes[i]] > 0);
		assert_true(tally.skipped < cases / 20);
	}
}

static int open_machines(void **state)
{
	(void)state;
	assert_int_equal(phys_mem_init(&memory, MEMORY_BYTES), PW_OK);
	bump_frames_init(&frames, 0x80, SYSTEM_END >> FRAME_LG2);
	pt_memory_init(&table_memory, &memory, &frames.source);
	write_fixed_memory();
	for (unsigned i = 0; i < 2; i++) {
		machines[i].levels = 4 + i;
		machines[i].window = i ? UINT64_C(0xff00000000000000)
				       : UINT64_C(0xffff800000000000);
		open_ours(&machines[i]);
		open_unicorn(&machines[i]);
		find_error_code(&machines[i]);
	}
	return 0;
}

static int close_machines(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		struct machine *m = &machines[i];

		for (int mode = 0; mode < CPU_MODE_COUNT; mode++)
			for (unsigned c = 0; c < CONTROL_SETS; c++)
				uc_context_free(m->pristine[mode][c]);
		uc_context_free(m->after);
		uc_close(m->uc);
		mmu_release(&m->mmu);
		m->space->root = m->own_root;
		pt_space_destroy(m->space);
		page_table_destroy(&m->table);
	}
	phys_mem_release(&memory);
	return 0;
}

#if defined(__SANITIZE_ADDRESS__)
/* Unicorn 2.1.1 loses 32 bytes of its own for each engine. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
	return "leak:libunicorn";
}
#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(x86_oracle_agrees),
	};

	return cmocka_run_group_tests(tests, open_machines, close_machines);
}
