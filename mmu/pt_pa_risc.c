/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * A PA-RISC hashed page table: the first entry of each chain lies in the table itself, where the
 * hardware probes it; the others lie in a collision-resolution table, and a handler walks them.
 *
 *   table[hash(space, page)]: node ─> node ─> node ─> 0       node, 32 bytes: see pt_hashed.c
 *   probed by the hardware    └── by software, once trapped ─┘
 *
 * A walk reads the node in the table (1 reference). Without its tag there, it traps
 * (TRAP_TLB_REFILL: trap_latency, handler_instructions) and the handler's loads follow, one a
 * node; it also traps when there is no other node, for only the handler finds that out.
 * `hardware_probes` is how many nodes come before the trap: 1 as Huck & Hays describe, 0 for a TLB
 * refilled by software alone, as Jacob & Mudge simulate it (their handler: 20 instructions and a
 * variable number of loads).
 *
 * The space identifier is our ASID. With hash: xor, table index = low bits of (page ^ ASID << 4),
 * in the way of these machines; which bits a given one folds differs.
 *
 * Deletion of a first node moves the second up into the table. The table doubles when a new page
 * would exceed max_load (pt_chain.c); HP-UX sizes it once, after the memory: max_load 0.
 *
 * Not modelled: protection identifiers, the table base and space registers, A and D by software (the
 * walk, by hardware or handler, sets them), the handler's instruction fetches.
 *
 * Source: Huck & Hays, "Architectural Support for Translation Table Management in Large Address Space
 * Machines" (ISCA 1993); Jacob & Mudge, "A Look at Several Memory Management Units,
 * TLB-Refill Mechanisms, and Page Table Organizations" (ASPLOS 1998).
 */

#include "mmu/pt_chain_private.h"
#include "mmu/pt_formats_private.h"

enum { HANDLER_MAX = 100000, PROBES_MAX = 1000 };

static int geometry(const struct pt_config *config, struct chain_table *chain,
		    struct config_complaint *complaint)
{
	const char *section = "page_table.pa_risc";

	if (config->pa_risc.hardware_probes > PROBES_MAX)
		return hash_complain(complaint, section, "hardware_probes", "from 0 to 1000");
	if (config->pa_risc.handler_instructions > HANDLER_MAX)
		return hash_complain(complaint, section, "handler_instructions",
				     "from 0 to 100000");
	*chain = (struct chain_table){
		.node_bytes = 32,
		.inline_head = true,
		.hardware_nodes = config->pa_risc.hardware_probes,
		.handler_instructions = config->pa_risc.handler_instructions,
	};
	return hash_configure(&chain->hash, &config->pa_risc, section, complaint);
}

static int pa_risc_config_check(const struct pt_config *config, struct config_complaint *complaint)
{
	struct chain_table chain;

	return geometry(config, &chain, complaint);
}

static int pa_risc_create(struct page_table *pt, struct config_complaint *complaint)
{
	struct chain_table chain;
	int error = geometry(&pt->config, &chain, complaint);

	return error ? error : chain_create(pt, &chain);
}

const struct pt_ops pt_pa_risc_ops = {
	.name = "pa_risc",
	.doc = "a hashed table of first entries for the hardware, chains for a handler",
	.config_check = pa_risc_config_check,
	.create = pa_risc_create,
	CHAIN_OPS,
};
