/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "mmu/ledger.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

/* A different power of two on each line: a sum tells which lines are in it. */
static void ledger_parts_sum_to_the_total(void **state)
{
	struct ledger ledger = { { 0 } };
	cycles_t parts = 0;

	(void)state;
	assert_int_equal(ledger_total(&ledger), 0);
	for (unsigned i = 0; i < CHARGE_COUNT; i++) {
		ledger_charge(&ledger, i, (cycles_t)1 << i);
		ledger_charge(&ledger, i, 0);
	}
	assert_int_equal(ledger_total(&ledger), ((cycles_t)1 << CHARGE_COUNT) - 1);
	for (unsigned part = 0; part < LEDGER_PART_COUNT; part++) {
		cycles_t sum = ledger_part(&ledger, part);

		assert_int_equal(parts & sum, 0); /* no line in two parts */
		parts |= sum;
	}
	assert_int_equal(parts, ledger_total(&ledger));
	assert_int_equal(ledger_part(&ledger, PART_BASE), (cycles_t)1 << CHARGE_BASE);
	assert_int_equal(ledger_part(&ledger, PART_DATA), (cycles_t)1 << CHARGE_DATA);
	assert_true(ledger_part(&ledger, PART_TRANSLATION) & (cycles_t)1 << CHARGE_WALK_FAULTING);
	assert_true(ledger_part(&ledger, PART_OS) & (cycles_t)1 << CHARGE_FAULT_ENTRY);
}

/* Scripts use the names: each has one, and no two are alike. */
static void ledger_lines_have_names(void **state)
{
	(void)state;
	for (unsigned i = 0; i < CHARGE_COUNT; i++) {
		assert_non_null(charge_infos[i].name);
		assert_true(strlen(charge_infos[i].doc) > 0);
		for (unsigned j = 0; j < i; j++)
			assert_string_not_equal(charge_infos[i].name, charge_infos[j].name);
	}
	assert_string_equal(charge_infos[CHARGE_WALK_REF].name, "walk_ref");
	assert_string_equal(ledger_part_names[charge_infos[CHARGE_WALK_REF].part], "translation");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ledger_parts_sum_to_the_total),
		cmocka_unit_test(ledger_lines_have_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
