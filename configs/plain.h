/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PAGEWALK_CONFIGS_PLAIN_H
#define PAGEWALK_CONFIGS_PLAIN_H

/*
 * Between the tree that people write and the plain one that libcyaml reads:
 *
 *	tlb:                               tlb:
 *	  l1:                                "*":
 *	    d4k: {page_sizes: [4K],   <->     - name: l1
 *	      ways: full, ...}                  relation: 0
 *	                                        "*":
 *	                                         - {name: d4k, page_sizes: [12], ways: 0, ...}
 *
 * Both directions follow machine_schema and schema_fields; neither knows a field by name.
 */

#include "configs/tree.h"

/*
 * Builds the plain tree, and on the way checks everything that a single value can have wrong:
 * unknown keys, missing values, wrong kinds, ranges, too many of something. PW_INVALID names the
 * place in the user's tree.
 */
int plain_from_user(struct tree *tree, const struct node *user, struct node **plain,
		    struct config_error *error);

/* The other direction; values of a checked machine have no reason to fail. */
int plain_to_user(struct tree *tree, const struct node *plain, struct node **user,
		  struct config_error *error);

#endif
