/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PAGEWALK_TESTS_UNIT_KERNEL_MODEL_ACTS_H
#define PAGEWALK_TESTS_UNIT_KERNEL_MODEL_ACTS_H

/* What the model of kernel_model.h does: one random operation, and what it foretells of it. */

#include "tests/unit/kernel_model.h"

/* --- touching -------------------------------------------------------------------------------- */

static inline bool present(struct model *m, uint64_t at)
{
	struct translation leaf;

	return leaf_harvest(m->f->kernel, m->f->kernel->running, va_of(at), HARVEST_READ, &leaf) ==
	       PW_OK;
}

/* A fault evicts neither the neighbours of its page nor the code that runs: the pages around `at`. */
struct around {
	uint64_t at;
	bool present[3];
};

static inline struct around look_around(struct model *m, uint64_t at)
{
	return (struct around){ at, { present(m, at - 1), present(m, at), present(m, at + 1) } };
}

static inline void still_around(struct model *m, const struct around *around, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		assert_true(!around->present[i] || present(m, around->at + i - 1));
}

/* False: the guest is no more. */
static inline bool touch_at(struct model *m, uint64_t at, enum access_kind access)
{
	int signal = foretell(m, at, access);
	struct around page = look_around(m, at), code = look_around(m, any_page(m));
	struct fault_outcome outcome;
	uint64_t *word;

	kernel_keep_code(m->f->kernel, va_of(code.at) + 1 + any(m, FRAME_BYTES));
	word = fx_access(m->f, va_of(at), access, &outcome);
	if (outcome.signal == SIGKILL && !signal) {
		assert_true(is_victim(m, m->space));
		return false;
	}
	assert_int_equal(word ? 0 : outcome.signal * 1000 + outcome.si_code, signal);
	still_around(m, &page, 3);
	still_around(m, &code, 2);
	if (!word)
		return true;
	assert_int_equal(*word, expected_value(m, &m->p[at]));
	if (access == ACCESS_WRITE) {
		*word = ++m->stamp;
		store(m, &m->p[at], m->stamp);
	}
	return true;
}

static inline void do_access(struct model *m)
{
	touch_at(m, any_page(m), (enum access_kind)any(m, ACCESS_KIND_COUNT));
}

/* Page by page, so that more is touched than there is memory. */
static inline void do_stride(struct model *m)
{
	enum access_kind access = any(m, 2) ? ACCESS_WRITE : ACCESS_READ;
	uint64_t at = any_page(m), end = at + 4 + any(m, 100);

	while (at < end && at < END && touch_at(m, at, access))
		at = next_mapped(m, at + 1);
}

static inline void do_user_copy(struct model *m)
{
	uint64_t at = any_page(m), value = ++m->stamp;
	enum access_kind access = any(m, 2) ? ACCESS_WRITE : ACCESS_READ;
	int64_t expected = foretell(m, at, access) ? -EFAULT : 0;
	struct translation leaf;
	int64_t result = kernel_user_copy(m->f->kernel, va_of(at) + 8, 100, access);
	uint64_t *word;

	if (result == -EFAULT && is_victim(m, m->space))
		return;
	assert_int_equal(result, expected);
	if (expected)
		return;
	assert_true(fx_lookup(m->f, va_of(at), &leaf));
	assert_true(leaf.accessed && (leaf.dirty || access == ACCESS_READ));
	word = fx_word(m->f, leaf.pa >> FRAME_LG2);
	assert_int_equal(*word, expected_value(m, &m->p[at]));
	if (access == ACCESS_WRITE) {
		*word = value;
		store(m, &m->p[at], value);
	}
}

/* --- mapping --------------------------------------------------------------------------------- */

static inline uint8_t any_prot(struct model *m)
{
	static const uint8_t prots[] = {
		RW, RW, RW, PROT_READ, PROT_READ | PROT_EXEC, PROT_NONE, RW | PROT_EXEC, PROT_WRITE
	};

	return prots[any(m, 8)];
}

static inline bool object_used(const struct model *m, unsigned object)
{
	for (unsigned s = 0; s < SPACES; s++)
		for (uint64_t i = FIRST; i < END; i++)
			if (m->page[s][i].mapped && m->page[s][i].kind == SHARED_ANONYMOUS &&
			    m->page[s][i].object == object)
				return true;
	return false;
}

static inline unsigned new_object(struct model *m, uint64_t pages)
{
	unsigned object = (unsigned)any(m, OBJECTS);

	while (object_used(m, object))
		object = (object + 1) % OBJECTS;
	memset(m->object[object], 0, sizeof(m->object[object]));
	m->object_pages[object] = pages;
	return object;
}

struct wish {
	struct page page; /* of the first page */
	uint64_t pages;
	int flags;
	int64_t file;
};

static inline struct wish any_wish(struct model *m)
{
	struct wish w = { .pages = 1 + any(m, any(m, 4) ? 12 : 60), .file = -1 };

	w.page.mapped = true;
	w.page.prot = any_prot(m);
	w.page.kind = (uint8_t)(any(m, 2) ? 0 : any(m, 4));
	w.flags = w.page.kind <= PRIVATE_FILE ? MAP_PRIVATE : MAP_SHARED;
	if (w.page.kind == PRIVATE_FILE || w.page.kind == SHARED_FILE) {
		w.page.object = (unsigned)any(m, FILES);
		w.page.index = any(m, 20);
		w.file = m->id[w.page.object];
	} else {
		w.flags |= MAP_ANONYMOUS;
		w.page.stack = w.page.kind == PRIVATE_ANONYMOUS && any(m, 40) == 0;
		w.flags |= w.page.stack ? MAP_GROWSDOWN : 0;
	}
	return w;
}

static inline void enter(struct model *m, uint64_t at, const struct wish *w)
{
	struct page page = w->page;

	if (page.kind == SHARED_ANONYMOUS)
		page.object = new_object(m, w->pages);
	for (uint64_t i = 0; i < w->pages; i++, page.index++)
		m->p[at + i] = page;
}

static inline bool is_free(const struct model *m, uint64_t at, uint64_t pages)
{
	return next_mapped(m, at) >= at + pages;
}

static inline void do_mmap(struct model *m)
{
	struct wish w = any_wish(m);
	uint64_t hint = any_page(m), place = hint, next;
	unsigned how = (unsigned)any(m, 4); /* fixed, no-replace, hint, anywhere */
	int64_t expected, result;

	if (hint + w.pages > END)
		hint = place = END - w.pages;
	next = next_mapped(m, hint);
	if (how == 3)
		hint = 0;
	if (how == 3 || (how == 2 && hint + w.pages > (next < END ? start_gap(m, next) : END)))
		place = highest_place(m, w.pages);
	if (how == 2 && next != END && !is_free(m, hint, 1))
		place = highest_place(m, w.pages);
	if (!place)
		return;
	expected = (int64_t)va_of(place);
	if (how == 1 && !is_free(m, hint, w.pages))
		expected = -EEXIST;
	if (w.page.kind == SHARED_FILE && (w.page.prot & PROT_WRITE) && w.page.object % 2 &&
	    expected > 0)
		expected = -EACCES;
	if (m->blocks && expected > 0 &&
	    (w.page.kind == SHARED_ANONYMOUS ||
	     (w.page.kind == SHARED_FILE && w.page.object % 2 == 0)))
		expected = -ENODEV;
	w.flags |= how == 0 ? MAP_FIXED : how == 1 ? 0x100000 : 0;
	result = kernel_mmap(m->f->kernel, va_of(hint), va_of(w.pages), w.page.prot,
			     (uint64_t)w.flags, (uint64_t)w.file, va_of(w.page.index));
	if (!refused(m, result, expected) && expected > 0)
		enter(m, place, &w);
}

static inline void any_range(struct model *m, uint64_t *at, uint64_t *pages)
{
	*at = any_page(m);
	*pages = 1 + any(m, any(m, 4) ? 8 : 200);
	if (*at + *pages > END)
		*pages = END - *at;
	/* Without a hole ENOMEM means that there was no memory. */
	if (m->tight && m->p[*at].mapped)
		for (uint64_t i = 1; i < *pages; i++)
			if (!m->p[*at + i].mapped)
				*pages = i;
}

/* A call that did a part of its work was refused the rest: the guest gives up. */
static inline void give_up(struct model *m, int64_t result, int64_t expected)
{
	if (refused(m, result, expected)) {
		end_space(m, m->space);
		run_any(m);
	}
}

static inline void do_munmap(struct model *m)
{
	uint64_t at, pages;

	any_range(m, &at, &pages);
	if (!refused(m, kernel_munmap(m->f->kernel, va_of(at), va_of(pages) - any(m, 4096)), 0))
		forget(m, at, at + pages);
}

static inline void do_mprotect(struct model *m)
{
	uint64_t at, pages;
	uint8_t prot = any_prot(m);
	int64_t expected = 0;

	any_range(m, &at, &pages);
	for (uint64_t i = at; i < at + pages && !expected; i++) {
		struct page *p = &m->p[i];

		if (!p->mapped)
			expected = -ENOMEM;
		else if (p->kind == SHARED_FILE && (prot & PROT_WRITE) && p->object % 2)
			expected = -EACCES;
		else
			p->prot = prot;
	}
	give_up(m, kernel_mprotect(m->f->kernel, va_of(at), va_of(pages), prot), expected);
}

static inline void do_madvise(struct model *m)
{
	uint64_t at, pages;
	int64_t expected = 0;

	any_range(m, &at, &pages);
	for (uint64_t i = at; i < at + pages; i++) {
		m->p[i].own = false;
		expected = m->p[i].mapped ? expected : -ENOMEM;
	}
	give_up(m, kernel_madvise(m->f->kernel, va_of(at), va_of(pages), MADV_DONTNEED), expected);
}

static inline void do_madvise_free(struct model *m)
{
	uint64_t at, pages;
	int64_t expected = 0;

	any_range(m, &at, &pages);
	for (uint64_t i = at; i < at + pages; i++) {
		struct page *p = &m->p[i];

		if (p->mapped && p->kind != PRIVATE_ANONYMOUS) {
			expected = -EINVAL;
			break;
		}
		expected = p->mapped ? expected : -ENOMEM;
		p->own = false;
	}
	give_up(m, kernel_madvise(m->f->kernel, va_of(at), va_of(pages), MADV_FREE), expected);
}

/* Of one kind of memory; in files the host would have to punch the hole. */
static inline void do_madvise_remove(struct model *m)
{
	uint64_t at = any_page(m), pages;
	const struct page *p = &m->p[at];
	int64_t expected = -EINVAL;

	if (!p->mapped)
		return;
	pages = 1 + any(m, run_end(m, at) - at);
	if (p->kind >= SHARED_FILE)
		expected = !(p->prot & PROT_WRITE)  ? -EACCES
			   : p->kind == SHARED_FILE ? -EOPNOTSUPP
						    : 0;
	for (uint64_t i = 0; !expected && i < pages; i++)
		if (p[i].index < m->object_pages[p->object])
			m->object[p->object][p[i].index] = 0;
	assert_int_equal(kernel_madvise(m->f->kernel, va_of(at), va_of(pages), MADV_REMOVE),
			 expected);
}

/* Of huge pages the guest sees nothing but where VMAs end. */
static inline void do_advise_huge(struct model *m)
{
	uint64_t at, pages;
	uint8_t advice = any(m, 3) ? MADV_HUGEPAGE : MADV_NOHUGEPAGE;
	int64_t expected = 0;

	any_range(m, &at, &pages);
	for (uint64_t i = at; i < at + pages; i++) {
		m->p[i].advice = m->p[i].mapped ? advice : 0;
		expected = m->p[i].mapped ? expected : -ENOMEM;
	}
	give_up(m, kernel_madvise(m->f->kernel, va_of(at), va_of(pages), advice), expected);
}

/* Neither does what the background makes of it, nor of what the daemon takes; but code stays. */
static inline void do_tick(struct model *m)
{
	struct around code = look_around(m, any_page(m) + 1);

	assert_int_equal(kernel_tick(m->f->kernel, va_of(code.at - 1) + any(m, FRAME_BYTES), 2), 0);
	still_around(m, &code, 1);
}

static inline void do_idle(struct model *m)
{
	assert_int_equal(kernel_idle(m->f->kernel), 0);
}

/* A sync changes nothing that a reader sees. */
static inline void do_msync(struct model *m)
{
	uint64_t at, pages;
	int64_t expected = 0;

	any_range(m, &at, &pages);
	for (uint64_t i = at; i < at + pages; i++)
		expected = m->p[i].mapped ? expected : -ENOMEM;
	assert_int_equal(kernel_msync(m->f->kernel, va_of(at), va_of(pages), MS_SYNC), expected);
}

static inline void do_brk(struct model *m)
{
	uint64_t now = m->brk[m->space], wanted = HEAP + any(m, 60), next = next_mapped(m, now);
	uint64_t expected = wanted, result;

	if (wanted > now && next < END && wanted + 1 > start_gap(m, next))
		expected = now;
	result = (uint64_t)kernel_brk(m->f->kernel, va_of(wanted)) >> FRAME_LG2;
	if (m->tight && result == now && result != expected) {
		m->refused++;
		return;
	}
	assert_int_equal(result, expected);
	for (uint64_t i = now; i < expected; i++)
		m->p[i] = (struct page){ .mapped = true, .prot = RW };
	if (expected < now)
		forget(m, expected, now);
	m->brk[m->space] = expected;
}

/* --- mremap ---------------------------------------------------------------------------------- */

static inline void extend(struct model *m, uint64_t start, uint64_t end)
{
	for (uint64_t i = start; i < end; i++) {
		m->p[i] = m->p[i - 1];
		m->p[i].own = false;
		m->p[i].index++;
	}
}

static inline void move(struct model *m, uint64_t from, uint64_t old, uint64_t to, uint64_t new)
{
	for (uint64_t i = 0; i < old; i++)
		m->p[to + i] = m->p[from + i];
	extend(m, to + old, to + new);
	forget(m, from, from + old);
}

static inline void do_mremap(struct model *m)
{
	uint64_t from = any_page(m), old = 1 + any(m, 20), new = 1 + any(m, 30), to = from;
	bool may_move = any(m, 2);
	int64_t expected = (int64_t)va_of(from);
	uint64_t end;

	if (from + old > END || from + new > END)
		return;
	memcpy(m->saved, m->p, sizeof(m->saved));
	if (!m->p[from].mapped) {
		expected = -EFAULT;
	} else if (new <= old) {
		forget(m, from + new, from + old);
	} else if (end = run_end(m, from), old > end - from) {
		expected = -EFAULT;
	} else if (from + old == end && is_free(m, end, new - old)) {
		extend(m, end, from + new);
	} else if (!may_move) {
		expected = -ENOMEM;
	} else {
		to = highest_place(m, new);
		if (!to)
			return;
		expected = (int64_t)va_of(to);
		move(m, from, old, to, new);
	}
	if (refused(m,
		    kernel_mremap(m->f->kernel, va_of(from), va_of(old), va_of(new),
				  may_move ? MREMAP_MAYMOVE : 0, 0),
		    expected))
		memcpy(m->p, m->saved, sizeof(m->saved));
}

static inline void do_mremap_fixed(struct model *m)
{
	uint64_t from = any_page(m), old = 1 + any(m, 20), new = 1 + any(m, 30), to = any_page(m);
	int64_t expected = (int64_t)va_of(to);

	if (from + old > END || to + new > END)
		return;
	if (!m->p[from].mapped) {
		expected = -EFAULT;
	} else if (from + old > to && to + new > from) {
		expected = -EINVAL;
	} else {
		forget(m, to, to + new);
		if (old > new)
			forget(m, from + new, from + old);
		if ((old < new ? old : new) > run_end(m, from) - from)
			expected = -EFAULT;
		else
			move(m, from, old < new ? old : new, to, new);
	}
	give_up(m,
		kernel_mremap(m->f->kernel, va_of(from), va_of(old), va_of(new),
			      MREMAP_MAYMOVE | MREMAP_FIXED, va_of(to)),
		expected);
}

/* --- files ----------------------------------------------------------------------------------- */

static inline void do_resize(struct model *m)
{
	unsigned n = (unsigned)any(m, FILES);
	uint64_t size = any(m, 30) * FRAME_BYTES + (any(m, 2) ? 100 : 0);
	uint64_t pages = (size + FRAME_BYTES - 1) >> FRAME_LG2, was = m->f->file[n].size;

	if (m->blocks)
		return;
	m->f->file[n].size = size;
	for (uint64_t i = pages; i < FX_FILE_PAGES; i++)
		m->f->file[n].value[i] = m->file[n][i] = 0;
	for (unsigned s = 0; s < SPACES && size < was; s++)
		for (uint64_t i = FIRST; i < END; i++) {
			struct page *p = &m->page[s][i];

			if (p->mapped && p->kind == PRIVATE_FILE && p->object == n &&
			    p->index >= pages)
				p->own = false;
		}
	assert_int_equal(kernel_file_resize(m->f->kernel, (uint64_t)m->id[n], size), 0);
}

static inline void do_write(struct model *m)
{
	unsigned n = (unsigned)any(m, FILES);
	uint64_t pages = file_pages(m, n), page;

	if (!pages || m->blocks)
		return;
	page = any(m, pages);
	m->f->file[n].value[page] = m->file[n][page] = ++m->stamp;
	assert_int_equal(kernel_file_write(m->f->kernel, (uint64_t)m->id[n], va_of(page), 8), 0);
}

/* Nothing of the file may be lost: neither its pages nor what was written to them. */
static inline void do_reopen(struct model *m)
{
	unsigned n = (unsigned)any(m, FILES);
	uint64_t size = m->f->file[n].size;

	assert_int_equal(kernel_file_close(m->f->kernel, (uint64_t)m->id[n]), 0);
	while ((m->id[n] = kernel_file_open(m->f->kernel, 100 + n, size, n % 2 == 0)) < 0)
		give_up(m, m->id[n], 0);
}

/* --- processes ------------------------------------------------------------------------------- */

static inline void do_switch(struct model *m)
{
	unsigned s = (unsigned)any(m, SPACES);

	if (!m->space_id[s]) {
		make_space(m, s);
		return;
	}
	if (any(m, 2)) {
		run_space(m, s);
		return;
	}
	m->space = s;
	m->p = m->page[s];
	assert_int_equal(kernel_task_switch(m->f->kernel, s, m->space_id[s]), 0);
}

/* Another space makes room for a copy of the running one, which may go on or not. */
static inline void do_fork(struct model *m)
{
	unsigned child = (m->space + 1 + (unsigned)any(m, SPACES - 1)) % SPACES;
	int64_t id;

	end_space(m, child);
	id = kernel_fork(m->f->kernel);
	if (id < 0) {
		assert_true(refused(m, id, 0));
		return;
	}
	m->space_id[child] = (uint64_t)id;
	m->brk[child] = m->brk[m->space];
	memcpy(m->page[child], m->page[m->space], sizeof(m->page[child]));
	if (any(m, 2))
		do_switch(m);
}

/* As exec(2): an empty space in place of the running one. */
static inline void do_exec(struct model *m)
{
	end_space(m, m->space);
	if (!make_space(m, m->space))
		run_any(m);
}

static inline void do_task(struct model *m)
{
	unsigned task = (unsigned)any(m, TASKS);
	struct kernel *k = m->f->kernel;

	if (m->task[task])
		assert_int_equal(kernel_task_exit(k, 1000 + task, 0), 0);
	else if (refused(m, kernel_task_create(k, 1000 + task, m->space_id[m->space]), 0))
		return;
	m->task[task] = !m->task[task];
}

/* --- all ------------------------------------------------------------------------------------- */

static inline void step(struct model *m)
{
	static const struct {
		unsigned weight;
		void (*act)(struct model *m);
	} acts[] = {
		{ 400, do_access },      { 100, do_stride },       { 80, do_user_copy },
		{ 60, do_mmap },         { 30, do_munmap },        { 60, do_mprotect },
		{ 20, do_madvise },      { 20, do_brk },           { 30, do_mremap },
		{ 20, do_mremap_fixed }, { 4, do_resize },         { 10, do_write },
		{ 5, do_reopen },        { 10, do_switch },        { 5, do_msync },
		{ 3, do_fork },          { 10, do_advise_huge },   { 40, do_tick },
		{ 10, do_idle },         { 2, do_exec },           { 4, do_task },
		{ 10, do_madvise_free }, { 5, do_madvise_remove },
	};
	unsigned total = 0, pick;

	for (unsigned i = 0; i < sizeof(acts) / sizeof(*acts); i++)
		total += acts[i].weight;
	pick = (unsigned)any(m, total);
	for (unsigned i = 0;; i++) {
		if (pick < acts[i].weight) {
			acts[i].act(m);
			bury(m);
			return;
		}
		pick -= acts[i].weight;
	}
}

#endif
