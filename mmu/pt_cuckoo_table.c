/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Elastic cuckoo hash tables: find, insert with kicks, remove, grow and shrink by and by. */

#include "mmu/pt_cuckoo_table_private.h"

#include <assert.h>
#include <string.h>

enum { KICKS_MAX = 32, TRIES = 4, NO_WAY = CUCKOO_WAYS_MAX };

static uint64_t load(const struct cuckoo_table *t, pa_t pa)
{
	return pt_memory_load(t->pt->memory, pa, 8);
}

static void store(const struct cuckoo_table *t, pa_t pa, uint64_t value)
{
	pt_memory_store(t->pt->memory, pa, 8, value);
}

/* xorshift64*, Vigna 2016. */
static unsigned random_below(struct cuckoo_table *t, unsigned n)
{
	return (unsigned)((xorshift_next(&t->random) >> 32) * n >> 32);
}

static unsigned line_words(const struct cuckoo_table *t)
{
	return 1u << (t->line_lg2 - 3);
}

static unsigned order_of(const struct cuckoo_table *t, unsigned lg2)
{
	unsigned bytes_lg2 = lg2 + t->line_lg2;

	return bytes_lg2 > FRAME_LG2 ? bytes_lg2 - FRAME_LG2 : 0;
}

/* ---- lines ---- */

uint64_t cuckoo_line_key(const void *line, bool wide)
{
	const uint8_t *bytes = line;
	uint64_t key = 0;

	if (wide)
		return walk_load(bytes, 8) & (BIT(CUCKOO_KEY_SHIFT) - 1);
	for (unsigned i = 0; i < CUCKOO_KEY_WORDS; i++)
		key |= (walk_load(bytes + (size_t)i * 8, 8) & CUCKOO_KEY_MASK) >>
		       CUCKOO_KEY_SHIFT << i * CUCKOO_KEY_BITS;
	return key;
}

bool cuckoo_line_is(const void *line, bool wide, uint64_t key)
{
	return (walk_load(line, 8) & BIT(CUCKOO_IN_USE)) && cuckoo_line_key(line, wide) == key;
}

/* The key of a line in use, by counted loads; false: it is not. */
static bool load_key(const struct cuckoo_table *t, pa_t line, uint64_t *key)
{
	uint64_t word = load(t, line);

	if (!(word & BIT(CUCKOO_IN_USE)))
		return false;
	if (t->wide) {
		*key = word & (BIT(CUCKOO_KEY_SHIFT) - 1);
		return true;
	}
	*key = 0;
	for (unsigned i = 0;;) {
		*key |= (word & CUCKOO_KEY_MASK) >> CUCKOO_KEY_SHIFT << i * CUCKOO_KEY_BITS;
		if (++i == CUCKOO_KEY_WORDS)
			return true;
		word = load(t, line + (pa_t)i * 8);
	}
}

/* The same as comparing with load_key(), but stops at the first word that differs. */
static bool holds_key(const struct cuckoo_table *t, pa_t line, uint64_t key)
{
	uint64_t word = load(t, line);

	if (t->wide)
		return (word & (BIT(CUCKOO_KEY_SHIFT) - 1)) == key && word & BIT(CUCKOO_IN_USE);
	for (unsigned i = 0;;) {
		if ((word & (CUCKOO_KEY_MASK | (i == 0 ? BIT(CUCKOO_IN_USE) : 0))) !=
		    cuckoo_key_part(key, i))
			return false;
		if (++i == CUCKOO_KEY_WORDS)
			return true;
		word = load(t, line + (pa_t)i * 8);
	}
}

pa_t cuckoo_find(struct cuckoo_table *t, uint64_t key, unsigned *way)
{
	for (unsigned i = 0; i < t->ways; i++) {
		pa_t line = cuckoo_place(t, i, key);

		if (holds_key(t, line, key)) {
			*way = i;
			return line;
		}
	}
	return 0;
}

static void copy_line(struct cuckoo_table *t, pa_t to, pa_t from)
{
	for (unsigned i = 0; i < line_words(t); i++)
		store(t, to + (pa_t)i * 8, load(t, from + (pa_t)i * 8));
}

static void tell_moved(struct cuckoo_table *t, uint64_t key, pa_t line, unsigned way)
{
	if (t->moved)
		t->moved(t, key, line, way);
}

/* ---- paths ---- */

/* What is kicked out of path[i] goes to path[i + 1]; the last place is free. */
struct path {
	unsigned count;
	struct {
		pa_t line;
		uint64_t key; /* of what lies there now */
		unsigned way;
	} at[KICKS_MAX + 1];
};

static bool on_path(const struct path *path, pa_t line)
{
	for (unsigned i = 0; i < path->count; i++)
		if (path->at[i].line == line)
			return true;
	return false;
}

/*
 * Appends the place of `key` in this way. True: the path goes on there, or ends (*end) with a free
 * place in a way that may take one more line.
 */
static bool try_way(struct cuckoo_table *t, struct path *path, uint64_t key, unsigned way,
		    bool *end)
{
	pa_t line = cuckoo_place(t, way, key);
	uint64_t occupant = 0;

	if (on_path(path, line))
		return false;
	*end = !load_key(t, line, &occupant);
	if (*end && t->way[way].used + 1 > cuckoo_limit(t, &t->way[way]))
		return false;
	path->at[path->count].line = line;
	path->at[path->count].key = occupant;
	path->at[path->count++].way = way;
	return true;
}

/* One random path for a key to a free place; the first step to `only`, unless that is NO_WAY. */
static bool find_path(struct cuckoo_table *t, uint64_t key, unsigned only, struct path *path)
{
	unsigned from = NO_WAY;

	path->count = 0;
	while (path->count <= KICKS_MAX) {
		unsigned first = random_below(t, t->ways), i;
		bool end = false;

		for (i = 0; i < t->ways; i++) {
			unsigned way = (first + i) % t->ways;

			if (way == from || (path->count == 0 && only != NO_WAY && way != only))
				continue;
			if (try_way(t, path, key, way, &end))
				break;
		}
		if (i == t->ways)
			return false;
		if (end)
			return true;
		key = path->at[path->count - 1].key;
		from = path->at[path->count - 1].way;
	}
	return false;
}

/* Moves what lies on the path one place on; its first place is then the caller's to write. */
static void kick(struct cuckoo_table *t, const struct path *path)
{
	t->way[path->at[path->count - 1].way].used++;
	for (unsigned i = path->count - 1; i > 0; i--) {
		copy_line(t, path->at[i].line, path->at[i - 1].line);
		tell_moved(t, path->at[i - 1].key, path->at[i].line, path->at[i].way);
		t->counts->kicks++;
	}
	if (path->count - 1 > t->counts->longest_path)
		t->counts->longest_path = path->count - 1;
}

/* A place for a key, now free, and its way; 0: none was found, nothing has changed. */
static pa_t make_room(struct cuckoo_table *t, uint64_t key, unsigned only, unsigned *way)
{
	struct path path;

	for (unsigned i = 0; i < TRIES; i++) {
		if (!find_path(t, key, only, &path))
			continue;
		kick(t, &path);
		*way = path.at[0].way;
		return path.at[0].line;
	}
	return 0;
}

/* ---- resizing ---- */

static int alloc_half(struct cuckoo_table *t, unsigned lg2, pa_t *base)
{
	int error = pt_memory_alloc(t->pt->memory, order_of(t, lg2), base);

	if (!error)
		*t->bytes += (uint64_t)FRAME_BYTES << order_of(t, lg2);
	return error;
}

static void free_half(struct cuckoo_table *t, struct cuckoo_half *half)
{
	*t->bytes -= (uint64_t)FRAME_BYTES << order_of(t, half->lg2);
	pt_memory_free(t->pt->memory, half->base, order_of(t, half->lg2));
	*half = (struct cuckoo_half){ 0 };
}

static int start_resize(struct cuckoo_table *t, unsigned way, unsigned lg2)
{
	struct cuckoo_way *w = &t->way[way];
	pa_t base;
	int error;

	assert(!w->before.base);
	if (lg2 > CUCKOO_LINES_LG2_MAX)
		return PW_NOFRAMES;
	error = alloc_half(t, lg2, &base);
	if (error)
		return error;
	w->before = w->now;
	w->now = (struct cuckoo_half){ base, (uint8_t)lg2 };
	w->pointer = 0;
	t->counts->resizes++;
	return PW_OK;
}

/*
 * Moves the next line in use over, or ends the resizing when there is none; false if no place was
 * found for it. Its own way in the new half is tried first, kicking what lies there.
 */
static bool move_one(struct cuckoo_table *t, unsigned way)
{
	struct cuckoo_way *w = &t->way[way];
	unsigned to = way;
	uint64_t key;
	pa_t from, line;

	while (w->pointer < BIT(w->before.lg2) &&
	       !load_key(t, w->before.base + (w->pointer << t->line_lg2), &key))
		w->pointer++;
	if (w->pointer == BIT(w->before.lg2)) {
		free_half(t, &w->before);
		return true;
	}
	from = w->before.base + (w->pointer << t->line_lg2);
	w->pointer++;
	w->used--;
	line = make_room(t, key, way, &to);
	if (!line)
		line = make_room(t, key, NO_WAY, &to);
	if (!line) {
		w->pointer--;
		w->used++;
		return false;
	}
	copy_line(t, line, from);
	tell_moved(t, key, line, to);
	t->counts->moved++;
	return true;
}

/* Moves all of a way over; true if anything was moved. */
static bool move_all(struct cuckoo_table *t, unsigned way)
{
	bool any = false;

	while (t->way[way].before.base && move_one(t, way))
		any = true;
	return any;
}

static unsigned smallest_at_rest(const struct cuckoo_table *t)
{
	unsigned best = NO_WAY;

	for (unsigned i = 0; i < t->ways; i++)
		if (!t->way[i].before.base &&
		    (best == NO_WAY || t->way[i].now.lg2 < t->way[best].now.lg2))
			best = i;
	return best;
}

/* No path was found: makes one likelier, at once. */
static int make_larger(struct cuckoo_table *t)
{
	unsigned way;
	int error;

	for (unsigned i = 0; i < t->ways; i++)
		if (move_all(t, i))
			return PW_OK;
	way = smallest_at_rest(t);
	if (way == NO_WAY)
		return PW_NOFRAMES;
	error = start_resize(t, way, t->way[way].now.lg2 + 1u);
	if (!error)
		move_all(t, way);
	return error;
}

int cuckoo_insert(struct cuckoo_table *t, uint64_t key, const uint64_t *words, unsigned *way)
{
	pa_t line;

	for (unsigned i = 0; i < t->ways; i++) {
		const struct cuckoo_way *w = &t->way[i];

		/* Where there is no memory for it, another way may still have room. */
		if (!w->before.base && w->used + 1 > cuckoo_limit(t, w))
			start_resize(t, i, w->now.lg2 + 1u);
	}
	while (!(line = make_room(t, key, NO_WAY, way))) {
		int error = make_larger(t);

		if (error)
			return error;
	}
	for (unsigned i = 0; i < line_words(t); i++)
		store(t, line + (pa_t)i * 8, words[i]);
	return PW_OK;
}

void cuckoo_remove(struct cuckoo_table *t, pa_t line, unsigned way)
{
	store(t, line, 0);
	t->way[way].used--;
}

void cuckoo_settle(struct cuckoo_table *t)
{
	for (unsigned i = 0; i < t->ways; i++) {
		struct cuckoo_way *w = &t->way[i];

		if (!w->before.base && w->now.lg2 > t->lg2_min &&
		    w->used * 100 < (uint64_t)t->limits.downsize_percent << w->now.lg2)
			start_resize(t, i, w->now.lg2 - 1u); /* without memory it stays large */
		if (w->before.base)
			move_one(t, i);
	}
}

/* ---- the whole table ---- */

int cuckoo_table_init(struct cuckoo_table *t, uint64_t seed)
{
	t->line_lg2 = t->wide ? 7 : 6;
	t->random = seed | 1;
	memset(t->way, 0, sizeof(t->way));
	for (unsigned i = 0; i < t->ways; i++) {
		struct cuckoo_half *now = &t->way[i].now;
		int error = alloc_half(t, t->lg2_min, &now->base);

		if (error) {
			cuckoo_table_release(t);
			return error;
		}
		now->lg2 = t->lg2_min;
	}
	return PW_OK;
}

void cuckoo_table_release(struct cuckoo_table *t)
{
	for (unsigned i = t->ways; i-- > 0;) {
		if (t->way[i].before.base)
			free_half(t, &t->way[i].before);
		if (t->way[i].now.base)
			free_half(t, &t->way[i].now);
	}
}

static void each_of(struct cuckoo_table *t, unsigned way, const struct cuckoo_half *half,
		    uint64_t first, cuckoo_line_fn *fn, void *ctx)
{
	for (uint64_t i = first; half->base && i < BIT(half->lg2); i++) {
		pa_t line = half->base + (i << t->line_lg2);
		uint64_t key;

		if (load_key(t, line, &key))
			fn(ctx, line, way, key);
	}
}

void cuckoo_each(struct cuckoo_table *t, cuckoo_line_fn *fn, void *ctx)
{
	for (unsigned i = 0; i < t->ways; i++) {
		each_of(t, i, &t->way[i].before, t->way[i].pointer, fn, ctx);
		each_of(t, i, &t->way[i].now, 0, fn, ctx);
	}
}

uint64_t cuckoo_lines(const struct cuckoo_table *t)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < t->ways; i++)
		sum += BIT(t->way[i].now.lg2) +
		       (t->way[i].before.base ? BIT(t->way[i].before.lg2) : 0);
	return sum;
}

uint64_t cuckoo_used(const struct cuckoo_table *t)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < t->ways; i++)
		sum += t->way[i].used;
	return sum;
}

uint64_t cuckoo_bytes(const struct cuckoo_table *t)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < t->ways; i++) {
		const struct cuckoo_way *w = &t->way[i];

		sum += (uint64_t)FRAME_BYTES << order_of(t, w->now.lg2);
		if (w->before.base)
			sum += (uint64_t)FRAME_BYTES << order_of(t, w->before.lg2);
	}
	return sum;
}
