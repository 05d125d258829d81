/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Loading: the layers of a description are merged as trees, the result is checked value by value
 * (plain.c), libcyaml fills the struct, and machine_config_check() has the last word. Whoever
 * complains, the message names the file and line where the value stands (locate.c).
 *
 *	default  <-  base of base  <-  base  <-  the description  <-  overrides
 */

#include "configs/loader.h"

#include <stdlib.h>
#include <string.h>

#include "configs/file.h"
#include "configs/locate.h"
#include "configs/plain.h"
#include "configs/plain_cyaml.h"
#include "configs/text.h"
#include "emu/machine/config.h"
#include "mmu/error.h"

enum { LAYERS_MAX = 8 };

struct layer {
	struct node *root;
	const char *path;
	dev_t device;
	ino_t inode;
	bool is_file;
};

struct loading {
	struct tree tree;
	struct config_error *error;
	struct layer layers[LAYERS_MAX]; /* the description first, then what it is based on */
	unsigned layer_count;
	struct node *merged;
};

/* --- layers --------------------------------------------------------------------------------- */

static int parse_layer(struct loading *loading, struct layer *layer,
		       const struct tree_source *source)
{
	struct node where = { .file = source->file, .line = 1 };
	int result = tree_parse(&loading->tree, source, &layer->root, loading->error);

	if (result != PW_OK)
		return result;
	if (layer->root->kind != NODE_MAPPING)
		return config_fail(
			loading->error, &where,
			"a machine description is a mapping of fields, such as 'cpi: 1'");
	layer->path = layer->root->file;
	loading->layer_count++;
	return PW_OK;
}

static int fail_cycle(struct loading *loading, const struct node *base, const struct file *file)
{
	struct config_text chain = { 0 };

	for (unsigned i = 0; i < loading->layer_count; i++)
		config_text_add(&chain, "%.100s -> ", loading->layers[i].path);
	config_fail(loading->error, base, "base: goes round in a circle: %s%.100s",
		    chain.failed ? "" : chain.bytes, file->path);
	config_text_release(&chain);
	return PW_INVALID;
}

static int add_file(struct loading *loading, const char *name, const struct node *base)
{
	const struct file_request request = { name, base != NULL ? "base: " : "", base,
					      loading->error };
	struct layer *layer = &loading->layers[loading->layer_count];
	struct tree_source source = { .has_lines = true };
	struct file file;
	int result = file_open(&request, &file);

	if (result != PW_OK)
		return result;
	layer->device = file.device;
	layer->inode = file.inode;
	layer->is_file = true;
	source.file = file.path;
	source.bytes = file.bytes;
	source.length = file.length;
	for (unsigned i = 0; result == PW_OK && i < loading->layer_count; i++) {
		const struct layer *seen = &loading->layers[i];

		if (seen->is_file && seen->device == file.device && seen->inode == file.inode)
			result = fail_cycle(loading, base, &file);
	}
	if (result == PW_OK)
		result = parse_layer(loading, layer, &source);
	file_close(&file);
	return result;
}

static int add_bases(struct loading *loading)
{
	int result = PW_OK;

	while (result == PW_OK) {
		struct node *root = loading->layers[loading->layer_count - 1].root;
		struct node *base = node_detach(root, "base");

		if (base == NULL)
			return PW_OK;
		if (base->kind != NODE_SCALAR || base->null || base->text[0] == '\0')
			return config_fail(loading->error, base,
					   "base: must be the name or the path of a description");
		if (loading->layer_count == LAYERS_MAX)
			return config_fail(loading->error, base,
					   "base: more than %d descriptions on top of each other",
					   LAYERS_MAX);
		result = add_file(loading, base->text, base);
	}
	return result;
}

/* The tree that says what machine_config_default() says, under which everything is laid. */
static int default_tree(struct loading *loading)
{
	struct machine_config *config = malloc(sizeof(*config));
	struct node *plain;
	int result;

	if (config == NULL)
		return config_no_memory(loading->error);
	machine_config_default(config);
	result = plain_from_config(&loading->tree, config, &plain, loading->error);
	free(config);
	if (result == PW_OK)
		result = plain_to_user(&loading->tree, plain, &loading->merged, loading->error);
	return result;
}

/* A description without a name is called like its file. */
static int name_machine(struct loading *loading)
{
	const struct layer *layer = &loading->layers[0];
	const char *slash = strrchr(layer->path, '/');
	const char *stem = slash != NULL ? slash + 1 : layer->path;
	size_t length = strlen(stem);
	struct node *name;
	char *text;

	if (length > 5 && strcmp(stem + length - 5, ".yaml") == 0)
		length -= 5;
	text = tree_text(&loading->tree, stem, length);
	name = text != NULL ? tree_scalar(&loading->tree, text, layer->root) : NULL;
	if (name == NULL)
		return config_no_memory(loading->error);
	node_detach(loading->merged, "name");
	node_append(loading->merged, "name", name);
	return PW_OK;
}

static int merge_layers(struct loading *loading)
{
	int result = default_tree(loading);

	if (result == PW_OK)
		result = name_machine(loading);
	if (result != PW_OK)
		return result;
	loading->merged->file = loading->layers[0].path;
	for (unsigned i = loading->layer_count; i-- > 0;) {
		if (i != 0)
			node_detach(loading->layers[i].root, "name");
		tree_merge(loading->merged, loading->layers[i].root);
	}
	return PW_OK;
}

/* --- overrides ------------------------------------------------------------------------------ */

/* A value as it would stand in a file. */
static int parse_value(struct loading *loading, const char *label, const char *text,
		       struct node **out)
{
	struct tree_source source = { .file = label, .bytes = text, .length = strlen(text) };
	struct node where = { .file = label };

	if (text[strspn(text, " \t")] != '\0')
		return tree_parse(&loading->tree, &source, out, loading->error);
	*out = tree_scalar(&loading->tree, "", &where);
	if (*out == NULL)
		return config_no_memory(loading->error);
	(*out)->null = true;
	return PW_OK;
}

/* All but the last part of the path must be there: a slip must not make a new array. */
static int lay_value(struct loading *loading, char *path, struct node *value)
{
	struct node where = { .file = value->file }, over = { .kind = NODE_MAPPING };
	struct node *parent = loading->merged;
	char quoted[QUOTE_MAX];
	char *dot;

	for (; (dot = strchr(path, '.')) != NULL; path = dot + 1) {
		const char *closest;

		*dot = '\0';
		if (node_find(parent, path) == NULL) {
			closest = node_closest(parent, path);
			return config_fail(loading->error, &where, "there is no '%s'%s%s%s",
					   config_quote(quoted, path),
					   closest != NULL ? "; did you mean '" : "",
					   closest != NULL ? closest : "",
					   closest != NULL ? "'?" : "");
		}
		parent = node_find(parent, path);
	}
	if (parent->kind != NODE_MAPPING)
		return config_fail(loading->error, &where, "'%s': what is before it has no fields",
				   config_quote(quoted, path));
	node_append(&over, path, value);
	tree_merge(parent, &over);
	return PW_OK;
}

static int add_override(struct loading *loading, const char *override)
{
	const char *equals = strchr(override, '=');
	struct config_text text = { 0 };
	char *path, *label;
	struct node *value;
	int result;

	config_text_add(&text, "override %s", override);
	if (text.failed)
		return config_no_memory(loading->error);
	label = tree_text(&loading->tree, text.bytes, text.length);
	config_text_release(&text);
	if (label == NULL)
		return config_no_memory(loading->error);
	if (equals == NULL || equals == override)
		return config_fail(loading->error, &(struct node){ .file = label },
				   "must be FIELD=VALUE, such as tlb.l2.shared.entries=1024");
	path = tree_text(&loading->tree, override, (size_t)(equals - override));
	if (path == NULL)
		return config_no_memory(loading->error);
	result = parse_value(loading, label, equals + 1, &value);
	return result == PW_OK ? lay_value(loading, path, value) : result;
}

/* --- the whole ------------------------------------------------------------------------------ */

static int check_machine(struct loading *loading, const struct machine_config *config)
{
	struct config_complaint complaint = { .must_be = "something else" };

	if (machine_config_check(config, &complaint) == PW_OK)
		return PW_OK;
	return locate_complaint(loading->merged, &complaint, loading->error);
}

static int finish(struct loading *loading, const char *const *overrides, size_t override_count,
		  struct machine_config *out)
{
	struct machine_config *config;
	struct node *plain;
	int result = add_bases(loading);

	if (result == PW_OK)
		result = merge_layers(loading);
	for (size_t i = 0; result == PW_OK && i < override_count; i++)
		result = add_override(loading, overrides[i]);
	if (result == PW_OK)
		result = plain_from_user(&loading->tree, loading->merged, &plain, loading->error);
	if (result != PW_OK)
		return result;
	config = malloc(sizeof(*config));
	if (config == NULL)
		return config_no_memory(loading->error);
	result = plain_to_config(plain, config, loading->error);
	if (result == PW_OK)
		result = check_machine(loading, config);
	if (result == PW_OK)
		*out = *config;
	free(config);
	return result;
}

int config_load_with(struct machine_config *out, const char *name_or_path,
		     const char *const *overrides, size_t override_count,
		     struct config_error *error)
{
	struct loading loading = { .error = error };
	int result;

	error->text[0] = '\0';
	result = add_file(&loading, name_or_path, NULL);
	if (result == PW_OK)
		result = finish(&loading, overrides, override_count, out);
	tree_release(&loading.tree);
	return result;
}

int config_load(struct machine_config *out, const char *name_or_path, struct config_error *error)
{
	return config_load_with(out, name_or_path, NULL, 0, error);
}

int config_load_bytes(struct machine_config *out, const char *label, const void *bytes,
		      size_t length, struct config_error *error)
{
	const struct tree_source source = { label, bytes, length, true };
	struct loading loading = { .error = error };
	int result;

	error->text[0] = '\0';
	result = parse_layer(&loading, &loading.layers[0], &source);
	if (result == PW_OK)
		result = finish(&loading, NULL, 0, out);
	tree_release(&loading.tree);
	return result;
}

int config_to_tree(struct tree *tree, const struct machine_config *config, struct node **user)
{
	struct config_complaint complaint;
	struct config_error error;
	struct node *plain;
	int result = machine_config_check(config, &complaint);

	if (result == PW_OK)
		result = plain_from_config(tree, config, &plain, &error);
	if (result == PW_OK)
		result = plain_to_user(tree, plain, user, &error);
	return result;
}

int config_render(const struct machine_config *config, char **text)
{
	struct node *user;
	struct tree tree = { 0 };
	struct config_text out = { 0 };
	int result = config_to_tree(&tree, config, &user);

	if (result == PW_OK)
		result = tree_emit(user, &out);
	tree_release(&tree);
	if (result == PW_OK)
		return config_text_take(&out, text);
	config_text_release(&out);
	return result;
}
