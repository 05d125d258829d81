/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "tests/support/mmu_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void keep_events(struct sink *sink, const struct event *events, size_t count)
{
	struct mmu_rig *rig =
		(struct mmu_rig *)((char *)sink - __builtin_offsetof(struct mmu_rig, sink));

	for (size_t i = 0; i < count; i++)
		if (sink->wants >> events[i].kind & 1 && rig->event_count < RIG_EVENTS_MAX)
			rig->event[rig->event_count++] = events[i];
}

static const struct sink_ops keep_ops = { "keep", keep_events };

void mmu_rig_config(struct mmu_rig *rig)
{
	memset(rig, 0, sizeof(*rig));
	mmu_config_default(&rig->config);
	rig->config.tlb.level_count = 0;
	rig->config.walk_caches.count = 0;
	rig->config.port.level_count = 0;
	rig->config.port.dram_latency = 100;
	rig->config.port.write_latency = 7;
}

void mmu_rig_add_tlb(struct mmu_rig *rig, unsigned entries, unsigned latency)
{
	struct tlb_level_config *level = &rig->config.tlb.level[rig->config.tlb.level_count];
	struct tlb_array_config *array = &level->array[0];

	snprintf(level->name, sizeof(level->name), "l%u", ++rig->config.tlb.level_count);
	level->array_count = 1;
	strcpy(array->name, "all");
	array->side = SIDE_BOTH;
	array->page_lg2[0] = 12;
	array->page_lg2[1] = 21;
	array->page_lg2[2] = 30;
	array->page_size_count = 3;
	array->entries = entries;
	array->ways = 0;
	array->replacement = REPLACE_LRU;
	array->latency = latency;
}

void mmu_rig_add_walk_cache(struct mmu_rig *rig, unsigned level, unsigned entries, unsigned latency)
{
	struct walk_cache_config *cache =
		&rig->config.walk_caches.cache[rig->config.walk_caches.count++];

	snprintf(cache->name, sizeof(cache->name), "level%u", level);
	cache->level = level;
	cache->entries = entries;
	cache->replacement = REPLACE_LRU;
	cache->latency = latency;
}

void mmu_rig_init(struct mmu_rig *rig, uint64_t memory_bytes)
{
	struct config_complaint complaint = { .must_be = "" };

	assert_int_equal(phys_mem_init(&rig->mem, memory_bytes), PW_OK);
	bump_frames_init(&rig->frames, 1, rig->mem.size >> FRAME_LG2);
	pt_memory_init(&rig->table_memory, &rig->mem, &rig->frames.source);
	assert_int_equal(page_table_create(&rig->table, &rig->config.page_table, &rig->table_memory,
					   &host_alloc_libc, &complaint),
			 PW_OK);
	assert_int_equal(pt_space_create(&rig->table, 1, &rig->space), PW_OK);
	event_queue_init(&rig->events, NULL, &rig->ledger);
	rig->sink.ops = &keep_ops;
	assert_int_equal(event_queue_attach(&rig->events, &rig->sink), PW_OK);
	if (mmu_init(&rig->mmu, &rig->config, &rig->table, &rig->events, &rig->ledger,
		     &host_alloc_libc, &complaint) != PW_OK)
		fail_msg("%s must be %s", complaint.field, complaint.must_be);
	mmu_switch(&rig->mmu, rig->space);
}

void mmu_rig_release(struct mmu_rig *rig)
{
	const char *what = NULL;

	if (mmu_check(&rig->mmu, &what) != PW_OK)
		fail_msg("mmu_check: %s", what);
	if (rig->table.ops->check(&rig->table, &what) != PW_OK)
		fail_msg("check: %s", what);
	mmu_release(&rig->mmu);
	pt_space_destroy(rig->space);
	page_table_destroy(&rig->table);
	assert_int_equal(rig->table_memory.frames_used, 0);
	phys_mem_release(&rig->mem);
}

void mmu_rig_want(struct mmu_rig *rig, uint64_t kinds)
{
	event_queue_flush(&rig->events);
	rig->sink.wants = kinds;
	rig->event_count = 0;
	event_queue_refresh(&rig->events);
	mmu_events_changed(&rig->mmu);
}

unsigned mmu_rig_count(struct mmu_rig *rig, enum event_kind kind)
{
	unsigned count = 0;

	event_queue_flush(&rig->events);
	for (unsigned i = 0; i < rig->event_count; i++)
		count += rig->event[i].kind == kind;
	return count;
}

int mmu_rig_map_attrs(struct mmu_rig *rig, va_t va, unsigned page_lg2, struct pt_attrs attrs)
{
	const struct pt_mapping mapping = {
		.va = va,
		.pa = (va & (((uint64_t)1 << 40) - 1)) >> page_lg2 << page_lg2,
		.page_lg2 = (uint8_t)page_lg2,
		.attrs = attrs,
	};

	return rig->table.ops->map(rig->space, &mapping, NULL);
}

void mmu_rig_map(struct mmu_rig *rig, va_t va, unsigned page_lg2)
{
	const struct pt_attrs attrs = {
		.perms = PERM_READ | PERM_WRITE | PERM_EXEC | PERM_USER,
		.accessed = true,
	};

	assert_int_equal(mmu_rig_map_attrs(rig, va, page_lg2, attrs), PW_OK);
}

struct mmu_result mmu_rig_access(struct mmu_rig *rig, enum access_kind access, va_t va)
{
	struct mmu_result result;

	memset(&result, 0, sizeof(result));
	mmu_access(&rig->mmu, access, va, 8, &result);
	return result;
}

uint64_t mmu_rig_refs(struct mmu_rig *rig, enum access_kind access, va_t va)
{
	uint64_t before = rig->mmu.counters.walk_refs;

	mmu_rig_access(rig, access, va);
	return rig->mmu.counters.walk_refs - before;
}
