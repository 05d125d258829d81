/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PAGEWALK_CONFIGS_SCHEMA_H
#define PAGEWALK_CONFIGS_SCHEMA_H

/*
 * What a machine description may hold, twice over:
 *
 *  - machine_schema is libcyaml's: which key fills which member of struct machine_config. It
 *    describes the *plain* form, in which every value is a number, a boolean or a text, and
 *    things keyed by name are a sequence under the key "*".
 *  - schema_fields says how people write each value: its unit, its range, its default. That is
 *    the *user's* form; configs/plain.c translates between the two.
 *
 * To add a field: one line in each, and its description in docs/machine-description.md. A test
 * holds the three to each other.
 */

#include <stdint.h>

#include <cyaml/cyaml.h>

enum field_kind {
	FIELD_NUMBER,
	FIELD_SIZE,      /* bytes, or with a unit: 32K, 4GiB */
	FIELD_WAYS,      /* a number, or `full` (0) */
	FIELD_PAGE_SIZE, /* a size that is a power of two; plain: its logarithm */
	FIELD_LEVEL,     /* a list of table levels; plain: one boolean for each level */
	FIELD_BOOL,
	FIELD_CHOICE, /* one of a few words; plain: its index */
	FIELD_TEXT,
};

struct field {
	const char *path; /* "tlb.*.*.entries": * stands for a name given in the description */
	enum field_kind kind;
	uint64_t low, high;
	/*
	 * What holds when a named thing lacks the field, in the plain form; NULL: it must be
	 * given. Fields outside of named things default to machine_config_default().
	 */
	const char *preset;
	const char *const *choices; /* NULL entries are no choice */
	unsigned choice_count;
};

#define SCHEMA_NAMED "*" /* key of a sequence of things keyed by name */
#define SCHEMA_NAME  "name"

extern const cyaml_schema_value_t machine_schema;
extern const struct field schema_fields[]; /* ends with a NULL path */

/* NULL: no field of that path holds a value. */
const struct field *schema_field(const char *path);
/* A member of a mapping, or NULL. */
const cyaml_schema_field_t *schema_member(const cyaml_schema_field_t *members, const char *key);

#endif
