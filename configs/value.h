/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PAGEWALK_CONFIGS_VALUE_H
#define PAGEWALK_CONFIGS_VALUE_H

/* Single values: between the way people write them and the plain form that libcyaml reads. */

#include <stdbool.h>
#include <stdint.h>

#include "configs/schema.h"

enum { VALUE_MAX = 32, VALUE_MUST_BE_MAX = 256 };

/*
 * The plain form of what a person wrote, in `buffer` or static or `text` itself; NULL if the
 * field cannot hold it. A FIELD_LEVEL's plain form here is the level's number.
 */
const char *value_to_plain(const struct field *field, const char *text, char buffer[VALUE_MAX]);
/* The other direction; NULL if the plain value is none of the field's. */
const char *value_to_user(const struct field *field, const char *plain, char buffer[VALUE_MAX]);
/* What would be right, to follow "must be": "a whole number from 1 to 16". */
const char *value_must_be(const struct field *field, char buffer[VALUE_MUST_BE_MAX]);
/* "64M", "4096", "0x1000"; false if it is none, or more than 64 bits. */
bool value_parse_size(const char *text, uint64_t *out);

#endif
