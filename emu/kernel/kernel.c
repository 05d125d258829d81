/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * The kernel model's life: made with its frames, started once the page table stands on them,
 * stopped before the page table goes.
 */

#include "emu/kernel/kernel.h"

#include <string.h>

#include "emu/kernel/kernel_internal.h"
#include "emu/kernel/page_view.h"

static void content_zero(void *ctx, pfn_t pfn)
{
	(void)ctx;
	(void)pfn;
}

static void content_copy(void *ctx, pfn_t to, pfn_t from)
{
	(void)ctx;
	(void)to;
	(void)from;
}

static int content_read(void *ctx, uint64_t identity, uint64_t index, pfn_t pfn)
{
	(void)ctx;
	(void)identity;
	(void)index;
	(void)pfn;
	return PW_OK;
}

static int content_write(void *ctx, uint64_t identity, uint64_t index, pfn_t pfn, unsigned bytes)
{
	(void)bytes;
	return content_read(ctx, identity, index, pfn);
}

static void content_swap(void *ctx, uint64_t slot, pfn_t pfn)
{
	(void)ctx;
	(void)slot;
	(void)pfn;
}

const struct kernel_content kernel_content_none = {
	NULL, content_zero, content_copy, content_read, content_write, content_swap, content_swap,
};

/* Memory of fewer pageblocks is not grouped: as many as Linux has types (MIGRATE_TYPES). */
enum { PAGEBLOCKS_MIN = 6 };

/* What is not free when the machine starts. */
static int set_aside(struct kernel *k)
{
	const struct kernel_config *config = &k->config;
	int error;

	if (config->group_by_mobility && k->frames.end >> FRAME_PAGEBLOCK_ORDER >= PAGEBLOCKS_MIN)
		frame_allocator_group(&k->frames.allocator);
	error = hugetlb_init(k);
	if (!error)
		error = frames_pin(&k->frames, config->pinned_bytes);
	if (!error && config->fragment_percent)
		error = frames_age(&k->frames, config->fragment_percent, config->fragment_seed);
	return error;
}

int kernel_create(struct kernel **out, const struct kernel_config *config,
		  const struct host_alloc *alloc, struct config_complaint *complaint)
{
	int error = kernel_config_check(config, complaint);
	struct kernel *k;

	if (error)
		return error;
	k = host_zalloc(alloc, 1, sizeof(*k));
	if (!k)
		return PW_NOMEM;
	k->alloc = alloc;
	k->config = *config;
	error = frames_init(&k->frames, config->frame_allocator, config->ram_bytes >> FRAME_LG2,
			    alloc);
	if (error) {
		host_free(alloc, k);
		return error;
	}
	error = set_aside(k);
	if (error) {
		hugetlb_release(k);
		frames_release(&k->frames);
		host_free(alloc, k);
		return error;
	}
	supply_init(k);
	objects_init(k);
	*out = k;
	return PW_OK;
}

struct frame_source *kernel_frames(struct kernel *k)
{
	return &k->table_source;
}

/*
 * Linux's TASK_SIZE_MAX where addresses are sign-extended: one page less than the lower half, so
 * that a SYSCALL at its very end cannot return to a non-canonical address.
 */
static va_t va_end_of(const struct pt_caps *caps)
{
	if (caps->sign_extended)
		return ((va_t)1 << (caps->va_bits - 1)) - FRAME_BYTES;
	return caps->va_bits >= 64 ? 0 - (va_t)FRAME_BYTES : (va_t)1 << caps->va_bits;
}

int kernel_start(struct kernel *k, const struct kernel_setup *setup)
{
	const struct pt_caps *caps = &setup->table->caps;

	/* Composed blocks hold what several mappings share: a frame has one entry or blocks, not both. */
	if (caps->base_page_lg2 > FRAME_LG2 + BLOCK_ORDER_MAX ||
	    (!caps->aliases && caps->base_page_lg2 != FRAME_LG2))
		return PW_UNSUPPORTED;
	if (asids_init(k, setup->asid_bits) != PW_OK)
		return PW_NOMEM;
	k->table = setup->table;
	if (caps->base_page_lg2 != FRAME_LG2) {
		page_view_init(&k->view, setup->table);
		if (caps->base_page_lg2 > FRAME_LG2)
			k->frames.block_order = caps->base_page_lg2 - FRAME_LG2;
		k->table = &k->view;
	}
	huge_init(k);
	k->hw = setup->hw;
	k->content = setup->content;
	k->events = setup->events;
	k->ledger = setup->ledger;
	k->va_end = va_end_of(caps);
	if (pageout_init(k) != PW_OK) {
		asids_release(k);
		k->table = NULL;
		return PW_NOMEM;
	}
	k->table_accesses = k->table->memory->loads + k->table->memory->stores;
	return PW_OK;
}

void kernel_limit_va(struct kernel *k, va_t va_end)
{
	if (va_end < k->va_end && va_end >= 2 * MMAP_MIN_ADDR)
		k->va_end = va_end & ~(va_t)(FRAME_BYTES - 1);
}

void kernel_stop(struct kernel *k)
{
	if (!k->table)
		return;
	k->stopping = true;
	for (unsigned i = 0; i < k->space_slots; i++) {
		if (!k->space[i])
			continue;
		space_unmap_all(k, k->space[i]);
		space_release(k, k->space[i]);
	}
	for (unsigned i = 0; i < k->file_slots; i++) {
		if (!k->file[i])
			continue;
		k->file[i]->opens = 0;
		file_release(k, k->file[i]);
	}
	objects_release(k);
	k->flush_due = false;
	kernel_settle(k);
	leaves_release(k);
	asids_release(k);
	pageout_release(k);
	k->table = NULL;
}

void kernel_destroy(struct kernel *k)
{
	const struct host_alloc *alloc;

	if (!k)
		return;
	kernel_stop(k);
	alloc = k->alloc;
	host_free(alloc, k->space);
	host_free(alloc, k->file);
	hugetlb_release(k);
	frames_release(&k->frames);
	host_free(alloc, k);
}

void kernel_set_content(struct kernel *k, const struct kernel_content *content)
{
	k->content = *content;
}

void kernel_set_listener(struct kernel *k, const struct kernel_listener *listener)
{
	k->listener = listener ? *listener : (struct kernel_listener){ 0 };
}
