/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Which objects there are, how large, and who has them:
 *
 *	task_struct                 a thread, from task_create to task_exit
 *	mm_struct, signal_cache,    an address space: one process has it (after vfork(2) two, for a
 *	files_cache                 while)
 *	vm_area_struct              a VMA
 *	filp                        an open of a file that can be mapped, and the object behind
 *	                            shared anonymous memory
 *	ext4_inode_cache, dentry    a file that is open or mapped
 *	radix_tree_node             a node of a file's page cache
 *
 * Sizes are those that /proc/slabinfo of Linux 6.18 (x86-64) shows, but for the orders: SLUB's grow
 * with the number of CPUs, ours are the least that waste little (slab.h). Not modelled: kernel
 * stacks, anon_vma and its chains, sighand_cache, pid, maple nodes, file systems' own memory,
 * descriptors that cannot be mapped (pipes, terminals).
 *
 * Deviation: a file that is closed but still mapped keeps its inode, but not its filp.
 *
 * No empty slab is kept, so that an idle kernel holds no frame that it does not use.
 */

#include "emu/kernel/objects.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "emu/kernel/kernel_internal.h"

static const struct {
	const char *name;
	unsigned bytes;
} kinds[OBJECT_KIND_COUNT] = {
	[OBJECT_TASK] = { "task_struct", 5888 },       [OBJECT_SIGNAL] = { "signal_cache", 1152 },
	[OBJECT_FILES] = { "files_cache", 704 },       [OBJECT_MM] = { "mm_struct", 1600 },
	[OBJECT_VMA] = { "vm_area_struct", 192 },      [OBJECT_FILP] = { "filp", 192 },
	[OBJECT_INODE] = { "ext4_inode_cache", 1128 }, [OBJECT_DENTRY] = { "dentry", 192 },
	[OBJECT_NODE] = { "radix_tree_node", 584 },
};

/* --- frames ---------------------------------------------------------------------------------- */

static struct kernel *kernel_of(struct frame_source *source)
{
	return (struct kernel *)((char *)source - offsetof(struct kernel, objects.frames));
}

static pfn_t take_frames(struct frame_source *source, unsigned order)
{
	struct kernel *k = kernel_of(source);

	if (k->objects.no_reclaim)
		return frames_take(&k->frames, FRAME_SLAB, order);
	return supply_frame(k, FRAME_SLAB, order);
}

static void free_frames(struct frame_source *source, pfn_t first, unsigned order)
{
	frames_put_block(&kernel_of(source)->frames, first, order);
}

/* --- nodes of page trees: the object's handle lies before the host's memory -------------------- */

union node_head {
	struct slab_object object;
	max_align_t align;
};

static void *node_resize(void *ctx, void *old, size_t bytes)
{
	struct kernel *k = ctx;
	union node_head *head = old ? (union node_head *)old - 1 : NULL;

	assert(!old || bytes == 0);
	if (old) {
		object_free(k, OBJECT_NODE, &head->object);
		host_free(k->alloc, head);
		return NULL;
	}
	if (bytes == 0)
		return NULL;
	head = host_zalloc(k->alloc, 1, sizeof(*head) + bytes);
	if (!head)
		return NULL;
	if (object_alloc(k, OBJECT_NODE, &head->object) != PW_OK) {
		host_free(k->alloc, head);
		return NULL;
	}
	return head + 1;
}

int objects_tree_insert(struct kernel *k, struct page_tree *tree, uint64_t index, pfn_t pfn)
{
	struct slab_cache *cache = &k->objects.cache[OBJECT_NODE];
	int error;

	/* Reclaim may take pages out of this very tree: never while it is half changed. */
	k->objects.no_reclaim = true;
	error = page_tree_insert(tree, index, pfn);
	k->objects.no_reclaim = false;
	if (error != PW_NOMEM)
		return error;
	error = slab_reserve(cache, PAGE_TREE_HEIGHT_MAX);
	k->objects.no_reclaim = true;
	if (!error)
		error = page_tree_insert(tree, index, pfn);
	k->objects.no_reclaim = false;
	slab_shrink(cache, cache->keep);
	return error;
}

/* --- life ------------------------------------------------------------------------------------ */

void objects_init(struct kernel *k)
{
	static const struct frame_source_ops ops = { "slab", take_frames, free_frames };
	struct kernel_objects *objects = &k->objects;

	objects->frames.ops = &ops;
	objects->node_alloc = (struct host_alloc){ node_resize, k };
	for (unsigned i = 0; i < OBJECT_KIND_COUNT; i++) {
		slab_cache_init(&objects->cache[i], kinds[i].name, kinds[i].bytes, &objects->frames,
				k->alloc);
		objects->cache[i].keep = 0;
	}
}

void objects_release(struct kernel *k)
{
	struct kernel_objects *objects = &k->objects;

	for (unsigned i = 0; i < objects->task_slots; i++)
		object_free(k, OBJECT_TASK, &objects->task[i].object);
	host_free(k->alloc, objects->task);
	objects->task = NULL;
	objects->task_slots = 0;
	for (unsigned i = 0; i < OBJECT_KIND_COUNT; i++) {
		assert(objects->cache[i].objects == 0);
		slab_cache_release(&objects->cache[i]);
	}
}

int object_alloc(struct kernel *k, enum object_kind kind, struct slab_object *object)
{
	return slab_alloc(&k->objects.cache[kind], object);
}

void object_free(struct kernel *k, enum object_kind kind, struct slab_object *object)
{
	if (object->slab)
		slab_free(&k->objects.cache[kind], object);
}

int object_push(struct kernel *k, enum object_kind kind, struct object_stack *stack)
{
	unsigned capacity = stack->capacity ? stack->capacity * 2 : 2;

	if (stack->count == stack->capacity) {
		void *grown = k->alloc->resize(k->alloc->ctx, stack->object,
					       capacity * sizeof(*stack->object));

		if (!grown)
			return PW_NOMEM;
		stack->object = grown;
		stack->capacity = capacity;
	}
	if (object_alloc(k, kind, &stack->object[stack->count]) != PW_OK)
		return PW_NOMEM;
	stack->count++;
	return PW_OK;
}

void object_pop(struct kernel *k, enum object_kind kind, struct object_stack *stack)
{
	if (stack->count > 0)
		object_free(k, kind, &stack->object[--stack->count]);
}

void object_pop_all(struct kernel *k, enum object_kind kind, struct object_stack *stack)
{
	while (stack->count > 0)
		object_pop(k, kind, stack);
	host_free(k->alloc, stack->object);
	*stack = (struct object_stack){ 0 };
}

/* --- tasks ----------------------------------------------------------------------------------- */

static struct kernel_task *task_slot(struct kernel *k)
{
	struct kernel_objects *objects = &k->objects;
	unsigned slots = objects->task_slots ? objects->task_slots * 2 : 8;
	struct kernel_task *grown;

	for (unsigned i = 0; i < objects->task_slots; i++)
		if (!objects->task[i].object.slab)
			return &objects->task[i];
	grown = k->alloc->resize(k->alloc->ctx, objects->task, slots * sizeof(*grown));
	if (!grown)
		return NULL;
	memset(&grown[objects->task_slots], 0, (slots - objects->task_slots) * sizeof(*grown));
	objects->task = grown;
	grown += objects->task_slots;
	objects->task_slots = slots;
	return grown;
}

int task_object_create(struct kernel *k, uint64_t id)
{
	struct kernel_task *task = task_slot(k);

	if (!task || object_alloc(k, OBJECT_TASK, &task->object) != PW_OK)
		return PW_NOMEM;
	task->id = id;
	return PW_OK;
}

void task_object_destroy(struct kernel *k, uint64_t id)
{
	for (unsigned i = 0; i < k->objects.task_slots; i++) {
		struct kernel_task *task = &k->objects.task[i];

		if (task->object.slab && task->id == id) {
			object_free(k, OBJECT_TASK, &task->object);
			return;
		}
	}
}

/* --- check ----------------------------------------------------------------------------------- */

static uint64_t objects_of(const struct kernel *k, enum object_kind kind)
{
	return k->objects.cache[kind].objects;
}

int objects_check(const struct kernel *k, const char **what)
{
	uint64_t spaces = 0, vmas = 0, files = 0, frames = 0;

	for (unsigned i = 0; i < OBJECT_KIND_COUNT; i++) {
		if (slab_cache_check(&k->objects.cache[i], what) != PW_OK)
			return PW_CORRUPT;
		frames += k->objects.cache[i].frames_used;
	}
	for (unsigned i = 0; i < k->space_slots; i++) {
		spaces += k->space[i] != NULL;
		vmas += k->space[i] ? k->space[i]->vmas.count : 0;
	}
	for (unsigned i = 0; i < k->file_slots; i++)
		files += k->file[i] != NULL;
	*what = "the slabs do not own the frames that they were given";
	if (frames != k->frames.count[FRAME_SLAB])
		return PW_CORRUPT;
	*what = "spaces, VMAs or files do not have an object each";
	if (objects_of(k, OBJECT_MM) != spaces || objects_of(k, OBJECT_SIGNAL) != spaces ||
	    objects_of(k, OBJECT_FILES) != spaces || objects_of(k, OBJECT_VMA) != vmas ||
	    objects_of(k, OBJECT_INODE) != files || objects_of(k, OBJECT_DENTRY) != files)
		return PW_CORRUPT;
	return PW_OK;
}
