/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Two machines field by field, in the order in which descriptions are written. */

#include <stdio.h>
#include <string.h>

#include "configs/loader.h"
#include "configs/plain_cyaml.h"
#include "configs/text.h"
#include "mmu/error.h"

enum { PATH_TEXT_MAX = 256 };

struct diff {
	struct config_text out;
	char path[PATH_TEXT_MAX];
};

/* On one line, as it could stand in a file. Descriptions are TREE_DEPTH_MAX deep at most. */
static void add_value(struct config_text *out, const struct node *node)
{
	const char *between = "";

	if (!node) {
		config_text_add(out, "-");
		return;
	}
	if (node->kind == NODE_SCALAR) {
		config_text_add(out, "%s", node->text);
		return;
	}
	config_text_add(out, node->kind == NODE_MAPPING ? "{" : "[");
	for (const struct node *child = node->first; child; child = child->next) {
		config_text_add(out, "%s", between);
		if (child->key)
			config_text_add(out, "%s: ", child->key);
		add_value(out, child);
		between = ", ";
	}
	config_text_add(out, node->kind == NODE_MAPPING ? "}" : "]");
}

/* Holds nothing that has things in it: shown whole where the other machine lacks it. */
static bool is_small(const struct node *node)
{
	for (const struct node *child = node->first; child; child = child->next)
		if (child->kind == NODE_MAPPING)
			return false;
	return true;
}

static bool same_value(const struct node *a, const struct node *b)
{
	if (a->kind != b->kind)
		return false;
	if (a->kind == NODE_SCALAR)
		return strcmp(a->text, b->text) == 0;
	for (a = a->first, b = b->first; a && b; a = a->next, b = b->next)
		if (a->kind != NODE_SCALAR || b->kind != NODE_SCALAR || strcmp(a->text, b->text))
			return false;
	return a == b; /* both at their ends */
}

static void compare(struct diff *d, const struct node *a, const struct node *b);

static void compare_child(struct diff *d, const struct node *child, const struct node *a,
			  const struct node *b)
{
	size_t length = strlen(d->path);

	snprintf(d->path + length, sizeof(d->path) - length, "%s%s", length > 0 ? "." : "",
		 child->key);
	compare(d, a, b);
	d->path[length] = '\0';
}

/* One of them may be NULL. */
static void compare(struct diff *d, const struct node *a, const struct node *b)
{
	const struct node *one = a ? a : b;

	if (one->kind != NODE_MAPPING || ((!a || !b) && is_small(one))) {
		if (a && b && same_value(a, b))
			return;
		config_text_add(&d->out, "%s: ", d->path);
		add_value(&d->out, a);
		config_text_add(&d->out, " -> ");
		add_value(&d->out, b);
		config_text_add(&d->out, "\n");
		return;
	}
	for (const struct node *child = a ? a->first : NULL; child; child = child->next)
		compare_child(d, child, child, b ? node_find(b, child->key) : NULL);
	for (const struct node *child = b ? b->first : NULL; child; child = child->next)
		if (!a || !node_find(a, child->key))
			compare_child(d, child, NULL, child);
}

int config_diff(const struct machine_config *a, const struct machine_config *b, char **text)
{
	struct tree tree_a = { 0 }, tree_b = { 0 };
	struct node *user_a, *user_b;
	struct diff d = { .path = "" };
	int result = config_to_tree(&tree_a, a, &user_a);

	if (result == PW_OK)
		result = config_to_tree(&tree_b, b, &user_b);
	if (result == PW_OK) {
		node_detach(user_a, "name");
		node_detach(user_b, "name");
		compare(&d, user_a, user_b);
		config_text_add(&d.out, "%s", "");
		result = config_text_take(&d.out, text);
	}
	tree_release(&tree_a);
	tree_release(&tree_b);
	return result;
}
