/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PAGEWALK_MMU_LEDGER_H
#define PAGEWALK_MMU_LEDGER_H

/*
 * The cycle ledger: total = base + data + translation + os, by cause. In order, blocking, one
 * hardware thread; nothing in it assumes overlap.
 *
 * Only mmu_access() and what it calls write the TRANSLATION and DATA lines, only emu/kernel the
 * OS lines, only emu/machine the BASE line. There is no stored total: it is the sum.
 */

#include "mmu/types.h"

enum charge {
#define CHARGE(ID, name, part, doc) CHARGE_##ID,
#include "mmu/event.def"
	CHARGE_COUNT
};

enum ledger_part { PART_BASE, PART_DATA, PART_TRANSLATION, PART_OS, LEDGER_PART_COUNT };

struct charge_info {
	const char *name;
	enum ledger_part part;
	const char *doc;
};
extern const struct charge_info charge_infos[CHARGE_COUNT];
extern const char *const ledger_part_names[LEDGER_PART_COUNT];

struct ledger {
	cycles_t line[CHARGE_COUNT];
};

static inline void ledger_charge(struct ledger *ledger, enum charge cause, cycles_t cycles)
{
	ledger->line[cause] += cycles;
}
cycles_t ledger_total(const struct ledger *ledger);
cycles_t ledger_part(const struct ledger *ledger, enum ledger_part part);

#endif
