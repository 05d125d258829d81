/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Slab caches against a dumb reference, on a buddy allocator of their own. */

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "emu/kernel/frame_alloc.h"
#include "emu/kernel/slab.h"

enum { FRAMES = 1 << 10 };

struct rig {
	struct frame_source source;
	struct frame_allocator buddy;
	struct slab_cache cache;
	bool refuse;
};

static struct rig *rig_of(struct frame_source *source)
{
	return (struct rig *)source;
}

static pfn_t take(struct frame_source *source, unsigned order)
{
	return rig_of(source)->refuse
		       ? PFN_NONE
		       : frame_allocator_alloc(&rig_of(source)->buddy, order, FRAME_MOVABLE);
}

static void give(struct frame_source *source, pfn_t first, unsigned order)
{
	frame_allocator_free(&rig_of(source)->buddy, first, order);
}

static void rig_init(struct rig *rig, unsigned object_bytes, pfn_t frames)
{
	static const struct frame_source_ops ops = { "rig", take, give };

	memset(rig, 0, sizeof(*rig));
	rig->source.ops = &ops;
	assert_int_equal(frame_allocator_create(&rig->buddy, "buddy", 0, frames, &host_alloc_libc),
			 PW_OK);
	slab_cache_init(&rig->cache, "test", object_bytes, &rig->source, &host_alloc_libc);
}

static void rig_check(struct rig *rig)
{
	const char *what;

	if (slab_cache_check(&rig->cache, &what) != PW_OK)
		fail_msg("slab: %s", what);
	assert_int_equal(rig->cache.frames_used + rig->buddy.free_count, rig->buddy.total_count);
}

static void rig_release(struct rig *rig)
{
	slab_cache_release(&rig->cache);
	rig_check(rig);
	assert_int_equal(rig->buddy.free_count, rig->buddy.total_count);
	frame_allocator_destroy(&rig->buddy);
}

/*
 * The lectures' 1.7 KB object: 1,740 bytes. Buddy blocks of 2^k bytes would give it 2,048 (308
 * wasted, 15 %), and whole frames 4,096 (2,356 wasted, 58 %). A slab of one frame holds 2 and
 * leaves a tail of 616, above an eighth (512); one of two frames holds 4 and leaves
 * 8,192 - 6,960 = 1,232, above 1,024; one of four holds 9 and leaves 16,384 - 15,660 = 724, below
 * 2,048. So 9 objects take 4 frames where buddy's blocks of frames take 9.
 */
static void slab_lecture_object(void **state)
{
	struct slab_object object[18];
	struct rig rig;

	(void)state;
	rig_init(&rig, 1740, FRAMES);
	assert_int_equal(rig.cache.order, 2);
	for (unsigned i = 0; i < 9; i++)
		assert_int_equal(slab_alloc(&rig.cache, &object[i]), PW_OK);
	assert_int_equal(rig.cache.frames_used, 4);
	assert_int_equal(slab_waste_bytes(&rig.cache), 724);
	assert_int_equal(rig.cache.full.count, 1);
	assert_int_equal(slab_alloc(&rig.cache, &object[9]), PW_OK);
	assert_int_equal(rig.cache.frames_used, 8);
	assert_int_equal(slab_waste_bytes(&rig.cache), 32768 - 17400);
	assert_int_equal(rig.cache.partial.count, 1);
	for (unsigned i = 0; i < 10; i++)
		slab_free(&rig.cache, &object[i]);
	/* One empty slab is kept for the next object, until memory is wanted. */
	assert_int_equal(rig.cache.empty.count, 1);
	assert_int_equal(rig.cache.frames_used, 4);
	slab_shrink(&rig.cache, 0);
	assert_int_equal(rig.cache.frames_used, 0);
	rig_release(&rig);
}

/* Orders and objects per slab; 21, 10... follow from 4096 << order by division. */
static void slab_geometry(void **state)
{
	static const struct {
		unsigned bytes, order, slots;
	} expected[] = {
		{ 192, 0, 21 }, /* tail 64 */
		{ 584, 0, 7 },  /* tail 8 */
		{ 1128, 1, 7 }, /* order 0: tail 712 > 512; order 1: 296 */
		{ 1600, 1, 5 }, /* order 0: 896; order 1: 192 */
		{ 5888, 3, 5 }, /* orders 1, 2: 2304, 4608; order 3: 3328 <= 4096 */
		{ 32768, 3, 1 }, { 8, 0, 512 },
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
		struct slab_object object;
		struct rig rig;

		rig_init(&rig, expected[i].bytes, FRAMES);
		assert_int_equal(rig.cache.order, expected[i].order);
		assert_int_equal(slab_alloc(&rig.cache, &object), PW_OK);
		assert_int_equal(rig.cache.slots, expected[i].slots);
		slab_free(&rig.cache, &object);
		rig_release(&rig);
	}
}

/* Where no block of the best order is free, one of the least order will do. */
static void slab_falls_back_to_small_blocks(void **state)
{
	struct slab_object object[5];
	struct rig rig;

	(void)state;
	rig_init(&rig, 1740, 3); /* frames 0 and 1, and frame 2: no block of four */
	for (unsigned i = 0; i < 5; i++)
		assert_int_equal(slab_alloc(&rig.cache, &object[i]), PW_OK);
	assert_int_equal(rig.cache.frames_used, 3);
	assert_int_equal(rig.cache.slots, 6);
	rig_check(&rig);
	rig_release(&rig);
}

static void slab_refusal_changes_nothing(void **state)
{
	struct slab_object object[3], none = { 0 };
	struct rig rig;

	(void)state;
	rig_init(&rig, 2048, FRAMES);
	assert_int_equal(slab_alloc(&rig.cache, &object[0]), PW_OK);
	rig.refuse = true;
	assert_int_equal(slab_alloc(&rig.cache, &object[1]), PW_OK);
	assert_int_equal(slab_alloc(&rig.cache, &none), PW_NOMEM);
	assert_int_equal(slab_reserve(&rig.cache, 1), PW_NOMEM);
	assert_null(none.slab);
	assert_int_equal(rig.cache.objects, 2);
	assert_int_equal(rig.cache.failures, 2);
	rig_check(&rig);
	rig.refuse = false;
	assert_int_equal(slab_reserve(&rig.cache, 3), PW_OK);
	rig.refuse = true;
	assert_int_equal(slab_alloc(&rig.cache, &object[2]), PW_OK);
	rig_check(&rig);
	rig_release(&rig);
}

/* --- by the million ---------------------------------------------------------------------------- */

enum {
	LIVE_MAX = 3000,
	OPERATIONS = 1000000,
	OBJECT = 200,
	CHUNK = 8,
	MEMORY = FRAMES << FRAME_LG2
};

struct reference {
	struct slab_object object[LIVE_MAX];
	pa_t pa[LIVE_MAX];
	unsigned live;
	bool taken[MEMORY / CHUNK]; /* one for each 8 bytes: 200 is a multiple */
};

static uint64_t next(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static void occupy(struct reference *r, pa_t pa, bool taken)
{
	assert_true(pa % CHUNK == 0 && pa + OBJECT <= MEMORY);
	for (pa_t at = pa; at < pa + OBJECT; at += CHUNK) {
		assert_int_equal(r->taken[at / CHUNK], !taken);
		r->taken[at / CHUNK] = taken;
	}
}

static void add_one(struct rig *rig, struct reference *r)
{
	pa_t pa;

	assert_int_equal(slab_alloc(&rig->cache, &r->object[r->live]), PW_OK);
	pa = slab_object_pa(&rig->cache, &r->object[r->live]);
	occupy(r, pa, true);
	r->pa[r->live++] = pa;
}

static void remove_one(struct rig *rig, struct reference *r, unsigned i)
{
	assert_int_equal(slab_object_pa(&rig->cache, &r->object[i]), r->pa[i]);
	occupy(r, r->pa[i], false);
	slab_free(&rig->cache, &r->object[i]);
	r->object[i] = r->object[--r->live];
	r->pa[i] = r->pa[r->live];
}

static void slab_random_by_the_million(void **state)
{
	struct reference *r = calloc(1, sizeof(*r));
	uint64_t random = 88172645463325252u;
	struct rig rig;

	(void)state;
	assert_non_null(r);
	rig_init(&rig, OBJECT, FRAMES);
	for (unsigned i = 0; i < OPERATIONS; i++) {
		/* In waves, so that slabs fill up and empty. */
		bool grow = next(&random) % 100 < (i / 20000 % 2 ? 60u : 40u);

		if (r->live == 0 || (grow && r->live < LIVE_MAX))
			add_one(&rig, r);
		else
			remove_one(&rig, r, (unsigned)(next(&random) % r->live));
		assert_int_equal(rig.cache.objects, r->live);
		assert_int_equal(slab_waste_bytes(&rig.cache),
				 (rig.cache.frames_used << FRAME_LG2) - (uint64_t)r->live * OBJECT);
		assert_true(rig.cache.empty.count <= rig.cache.keep);
		assert_int_equal(rig.cache.frames_used, rig.cache.full.count +
								rig.cache.partial.count +
								rig.cache.empty.count);
		if (i % 256 == 0)
			rig_check(&rig);
	}
	while (r->live > 0)
		remove_one(&rig, r, r->live - 1);
	rig_check(&rig);
	slab_shrink(&rig.cache, 0);
	assert_int_equal(rig.buddy.free_count, rig.buddy.total_count);
	rig_release(&rig);
	free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(slab_lecture_object),
		cmocka_unit_test(slab_geometry),
		cmocka_unit_test(slab_falls_back_to_small_blocks),
		cmocka_unit_test(slab_refusal_changes_nothing),
		cmocka_unit_test(slab_random_by_the_million),
	};

	return cmocka_run_group_tests_name("slab", tests, NULL, NULL);
}
