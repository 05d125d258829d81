/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reading a sweep. Each item of `vary` becomes an axis: a number of positions, and for each of its
 * fields the overrides "field=VALUE" of these positions. A point's number is a number in a mixed
 * radix, a digit for each axis, the last axis being the lowest digit.
 */

#include "configs/sweep.h"

#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "configs/file.h"
#include "configs/loader.h"
#include "configs/text.h"
#include "configs/tree.h"
#include "configs/value.h"
#include "mmu/error.h"

struct sweep_field {
	unsigned axis;
	const char **override; /* of each position of the axis */
};

struct sweep {
	struct tree tree;
	const char *name;
	unsigned axis_count, field_count, set_count, points;
	unsigned positions[SWEEP_FIELDS_MAX + 1]; /* of each axis; axis 0: the machines */
	const char **machine;
	const char *set[SWEEP_FIELDS_MAX];
	struct sweep_field field[SWEEP_FIELDS_MAX];
};

/* While reading. */
struct reading {
	struct sweep *sweep;
	struct config_error *error;
};

/* --- values --------------------------------------------------------------------------------- */

/* "field=VALUE", VALUE as YAML on one line. */
static const char *override_of(struct reading *r, const char *field, struct node *value)
{
	struct config_text text = { 0 };
	const char *override = NULL;

	config_text_add(&text, "%s=", field);
	value->flow = true;
	if (value->kind == NODE_SCALAR)
		config_text_add(&text, "%s", value->null ? "~" : value->text);
	else if (tree_emit(value, &text) != PW_OK)
		text.failed = true;
	while (text.length > 0 && text.bytes[text.length - 1] == '\n')
		text.length--;
	if (!text.failed)
		override = tree_text(&r->sweep->tree, text.bytes, text.length);
	config_text_release(&text);
	if (override == NULL)
		config_no_memory(r->error);
	return override;
}

static int read_limit(struct reading *r, struct node *range, const char *key, uint64_t *out)
{
	const struct node *node = node_find(range, key);

	if (node != NULL && node->kind == NODE_SCALAR && value_parse_size(node->text, out))
		return PW_OK;
	return config_fail(r->error, node != NULL ? node : range,
			   "%s: a range has '%s', a whole number or a size such as 64M", range->key,
			   key);
}

struct range {
	uint64_t from, to, step, times; /* step or times is 0 */
	bool sizes;
};

static int read_range(struct reading *r, struct node *node, struct range *range)
{
	bool steps = node_find(node, "step") != NULL;
	const char *last;
	int result = read_limit(r, node, "from", &range->from);

	if (result == PW_OK)
		result = read_limit(r, node, "to", &range->to);
	range->step = range->times = 0;
	if (result == PW_OK)
		result = read_limit(r, node, steps ? "step" : "times",
				    steps ? &range->step : &range->times);
	if (result != PW_OK)
		return result;
	for (const struct node *child = node->first; child != NULL; child = child->next)
		if (strcmp(child->key, "from") != 0 && strcmp(child->key, "to") != 0 &&
		    strcmp(child->key, steps ? "step" : "times") != 0)
			return config_fail(r->error, child,
					   "%s: a range is {from, to, step} or {from, to, times}",
					   node->key);
	if (range->from > range->to || (steps ? range->step == 0 : range->times < 2) ||
	    (!steps && range->from == 0))
		return config_fail(r->error, node,
				   "%s: a range goes up: from <= to, step >= 1 or times >= 2 (then "
				   "from >= 1)",
				   node->key);
	last = node_find(node, "from")->text;
	last += strlen(last);
	range->sizes = last[-1] < '0' || last[-1] > '9';
	return PW_OK;
}

static uint64_t next_of(const struct range *range, uint64_t value)
{
	uint64_t next;

	if (range->step ? __builtin_add_overflow(value, range->step, &next)
			: __builtin_mul_overflow(value, range->times, &next))
		return UINT64_MAX;
	return next;
}

/* A range as the list that it stands for. */
static int expand_range(struct reading *r, struct node *node, struct node **out)
{
	struct node *list = tree_node(&r->sweep->tree, NODE_SEQUENCE, node);
	struct range range;
	int result = read_range(r, node, &range);

	if (result != PW_OK)
		return result;
	for (uint64_t value = range.from, n = 0; list != NULL && value <= range.to;
	     value = next_of(&range, value)) {
		char buffer[TEXT_SIZE_MAX];
		struct node *item = NULL;
		const char *text;

		if (n++ == SWEEP_VALUES_MAX)
			return config_fail(r->error, node, "%s: more than %d values", node->key,
					   SWEEP_VALUES_MAX);
		if (range.sizes)
			config_text_size(buffer, value);
		else
			snprintf(buffer, sizeof(buffer), "%llu", (unsigned long long)value);
		text = tree_text(&r->sweep->tree, buffer, strlen(buffer));
		if (text != NULL)
			item = tree_scalar(&r->sweep->tree, text, node);
		if (item == NULL)
			return config_no_memory(r->error);
		node_append(list, NULL, item);
		if (next_of(&range, value) == UINT64_MAX)
			break;
	}
	if (list == NULL)
		return config_no_memory(r->error);
	list->key = node->key;
	*out = list;
	return PW_OK;
}

static unsigned length_of(const struct node *list)
{
	unsigned count = 0;

	for (const struct node *item = list->first; item != NULL; item = item->next)
		count++;
	return count;
}

/* --- axes ----------------------------------------------------------------------------------- */

static bool is_of(const char *override, const char *name)
{
	size_t length = strlen(name);

	return strncmp(override, name, length) == 0 && override[length] == '=';
}

/* The later one would win, in silence. */
static bool is_named_already(const struct sweep *sweep, const char *name)
{
	bool found = false;

	for (unsigned i = 0; i < sweep->set_count; i++)
		found |= is_of(sweep->set[i], name);
	for (unsigned i = 0; i < sweep->field_count; i++)
		found |= is_of(sweep->field[i].override[0], name);
	return found;
}

static int add_field(struct reading *r, unsigned axis, struct node *values)
{
	struct sweep *sweep = r->sweep;
	struct sweep_field *field = &sweep->field[sweep->field_count];
	const char *name = values->key;
	unsigned count, i = 0;

	if (is_named_already(sweep, name))
		return config_fail(r->error, values, "%s: is there twice", name);
	if (sweep->field_count + sweep->set_count == SWEEP_FIELDS_MAX)
		return config_fail_as(r->error, PW_LIMIT, "%s: more than %d fields", values->file,
				      SWEEP_FIELDS_MAX);
	if (values->kind == NODE_MAPPING) {
		int result = expand_range(r, values, &values);

		if (result != PW_OK)
			return result;
	}
	count = values->kind == NODE_SEQUENCE ? length_of(values) : 0;
	if (count == 0 || count > SWEEP_VALUES_MAX)
		return config_fail(
			r->error, values,
			"%s: must be a list of 1 to %d values, or a range such as {from: "
			"64M, to: 1G, times: 2}",
			name, SWEEP_VALUES_MAX);
	if (sweep->positions[axis] != 0 && sweep->positions[axis] != count)
		return config_fail(r->error, values,
				   "%s: has %u values and the field that it goes together with %u",
				   name, count, sweep->positions[axis]);
	sweep->positions[axis] = count;
	field->axis = axis;
	field->override = tree_alloc(&sweep->tree, count * sizeof(*field->override));
	if (field->override == NULL)
		return config_no_memory(r->error);
	for (struct node *value = values->first; value != NULL; value = value->next)
		if ((field->override[i++] = override_of(r, name, value)) == NULL)
			return PW_NOMEM;
	sweep->field_count++;
	return PW_OK;
}

/* All fields of a mapping on one axis, or on one each. */
static int add_axes(struct reading *r, struct node *item, bool together)
{
	struct sweep *sweep = r->sweep;
	struct node *next;
	int result = PW_OK;

	if (item->kind != NODE_MAPPING || item->first == NULL)
		return config_fail(r->error, item,
				   "vary: must be fields with their values, such as "
				   "'kernel.ram_bytes: [64M, 128M]'");
	for (struct node *values = item->first; result == PW_OK && values != NULL; values = next) {
		next = values->next;
		if (!together || values == item->first) {
			if (sweep->axis_count > SWEEP_FIELDS_MAX)
				return config_fail_as(r->error, PW_LIMIT, "%s: more than %d fields",
						      item->file, SWEEP_FIELDS_MAX);
			sweep->positions[sweep->axis_count++] = 0;
		}
		result = add_field(r, sweep->axis_count - 1, values);
	}
	return result;
}

static int read_vary(struct reading *r, struct node *vary, bool paired)
{
	struct node *next;
	int result = PW_OK;

	if (vary == NULL)
		return PW_OK;
	if (vary->kind != NODE_SEQUENCE)
		return add_axes(r, vary, paired);
	for (struct node *item = vary->first; result == PW_OK && item != NULL; item = next) {
		next = item->next;
		result = add_axes(r, item, true);
	}
	return result;
}

/* As the `base:` of a description: a path is relative to the file that names it. */
static const char *machine_of(struct reading *r, const struct node *item)
{
	const char *slash = strrchr(item->file, '/');
	bool is_path = strchr(item->text, '/') != NULL;
	struct config_text path = { 0 };
	const char *machine = NULL;

	if (slash == NULL || !is_path || item->text[0] == '/')
		return item->text;
	config_text_add(&path, "%.*s/%s", (int)(slash - item->file), item->file, item->text);
	if (!path.failed)
		machine = tree_text(&r->sweep->tree, path.bytes, path.length);
	config_text_release(&path);
	return machine;
}

static int read_machines(struct reading *r, struct node *root, struct node *base)
{
	struct sweep *sweep = r->sweep;
	unsigned count = 0, i = 0;
	struct node *first = base;

	if (base != NULL && base->kind == NODE_SEQUENCE)
		first = base->first;
	for (struct node *item = first; item != NULL; item = first == base ? NULL : item->next) {
		if (item->kind != NODE_SCALAR || item->null || item->text[0] == '\0')
			return config_fail(r->error, item,
					   "base: must be the name or the path of a machine "
					   "description, or a list of them");
		count++;
	}
	if (count == 0)
		return config_fail(
			r->error, base != NULL ? base : root,
			"base: is missing: the machine to vary, such as 'base: skylake'");
	sweep->machine = tree_alloc(&sweep->tree, count * sizeof(*sweep->machine));
	if (sweep->machine == NULL)
		return config_no_memory(r->error);
	for (struct node *item = first; i < count; item = item->next)
		if ((sweep->machine[i++] = machine_of(r, item)) == NULL)
			return config_no_memory(r->error);
	sweep->positions[0] = count;
	sweep->axis_count = 1;
	return PW_OK;
}

static int read_set(struct reading *r, struct node *set)
{
	struct sweep *sweep = r->sweep;

	if (set == NULL)
		return PW_OK;
	if (set->kind != NODE_MAPPING)
		return config_fail(r->error, set, "set: must be fields with a value each");
	for (struct node *value = set->first; value != NULL; value = value->next) {
		if (sweep->set_count == SWEEP_FIELDS_MAX)
			return config_fail_as(r->error, PW_LIMIT, "%s: more than %d fields",
					      set->file, SWEEP_FIELDS_MAX);
		sweep->set[sweep->set_count] = override_of(r, value->key, value);
		if (sweep->set[sweep->set_count++] == NULL)
			return PW_NOMEM;
	}
	return PW_OK;
}

static int count_points(struct reading *r, const struct node *root)
{
	uint64_t points = 1;

	for (unsigned i = 0; i < r->sweep->axis_count; i++) {
		points *= r->sweep->positions[i];
		if (points > SWEEP_POINTS_MAX)
			return config_fail_as(r->error, PW_LIMIT, "%s: more than %d points",
					      root->file, SWEEP_POINTS_MAX);
	}
	r->sweep->points = (unsigned)points;
	return PW_OK;
}

/* --- the whole ------------------------------------------------------------------------------ */

static int check_keys(struct reading *r, const struct node *root)
{
	static const char *const keys[] = { "name", "base", "set", "vary", "combine" };
	char quoted[QUOTE_MAX];

	if (root->kind != NODE_MAPPING)
		return config_fail(r->error, root, "a sweep is a mapping with 'base' and 'vary'");
	for (const struct node *child = root->first; child != NULL; child = child->next) {
		bool known = false;

		for (unsigned i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
			known |= strcmp(child->key, keys[i]) == 0;
		if (!known)
			return config_fail(r->error, child,
					   "there is no '%s': a sweep has name, base, set, vary, "
					   "combine",
					   config_quote(quoted, child->key));
	}
	return PW_OK;
}

static int read_combine(struct reading *r, const struct node *combine, bool *paired)
{
	*paired = false;
	if (combine == NULL)
		return PW_OK;
	*paired = combine->kind == NODE_SCALAR && strcmp(combine->text, "paired") == 0;
	if (*paired || (combine->kind == NODE_SCALAR && strcmp(combine->text, "cross") == 0))
		return PW_OK;
	return config_fail(r->error, combine, "combine: must be cross or paired");
}

static int read_name(struct reading *r, const struct node *root)
{
	const struct node *name = node_find((struct node *)root, "name");
	const char *slash = strrchr(root->file, '/');

	if (name != NULL && (name->kind != NODE_SCALAR || name->null))
		return config_fail(r->error, name, "name: must be a word");
	r->sweep->name = name != NULL ? name->text : slash != NULL ? slash + 1 : root->file;
	return PW_OK;
}

static int read_sweep(struct reading *r, struct node *root)
{
	bool paired = false;
	int result = check_keys(r, root);

	if (result == PW_OK)
		result = read_name(r, root);
	if (result == PW_OK)
		result = read_combine(r, node_find(root, "combine"), &paired);
	if (result == PW_OK)
		result = read_machines(r, root, node_find(root, "base"));
	if (result == PW_OK)
		result = read_set(r, node_find(root, "set"));
	if (result == PW_OK)
		result = read_vary(r, node_find(root, "vary"), paired);
	return result == PW_OK ? count_points(r, root) : result;
}

static int load(struct sweep **out, const struct tree_source *source, struct config_error *error)
{
	struct reading r = { calloc(1, sizeof(*r.sweep)), error };
	struct node *root;
	int result;

	*out = NULL;
	error->text[0] = '\0';
	if (r.sweep == NULL)
		return config_no_memory(error);
	result = tree_parse(&r.sweep->tree, source, &root, error);
	if (result == PW_OK)
		result = read_sweep(&r, root);
	if (result == PW_OK)
		*out = r.sweep;
	else
		sweep_destroy(r.sweep);
	return result;
}

int sweep_load_bytes(struct sweep **out, const char *label, const void *bytes, unsigned length,
		     struct config_error *error)
{
	const struct tree_source source = { label, bytes, length, true };

	return load(out, &source, error);
}

int sweep_load(struct sweep **out, const char *path, struct config_error *error)
{
	struct config_text name = { 0 };
	struct file_request request = { NULL, "", NULL, error };
	struct tree_source source = { .has_lines = true };
	struct file file;
	int result;

	*out = NULL;
	/* A sweep is a file, never one of the machines that are known by name. */
	config_text_add(&name, "%s%s", strchr(path, '/') == NULL ? "./" : "", path);
	if (name.failed)
		return config_no_memory(error);
	request.name = name.bytes;
	result = file_open(&request, &file);
	config_text_release(&name);
	if (result != PW_OK)
		return result;
	source.file = path;
	source.bytes = file.bytes;
	source.length = file.length;
	result = load(out, &source, error);
	file_close(&file);
	return result;
}

void sweep_destroy(struct sweep *sweep)
{
	if (sweep == NULL)
		return;
	tree_release(&sweep->tree);
	free(sweep);
}

/* --- points --------------------------------------------------------------------------------- */

const char *sweep_name(const struct sweep *sweep)
{
	return sweep->name;
}

unsigned sweep_point_count(const struct sweep *sweep)
{
	return sweep->points;
}

static void write_label(struct sweep_point *point)
{
	size_t used = (size_t)snprintf(point->label, sizeof(point->label), "%s", point->machine);

	for (unsigned i = point->first_varied; i < point->override_count; i++)
		if (used < sizeof(point->label))
			used += (size_t)snprintf(point->label + used, sizeof(point->label) - used,
						 " %s", point->override[i]);
}

void sweep_point(const struct sweep *sweep, unsigned number, struct sweep_point *point)
{
	unsigned position[SWEEP_FIELDS_MAX + 1];

	assert(number < sweep->points);
	for (unsigned axis = sweep->axis_count; axis-- > 0;) {
		position[axis] = number % sweep->positions[axis];
		number /= sweep->positions[axis];
	}
	point->machine = sweep->machine[position[0]];
	point->override_count = 0;
	for (unsigned i = 0; i < sweep->set_count; i++)
		point->override[point->override_count++] = sweep->set[i];
	point->first_varied = point->override_count;
	for (unsigned i = 0; i < sweep->field_count; i++)
		point->override[point->override_count++] =
			sweep->field[i].override[position[sweep->field[i].axis]];
	write_label(point);
}
