/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Serving a translation fault, or saying which signal it is (Linux: arch/x86/mm/fault.c). What
 * happens to the page is in touch.c.
 *
 * A fault that is signalled is charged entry and exit, not service. Counters: a served fault is
 * either minor or major, and counts once by its access and once by its service.
 */

#include <assert.h>
#include <signal.h>
#include <string.h>

#include "emu/kernel/kernel_internal.h"

enum { CODE_KERNEL = 0x80 }; /* SI_KERNEL */

const char *const fault_service_names[FAULT_SERVICE_COUNT] = {
	[SERVICE_SPURIOUS] = "spurious", [SERVICE_ANONYMOUS] = "anonymous",
	[SERVICE_FILE] = "file",         [SERVICE_COW] = "cow",
	[SERVICE_REUSE] = "reuse",       [SERVICE_STACK] = "stack",
	[SERVICE_MARK] = "mark",         [SERVICE_ALIAS] = "alias",
	[SERVICE_SWAP] = "swap",
};

static void count_service(struct kernel_counters *counters, enum fault_service service)
{
	switch (service) {
	case SERVICE_ANONYMOUS:
		counters->fault_anonymous++;
		break;
	case SERVICE_FILE:
		counters->fault_file++;
		break;
	case SERVICE_COW:
		counters->fault_cow++;
		break;
	case SERVICE_REUSE:
		counters->fault_reuse++;
		break;
	case SERVICE_STACK:
		counters->fault_stack++;
		break;
	case SERVICE_SPURIOUS:
		counters->fault_spurious++;
		break;
	case SERVICE_ALIAS:
		counters->fault_alias++;
		break;
	case SERVICE_SWAP:
		counters->fault_swap++;
		break;
	case SERVICE_MARK:
	case FAULT_SERVICE_COUNT:
		break;
	}
}

static void count_served(struct kernel *k, const struct touch *touch)
{
	struct kernel_counters *counters = &k->counters;

	if (touch->major) {
		counters->faults_major++;
		touch->space->faults_major++;
	} else {
		counters->faults_minor++;
		touch->space->faults_minor++;
	}
	if (touch->access == ACCESS_WRITE)
		counters->faults_write++;
	else if (touch->access == ACCESS_FETCH)
		counters->faults_fetch++;
	else
		counters->faults_read++;
	count_service(counters, touch->service);
}

static void emit_served(struct kernel *k, const struct touch *touch, va_t va)
{
	if (event_wanted(k->events, EVENT_FAULT_SERVED)) {
		const struct event event = {
			.kind = EVENT_FAULT_SERVED,
			.va = va,
			.pa = touch->pfn << FRAME_LG2,
			.level = (uint8_t)touch->service,
			.value = touch->major,
			.access = (uint8_t)touch->access,
			.asid = touch->space->id,
			.cycles = (uint32_t)k->charged,
		};

		kernel_emit(k, &event);
	}
}

static void raise_signal(struct kernel *k, const struct mmu_fault *fault,
			 struct fault_outcome *outcome)
{
	k->counters.faults_signalled++;
	if (event_wanted(k->events, EVENT_SIGNAL)) {
		const struct event event = {
			.kind = EVENT_SIGNAL,
			.va = fault->va,
			.value = (uint64_t)outcome->signal,
			.level = (uint8_t)outcome->si_code,
			.access = fault->access,
			.asid = k->running->id,
			.cycles = (uint32_t)k->charged,
		};

		kernel_emit(k, &event);
	}
}

static void outcome_of(enum touch_result result, struct fault_outcome *outcome)
{
	switch (result) {
	case TOUCH_OK:
		return;
	case TOUCH_MAPERR:
		outcome->signal = SIGSEGV;
		outcome->si_code = SEGV_MAPERR;
		return;
	case TOUCH_ACCERR:
		outcome->signal = SIGSEGV;
		outcome->si_code = SEGV_ACCERR;
		return;
	case TOUCH_BUS:
		outcome->signal = SIGBUS;
		outcome->si_code = BUS_ADRERR;
		return;
	case TOUCH_NOMEM:
		outcome->signal = SIGKILL;
		return;
	}
}

/*
 * The page may be mapped and displaced from the table. If that was all, or the access would have
 * set A or D by itself, the fault was one of aliases.
 */
static void bring_in(struct kernel *k, struct touch *touch)
{
	if (!leaf_bring_in(k, touch->space, touch->va))
		return;
	cost_charge(k, CHARGE_ALIAS, k->config.costs.alias);
	if (touch->service == SERVICE_SPURIOUS || touch->service == SERVICE_MARK)
		touch->service = SERVICE_ALIAS;
}

static void serve(struct kernel *k, const struct mmu_fault *fault, struct fault_outcome *outcome)
{
	struct touch touch = {
		.space = k->running,
		.va = page_floor(fault->va),
		.access = (enum access_kind)fault->access,
	};

	outcome_of(touch_page(k, &touch), outcome);
	if (!outcome->signal) {
		bring_in(k, &touch);
		if (k->frames.block_order && touch.service != SERVICE_SPURIOUS &&
		    touch.service != SERVICE_MARK && touch.service != SERVICE_REUSE)
			block_populate(k, touch.space, touch.va);
		if (touch.service == SERVICE_MARK)
			page_changed(k, touch.space, touch.va);
		if (touch.service != SERVICE_ALIAS)
			cost_charge(k, CHARGE_FAULT_SERVICE, k->config.costs.fault_service);
		count_served(k, &touch);
	}
	cost_tables(k);
	kernel_settle(k);
	if (!outcome->signal)
		emit_served(k, &touch, fault->va);
}

void kernel_fault(struct kernel *k, const struct mmu_fault *fault, struct fault_outcome *outcome)
{
	assert(k->running);
	memset(outcome, 0, sizeof(*outcome));
	k->charged = 0;
	k->starved = false;
	cost_charge(k, CHARGE_FAULT_ENTRY, k->config.costs.fault_entry);
	outcome->va = fault->va;
	switch ((enum fault_kind)fault->kind) {
	case FAULT_NON_CANONICAL:
		/* A general-protection fault has no address (force_sig_info: SI_KERNEL). */
		outcome->signal = SIGSEGV;
		outcome->si_code = CODE_KERNEL;
		outcome->va = 0;
		break;
	case FAULT_RESERVED:
		/* Linux calls the page table corrupt and kills (pgtable_bad()). */
		outcome->signal = SIGKILL;
		break;
	default:
		serve(k, fault, outcome);
	}
	if (outcome->signal)
		raise_signal(k, fault, outcome);
}
