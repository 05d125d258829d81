/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The registry of entry encodings. An architecture enters one line. */

#include "mmu/radix_entry.h"

#include <string.h>

static radix_encoding_fn *const encodings[RADIX_ENTRY_COUNT] = {
	[RADIX_ENTRY_X86_64] = radix_encoding_x86,
};

uint64_t perm_tests_encode(const struct perm_tests *tests, uint64_t raw, uint8_t perms)
{
	raw = bit_test_set(tests->read, raw, perms & PERM_READ);
	raw = bit_test_set(tests->write, raw, perms & PERM_WRITE);
	raw = bit_test_set(tests->exec, raw, perms & PERM_EXEC);
	return bit_test_set(tests->user, raw, perms & PERM_USER);
}

int radix_encoding_init(struct radix_encoding *encoding, const struct radix_config *config,
			const uint8_t *page_lg2, struct config_complaint *complaint)
{
	memset(encoding, 0, sizeof(*encoding));
	if ((unsigned)config->entry >= RADIX_ENTRY_COUNT) {
		strcpy(complaint->field, "page_table.radix.entry");
		complaint->must_be = "a known entry encoding, such as x86-64";
		return PW_INVALID;
	}
	return encodings[config->entry](encoding, config, page_lg2, complaint);
}
