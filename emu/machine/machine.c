/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Building a machine, and what it is made of: mmu/ and emu/kernel joined through small callbacks,
 * a ledger, an event queue, and alarms at instruction counts. The access path is in access.c.
 */

#include "emu/machine/machine.h"

#include <assert.h>
#include <string.h>

enum { BASE_PAGE_LG2_MAX = 21, RAM_LG2_MIN = 16 };

/* --- what the kernel asks of the hardware ---------------------------------------------------- */

static void hw_invalidate_range(void *ctx, asid_t asid, va_t va, uint64_t bytes)
{
	struct machine *m = ctx;

	mmu_invalidate_range(&m->mmu, asid, va, bytes);
	if (m->watch)
		m->watch->invalidate_range(m->watch->ctx, asid, va, bytes);
}

static void hw_invalidate_asid(void *ctx, asid_t asid)
{
	struct machine *m = ctx;

	mmu_invalidate_asid(&m->mmu, asid);
	if (m->watch)
		m->watch->invalidate_asid(m->watch->ctx, asid);
}

static void hw_invalidate_all(void *ctx)
{
	struct machine *m = ctx;

	mmu_invalidate_all(&m->mmu, true);
	if (m->watch)
		m->watch->invalidate_all(m->watch->ctx);
}

/* The next block looks its first window up, wherever the last one ended. */
static void hw_switch_space(void *ctx, struct pt_space *space)
{
	struct machine *m = ctx;

	m->fetch_end = 0;
	mmu_switch(&m->mmu, space);
	if (m->watch)
		m->watch->switch_space(m->watch->ctx, space);
}

static void hw_flush(void *ctx)
{
	struct machine *m = ctx;

	m->cpu.flush(m->cpu.ctx);
}

static void hw_frame_changed(void *ctx, pfn_t pfn)
{
	struct machine *m = ctx;

	m->cpu.frame_changed(m->cpu.ctx, pfn);
}

static void hw_segment_changed(void *ctx)
{
	struct machine *m = ctx;

	mmu_load_segment(&m->mmu);
}

static void no_cpu_flush(void *ctx)
{
	(void)ctx;
}

static void no_cpu_frame_changed(void *ctx, pfn_t pfn)
{
	(void)ctx;
	(void)pfn;
}

static const struct machine_cpu no_cpu = { NULL, no_cpu_flush, no_cpu_frame_changed };

/* --- life ------------------------------------------------------------------------------------ */

static int start_kernel(struct machine *m)
{
	struct kernel_setup setup = {
		.config = &m->config.kernel,
		.table = &m->table,
		.asid_bits = m->config.mmu.asid_bits,
		.hw = { m, hw_invalidate_range, hw_invalidate_asid, hw_invalidate_all,
			hw_switch_space, hw_flush, hw_frame_changed, hw_segment_changed },
		.content = kernel_content_none,
		.events = &m->events,
		.ledger = &m->ledger,
		.alloc = m->alloc,
	};

	return kernel_start(m->kernel, &setup);
}

/* Each part stands on the one before; machine_destroy() takes down whatever got built. */
static int build(struct machine *m, struct config_complaint *complaint)
{
	const struct machine_config *config = &m->config;
	int error;

	error = phys_mem_init(&m->mem, config->kernel.ram_bytes);
	if (error)
		return error;
	error = kernel_create(&m->kernel, &config->kernel, m->alloc, complaint);
	if (error)
		return error;
	pt_memory_init(&m->table_memory, &m->mem, kernel_frames(m->kernel));
	error = page_table_create(&m->table, &config->mmu.page_table, &m->table_memory, m->alloc,
				  complaint);
	if (error)
		return error;
	m->page_lg2 = m->table.caps.base_page_lg2;
	if (m->page_lg2 > BASE_PAGE_LG2_MAX) {
		strcpy(complaint->field, "page_table.radix.offset_bits");
		complaint->must_be = "at most 21 for a program to run: base pages up to 2 MiB";
		return PW_INVALID;
	}
	if (m->fetch_lg2 > m->page_lg2)
		m->fetch_lg2 = m->page_lg2;
	/* Less than the smallest RAM that can be described: a toy, to look at. */
	if (m->table.caps.pa_bits >= RAM_LG2_MIN && (m->mem.size - 1) >> m->table.caps.pa_bits) {
		strcpy(complaint->field, "kernel.ram_bytes");
		complaint->must_be = "at most 2^pa_bits of the page table";
		return PW_INVALID;
	}
	event_queue_init(&m->events, &m->counters.instructions, &m->ledger);
	error = mmu_init(&m->mmu, &config->mmu, &m->table, &m->events, &m->ledger, m->alloc,
			 complaint);
	if (error)
		return error;
	return start_kernel(m);
}

int machine_create(struct machine **out, const struct machine_config *config,
		   const struct host_alloc *alloc, struct config_complaint *complaint)
{
	struct machine *m;
	int error;

	error = machine_config_check(config, complaint);
	if (error)
		return error;
	m = host_zalloc(alloc, 1, sizeof(*m));
	if (!m)
		return PW_NOMEM;
	m->alloc = alloc;
	m->config = *config;
	m->config.kernel.reclaim.seed = config->mmu.seed;
	m->cpu = no_cpu;
	m->next_alarm = m->next_tick = UINT64_MAX;
	m->fetch_lg2 = (unsigned)__builtin_ctz(config->mmu.fetch_bytes);
	m->data_through_port = config->mmu.port.traffic == PORT_TABLES_AND_DATA;
	m->page_lg2 = FRAME_LG2;
	error = build(m, complaint);
	if (error) {
		machine_destroy(m);
		return error;
	}
	m->remaps = !m->table.caps.aliases;
	m->hears = kernel_wants_accesses(m->kernel);
	machine_set_tap(m, NULL);
	*out = m;
	return PW_OK;
}

void machine_destroy(struct machine *m)
{
	if (!m)
		return;
	if (m->kernel)
		kernel_stop(m->kernel); /* its spaces go first, then the table that they are of */
	if (m->mmu.table)
		mmu_release(&m->mmu);
	if (m->table.ops)
		page_table_destroy(&m->table);
	if (m->kernel)
		kernel_destroy(m->kernel);
	if (m->mem.bytes)
		phys_mem_release(&m->mem);
	host_free(m->alloc, m);
}

static void find_next_alarm(struct machine *m)
{
	m->next_alarm = m->next_tick;
	for (unsigned i = 0; i < m->alarm_count; i++)
		if (m->alarm[i]->at < m->next_alarm)
			m->next_alarm = m->alarm[i]->at;
}

void machine_set_cpu(struct machine *m, const struct machine_cpu *cpu)
{
	m->cpu = cpu ? *cpu : no_cpu;
	m->next_tick = cpu ? MACHINE_TICK_INSTRUCTIONS : UINT64_MAX;
	find_next_alarm(m);
}

/* --- taps ------------------------------------------------------------------------------------ */

static void tap_kcall(void *ctx, const struct kcall *call, int64_t result)
{
	struct machine *m = ctx;

	m->tap->kcall(m->tap->ctx, call, result);
}

void machine_set_tap(struct machine *m, const struct machine_tap *tap)
{
	const struct kernel_listener listener = { m, tap_kcall };

	m->tap = tap;
	m->blocks_long_way = m->remaps || m->hears;
	m->long_way = m->blocks_long_way || m->data_through_port;
	kernel_set_listener(m->kernel, tap ? &listener : NULL);
}

void machine_set_watch(struct machine *m, const struct kernel_hw *watch)
{
	m->watch = watch;
}

void machine_observe(struct machine *m, void *ctx, void (*accessed)(void *ctx, pa_t pa))
{
	kernel_set_observer(m->kernel, ctx, accessed);
	m->hears = kernel_wants_accesses(m->kernel);
	machine_set_tap(m, m->tap);
}

/* --- alarms ---------------------------------------------------------------------------------- */

int machine_set_alarm(struct machine *m, struct machine_alarm *alarm)
{
	if (m->alarm_count == MACHINE_ALARMS_MAX)
		return PW_LIMIT;
	m->alarm[m->alarm_count++] = alarm;
	find_next_alarm(m);
	return PW_OK;
}

void machine_clear_alarm(struct machine *m, struct machine_alarm *alarm)
{
	for (unsigned i = 0; i < m->alarm_count; i++) {
		if (m->alarm[i] == alarm) {
			m->alarm[i] = m->alarm[--m->alarm_count];
			break;
		}
	}
	find_next_alarm(m);
}

/* An alarm whose time has come rings once, however many periods have passed. */
void machine_ring_alarms(struct machine *m)
{
	uint64_t now = m->counters.instructions;

	for (unsigned i = 0; i < m->alarm_count; i++) {
		struct machine_alarm *alarm = m->alarm[i];

		if (now < alarm->at)
			continue;
		alarm->at = alarm->period ? now - now % alarm->period + alarm->period : UINT64_MAX;
		alarm->ring(alarm->ctx, alarm);
	}
	find_next_alarm(m);
}

/*
 * The period is the same everywhere: ticks are in the trace, and a replay elsewhere has to find them
 * where that machine would have had them. A replay's ticks come from there; so they come before the
 * alarms.
 */
void machine_ring_before(struct machine *m, va_t va, unsigned bytes)
{
	uint64_t now = m->counters.instructions;

	if (now >= m->next_tick) {
		m->next_tick = now - now % MACHINE_TICK_INSTRUCTIONS + MACHINE_TICK_INSTRUCTIONS;
		kernel_tick(m->kernel, va, bytes);
	}
	machine_ring_alarms(m);
}

/* --- looking --------------------------------------------------------------------------------- */

void machine_events_changed(struct machine *m)
{
	event_queue_refresh(&m->events);
	mmu_events_changed(&m->mmu);
}

void machine_drain(struct machine *m)
{
	tlb_retire_accesses(&m->mmu.tlb);
	event_queue_flush(&m->events);
}

static void visit_table(const struct machine *m, counter_visit_fn *visit, void *ctx)
{
	static const char *const level_names[PT_LEVELS_MAX] = {
		"page_table.tables_level0", "page_table.tables_level1", "page_table.tables_level2",
		"page_table.tables_level3", "page_table.tables_level4", "page_table.tables_level5",
		"page_table.tables_level6", "page_table.tables_level7"
	};
	struct pt_stats stats = { 0 };

	m->table.ops->stats(&m->table, &stats);
	visit(ctx, "page_table.bytes", "memory that the page tables occupy now", stats.table_bytes);
	visit(ctx, "page_table.frames_peak", "most frames that page tables ever occupied",
	      m->table_memory.frames_peak);
	visit(ctx, "page_table.entries", "page-table entries in use", stats.entries);
	visit(ctx, "page_table.slots", "page-table entries available", stats.slots);
	visit(ctx, "page_table.longest_chain", "longest collision chain", stats.longest_chain);
	visit(ctx, "page_table.resizes", "times that a hashed table has grown", stats.resizes);
	visit(ctx, "page_table.moved", "tags that this has moved", stats.moved);
	visit(ctx, "page_table.loads", "entries read by the kernel", m->table_memory.loads);
	visit(ctx, "page_table.stores", "entries written by the kernel", m->table_memory.stores);
	for (unsigned level = 0; level < m->table.caps.level_count; level++)
		visit(ctx, level_names[level], "tables of this level, 0 being the leaf",
		      stats.tables[level]);
}

void machine_visit_counters(const struct machine *m, counter_visit_fn *visit, void *ctx)
{
#define MACHINE_COUNTER(field, doc) visit(ctx, "machine." #field, doc, m->counters.field);
#include "mmu/event.def"
	mmu_visit_counters(&m->mmu, visit, ctx);
	kernel_visit_counters(m->kernel, visit, ctx);
	visit_table(m, visit, ctx);
}

/* Base cycles are the one line that this layer writes; the rest is checked by its owners. */
static int check_base(const struct machine *m, const char **what)
{
	if (m->ledger.line[CHARGE_BASE] == m->counters.instructions * m->config.cpi)
		return PW_OK;
	*what = "base cycles are not instructions x cpi";
	return PW_CORRUPT;
}

static int check_lookups(const struct machine *m, const char **what)
{
	uint64_t program = m->counters.loads + m->counters.stores;

	if (m->mmu.lookups[ACCESS_READ] + m->mmu.lookups[ACCESS_WRITE] >= program)
		return PW_OK;
	*what = "fewer lookups than accesses of the program";
	return PW_CORRUPT;
}

int machine_check(struct machine *m, const char **what)
{
	int error = mmu_check(&m->mmu, what);

	if (!error)
		error = kernel_check(m->kernel, what);
	if (!error)
		error = check_base(m, what);
	return error ? error : check_lookups(m, what);
}
