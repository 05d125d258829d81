/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PAGEWALK_CONFIGS_LOCATE_H
#define PAGEWALK_CONFIGS_LOCATE_H

/* From a field's dotted name to the node, and so to the file and the line, that set it. */

#include "configs/tree.h"

struct config_complaint;

/* Says what *_config_check() said, with the place; PW_INVALID. */
int locate_complaint(const struct node *user, const struct config_complaint *complaint,
		     struct config_error *error);

/* The key of the mapping that `word` may be a slip of, or NULL. */
const char *node_closest(const struct node *mapping, const char *word);

#endif
