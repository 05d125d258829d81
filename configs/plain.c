/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The user's tree to the plain one, with every check that a single value allows. */

#include "configs/plain.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "configs/loader.h"
#include "configs/schema.h"
#include "configs/text.h"
#include "configs/value.h"
#include "mmu/config.h"
#include "mmu/error.h"

enum { PATH_MAX_BYTES = 192 };

/* Where we are: as the user calls it ("tlb.l2.4k") and as schema_fields does ("tlb.*.*"). */
struct path {
	char user[PATH_MAX_BYTES], pattern[PATH_MAX_BYTES];
};

struct work {
	struct tree *tree;
	struct config_error *error;
};

static void path_join(char *out, const char *parent, const char *key)
{
	int length =
		snprintf(out, PATH_MAX_BYTES, "%s%s%s", parent, *parent != '\0' ? "." : "", key);

	/* Not reached: keys in a path are the schema's, or names of at most CONFIG_NAME_MAX. */
	if (length < 0 || length >= PATH_MAX_BYTES)
		strcpy(out, "...");
}

static struct path path_member(const struct path *parent, const char *key)
{
	struct path path;

	path_join(path.user, parent->user, key);
	path_join(path.pattern, parent->pattern, key);
	return path;
}

static struct path path_named(const struct path *parent, const char *name)
{
	struct path path;

	path_join(path.user, parent->user, name);
	path_join(path.pattern, parent->pattern, SCHEMA_NAMED);
	return path;
}

static int no_room(const struct work *work)
{
	if (work->tree->nodes < TREE_NODES_MAX)
		return config_no_memory(work->error);
	return config_fail_as(work->error, PW_LIMIT, "more than %d values", TREE_NODES_MAX);
}

static int add_node(const struct work *work, struct node *parent, const char *key,
		    struct node *child)
{
	if (child == NULL)
		return no_room(work);
	node_append(parent, key, child);
	return PW_OK;
}

static const char *kind_name(const struct node *node)
{
	if (node->null)
		return "nothing";
	return node->kind == NODE_MAPPING ? "a mapping" : "a list";
}

/* A mapping stands where its key does, not where its first field does. */
static struct node key_place(const struct node *node)
{
	struct node where = { .file = node->file, .line = node->key_line };

	if (where.line == 0)
		where.line = node->line;
	return where;
}

/* --- values --------------------------------------------------------------------------------- */

static int fail_value(const struct work *work, const struct field *field, const struct node *node,
		      const struct path *path)
{
	char buffer[VALUE_MUST_BE_MAX], quoted[QUOTE_MAX];
	const char *must_be = value_must_be(field, buffer);

	if (node->kind == NODE_SCALAR && !node->null)
		return config_fail(work->error, node, "%s: must be %s, not '%s'", path->user,
				   must_be, config_quote(quoted, node->text));
	return config_fail(work->error, node, "%s: must be %s, not %s", path->user, must_be,
			   kind_name(node));
}

static int plain_scalar(const struct work *work, const struct field *field, const struct node *node,
			const struct path *path, struct node **out)
{
	char buffer[VALUE_MAX];
	const char *plain = NULL;

	if (node->kind == NODE_SCALAR && !node->null)
		plain = value_to_plain(field, node->text, buffer);
	if (plain == NULL)
		return fail_value(work, field, node, path);
	*out = tree_scalar(work->tree, plain, node);
	return *out != NULL ? PW_OK : no_room(work);
}

static unsigned count_children(const struct node *node)
{
	unsigned count = 0;

	for (const struct node *child = node->first; child != NULL; child = child->next)
		count++;
	return count;
}

/* A list of numbers of levels becomes one boolean for each level. */
static int plain_levels(const struct work *work, const struct node *list, struct node *out,
			const struct field *field)
{
	for (uint64_t level = 0; level <= field->high; level++) {
		bool listed = false;
		int result;

		for (const struct node *item = list->first; item != NULL; item = item->next) {
			char buffer[VALUE_MAX], number[VALUE_MAX];

			snprintf(number, sizeof(number), "%u", (unsigned)level);
			listed |= strcmp(value_to_plain(field, item->text, buffer), number) == 0;
		}
		result = add_node(work, out, NULL,
				  tree_scalar(work->tree, listed ? "true" : "false", list));
		if (result != PW_OK)
			return result;
	}
	return PW_OK;
}

static int plain_list(const struct work *work, const cyaml_schema_field_t *member,
		      const struct node *node, const struct path *path, struct node **out)
{
	const struct field *field = schema_field(path->pattern);
	unsigned count = count_children(node), max = member->value.sequence.max;
	unsigned min = field->kind == FIELD_LEVEL ? 1 : member->value.sequence.min;
	char must_be[VALUE_MUST_BE_MAX];

	if (node->kind != NODE_SEQUENCE || count < min || count > max)
		return config_fail(work->error, node,
				   "%s: must be a list of %u to %u values, each %s", path->user,
				   min, max, value_must_be(field, must_be));
	*out = tree_node(work->tree, NODE_SEQUENCE, node);
	if (*out == NULL)
		return no_room(work);
	for (const struct node *item = node->first; item != NULL; item = item->next) {
		struct node *value = NULL;
		int result = plain_scalar(work, field, item, path, &value);

		if (result != PW_OK)
			return result;
		if (field->kind != FIELD_LEVEL)
			node_append(*out, NULL, value);
	}
	return field->kind == FIELD_LEVEL ? plain_levels(work, node, *out, field) : PW_OK;
}

/* --- keys ----------------------------------------------------------------------------------- */

/* Iterates over the keys that people may use in a mapping. */
struct key_cursor {
	const cyaml_schema_field_t *member;
	bool named; /* the mapping is itself a named thing: its name is its key */
};

static const char *next_key(void *ctx)
{
	struct key_cursor *cursor = ctx;

	while (cursor->member->key != NULL) {
		const char *key = cursor->member++->key;

		if (strcmp(key, SCHEMA_NAMED) != 0 &&
		    !(cursor->named && strcmp(key, SCHEMA_NAME) == 0))
			return key;
	}
	return NULL;
}

static bool is_key(const cyaml_schema_field_t *members, bool named, const char *word)
{
	struct key_cursor cursor = { members, named };
	const char *key;

	while ((key = next_key(&cursor)) != NULL)
		if (strcmp(key, word) == 0)
			return true;
	return false;
}

static int fail_unknown(const struct work *work, const cyaml_schema_field_t *members, bool named,
			const struct node *child, const struct path *parent)
{
	struct key_cursor cursor = { members, named };
	bool takes_names = schema_member(members, SCHEMA_NAMED) != NULL;
	char quoted[QUOTE_MAX], path[PATH_MAX_BYTES + QUOTE_MAX];
	struct node where = key_place(child);
	struct config_text list = { 0 };
	const char *key = config_text_closest(child->key, next_key, &cursor);

	snprintf(path, sizeof(path), "%s%s%s", parent->user, *parent->user != '\0' ? "." : "",
		 config_quote(quoted, child->key));
	if (key != NULL)
		return config_fail(work->error, &where, "%s: unknown key; did you mean '%s'?", path,
				   key);
	cursor.member = members;
	if (*parent->user == '\0')
		config_text_add(&list, "base");
	while ((key = next_key(&cursor)) != NULL)
		config_text_add(&list, "%s%s", list.length != 0 ? ", " : "", key);
	if (takes_names)
		config_text_add(&list, "%sa name with a mapping", list.length != 0 ? ", or " : "");
	config_fail(work->error, &where, "%s: unknown key; here may stand: %s", path,
		    list.failed ? "" : list.bytes);
	config_text_release(&list);
	return PW_INVALID;
}

static bool good_name(const char *name)
{
	size_t length = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				     "0123456789_-");

	return name[length] == '\0' && length >= 1 && length < CONFIG_NAME_MAX;
}

static int check_keys(const struct work *work, const cyaml_schema_field_t *members, bool named,
		      const struct node *user, const struct path *path)
{
	bool takes_names = schema_member(members, SCHEMA_NAMED) != NULL;
	char quoted[QUOTE_MAX];

	for (const struct node *child = user->first; child != NULL; child = child->next) {
		struct node where = key_place(child);

		if (is_key(members, named, child->key))
			continue;
		if (!takes_names || child->kind != NODE_MAPPING)
			return fail_unknown(work, members, named, child, path);
		if (!good_name(child->key))
			return config_fail(work->error, &where,
					   "%s: the name '%s' must be 1 to %d letters, digits, "
					   "'-' or '_'",
					   path->user, config_quote(quoted, child->key),
					   CONFIG_NAME_MAX - 1);
	}
	return PW_OK;
}

/* --- mappings ------------------------------------------------------------------------------- */

static int plain_mapping(const struct work *work, const cyaml_schema_field_t *members,
			 const struct node *user, const struct path *path, struct node **out);

/* The things keyed by name in a mapping that has other keys too. */
static int plain_named(const struct work *work, const cyaml_schema_field_t *siblings,
		       const struct node *user, const struct path *path, struct node **out)
{
	const cyaml_schema_field_t *member = schema_member(siblings, SCHEMA_NAMED);
	unsigned min = member->value.sequence.min, max = member->value.sequence.max, count = 0;
	const cyaml_schema_field_t *members = member->value.sequence.entry->mapping.fields;

	*out = tree_node(work->tree, NODE_SEQUENCE, user);
	if (*out == NULL)
		return no_room(work);
	for (const struct node *child = user->first; child != NULL; child = child->next) {
		struct path below = path_named(path, child->key);
		struct node where = key_place(child), *entry = NULL;
		int result;

		if (schema_member(siblings, child->key) != NULL)
			continue;
		if (++count > max)
			return config_fail(work->error, &where,
					   "%s: at most %u of these can stand in %s", below.user,
					   max, path->user);
		result = plain_mapping(work, members, child, &below, &entry);
		if (result != PW_OK)
			return result;
		node_append(*out, NULL, entry);
	}
	if (count < min) {
		struct node where = key_place(user);

		return config_fail(work->error, &where, "%s: must hold at least %u named mapping%s",
				   path->user, min, min != 1 ? "s" : "");
	}
	return PW_OK;
}

static int fail_missing(const struct work *work, const struct field *field, const struct node *user,
			const struct path *path)
{
	struct node where = key_place(user);
	char must_be[VALUE_MUST_BE_MAX];

	return config_fail(work->error, &where, "%s: is missing; must be %s", path->user,
			   value_must_be(field, must_be));
}

static int plain_absent(const struct work *work, const cyaml_schema_field_t *member,
			const struct node *user, const struct path *path, struct node **out)
{
	const struct field *field = schema_field(path->pattern);
	struct node nothing = { .kind = NODE_MAPPING,
				.file = user->file,
				.line = user->line,
				.key_line = user->key_line };

	if (member->value.type == CYAML_MAPPING)
		return plain_mapping(work, member->value.mapping.fields, &nothing, path, out);
	if (field->preset == NULL)
		return fail_missing(work, field, user, path);
	*out = tree_scalar(work->tree, field->preset, user);
	return *out != NULL ? PW_OK : no_room(work);
}

static int plain_present(const struct work *work, const cyaml_schema_field_t *member,
			 const struct node *value, const struct path *path, struct node **out)
{
	if (member->value.type == CYAML_SEQUENCE || member->value.type == CYAML_SEQUENCE_FIXED)
		return plain_list(work, member, value, path, out);
	if (member->value.type != CYAML_MAPPING)
		return plain_scalar(work, schema_field(path->pattern), value, path, out);
	return plain_mapping(work, member->value.mapping.fields, value, path, out);
}

static int plain_member(const struct work *work, const cyaml_schema_field_t *member,
			const struct node *user, const struct path *path, struct node **out)
{
	const struct node *value = node_find(user, member->key);
	struct path below = path_member(path, member->key);

	if (value != NULL)
		return plain_present(work, member, value, &below, out);
	return plain_absent(work, member, user, &below, out);
}

static int plain_mapping(const struct work *work, const cyaml_schema_field_t *members,
			 const struct node *user, const struct path *path, struct node **out)
{
	size_t length = strlen(path->pattern);
	bool named = length != 0 && path->pattern[length - 1] == SCHEMA_NAMED[0];
	char quoted[QUOTE_MAX];
	int result;

	if (user->kind == NODE_SCALAR && !user->null)
		return config_fail(work->error, user, "%s: must be a mapping of fields, not '%s'",
				   path->user, config_quote(quoted, user->text));
	if (user->kind != NODE_MAPPING)
		return config_fail(work->error, user, "%s: must be a mapping of fields, not %s",
				   path->user, kind_name(user));
	result = check_keys(work, members, named, user, path);
	*out = tree_node(work->tree, NODE_MAPPING, user);
	if (result == PW_OK && *out == NULL)
		result = no_room(work);
	for (const cyaml_schema_field_t *m = members; result == PW_OK && m->key != NULL; m++) {
		struct node *value = NULL;

		if (strcmp(m->key, SCHEMA_NAMED) == 0)
			result = plain_named(work, members, user, path, &value);
		else if (named && strcmp(m->key, SCHEMA_NAME) == 0)
			value = tree_scalar(work->tree, user->key, user);
		else
			result = plain_member(work, m, user, path, &value);
		if (result == PW_OK)
			result = add_node(work, *out, m->key, value);
	}
	return result;
}

int plain_from_user(struct tree *tree, const struct node *user, struct node **plain,
		    struct config_error *error)
{
	struct work work = { tree, error };
	struct path top = { .user = "", .pattern = "" };

	return plain_mapping(&work, machine_schema.mapping.fields, user, &top, plain);
}
