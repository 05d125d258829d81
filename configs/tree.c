/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Nodes, their arena, merging, and messages that name a node's place. */

#include "configs/tree.h"

#include <assert.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "configs/loader.h"
#include "mmu/error.h"

enum { BLOCK_BYTES = 16384 };

struct tree_block {
	struct tree_block *next;
	size_t used, size;
	max_align_t bytes[];
};

void *tree_alloc(struct tree *tree, size_t bytes)
{
	struct tree_block *block = tree->blocks;
	size_t size = BLOCK_BYTES;

	bytes = (bytes + sizeof(max_align_t) - 1) & ~(sizeof(max_align_t) - 1);
	if (block == NULL || block->size - block->used < bytes) {
		if (bytes > size)
			size = bytes;
		block = malloc(sizeof(*block) + size);
		if (block == NULL)
			return NULL;
		block->next = tree->blocks;
		block->used = 0;
		block->size = size;
		tree->blocks = block;
	}
	block->used += bytes;
	return (char *)block->bytes + block->used - bytes;
}

void tree_release(struct tree *tree)
{
	while (tree->blocks != NULL) {
		struct tree_block *block = tree->blocks;

		tree->blocks = block->next;
		free(block);
	}
	tree->nodes = 0;
}

struct node *tree_node(struct tree *tree, enum node_kind kind, const struct node *where)
{
	struct node *node;

	if (tree->nodes >= TREE_NODES_MAX)
		return NULL;
	node = tree_alloc(tree, sizeof(*node));
	if (node == NULL)
		return NULL;
	tree->nodes++;
	*node = (struct node){ .kind = kind };
	if (where != NULL) {
		node->file = where->file;
		node->line = where->line;
		node->key_line = where->key_line;
	}
	return node;
}

struct node *tree_scalar(struct tree *tree, const char *text, const struct node *where)
{
	struct node *node = tree_node(tree, NODE_SCALAR, where);

	if (node == NULL)
		return NULL;
	node->text = tree_text(tree, text, strlen(text));
	return node->text != NULL ? node : NULL;
}

char *tree_text(struct tree *tree, const void *bytes, size_t length)
{
	char *copy = tree_alloc(tree, length + 1);

	if (copy == NULL)
		return NULL;
	if (length != 0)
		memcpy(copy, bytes, length);
	copy[length] = '\0';
	return copy;
}

void node_append(struct node *parent, const char *key, struct node *child)
{
	assert(parent->kind != NODE_SCALAR);
	child->key = key;
	child->next = NULL;
	if (parent->last != NULL)
		parent->last->next = child;
	else
		parent->first = child;
	parent->last = child;
}

struct node *node_find(const struct node *mapping, const char *key)
{
	if (mapping->kind != NODE_MAPPING)
		return NULL;
	for (struct node *child = mapping->first; child != NULL; child = child->next)
		if (strcmp(child->key, key) == 0)
			return child;
	return NULL;
}

/* Puts `with` (or nothing) where `child` is; the key stays. */
static void node_replace(struct node *parent, struct node *child, struct node *with)
{
	struct node **link = &parent->first, *before = NULL;

	while (*link != child) {
		before = *link;
		link = &before->next;
	}
	if (with != NULL) {
		with->key = child->key;
		with->next = child->next;
		*link = with;
		before = with;
	} else {
		*link = child->next;
	}
	if (parent->last == child)
		parent->last = before;
	child->next = NULL;
}

struct node *node_detach(struct node *mapping, const char *key)
{
	struct node *child = node_find(mapping, key);

	if (child != NULL)
		node_replace(mapping, child, NULL);
	return child;
}

void tree_merge(struct node *base, struct node *over)
{
	struct node *next;

	assert(base->kind == NODE_MAPPING && over->kind == NODE_MAPPING);
	for (struct node *child = over->first; child != NULL; child = next) {
		struct node *old = node_find(base, child->key);

		next = child->next;
		if (old == NULL) {
			node_append(base, child->key, child);
		} else if (old->kind != NODE_MAPPING) {
			node_replace(base, old, child);
		} else if (child->kind == NODE_MAPPING) {
			tree_merge(old, child);
			old->file = child->file;
			old->line = child->line;
			old->key_line = child->key_line;
		} else {
			node_replace(base, old, child->null ? NULL : child);
		}
	}
	over->first = over->last = NULL;
}

const char *config_quote(char buffer[QUOTE_MAX], const char *text)
{
	size_t length = strlen(text);
	bool cut = length > QUOTE_MAX - 4;

	if (cut)
		length = QUOTE_MAX - 4;
	for (size_t i = 0; i < length; i++) {
		unsigned char byte = (unsigned char)text[i];

		buffer[i] = byte < ' ' || byte >= 0x7f ? '?' : (char)byte;
	}
	memcpy(buffer + length, cut ? "..." : "", cut ? 4 : 1);
	return buffer;
}

static void fail_at(struct config_error *error, const struct node *where, const char *format,
		    va_list args)
{
	char *text = error->text;
	size_t room = sizeof(error->text);
	int length = 0;

	text[0] = '\0';
	if (where != NULL && where->file != NULL && where->line != 0)
		length = snprintf(text, room, "%.700s:%u: ", where->file, where->line);
	else if (where != NULL && where->file != NULL)
		length = snprintf(text, room, "%.700s: ", where->file);
	if (length < 0)
		length = 0;
	vsnprintf(text + length, room - (size_t)length, format, args);
}

int config_fail(struct config_error *error, const struct node *where, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fail_at(error, where, format, args);
	va_end(args);
	return PW_INVALID;
}

int config_fail_as(struct config_error *error, int result, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fail_at(error, NULL, format, args);
	va_end(args);
	return result;
}

int config_no_memory(struct config_error *error)
{
	return config_fail_as(error, PW_NOMEM, "out of memory");
}
