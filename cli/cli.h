/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PAGEWALK_CLI_CLI_H
#define PAGEWALK_CLI_CLI_H

/*
 * The `pagewalk` command: arguments in, exit status out. The only folder that prints, and the
 * one place where loader, machine, personality, CPU, recorder and trace are put together.
 */

#include <stdbool.h>
#include <stdint.h>

/* As env(1) and shells do; 128 + n for a guest that signal n ended. */
enum exit_status { EXIT_USAGE = 2, EXIT_OURS = 125, EXIT_CANNOT_RUN = 126, EXIT_NOT_FOUND = 127 };

int command_run(int argc, char **argv);
int command_record(int argc, char **argv);
int command_replay(int argc, char **argv);
int command_sweep(int argc, char **argv);
int command_import(int argc, char **argv);
int command_export(int argc, char **argv);
int command_trace(int argc, char **argv);
int command_report(int argc, char **argv);
int command_compare(int argc, char **argv);
int command_query(int argc, char **argv);
int command_curve(int argc, char **argv);
int command_config(int argc, char **argv);
int command_explain(int argc, char **argv);

/* "pagewalk: ..." and a newline on stderr. */
__attribute__((format(printf, 1, 2))) void complain(const char *format, ...);

/* --- values of options (values.c); false: not one --------------------------------------------- */

bool parse_number(const char *text, uint64_t *value); /* 42, 0x2a, 1_000_000 */
bool parse_size(const char *text, uint64_t *bytes);   /* 64M, 4GiB, 8192 */
bool parse_clock(const char *text,
		 int64_t *nanoseconds); /* seconds[.fraction], 2026-01-31[T12:00[:00]][Z] */
bool parse_window(const char *text, uint64_t *from,
		  uint64_t *to); /* FROM:TO, either may be empty */

/* --- text of --help (values.c) ------------------------------------------------------------------ */

/* "FORMAT is one of", a line for each that nth() names, and the end; heap. */
char *list_formats(const char *(*nth)(unsigned n, const char **doc), const char *end);

#endif
