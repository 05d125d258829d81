/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "traces/serve.h"

#include "emu/machine/tally.h"

/* What is counted stays in registers only where all of it is one function. */
#define INLINE __attribute__((always_inline)) inline

/* An execution whose pages are known. */
struct whole {
	const struct trace_path *path;
	const struct path_fetch *fetch; /* NULL: there are no blocks */
	const struct trace_touch *touch;
	unsigned touches, pages;
	struct tlb_hint *data[TRACE_TOUCHES_MAX], *code[PATH_FETCH_PAGES_MAX];
};

/* Do hints serve all of it, and does no alarm ring before its end? */
INLINE static bool is_served(struct machine *m, const struct machine_tally *t, struct whole *w)
{
	bool served = t->instructions + w->path->instructions < t->room;

	for (unsigned i = 0; i < w->touches; i++) {
		w->data[i] = machine_tally_hint(m, t, 0, w->touch[i].page, w->touch[i].kinds);
		served &= w->data[i] != NULL;
	}
	for (unsigned i = 0; i < w->pages; i++) {
		w->code[i] =
			machine_tally_hint(m, t, 1, w->fetch->page[i].page, 1u << ACCESS_FETCH);
		served &= w->code[i] != NULL;
	}
	return served;
}

INLINE static void use_code(struct machine_tally *t, const struct whole *w)
{
	const struct path_fetch *fetch = w->fetch;
	bool begins = t->fetch_end != fetch->start || t->fetch_window != fetch->first_window;

	for (unsigned i = 0; i < w->pages; i++) {
		unsigned lookups = fetch->page[i].lookups + (begins && i == fetch->depends);

		if (lookups)
			tlb_hint_use_often(w->code[i], lookups);
	}
	t->fetches += fetch->always + begins;
	t->fetch_end = fetch->end;
	t->fetch_window = fetch->last_window;
}

/* False: nothing was done. */
INLINE static bool serve_whole(struct machine *m, struct machine_tally *t, struct whole *w)
{
	const struct trace_path *path = w->path;

	if (PAGEWALK_UNLIKELY(!is_served(m, t, w)))
		return false;
	for (unsigned i = 0; i < w->touches; i++)
		tlb_hint_use_often(w->data[i], w->touch[i].accesses);
	if (w->fetch)
		use_code(t, w);
	t->accesses += path->accesses;
	t->stores += path->stores;
	t->blocks += path->blocks;
	t->rep_iterations += path->rep_iterations;
	t->instructions += path->instructions;
	return true;
}

INLINE static bool serve_execution(struct machine *m, struct machine_tally *t,
				   struct path_fetches *fetches, const struct trace_batch *batch,
				   const struct trace_execution *execution)
{
	struct whole whole;

	if (!execution->touched || !fetches)
		return false;
	whole.path = execution->path;
	whole.touch = &batch->touch[execution->first_touch];
	whole.touches = execution->touches;
	whole.fetch = NULL;
	whole.pages = 0;
	if (whole.path->blocks) {
		whole.fetch = path_fetch_of(fetches, whole.path, batch->frame);
		whole.pages = whole.fetch->pages;
		if (!whole.fetch->fits)
			return false;
	}
	return serve_whole(m, t, &whole);
}

/* Step by step. False: stopped before one that hints cannot serve. */
INLINE static bool serve_steps(struct machine *m, struct machine_tally *t,
			       const struct trace_path *path, const va_t *va,
			       struct trace_cursor *at)
{
	size_t step = at->step, access = at->access;

	for (; step < path->steps; step++) {
		const struct trace_item *item = &path->step[step];

		if (item->kind <= TRACE_ITEM_STORE) {
			if (!machine_tally_access(m, t, (enum access_kind)item->kind, va[access],
						  item->bytes))
				break;
			access++;
		} else if (!machine_tally_block(m, t, item->va, item->bytes, item->instructions,
						item->kind == TRACE_ITEM_REP)) {
			break;
		}
	}
	at->items += step - at->step;
	at->access = access;
	at->step = step;
	return step == path->steps;
}

void trace_serve_hits(struct machine *m, struct path_fetches *fetches,
		      const struct trace_batch *batch, struct trace_cursor *at)
{
	struct machine_tally tally = machine_tally_open(m);

	for (; at->execution < batch->executions; at->execution++) {
		const struct trace_execution *execution = &batch->execution[at->execution];
		const struct trace_path *path = execution->path;

		if (!path)
			break;
		if (at->step == 0 && serve_execution(m, &tally, fetches, batch, execution)) {
			at->items += path->steps;
			at->access += path->accesses;
			continue;
		}
		if (!serve_steps(m, &tally, path, batch->va, at))
			break;
		at->step = 0;
	}
	machine_tally_close(m, &tally);
}
