/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * x86's access rights and error codes, rule by rule as the manual lists them (Intel SDM 3A,
 * "Determination of Access Rights" and "Page-Fault Exceptions", December 2023). The test states
 * each rule by itself, so it is written differently from the code it holds.
 */

#include "mmu/page_table.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum { R = PERM_READ, W = PERM_WRITE, X = PERM_EXEC, U = PERM_USER };

static const struct mmu_controls all_on = { true, true, true, true };
static const struct mmu_controls all_off = { false, false, false, false };

static void access_rights_of_user_mode(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		const struct mmu_controls *c = i ? &all_on : &all_off;

		/* Data may be read from any user-mode address, never from a supervisor-mode one. */
		assert_true(access_allowed(c, MODE_USER, ACCESS_READ, R | U));
		assert_false(access_allowed(c, MODE_USER, ACCESS_READ, R | W | X));
		/* Written with R/W in all entries; CR0.WP does not matter. */
		assert_true(access_allowed(c, MODE_USER, ACCESS_WRITE, R | W | U));
		assert_false(access_allowed(c, MODE_USER, ACCESS_WRITE, R | U));
		assert_false(access_allowed(c, MODE_USER, ACCESS_WRITE, R | W));
		assert_true(access_allowed(c, MODE_USER, ACCESS_FETCH, R | X | U));
		assert_false(access_allowed(c, MODE_USER, ACCESS_FETCH, R | W | U));
		assert_false(access_allowed(c, MODE_USER, ACCESS_FETCH, R | X));
	}
}

static void access_rights_of_supervisor_data(void **state)
{
	struct mmu_controls c = all_off;

	(void)state;
	assert_true(access_allowed(&c, MODE_SUPERVISOR, ACCESS_READ, R));
	assert_true(access_allowed(&c, MODE_SUPERVISOR, ACCESS_WRITE, R));
	assert_true(access_allowed(&c, MODE_SUPERVISOR, ACCESS_WRITE, R | U));
	c.write_protect = true;
	assert_false(access_allowed(&c, MODE_SUPERVISOR, ACCESS_WRITE, R));
	assert_false(access_allowed(&c, MODE_SUPERVISOR, ACCESS_WRITE, R | U));
	assert_true(access_allowed(&c, MODE_SUPERVISOR, ACCESS_WRITE, R | W | U));
	c.smap = true;
	assert_false(access_allowed(&c, MODE_SUPERVISOR, ACCESS_READ, R | U));
	assert_false(access_allowed(&c, MODE_SUPERVISOR, ACCESS_WRITE, R | W | U));
	assert_true(access_allowed(&c, MODE_SUPERVISOR_AC, ACCESS_READ, R | U));
	assert_true(access_allowed(&c, MODE_SUPERVISOR_AC, ACCESS_WRITE, R | W | U));
	assert_false(access_allowed(&c, MODE_SUPERVISOR_AC, ACCESS_WRITE, R | U));
	assert_true(access_allowed(&c, MODE_SUPERVISOR, ACCESS_READ, R));
	/* SMAP holds whatever CR0.WP is. */
	c.write_protect = false;
	assert_false(access_allowed(&c, MODE_SUPERVISOR, ACCESS_WRITE, R | W | U));
	assert_true(access_allowed(&c, MODE_SUPERVISOR_AC, ACCESS_WRITE, R | U));
}

static void access_rights_of_supervisor_fetches(void **state)
{
	struct mmu_controls c = all_off;

	(void)state;
	assert_true(access_allowed(&c, MODE_SUPERVISOR, ACCESS_FETCH, R | X | U));
	assert_false(access_allowed(&c, MODE_SUPERVISOR, ACCESS_FETCH, R | W));
	c.smap = true; /* is about data only */
	assert_true(access_allowed(&c, MODE_SUPERVISOR, ACCESS_FETCH, R | X | U));
	c.smep = true;
	assert_false(access_allowed(&c, MODE_SUPERVISOR, ACCESS_FETCH, R | X | U));
	assert_false(access_allowed(&c, MODE_SUPERVISOR_AC, ACCESS_FETCH, R | X | U));
	assert_true(access_allowed(&c, MODE_SUPERVISOR, ACCESS_FETCH, R | X));
}

static void access_rights_error_codes(void **state)
{
	const struct mmu_controls smep_only = { .smep = true };

	(void)state;
	/* Bit 0 P, 1 W/R, 2 U/S, 3 RSVD, 4 I/D. */
	assert_int_equal(x86_error_code(&all_on, MODE_SUPERVISOR, ACCESS_READ, FAULT_NOT_PRESENT),
			 0);
	assert_int_equal(x86_error_code(&all_on, MODE_SUPERVISOR, ACCESS_READ, FAULT_PROTECTION),
			 1);
	assert_int_equal(x86_error_code(&all_on, MODE_USER, ACCESS_WRITE, FAULT_NOT_PRESENT), 6);
	assert_int_equal(x86_error_code(&all_on, MODE_USER, ACCESS_WRITE, FAULT_PROTECTION), 7);
	assert_int_equal(x86_error_code(&all_on, MODE_USER, ACCESS_READ, FAULT_RESERVED), 13);
	assert_int_equal(x86_error_code(&all_on, MODE_SUPERVISOR_AC, ACCESS_WRITE, FAULT_RESERVED),
			 11);
	assert_int_equal(x86_error_code(&all_on, MODE_USER, ACCESS_FETCH, FAULT_PROTECTION), 21);
	/* I/D only with NXE or SMEP. */
	assert_int_equal(x86_error_code(&all_off, MODE_USER, ACCESS_FETCH, FAULT_NOT_PRESENT), 4);
	assert_int_equal(x86_error_code(&smep_only, MODE_USER, ACCESS_FETCH, FAULT_NOT_PRESENT),
			 20);
	/* #GP(0). */
	assert_int_equal(x86_error_code(&all_on, MODE_USER, ACCESS_WRITE, FAULT_NON_CANONICAL), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(access_rights_of_user_mode),
		cmocka_unit_test(access_rights_of_supervisor_data),
		cmocka_unit_test(access_rights_of_supervisor_fetches),
		cmocka_unit_test(access_rights_error_codes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
