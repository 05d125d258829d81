/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Messages for people: see error.h. */

#include "analysis/error.h"

#include <stdarg.h>
#include <stdio.h>

int record_error_set(struct record_error *error, int code, const char *format, ...)
{
	va_list arguments;

	if (!error)
		return code;
	va_start(arguments, format);
	vsnprintf(error->text, sizeof(error->text), format, arguments);
	va_end(arguments);
	/* Pieces of SQL and of paths must not break the line, or the terminal. */
	for (char *c = error->text; *c; c++)
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			*c = ' ';
	return code;
}
