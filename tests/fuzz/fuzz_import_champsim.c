/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "tests/fuzz/fuzz_import.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	fuzz_import("champsim", data, size);
	return 0;
}
