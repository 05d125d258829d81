/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PAGEWALK_TESTS_UNIT_KERNEL_MODEL_H
#define PAGEWALK_TESTS_UNIT_KERNEL_MODEL_H

/*
 * A reference for random operations on some address spaces and files that knows nothing of VMAs,
 * frames or page tables: an array of pages for each space, each page with what it maps, what it
 * permits and what a reader must find. Every result is foretold: addresses, errnos, signals, bytes.
 * The list of VMAs must be the runs of like pages. kernel_model_acts.h has the operations.
 *
 * Where memory is `tight` a call may be refused and a guest be killed; a call that was refused has
 * changed nothing, or its guest ends here.
 */

#include "tests/unit/kernel_fixture.h"

#include <errno.h>
#include <signal.h>
#include <sys/mman.h>

enum {
	FIRST = 16, /* vm.mmap_min_addr */
	PAGES = 2000,
	END = FIRST + PAGES, /* mmap_top */
	HEAP = FIRST + 1200,
	GUARD = 256,
	STACK_PAGES = 300,
	SPACES = 4,
	FILES = 4, /* even ones can be written */
	OBJECTS = 512,
	OBJECT_PAGES = 64,
	TASKS = 64,
	RW = PROT_READ | PROT_WRITE,
};

enum kind { PRIVATE_ANONYMOUS, PRIVATE_FILE, SHARED_FILE, SHARED_ANONYMOUS };

struct page {
	bool mapped, stack, own;    /* own: a private page that was written to */
	uint8_t prot, kind, advice; /* advice: about huge pages, 0 for none */
	unsigned object;            /* file, or shared anonymous object */
	uint64_t index;             /* page of the file or object */
	uint64_t value;             /* of an own page */
};

struct model {
	struct page page[SPACES][END + 1];      /* by page number; the last is never mapped */
	uint64_t brk[SPACES], space_id[SPACES]; /* id 0: there is none for now */
	uint64_t file[FILES][FX_FILE_PAGES];
	uint64_t object[OBJECTS][OBJECT_PAGES], object_pages[OBJECTS];
	int64_t id[FILES];
	struct fixture *f;
	struct page *p; /* of the running space */
	unsigned space;
	bool blocks; /* larger base pages: private memory only, and files that do not change */
	bool tight;
	bool task[TASKS];
	struct page saved[END + 1];
	uint64_t refused, killed;
	uint64_t seed, stamp;
};

static inline uint64_t any(struct model *m, uint64_t below)
{
	m->seed = m->seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (m->seed >> 33) % below;
}

static inline va_t va_of(uint64_t page)
{
	return page << FRAME_LG2;
}

static inline bool like(const struct page *a, const struct page *b)
{
	return a->mapped && b->mapped && a->prot == b->prot && a->kind == b->kind &&
	       a->stack == b->stack && a->advice == b->advice &&
	       (a->kind == PRIVATE_ANONYMOUS ||
		(a->object == b->object && a->index + 1 == b->index));
}

/* End of the run that holds a mapped page. */
static inline uint64_t run_end(const struct model *m, uint64_t at)
{
	while (like(&m->p[at], &m->p[at + 1]))
		at++;
	return at + 1;
}

static inline uint64_t next_mapped(const struct model *m, uint64_t at)
{
	while (at < END && !m->p[at].mapped)
		at++;
	return at;
}

static inline uint64_t start_gap(const struct model *m, uint64_t start)
{
	if (start >= END || !m->p[start].stack)
		return start;
	return start > GUARD ? start - GUARD : 0;
}

/* The highest place for `pages`, or 0. */
static inline uint64_t highest_place(const struct model *m, uint64_t pages)
{
	uint64_t top = END;

	while (top > FIRST) {
		uint64_t bottom = top, usable;

		while (bottom > FIRST && !m->p[bottom - 1].mapped)
			bottom--;
		usable = top < END ? start_gap(m, top) : END;
		if (usable > bottom && usable - bottom >= pages)
			return usable - pages;
		for (top = bottom; top > FIRST && m->p[top - 1].mapped;)
			top--;
	}
	return 0;
}

static inline void forget(struct model *m, uint64_t start, uint64_t end)
{
	for (uint64_t i = start; i < end; i++)
		m->p[i] = (struct page){ 0 };
}

static inline uint64_t file_pages(const struct model *m, unsigned n)
{
	return (m->f->file[n].size + FRAME_BYTES - 1) >> FRAME_LG2;
}

static inline uint64_t *shared_word(struct model *m, const struct page *p)
{
	return p->kind == SHARED_ANONYMOUS ? &m->object[p->object][p->index]
					   : &m->file[p->object][p->index];
}

static inline uint64_t expected_value(struct model *m, const struct page *p)
{
	if (p->kind == PRIVATE_ANONYMOUS || p->own)
		return p->own ? p->value : 0;
	return *shared_word(m, p);
}

static inline void store(struct model *m, struct page *p, uint64_t value)
{
	if (p->kind <= PRIVATE_FILE) {
		p->own = true;
		p->value = value;
	} else {
		*shared_word(m, p) = value;
	}
}

/* --- touching -------------------------------------------------------------------------------- */

static inline bool grows(struct model *m, uint64_t at)
{
	uint64_t above = next_mapped(m, at), below = at;

	if (above == END || !m->p[above].stack || run_end(m, above) - at > STACK_PAGES)
		return false;
	while (below > 0 && !m->p[below - 1].mapped)
		below--;
	if (below > 0 && !m->p[below - 1].stack && m->p[below - 1].prot && at - below < GUARD)
		return false;
	for (uint64_t i = at; i < above; i++) {
		m->p[i] = m->p[above];
		m->p[i].own = false;
	}
	return true;
}

/* 0, or signal * 1000 + code. */
static inline int foretell(struct model *m, uint64_t at, enum access_kind access)
{
	struct page *p = &m->p[at];
	int needed = access == ACCESS_WRITE   ? PROT_WRITE
		     : access == ACCESS_FETCH ? PROT_EXEC
					      : PROT_READ | PROT_WRITE | PROT_EXEC;

	if (!p->mapped && !grows(m, at))
		return SIGSEGV * 1000 + SEGV_MAPERR;
	if (!(p->prot & needed))
		return SIGSEGV * 1000 + SEGV_ACCERR;
	if ((p->kind == PRIVATE_FILE && !p->own) || p->kind == SHARED_FILE)
		return p->index < file_pages(m, p->object) ? 0 : SIGBUS * 1000 + BUS_ADRERR;
	/* mremap() makes the mapping longer, not the object. */
	if (p->kind == SHARED_ANONYMOUS && p->index >= m->object_pages[p->object])
		return SIGBUS * 1000 + BUS_ADRERR;
	return 0;
}

static inline uint64_t any_page(struct model *m)
{
	/* Rather near what is mapped. */
	uint64_t at = FIRST + any(m, PAGES);

	return any(m, 4) && next_mapped(m, at) < END ? next_mapped(m, at) : at;
}

/* --- spaces ---------------------------------------------------------------------------------- */

/* Makes a space there; false where memory does not do. It runs. */
static inline bool make_space(struct model *m, unsigned s)
{
	struct kernel *k = m->f->kernel;
	int64_t id = kernel_space_create(k);

	if (id < 0) {
		assert_true(m->tight);
		assert_int_equal(id, -ENOMEM);
		return false;
	}
	m->space_id[s] = (uint64_t)id;
	m->space = s;
	m->p = m->page[s];
	assert_int_equal(kernel_space_switch(k, (uint64_t)id), 0);
	assert_int_equal(
		kernel_space_layout(k, va_of(END), va_of(HEAP), va_of(END), va_of(STACK_PAGES)), 0);
	m->brk[s] = HEAP;
	return true;
}

static inline void end_space(struct model *m, unsigned s)
{
	memset(m->page[s], 0, sizeof(m->page[s]));
	if (m->space_id[s])
		assert_int_equal(kernel_space_destroy(m->f->kernel, m->space_id[s]), 0);
	m->space_id[s] = 0;
}

static inline void run_space(struct model *m, unsigned s)
{
	m->space = s;
	m->p = m->page[s];
	assert_int_equal(kernel_space_switch(m->f->kernel, m->space_id[s]), 0);
}

/* The running space is gone: another one runs, or a new one, for which there must be memory then. */
static inline void run_any(struct model *m)
{
	for (unsigned s = 0; s < SPACES; s++)
		if (m->space_id[s]) {
			run_space(m, s);
			return;
		}
	assert_true(make_space(m, 0));
}

/* Did want of memory choose the space of that number? */
static inline bool is_victim(const struct model *m, unsigned s)
{
	struct oom_usage usage;

	return m->space_id[s] && kernel_oom_victim(m->f->kernel, m->space_id[s], &usage);
}

/* Victims of the last operation, whose memory is gone already in part, are killed. */
static inline void bury(struct model *m)
{
	bool running = is_victim(m, m->space);

	if (!kernel_oom_pending(m->f->kernel))
		return;
	assert_true(m->tight && kernel_out_of_memory(m->f->kernel));
	for (unsigned s = 0; s < SPACES; s++)
		if (is_victim(m, s)) {
			m->killed++;
			assert_int_equal(kernel_oom_kill(m->f->kernel, m->space_id[s]), 0);
			end_space(m, s);
		}
	assert_false(kernel_oom_pending(m->f->kernel));
	if (running)
		run_any(m);
}

/* Was the call refused for want of memory, where that may be? Else the result is as foretold. */
static inline bool refused(struct model *m, int64_t result, int64_t expected)
{
	if (m->tight && result == -ENOMEM && expected != -ENOMEM) {
		m->refused++;
		return true;
	}
	assert_int_equal(result, expected);
	return false;
}

/* --- comparing ------------------------------------------------------------------------------- */

static inline void compare_vmas(struct model *m)
{
	unsigned n = 0;

	for (uint64_t at = next_mapped(m, FIRST); at < END;
	     at = next_mapped(m, run_end(m, at)), n++) {
		const struct vma *vma = kernel_vma_nth(m->f->kernel, n);
		const struct page *p = &m->p[at];

		assert_non_null(vma);
		assert_int_equal(vma->start, va_of(at));
		assert_int_equal(vma->end, va_of(run_end(m, at)));
		assert_int_equal(vma->prot, p->prot);
		assert_int_equal(!(vma->flags & MAP_GROWSDOWN), !p->stack);
		assert_int_equal(!(vma->flags & MAP_SHARED), p->kind <= PRIVATE_FILE);
		assert_int_equal(vma->file < 0, p->kind == PRIVATE_ANONYMOUS);
		assert_int_equal(vma->offset, p->kind == PRIVATE_ANONYMOUS ? 0 : va_of(p->index));
		if (p->kind == PRIVATE_FILE || p->kind == SHARED_FILE)
			assert_int_equal(vma->file, m->id[p->object]);
	}
	assert_int_equal(kernel_vma_count(m->f->kernel), n);
}

/* Of a page of a file, or of shared memory, that no entry maps. */
static inline uint64_t resting_word(struct model *m, const struct vma *vma, const struct page *p)
{
	const struct file *file = m->f->kernel->file[vma->file / 2];
	pfn_t pfn = page_tree_find(&file->pages, p->index);
	uint64_t slot = swapped_find(&file->swapped, p->index);

	if (pfn != PFN_NONE)
		return *fx_word(m->f, pfn);
	assert_true(slot == SLOT_NONE || m->f->swap[slot]);
	if (slot != SLOT_NONE)
		return *(const uint64_t *)m->f->swap[slot];
	return p->kind == SHARED_ANONYMOUS ? 0 : m->f->file[p->object].value[p->index];
}

static inline void compare_absent(struct model *m, struct space *space, uint64_t at,
				  const struct page *p)
{
	uint64_t slot = swapped_find(&space->swapped, at);

	assert_true(slot == SLOT_NONE || m->f->swap[slot]);
	if (slot != SLOT_NONE) {
		pfn_t cached = swap_slot(&m->f->kernel->swap, slot)->cached;

		assert_int_equal(*(const uint64_t *)m->f->swap[slot], expected_value(m, p));
		if (cached)
			assert_int_equal(*fx_word(m->f, cached), expected_value(m, p));
		return;
	}
	assert_false(p->own);
	if (p->kind != PRIVATE_ANONYMOUS &&
	    p->index < (p->kind == SHARED_ANONYMOUS ? m->object_pages[p->object]
						    : file_pages(m, p->object)))
		assert_int_equal(resting_word(m, vma_set_at(&space->vmas, va_of(at)), p),
				 expected_value(m, p));
}

/* Every page of every space is what it should be, wherever it is: mapped, cached or swapped out. */
static inline void compare_bytes(struct model *m)
{
	struct kernel *k = m->f->kernel;

	for (unsigned s = 0; s < SPACES; s++) {
		struct space *space = m->space_id[s] ? space_find(k, m->space_id[s]) : NULL;

		for (uint64_t at = FIRST; space && at < END; at++) {
			const struct page *p = &m->page[s][at];
			struct translation leaf;

			if (!p->mapped)
				continue;
			if (leaf_harvest(k, space, va_of(at), HARVEST_READ, &leaf) != PW_OK) {
				compare_absent(m, space, at, p);
				continue;
			}
			fx_narrow(&leaf, va_of(at));
			assert_int_equal(*fx_word(m->f, leaf.pa >> FRAME_LG2),
					 expected_value(m, p));
		}
	}
}

/* --- life ------------------------------------------------------------------------------------ */

/* On a fixture in which nothing runs. */
static inline struct model *model_create(struct fixture *f, uint64_t seed)
{
	struct model *m = calloc(1, sizeof(*m));

	assert_non_null(m);
	m->f = f;
	m->seed = seed;
	m->blocks = f->table.caps.base_page_lg2 > FRAME_LG2;
	for (unsigned s = 0; s < SPACES; s++)
		assert_true(make_space(m, s));
	for (unsigned n = 0; n < FILES; n++) {
		f->file[n].size = 10 * FRAME_BYTES;
		for (unsigned i = 0; i < 10; i++)
			m->file[n][i] = f->file[n].value[i] = n * 100 + i + 1;
		m->id[n] = kernel_file_open(f->kernel, 100 + n, 10 * FRAME_BYTES, n % 2 == 0);
		assert_true(m->id[n] >= 0);
	}
	return m;
}

/* Spaces go, then files: what was written to shared files is in them, and every frame is back. */
static inline void model_destroy(struct model *m)
{
	struct frame_counts counts;

	for (unsigned s = 0; s < SPACES; s++)
		end_space(m, s);
	for (unsigned n = 0; n < FILES; n++) {
		for (uint64_t i = 0; i < file_pages(m, n); i++)
			assert_int_equal(m->f->file[n].value[i], m->file[n][i]);
		assert_int_equal(kernel_file_close(m->f->kernel, (uint64_t)m->id[n]), 0);
	}
	for (unsigned i = 0; i < TASKS; i++)
		if (m->task[i])
			assert_int_equal(kernel_task_exit(m->f->kernel, 1000 + i, 0), 0);
	fx_check(m->f);
	kernel_frame_counts(m->f->kernel, &counts);
	assert_int_equal(counts.free + counts.table + counts.reserved, counts.total);
	assert_int_equal(counts.table, m->f->ptm.frames_used);
	assert_int_equal(m->f->kernel->swap.used, 0);
	if (strcmp(m->f->table.ops->name, "radix") == 0)
		assert_int_equal(counts.table, 0);
	fx_destroy(m->f);
	free(m);
}

#endif
