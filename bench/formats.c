/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Walks per second of every registered page-table format, silent (pt_probe) and charged (mmu_access
 * without TLBs and caches: each access walks), over a dense and a random footprint, as ratios to the
 * radix format in the same run: 1.00 is as fast as radix, 0.33 takes three times as long. A format is
 * here by being registered, with its default configuration; variants[] adds others.
 *
 * None should be below 0.33 without a reason. Stated ones: a scanned inverted table looks at every
 * frame's entry up to the right one, which is what it is there to show.
 */

#include "bench/subject.h"

#include <stdio.h>

enum {
	PAGES = 1 << 13,
	WALKS = 1 << 17,
	ROUNDS = 5,
	SUBJECTS_MAX = 64,
	FOOTPRINTS = 2,
	SLOW_NS = 1000
};

/* Formats that have more than one way of doing it, or whose default is no use here. */
struct variant {
	const char *format, *name;
	void (*configure)(struct mmu_config *config);
};

static void open_eight_slots(struct mmu_config *config)
{
	config->page_table.open.layout = OPEN_EIGHT_SLOTS;
}

static void open_eight_pages(struct mmu_config *config)
{
	config->page_table.open.layout = OPEN_EIGHT_PAGES;
}

static void crowded(struct mmu_config *config)
{
	config->page_table.hashed.buckets = PAGES / 2;
	config->page_table.hashed.max_load = 0;
}

static void inverted_scan(struct mmu_config *config)
{
	config->page_table.inverted.lookup = INVERTED_SCAN;
}

static const struct variant variants[] = {
	{ "hashed", "two pages a bucket", crowded },
	{ "open", "eight slots a line", open_eight_slots },
	{ "open", "eight pages a line", open_eight_pages },
	{ "inverted", "by scan", inverted_scan },
};
enum { VARIANTS = sizeof(variants) / sizeof(variants[0]) };

static va_t dense_page(unsigned i)
{
	return UINT64_C(0x10000000) + (va_t)(i * 40503u % PAGES) * FRAME_BYTES;
}

/* Distinct pages anywhere in 2^44 bytes: the finalizer of MurmurHash3 (Appleby), a bijection. */
static va_t random_page(unsigned i)
{
	uint32_t h = i % PAGES + 1;

	h = (h ^ h >> 16) * UINT32_C(0x85ebca6b);
	h = (h ^ h >> 13) * UINT32_C(0xc2b2ae35);
	return (va_t)(h ^ h >> 16) << FRAME_LG2;
}

static const struct footprint {
	const char *name;
	subject_page_fn *page;
} footprints[FOOTPRINTS] = { { "dense", dense_page }, { "random", random_page } };

static struct contender {
	const char *format, *name;
	struct subject subject[FOOTPRINTS];
	bool runs[FOOTPRINTS];
} contenders[SUBJECTS_MAX];
static unsigned contender_count;

static void enter(const char *format, const char *name, void (*configure)(struct mmu_config *))
{
	struct contender *c = &contenders[contender_count];
	struct mmu_config config;

	if (contender_count == SUBJECTS_MAX)
		return;
	contender_count++;
	c->format = format;
	c->name = name;
	mmu_config_default(&config);
	strcpy(config.page_table.format, format);
	if (configure)
		configure(&config);
	for (unsigned i = 0; i < FOOTPRINTS; i++)
		c->runs[i] = subject_init(&c->subject[i], &config, 256 << 20, footprints[i].page,
					  PAGES) == PW_OK;
}

static void enter_all(void)
{
	for (const struct pt_ops *const *ops = pt_formats; *ops; ops++) {
		enter((*ops)->name, "", NULL);
		for (unsigned i = 0; i < VARIANTS; i++)
			if (strcmp(variants[i].format, (*ops)->name) == 0)
				enter((*ops)->name, variants[i].name, variants[i].configure);
	}
}

/* A slow one gets fewer walks, so that the whole takes seconds: the first round says who is. */
static unsigned run(struct contender *c, unsigned footprint)
{
	struct subject *s = &c->subject[footprint];
	subject_page_fn *page = footprints[footprint].page;
	unsigned walks = s->access_ns == 0 || s->access_ns > SLOW_NS ? PAGES : WALKS;

	if (!c->runs[footprint])
		return 0;
	return subject_probe(s, page, walks) + subject_access(s, page, walks);
}

static void print(const struct contender *c, unsigned footprint)
{
	const struct subject *s = &c->subject[footprint];
	const struct subject *radix = &contenders[0].subject[footprint];

	if (!c->runs[footprint]) {
		printf("%-14s %-19s %-7s cannot be set up with its default configuration\n",
		       c->format, c->name, footprints[footprint].name);
		return;
	}
	printf("%-14s %-19s %-7s %9.1f %9.1f %7.2f %7.2f %10.2f%s\n", c->format, c->name,
	       footprints[footprint].name, s->probe_ns, s->access_ns, radix->probe_ns / s->probe_ns,
	       radix->access_ns / s->access_ns, subject_refs(s),
	       radix->access_ns / s->access_ns < 1.0 / 3 || radix->probe_ns / s->probe_ns < 1.0 / 3
		       ? "  slow"
		       : "");
}

int main(void)
{
	unsigned faults = 0;

	enter_all();
	for (unsigned round = 0; round < ROUNDS; round++)
		for (unsigned i = 0; i < contender_count; i++)
			for (unsigned f = 0; f < FOOTPRINTS; f++)
				faults += run(&contenders[i], f);
	printf("%-14s %-19s %-7s %9s %9s %7s %7s %10s\n", "format", "", "pages", "probe ns",
	       "walk ns", "probe x", "walk x", "refs/walk");
	for (unsigned f = 0; f < FOOTPRINTS; f++)
		for (unsigned i = 0; i < contender_count; i++)
			print(&contenders[i], f);
	if (faults)
		printf("%u faults: some of these walks found nothing\n", faults);
	return faults > 0;
}
