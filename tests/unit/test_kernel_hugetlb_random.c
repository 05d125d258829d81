/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Huge pages of a pool at random: mapped, written, forked, moved, dropped by up to four processes that
 * want more of them than there are. What is read is what was written last; who was promised a page
 * gets it; the laws hold all along.
 */

#include "tests/unit/kernel_fixture.h"

#include <signal.h>
#include <sys/mman.h>

enum {
	RW = PROT_READ | PROT_WRITE,
	HUGETLB = MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB,
	SHARED = MAP_SHARED | MAP_ANONYMOUS | MAP_HUGETLB,
	POOL = 4,
	PAGES = 512,
	SLOTS = 4,
	SPACES = 4,
	STEPS = 20000,
};
#define PAGE ((uint64_t)FRAME_BYTES)
#define HUGE (PAGES * PAGE)
#define A    UINT64_C(0x1000000) /* aligned to HUGE */

#define COUNT(f, field) ((long)kernel_counters((f)->kernel)->field)

static void with_pool(struct kernel_config *config)
{
	config->hugetlb_2m = POOL;
}

/* A huge page of a space, as its program knows it. */
struct slot {
	bool mapped, shared, promised;
	uint64_t value;
	unsigned object; /* shared: number of the mapping */
};

struct model {
	struct fixture *f;
	int64_t space[SPACES]; /* 0: none */
	struct slot slot[SPACES][SLOTS];
	uint64_t common[STEPS]; /* values of shared pages by object */
	unsigned objects;
	uint64_t random;
	unsigned denied, killed;
};

static uint64_t random_next(struct model *m, uint64_t below)
{
	m->random = m->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (m->random >> 33) % below;
}

static uint64_t *value_of(struct model *m, struct slot *slot)
{
	return slot->shared ? &m->common[slot->object] : &slot->value;
}

static void random_map(struct model *m, struct slot *slot, va_t va)
{
	bool shared = random_next(m, 3) == 0, reserve = random_next(m, 4) > 0;
	unsigned flags = (shared ? SHARED : HUGETLB) | (reserve ? 0 : MAP_NORESERVE);

	/* A mapping that is refused has removed what was there. */
	*slot = (struct slot){ .mapped = kernel_mmap(m->f->kernel, va, HUGE, RW, flags | MAP_FIXED,
						     UINT64_MAX, 0) == (int64_t)va };
	if (!slot->mapped)
		return;
	slot->shared = shared;
	slot->promised = reserve;
	slot->object = m->objects++;
}

/* Whoever was promised a page gets it; whoever gets one finds its own bytes. */
static void random_access(struct model *m, struct slot *slot, va_t va)
{
	bool write = random_next(m, 2);
	va_t at = va + random_next(m, 2) * 17 * PAGE;
	struct fault_outcome outcome;
	uint64_t *word = fx_access(m->f, at, write ? ACCESS_WRITE : ACCESS_READ, &outcome);

	if (!word) {
		assert_int_equal(outcome.signal, slot->mapped ? SIGBUS : SIGSEGV);
		assert_false(slot->mapped && slot->promised);
		m->denied += slot->mapped;
		return;
	}
	assert_true(slot->mapped);
	if (at == va)
		assert_int_equal(*word, *value_of(m, slot));
	if (write && at == va)
		*word = *value_of(m, slot) = random_next(m, UINT32_MAX) + 1;
}

static void random_drop(struct model *m, struct slot *slot, va_t va)
{
	bool remove = random_next(m, 2);

	if (!slot->mapped)
		return;
	if (kernel_madvise(m->f->kernel, va, HUGE, remove ? MADV_REMOVE : MADV_DONTNEED) != 0) {
		assert_true(remove && !slot->shared);
		return;
	}
	if (remove || !slot->shared)
		*value_of(m, slot) = 0;
	/* What was promised is used up: the next page is one of those that are nobody's. */
	slot->promised = false;
	for (unsigned i = 0; remove && i < SPACES; i++)
		for (unsigned n = 0; n < SLOTS; n++)
			if (m->slot[i][n].shared && m->slot[i][n].object == slot->object)
				m->slot[i][n].promised = false;
}

static void random_fork(struct model *m, unsigned parent)
{
	unsigned child = (unsigned)random_next(m, SPACES);

	if (m->space[child])
		return;
	m->space[child] = kernel_fork(m->f->kernel);
	assert_true(m->space[child] > 0);
	memcpy(m->slot[child], m->slot[parent], sizeof(m->slot[child]));
	for (unsigned n = 0; n < SLOTS; n++)
		m->slot[child][n].promised &= m->slot[child][n].shared;
}

static void random_exit(struct model *m, unsigned space)
{
	unsigned alive = 0;

	for (unsigned i = 0; i < SPACES; i++)
		alive += m->space[i] > 0;
	if (alive == 1)
		return;
	assert_int_equal(kernel_space_destroy(m->f->kernel, (uint64_t)m->space[space]), 0);
	m->space[space] = 0;
	memset(m->slot[space], 0, sizeof(m->slot[space]));
	m->killed++;
}

static void random_move(struct model *m, struct slot *slots, unsigned from, va_t base)
{
	unsigned to = (unsigned)random_next(m, SLOTS);

	if (from == to || !slots[from].mapped)
		return;
	assert_int_equal(kernel_mremap(m->f->kernel, base + from * HUGE, HUGE, HUGE,
				       MREMAP_MAYMOVE | MREMAP_FIXED, base + to * HUGE),
			 base + to * HUGE);
	slots[to] = slots[from];
	slots[from] = (struct slot){ 0 };
}

static void random_step(struct model *m)
{
	unsigned space = (unsigned)random_next(m, SPACES), n = (unsigned)random_next(m, SLOTS);
	struct slot *slot = &m->slot[space][n];
	va_t va = A + n * HUGE;

	if (!m->space[space])
		return;
	assert_int_equal(kernel_task_switch(m->f->kernel, 1, (uint64_t)m->space[space]), 0);
	switch (random_next(m, 16)) {
	case 0:
		random_map(m, slot, va);
		break;
	case 1:
		assert_int_equal(kernel_munmap(m->f->kernel, va, HUGE), 0);
		*slot = (struct slot){ 0 };
		break;
	case 2:
		random_drop(m, slot, va);
		break;
	case 3:
		random_fork(m, space);
		break;
	case 4:
		random_exit(m, space);
		break;
	case 5:
		random_move(m, m->slot[space], n, A);
		break;
	default:
		random_access(m, slot, va);
	}
}

static void kernel_hugetlb_at_random(void **state)
{
	static const char *const formats[] = { "radix", "hashed", "inverted", "radix@14" };

	unsigned denied = 0;

	(void)state;
	for (unsigned i = 0; i < sizeof(formats) / sizeof(*formats); i++) {
		static struct model m;

		m = (struct model){ .f = fx_new(), .space = { 1 }, .random = 3 };
		m.f->configure = with_pool;
		assert_int_equal(fx_try_create(m.f, formats[i], 32 << 20), PW_OK);
		assert_int_equal(kernel_space_create(m.f->kernel), 1);
		for (unsigned step = 0; step < STEPS; step++) {
			random_step(&m);
			if (step % 8 == 0)
				fx_check(m.f);
		}
		/* There was something to see, and it was the same on all. */
		assert_true(m.denied > 50 && m.killed > 100);
		assert_true(COUNT(m.f, hugetlb_copied) > 50 && COUNT(m.f, hugetlb_taken_back) > 3);
		if (i == 0)
			denied = m.denied;
		assert_int_equal(m.denied, denied);
		fx_check(m.f);
		fx_destroy(m.f);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kernel_hugetlb_at_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
