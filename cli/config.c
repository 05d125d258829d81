/* SPDX-License-Identifier: GPL-2.0-or-later */

/* `pagewalk config`: which machines there are, what one looks like, whether a file is right. */

#include <argp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "configs/loader.h"
#include "emu/machine/config.h"

enum { OVERRIDES_MAX = 64, OPT_SET = 256, OPT_SUMMARY };

struct config_options {
	const char *action, *name;
	bool summary;
	const char *set[OVERRIDES_MAX];
	size_t set_count;
};

static const struct argp_option config_argp_options[] = {
	{ "set", OPT_SET, "FIELD=VALUE", 0, "change one field first", 0 },
	{ "summary", OPT_SUMMARY, NULL, 0, "show: a summary instead of the whole description", 0 },
	{ 0 }
};

static bool needs_name(const char *action)
{
	return strcmp(action, "show") == 0 || strcmp(action, "check") == 0;
}

static void check_usage(const struct config_options *options, struct argp_state *state)
{
	if (!options->action ||
	    (!needs_name(options->action) && strcmp(options->action, "list") != 0))
		argp_error(state, "config takes list, show NAME or check FILE");
	if (needs_name(options->action) && !options->name)
		argp_error(state, "config %s takes the name of a machine or a file",
			   options->action);
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
	case ARGP_KEY_ARG:
		if (!options->action)
			options->action = arg;
		else if (!options->name)
			options->name = arg;
		else
			argp_error(state, "one machine at a time");
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

static int load(const struct config_options *options, struct machine_config *config)
{
	struct config_error error;

	if (config_load_with(config, options->name, options->set, options->set_count, &error) == 0)
		return 0;
	complain("%s", error.text);
	return EXIT_OURS;
}

static int show(const struct config_options *options)
{
	struct machine_config config;
	int status = load(options, &config);
	char *text;

	if (status)
		return status;
	if (options->summary ? config_describe(&config, &text) : config_render(&config, &text)) {
		complain("out of memory");
		return EXIT_OURS;
	}
	fputs(text, stdout);
	free(text);
	return 0;
}

static int check(const struct config_options *options)
{
	struct machine_config config;
	int status = load(options, &config);

	if (!status)
		printf("%s: describes the machine %s\n", options->name, config.name);
	return status;
}

int command_config(int argc, char **argv)
{
	const struct argp argp = { config_argp_options,
				   parse_config,
				   "list|show NAME|check FILE",
				   "Lists, shows and checks machine descriptions.",
				   NULL,
				   NULL,
				   NULL };
	struct config_options options = { 0 };

	argp_err_exit_status = EXIT_USAGE;
	argv[0] = (char *)"pagewalk config";
	argp_parse(&argp, argc, argv, 0, NULL, &options);
	if (strcmp(options.action, "list") == 0)
		return config_list(print_machine, NULL) ? EXIT_OURS : 0;
	return strcmp(options.action, "show") == 0 ? show(&options) : check(&options);
}
