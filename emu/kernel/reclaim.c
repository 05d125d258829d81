/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The registry of policies, and the dispatcher: it keeps residency and checks what policies say. */

#include "emu/kernel/reclaim.h"

#include <string.h>

#include "emu/kernel/reclaim_private.h"

enum { PAGES_MIN = 256 };

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
	if (r->ops->create)
		error = r->ops->create(r);
	if (error)
		r->ops = NULL;
	return error;
}

void reclaim_release(struct reclaim *r)
{
	if (!r->ops)
		return;
	if (r->ops->destroy)
		r->ops->destroy(r);
	host_free(r->setup.alloc, r->page);
	memset(r, 0, sizeof(*r));
}

static bool cover(struct reclaim *r, pfn_t pfn)
{
	pfn_t pages = r->pages * 2 > PAGES_MIN ? r->pages * 2 : PAGES_MIN;
	struct reclaim_page *grown;

	if (pfn < r->pages)
		return true;
	pages = pages > pfn ? pages : pfn + 1;
	pages = pages < r->setup.end ? pages : r->setup.end;
	grown = r->setup.alloc->resize(r->setup.alloc->ctx, r->page, pages * sizeof(*grown));
	if (!grown)
		return false;
	memset(&grown[r->pages], 0, (pages - r->pages) * sizeof(*grown));
	r->page = grown;
	r->pages = pages;
	return true;
}

void reclaim_insert(struct reclaim *r, pfn_t pfn, enum reclaim_kind kind, struct reclaim_key key)
{
	struct reclaim_page *page;

	assert(pfn < r->setup.end);
	if (!cover(r, pfn))
		return;
	page = &r->page[pfn];
	assert(!page->resident && page->list == 0);
	*page = (struct reclaim_page){ .key = key, .resident = true, .kind = (uint8_t)kind };
	r->resident++;
	r->ops->inserted(r, pfn);
}

void reclaim_remove(struct reclaim *r, pfn_t pfn)
{
	if (!reclaim_is_resident(r, pfn))
		return;
	r->ops->removed(r, pfn);
	assert(r->page[pfn].list == 0 && "a policy kept a page that left");
	r->page[pfn].resident = false;
	r->resident--;
}

void reclaim_accessed(struct reclaim *r, pfn_t pfn)
{
	if (reclaim_is_resident(r, pfn))
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

	assert((pfn == PFN_NONE || (reclaim_is_resident(r, pfn) && reclaim_evictable(r, pfn))) &&
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
