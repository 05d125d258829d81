/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PAGEWALK_CONFIGS_TREE_H
#define PAGEWALK_CONFIGS_TREE_H

/*
 * A description as a tree of nodes, each of which remembers the file and the line it came from,
 * also after several files were merged. Aliases are copies, so a tree has no cycles. All nodes
 * and strings of a tree live in its arena and go together.
 *
 * Limits keep a hostile file from costing more than a moment: TREE_* below.
 */

#include <stdbool.h>
#include <stddef.h>

struct config_error;
struct config_text;

enum {
	TREE_FILE_BYTES_MAX = 1 << 20,
	TREE_NODES_MAX =
		4096, /* in all files of a description together, aliases counted as copies */
	TREE_DEPTH_MAX = 16,
};

enum node_kind { NODE_SCALAR, NODE_SEQUENCE, NODE_MAPPING };

struct node {
	enum node_kind kind;
	bool null;        /* a scalar that is empty, ~ or null, without quotes */
	bool flow;        /* to be emitted on one line */
	const char *key;  /* in a mapping */
	const char *text; /* of a scalar */
	const char *file; /* NULL: from no file (a default) */
	unsigned line;    /* 0: the file has no lines (an override) */
	unsigned key_line;
	struct node *first, *last, *next;
};

struct tree_block;

struct tree {
	struct tree_block *blocks;
	unsigned nodes;
};

void tree_release(struct tree *tree);

/* Memory that lives as long as the tree; NULL when there is none. */
void *tree_alloc(struct tree *tree, size_t bytes);
/* NULL when there is no memory or no room (TREE_NODES_MAX). */
struct node *tree_node(struct tree *tree, enum node_kind kind, const struct node *where);
/* A scalar of its own at the place of another node. */
struct node *tree_scalar(struct tree *tree, const char *text, const struct node *where);
/* A copy of the bytes with a NUL, in the arena; NULL when there is no memory. */
char *tree_text(struct tree *tree, const void *bytes, size_t length);

void node_append(struct node *parent, const char *key, struct node *child);
struct node *node_find(const struct node *mapping, const char *key);
/* Takes a child out of its mapping, or returns NULL. */
struct node *node_detach(struct node *mapping, const char *key);

struct tree_source {
	const char *file; /* for messages; copied */
	const void *bytes;
	size_t length;
	bool has_lines;
};

/* One YAML document. PW_INVALID, PW_LIMIT, PW_NOMEM with a message. */
int tree_parse(struct tree *tree, const struct tree_source *source, struct node **root,
	       struct config_error *error);

/*
 * Lays `over` on `base`: mappings recursively, scalars and sequences replaced, order kept, new
 * keys last. A null laid on a mapping removes it. `over` is used up.
 */
void tree_merge(struct node *base, struct node *over);

/* Writes the tree as YAML. PW_NOMEM. */
int tree_emit(const struct node *root, struct config_text *out);

/* Sets "FILE:LINE: " and the message; returns PW_INVALID. `where` may be NULL. */
__attribute__((format(printf, 3, 4))) int
config_fail(struct config_error *error, const struct node *where, const char *format, ...);
/* The same with another result, and no place. */
__attribute__((format(printf, 3, 4))) int config_fail_as(struct config_error *error, int result,
							 const char *format, ...);
int config_no_memory(struct config_error *error);

enum { QUOTE_MAX = 64 };
/* What a person may be shown of a string from a file: printable, shortened, no newlines. */
const char *config_quote(char buffer[QUOTE_MAX], const char *text);

#endif
