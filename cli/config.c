/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * `pagewalk config`: which machines there are, what one looks like, whether a file is right, in what
 * two differ.
 */

#include <argp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "configs/loader.h"
#include "emu/machine/config.h"

enum { OVERRIDES_MAX = 64, OPT_SET = 256, OPT_SUMMARY, OPT_TREE };

struct config_options {
	const char *action, *name, *other;
	bool summary, tree;
	const char *set[OVERRIDES_MAX];
	size_t set_count;
};

static const struct argp_option config_argp_options[] = {
	{ "set", OPT_SET, "FIELD=VALUE", 0, "change one field first", 0 },
	{ "summary", OPT_SUMMARY, NULL, 0, "show: a summary instead of the whole description", 0 },
	{ "tree", OPT_TREE, NULL, 0, "show: draw the tree of TLBs, walk caches and caches", 0 },
	{ 0 }
};

static unsigned names_of(const char *action)
{
	if (strcmp(action, "diff") == 0)
		return 2;
	return strcmp(action, "show") == 0 || strcmp(action, "check") == 0;
}

static void check_usage(const struct config_options *options, struct argp_state *state)
{
	unsigned names = options->other ? 2 : options->name ? 1 : 0, wanted;

	if (!options->action ||
	    (names_of(options->action) == 0 && strcmp(options->action, "list") != 0))
		argp_error(state, "config takes list, show NAME, check FILE or diff NAME NAME");
	wanted = names_of(options->action);
	if (names != wanted)
		argp_error(state, "config %s takes %s", options->action,
			   wanted == 0   ? "no name"
			   : wanted == 1 ? "the name of one machine, or a file"
					 : "the names of two machines, or files");
	if (options->tree && (options->summary || strcmp(options->action, "show") != 0))
		argp_error(state, "--tree goes with show, and without --summary");
}

static error_t parse_config(int key, char *arg, struct argp_state *state)
{
	struct config_options *options = state->input;

	switch (key) {
	case OPT_SET:
		if (options->set_count == OVERRIDES_MAX)
			argp_error(state, "more than %d of --set", OVERRIDES_MAX);
		options->set[options->set_count++] = arg;
		return 0;
	case OPT_SUMMARY:
		options->summary = true;
		return 0;
	case OPT_TREE:
		options->tree = true;
		return 0;
	case ARGP_KEY_ARG:
		if (!options->action)
			options->action = arg;
		else if (!options->name)
			options->name = arg;
		else if (!options->other)
			options->other = arg;
		else
			argp_error(state, "two machines at most");
		return 0;
	case ARGP_KEY_END:
		check_usage(options, state);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static int print_machine(void *ctx, const char *name, const char *description)
{
	(void)ctx;
	printf("%-18s %s\n", name, description);
	return 0;
}

static int load(const struct config_options *options, const char *name,
		struct machine_config *config)
{
	struct config_error error;

	if (config_load_with(config, name, options->set, options->set_count, &error) == 0)
		return 0;
	complain("%s", error.text);
	return EXIT_OURS;
}

static int print(int failed, char *text)
{
	if (failed) {
		complain("out of memory");
		return EXIT_OURS;
	}
	fputs(text, stdout);
	free(text);
	return 0;
}

static int show(const struct config_options *options)
{
	struct machine_config config;
	int status = load(options, options->name, &config);
	char *text = NULL;
	int failed;

	if (status)
		return status;
	if (options->tree)
		failed = config_draw(&config, &text);
	else if (options->summary)
		failed = config_describe(&config, &text);
	else
		failed = config_render(&config, &text);
	return print(failed, text);
}

/* As diff(1): 1 when they differ. */
static int diff(const struct config_options *options)
{
	struct machine_config a, b;
	char *text = NULL;
	int failed;
	bool differ;

	if (load(options, options->name, &a) || load(options, options->other, &b))
		return EXIT_OURS;
	failed = config_diff(&a, &b, &text);
	differ = !failed && *text != '\0';
	if (print(failed, text))
		return EXIT_OURS;
	return differ;
}

static int check(const struct config_options *options)
{
	struct machine_config config;
	int status = load(options, options->name, &config);

	if (!status)
		printf("%s: describes the machine %s\n", options->name, config.name);
	return status;
}

int command_config(int argc, char **argv)
{
	const struct argp argp = { config_argp_options,
				   parse_config,
				   "list|show NAME|check FILE|diff NAME NAME",
				   "Lists, shows, checks and compares machine descriptions.\v"
				   "The exit status of diff is 1 when the machines differ.",
				   NULL,
				   NULL,
				   NULL };
	struct config_options options = { 0 };

	argp_err_exit_status = EXIT_USAGE;
	argv[0] = (char *)"pagewalk config";
	argp_parse(&argp, argc, argv, 0, NULL, &options);
	if (strcmp(options.action, "list") == 0)
		return config_list(print_machine, NULL) ? EXIT_OURS : 0;
	if (strcmp(options.action, "diff") == 0)
		return diff(&options);
	return strcmp(options.action, "show") == 0 ? show(&options) : check(&options);
}
