/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The same with twenty times as many seeds. */
#define ROUNDS 20
#include "tests/unit/test_kernel_pressure.c"
