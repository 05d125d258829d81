/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PAGEWALK_EMU_KERNEL_OBJECTS_H
#define PAGEWALK_EMU_KERNEL_OBJECTS_H

/*
 * The kernel model's own objects, in simulated memory: one slab cache a kind. The model keeps its
 * structures in host memory; the slots that they would take in a real kernel are allocated and
 * freed beside them, on frames that nobody else has then.
 */

#include "emu/kernel/slab.h"

struct kernel;
struct page_tree;

enum object_kind {
	OBJECT_TASK,
	OBJECT_SIGNAL,
	OBJECT_FILES,
	OBJECT_MM,
	OBJECT_VMA,
	OBJECT_FILP,
	OBJECT_INODE,
	OBJECT_DENTRY,
	OBJECT_NODE,
	OBJECT_KIND_COUNT
};

/* A number of objects of one kind; the last made is the first to go. */
struct object_stack {
	struct slab_object *object;
	unsigned count, capacity;
};

/* A thread, by the name that its caller gave it. */
struct kernel_task {
	uint64_t id;
	struct slab_object object; /* none: the slot is free */
};

struct kernel_objects {
	struct slab_cache cache[OBJECT_KIND_COUNT];
	struct frame_source frames;
	struct host_alloc node_alloc; /* of page_tree nodes: host memory and an object each */
	bool no_reclaim;              /* a page tree is being changed */
	struct kernel_task *task;
	unsigned task_slots;
};

void objects_init(struct kernel *k);
void objects_release(struct kernel *k);

/* All of these: PW_OK, or PW_NOMEM with nothing changed. */
int object_alloc(struct kernel *k, enum object_kind kind, struct slab_object *object);
/* Also of none. */
void object_free(struct kernel *k, enum object_kind kind, struct slab_object *object);
int object_push(struct kernel *k, enum object_kind kind, struct object_stack *stack);
void object_pop(struct kernel *k, enum object_kind kind, struct object_stack *stack);
void object_pop_all(struct kernel *k, enum object_kind kind, struct object_stack *stack);

/* As page_tree_insert(), if need be with frames reclaimed for its nodes beforehand. */
int objects_tree_insert(struct kernel *k, struct page_tree *tree, uint64_t index, pfn_t pfn);

int task_object_create(struct kernel *k, uint64_t id);
void task_object_destroy(struct kernel *k, uint64_t id); /* also one that never was */

/* Frames, objects and whose they are, against what exists; PW_CORRUPT with a static text. */
int objects_check(const struct kernel *k, const char **what);

#endif
