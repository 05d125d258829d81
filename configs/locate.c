/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where the field stands that a *_config_check() complains about. A check names fields by the
 * members of its own struct; what is spelt otherwise in a description is translated here.
 */

#include "configs/locate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "configs/loader.h"
#include "configs/text.h"
#include "mmu/error.h"

enum { SHOWN_MAX = 128 };

/* What a dotted name led to. */
struct found {
	const struct node *node;  /* the deepest node on the way */
	const struct node *place; /* the deepest that came from a file */
	char shown[SHOWN_MAX];    /* the name as people write it */
	bool complete;
};

static const char *written_name(const char *member)
{
	static const char *const members[][2] = {
		{ "leaf_allowed", "leaf_levels" },
		{ "page_lg2", "page_sizes" },
		{ "page_size_count", "page_sizes" },
		{ "level_count", "index_bits" },
	};

	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++)
		if (strcmp(member, members[i][0]) == 0)
			return members[i][1];
	return member;
}

/* Members are found under their own name, another name, or the name with its unit. */
static const struct node *find_member(const struct node *node, const char *part)
{
	const struct node *child = node_find(node, part);
	char with_unit[SHOWN_MAX];

	if (child == NULL)
		child = node_find(node, written_name(part));
	if (child != NULL)
		return child;
	snprintf(with_unit, sizeof(with_unit), "%.100s_bytes", part);
	return node_find(node, with_unit);
}

/* "index_bits[2]": the third value of the list; an index beyond the list is passed over. */
static const struct node *step(const struct node *node, char *part)
{
	char *bracket = strchr(part, '[');
	unsigned long index = 0;
	const struct node *child, *item;

	if (bracket != NULL) {
		index = strtoul(bracket + 1, NULL, 10);
		*bracket = '\0';
	}
	child = find_member(node, part);
	if (child == NULL || bracket == NULL || child->kind != NODE_SEQUENCE)
		return child;
	item = child->first;
	while (item != NULL && index-- > 0)
		item = item->next;
	return item != NULL ? item : child;
}

static void show_part(struct found *found, const char *key)
{
	size_t length = strlen(found->shown);

	snprintf(found->shown + length, sizeof(found->shown) - length, "%s%s",
		 length != 0 ? "." : "", key);
}

static struct found follow(const struct node *root, const char *name)
{
	struct found found = { root, root, "", false };

	while (*name != '\0') {
		size_t length = strcspn(name, ".");
		const struct node *child;
		char part[SHOWN_MAX];

		snprintf(part, sizeof(part), "%.*s", (int)length, name);
		child = step(found.node, part);
		if (child == NULL) {
			show_part(&found, name);
			return found;
		}
		show_part(&found, child->key != NULL ? child->key : written_name(part));
		found.node = child;
		if (child->file != NULL)
			found.place = child;
		name += length + (name[length] == '.');
	}
	found.complete = true;
	return found;
}

int locate_complaint(const struct node *user, const struct config_complaint *complaint,
		     struct config_error *error)
{
	const struct node *kernel = node_find(user, "kernel");
	struct found found = follow(user, complaint->field), inside;
	char quoted[QUOTE_MAX];
	struct node where;

	if (found.node == user && strncmp(complaint->field, "mmu.", 4) == 0)
		found = follow(user, complaint->field + 4);
	if (found.node == user && kernel != NULL) {
		char name[SHOWN_MAX];

		snprintf(name, sizeof(name), "kernel.%s", complaint->field);
		inside = follow(user, name);
		if (inside.node != kernel)
			found = inside;
	}
	where = *found.place;
	if (where.kind == NODE_MAPPING && where.key_line != 0)
		where.line = where.key_line;
	if (!found.complete || found.node->kind != NODE_SCALAR)
		return config_fail(error, &where, "%s: must be %s", found.shown,
				   complaint->must_be);
	return config_fail(error, &where, "%s: must be %s, not '%s'%s", found.shown,
			   complaint->must_be, config_quote(quoted, found.node->text),
			   found.node->file == NULL ? " (the default)" : "");
}

struct sibling_cursor {
	const struct node *next;
};

static const char *next_sibling(void *ctx)
{
	struct sibling_cursor *cursor = ctx;
	const char *key = cursor->next != NULL ? cursor->next->key : NULL;

	if (cursor->next != NULL)
		cursor->next = cursor->next->next;
	return key;
}

const char *node_closest(const struct node *mapping, const char *word)
{
	struct sibling_cursor cursor = { mapping->kind == NODE_MAPPING ? mapping->first : NULL };

	return config_text_closest(word, next_sibling, &cursor);
}
