/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The lines of the cycle ledger by name; the list itself is event.def. */

#include "mmu/ledger.h"

const struct charge_info charge_infos[CHARGE_COUNT] = {
#define CHARGE(ID, name, part, doc) { #name, PART_##part, doc },
#include "mmu/event.def"
};

const char *const ledger_part_names[LEDGER_PART_COUNT] = {
	[PART_BASE] = "base",
	[PART_DATA] = "data",
	[PART_TRANSLATION] = "translation",
	[PART_OS] = "os",
};

cycles_t ledger_total(const struct ledger *ledger)
{
	cycles_t total = 0;

	for (unsigned i = 0; i < CHARGE_COUNT; i++)
		total += ledger->line[i];
	return total;
}

cycles_t ledger_part(const struct ledger *ledger, enum ledger_part part)
{
	cycles_t total = 0;

	for (unsigned i = 0; i < CHARGE_COUNT; i++)
		if (charge_infos[i].part == part)
			total += ledger->line[i];
	return total;
}
