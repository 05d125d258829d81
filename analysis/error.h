/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PAGEWALK_ANALYSIS_ERROR_H
#define PAGEWALK_ANALYSIS_ERROR_H

/*
 * What went wrong, for people. Functions of analysis/ return a negative enum pw_error and fill one
 * of these: a sentence without a newline that names the file and, where there is one, the remedy.
 */

#include "mmu/error.h"

struct record_error {
	char text[768];
};

/* Formats into *error (NULL: nowhere) and returns `code`, so that callers can return it. */
__attribute__((format(printf, 3, 4))) int record_error_set(struct record_error *error, int code,
							   const char *format, ...);

#endif
