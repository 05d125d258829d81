/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * What the kernel's work costs. All charges of this folder pass cost_charge(), which also sums them
 * for the operation under way, so that its event can say what it cost.
 *
 * A table frame that is cleared costs as any frame, on the line of table updates. Not modelled:
 * the kernel's own instructions and data do not pass through the TLBs or the caches.
 */

#include "emu/kernel/kernel_internal.h"

void cost_charge(struct kernel *k, enum charge cause, cycles_t cycles)
{
	ledger_charge(k->ledger, k->collapsing ? CHARGE_COLLAPSE : cause, cycles);
	k->charged += cycles;
}

void cost_tables(struct kernel *k)
{
	uint64_t now = k->table->memory->loads + k->table->memory->stores;

	cost_charge(k, CHARGE_TABLE_UPDATE,
		    (now - k->table_accesses) * k->config.costs.table_access);
	k->table_accesses = now;
}

void cost_user_copy(struct kernel *k, uint64_t bytes)
{
	cost_charge(k, CHARGE_USER_COPY, (bytes + 63) / 64 * k->config.costs.copy_64_bytes);
	k->counters.bytes_copied += bytes;
}

void cost_shootdown(struct kernel *k, uint64_t pages)
{
	cost_charge(k, CHARGE_SHOOTDOWN, pages * k->config.costs.shootdown);
	k->counters.shootdowns += pages;
}

void frame_zero(struct kernel *k, pfn_t pfn)
{
	k->content.zero(k->content.ctx, pfn);
	k->hw.frame_changed(k->hw.ctx, pfn);
	cost_charge(k, CHARGE_PAGE_ZERO, k->config.costs.page_zero);
	k->counters.pages_zeroed++;
}

void frame_copy(struct kernel *k, pfn_t to, pfn_t from)
{
	k->content.copy(k->content.ctx, to, from);
	k->hw.frame_changed(k->hw.ctx, to);
	cost_charge(k, CHARGE_PAGE_COPY, k->config.costs.page_copy);
	k->counters.pages_copied++;
}

void kernel_emit(struct kernel *k, const struct event *event)
{
	event_push(k->events, event);
}
