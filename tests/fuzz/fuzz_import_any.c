/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Compressed inputs, and inputs whose format is guessed. */

#include "tests/fuzz/fuzz_import.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	fuzz_import(NULL, data, size);
	return 0;
}
