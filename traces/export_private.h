/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PAGEWALK_TRACES_EXPORT_PRIVATE_H
#define PAGEWALK_TRACES_EXPORT_PRIVATE_H

/* Between export.c, which finds instructions, and the formats, which write them. */

#include "traces/export.h"

struct export_access {
	va_t va, pc; /* pc 0: not recorded */
	uint32_t bytes;
	bool store;
};

struct export_instruction {
	va_t ip;
	uint32_t bytes; /* 0: there is none, only accesses */
	bool jumps;     /* what follows is elsewhere */
	const struct export_access *access;
	uint32_t access_count;
};

struct export_format {
	const char *name, *doc;
	/* What was written is counted in the result; a failure stays in the stream. */
	void (*write)(FILE *out, const struct export_instruction *instruction,
		      struct trace_export_result *result);
};
extern const struct export_format export_lackey, export_din, export_champsim;

#endif
