/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Every page-table format. A line here enters a format in machine descriptions and in tests/conform. */

#include "mmu/page_table.h"
#include "mmu/pt_formats_private.h"

#include <string.h>

const struct pt_ops *const pt_formats[] = {
	&pt_radix_ops,   &pt_hashed_ops,   &pt_open_ops,   &pt_clustered_ops,
	&pt_pa_risc_ops, &pt_inverted_ops, &pt_cuckoo_ops, &pt_linear_ops,
	&pt_htab_ops,    &pt_tsb_ops,      &pt_vhpt_ops,   NULL,
};

const char pt_format_names[] =
	"one of radix, hashed, open, clustered, pa_risc, inverted, cuckoo, linear, htab, tsb, vhpt";

uint64_t pt_page_sizes(const struct pt_config *config)
{
	const struct pt_ops *ops = pt_format_find(config->format);

	return ops && ops->page_sizes ? ops->page_sizes(config) : FRAME_BYTES;
}

const struct pt_ops *pt_format_find(const char *name)
{
	for (const struct pt_ops *const *ops = pt_formats; *ops; ops++)
		if (strcmp((*ops)->name, name) == 0)
			return *ops;
	return NULL;
}
