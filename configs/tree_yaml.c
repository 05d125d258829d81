/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * YAML to tree and back, on libyaml's events rather than its documents: limits hold while the
 * file is being read, and an alias can be copied instead of shared. Recursion is bounded by
 * TREE_DEPTH_MAX. Tags are passed over: what a scalar means is decided by its field.
 */

#include "configs/tree.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>
#include <yaml.h>

#include "configs/loader.h"
#include "configs/text.h"
#include "mmu/error.h"

struct anchor {
	struct anchor *next;
	const char *name;
	const struct node *node;
};

struct reader {
	yaml_parser_t parser;
	struct tree *tree;
	const struct tree_source *source;
	const char *file;
	struct anchor *anchors;
	struct config_error *error;
};

static struct node place(const struct reader *reader, size_t line)
{
	struct node node = { .file = reader->file };

	if (reader->source->has_lines)
		node.line = (unsigned)line + 1;
	return node;
}

/* The reader of bytes keeps an offset where the parser of tokens keeps a line. */
static int fail_syntax(struct reader *reader)
{
	const yaml_parser_t *parser = &reader->parser;
	const unsigned char *bytes = reader->source->bytes;
	size_t line = parser->problem_mark.line;
	struct node where;

	if (parser->error == YAML_MEMORY_ERROR)
		return config_no_memory(reader->error);
	if (parser->error == YAML_READER_ERROR) {
		line = 0;
		for (size_t i = 0; i < parser->problem_offset && i < reader->source->length; i++)
			line += bytes[i] == '\n';
	}
	where = place(reader, line);
	return config_fail(reader->error, &where, "not YAML: %s%s%s",
			   parser->context != NULL ? parser->context : "",
			   parser->context != NULL ? ": " : "",
			   parser->problem != NULL ? parser->problem : "unknown error");
}

static int next_event(struct reader *reader, yaml_event_t *event)
{
	if (!yaml_parser_parse(&reader->parser, event))
		return fail_syntax(reader);
	return PW_OK;
}

static int fail_no_room(struct reader *reader, const struct node *where)
{
	if (reader->tree->nodes < TREE_NODES_MAX) {
		config_no_memory(reader->error);
		return PW_NOMEM;
	}
	config_fail(reader->error, where, "more than %d values, aliases counted as copies",
		    TREE_NODES_MAX);
	return PW_LIMIT;
}

static int new_node(struct reader *reader, const yaml_event_t *event, enum node_kind kind,
		    struct node **out)
{
	struct node where = place(reader, event->start_mark.line);

	*out = tree_node(reader->tree, kind, &where);
	return *out != NULL ? PW_OK : fail_no_room(reader, &where);
}

static int copy_text(struct reader *reader, const yaml_event_t *event, const char **out)
{
	const yaml_char_t *value = event->data.scalar.value;
	size_t length = event->data.scalar.length;
	struct node where = place(reader, event->start_mark.line);

	if (memchr(value, '\0', length) != NULL)
		return config_fail(reader->error, &where, "a text holds a zero byte");
	*out = tree_text(reader->tree, value, length);
	return *out != NULL ? PW_OK : config_no_memory(reader->error);
}

static int keep_anchor(struct reader *reader, const yaml_char_t *name, const struct node *node)
{
	struct anchor *anchor;

	if (name == NULL)
		return PW_OK;
	anchor = tree_alloc(reader->tree, sizeof(*anchor));
	if (anchor == NULL)
		return config_no_memory(reader->error);
	anchor->name = tree_text(reader->tree, name, strlen((const char *)name));
	if (anchor->name == NULL)
		return config_no_memory(reader->error);
	anchor->node = node;
	anchor->next = reader->anchors;
	reader->anchors = anchor;
	return PW_OK;
}

static int read_node(struct reader *reader, yaml_event_t *event, unsigned depth, struct node **out);

static bool is_null(const yaml_event_t *event, const char *text)
{
	static const char *const nulls[] = { "", "~", "null", "Null", "NULL" };

	if (event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE)
		return false;
	for (size_t i = 0; i < sizeof(nulls) / sizeof(nulls[0]); i++)
		if (strcmp(text, nulls[i]) == 0)
			return true;
	return false;
}

static int read_scalar(struct reader *reader, const yaml_event_t *event, struct node **out)
{
	const char *text = NULL;
	int result = new_node(reader, event, NODE_SCALAR, out);

	if (result == PW_OK)
		result = copy_text(reader, event, &text);
	if (result != PW_OK)
		return result;
	assert(text != NULL && *out != NULL);
	(*out)->text = text;
	(*out)->null = is_null(event, text);
	return keep_anchor(reader, event->data.scalar.anchor, *out);
}

static int read_sequence(struct reader *reader, const yaml_event_t *start, unsigned depth,
			 struct node **out)
{
	int result = new_node(reader, start, NODE_SEQUENCE, out);

	while (result == PW_OK) {
		yaml_event_t event;
		struct node *item = NULL;

		result = next_event(reader, &event);
		if (result != PW_OK)
			return result;
		if (event.type == YAML_SEQUENCE_END_EVENT) {
			yaml_event_delete(&event);
			return keep_anchor(reader, start->data.sequence_start.anchor, *out);
		}
		result = read_node(reader, &event, depth + 1, &item);
		if (result == PW_OK)
			node_append(*out, NULL, item);
	}
	return result;
}

static int read_key(struct reader *reader, const yaml_event_t *event, const struct node *mapping,
		    const char **key)
{
	struct node where = place(reader, event->start_mark.line);
	const struct node *twin;
	char quoted[QUOTE_MAX];
	int result;

	if (event->type != YAML_SCALAR_EVENT)
		return config_fail(reader->error, &where, "a key must be a single word");
	result = copy_text(reader, event, key);
	if (result != PW_OK)
		return result;
	twin = node_find(mapping, *key);
	if (twin == NULL)
		return PW_OK;
	if (twin->key_line == 0)
		return config_fail(reader->error, &where, "%s: given twice",
				   config_quote(quoted, *key));
	return config_fail(reader->error, &where, "%s: given twice, first on line %u",
			   config_quote(quoted, *key), twin->key_line);
}

static int read_pair(struct reader *reader, yaml_event_t *key_event, unsigned depth,
		     struct node *mapping)
{
	unsigned line = place(reader, key_event->start_mark.line).line;
	const char *key = NULL;
	yaml_event_t event;
	struct node *value = NULL;
	int result = read_key(reader, key_event, mapping, &key);

	yaml_event_delete(key_event);
	if (result == PW_OK)
		result = next_event(reader, &event);
	if (result == PW_OK)
		result = read_node(reader, &event, depth + 1, &value);
	if (result != PW_OK)
		return result;
	node_append(mapping, key, value);
	value->key_line = line;
	return PW_OK;
}

static int read_mapping(struct reader *reader, const yaml_event_t *start, unsigned depth,
			struct node **out)
{
	int result = new_node(reader, start, NODE_MAPPING, out);

	while (result == PW_OK) {
		yaml_event_t event;

		result = next_event(reader, &event);
		if (result != PW_OK)
			return result;
		if (event.type == YAML_MAPPING_END_EVENT) {
			yaml_event_delete(&event);
			return keep_anchor(reader, start->data.mapping_start.anchor, *out);
		}
		result = read_pair(reader, &event, depth, *out);
	}
	return result;
}

/* The copy keeps the places of the original: that is where a wrong value can be mended. */
static struct node *copy_node(struct tree *tree, const struct node *from)
{
	struct node *copy = tree_node(tree, from->kind, from);

	if (copy == NULL)
		return NULL;
	copy->null = from->null;
	copy->text = from->text;
	for (const struct node *child = from->first; child != NULL; child = child->next) {
		struct node *twin = copy_node(tree, child);

		if (twin == NULL)
			return NULL;
		node_append(copy, child->key, twin);
	}
	return copy;
}

static unsigned depth_below(const struct node *node)
{
	unsigned deepest = 0;

	for (const struct node *child = node->first; child != NULL; child = child->next) {
		unsigned depth = 1 + depth_below(child);

		if (depth > deepest)
			deepest = depth;
	}
	return deepest;
}

static int fail_depth(struct reader *reader, const yaml_event_t *event)
{
	struct node where = place(reader, event->start_mark.line);

	config_fail(reader->error, &where, "nested more than %d deep", TREE_DEPTH_MAX);
	return PW_LIMIT;
}

/* An anchor is known only after its node has ended, so an alias within itself is unknown. */
static int read_alias(struct reader *reader, const yaml_event_t *event, unsigned depth,
		      struct node **out)
{
	const char *name = (const char *)event->data.alias.anchor;
	struct node where = place(reader, event->start_mark.line);
	const struct anchor *anchor = reader->anchors;
	char quoted[QUOTE_MAX];

	while (anchor != NULL && strcmp(anchor->name, name) != 0)
		anchor = anchor->next;
	if (anchor == NULL)
		return config_fail(reader->error, &where, "alias *%s: there is no &%s before it",
				   config_quote(quoted, name), quoted);
	if (depth + depth_below(anchor->node) > TREE_DEPTH_MAX)
		return fail_depth(reader, event);
	*out = copy_node(reader->tree, anchor->node);
	return *out != NULL ? PW_OK : fail_no_room(reader, &where);
}

/* Takes the event over. */
static int read_node(struct reader *reader, yaml_event_t *event, unsigned depth, struct node **out)
{
	int result = PW_OK;

	if (depth > TREE_DEPTH_MAX)
		result = fail_depth(reader, event);
	else if (event->type == YAML_SCALAR_EVENT)
		result = read_scalar(reader, event, out);
	else if (event->type == YAML_SEQUENCE_START_EVENT)
		result = read_sequence(reader, event, depth, out);
	else if (event->type == YAML_MAPPING_START_EVENT)
		result = read_mapping(reader, event, depth, out);
	else
		result = read_alias(reader, event, depth, out);
	yaml_event_delete(event);
	return result;
}

/* Document end and stream end, nothing else. */
static int read_end(struct reader *reader)
{
	yaml_event_type_t type = YAML_NO_EVENT;
	yaml_event_t event;
	struct node where;
	int result;

	while (type != YAML_STREAM_END_EVENT) {
		result = next_event(reader, &event);
		if (result != PW_OK)
			return result;
		type = event.type;
		where = place(reader, event.start_mark.line);
		yaml_event_delete(&event);
		if (type == YAML_DOCUMENT_START_EVENT)
			return config_fail(reader->error, &where,
					   "a second document begins; a description is one");
	}
	return PW_OK;
}

static int read_stream(struct reader *reader, struct node **root)
{
	yaml_event_t event = { 0 };
	struct node where = place(reader, 0);
	bool started = false;
	int result;

	while (!started) {
		result = next_event(reader, &event);
		if (result != PW_OK)
			return result;
		started = event.type == YAML_DOCUMENT_START_EVENT;
		if (event.type == YAML_STREAM_END_EVENT) {
			yaml_event_delete(&event);
			return config_fail(reader->error, &where, "empty");
		}
		yaml_event_delete(&event);
	}
	result = next_event(reader, &event);
	if (result == PW_OK)
		result = read_node(reader, &event, 1, root);
	return result == PW_OK ? read_end(reader) : result;
}

int tree_parse(struct tree *tree, const struct tree_source *source, struct node **root,
	       struct config_error *error)
{
	struct reader reader = { .tree = tree, .source = source, .error = error };
	int result;

	if (source->file != NULL) {
		reader.file = tree_text(tree, source->file, strlen(source->file));
		if (reader.file == NULL)
			return config_no_memory(error);
	}
	if (!yaml_parser_initialize(&reader.parser))
		return config_no_memory(error);
	yaml_parser_set_input_string(&reader.parser, source->bytes, source->length);
	result = read_stream(&reader, root);
	yaml_parser_delete(&reader.parser);
	return result;
}

static int emit_scalar(yaml_emitter_t *emitter, const char *text)
{
	yaml_event_t event;

	return yaml_scalar_event_initialize(&event, NULL, NULL, (const yaml_char_t *)text,
					    (int)strlen(text), 1, 1, YAML_ANY_SCALAR_STYLE) &&
	       yaml_emitter_emit(emitter, &event);
}

static int emit_node(yaml_emitter_t *emitter, const struct node *node)
{
	bool mapping = node->kind == NODE_MAPPING;
	yaml_event_t event;
	int ok;

	if (node->kind == NODE_SCALAR)
		return emit_scalar(emitter, node->text);
	if (mapping)
		ok = yaml_mapping_start_event_initialize(&event, NULL, NULL, 1,
							 node->flow ? YAML_FLOW_MAPPING_STYLE
								    : YAML_BLOCK_MAPPING_STYLE);
	else
		ok = yaml_sequence_start_event_initialize(&event, NULL, NULL, 1,
							  node->flow ? YAML_FLOW_SEQUENCE_STYLE
								     : YAML_BLOCK_SEQUENCE_STYLE);
	if (!ok || !yaml_emitter_emit(emitter, &event))
		return 0;
	for (const struct node *child = node->first; child != NULL; child = child->next)
		if ((mapping && !emit_scalar(emitter, child->key)) || !emit_node(emitter, child))
			return 0;
	ok = mapping ? yaml_mapping_end_event_initialize(&event)
		     : yaml_sequence_end_event_initialize(&event);
	return ok && yaml_emitter_emit(emitter, &event);
}

static int emit_bytes(void *ctx, unsigned char *bytes, size_t length)
{
	struct config_text *out = ctx;

	config_text_add_bytes(out, bytes, length);
	return !out->failed;
}

static int emit_document(yaml_emitter_t *emitter, const struct node *root)
{
	yaml_event_t event;

	return yaml_stream_start_event_initialize(&event, YAML_UTF8_ENCODING) &&
	       yaml_emitter_emit(emitter, &event) &&
	       yaml_document_start_event_initialize(&event, NULL, NULL, NULL, 1) &&
	       yaml_emitter_emit(emitter, &event) && emit_node(emitter, root) &&
	       yaml_document_end_event_initialize(&event, 1) &&
	       yaml_emitter_emit(emitter, &event) && yaml_stream_end_event_initialize(&event) &&
	       yaml_emitter_emit(emitter, &event);
}

int tree_emit(const struct node *root, struct config_text *out)
{
	yaml_emitter_t emitter;
	int ok;

	if (!yaml_emitter_initialize(&emitter))
		return PW_NOMEM;
	yaml_emitter_set_output(&emitter, emit_bytes, out);
	yaml_emitter_set_width(&emitter, -1);
	ok = emit_document(&emitter, root);
	yaml_emitter_delete(&emitter);
	return ok ? PW_OK : PW_NOMEM;
}
