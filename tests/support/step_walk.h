/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PAGEWALK_TESTS_SUPPORT_STEP_WALK_H
#define PAGEWALK_TESTS_SUPPORT_STEP_WALK_H

/*
 * A walk step by step, as the core does it but for the charges: to hold a format's probe to its
 * walk, to count references, and to see that a walk looks at nothing but what it asked for (each
 * read is handed over in a buffer that is poisoned beyond). Asserts that no reference crosses a cache
 * line. Write-backs change nothing; the first `lost` of them are answered as lost.
 */

#include "mmu/page_table.h"

struct step_walk {
	enum walk_step end; /* WALK_LEAF, WALK_FAULT; WALK_CALL: not followed, nothing else holds */
	struct translation leaf;
	unsigned fault, level;
	unsigned refs, writes, traps, instructions;
};

void step_walk(const struct walk_input *input, unsigned lost, struct step_walk *walk);

#endif
