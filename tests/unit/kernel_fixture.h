/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PAGEWALK_TESTS_UNIT_KERNEL_FIXTURE_H
#define PAGEWALK_TESTS_UNIT_KERNEL_FIXTURE_H

/*
 * The kernel model on real page tables, with a hardware and files that tests can ask.
 *
 * The hardware is the worst that the kernel may meet: a TLB and an emulator's soft TLB that never
 * forget anything by themselves. Each access that finds its page there must find it as the page
 * table has it, and no frame may get new contents while the soft TLB still reaches it: so a missed
 * invalidation, and a frame reused before the flush, fail at once.
 *
 * Contents are real bytes: the first eight of a page tell which page it is.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "emu/kernel/kernel_internal.h"

enum {
	FX_VPNS = 1 << 14,
	FX_FILES = 8,
	FX_FILE_PAGES = 256,
	FX_ASIDS = 8,
	FX_SLOTS = 8192,
	FX_WIDEST_LG2 = 21
};

struct fx_entry {
	bool valid, dirty, accessed; /* D and A as they were then: a TLB that hits sets neither */
	uint8_t perms;
	pa_t pa;
	uint8_t lg2; /* of what the hardware's entry translates: it is forgotten as a whole */
};

struct fx_file {
	uint64_t size;
	uint64_t value[FX_FILE_PAGES]; /* the host's file: the first eight bytes of each page */
};

/* Fails the n-th host allocation from now; -1: none. */
struct fx_alloc {
	struct host_alloc alloc;
	long fail_in;
	long live;
};

struct fixture {
	struct fx_alloc host;
	struct phys_mem mem;
	struct pt_memory ptm;
	struct page_table table;
	struct kernel *kernel;
	struct ledger ledger;
	struct event_queue events;
	uint64_t instructions;
	struct kernel_config config;
	const struct kernel_costs *costs; /* NULL: the default */
	struct mmu_controls controls;
	struct pt_space *space;
	unsigned asid_bits; /* of the hardware: 3 unless a test says otherwise */
	uint64_t invalidations, asid_invalidations, all_invalidations, flushes, frames_changed,
		switches;
	uint64_t zeroed, copied, read, written, swapped_out, swapped_in;
	uint8_t *swap[FX_SLOTS];
	void (*configure)(struct kernel_config *config); /* NULL: the default */
	int read_error, write_error;
	struct fx_file file[FX_FILES];          /* identity 100 + n */
	struct fx_entry tlb[FX_ASIDS][FX_VPNS]; /* what lies below FX_VPNS pages is cached */
	struct fx_entry soft[FX_VPNS];
	vpn_t cached_end;     /* above all that was ever cached */
	unsigned *soft_users; /* of each frame: entries of soft */
};

static inline void *fx_resize(void *ctx, void *old, size_t bytes)
{
	struct fx_alloc *host = ctx;
	void *new;

	if (bytes == 0) {
		host->live -= old != NULL;
		free(old);
		return NULL;
	}
	if (host->fail_in >= 0 && host->fail_in-- == 0)
		return NULL;
	new = realloc(old, bytes);
	assert_non_null(new);
	host->live += old == NULL;
	return new;
}

static inline void fx_soft_set(struct fixture *f, vpn_t vpn, const struct fx_entry *entry)
{
	if (f->soft[vpn].valid)
		f->soft_users[f->soft[vpn].pa >> FRAME_LG2]--;
	f->soft[vpn] = *entry;
	if (entry->valid)
		f->soft_users[entry->pa >> FRAME_LG2]++;
}

static inline void fx_invalidate_range(void *ctx, asid_t asid, va_t va, uint64_t bytes)
{
	struct fixture *f = ctx;
	va_t widest = (va_t)1 << FX_WIDEST_LG2;

	assert_true(bytes > 0 && bytes % FRAME_BYTES == 0 && va % FRAME_BYTES == 0);
	f->invalidations++;
	for (vpn_t i = (va & ~(widest - 1)) >> FRAME_LG2; i < f->cached_end && asid < FX_ASIDS;
	     i++) {
		struct fx_entry *entry = &f->tlb[asid][i];
		va_t first = i << FRAME_LG2;

		if (first >= va + bytes + widest)
			break;
		first &= ~(((va_t)1 << entry->lg2) - 1);
		if (first < va + bytes && first + ((va_t)1 << entry->lg2) > va)
			entry->valid = false;
	}
}

static inline void fx_invalidate_asid(void *ctx, asid_t asid)
{
	struct fixture *f = ctx;

	f->asid_invalidations++;
	if (asid < FX_ASIDS)
		memset(f->tlb[asid], 0, sizeof(f->tlb[asid]));
}

static inline void fx_invalidate_all(void *ctx)
{
	struct fixture *f = ctx;

	f->all_invalidations++;
	memset(f->tlb, 0, sizeof(f->tlb));
}

static inline void fx_flush(void *ctx)
{
	struct fixture *f = ctx;

	f->flushes++;
	for (vpn_t vpn = 0; vpn < FX_VPNS; vpn++)
		if (f->soft[vpn].valid)
			fx_soft_set(f, vpn, &(struct fx_entry){ 0 });
}

static inline void fx_switch_space(void *ctx, struct pt_space *space)
{
	struct fixture *f = ctx;

	f->switches++;
	(void)space; /* what the hardware walks; tests look at pages of 4 KiB */
	f->space = kernel_space(f->kernel);
	assert_true(space->tag < FX_ASIDS);
	if (f->asid_bits == 0)
		memset(f->tlb, 0, sizeof(f->tlb));
}

static inline void fx_frame_changed(void *ctx, pfn_t pfn)
{
	struct fixture *f = ctx;

	if (frame_at(&f->kernel->frames, pfn)->kind == FRAME_TABLE)
		assert_int_equal(f->soft_users[pfn], 0);
	f->frames_changed++;
}

static inline uint64_t *fx_word(struct fixture *f, pfn_t pfn)
{
	return phys_mem_at(&f->mem, pfn << FRAME_LG2);
}

static inline void fx_zero(void *ctx, pfn_t pfn)
{
	struct fixture *f = ctx;

	assert_int_equal(f->soft_users[pfn], 0);
	f->zeroed++;
	memset(fx_word(f, pfn), 0, FRAME_BYTES);
}

static inline void fx_copy(void *ctx, pfn_t to, pfn_t from)
{
	struct fixture *f = ctx;

	assert_int_not_equal(to, from);
	assert_int_equal(f->soft_users[to], 0);
	f->copied++;
	memcpy(fx_word(f, to), fx_word(f, from), FRAME_BYTES);
}

static inline int fx_read_file(void *ctx, uint64_t identity, uint64_t index, pfn_t pfn)
{
	struct fixture *f = ctx;
	struct fx_file *file = &f->file[identity - 100];

	assert_true(identity >= 100 && identity < 100 + FX_FILES && index < FX_FILE_PAGES);
	f->read++;
	*fx_word(f, pfn) = index << FRAME_LG2 < file->size ? file->value[index] : 0;
	return f->read_error;
}

static inline int fx_write_file(void *ctx, uint64_t identity, uint64_t index, pfn_t pfn,
				unsigned bytes)
{
	struct fixture *f = ctx;
	struct fx_file *file = &f->file[identity - 100];
	uint64_t left = file->size - (index << FRAME_LG2);

	assert_true(index << FRAME_LG2 < file->size);
	assert_int_equal(bytes, left < FRAME_BYTES ? left : FRAME_BYTES);
	f->written++;
	if (!f->write_error)
		file->value[index] = *fx_word(f, pfn);
	return f->write_error;
}

/* The device of the test: the whole page, so that nothing else can bring it back. */
static inline void fx_swap_out(void *ctx, uint64_t slot, pfn_t pfn)
{
	struct fixture *f = ctx;

	assert_true(slot < FX_SLOTS);
	if (!f->swap[slot])
		f->swap[slot] = malloc(FRAME_BYTES);
	memcpy(f->swap[slot], fx_word(f, pfn), FRAME_BYTES);
	f->swapped_out++;
}

static inline void fx_swap_in(void *ctx, uint64_t slot, pfn_t pfn)
{
	struct fixture *f = ctx;

	assert_true(slot < FX_SLOTS && f->swap[slot]);
	assert_int_equal(f->soft_users[pfn], 0);
	memcpy(fx_word(f, pfn), f->swap[slot], FRAME_BYTES);
	f->swapped_in++;
}

static inline int fx_start(struct fixture *f)
{
	struct kernel_setup setup = {
		.config = &f->config,
		.table = &f->table,
		.asid_bits = f->asid_bits,
		.hw = { f, fx_invalidate_range, fx_invalidate_asid, fx_invalidate_all,
			fx_switch_space, fx_flush, fx_frame_changed, NULL },
		.content = { f, fx_zero, fx_copy, fx_read_file, fx_write_file, fx_swap_out,
			     fx_swap_in },
		.events = &f->events,
		.ledger = &f->ledger,
		.alloc = &f->host.alloc,
	};

	return kernel_start(f->kernel, &setup);
}

static inline void fx_choose_entry(struct radix_config *radix, const char *name)
{
	unsigned entry = 0;

	while (strcmp(radix_entry_names[entry], name) != 0)
		assert_true(++entry < RADIX_ENTRY_COUNT);
	radix->entry = (enum radix_entry)entry;
	radix->accessed = radix->dirty = RADIX_MARK_SOFTWARE;
	radix->pa_bits = 40; /* that every one can hold */
}

/*
 * "radix", "hashed"...; "radix@10" is a radix table with base pages of 2^10 bytes; "radix+3" has
 * huge pages of 2^3 pages, and wherever there is a plus, thp is `always`. "radix:riscv-64" has entries
 * of that encoding, whose A and D hardware does not set: a clear one faults.
 */
static inline void fx_choose_table(struct pt_config *config, const char *format)
{
	const char *at = strchr(format, '@'), *plus = strchr(format, '+'),
		   *colon = strchr(format, ':');
	struct radix_config *radix = &config->radix;

	strcpy(config->format, format);
	if (colon) {
		config->format[colon - format] = '\0';
		fx_choose_entry(radix, colon + 1);
	}
	if (plus) {
		config->format[plus - format] = '\0';
		if (plus[1])
			radix->index_bits[0] = (unsigned)atoi(plus + 1);
	}
	if (!at)
		return;
	config->format[at - format] = '\0';
	radix->offset_bits = (unsigned)atoi(at + 1);
	radix->level_count = 3;
	for (unsigned i = 0; i < 3; i++)
		radix->index_bits[i] = 9;
	memset(radix->leaf_allowed, 0, sizeof(radix->leaf_allowed));
	radix->leaf_allowed[0] = true;
}

/* Everything up to a running space; the first error. */
/* Kernels made from now on populate memory eagerly and have a direct segment. */
static bool fx_ranges;

static inline int fx_try_create(struct fixture *f, const char *format, uint64_t ram)
{
	struct config_complaint complaint;
	struct mmu_config mmu;
	int error;

	mmu_config_default(&mmu);
	fx_choose_table(&mmu.page_table, format);
	mmu.page_table.hashed.buckets = 64;
	if (strcmp(format, "inverted-chain") == 0) {
		strcpy(mmu.page_table.format, "inverted");
		mmu.page_table.inverted.alias = INVERTED_CHAIN;
	}
	f->controls = mmu.controls;
	f->host.alloc = (struct host_alloc){ fx_resize, &f->host };
	kernel_config_default(&f->config);
	f->config.ram_bytes = ram;
	f->config.eager_paging = fx_ranges;
	f->config.segment_bytes = fx_ranges ? 64 * FRAME_BYTES : 0;
	f->config.thp = strchr(format, '+') ? THP_ALWAYS : THP_NEVER;
	if (f->costs)
		f->config.costs = *f->costs;
	if (f->configure)
		f->configure(&f->config);
	assert_int_equal(phys_mem_init(&f->mem, ram), PW_OK);
	f->soft_users = calloc(ram >> FRAME_LG2, sizeof(*f->soft_users));
	event_queue_init(&f->events, &f->instructions, &f->ledger);
	error = kernel_create(&f->kernel, &f->config, &f->host.alloc, &complaint);
	if (error)
		return error;
	pt_memory_init(&f->ptm, &f->mem, kernel_frames(f->kernel));
	error = page_table_create(&f->table, &mmu.page_table, &f->ptm, &f->host.alloc, &complaint);
	return error ? error : fx_start(f);
}

static inline struct fixture *fx_new(void)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	f->host.fail_in = -1;
	f->asid_bits = 3;
	return f;
}

static inline struct fixture *fx_create_asids(const char *format, uint64_t ram, unsigned asid_bits)
{
	struct fixture *f = fx_new();

	f->asid_bits = asid_bits;
	assert_int_equal(fx_try_create(f, format, ram), PW_OK);
	assert_int_equal(kernel_space_create(f->kernel), 1);
	assert_int_equal(kernel_space_switch(f->kernel, 1), 0);
	return f;
}

static inline struct fixture *fx_create(const char *format, uint64_t ram)
{
	return fx_create_asids(format, ram, 3);
}

static inline void fx_destroy(struct fixture *f)
{
	f->host.fail_in = -1;
	if (f->kernel)
		kernel_stop(f->kernel);
	if (f->table.ops)
		page_table_destroy(&f->table);
	kernel_destroy(f->kernel);
	assert_int_equal(f->host.live, 0);
	phys_mem_release(&f->mem);
	for (unsigned i = 0; i < FX_SLOTS; i++)
		free(f->swap[i]);
	free(f->soft_users);
	free(f);
}

static inline void fx_check(struct fixture *f)
{
	const char *what = "?";
	int error = kernel_check(f->kernel, &what);

	if (error)
		fail_msg("kernel_check: %s", what);
	error = f->table.ops->check(&f->table, &what);
	if (error)
		fail_msg("page table: %s", what);
	assert_int_equal(kernel_counters(f->kernel)->flushes, f->flushes);
}

/* A victim of want of memory goes on as if it was none, for tests that look at what it has left. */
static inline void fx_reprieve(struct fixture *f)
{
	if (f->kernel->running)
		oom_forget(f->kernel, f->kernel->running);
}

/* The page of a huge leaf that holds va. */
static inline void fx_narrow(struct translation *leaf, va_t va)
{
	if (leaf->page_lg2 <= FRAME_LG2)
		return;
	leaf->pa += (va & ~(va_t)(FRAME_BYTES - 1)) - leaf->va;
	leaf->va = va & ~(va_t)(FRAME_BYTES - 1);
}

/* What the running space has at va, whether its page table holds that now or not. */
static inline bool fx_lookup(struct fixture *f, va_t va, struct translation *leaf)
{
	if (pt_lookup(f->space, va, leaf) != PW_OK && !kernel_displaced(f->kernel, va, leaf))
		return false;
	fx_narrow(leaf, va);
	return true;
}

/* Of the hardware's entry for that leaf; of smaller base pages, of all in a page. */
static inline uint8_t fx_entry_lg2(const struct fixture *f, const struct translation *leaf)
{
	uint8_t base = f->table.caps.base_page_lg2 > FRAME_LG2 ? f->table.caps.base_page_lg2
							       : (uint8_t)FRAME_LG2;

	return leaf->page_lg2 > base ? leaf->page_lg2 : base;
}

/* What is held of a page must be what the page table says of it. */
static inline void fx_held(struct fixture *f, struct space *space, vpn_t vpn, bool soft)
{
	const struct fx_entry *entry = soft ? &f->soft[vpn] : &f->tlb[space->pt->tag][vpn];
	/* Without hardware that sets A again, a TLB that is not told would keep it clear for good. */
	bool lazy = f->config.reclaim.clear_accessed == CLEAR_LAZY &&
		    f->table.caps.hardware_accessed;
	va_t va = vpn << FRAME_LG2;
	struct translation leaf;

	/* The emulator's own TLB may know what the page table does not hold. */
	if (space->pt->table->ops->harvest(space->pt, va, HARVEST_READ, &leaf) != PW_OK &&
	    !(soft && leaf_displaced(f->kernel, space, va, &leaf)))
		fail_msg("page 0x%llx is held and not mapped", (unsigned long long)vpn);
	if (!soft)
		assert_int_equal(entry->lg2, fx_entry_lg2(f, &leaf));
	fx_narrow(&leaf, va);
	assert_int_equal(entry->pa, leaf.pa);
	assert_int_equal(entry->perms, leaf.perms);
	assert_true(leaf.dirty || !entry->dirty);
	/* A clean one would fault again on a page that is dirty already. */
	assert_true(!leaf.dirty || entry->dirty || f->table.caps.hardware_dirty);
	assert_true(leaf.accessed || !entry->accessed || (lazy && !soft));
}

/*
 * Between operations, the whole of both TLBs: an invalidation that is missing shows at once, and not
 * only when the page happens to be touched again.
 */
static inline void fx_sweep(struct fixture *f)
{
	const struct kernel *k = f->kernel;
	struct space *of_tag[FX_ASIDS] = { NULL };

	for (unsigned i = 0; i < k->space_slots; i++)
		if (k->space[i] && k->space[i]->tagged)
			of_tag[k->space[i]->pt->tag] = k->space[i];
	for (unsigned tag = 0; tag < FX_ASIDS; tag++)
		for (vpn_t vpn = 0; vpn < f->cached_end; vpn++)
			if (f->tlb[tag][vpn].valid) {
				assert_non_null(of_tag[tag]);
				fx_held(f, of_tag[tag], vpn, false);
			}
	for (vpn_t vpn = 0; vpn < f->cached_end; vpn++)
		if (f->soft[vpn].valid)
			fx_held(f, k->running, vpn, true);
}

static inline uint8_t fx_needed(enum access_kind access)
{
	if (access == ACCESS_WRITE)
		return PERM_USER | PERM_WRITE;
	return access == ACCESS_FETCH ? PERM_USER | PERM_EXEC : PERM_USER | PERM_READ;
}

/* A TLB that has the entry does not walk, and sets neither A nor D. */
static inline bool fx_hits(const struct fx_entry *entry, enum access_kind access)
{
	return entry->valid && (entry->perms & fx_needed(access)) == fx_needed(access) &&
	       (access != ACCESS_WRITE || entry->dirty);
}

/* A cached entry that lets the access through must say what the page table says. */
static inline void fx_judge(const struct fixture *f, const struct fx_entry *entry,
			    enum access_kind access, const struct translation *leaf)
{
	/* Where D is software's one that is clean lets nothing be written, and must go when D is set. */
	if (access == ACCESS_WRITE && !entry->dirty && !f->table.caps.hardware_dirty) {
		assert_true(!entry->valid || !leaf);
		return;
	}
	if (!entry->valid || (entry->perms & fx_needed(access)) != fx_needed(access))
		return;
	assert_non_null(leaf);
	assert_int_equal(entry->pa, leaf->pa);
	assert_int_equal(leaf->perms & fx_needed(access), fx_needed(access));
}

static inline bool fx_has_a(struct fixture *f, va_t va)
{
	struct translation leaf;

	return f->space->table->ops->harvest(f->space, va, HARVEST_READ, &leaf) == PW_OK &&
	       leaf.accessed;
}

/* One access of the guest. The word of its page, or NULL: a signal, in *outcome. */
static inline uint64_t *fx_access(struct fixture *f, va_t va, enum access_kind access,
				  struct fault_outcome *outcome)
{
	const struct walk_input input = { .space = f->space,
					  .va = va,
					  .access = (uint8_t)access,
					  .mode = MODE_USER,
					  .controls = f->controls };
	vpn_t vpn = va >> FRAME_LG2;
	struct translation leaf;
	struct mmu_fault fault;
	bool cached = vpn < FX_VPNS;
	uint8_t lg2;

	memset(outcome, 0, sizeof(*outcome));
	for (unsigned tries = 0; pt_probe(&input, &leaf, &fault) != FAULT_NONE; tries++) {
		assert_true(tries < 3);
		if (cached) {
			bool displaced = kernel_displaced(f->kernel, va, &leaf);

			/* The emulator's own TLB may know what the page table does not hold. */
			fx_judge(f, &f->tlb[f->space->tag][vpn], access, NULL);
			fx_judge(f, &f->soft[vpn], access, displaced ? &leaf : NULL);
		}
		kernel_fault(f->kernel, &fault, outcome);
		if (outcome->signal)
			return NULL;
	}
	if (f->table.caps.hardware_accessed &&
	    (!cached || !fx_hits(&f->tlb[f->space->tag][vpn], access)))
		f->space->table->ops->mark(f->space, va, access == ACCESS_WRITE);
	lg2 = fx_entry_lg2(f, &leaf);
	fx_narrow(&leaf, va);
	if (cached) {
		struct fx_entry entry = {
			true, access == ACCESS_WRITE, fx_has_a(f, va), leaf.perms, leaf.pa, lg2,
		};

		fx_judge(f, &f->tlb[f->space->tag][vpn], access, &leaf);
		fx_judge(f, &f->soft[vpn], access, &leaf);
		entry.dirty |= leaf.dirty && !f->table.caps.hardware_dirty;
		entry.dirty |= f->tlb[f->space->tag][vpn].valid && f->tlb[f->space->tag][vpn].dirty;
		f->tlb[f->space->tag][vpn] = entry;
		f->cached_end = vpn < f->cached_end ? f->cached_end : vpn + 1;
		fx_soft_set(f, vpn, &entry);
	}
	if (kernel_wants_accesses(f->kernel))
		kernel_accessed(f->kernel, leaf.pa);
	return fx_word(f, leaf.pa >> FRAME_LG2);
}

static inline uint64_t *fx_must(struct fixture *f, va_t va, enum access_kind access)
{
	struct fault_outcome outcome;
	uint64_t *word = fx_access(f, va, access, &outcome);

	if (!word)
		fail_msg("signal %d at 0x%llx", outcome.signal, (unsigned long long)va);
	return word;
}

/* The signal and code that an access raises, as signal * 1000 + code; 0: none. */
static inline int fx_signal(struct fixture *f, va_t va, enum access_kind access)
{
	struct fault_outcome outcome;

	return fx_access(f, va, access, &outcome) ? 0 : outcome.signal * 1000 + outcome.si_code;
}

#endif
