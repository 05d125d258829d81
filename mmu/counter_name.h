/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PAGEWALK_MMU_COUNTER_NAME_H
#define PAGEWALK_MMU_COUNTER_NAME_H

/* Dotted counter names ("tlb.l2.4k.hits") out of configured ones; mmu/ has no stdio. */

#include "mmu/config.h"
#include "mmu/event.h"

#include <string.h>

struct counter_name {
	char text[3 * CONFIG_NAME_MAX + 32];
	size_t length;
};

/* Appends a part, after a dot unless it is the first. */
static inline void counter_name_add(struct counter_name *name, const char *part)
{
	size_t bytes = strlen(part);

	if (name->length > 0 && name->length + 1 < sizeof(name->text))
		name->text[name->length++] = '.';
	if (bytes > sizeof(name->text) - 1 - name->length)
		bytes = sizeof(name->text) - 1 - name->length;
	memcpy(name->text + name->length, part, bytes);
	name->length += bytes;
	name->text[name->length] = '\0';
}

/* One counter of an owner: its last name, its documentation, its value. */
struct counter_row {
	const char *name, *doc;
	uint64_t value;
};

/* Shows `count` counters whose names begin with *prefix. */
static inline void counter_rows_visit(const struct counter_name *prefix,
				      const struct counter_row *rows, size_t count,
				      counter_visit_fn *visit, void *ctx)
{
	for (size_t i = 0; i < count; i++) {
		struct counter_name name = *prefix;

		counter_name_add(&name, rows[i].name);
		visit(ctx, name.text, rows[i].doc, rows[i].value);
	}
}

#endif
