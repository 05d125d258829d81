/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Random operations on some address spaces, forked from each other, and some files, against a reference that knows nothing of
 * VMAs, frames or page tables: an array of pages for each space, each page with what it maps, what
 * it permits and what a reader must find. Every result is foretold: addresses, errnos, signals,
 * bytes. The list of VMAs must be the runs of like pages.
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
	SPACES = 3,
	FILES = 4, /* even ones can be written */
	OBJECTS = 512,
	OBJECT_PAGES = 64,
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
	struct page page[SPACES][END + 1]; /* by page number; the last is never mapped */
	uint64_t brk[SPACES], space_id[SPACES];
	uint64_t file[FILES][FX_FILE_PAGES];
	uint64_t object[OBJECTS][OBJECT_PAGES], object_pages[OBJECTS];
	int64_t id[FILES];
	struct fixture *f;
	struct page *p; /* of the running space */
	unsigned space;
	bool blocks; /* larger base pages: private memory only, and files that do not change */
	uint64_t seed, stamp;
};

static uint64_t any(struct model *m, uint64_t below)
{
	m->seed = m->seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (m->seed >> 33) % below;
}

static va_t va_of(uint64_t page)
{
	return page << FRAME_LG2;
}

static bool like(const struct page *a, const struct page *b)
{
	return a->mapped && b->mapped && a->prot == b->prot && a->kind == b->kind &&
	       a->stack == b->stack && a->advice == b->advice &&
	       (a->kind == PRIVATE_ANONYMOUS ||
		(a->object == b->object && a->index + 1 == b->index));
}

/* End of the run that holds a mapped page. */
static uint64_t run_end(const struct model *m, uint64_t at)
{
	while (like(&m->p[at], &m->p[at + 1]))
		at++;
	return at + 1;
}

static uint64_t next_mapped(const struct model *m, uint64_t at)
{
	while (at < END && !m->p[at].mapped)
		at++;
	return at;
}

static uint64_t start_gap(const struct model *m, uint64_t start)
{
	if (start >= END || !m->p[start].stack)
		return start;
	return start > GUARD ? start - GUARD : 0;
}

/* The highest place for `pages`, or 0. */
static uint64_t highest_place(const struct model *m, uint64_t pages)
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

static void forget(struct model *m, uint64_t start, uint64_t end)
{
	for (uint64_t i = start; i < end; i++)
		m->p[i] = (struct page){ 0 };
}

static uint64_t file_pages(const struct model *m, unsigned n)
{
	return (m->f->file[n].size + FRAME_BYTES - 1) >> FRAME_LG2;
}

static uint64_t *shared_word(struct model *m, const struct page *p)
{
	return p->kind == SHARED_ANONYMOUS ? &m->object[p->object][p->index]
					   : &m->file[p->object][p->index];
}

static uint64_t expected_value(struct model *m, const struct page *p)
{
	if (p->kind == PRIVATE_ANONYMOUS || p->own)
		return p->own ? p->value : 0;
	return *shared_word(m, p);
}

static void store(struct model *m, struct page *p, uint64_t value)
{
	if (p->kind <= PRIVATE_FILE) {
		p->own = true;
		p->value = value;
	} else {
		*shared_word(m, p) = value;
	}
}

/* --- touching -------------------------------------------------------------------------------- */

static bool grows(struct model *m, uint64_t at)
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
static int foretell(struct model *m, uint64_t at, enum access_kind access)
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

static uint64_t any_page(struct model *m)
{
	/* Rather near what is mapped. */
	uint64_t at = FIRST + any(m, PAGES);

	return any(m, 4) && next_mapped(m, at) < END ? next_mapped(m, at) : at;
}

static void do_access(struct model *m)
{
	uint64_t at = any_page(m), value = ++m->stamp;
	enum access_kind access = (enum access_kind)any(m, ACCESS_KIND_COUNT);
	int signal = foretell(m, at, access);
	struct fault_outcome outcome;
	uint64_t *word = fx_access(m->f, va_of(at), access, &outcome);

	assert_int_equal(word ? 0 : outcome.signal * 1000 + outcome.si_code, signal);
	if (!word)
		return;
	assert_int_equal(*word, expected_value(m, &m->p[at]));
	if (access == ACCESS_WRITE) {
		*word = value;
		store(m, &m->p[at], value);
	}
}

static void do_user_copy(struct model *m)
{
	uint64_t at = any_page(m), value = ++m->stamp;
	enum access_kind access = any(m, 2) ? ACCESS_WRITE : ACCESS_READ;
	int64_t expected = foretell(m, at, access) ? -EFAULT : 0;
	struct translation leaf;
	uint64_t *word;

	assert_int_equal(kernel_user_copy(m->f->kernel, va_of(at) + 8, 100, access), expected);
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

static uint8_t any_prot(struct model *m)
{
	static const uint8_t prots[] = {
		RW, RW, RW, PROT_READ, PROT_READ | PROT_EXEC, PROT_NONE, RW | PROT_EXEC, PROT_WRITE
	};

	return prots[any(m, 8)];
}

static bool object_used(const struct model *m, unsigned object)
{
	for (unsigned s = 0; s < SPACES; s++)
		for (uint64_t i = FIRST; i < END; i++)
			if (m->page[s][i].mapped && m->page[s][i].kind == SHARED_ANONYMOUS &&
			    m->page[s][i].object == object)
				return true;
	return false;
}

static unsigned new_object(struct model *m, uint64_t pages)
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

static struct wish any_wish(struct model *m)
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

static void enter(struct model *m, uint64_t at, const struct wish *w)
{
	struct page page = w->page;

	if (page.kind == SHARED_ANONYMOUS)
		page.object = new_object(m, w->pages);
	for (uint64_t i = 0; i < w->pages; i++, page.index++)
		m->p[at + i] = page;
}

static bool is_free(const struct model *m, uint64_t at, uint64_t pages)
{
	return next_mapped(m, at) >= at + pages;
}

static void do_mmap(struct model *m)
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
	assert_int_equal(result, expected);
	if (expected > 0)
		enter(m, place, &w);
}

static void any_range(struct model *m, uint64_t *at, uint64_t *pages)
{
	*at = any_page(m);
	*pages = 1 + any(m, any(m, 4) ? 8 : 200);
	if (*at + *pages > END)
		*pages = END - *at;
}

static void do_munmap(struct model *m)
{
	uint64_t at, pages;

	any_range(m, &at, &pages);
	assert_int_equal(kernel_munmap(m->f->kernel, va_of(at), va_of(pages) - any(m, 4096)), 0);
	forget(m, at, at + pages);
}

static void do_mprotect(struct model *m)
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
	assert_int_equal(kernel_mprotect(m->f->kernel, va_of(at), va_of(pages), prot), expected);
}

static void do_madvise(struct model *m)
{
	uint64_t at, pages;
	int64_t expected = 0;

	any_range(m, &at, &pages);
	for (uint64_t i = at; i < at + pages; i++) {
		m->p[i].own = false;
		expected = m->p[i].mapped ? expected : -ENOMEM;
	}
	assert_int_equal(kernel_madvise(m->f->kernel, va_of(at), va_of(pages), MADV_DONTNEED),
			 expected);
}

/* Of huge pages the guest sees nothing but where VMAs end. */
static void do_advise_huge(struct model *m)
{
	uint64_t at, pages;
	uint8_t advice = any(m, 3) ? MADV_HUGEPAGE : MADV_NOHUGEPAGE;
	int64_t expected = 0;

	any_range(m, &at, &pages);
	for (uint64_t i = at; i < at + pages; i++) {
		m->p[i].advice = m->p[i].mapped ? advice : 0;
		expected = m->p[i].mapped ? expected : -ENOMEM;
	}
	assert_int_equal(kernel_madvise(m->f->kernel, va_of(at), va_of(pages), advice), expected);
}

/* Neither does what the background makes of it. */
static void do_tick(struct model *m)
{
	assert_int_equal(kernel_tick(m->f->kernel, 0, 0), 0);
}

/* A sync changes nothing that a reader sees. */
static void do_msync(struct model *m)
{
	uint64_t at, pages;
	int64_t expected = 0;

	any_range(m, &at, &pages);
	for (uint64_t i = at; i < at + pages; i++)
		expected = m->p[i].mapped ? expected : -ENOMEM;
	assert_int_equal(kernel_msync(m->f->kernel, va_of(at), va_of(pages), MS_SYNC), expected);
}

static void do_brk(struct model *m)
{
	uint64_t now = m->brk[m->space], wanted = HEAP + any(m, 60), next = next_mapped(m, now);
	uint64_t expected = wanted;

	if (wanted > now && next < END && wanted + 1 > start_gap(m, next))
		expected = now;
	assert_int_equal(kernel_brk(m->f->kernel, va_of(wanted)), va_of(expected));
	for (uint64_t i = now; i < expected; i++)
		m->p[i] = (struct page){ .mapped = true, .prot = RW };
	if (expected < now)
		forget(m, expected, now);
	m->brk[m->space] = expected;
}

/* --- mremap ---------------------------------------------------------------------------------- */

static void extend(struct model *m, uint64_t start, uint64_t end)
{
	for (uint64_t i = start; i < end; i++) {
		m->p[i] = m->p[i - 1];
		m->p[i].own = false;
		m->p[i].index++;
	}
}

static void move(struct model *m, uint64_t from, uint64_t old, uint64_t to, uint64_t new)
{
	for (uint64_t i = 0; i < old; i++)
		m->p[to + i] = m->p[from + i];
	extend(m, to + old, to + new);
	forget(m, from, from + old);
}

static void do_mremap(struct model *m)
{
	uint64_t from = any_page(m), old = 1 + any(m, 20), new = 1 + any(m, 30), to = from;
	bool may_move = any(m, 2);
	int64_t expected = (int64_t)va_of(from);
	uint64_t end;

	if (from + old > END || from + new > END)
		return;
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
	assert_int_equal(kernel_mremap(m->f->kernel, va_of(from), va_of(old), va_of(new),
				       may_move ? MREMAP_MAYMOVE : 0, 0),
			 expected);
}

static void do_mremap_fixed(struct model *m)
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
	assert_int_equal(kernel_mremap(m->f->kernel, va_of(from), va_of(old), va_of(new),
				       MREMAP_MAYMOVE | MREMAP_FIXED, va_of(to)),
			 expected);
}

/* --- files ----------------------------------------------------------------------------------- */

static void do_resize(struct model *m)
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

static void do_write(struct model *m)
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
static void do_reopen(struct model *m)
{
	unsigned n = (unsigned)any(m, FILES);
	uint64_t size = m->f->file[n].size;

	assert_int_equal(kernel_file_close(m->f->kernel, (uint64_t)m->id[n]), 0);
	m->id[n] = kernel_file_open(m->f->kernel, 100 + n, size, n % 2 == 0);
	assert_true(m->id[n] >= 0);
}

static void do_switch(struct model *m)
{
	m->space = (unsigned)any(m, SPACES);
	m->p = m->page[m->space];
	assert_int_equal(kernel_space_switch(m->f->kernel, m->space_id[m->space]), 0);
}

/* Another space makes room for a copy of the running one, which may go on or not. */
static void do_fork(struct model *m)
{
	unsigned child = (m->space + 1 + (unsigned)any(m, SPACES - 1)) % SPACES;
	int64_t id;

	assert_int_equal(kernel_space_destroy(m->f->kernel, m->space_id[child]), 0);
	id = kernel_fork(m->f->kernel);
	assert_true(id > 0);
	m->space_id[child] = (uint64_t)id;
	m->brk[child] = m->brk[m->space];
	memcpy(m->page[child], m->page[m->space], sizeof(m->page[child]));
	if (any(m, 2))
		do_switch(m);
}

/* --- all ------------------------------------------------------------------------------------- */

static void compare_vmas(struct model *m)
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

/* Everything that should be there is; what was never written reads as it should. */
static void compare_bytes(struct model *m)
{
	for (uint64_t at = next_mapped(m, FIRST); at < END; at = next_mapped(m, at + 1)) {
		struct translation leaf;

		if (fx_lookup(m->f, va_of(at), &leaf))
			assert_int_equal(*fx_word(m->f, leaf.pa >> FRAME_LG2),
					 expected_value(m, &m->p[at]));
		else
			assert_false(m->p[at].own);
	}
}

static void step(struct model *m)
{
	static const struct {
		unsigned weight;
		void (*act)(struct model *m);
	} acts[] = {
		{ 400, do_access },     { 80, do_user_copy }, { 60, do_mmap },
		{ 30, do_munmap },      { 60, do_mprotect },  { 20, do_madvise },
		{ 20, do_brk },         { 30, do_mremap },    { 20, do_mremap_fixed },
		{ 4, do_resize },       { 10, do_write },     { 5, do_reopen },
		{ 10, do_switch },      { 5, do_msync },      { 3, do_fork },
		{ 10, do_advise_huge }, { 40, do_tick },
	};
	unsigned total = 0, pick;

	for (unsigned i = 0; i < sizeof(acts) / sizeof(*acts); i++)
		total += acts[i].weight;
	pick = (unsigned)any(m, total);
	for (unsigned i = 0;; i++) {
		if (pick < acts[i].weight) {
			acts[i].act(m);
			return;
		}
		pick -= acts[i].weight;
	}
}

static struct model *model_create(const char *format, uint64_t seed)
{
	struct model *m = calloc(1, sizeof(*m));

	assert_non_null(m);
	m->f = fx_create_asids(format, 64 << 20, (unsigned)seed % 4);
	m->seed = seed;
	m->blocks = m->f->table.caps.base_page_lg2 > FRAME_LG2;
	for (unsigned s = 1; s < SPACES; s++)
		assert_int_equal(kernel_space_create(m->f->kernel), s + 1);
	for (m->space = 0; m->space < SPACES; m->space++) {
		m->space_id[m->space] = m->space + 1;
		assert_int_equal(kernel_space_switch(m->f->kernel, m->space + 1), 0);
		assert_int_equal(kernel_space_layout(m->f->kernel, va_of(END), va_of(HEAP),
						     va_of(END), va_of(STACK_PAGES)),
				 0);
		m->brk[m->space] = HEAP;
	}
	m->space = SPACES - 1;
	m->p = m->page[m->space];
	for (unsigned n = 0; n < FILES; n++) {
		m->f->file[n].size = 10 * FRAME_BYTES;
		for (unsigned i = 0; i < 10; i++)
			m->file[n][i] = m->f->file[n].value[i] = n * 100 + i + 1;
		m->id[n] = kernel_file_open(m->f->kernel, 100 + n, 10 * FRAME_BYTES, n % 2 == 0);
	}
	return m;
}

/* Spaces go, then files: what was written to shared files is in them, and every frame is back. */
static void model_destroy(struct model *m)
{
	struct frame_counts counts;
	const struct kernel_counters *counters = kernel_counters(m->f->kernel);

	if (!m->f->table.caps.aliases)
		assert_true(counters->fault_alias > 0);
	if (m->f->config.thp != THP_NEVER)
		assert_true(counters->thp_fault_alloc > 100 && counters->thp_split_pmd > 100 &&
			    counters->thp_collapse_alloc > 10);
	else
		assert_int_equal(counters->thp_fault_alloc, 0);
	for (unsigned s = 0; s < SPACES; s++)
		assert_int_equal(kernel_space_destroy(m->f->kernel, m->space_id[s]), 0);
	for (unsigned n = 0; n < FILES; n++) {
		for (uint64_t i = 0; i < file_pages(m, n); i++)
			assert_int_equal(m->f->file[n].value[i], m->file[n][i]);
		assert_int_equal(kernel_file_close(m->f->kernel, (uint64_t)m->id[n]), 0);
	}
	fx_check(m->f);
	kernel_frame_counts(m->f->kernel, &counts);
	assert_int_equal(counts.free + counts.table + counts.reserved, counts.total);
	assert_int_equal(counts.table, m->f->ptm.frames_used);
	if (strcmp(m->f->table.ops->name, "radix") == 0)
		assert_int_equal(counts.table, 0);
	fx_destroy(m->f);
	free(m);
}

static void run(const char *format, uint64_t seed, unsigned steps)
{
	struct model *m = model_create(format, seed);

	for (unsigned i = 0; i < steps; i++) {
		step(m);
		if (i % 50 == 0)
			compare_vmas(m);
		if (i % 1000 == 0) {
			compare_bytes(m);
			fx_check(m->f);
		}
	}
	model_destroy(m);
}

static void kernel_random_radix(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 4; seed++)
		run("radix", seed, 75000);
}

static void kernel_random_hashed(void **state)
{
	(void)state;
	for (uint64_t seed = 5; seed <= 6; seed++)
		run("hashed", seed, 75000);
}

/* Base pages of 1 KiB: four entries a page. */
static void kernel_random_small_base_pages(void **state)
{
	(void)state;
	run("radix@10", 7, 75000);
	run("radix@9", 8, 20000);
}

/* Base pages of 8 KiB, 64 KiB and 1 MiB: composed blocks. */
static void kernel_random_large_base_pages(void **state)
{
	(void)state;
	run("radix@13", 9, 75000);
	run("radix@16", 10, 75000);
	run("radix@20", 11, 20000);
}

static void kernel_random_inverted(void **state)
{
	(void)state;
	for (uint64_t seed = 7; seed <= 9; seed++)
		run("inverted", seed, 50000);
	run("inverted-chain", 10, 50000);
}

/* fx_check() holds every page of every range to the page table. */
static void kernel_random_ranges(void **state)
{
	(void)state;
	fx_ranges = true;
	for (uint64_t seed = 7; seed <= 8; seed++)
		run(seed % 2 ? "radix" : "hashed", seed, 75000);
	fx_ranges = false;
}

/* Huge pages of 8 and of 16 base pages, in everything that can be cut and shared. */
static void kernel_random_huge(void **state)
{
	(void)state;
	run("radix+3", 12, 75000);
	run("radix+3", 13, 75000);
	run("clustered+", 14, 50000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kernel_random_radix),
		cmocka_unit_test(kernel_random_hashed),
		cmocka_unit_test(kernel_random_small_base_pages),
		cmocka_unit_test(kernel_random_large_base_pages),
		cmocka_unit_test(kernel_random_inverted),
		cmocka_unit_test(kernel_random_ranges),
		cmocka_unit_test(kernel_random_huge),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
