/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Random operations (kernel_model.h) in less memory than they touch: every policy, swap devices that
 * suffice, that do not, and none, few ASIDs, every kind of page table. After each operation all laws
 * of the kernel model hold, and nothing that a TLB still has differs from the page table; all pages
 * of all spaces have the bytes that were written to them, wherever they are.
 *
 * What a guest may find out here and not with ample memory is that a call is refused, which
 * then has changed nothing, or that it is killed.
 */

#include "tests/unit/kernel_model_acts.h"

#ifndef ROUNDS
#define ROUNDS 1 /* test_kernel_pressure_slow.c has more */
#endif

struct squeeze {
	const char *format;
	uint64_t frames, slots;
	enum reclaim_clear clear;
	const char *policy, *allocator;
	uint64_t seed;
};

static const struct squeeze *squeeze; /* of the kernel that is being made */

static void configure(struct kernel_config *config)
{
	static const unsigned swappiness[] = { 60, 0, 200, 100 }, cluster[] = { 3, 0, 1, 5 };

	config->swap.bytes = squeeze->slots * FRAME_BYTES;
	config->reclaim.clear_accessed = squeeze->clear;
	config->reclaim.swappiness = swappiness[squeeze->seed % 4];
	config->reclaim.page_cluster = cluster[squeeze->seed / 4 % 4];
	config->reclaim.seed = squeeze->seed;
	strcpy(config->reclaim.policy, squeeze->policy);
	strcpy(config->frame_allocator, squeeze->allocator);
}

/* Some future: the same for a page each time. */
static uint64_t foresee(void *ctx, uint64_t owner, uint64_t index)
{
	(void)ctx;
	return (owner * 31 + index) * UINT64_C(0x9e3779b97f4a7c15) >> 20;
}

static struct model *squeezed(const struct squeeze *s)
{
	struct fixture *f = fx_new();
	struct model *m;

	squeeze = s;
	f->configure = configure;
	f->asid_bits = (unsigned)s->seed % 4;
	assert_int_equal(fx_try_create(f, s->format, s->frames * FRAME_BYTES), PW_OK);
	if (kernel_wants_oracle(f->kernel))
		kernel_set_oracle(f->kernel, NULL, foresee);
	m = model_create(f, s->seed);
	m->tight = true;
	return m;
}

/* What came of it, over runs. */
static struct {
	uint64_t swapped_in, dropped, cow, refused, killed, forks, rollovers, daemon, split, marked;
} total;

/* Faults that only set A or D: no other service counts them. */
static uint64_t marks(const struct kernel_counters *c)
{
	return c->faults_minor + c->faults_major - c->fault_anonymous - c->fault_file -
	       c->fault_cow - c->fault_reuse - c->fault_stack - c->fault_spurious - c->fault_alias -
	       c->fault_swap;
}

static void add_to_total(const struct model *m)
{
	const struct kernel_counters *c = kernel_counters(m->f->kernel);

	total.swapped_in += c->pages_swapped_in;
	total.dropped += c->pages_dropped;
	total.cow += c->fault_cow;
	total.forks += c->forks;
	total.rollovers += c->asid_rollovers;
	total.daemon += c->pages_reclaimed_daemon;
	total.split += c->thp_split_pmd;
	total.marked += marks(c);
	total.refused += m->refused;
	total.killed += m->killed;
}

static uint64_t mix(uint64_t into, uint64_t value)
{
	return (into ^ value) * UINT64_C(0x9e3779b97f4a7c15) + (into >> 29);
}

static void mix_counter(void *ctx, const char *name, const char *doc, uint64_t value)
{
	uint64_t *digest = ctx;

	(void)name;
	(void)doc;
	*digest = mix(*digest, value);
}

/* Returns a digest of all counters and cycles. */
static uint64_t run(const struct squeeze *s, unsigned steps)
{
	struct model *m = squeezed(s);
	uint64_t digest;

	for (unsigned i = 0; i < steps; i++) {
		step(m);
		fx_sweep(m->f);
		fx_check(m->f);
		if (i % 50 == 0) {
			compare_vmas(m);
			compare_bytes(m);
		}
	}
	digest = mix(ledger_total(&m->f->ledger), m->killed);
	kernel_visit_counters(m->f->kernel, mix_counter, &digest);
	add_to_total(m);
	model_destroy(m);
	return digest;
}

/* From a few frames more than the spaces need to half of what they touch. */
static void each_policy(const char *format, uint64_t least, unsigned steps)
{
	static const char *const allocator[] = { "buddy", "buddy", "list", "first-fit" };
	static const uint64_t slots[] = { 4000, 4000, 1000, 300, 100, 10, 0 };
	uint64_t seed = least;

	for (unsigned round = 0; round < ROUNDS; round++)
		for (const struct reclaim_ops *const *ops = reclaim_policies; *ops; ops++)
			for (unsigned i = 0; i < 7; i++, seed++) {
				const struct squeeze s = {
					.format = format,
					.frames = least + seed * 37 % 61 + (i == 0) * least,
					.slots = slots[i],
					.clear = seed % 3 ? CLEAR_FLUSH : CLEAR_LAZY,
					.policy = (*ops)->name,
					.allocator = allocator[seed % 4],
					.seed = seed,
				};

				run(&s, steps);
			}
}

static int start_counting(void **state)
{
	(void)state;
	memset(&total, 0, sizeof(total));
	return 0;
}

static void expect_pressure(bool swaps)
{
	if (swaps)
		assert_true(total.swapped_in > 300 && total.dropped > 60 && total.daemon > 30);
	assert_true(total.cow > 50);
	assert_true(total.forks > 30);
	assert_true(total.rollovers > 30);
	assert_true(total.refused + total.killed > 5);
}

static void kernel_pressure_radix(void **state)
{
	(void)state;
	each_policy("radix", 48, 500);
	expect_pressure(true);
}

static void kernel_pressure_hashed(void **state)
{
	(void)state;
	each_policy("hashed", 48, 300);
	expect_pressure(true);
}

/*
 * A and D are software's: a clear one is a fault, which the kernel serves; to clear one is to
 * invalidate. RISC-V with Svade, Armv8 without FEAT_HAFDBS, a MIPS-like linear table.
 */
static void kernel_pressure_software_marks(void **state)
{
	static const char *const formats[] = { "radix:riscv-64", "radix:armv8", "linear:riscv-64" };

	for (unsigned i = 0; i < 3; i++) {
		start_counting(state);
		each_policy(formats[i], 56 + 7 * i, 300);
		expect_pressure(true);
		assert_true(total.marked > 800);
	}
}

/* One entry a frame, and others displaced; and with chains of them. */
static void kernel_pressure_inverted(void **state)
{
	(void)state;
	each_policy("inverted", 48, 250);
	each_policy("inverted-chain", 48, 200);
	expect_pressure(true);
}

/* Four entries a page. */
static void kernel_pressure_small_base_pages(void **state)
{
	(void)state;
	each_policy("radix@10", 48, 250);
	expect_pressure(true);
}

/* Blocks do not swap: pages of files leave, or the guest does. */
static void kernel_pressure_large_base_pages(void **state)
{
	(void)state;
	each_policy("radix@13", 70, 200);
	each_policy("radix@16", 260, 200);
	expect_pressure(false);
}

static void kernel_pressure_huge(void **state)
{
	(void)state;
	each_policy("radix+3", 56, 300);
	each_policy("clustered+", 56, 200);
	expect_pressure(true);
	assert_true(total.split > 20);
}

/* Memory that is populated eagerly, and a direct segment, whose frames do not leave. */
static void kernel_pressure_ranges(void **state)
{
	(void)state;
	fx_ranges = true;
	each_policy("radix", 140, 300);
	fx_ranges = false;
	expect_pressure(true);
}

/* Nothing but the seed decides. */
static void kernel_pressure_is_deterministic(void **state)
{
	(void)state;
	for (const struct reclaim_ops *const *ops = reclaim_policies; *ops; ops++) {
		struct squeeze s = {
			"radix", 60, 300, CLEAR_FLUSH, (*ops)->name, "buddy", 5,
		};
		uint64_t first = run(&s, 300), again = run(&s, 300);

		assert_int_equal(first, again);
		s.seed++;
		assert_int_not_equal(first, run(&s, 300));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(kernel_pressure_radix, start_counting),
		cmocka_unit_test_setup(kernel_pressure_hashed, start_counting),
		cmocka_unit_test_setup(kernel_pressure_software_marks, start_counting),
		cmocka_unit_test_setup(kernel_pressure_inverted, start_counting),
		cmocka_unit_test_setup(kernel_pressure_small_base_pages, start_counting),
		cmocka_unit_test_setup(kernel_pressure_large_base_pages, start_counting),
		cmocka_unit_test_setup(kernel_pressure_huge, start_counting),
		cmocka_unit_test_setup(kernel_pressure_ranges, start_counting),
		cmocka_unit_test_setup(kernel_pressure_is_deterministic, start_counting),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
