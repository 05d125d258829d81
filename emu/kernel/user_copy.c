/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * The kernel's own touch of guest memory (copy_from_user(), copy_to_user()): the same page fault as
 * the program's, taken in the kernel and counted apart, and A and D set as the access would. It
 * asks the VMA, not the entry, for permission. Any VMA that is not PROT_NONE can be read, as x86
 * hardware has no page that can be written or run but not read.
 *
 * The kernel has all memory mapped, so a page that is displaced from the table is not brought in.
 *
 * A and D that are set here invalidate nothing: a TLB entry that still says clean walks again.
 */

#include <errno.h>

#include "emu/kernel/kernel_internal.h"

bool kernel_mark(struct kernel *k, va_t va, bool dirty, struct translation *leaf)
{
	return leaf_mark(k, k->running, va, dirty) == PW_OK &&
	       leaf_harvest(k, k->running, va, HARVEST_READ, leaf) == PW_OK;
}

/* The kernel's own access sets A and D as the guest's does: by hardware, or by a fault of its own. */
static bool faults(const struct kernel *k, const struct touch *touch)
{
	const struct pt_caps *caps = &k->table->caps;

	if (touch->service != SERVICE_MARK)
		return touch->service != SERVICE_SPURIOUS;
	return touch->access == ACCESS_WRITE ? !caps->hardware_dirty : !caps->hardware_accessed;
}

int64_t kcall_user_copy(struct kernel *k, const uint64_t *arg)
{
	struct touch touch = { .space = k->running, .va = page_floor(arg[0]) };
	uint64_t bytes = arg[1];

	if (bytes == 0)
		return 0;
	if (arg[2] >= ACCESS_KIND_COUNT || arg[0] >= k->va_end ||
	    bytes > FRAME_BYTES - arg[0] % FRAME_BYTES)
		return -EFAULT;
	touch.access = arg[2] == ACCESS_WRITE ? ACCESS_WRITE : ACCESS_READ;
	if (touch_page(k, &touch) != TOUCH_OK)
		return -EFAULT;
	if (faults(k, &touch)) {
		k->counters.faults_kernel++;
		if (touch.service == SERVICE_MARK)
			page_changed(k, touch.space, touch.va);
		else if (k->frames.block_order && touch.service != SERVICE_REUSE)
			block_populate(k, touch.space, touch.va);
		cost_charge(k, CHARGE_FAULT_ENTRY, k->config.costs.fault_entry);
		cost_charge(k, CHARGE_FAULT_SERVICE, k->config.costs.fault_service);
	}
	cost_user_copy(k, bytes);
	return 0;
}
