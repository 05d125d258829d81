/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * How a translation enters the TLB tree, and what leaves because of it.
 *
 * For one page size and one side, at most one array of each level can hold a page (its holder;
 * mmu_config_check), so the levels form a chain, and relations are read along it: "the level
 * above" is the nearest one with a holder. The first level of a chain is filled directly whatever
 * its relation. What happens to a page X:
 *
 *   walk ──fill──> first level, and each level below that is not exclusive (deepest first)
 *   hit in level k ──> copied to the same levels above k; if k is exclusive, it leaves k
 *   displaced from level k ──> enters the next level if that is exclusive and X is not also in
 *                              a sister array (split first levels above a shared second one);
 *                              if k is inclusive, X is invalidated in all levels above
 *   entering level k ──> stale copies in exclusive levels below k are invalidated
 *
 * Victims travel down in a loop: a level that receives a victim is exclusive, so nothing it
 * displaces is invalidated above, and each round goes at least one level down.
 *
 * Source: Jaleel et al., "Achieving Non-Inclusive Cache Performance with Inclusive Caches", MICRO
 * 2010 (the three relations).
 */

#include "mmu/tlb_private.h"

#include "mmu/page_table.h"
#include "mmu/tlb_array_private.h"
#include "mmu/tlb_classify.h"

#include <assert.h>
#include <string.h>

/* ---- events and attribution ---- */

static void emit(struct tlb *tlb, enum event_kind kind, const struct tlb_entry *entry,
		 unsigned level, uint64_t value)
{
	struct event event = {
		.kind = (uint8_t)kind,
		.va = entry->va,
		.pa = entry->pa,
		.asid = tlb_owner_of(tlb, entry->asid),
		.page_lg2 = entry->page_lg2,
		.access = entry->side == SIDE_INSTRUCTION ? ACCESS_FETCH : ACCESS_READ,
		.level = (uint8_t)level,
		.value = value,
	};

	event_push(tlb->events, &event);
}

void tlb_retire_entry(struct tlb *tlb, struct tlb_entry *entry)
{
	if (entry->accesses > 0 && event_wanted(tlb->events, EVENT_TLB_RETIRE))
		emit(tlb, EVENT_TLB_RETIRE, entry, 0, entry->accesses);
	entry->accesses = 0;
}

void tlb_retire_at_once(struct tlb *tlb, const struct tlb_entry *entry, unsigned access)
{
	if (event_wanted(tlb->events, EVENT_TLB_RETIRE)) {
		struct tlb_entry served = *entry;

		served.side = (uint8_t)tlb_side_of(access);
		emit(tlb, EVENT_TLB_RETIRE, &served, 0, 1);
	}
}

/* ---- entering and leaving ---- */

void tlb_drop(struct tlb *tlb, unsigned level, struct tlb_array *array, struct tlb_entry *entry)
{
	if (level == 0) {
		tlb_hints_withdraw(tlb, entry);
		tlb_retire_entry(tlb, entry);
	}
	tlb->prefetch_useless += entry->prefetched;
	array->count.invalidations++;
	tlb_array_clear(array, entry);
}

static void drop_conflicts(struct tlb *tlb, unsigned level, struct tlb_array *array,
			   const struct tlb_entry *gone)
{
	struct tlb_entry *entry;

	while ((entry = tlb_array_conflict(array, gone, NULL)))
		tlb_drop(tlb, level, array, entry);
}

/* The page in every array of one level that shares a side with `with`. */
static void drop_in_level(struct tlb *tlb, unsigned level, const struct tlb_array *with,
			  const struct tlb_entry *gone)
{
	for (unsigned side = SIDE_INSTRUCTION; side <= SIDE_DATA; side++) {
		struct tlb_array *array = tlb_holder(&tlb->level[level], side, gone->page_lg2);

		if (array && (with->side & side))
			drop_conflicts(tlb, level, array, gone);
	}
}

/* What leaves an inclusive level leaves those above. */
static void drop_above(struct tlb *tlb, unsigned level, const struct tlb_array *array,
		       const struct tlb_entry *gone)
{
	if (!tlb->level[level].inclusive)
		return;
	for (unsigned above = 0; above < level; above++)
		drop_in_level(tlb, above, array, gone);
}

/*
 * May a conflicting entry be renewed in place? Not if it becomes global or stops being so: then
 * copies above would be covered by an entry that invalidations treat differently. Nor if it
 * becomes wired or stops being so: its ways are others. Nor if it loses pages (coalesced ones, of
 * which one now differs from the others).
 */
static bool renews(const struct tlb_entry *value, const struct tlb_entry *old)
{
	return value->global == old->global && value->wired == old->wired &&
	       (value->global || value->asid == old->asid) &&
	       old->va >> old->page_lg2 >= value->va >> value->page_lg2 &&
	       tlb_last_page(old) <= tlb_last_page(value);
}

/*
 * The entry that *value renews in place, or NULL. Other entries that conflict are dropped; if
 * several could be renewed (runs of coalesced pages), the one in the lowest slot is.
 */
static struct tlb_entry *find_renewed(struct tlb *tlb, unsigned level, struct tlb_array *array,
				      const struct tlb_entry *value)
{
	struct tlb_entry *renewed = NULL, *entry;

	while ((entry = tlb_array_conflict(array, value, renewed))) {
		struct tlb_entry *lost = entry, gone;

		if (renews(value, entry) && (!renewed || entry->slot < renewed->slot)) {
			lost = renewed;
			renewed = entry;
		}
		if (!lost)
			continue;
		gone = *lost;
		tlb_drop(tlb, level, array, lost);
		drop_above(tlb, level, array, &gone);
	}
	return renewed;
}

/* The entry is about to be overwritten by another page. */
static inline void evict(struct tlb *tlb, unsigned level, struct tlb_array *array,
			 struct tlb_entry *entry)
{
	if (level == 0) {
		tlb_hints_withdraw(tlb, entry);
		tlb_retire_entry(tlb, entry);
	}
	if (event_wanted(tlb->events, EVENT_TLB_EVICT))
		emit(tlb, EVENT_TLB_EVICT, entry, level, entry->array);
	tlb->prefetch_useless += entry->prefetched;
	array->count.evictions++;
}

void tlb_evict(struct tlb *tlb, unsigned level, struct tlb_array *array, struct tlb_entry *entry)
{
	evict(tlb, level, array, entry);
}

void tlb_emit_fill(struct tlb *tlb, unsigned level, const struct tlb_entry *entry)
{
	if (event_wanted(tlb->events, EVENT_TLB_FILL))
		emit(tlb, EVENT_TLB_FILL, entry, level, entry->array);
}

/* The page, in the exclusive levels below that could hold it too. */
static void drop_below(struct tlb *tlb, unsigned level, const struct tlb_array *array,
		       const struct tlb_entry *entered)
{
	for (unsigned below = level + 1; below < tlb->level_count; below++) {
		if (tlb->level[below].exclusive)
			drop_in_level(tlb, below, array, entered);
	}
}

/* Which array of which level takes something, brought in from which side. */
struct target {
	unsigned level, side;
	struct tlb_array *array;
};

/*
 * Puts *value there. What it displaced is copied to *victim, if that concerns any other level
 * (where its bytes stay 0, nothing does).
 */
__attribute__((always_inline)) static inline struct tlb_entry *
place(struct tlb *tlb, struct target to, const struct tlb_entry *value, struct tlb_entry *victim)
{
	struct tlb_array *array = to.array;
	unsigned level = to.level, group_lg2 = tlb_group_lg2(array, value->page_lg2);
	unsigned set = tlb_set_of(array, value->va, group_lg2);
	struct tlb_entry *slot = NULL;
	uint64_t accesses = 0;

	if (tlb_array_suspects(array, set, value->va, group_lg2))
		slot = find_renewed(tlb, level, array, value);
	if (slot) {
		array->count.replaced++;
		tlb->prefetch_useless += slot->prefetched;
		if (level == 0)
			tlb_hints_withdraw(tlb, slot);
		if (slot->asid != value->asid || slot->side != to.side)
			tlb_retire_entry(tlb, slot);
		accesses = slot->accesses;
	} else {
		slot = tlb_array_room(array, set, value->wired);
		if (slot->bytes) {
			if (tlb->level[level].passes_on)
				*victim = *slot;
			evict(tlb, level, array, slot);
		}
	}
	tlb_array_put(array, slot, value, to.side);
	slot->accesses = accesses;
	if (PAGEWALK_UNLIKELY(tlb->classifier != NULL))
		tlb_classify_entered(tlb, level, array, slot);
	if (tlb->level[level].exclusive_below)
		drop_below(tlb, level, array, slot);
	if (level == 0)
		tlb_hints_entered(tlb, array, slot);
	if (event_wanted(tlb->events, EVENT_TLB_FILL))
		emit(tlb, EVENT_TLB_FILL, slot, level, slot->array);
	return slot;
}

/* Is the page in the nearest level above that could hold it, for a side of `array`? */
static bool held_above(struct tlb *tlb, unsigned level, const struct tlb_array *array,
		       const struct tlb_entry *entry)
{
	for (unsigned side = SIDE_INSTRUCTION; side <= SIDE_DATA; side++) {
		for (unsigned above = level; above-- > 0 && (array->side & side);) {
			struct tlb_array *holder =
				tlb_holder(&tlb->level[above], side, entry->page_lg2);

			if (holder && tlb_array_conflict(holder, entry, NULL))
				return true;
			if (holder)
				break;
		}
	}
	return false;
}

/* What a level displaced leaves the levels above, or travels down the exclusive ones. */
__attribute__((noinline)) static void pass_on(struct tlb *tlb, unsigned level,
					      const struct tlb_array *array,
					      const struct tlb_entry *displaced)
{
	struct tlb_entry victim = *displaced, next_victim;

	while (victim.bytes) {
		struct tlb_array *next = NULL;

		drop_above(tlb, level, array, &victim);
		while (!next && ++level < tlb->level_count)
			next = tlb_holder(&tlb->level[level], victim.side, victim.page_lg2);
		if (!next || !tlb->level[level].exclusive || held_above(tlb, level, next, &victim))
			break;
		next_victim.bytes = 0;
		place(tlb, (struct target){ level, victim.side, next }, &victim, &next_victim);
		victim = next_victim;
		array = next;
	}
}

static inline unsigned first_holder(struct tlb *tlb, unsigned side, unsigned page_lg2)
{
	unsigned first = 0;

	while (first < tlb->level_count && !tlb_holder(&tlb->level[first], side, page_lg2))
		first++;
	return first;
}

/* The part of an entry that lies in the page or group of 2^lg2 bytes around va. */
static inline void clip(struct tlb_entry *entry, va_t va, unsigned lg2)
{
	va_t start = tlb_page_va(va, lg2);
	uint64_t bytes = (uint64_t)1 << lg2, skipped = start - entry->va;

	if (start - entry->va < entry->bytes) {
		entry->va = start;
		entry->pa += skipped;
		entry->bytes -= skipped;
	}
	bytes -= entry->va - start;
	if (entry->bytes > bytes)
		entry->bytes = bytes;
}

/*
 * Enters *value, which is no entry of these levels, as brought in by a request, in the levels
 * [first, end) that hold such pages and take fills, the deepest first. `first` is one; returns its
 * entry. Coalesced pages beyond the group that an array can hold around the request are left out.
 */
static inline struct tlb_entry *enter(struct tlb *tlb, unsigned first, unsigned end,
				      const struct tlb_entry *whole,
				      const struct tlb_request *request)
{
	enum tlb_side side = tlb_side_of(request->access);
	const struct tlb_entry *value = whole;
	struct tlb_entry *entered = NULL, victim, part;

	victim.bytes = 0;
	for (unsigned level = end; level-- > first;) {
		struct tlb_array *array = tlb_holder(&tlb->level[level], side, whole->page_lg2);

		if (!array || (level > first && tlb->level[level].exclusive))
			continue;
		if (PAGEWALK_UNLIKELY(tlb->coalesce_lg2)) {
			part = *whole;
			clip(&part, request->va, tlb_group_lg2(array, whole->page_lg2));
			value = &part;
		}
		entered = place(tlb, (struct target){ level, side, array }, value, &victim);
		if (PAGEWALK_UNLIKELY(victim.bytes != 0)) {
			pass_on(tlb, level, array, &victim);
			victim.bytes = 0;
		}
	}
	return entered;
}

struct tlb_entry *tlb_bring_up(struct tlb *tlb, const struct tlb_request *request, unsigned *level,
			       struct tlb_entry *entry)
{
	enum tlb_side side = tlb_side_of(request->access);
	struct tlb_array *array = &tlb->level[*level].array[entry->array];
	unsigned hit = *level;
	struct tlb_entry moved;

	*level = first_holder(tlb, side, entry->page_lg2);
	if (*level >= hit) {
		*level = hit;
		return entry;
	}
	if (array->config->kind != TLB_PAGES) {
		/* Of a range the page goes up. */
		moved = *entry;
		clip(&moved, request->va, entry->page_lg2 + tlb->coalesce_lg2);
		return enter(tlb, *level, hit, &moved, request);
	}
	if (tlb->level[hit].exclusive) {
		/* Its slot may be taken by what is displaced above. */
		moved = *entry;
		array->count.moved++;
		tlb_array_clear(array, entry);
		entry = &moved;
	}
	return enter(tlb, *level, hit, entry, request);
}

/* ---- fill ---- */

static void compute_ready(struct tlb *tlb, const struct mmu_controls *controls)
{
	for (unsigned perms = 0; perms < 16; perms++) {
		unsigned ready = 0;

		for (unsigned bit = 0; bit < CPU_MODE_COUNT * ACCESS_KIND_COUNT; bit++) {
			enum cpu_mode mode = bit / ACCESS_KIND_COUNT;
			enum access_kind access = bit % ACCESS_KIND_COUNT;

			if (access_allowed(controls, mode, access, (uint8_t)perms))
				ready |= 1u << bit;
		}
		tlb->ready_of[perms] = (uint16_t)ready;
	}
	tlb->ready_controls = *controls;
	tlb->ready_known = true;
}

static inline void know_ready(struct tlb *tlb, const struct mmu_controls *controls)
{
	_Static_assert(sizeof(*controls) == 4 * sizeof(bool), "compared as bytes: no padding");
	if (!tlb->ready_known || memcmp(&tlb->ready_controls, controls, sizeof(*controls)) != 0)
		compute_ready(tlb, controls);
}

/* The bits of `ready` that stand for writes, at any privilege. */
enum {
	READY_WRITES = 1 << (MODE_USER * ACCESS_KIND_COUNT + ACCESS_WRITE) |
		       1 << (MODE_SUPERVISOR * ACCESS_KIND_COUNT + ACCESS_WRITE) |
		       1 << (MODE_SUPERVISOR_AC * ACCESS_KIND_COUNT + ACCESS_WRITE)
};

uint16_t tlb_ready_of(struct tlb *tlb, const struct mmu_controls *controls,
		      const struct translation *t)
{
	know_ready(tlb, controls);
	return (uint16_t)(tlb->ready_of[t->perms % 16] & ~(t->dirty ? 0 : READY_WRITES));
}

/*
 * The part of the translation that lies in the page of its size around the request, or in the
 * largest group that an array coalesces; what an entry says, and nothing else.
 */
static inline void make_entry(const struct tlb *tlb, const struct tlb_request *request,
			      const struct translation *t, struct tlb_entry *entry)
{
	unsigned lg2 = t->page_lg2 + tlb->coalesce_lg2;
	va_t page = tlb_page_va(request->va, lg2);
	va_t va = page - t->va < t->bytes ? page : t->va;
	uint64_t bytes = ((uint64_t)1 << lg2) - (va - page);
	uint64_t left = t->bytes - (va - t->va);
	uint64_t ready = tlb->ready_of[t->perms % 16];

	if (!t->dirty)
		ready &= ~(uint64_t)READY_WRITES;
	assert(request->va - t->va < t->bytes);
	entry->va = va;
	entry->bytes = left < bytes ? left : bytes;
	entry->pa = t->pa + (va - t->va);
	/*
	 * In one word, since it is copied at once: a wide load of what narrow stores have just
	 * written would wait for all of them.
	 */
	entry->attributes = ready | (uint64_t)request->asid << 16 | (uint64_t)t->page_lg2 << 32 |
			    (uint64_t)t->perms << 40 |
			    (uint64_t)tlb_side_of(request->access) << 48 |
			    (uint64_t)t->global << 56 | (uint64_t)t->dirty << 57 |
			    (uint64_t)request->wired << 58;
}

static void count_demand(struct tlb *tlb, unsigned first, const struct tlb_entry *value)
{
	for (unsigned level = first; level < tlb->level_count; level++) {
		struct tlb_array *array =
			tlb_holder(&tlb->level[level], value->side, value->page_lg2);

		if (array && (level == first || !tlb->level[level].exclusive))
			array->count.demand_fills++;
	}
}

static inline void fill(struct tlb *tlb, const struct tlb_request *request,
			const struct translation *t, unsigned accesses)
{
	struct tlb_entry value, *entry;
	unsigned first;

	make_entry(tlb, request, t, &value);
	first = first_holder(tlb, value.side, value.page_lg2);
	if (accesses)
		count_demand(tlb, first, &value);
	entry = enter(tlb, first, tlb->level_count, &value, request);
	if (entry && first == 0) {
		entry->accesses += accesses;
		if (entry->page_lg2 == tlb->memo_shift)
			tlb_memo_install(tlb, request, entry);
	} else if (accesses) {
		tlb_retire_at_once(tlb, &value, request->access);
	}
}

void tlb_fill(struct tlb *tlb, const struct tlb_request *request, const struct translation *t,
	      const struct mmu_controls *controls)
{
	know_ready(tlb, controls);
	fill(tlb, request, t, 1);
}

void tlb_fill_extra(struct tlb *tlb, const struct tlb_request *request, const struct translation *t,
		    const struct mmu_controls *controls)
{
	know_ready(tlb, controls);
	fill(tlb, request, t, 0);
}

bool tlb_fill_prefetched(struct tlb *tlb, const struct tlb_request *request,
			 const struct translation *t, const struct mmu_controls *controls)
{
	unsigned level = tlb->level_count;
	struct tlb_entry value;

	know_ready(tlb, controls);
	make_entry(tlb, request, t, &value);
	value.prefetched = true;
	while (level > 0 && !tlb_holder(&tlb->level[level - 1], value.side, value.page_lg2))
		level--;
	if (level == 0)
		return false;
	enter(tlb, level - 1, level, &value, request);
	return true;
}

void tlb_attribute(struct tlb *tlb, const struct tlb_request *request, const struct translation *t)
{
	struct tlb_entry served;

	if (!event_wanted(tlb->events, EVENT_TLB_RETIRE))
		return;
	make_entry(tlb, request, t, &served);
	tlb_retire_at_once(tlb, &served, request->access);
}
