/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "cli/session.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "configs/loader.h"
#include "configs/text.h"
#include "mmu/fnv1a.h"
#include "traces/trace.h"

void session_say(struct session *s, const char *format, ...)
{
	size_t used = s->said ? strlen(s->said) : 0;
	char text[768];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (!s->said)
		complain("%s", text);
	else
		snprintf(s->said + used, s->said_room - used, "%s%s", used ? "\n" : "", text);
}

/* --- the machine ----------------------------------------------------------------------------- */

void session_follow_trace(struct run_options *options, const struct trace_reader *reader)
{
	options->trace_is_read = true;
	/* The machine draws from the seed too (random replacement). */
	options->seed = trace_reader_number(reader, "seed", options->seed);
	/* What mmap(2) answered rests on the pools: part of the guest contract. */
	options->hugetlb_2m = trace_reader_number(reader, "hugetlb_2m", 0);
	options->hugetlb_1g = trace_reader_number(reader, "hugetlb_1g", 0);
}

int session_resolve(struct machine_config *config, const struct run_options *options)
{
	struct config_error error;

	if (config_load_with(config, options->machine, options->set.item, options->set.count,
			     &error)) {
		complain("%s", error.text);
		return EXIT_OURS;
	}
	if (options->ram_bytes)
		config->kernel.ram_bytes = options->ram_bytes;
	if (options->has_fragment)
		config->kernel.fragment_percent = options->fragment_percent;
	if (options->swap_bytes)
		config->kernel.swap.bytes = options->swap_bytes;
	if (options->policy)
		snprintf(config->kernel.reclaim.policy, sizeof(config->kernel.reclaim.policy), "%s",
			 options->policy);
	if (options->has_thp)
		config->kernel.thp = options->thp;
	if (options->trace_is_read) {
		config->kernel.hugetlb_2m = options->hugetlb_2m;
		config->kernel.hugetlb_1g = options->hugetlb_1g;
	}
	config->mmu.seed = options->seed;
	config->kernel.fragment_seed += options->seed;
	return 0;
}

/* What a policy needs that nobody here has. */
static int check_policy(struct session *s)
{
	const char *policy = s->config.kernel.reclaim.policy;

	if (strcmp(policy, "opt") == 0 && !s->options->trace_is_read) {
		session_say(s,
			    "%s: policy opt knows the future: no program that runs can tell it; "
			    "record a trace and replay it",
			    s->name);
		return EXIT_OURS;
	}
	if (kernel_wants_accesses(s->machine->kernel) && s->options->no_measure) {
		session_say(s, "%s: policy %s is told of each access: not with --no-measure",
			    s->name, policy);
		return EXIT_OURS;
	}
	return 0;
}

int session_build(struct session *s, const struct run_options *options,
		  const struct machine_config *config, const char *name)
{
	struct config_complaint complaint = { .must_be = NULL };
	int error;

	s->options = options;
	s->name = name;
	s->config = *config;
	error = machine_create(&s->machine, &s->config, &host_alloc_libc, &complaint);
	if (!error)
		return check_policy(s);
	if (complaint.must_be)
		session_say(s, "%s: %s must be %s", s->name, complaint.field, complaint.must_be);
	else if (error == PW_NOFRAMES)
		session_say(s,
			    "%s: %llu KiB of RAM do not hold the machine's own tables and what "
			    "kernel.hugetlb_2m and hugetlb_1g set aside: give it more with --ram",
			    s->name, (unsigned long long)(s->config.kernel.ram_bytes >> 10));
	else
		session_say(s, "%s: the host refuses the memory for this machine (--ram)", s->name);
	return EXIT_OURS;
}

int session_create(struct session *s, const struct run_options *options)
{
	struct machine_config config;

	memset(s, 0, sizeof(*s));
	if (session_resolve(&config, options))
		return EXIT_OURS;
	return session_build(s, options, &config, options->machine);
}

void session_destroy(struct session *s)
{
	record_destroy(s->record);
	machine_destroy(s->machine);
}

/* --- the record ------------------------------------------------------------------------------ */

static void enumerate(void *source, counter_visit_fn *visit, void *ctx)
{
	machine_visit_counters(source, visit, ctx);
}

static struct record_counters counters_now(struct session *s)
{
	return (struct record_counters){ s->machine->counters.instructions, &s->machine->ledger,
					 enumerate, s->machine };
}

static void ring_epoch(void *ctx, struct machine_alarm *alarm)
{
	struct session *s = ctx;
	struct record_counters now;

	(void)alarm;
	machine_drain(s->machine);
	now = counters_now(s);
	if (record_epoch(s->record, &now) && !s->record_failed) {
		s->record_failed = true;
		session_say(s, "%s: recording has failed and stops; the program goes on",
			    s->options->db);
	}
	machine_events_changed(s->machine);
}

static void set_window(struct session *s, bool open)
{
	event_queue_flush(&s->machine->events);
	record_window(s->record, open);
	machine_events_changed(s->machine);
}

static void ring_window_open(void *ctx, struct machine_alarm *alarm)
{
	(void)alarm;
	set_window(ctx, true);
}

static void ring_window_close(void *ctx, struct machine_alarm *alarm)
{
	(void)alarm;
	set_window(ctx, false);
}

static void set_alarms(struct session *s)
{
	const struct run_options *options = s->options;

	if (options->epoch) {
		s->epoch = (struct machine_alarm){ options->epoch, options->epoch, s, ring_epoch };
		machine_set_alarm(s->machine, &s->epoch);
	}
	if (!options->has_window)
		return;
	s->window_open = (struct machine_alarm){ options->window_from, 0, s, ring_window_open };
	s->window_close = (struct machine_alarm){ options->window_to, 0, s, ring_window_close };
	machine_set_alarm(s->machine, &s->window_open);
	machine_set_alarm(s->machine, &s->window_close);
}

uint64_t session_description(const struct session *s)
{
	uint64_t hash;
	char *text;

	if (config_render(&s->config, &text))
		return 0;
	hash = fnv1a(FNV1A_START, text, strlen(text));
	free(text);
	return hash ? hash : 1;
}

/* Fields of the description that the command line changed, so that runs can be told apart by them. */
static void record_settings(struct session *s)
{
	const struct run_options *options = s->options;
	char text[TEXT_SIZE_MAX], *field;

	for (unsigned i = 0; i < options->set.count; i++) {
		const char *item = options->set.item[i], *equals = strchr(item, '=');

		field = equals ? strndup(item, (size_t)(equals - item)) : NULL;
		if (field)
			record_setting(s->record, field, equals + 1);
		free(field);
	}
	if (options->ram_bytes)
		record_setting(s->record, "kernel.ram_bytes",
			       config_text_size(text, options->ram_bytes));
	if (options->has_fragment) {
		snprintf(text, sizeof(text), "%u", options->fragment_percent);
		record_setting(s->record, "kernel.fragment", text);
	}
	if (options->swap_bytes)
		record_setting(s->record, "kernel.swap.bytes",
			       config_text_size(text, options->swap_bytes));
	if (options->policy)
		record_setting(s->record, "kernel.reclaim.policy", options->policy);
	if (options->has_thp)
		record_setting(s->record, "kernel.thp", thp_mode_names[options->thp]);
}

int session_open_record(struct session *s, const struct record_run *run, bool held)
{
	const struct run_options *options = s->options;
	struct record_setup setup = { .db_path = options->db,
				      .detail = options->detail,
				      .max_events = options->max_events,
				      .window_closed = options->has_window,
				      .held = held,
				      .run = *run };
	struct record_error error;
	char *text;

	if (config_render(&s->config, &text)) {
		session_say(s, "out of memory");
		return EXIT_OURS;
	}
	setup.run.machine_name = s->config.name;
	setup.run.machine_text = text;
	setup.run.page_table = s->config.mmu.page_table.format;
	setup.run.version = PAGEWALK_VERSION;
	if (!run->label)
		setup.run.label = options->label;
	setup.run.ram_bytes = s->config.kernel.ram_bytes;
	setup.run.epoch_instructions = options->epoch;
	if (record_open(&s->record, &setup, &error)) {
		session_say(s, "%s", error.text);
		free(text);
		return EXIT_OURS;
	}
	free(text);
	record_settings(s);
	event_queue_attach(&s->machine->events, record_sink(s->record));
	machine_events_changed(s->machine);
	set_alarms(s);
	return 0;
}

/* --- the end --------------------------------------------------------------------------------- */

void session_note(struct session *s, const char *text)
{
	if (s->record)
		record_note(s->record, text);
}

static int check_laws(struct session *s)
{
	const char *what = "";

	if (machine_check(s->machine, &what) == PW_OK)
		return 0;
	session_say(
		s,
		"a conservation law does not hold: %s; the figures of this run cannot be trusted, "
		"please report it",
		what);
	session_note(s, what);
	return EXIT_OURS;
}

static void note_omissions(struct session *s)
{
	if (s->config.mmu.port.traffic == PORT_TABLES)
		session_note(s, "data accesses do not go through the modelled caches: data "
				"cycles are 0, and walks do not compete with data");
	if (s->options->no_measure)
		session_note(s, "run with --no-measure: no access was charged");
}

int session_finish(struct session *s, struct record_end *end)
{
	struct record_error error;
	int status;

	machine_drain(s->machine);
	status = check_laws(s);
	note_omissions(s);
	end->counters = counters_now(s);
	if (s->record && record_finish(s->record, end, &error)) {
		session_say(s, "%s", error.text);
		status = EXIT_OURS;
	}
	return status;
}
