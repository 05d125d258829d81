/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PAGEWALK_CONFIGS_PLAIN_CYAML_H
#define PAGEWALK_CONFIGS_PLAIN_CYAML_H

/* Between the plain tree and struct machine_config, by libcyaml and machine_schema. */

#include "configs/tree.h"

struct machine_config;

int plain_to_config(const struct node *plain, struct machine_config *config,
		    struct config_error *error);
int plain_from_config(struct tree *tree, const struct machine_config *config, struct node **plain,
		      struct config_error *error);

/* The whole description as people write it; the tree is to be released also after a failure. */
int config_to_tree(struct tree *tree, const struct machine_config *config, struct node **user);

#endif
