/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * The LRU stack in two parts. The first positions are an array that is searched and shifted: most
 * references of real programs end there. A page that is pushed out of it gets the next slot of a
 * time line; its distance is the number of slots in use from there on, which a Fenwick tree over
 * words of 64 slots knows (Bennett and Kruskal 1975 keep such a tree over the trace, Olken 1981 a
 * balanced one over the pages; Almasi, Cascaval, Padua 2002 compare). When the line is full, the
 * slots in use move together. It is twice as long as there are pages, so memory is proportional to
 * these, and a move is paid for by as many references.
 *
 * Holes. A fill takes the first hole, unless the page is found above it; the pages above that hole
 * move down by one, the others stay, and a page that is found below it leaves one where it was:
 * buffers that are large enough to have held the page keep their free entry.
 *
 * Invariants (lru_stack_check): the bits say which slots are in use, the tree sums them, place[]
 * and slots agree, the heap holds the holes of the line, and at most as many positions are in use as
 * numbers were given.
 */

#include "traces/stack_distance.h"

#include <assert.h>
#include <string.h>

#include "mmu/error.h"
#include "mmu/memory.h"
#include "mmu/prng.h"

enum { WORD_BITS = 64, ROOM_MIN = 256 };

/* Places of a page, and contents of a slot, that are no number. */
#define IN_TOP UINT32_MAX
#define ABSENT (UINT32_MAX - 1)
#define HOLE   (UINT32_MAX - 1)
/* Numbers are below this; a line of twice as many slots is counted in 32 bits. */
#define ROOM_MAX (UINT32_C(1) << 30)

struct lru_stack_key {
	uint64_t key;
	stack_page_t page; /* STACK_PAGE_NONE: nothing here */
};

/* --- the line: a set of slots that counts ----------------------------------------------------- */

static void tree_add(struct lru_stack *s, uint32_t slot, uint32_t difference)
{
	for (uint32_t i = slot / WORD_BITS + 1; i <= s->slot_count / WORD_BITS; i += i & (0 - i))
		s->tree[i] += difference;
}

/* Slots in use before this one. */
static uint32_t count_before(const struct lru_stack *s, uint32_t slot)
{
	uint64_t below = (UINT64_C(1) << slot % WORD_BITS) - 1;
	uint32_t sum = (uint32_t)__builtin_popcountll(s->used[slot / WORD_BITS] & below);

	for (uint32_t i = slot / WORD_BITS; i > 0; i &= i - 1)
		sum += s->tree[i];
	return sum;
}

static void slot_take(struct lru_stack *s, uint32_t slot, stack_page_t content)
{
	s->slot[slot] = content;
	s->used[slot / WORD_BITS] |= UINT64_C(1) << slot % WORD_BITS;
	tree_add(s, slot, 1);
	s->deep++;
}

static void slot_leave(struct lru_stack *s, uint32_t slot)
{
	s->used[slot / WORD_BITS] &= ~(UINT64_C(1) << slot % WORD_BITS);
	tree_add(s, slot, UINT32_MAX);
	s->deep--;
}

/* The tree anew, from the bits. */
static void tree_build(struct lru_stack *s)
{
	uint32_t words = s->slot_count / WORD_BITS;

	memset(s->tree, 0, (words + 1) * sizeof(*s->tree));
	for (uint32_t i = 1; i <= words; i++) {
		uint32_t parent = i + (i & (0 - i));

		s->tree[i] += (uint32_t)__builtin_popcountll(s->used[i - 1]);
		if (parent <= words)
			s->tree[parent] += s->tree[i];
	}
}

static bool in_use(const struct lru_stack *s, uint32_t slot)
{
	return s->used[slot / WORD_BITS] >> slot % WORD_BITS & 1;
}

/* The slots in use move together, in order. The holes keep their order, so their heap stays one. */
static void line_compact(struct lru_stack *s)
{
	uint32_t to = 0;

	for (uint32_t i = 0; i < s->hole_count; i++)
		s->hole[i] = count_before(s, s->hole[i]);
	for (uint32_t slot = 0; slot < s->next; slot++) {
		stack_page_t page = s->slot[slot];

		if (!in_use(s, slot))
			continue;
		if (page != HOLE)
			s->place[page] = to;
		s->slot[to++] = page;
	}
	assert(to == s->deep);
	memset(s->used, 0, s->slot_count / 8);
	memset(s->used, 0xff, to / WORD_BITS * 8);
	if (to % WORD_BITS)
		s->used[to / WORD_BITS] = (UINT64_C(1) << to % WORD_BITS) - 1;
	s->next = to;
	tree_build(s);
}

static void line_push(struct lru_stack *s, stack_page_t content)
{
	if (s->next == s->slot_count)
		line_compact(s);
	slot_take(s, s->next, content);
	if (content != HOLE)
		s->place[content] = s->next;
	s->next++;
}

/* --- holes of the line ----------------------------------------------------------------------- */

static void hole_push(struct lru_stack *s, uint32_t slot)
{
	uint32_t at = s->hole_count++;

	for (; at > 0 && s->hole[(at - 1) / 2] < slot; at = (at - 1) / 2)
		s->hole[at] = s->hole[(at - 1) / 2];
	s->hole[at] = slot;
}

/* The newest, which is the nearest to the top. */
static uint32_t hole_pop(struct lru_stack *s)
{
	uint32_t newest = s->hole[0], last = s->hole[--s->hole_count], at = 0, child;

	while ((child = 2 * at + 1) < s->hole_count) {
		if (child + 1 < s->hole_count && s->hole[child + 1] > s->hole[child])
			child++;
		if (s->hole[child] <= last)
			break;
		s->hole[at] = s->hole[child];
		at = child;
	}
	s->hole[at] = last;
	return newest;
}

static void slot_to_hole(struct lru_stack *s, uint32_t slot)
{
	s->slot[slot] = HOLE;
	hole_push(s, slot);
}

/* --- the top --------------------------------------------------------------------------------- */

static unsigned top_find(const struct lru_stack *s, stack_page_t content)
{
	unsigned i = 0;

	while (s->top[i] != content)
		i++;
	assert(i < s->top_count);
	return i;
}

/* Positions before `end` move down by one; the page becomes the first. */
static void top_rotate(struct lru_stack *s, unsigned end, stack_page_t page)
{
	memmove(s->top + 1, s->top, end * sizeof(s->top[0]));
	s->top[0] = page;
}

static void touch_in_top(struct lru_stack *s, stack_page_t page, unsigned at)
{
	if (s->top_holes) {
		unsigned hole = top_find(s, HOLE);

		if (hole < at) {
			s->top[at] = HOLE;
			at = hole;
		}
	}
	top_rotate(s, at, page);
}

/* Into the top from below or from outside: the place it left has been seen to. */
static void top_enter(struct lru_stack *s, stack_page_t page)
{
	if (s->top_count == LRU_STACK_TOP)
		line_push(s, s->top[LRU_STACK_TOP - 1]);
	else
		s->top_count++;
	top_rotate(s, s->top_count - 1, page);
	s->place[page] = IN_TOP;
}

/* --- the stack ------------------------------------------------------------------------------- */

uint64_t lru_stack_distance(const struct lru_stack *s, stack_page_t page)
{
	uint32_t place = s->place[page];

	if (place == IN_TOP)
		return top_find(s, page) + 1;
	if (place == ABSENT)
		return 0;
	return (uint64_t)s->top_count + s->deep - count_before(s, place);
}

/* What a fill that is not found in the top does below it. `place`: where the page is, or ABSENT. */
static void touch_below(struct lru_stack *s, uint32_t place)
{
	bool fills_hole = s->hole_count && (place == ABSENT || s->hole[0] > place);

	if (fills_hole)
		slot_leave(s, hole_pop(s));
	if (place == ABSENT)
		return;
	if (fills_hole)
		slot_to_hole(s, place);
	else
		slot_leave(s, place);
}

uint64_t lru_stack_touch(struct lru_stack *s, stack_page_t page)
{
	uint32_t place = s->place[page];
	uint64_t distance;

	if (place == IN_TOP) {
		unsigned at = top_find(s, page);

		touch_in_top(s, page, at);
		return at + 1;
	}
	distance = lru_stack_distance(s, page);
	if (s->top_holes) {
		s->top_holes--;
		top_rotate(s, top_find(s, HOLE), page);
		s->place[page] = IN_TOP;
		if (place != ABSENT)
			slot_to_hole(s, place);
		return distance;
	}
	touch_below(s, place);
	top_enter(s, page);
	return distance;
}

void lru_stack_invalidate(struct lru_stack *s, stack_page_t page)
{
	uint32_t place = s->place[page];

	s->place[page] = ABSENT;
	if (place == IN_TOP) {
		s->top[top_find(s, page)] = HOLE;
		s->top_holes++;
	} else if (place != ABSENT) {
		slot_to_hole(s, place);
	}
}

void lru_stack_clear(struct lru_stack *s)
{
	for (uint32_t i = 0; i < s->page_count; i++)
		s->place[i] = ABSENT;
	memset(s->used, 0, s->slot_count / 8);
	memset(s->tree, 0, (s->slot_count / WORD_BITS + 1) * sizeof(*s->tree));
	s->next = s->deep = s->hole_count = 0;
	s->top_count = s->top_holes = 0;
}

/* --- pages ----------------------------------------------------------------------------------- */

static uint32_t home(const struct lru_stack *s, uint64_t key)
{
	return (uint32_t)splitmix_mix(key) & s->table_mask;
}

/* Where the key is, or would be entered. */
static uint32_t table_seek(const struct lru_stack *s, uint64_t key)
{
	uint32_t at = home(s, key);

	while (s->table[at].page != STACK_PAGE_NONE && s->table[at].key != key)
		at = (at + 1) & s->table_mask;
	return at;
}

static void table_empty(struct lru_stack_key *table, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		table[i].page = STACK_PAGE_NONE;
}

/* Entries that follow move up, so that none is cut off from its home (Knuth 6.4, algorithm R). */
static void table_delete(struct lru_stack *s, uint32_t at)
{
	for (uint32_t next = (at + 1) & s->table_mask; s->table[next].page != STACK_PAGE_NONE;
	     next = (next + 1) & s->table_mask) {
		uint32_t from_home = (next - home(s, s->table[next].key)) & s->table_mask;

		if (from_home >= ((next - at) & s->table_mask)) {
			s->table[at] = s->table[next];
			at = next;
		}
	}
	s->table[at].page = STACK_PAGE_NONE;
}

/* Arrays for `room` pages; the old ones stay where one cannot be had. */
struct room {
	uint32_t *place, *hole, *tree;
	stack_page_t *slot;
	uint64_t *used;
	struct lru_stack_key *table;
};

static bool room_get(struct room *r, const struct host_alloc *alloc, uint32_t room)
{
	r->place = host_zalloc(alloc, room, sizeof(*r->place));
	r->hole = host_zalloc(alloc, room, sizeof(*r->hole));
	r->slot = host_zalloc(alloc, 2 * (size_t)room, sizeof(*r->slot));
	r->used = host_zalloc(alloc, 2 * (size_t)room / WORD_BITS, sizeof(*r->used));
	r->tree = host_zalloc(alloc, 2 * (size_t)room / WORD_BITS + 1, sizeof(*r->tree));
	r->table = host_zalloc(alloc, 2 * (size_t)room, sizeof(*r->table));
	return r->place && r->hole && r->slot && r->used && r->tree && r->table;
}

static void room_free(const struct room *r, const struct host_alloc *alloc)
{
	host_free(alloc, r->place);
	host_free(alloc, r->hole);
	host_free(alloc, r->slot);
	host_free(alloc, r->used);
	host_free(alloc, r->tree);
	host_free(alloc, r->table);
}

static struct room room_of(const struct lru_stack *s)
{
	return (struct room){ s->place, s->hole, s->tree, s->slot, s->used, s->table };
}

static void copy(void *to, const void *from, size_t count, size_t size)
{
	if (count)
		memcpy(to, from, count * size);
}

static int set_room(struct lru_stack *s, uint32_t room)
{
	struct room old = room_of(s), r = { 0 };
	uint32_t old_keys = s->page_room ? s->table_mask + 1 : 0;

	if (room > ROOM_MAX || !room_get(&r, s->alloc, room)) {
		room_free(&r, s->alloc);
		return PW_NOMEM;
	}
	copy(r.place, old.place, s->page_count, sizeof(*r.place));
	copy(r.hole, old.hole, s->hole_count, sizeof(*r.hole));
	copy(r.slot, old.slot, s->slot_count, sizeof(*r.slot));
	copy(r.used, old.used, s->slot_count / WORD_BITS, sizeof(*r.used));
	table_empty(r.table, 2 * room);
	s->place = r.place;
	s->hole = r.hole;
	s->slot = r.slot;
	s->used = r.used;
	s->tree = r.tree;
	s->table = r.table;
	s->table_mask = 2 * room - 1;
	s->slot_count = 2 * room;
	s->page_room = room;
	for (uint32_t i = 0; i < old_keys; i++)
		if (old.table[i].page != STACK_PAGE_NONE)
			s->table[table_seek(s, old.table[i].key)] = old.table[i];
	tree_build(s);
	room_free(&old, s->alloc);
	return PW_OK;
}

int lru_stack_init(struct lru_stack *s, const struct host_alloc *alloc)
{
	memset(s, 0, sizeof(*s));
	s->alloc = alloc;
	s->free_page = STACK_PAGE_NONE;
	return set_room(s, ROOM_MIN);
}

void lru_stack_release(struct lru_stack *s)
{
	const struct room room = room_of(s);

	if (s->alloc)
		room_free(&room, s->alloc);
	memset(s, 0, sizeof(*s));
}

/* The list of free numbers runs through place[]. */
static stack_page_t number_take(struct lru_stack *s)
{
	stack_page_t page = s->free_page;

	if (page == STACK_PAGE_NONE)
		return s->page_count++;
	s->free_page = s->place[page];
	return page;
}

stack_page_t lru_stack_page(struct lru_stack *s, uint64_t key)
{
	uint32_t at = table_seek(s, key);
	stack_page_t page = s->table[at].page;

	if (page != STACK_PAGE_NONE)
		return page;
	if (s->page_count == s->page_room && s->free_page == STACK_PAGE_NONE) {
		if (set_room(s, 2 * s->page_room) != PW_OK)
			return STACK_PAGE_NONE;
		at = table_seek(s, key);
	}
	page = number_take(s);
	s->place[page] = ABSENT;
	s->table[at] = (struct lru_stack_key){ key, page };
	s->key_count++;
	return page;
}

stack_page_t lru_stack_find(const struct lru_stack *s, uint64_t key)
{
	return s->table[table_seek(s, key)].page;
}

void lru_stack_for_each(const struct lru_stack *s, void *ctx,
			void (*visit)(void *ctx, uint64_t key, stack_page_t page))
{
	for (uint64_t i = 0; i <= s->table_mask; i++)
		if (s->table[i].page != STACK_PAGE_NONE)
			visit(ctx, s->table[i].key, s->table[i].page);
}

void lru_stack_forget(struct lru_stack *s, uint64_t key, stack_page_t page)
{
	uint32_t place = s->place[page];

	if (place == IN_TOP) {
		unsigned at = top_find(s, page);

		s->top_count--;
		memmove(s->top + at, s->top + at + 1, (s->top_count - at) * sizeof(s->top[0]));
	} else if (place != ABSENT) {
		slot_leave(s, place);
	}
	table_delete(s, table_seek(s, key));
	s->place[page] = s->free_page;
	s->free_page = page;
	s->key_count--;
}

/* --- check ----------------------------------------------------------------------------------- */

static bool check_top(const struct lru_stack *s)
{
	unsigned holes = 0;

	for (unsigned i = 0; i < s->top_count; i++) {
		if (s->top[i] == HOLE)
			holes++;
		else if (s->top[i] >= s->page_count || s->place[s->top[i]] != IN_TOP)
			return false;
	}
	return s->top_count <= LRU_STACK_TOP && holes == s->top_holes;
}

static bool check_line(const struct lru_stack *s)
{
	uint32_t used = 0, holes = 0;

	for (uint32_t slot = 0; slot < s->slot_count; slot++) {
		if (!in_use(s, slot))
			continue;
		if (slot >= s->next || count_before(s, slot) != used++)
			return false;
		if (s->slot[slot] == HOLE)
			holes++;
		else if (s->place[s->slot[slot]] != slot)
			return false;
	}
	for (uint32_t i = 0; i < s->hole_count; i++)
		if (!in_use(s, s->hole[i]) || s->slot[s->hole[i]] != HOLE ||
		    s->hole[i] > s->hole[i ? (i - 1) / 2 : 0])
			return false;
	return used == s->deep && holes == s->hole_count;
}

bool lru_stack_check(const struct lru_stack *s)
{
	return check_top(s) && check_line(s) && s->top_count + (uint64_t)s->deep <= s->page_count;
}
