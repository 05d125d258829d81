/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * A trace turned into references by page: see curve.h. Accesses that follow each other within a
 * page are counted and handed on as one run.
 */

#include "traces/curve.h"

#include <stdio.h>
#include <string.h>

enum { NO_GRANTS = 0, ALL_GRANTS = 0xff };
enum { PAUSE_MAX = 1 << WORKING_SET_TAU_LG2_MIN };
#define NO_PAGE UINT64_MAX

/* --- runs ------------------------------------------------------------------------------------ */

static void end_run(struct curve *c)
{
	if (c->run.count > 0)
		for (unsigned i = 0; i < c->setup.page_sizes; i++)
			if (locality_add(&c->locality[i], &c->run) != PW_OK)
				c->failed = PW_NOMEM;
	c->run.count = 0;
	c->run_page = NO_PAGE;
}

/* A run is of one window, and without a pause that a working set could notice. */
static bool run_goes_on(const struct curve *c)
{
	return c->now < c->window_end && c->now - c->run.last <= PAUSE_MAX;
}

static void count_reference(struct curve *c)
{
	c->run.count++;
	c->run.last = c->now;
	c->now += c->setup.time_in_references;
}

static void next_window(struct curve *c)
{
	c->window_end = c->setup.window ? c->now - c->now % c->setup.window + c->setup.window
					: UINT64_MAX;
}

static void reference(struct curve *c, va_t va, bool joined)
{
	if (va >> c->run_lg2 == c->run_page && run_goes_on(c)) {
		count_reference(c);
		return;
	}
	end_run(c);
	if (c->now >= c->window_end)
		next_window(c);
	c->run_page = va >> c->run_lg2;
	c->run_grants = c->setup.machine ? NO_GRANTS : ALL_GRANTS;
	c->run = (struct locality_run){ c->space, joined, va, 0, c->now, c->now };
	count_reference(c);
}

/* --- loads and stores ------------------------------------------------------------------------ */

static bool touch(struct curve *c, enum access_kind access, va_t va, unsigned bytes)
{
	return residency_touch(&c->residency, access, va) &&
	       (machine_same_page(va, bytes) ||
		residency_touch(&c->residency, access, va + bytes - 1));
}

static bool counts(const struct curve *c, enum access_kind access)
{
	return c->setup.side & (access == ACCESS_FETCH ? SIDE_INSTRUCTION : SIDE_DATA);
}

static bool access_slow(struct curve *c, enum access_kind access, va_t va, unsigned bytes)
{
	/* Addresses wrap around in a damaged trace. */
	uint64_t page = va >> c->run_lg2, last = (va + bytes - 1) >> c->run_lg2;

	if (c->setup.machine && !touch(c, access, va, bytes))
		return false;
	if (!counts(c, access))
		return true;
	reference(c, va, false);
	c->run_grants |= (uint8_t)(1u << access);
	while (page != last) {
		page = (page + 1) & (UINT64_MAX >> c->run_lg2);
		reference(c, page << c->run_lg2, true);
	}
	return true;
}

static bool access_item(struct curve *c, enum access_kind access, const struct trace_item *item)
{
	uint64_t page = item->va >> c->run_lg2;

	c->accesses++;
	if (PAGEWALK_LIKELY(page == c->run_page && c->run_grants >> access & 1 &&
			    (item->va + item->bytes - 1) >> c->run_lg2 == page && run_goes_on(c))) {
		count_reference(c);
		return true;
	}
	return access_slow(c, access, item->va, item->bytes);
}

/* --- blocks ---------------------------------------------------------------------------------- */

static void fetch(struct curve *c, va_t va, unsigned bytes)
{
	uint64_t window = va >> c->fetch_lg2, last = (va + bytes - 1) >> c->fetch_lg2;

	if (va != c->fetch_end || window != c->fetch_window)
		reference(c, va, false);
	while (window != last)
		reference(c, ++window << c->fetch_lg2, false);
	c->fetch_window = last;
	c->fetch_end = va + bytes;
}

static bool block_item(struct curve *c, const struct trace_item *item)
{
	uint64_t page = item->va >> FRAME_LG2;

	c->instructions += item->instructions;
	if (!c->setup.time_in_references)
		c->now += item->instructions;
	if (c->setup.machine &&
	    (page != c->code_page || !machine_same_page(item->va, item->bytes))) {
		if (!touch(c, ACCESS_FETCH, item->va, item->bytes))
			return false;
		c->code_page = page;
	}
	if (counts(c, ACCESS_FETCH))
		fetch(c, item->va, item->bytes);
	return true;
}

/* --- what the kernel does -------------------------------------------------------------------- */

static void refused(void *ctx, enum access_kind access, va_t va, bool hits)
{
	struct curve *c = ctx;
	const struct locality_run run = { c->space, false, va, 1, c->now, c->now };

	end_run(c);
	if (!counts(c, access) || !c->base)
		return;
	if ((hits ? locality_add(c->base, &run) : locality_refused(c->base, c->space, va)) != PW_OK)
		c->failed = PW_NOMEM;
}

/* What was let through may not be any more. */
static void settle(struct curve *c)
{
	end_run(c);
	c->code_page = NO_PAGE;
}

static void invalidate(void *ctx, uint16_t space, va_t va, uint64_t bytes)
{
	struct curve *c = ctx;

	settle(c);
	if (c->base)
		locality_invalidate(c->base, space, va, bytes);
}

static void invalidate_space(void *ctx, uint16_t space)
{
	struct curve *c = ctx;

	settle(c);
	for (unsigned i = 0; i < c->setup.page_sizes; i++)
		locality_invalidate_space(&c->locality[i], space);
}

static void invalidate_all(void *ctx)
{
	struct curve *c = ctx;

	settle(c);
	for (unsigned i = 0; i < c->setup.page_sizes; i++)
		locality_invalidate_all(&c->locality[i]);
}

static void switched(void *ctx, uint16_t space)
{
	struct curve *c = ctx;

	settle(c);
	c->space = space;
	c->fetch_end = 0;
}

/* --- records --------------------------------------------------------------------------------- */

/* Without a machine: who runs is all that matters of the kernel's calls. */
static void follow_switch(struct curve *c, const struct trace_record *record)
{
	uint64_t space;

	if (record->tag != TRACE_KCALL || record->result != 0)
		return;
	switch (record->call.op) {
	case KCALL_space_switch:
		space = record->call.arg[0];
		break;
	case KCALL_task_switch:
		space = record->call.arg[1];
		if (space == c->space)
			return;
		break;
	default:
		return;
	}
	switched(c, (uint16_t)space);
}

static int other_item(struct curve *c, const struct trace_record *record, const char **what)
{
	if (record->tag == TRACE_CUT) {
		c->instructions -= record->instructions;
		c->fetch_end = 0;
	}
	if (!c->setup.machine) {
		follow_switch(c, record);
		return PW_OK;
	}
	c->setup.machine->fetch_end = c->fetch_end;
	return residency_record(&c->residency, record, what);
}

static int read_item(struct curve *c, const struct trace_batch *batch,
		     const struct trace_item *item, const char **what)
{
	*what = "an access raises a signal";
	switch (item->kind) {
	case TRACE_ITEM_LOAD:
		return access_item(c, ACCESS_READ, item) ? PW_OK : PW_DIVERGED;
	case TRACE_ITEM_STORE:
		return access_item(c, ACCESS_WRITE, item) ? PW_OK : PW_DIVERGED;
	case TRACE_ITEM_BLOCK:
	case TRACE_ITEM_REP:
		*what = "a fetch raises a signal";
		return block_item(c, item) ? PW_OK : PW_DIVERGED;
	default:
		return other_item(c, &batch->other[item->va], what);
	}
}

static int read_batch(struct curve *c, const struct trace_batch *batch, const char **what)
{
	struct trace_cursor at = { 0 };
	struct trace_item item;
	int failed = PW_OK;

	while (!failed && trace_batch_next(batch, &at, &item))
		failed = read_item(c, batch, &item, what);
	return failed ? failed : c->failed;
}

static int explain(const struct trace_reader *reader, const struct trace_batch *batch, int failed,
		   const char *what, struct trace_error *error)
{
	if (failed == PW_NOMEM)
		snprintf(error->text, sizeof(error->text), "%s: out of memory",
			 trace_reader_path(reader));
	else
		snprintf(error->text, sizeof(error->text),
			 "%s: frame at offset %llu: %s: this machine does not keep the trace's "
			 "guest contract",
			 trace_reader_path(reader), (unsigned long long)batch->offset, what);
	return failed;
}

static int read_batches(struct curve *c, struct trace_reader *reader, struct trace_error *error)
{
	struct trace_batch batch;
	const char *what = "";
	int more;

	while ((more = trace_reader_batch(reader, &batch, error)) > 0) {
		int failed = read_batch(c, &batch, &what);

		if (failed)
			return explain(reader, &batch, failed, what, error);
	}
	return more;
}

int curve_read(struct curve *c, struct trace_reader *reader, struct trace_error *error)
{
	uint64_t va_end = trace_reader_number(reader, "va_end", 0);
	int failed;

	if (c->setup.machine && va_end)
		kernel_limit_va(c->setup.machine->kernel, va_end);
	failed = read_batches(c, reader, error);
	end_run(c);
	for (unsigned i = 0; i < c->setup.page_sizes; i++)
		locality_finish(&c->locality[i], c->now);
	return failed;
}

/* --- life ------------------------------------------------------------------------------------ */

static int init_residency(struct curve *c)
{
	const struct residency_listener listener = {
		c, refused, invalidate, invalidate_space, invalidate_all, switched
	};
	struct machine *m = c->setup.machine;

	c->fetch_lg2 = m->fetch_lg2;
	if (c->run_lg2 > FRAME_LG2)
		c->run_lg2 = FRAME_LG2;
	for (unsigned i = 0; i < c->setup.page_sizes; i++)
		if (c->setup.page_lg2[i] == m->page_lg2)
			c->base = &c->locality[i];
	return residency_init(&c->residency, m, &listener, c->setup.alloc);
}

int curve_init(struct curve *c, const struct curve_setup *setup)
{
	int failed = PW_OK;

	memset(c, 0, sizeof(*c));
	c->setup = *setup;
	c->run_page = c->code_page = NO_PAGE;
	c->run_lg2 = setup->page_lg2[0];
	next_window(c);
	for (unsigned i = 0; i < setup->page_sizes && !failed; i++) {
		const struct locality_setup of_pages = { setup->page_lg2[i], setup->window,
							 setup->rate, setup->pages_max,
							 setup->alloc };

		failed = locality_init(&c->locality[i], &of_pages);
	}
	if (failed)
		return failed;
	if (setup->machine)
		return init_residency(c);
	c->fetch_lg2 = (unsigned)__builtin_ctz(setup->fetch_bytes);
	return PW_OK;
}

void curve_release(struct curve *c)
{
	residency_release(&c->residency);
	for (unsigned i = 0; i < c->setup.page_sizes; i++)
		locality_release(&c->locality[i]);
}
