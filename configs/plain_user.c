/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The plain tree back to the user's: what config_render() shows. */

#include "configs/plain.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "configs/loader.h"
#include "configs/schema.h"
#include "configs/value.h"
#include "mmu/error.h"

enum { PATTERN_MAX = 128 };

struct work {
	struct tree *tree;
	struct config_error *error;
};

static int user_scalar(const struct work *work, const struct field *field, const struct node *plain,
		       struct node **out)
{
	char buffer[VALUE_MAX];
	const char *text = value_to_user(field, plain->text, buffer);

	if (text == NULL)
		return config_fail_as(work->error, PW_INVALID, "%s: %s is no value of it",
				      field->path, plain->text);
	*out = tree_scalar(work->tree, text, NULL);
	return *out != NULL ? PW_OK : config_no_memory(work->error);
}

static int user_list(const struct work *work, const struct field *field, const struct node *plain,
		     struct node **out)
{
	unsigned level = 0;

	*out = tree_node(work->tree, NODE_SEQUENCE, NULL);
	if (*out == NULL)
		return config_no_memory(work->error);
	(*out)->flow = true;
	for (const struct node *item = plain->first; item != NULL; item = item->next, level++) {
		struct node number = { .kind = NODE_SCALAR }, *value = NULL;
		char text[VALUE_MAX];
		int result;

		if (field->kind == FIELD_LEVEL) {
			if (strcmp(item->text, "true") != 0)
				continue;
			snprintf(text, sizeof(text), "%u", level);
			number.text = text;
		} else {
			number.text = item->text;
		}
		result = user_scalar(work, field, &number, &value);
		if (result != PW_OK)
			return result;
		node_append(*out, NULL, value);
	}
	return PW_OK;
}

static int user_mapping(const struct work *work, const struct node *plain, const char *pattern,
			struct node *out);

static int user_named(const struct work *work, const struct node *list, const char *pattern,
		      struct node *out)
{
	for (const struct node *entry = list->first; entry != NULL; entry = entry->next) {
		struct node *child = tree_node(work->tree, NODE_MAPPING, NULL);
		int result;

		if (child == NULL)
			return config_no_memory(work->error);
		result = user_mapping(work, entry, pattern, child);
		if (result != PW_OK)
			return result;
		node_append(out, node_find(entry, SCHEMA_NAME)->text, child);
	}
	return PW_OK;
}

static int user_member(const struct work *work, const struct node *value, const char *pattern,
		       struct node *out)
{
	const struct field *field = schema_field(pattern);
	struct node *child = NULL;
	int result;

	if (value->kind == NODE_SCALAR)
		result = user_scalar(work, field, value, &child);
	else if (value->kind == NODE_SEQUENCE)
		result = user_list(work, field, value, &child);
	else if ((child = tree_node(work->tree, NODE_MAPPING, NULL)) == NULL)
		result = config_no_memory(work->error);
	else
		result = user_mapping(work, value, pattern, child);
	if (result == PW_OK)
		node_append(out, value->key, child);
	return result;
}

/* Named things of plain values only are shown on one line each. */
static bool is_compact(const struct node *node)
{
	for (const struct node *child = node->first; child != NULL; child = child->next)
		if (child->kind == NODE_MAPPING)
			return false;
	return true;
}

static int user_mapping(const struct work *work, const struct node *plain, const char *pattern,
			struct node *out)
{
	size_t length = strlen(pattern);
	bool named = length != 0 && pattern[length - 1] == SCHEMA_NAMED[0];

	for (const struct node *value = plain->first; value != NULL; value = value->next) {
		char below[PATTERN_MAX];
		int result;

		if (named && strcmp(value->key, SCHEMA_NAME) == 0)
			continue;
		snprintf(below, sizeof(below), "%s%s%s", pattern, length != 0 ? "." : "",
			 value->key);
		if (strcmp(value->key, SCHEMA_NAMED) == 0)
			result = user_named(work, value, below, out);
		else
			result = user_member(work, value, below, out);
		if (result != PW_OK)
			return result;
	}
	out->flow = (named && is_compact(out)) || out->first == NULL;
	return PW_OK;
}

int plain_to_user(struct tree *tree, const struct node *plain, struct node **user,
		  struct config_error *error)
{
	struct work work = { tree, error };

	*user = tree_node(tree, NODE_MAPPING, NULL);
	if (*user == NULL)
		return config_no_memory(error);
	return user_mapping(&work, plain, "", *user);
}
