/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * A replay serves paths of blocks as a whole where it can. Random programs of many loops, with pages
 * that come and go, are replayed so and, beside it, record by record by the calls that any driver makes,
 * without hints: every counter, the ledger and the page faults are the same on TLBs of all kinds.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "configs/loader.h"
#include "mmu/fnv1a.h"
#include "mmu/prng.h"
#include "mmu/tlb.h"
#include "traces/replay.h"

enum { CODE = 0x400000, CODE_PAGES = 12, DATA = 0x10000000, DATA_PAGES = 700 };
enum { BLOCKS = 48, SLOTS = 12, EXECUTIONS = 30000, COUNTERS_MAX = 1000 };

/* --- a program ------------------------------------------------------------------------------- */

struct slot {
	enum access_kind kind;
	unsigned bytes, stride;
	bool anywhere; /* each time another page */
	va_t va;
};

struct block {
	va_t va;
	unsigned bytes, slots, next[2];
	bool rep;
	struct slot slot[SLOTS];
};

static uint64_t random_state;

static unsigned below(unsigned n)
{
	return (unsigned)((xorshift_next(&random_state) >> 20) % n);
}

static void make_slot(struct slot *slot)
{
	*slot = (struct slot){ .kind = below(3) ? ACCESS_READ : ACCESS_WRITE,
			       .bytes = 1u << below(5),
			       .stride = below(3) ? 0 : 1u << below(10),
			       .anywhere = below(16) == 0,
			       .va = DATA + below(DATA_PAGES / 16) * (va_t)FRAME_BYTES +
				     below(FRAME_BYTES) };
}

/* Some follow each other, some cross a page. */
static void make_program(struct block program[BLOCKS])
{
	va_t end = CODE;

	for (unsigned i = 0; i < BLOCKS; i++) {
		struct block *b = &program[i];

		b->va = below(2) ? end : CODE + below((CODE_PAGES - 1) * FRAME_BYTES);
		b->bytes = below(20) ? 1 + below(90) : 1 + below(FRAME_BYTES);
		if (b->va + b->bytes > CODE + CODE_PAGES * FRAME_BYTES)
			b->va = CODE;
		b->rep = below(20) == 0;
		b->slots = below(4) ? below(4) : below(SLOTS + 1);
		b->next[0] = (i + 1) % BLOCKS;
		b->next[1] = below(3) ? below(BLOCKS) : i;
		for (unsigned s = 0; s < b->slots; s++)
			make_slot(&b->slot[s]);
		end = b->va + b->bytes;
	}
}

static void access_slot(struct machine *m, struct slot *slot)
{
	struct fault_outcome outcome;

	if (slot->anywhere)
		slot->va = DATA + below(DATA_PAGES - 1) * FRAME_BYTES + below(FRAME_BYTES);
	else
		slot->va += slot->stride;
	if (slot->va + slot->bytes > DATA + (uint64_t)DATA_PAGES * FRAME_BYTES)
		slot->va = DATA;
	assert_true(machine_access(m, slot->kind, slot->va, slot->bytes, &outcome));
}

static void run(struct machine *m, struct block program[BLOCKS])
{
	unsigned at = 0;

	for (unsigned i = 0; i < EXECUTIONS; i++) {
		struct block *b = &program[at];
		struct fault_outcome outcome;

		assert_true(machine_fetch_block(m, b->va, b->bytes, &outcome));
		machine_block(m, b->va, b->bytes, 1 + b->bytes / 4, b->rep);
		for (unsigned s = 0; s < b->slots; s++)
			access_slot(m, &b->slot[s]);
		if (below(2000) == 0)
			machine_block_cut(m, 1);
		if (below(200) == 0) /* pages go, and come back when they are touched */
			kernel_madvise(m->kernel, DATA, (uint64_t)DATA_PAGES / 16 * FRAME_BYTES,
				       MADV_DONTNEED);
		at = b->next[below(8) == 0];
	}
}

/* --- machines -------------------------------------------------------------------------------- */

static struct machine *machine_of(const char *text)
{
	struct config_complaint complaint;
	struct machine_config config;
	struct config_error error;
	struct machine *m;

	if (config_load_bytes(&config, "here", text, strlen(text), &error) != PW_OK)
		fail_msg("%s", error.text);
	config.kernel.ram_bytes = 64 << 20;
	assert_int_equal(machine_create(&m, &config, &host_alloc_libc, &complaint), PW_OK);
	return m;
}

static void map(struct kernel *kernel, va_t va, uint64_t pages, int prot)
{
	int64_t at = kernel_mmap(kernel, va, pages << FRAME_LG2, (unsigned)prot,
				 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, UINT64_MAX, 0);

	assert_int_equal(at, (int64_t)va);
}

static void record(const char *path, const char *machine)
{
	const struct trace_writer_setup setup = { .path = path, .header = "" };
	static struct block program[BLOCKS];
	struct machine *m = machine_of(machine);
	struct trace_writer *writer;
	struct trace_error error;

	assert_int_equal(trace_writer_create(&writer, &setup, &error), PW_OK);
	machine_set_tap(m, trace_writer_tap(writer));
	assert_int_equal(kernel_space_create(m->kernel), 1);
	assert_int_equal(kernel_space_switch(m->kernel, 1), 0);
	map(m->kernel, CODE, CODE_PAGES, PROT_READ | PROT_EXEC);
	map(m->kernel, DATA, DATA_PAGES, PROT_READ | PROT_WRITE);
	make_program(program);
	run(m, program);
	machine_set_tap(m, NULL);
	assert_int_equal(trace_writer_finish(writer, &m->counters, &error), PW_OK);
	machine_destroy(m);
}

/* What a machine had counted whenever some instructions had passed. */
struct epochs {
	struct machine_alarm alarm;
	struct machine *machine;
	uint64_t digest;
};

static void ring(void *ctx, struct machine_alarm *alarm)
{
	struct epochs *epochs = ctx;

	(void)alarm;
	epochs->digest = fnv1a(epochs->digest, &epochs->machine->counters,
			       sizeof(epochs->machine->counters));
}

static void watch_epochs(struct machine *m, struct epochs *epochs)
{
	*epochs = (struct epochs){
		.alarm = { .at = 1000, .period = 1009, .ctx = epochs, .ring = ring },
		.machine = m,
		.digest = FNV1A_START
	};
	assert_int_equal(machine_set_alarm(m, &epochs->alarm), PW_OK);
}

/* --- record by record ------------------------------------------------------------------------ */

static void drive(struct machine *m, const struct trace_record *record)
{
	struct fault_outcome outcome;

	switch (record->tag) {
	case TRACE_LOAD:
	case TRACE_STORE:
		assert_true(machine_access(m,
					   record->tag == TRACE_LOAD ? ACCESS_READ : ACCESS_WRITE,
					   record->va, record->bytes, &outcome));
		break;
	case TRACE_BLOCK:
	case TRACE_REP:
		assert_true(machine_fetch_block(m, record->va, record->bytes, &outcome));
		machine_block(m, record->va, record->bytes, record->instructions,
			      record->tag == TRACE_REP);
		break;
	case TRACE_CUT:
		machine_block_cut(m, record->instructions);
		break;
	case TRACE_KCALL:
		assert_int_equal(kernel_call(m->kernel, &record->call), record->result);
		break;
	case TRACE_ATTEMPT: /* the access that follows makes it again */
	default:
		break;
	}
}

static struct machine *one_by_one(const char *path, const char *machine, struct epochs *epochs)
{
	struct machine *m = machine_of(machine);
	struct trace_reader *reader;
	struct trace_record record;
	struct trace_error error;

	m->mmu.tlb.memo_off = true;
	tlb_forget_hints(&m->mmu.tlb);
	watch_epochs(m, epochs);
	assert_int_equal(trace_reader_open(&reader, path, &error), PW_OK);
	while (trace_reader_next(reader, &record, &error) > 0)
		drive(m, &record);
	trace_reader_close(reader);
	return m;
}

static struct machine *replayed(const char *path, const char *machine, struct epochs *epochs)
{
	struct machine *m = machine_of(machine);
	struct trace_reader *reader;
	struct trace_error error;

	watch_epochs(m, epochs);
	assert_int_equal(trace_reader_open(&reader, path, &error), PW_OK);
	if (trace_replay(reader, m, &error) != PW_OK)
		fail_msg("%s", error.text);
	trace_reader_close(reader);
	return m;
}

struct counted {
	unsigned count;
	uint64_t value[COUNTERS_MAX];
};

static void count(void *ctx, const char *name, const char *doc, uint64_t value)
{
	struct counted *c = ctx;

	(void)name;
	(void)doc;
	assert_true(c->count < COUNTERS_MAX);
	c->value[c->count++] = value;
}

static struct counted *compared;

static void compare(void *ctx, const char *name, const char *doc, uint64_t value)
{
	unsigned *at = ctx;

	(void)doc;
	if (compared->value[*at] != value)
		fail_msg("%s: %llu one by one, replayed %llu", name,
			 (unsigned long long)compared->value[*at], (unsigned long long)value);
	(*at)++;
}

static void assert_same(const char *machine)
{
	static struct counted counted;
	char path[64];
	int fd = memfd_create("trace", MFD_CLOEXEC);
	struct epochs epochs[2];
	struct machine *a, *b;
	unsigned at = 0;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	for (uint64_t seed = 1; seed <= 4; seed++) {
		random_state = seed * 12345;
		record(path, machine);
		a = one_by_one(path, machine, &epochs[0]);
		b = replayed(path, machine, &epochs[1]);
		counted.count = at = 0;
		machine_visit_counters(a, count, &counted);
		compared = &counted;
		machine_visit_counters(b, compare, &at);
		assert_int_equal(at, counted.count);
		assert_int_equal(epochs[0].digest, epochs[1].digest);
		assert_memory_equal(&a->ledger, &b->ledger, sizeof(a->ledger));
		machine_destroy(a);
		machine_destroy(b);
	}
	close(fd);
}

#define SPLIT(replacement)                                                            \
	"base: x86-64\ntlb: {l1: {i: {side: instruction, page_sizes: [4K], entries: " \
	"4, ways: 2, replacement: " replacement "}, d: {side: data, page_sizes: "     \
	"[4K], entries: 16, ways: 4, replacement: " replacement "}}, l2: {u: "        \
	"{side: both, page_sizes: [4K], entries: 64, ways: 4, replacement: " replacement "}}}"

static void trace_paths_are_served_as_records_are(void **state)
{
	(void)state;
	assert_same(SPLIT("tree-plru"));
	assert_same(SPLIT("lru"));
	assert_same(SPLIT("fifo"));
	assert_same(SPLIT("random"));
	assert_same(SPLIT("lru") "\nfetch_bytes: 16");
	assert_same(SPLIT("tree-plru") "\nfetch_bytes: 4096");
	assert_same("base: skylake");
}

/* One array for both sides: the order of fetches and accesses counts. */
static void trace_paths_are_served_in_order_where_it_counts(void **state)
{
	(void)state;
	assert_same("base: x86-64\ntlb: {l1: {u: {side: both, page_sizes: [4K], entries: 16, ways: "
		    "full, replacement: lru}}}");
	assert_same("base: riscv-sv39");
	assert_same("base: x86-64");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(trace_paths_are_served_as_records_are),
		cmocka_unit_test(trace_paths_are_served_in_order_where_it_counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
