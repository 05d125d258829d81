/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * `pagewalk replay`: machines driven by a trace. Every combination of the machines, memory sizes and
 * policies that were named is one.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/replay_set.h"
#include "cli/session.h"
#include "configs/text.h"
#include "traces/trace.h"

enum { NAME_MAX_BYTES = 256 };

struct choice {
	const char *machine, *ram, *policy; /* as given; NULL: not */
};

struct replay_run {
	const struct run_options *options;
	struct replay_point *point;
	struct replay_setting (*setting)[2];
	char (*name)[NAME_MAX_BYTES];
	char (*ram)[TEXT_SIZE_MAX];
	size_t count;
	bool show_progress;
};

/* --- what is to be replayed ------------------------------------------------------------------ */

/* Nothing given counts as one. */
static unsigned count_of(const struct option_list *list)
{
	return list->count ? list->count : 1;
}

static const char *nth(const struct option_list *list, size_t n)
{
	return list->count ? list->item[n] : NULL;
}

static struct choice choice_of(const struct run_options *options, size_t n)
{
	unsigned policies = count_of(&options->policies), rams = count_of(&options->rams);
	struct choice choice = { .machine = nth(&options->machines, n / policies / rams),
				 .ram = nth(&options->rams, n / policies % rams),
				 .policy = nth(&options->policies, n % policies) };

	if (!choice.machine)
		choice.machine = options->machine;
	return choice;
}

static int resolve(struct replay_run *run, size_t n)
{
	struct replay_point *point = &run->point[n];
	struct choice choice = choice_of(run->options, n);
	struct run_options options = *run->options;
	bool rams = options.rams.count > 1, policies = options.policies.count > 1;

	options.machine = choice.machine;
	options.policy = choice.policy;
	if (choice.ram)
		parse_size(choice.ram, &options.ram_bytes);
	config_text_size(run->ram[n], options.ram_bytes);
	snprintf(run->name[n], sizeof(run->name[n]), "%s%s%s%s%s", choice.machine,
		 rams ? " --ram " : "", rams ? choice.ram : "", policies ? " --policy " : "",
		 policies ? choice.policy : "");
	point->name = run->name[n];
	point->setting = run->setting[n];
	if (rams)
		run->setting[n][point->setting_count++] =
			(struct replay_setting){ "kernel.ram_bytes", run->ram[n] };
	if (policies)
		run->setting[n][point->setting_count++] =
			(struct replay_setting){ "kernel.reclaim.policy", choice.policy };
	return session_resolve(&point->config, &options);
}

static int list_points(struct replay_run *run)
{
	const struct run_options *options = run->options;

	run->count = (size_t)count_of(&options->machines) * count_of(&options->rams) *
		     count_of(&options->policies);
	run->point = calloc(run->count, sizeof(*run->point));
	run->setting = calloc(run->count, sizeof(*run->setting));
	run->name = calloc(run->count, sizeof(*run->name));
	run->ram = calloc(run->count, sizeof(*run->ram));
	if (!run->point || !run->setting || !run->name || !run->ram) {
		complain("out of memory");
		return EXIT_OURS;
	}
	for (size_t i = 0; i < run->count; i++)
		if (resolve(run, i))
			return EXIT_OURS;
	return 0;
}

static void release(struct replay_run *run)
{
	free(run->point);
	free(run->setting);
	free(run->name);
	free(run->ram);
}

/* --- what is said ---------------------------------------------------------------------------- */

static void clear_line(const struct replay_run *run)
{
	if (run->show_progress)
		fputs("\r\033[K", stderr);
}

static void show(void *ctx, const struct replay_progress *progress)
{
	struct replay_run *run = ctx;

	if (!run->show_progress)
		return;
	fprintf(stderr, "\r%zu of %zu machines, %.1f M accesses/s\033[K", progress->finished,
		progress->count, (double)progress->accesses / progress->seconds * 1e-6);
	fflush(stderr);
}

static void warn(void *ctx, const char *text)
{
	clear_line(ctx);
	complain("%s", text);
}

static void tell(void *ctx, const struct replay_point *point)
{
	const struct replay_run *run = ctx;

	clear_line(run);
	replay_point_complain(point, run->count > 1);
	if (!run->options->quiet && point->outcome == REPLAY_DONE)
		complain("%s: %llu instructions, %llu loads and stores; 'pagewalk report %s %lld' "
			 "says what they cost",
			 point->name, (unsigned long long)point->instructions,
			 (unsigned long long)point->accesses, run->options->db,
			 (long long)point->run);
}

/* --- the command ----------------------------------------------------------------------------- */

static int replay(struct run_options *options)
{
	struct replay_run run = { .options = options,
				  .show_progress = !options->quiet && isatty(STDERR_FILENO) };
	int status = list_points(&run);
	struct replay_set set = { .trace = options->trace,
				  .options = options,
				  .point = run.point,
				  .count = run.count,
				  .jobs = options->jobs,
				  .whole = run.count > 1,
				  .entered = tell,
				  .progress = show,
				  .warn = warn,
				  .ctx = &run };

	if (!status)
		status = replay_set_run(&set);
	clear_line(&run);
	free(set.warned);
	release(&run);
	return status;
}

int command_replay(int argc, char **argv)
{
	static struct run_options options;
	struct trace_reader *reader = NULL;
	struct trace_error error;

	replay_options_parse(&options, argc, argv);
	if (trace_reader_open(&reader, options.trace, &error)) {
		complain("%s", error.text);
		return EXIT_OURS;
	}
	session_follow_trace(&options, reader);
	trace_reader_close(reader);
	return replay(&options);
}
