/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "traces/future.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "emu/kernel/reclaim.h"

enum { BUCKETS_LG2_MIN = 10, NONE = UINT32_MAX, RAM_LG2_MAX = 40 };

/* The runs of a page, as numbers of 7 bits a byte: items since the last run's end, length. */
struct page_future {
	uint64_t owner, index;
	uint64_t first, last; /* the run under way; first > last: none */
	uint64_t end;         /* of the last one written */
	uint8_t *bytes;
	uint32_t used, room;
	uint32_t next; /* of its bucket; NONE: none */
};

struct trace_future {
	struct page_future *page;
	uint32_t pages, room;
	uint32_t *bucket;
	unsigned bucket_lg2;
	unsigned near;
	uint32_t recent[TRACE_NEAR_MAX + 1]; /* pages by last use, the newest first */
	unsigned recents;
	const struct trace_replay *replay; /* while reading */
	bool failed;                       /* out of memory */
};

/* --- pages by name --------------------------------------------------------------------------- */

static uint32_t *bucket_of(const struct trace_future *f, uint64_t owner, uint64_t index)
{
	uint64_t mixed =
		((owner * UINT64_C(0x9e3779b97f4a7c15)) ^ index) * UINT64_C(0xd6e8feb86659fd93);

	return &f->bucket[mixed >> (64 - f->bucket_lg2)];
}

static uint32_t find_page(const struct trace_future *f, uint64_t owner, uint64_t index)
{
	uint32_t n = *bucket_of(f, owner, index);

	while (n != NONE && (f->page[n].owner != owner || f->page[n].index != index))
		n = f->page[n].next;
	return n;
}

static void chain(struct trace_future *f, uint32_t n)
{
	uint32_t *bucket = bucket_of(f, f->page[n].owner, f->page[n].index);

	f->page[n].next = *bucket;
	*bucket = n;
}

static bool grow(struct trace_future *f)
{
	unsigned lg2 = f->bucket_lg2 ? f->bucket_lg2 + 1 : BUCKETS_LG2_MIN;
	size_t room = (size_t)1 << lg2;
	struct page_future *page = realloc(f->page, room * sizeof(*page));
	uint32_t *bucket;

	if (!page)
		return false;
	f->page = page;
	bucket = realloc(f->bucket, room * sizeof(*bucket));
	if (!bucket)
		return false;
	f->bucket = bucket;
	f->bucket_lg2 = lg2;
	f->room = (uint32_t)room;
	memset(bucket, 0xff, room * sizeof(*bucket));
	for (uint32_t n = 0; n < f->pages; n++)
		chain(f, n);
	return true;
}

static uint32_t enter_page(struct trace_future *f, const struct page_name *name)
{
	uint32_t n = f->room ? find_page(f, name->owner, name->index) : NONE;

	if (n != NONE)
		return n;
	if (f->pages == f->room && (f->room == UINT32_MAX / 2 + 1 || !grow(f))) {
		f->failed = true;
		return NONE;
	}
	n = f->pages++;
	f->page[n] = (struct page_future){ .owner = name->owner, .index = name->index, .first = 1 };
	chain(f, n);
	return n;
}

/* --- runs ------------------------------------------------------------------------------------ */

static void put_number(struct page_future *page, uint64_t value)
{
	while (value >= 0x80) {
		page->bytes[page->used++] = (uint8_t)(value | 0x80);
		value >>= 7;
	}
	page->bytes[page->used++] = (uint8_t)value;
}

static uint64_t get_number(const uint8_t *bytes, uint32_t *at)
{
	uint64_t value = 0;
	unsigned shift = 0;

	do
		value |= (uint64_t)(bytes[*at] & 0x7f) << shift;
	while (shift += 7, bytes[(*at)++] & 0x80);
	return value;
}

static void end_run(struct trace_future *f, struct page_future *page)
{
	enum { RUN_BYTES_MAX = 20 };

	if (page->first > page->last)
		return;
	if (page->room - page->used < RUN_BYTES_MAX) {
		uint32_t room = page->room + page->room / 2 + 2 * RUN_BYTES_MAX;
		uint8_t *bytes = room > page->room ? realloc(page->bytes, room) : NULL;

		if (!bytes) {
			f->failed = true;
			return;
		}
		page->bytes = bytes;
		page->room = room;
	}
	put_number(page, page->first - page->end);
	put_number(page, page->last - page->first);
	page->end = page->last;
}

/* Makes the page the newest; was it used with at most `near` others since? */
static bool is_near(struct trace_future *f, uint32_t n)
{
	unsigned at = 0;
	bool found;

	while (at < f->recents && f->recent[at] != n)
		at++;
	found = at < f->recents;
	if (!found && f->recents <= f->near)
		f->recents++;
	if (at == f->recents)
		at--;
	memmove(&f->recent[1], &f->recent[0], at * sizeof(f->recent[0]));
	f->recent[0] = n;
	return found;
}

static void use(struct trace_future *f, const struct page_name *name)
{
	uint32_t n = enter_page(f, name);
	uint64_t now = f->replay->position;
	struct page_future *page;

	if (n == NONE)
		return;
	page = &f->page[n];
	if (!is_near(f, n) || page->first > page->last) {
		end_run(f, page);
		page->first = now;
	}
	page->last = now;
}

static void use_place(struct trace_future *f, pa_t pa)
{
	struct page_name name[2];
	unsigned names = kernel_page_names(f->replay->machine->kernel, pa, name);

	for (unsigned i = 0; i < names; i++)
		use(f, &name[i]);
}

static void on_access(void *ctx, pa_t pa)
{
	use_place(ctx, pa);
}

static void on_kcall(void *ctx, const struct kcall *call, int64_t result)
{
	struct trace_future *f = ctx;
	pa_t pa;

	if (call->op == KCALL_user_copy && result == 0 && call->arg[1] > 0 &&
	    kernel_translate(f->replay->machine->kernel, call->arg[0], &pa))
		use_place(f, pa);
}

/* --- the first pass -------------------------------------------------------------------------- */

/* As much memory as the machine can have, from what the program was told that there is. */
static struct machine *create_ample(const struct trace_reader *reader,
				    const struct machine_config *config, struct trace_error *error)
{
	struct machine_config ample = *config;
	struct config_complaint complaint = { .must_be = NULL };
	uint64_t ram = trace_reader_number(reader, "guest_ram", UINT64_C(4) << 30);
	struct machine *m;

	strcpy(ample.kernel.reclaim.policy, "fifo");
	if (ram > UINT64_C(1) << RAM_LG2_MAX)
		ram = UINT64_C(1) << RAM_LG2_MAX;
	for (ram &= ~(uint64_t)(FRAME_BYTES - 1); ram > config->kernel.ram_bytes; ram /= 2) {
		ample.kernel.ram_bytes = ram & ~(uint64_t)(FRAME_BYTES - 1);
		if (machine_create(&m, &ample, &host_alloc_libc, &complaint) == PW_OK)
			return m;
	}
	ample.kernel.ram_bytes = config->kernel.ram_bytes;
	if (machine_create(&m, &ample, &host_alloc_libc, &complaint) == PW_OK)
		return m;
	snprintf(error->text, sizeof(error->text),
		 "%s: the first pass of policy opt: no machine with ample memory: %s",
		 trace_reader_path(reader), complaint.must_be ? complaint.field : "out of memory");
	return NULL;
}

static int read_all(struct trace_future *f, struct trace_reader *reader, struct machine *m,
		    struct trace_error *error)
{
	const struct kernel_listener listener = { f, on_kcall };
	struct trace_replay replay;
	struct trace_batch batch;
	int more = 1, failed = PW_OK;

	trace_replay_start(&replay, reader, m);
	f->replay = &replay;
	machine_observe(m, f, on_access);
	kernel_set_listener(m->kernel, &listener);
	while (!failed && !f->failed && (more = trace_reader_batch(reader, &batch, error)) > 0)
		failed = trace_replay_batch(&replay, &batch, error);
	f->replay = NULL;
	trace_replay_end(&replay);
	for (uint32_t n = 0; n < f->pages; n++) {
		end_run(f, &f->page[n]);
		f->page[n].first = f->page[n].last + 1;
	}
	if (f->failed) {
		snprintf(error->text, sizeof(error->text), "%s: out of memory for policy opt",
			 trace_reader_path(reader));
		return PW_NOMEM;
	}
	/* What is damaged further on ends the second pass there too. */
	return failed;
}

int trace_future_create(struct trace_future **out, struct trace_reader *reader,
			const struct machine_config *config, unsigned near,
			struct trace_error *error)
{
	struct trace_future *f = calloc(1, sizeof(*f));
	struct machine *m = f ? create_ample(reader, config, error) : NULL;
	int failed = PW_NOMEM;

	if (m) {
		f->near = near < TRACE_NEAR_MAX ? near : TRACE_NEAR_MAX;
		failed = read_all(f, reader, m, error);
	} else if (!f) {
		snprintf(error->text, sizeof(error->text), "out of memory");
	}
	machine_destroy(m);
	if (failed) {
		trace_future_destroy(f);
		return failed;
	}
	*out = f;
	return PW_OK;
}

void trace_future_destroy(struct trace_future *f)
{
	if (!f)
		return;
	for (uint32_t n = 0; n < f->pages; n++)
		free(f->page[n].bytes);
	free(f->page);
	free(f->bucket);
	free(f);
}

uint64_t trace_future_bytes(const struct trace_future *f)
{
	uint64_t sum = sizeof(*f) + (uint64_t)f->room * (sizeof(*f->page) + sizeof(*f->bucket));

	for (uint32_t n = 0; n < f->pages; n++)
		sum += f->page[n].room;
	return sum;
}

/* --- the oracle ------------------------------------------------------------------------------ */

/* Where a replay is in the runs of a page: the one that it has read last. */
struct cursor {
	uint64_t first, last;
	uint32_t at;
};

struct trace_oracle {
	const struct trace_future *future;
	const struct trace_replay *replay;
	struct cursor *cursor; /* by page */
};

/* In how many items the page is used next; time never goes back. */
static uint64_t next_use(void *ctx, uint64_t owner, uint64_t index)
{
	struct trace_oracle *oracle = ctx;
	const struct trace_future *f = oracle->future;
	uint32_t n = f->room ? find_page(f, owner, index) : NONE;
	uint64_t now = oracle->replay->position;
	const struct page_future *page;
	struct cursor *cursor;

	if (n == NONE)
		return UINT64_MAX;
	page = &f->page[n];
	cursor = &oracle->cursor[n];
	while (cursor->last <= now && cursor->at < page->used) {
		cursor->first = cursor->last + get_number(page->bytes, &cursor->at);
		cursor->last = cursor->first + get_number(page->bytes, &cursor->at);
	}
	if (cursor->last <= now)
		return UINT64_MAX;
	return cursor->first > now ? cursor->first - now : 1;
}

struct trace_oracle *trace_oracle_create(const struct trace_future *future,
					 const struct trace_replay *replay)
{
	struct trace_oracle *oracle = calloc(1, sizeof(*oracle));

	if (!oracle)
		return NULL;
	oracle->future = future;
	oracle->replay = replay;
	oracle->cursor = calloc(future->pages + 1u, sizeof(*oracle->cursor));
	if (!oracle->cursor) {
		free(oracle);
		return NULL;
	}
	kernel_set_oracle(replay->machine->kernel, oracle, next_use);
	return oracle;
}

void trace_oracle_destroy(struct trace_oracle *oracle)
{
	if (!oracle)
		return;
	free(oracle->cursor);
	free(oracle);
}
