/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Finds the subcommand. */

#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"

static const struct command {
	const char *name, *doc;
	int (*run)(int argc, char **argv);
} commands[] = {
	{ "run", "run a program on a modelled machine and record what it cost", command_run },
	{ "record", "run a program and write a trace of it, without a database", command_record },
	{ "replay", "drive a machine with a recorded trace", command_replay },
	{ "sweep", "drive every machine of a specification with a recorded trace", command_sweep },
	{ "trace", "what a trace holds; print or cut it", command_trace },
	{ "curve", "misses against TLB size, from one pass over a trace", command_curve },
	{ "import", "make a trace from one of another tool", command_import },
	{ "export", "write a trace as another tool reads it", command_export },
	{ "report", "print a summary of a recorded run", command_report },
	{ "compare", "show recorded runs side by side", command_compare },
	{ "query", "ask a database, in SQL or by name", command_query },
	{ "explain", "draw the translation of one address, step by step", command_explain },
	{ "config", "list, show, check and compare machine descriptions", command_config },
};

enum { COMMAND_COUNT = sizeof(commands) / sizeof(commands[0]) };

void complain(const char *format, ...)
{
	va_list args;

	fflush(stdout);
	fputs("pagewalk: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
}

static void usage(FILE *to)
{
	fputs("usage: pagewalk COMMAND [OPTION...] [--] ARGUMENT...\n"
	      "Runs real x86 Linux programs on a modelled MMU.\n\n",
	      to);
	for (unsigned i = 0; i < COMMAND_COUNT; i++)
		fprintf(to, "  %-8s %s\n", commands[i].name, commands[i].doc);
	fputs("\nA first run:\n"
	      "  pagewalk run -- ls -l /\n"
	      "  pagewalk report pagewalk.db\n\n"
	      "'pagewalk COMMAND --help' explains a command; the manual is pagewalk(1).\n",
	      to);
}

/*
 * Descriptors 0 to 2 are the guest's. One that is closed must not go to a file of ours, or the
 * guest would write into it: a descriptor that only names a place (O_PATH) answers reads and writes
 * with EBADF, as a closed one does.
 */
static void reserve_standard_streams(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0)
			open("/", O_PATH); /* takes the lowest one that is free: fd */
}

int main(int argc, char **argv)
{
	reserve_standard_streams();
	signal(SIGXFSZ, SIG_IGN); /* a file that may not grow is an error, as a full disk is */
	if (argc < 2) {
		usage(stderr);
		return EXIT_USAGE;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0) {
		usage(stdout);
		return 0;
	}
	if (strcmp(argv[1], "--version") == 0) {
		puts("pagewalk " PAGEWALK_VERSION);
		return 0;
	}
	for (unsigned i = 0; i < COMMAND_COUNT; i++)
		if (strcmp(argv[1], commands[i].name) == 0)
			return commands[i].run(argc - 1, argv + 1);
	complain("no such command: %s ('pagewalk --help' lists them)", argv[1]);
	return EXIT_USAGE;
}
