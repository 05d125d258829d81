/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The registry of policies, and the dispatcher: it keeps residency and checks what policies say. */

#include "emu/kernel/reclaim.h"

#include <string.h>

#include "emu/kernel/reclaim_private.h"

const struct reclaim_ops *const reclaim_policies[] = {
	&reclaim_fifo,          &reclaim_random,
	&reclaim_lru,           &reclaim_clock,
	&reclaim_second_chance, &reclaim_aging,
	&reclaim_two_list,      &reclaim_clock_pro,
	&reclaim_opt,           NULL,
};

const struct reclaim_ops *reclaim_policy_find(const char *name)
{
	for (const struct reclaim_ops *const *ops = reclaim_policies; *ops; ops++)
		if (strcmp((*ops)->name, name) == 0)
			return *ops;
	return NULL;
}

int reclaim_init(struct reclaim *r, const struct reclaim_setup *setup)
{
	int error = PW_OK;

	memset(r, 0, sizeof(*r));
	r->setup = *setup;
	r->ops = reclaim_policy_find(setup->policy);
	if (!r->ops)
		return PW_INVALID;
	r->page = host_zalloc(setup->alloc, setup->end, sizeof(*r->page));
	if (!r->page)
		return PW_NOMEM;
	if (r->ops->create)
		error = r->ops->create(r);
	if (error) {
		host_free(setup->alloc, r->page);
		r->page = NULL;
	}
	return error;
}

void reclaim_release(struct reclaim *r)
{
	if (!r->page)
		return;
	if (r->ops->destroy)
		r->ops->destroy(r);
	host_free(r->setup.alloc, r->page);
	r->page = NULL;
}

void reclaim_insert(struct reclaim *r, pfn_t pfn, enum reclaim_kind kind, struct reclaim_key key)
{
	struct reclaim_page *page = &r->page[pfn];

	assert(pfn < r->setup.end && !page->resident && page->list == 0);
	*page = (struct reclaim_page){ .key = key, .resident = true, .kind = (uint8_t)kind };
	r->resident++;
	r->ops->inserted(r, pfn);
}

void reclaim_remove(struct reclaim *r, pfn_t pfn)
{
	struct reclaim_page *page = &r->page[pfn];

	if (!page->resident)
		return;
	r->ops->removed(r, pfn);
	assert(page->list == 0 && "a policy kept a page that left");
	page->resident = false;
	r->resident--;
}

void reclaim_accessed(struct reclaim *r, pfn_t pfn)
{
	if (r->page[pfn].resident)
		r->ops->accessed(r, pfn);
}

void reclaim_tick(struct reclaim *r)
{
	if (r->ops->tick)
		r->ops->tick(r);
}

pfn_t reclaim_victim(struct reclaim *r)
{
	pfn_t pfn = r->resident > 0 ? r->ops->victim(r) : PFN_NONE;

	assert((pfn == PFN_NONE ||
		(pfn < r->setup.end && r->page[pfn].resident && reclaim_evictable(r, pfn))) &&
	       "a policy proposed a page that cannot leave");
	return pfn;
}

/* --- one list -------------------------------------------------------------------------------- */

int reclaim_one_list_create(struct reclaim *r)
{
	r->state = host_zalloc(r->setup.alloc, 1, sizeof(struct reclaim_list));
	if (!r->state)
		return PW_NOMEM;
	reclaim_list_init(r->state, 1);
	return PW_OK;
}

void reclaim_state_destroy(struct reclaim *r)
{
	host_free(r->setup.alloc, r->state);
	r->state = NULL;
}

void reclaim_one_list_inserted(struct reclaim *r, pfn_t pfn)
{
	reclaim_list_append(r, r->state, pfn);
}

void reclaim_one_list_removed(struct reclaim *r, pfn_t pfn)
{
	reclaim_list_remove(r, r->state, pfn);
}
