/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * `pagewalk explain`: one address, translated as a person would draw it; with a program, in its
 * address space after so many instructions.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "analysis/explain.h"
#include "cli/live.h"
#include "emu/linux/linux.h"

/* RLIMIT_STACK as the guest has it unless it changed it. */
enum { STACK_LIMIT = 8 << 20 };

enum { OPT_AFTER = 512, OPT_ACCESS, OPT_USED, OPT_PAGE_SIZE };

struct explain {
	struct live live; /* first: on_mapped() is told of it */
	bool has_va, has_after;
	va_t va;
	enum access_kind access;
	struct explain_range used[EXPLAIN_RANGES_MAX];
	unsigned used_count, page_lg2; /* 0: no page size asked for */
	char file[256];                /* mapped at va; "": none */
};

/* --- options --------------------------------------------------------------------------------- */

static const struct argp_option explain_argp_options[] = {
	{ "after", OPT_AFTER, "INSNS", 0,
	  "stop the program after so many instructions (default: where it ends)", 1 },
	{ "access", OPT_ACCESS, "KIND", 0, "read (default), write or fetch", 1 },
	{ "used", OPT_USED, "FIRST-LAST[,...]", 0,
	  "without a program: ranges of addresses in use, to size tables for", 1 },
	{ "page-size", OPT_PAGE_SIZE, "SIZE", 0,
	  "without a program: split the address for pages of this size, too", 1 },
	{ 0 }
};

static void parse_access(struct explain *e, struct argp_state *state, const char *text)
{
	static const char *const names[] = { "read", "write", "fetch" };
	static const enum access_kind kinds[] = { ACCESS_READ, ACCESS_WRITE, ACCESS_FETCH };

	for (unsigned i = 0; i < 3; i++) {
		if (strcmp(text, names[i]) == 0) {
			e->access = kinds[i];
			return;
		}
	}
	argp_error(state, "--access takes read, write or fetch, not '%s'", text);
}

static int by_first(const void *a, const void *b)
{
	const struct explain_range *left = a, *right = b;

	return left->first < right->first ? -1 : left->first > right->first;
}

static void parse_used(struct explain *e, struct argp_state *state, char *text)
{
	char *rest = NULL;

	for (char *one = strtok_r(text, ",", &rest); one; one = strtok_r(NULL, ",", &rest)) {
		struct explain_range *range = &e->used[e->used_count];
		char *dash = strchr(one, '-');

		if (e->used_count == EXPLAIN_RANGES_MAX)
			argp_error(state, "--used takes up to %d ranges", EXPLAIN_RANGES_MAX);
		if (dash)
			*dash = '\0';
		if (!dash || !parse_number(one, &range->first) ||
		    !parse_number(dash + 1, &range->last) || range->last < range->first)
			argp_error(
				state,
				"--used takes FIRST-LAST with FIRST <= LAST, separated by commas");
		e->used_count++;
	}
	qsort(e->used, e->used_count, sizeof(e->used[0]), by_first);
}

static void parse_page_size(struct explain *e, struct argp_state *state, const char *text)
{
	uint64_t bytes = 0;

	if (!parse_size(text, &bytes) || bytes < 16 || (bytes & (bytes - 1)) != 0)
		argp_error(state,
			   "--page-size takes a power of two from 16, such as 4K or 2G, not '%s'",
			   text);
	e->page_lg2 = (unsigned)__builtin_ctzll(bytes);
}

static void check_arguments(struct explain *e, struct argp_state *state)
{
	if (!e->has_va)
		argp_error(state, "which address? pagewalk explain [OPTION...] ADDR "
				  "[-- PROGRAM [ARGUMENT...]]");
	if (!e->live.options.program && e->has_after)
		argp_error(state, "--after needs a program to run");
	if (e->live.options.program && (e->used_count || e->page_lg2))
		argp_error(state, "--used and --page-size go without a program");
}

static error_t parse_explain(int key, char *arg, struct argp_state *state)
{
	struct explain *e = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = state->child_inputs[1] = &e->live.options;
		return 0;
	case OPT_AFTER:
		if (!parse_number(arg, &e->live.options.limit))
			argp_error(state, "--after takes a number, not '%s'", arg);
		e->has_after = true;
		return 0;
	case OPT_ACCESS:
		parse_access(e, state, arg);
		return 0;
	case OPT_USED:
		parse_used(e, state, arg);
		return 0;
	case OPT_PAGE_SIZE:
		parse_page_size(e, state, arg);
		return 0;
	case ARGP_KEY_ARG:
		if (!parse_number(arg, &e->va))
			argp_error(state, "an address is a number such as 0x7ffff7dd5000, not '%s'",
				   arg);
		e->has_va = true;
		if (state->next < state->argc && strcmp(state->argv[state->next], "--") == 0)
			state->next++;
		if (state->next < state->argc)
			e->live.options.program = state->argv + state->next;
		state->next = state->argc;
		return 0;
	case ARGP_KEY_END:
		check_arguments(e, state);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static void parse_options(struct explain *e, int argc, char **argv)
{
	static const struct argp_child children[] = { { &machine_argp, 0, "The machine:", 2 },
						      { &guest_argp, 0, "The program:", 3 },
						      { 0 } };
	const struct argp argp = {
		explain_argp_options,
		parse_explain,
		"ADDR [-- PROGRAM [ARGUMENT...]]",
		"Draws the translation of ADDR: its fields, the tables that a walk "
		"visits, TLBs and walk caches, cycles, and the fault if there is one.",
		children,
		NULL,
		NULL
	};

	run_options_default(&e->live.options);
	e->live.options.db = NULL;
	e->live.options.epoch = 0;
	e->live.options.quiet = true;
	argp_err_exit_status = EXIT_USAGE;
	argv[0] = (char *)"pagewalk explain";
	argp_parse(&argp, argc, argv, ARGP_IN_ORDER, NULL, e);
}

/* --- drawing --------------------------------------------------------------------------------- */

static int put(struct text *out)
{
	int status = 0;

	if (out->failed) {
		complain("out of memory");
		status = EXIT_OURS;
	} else if (fputs(text_string(out), stdout) == EOF || fflush(stdout) == EOF) {
		complain("standard output cannot be written");
		status = EXIT_OURS;
	}
	text_release(out);
	return status;
}

static int explain_machine(struct explain *e)
{
	struct session *session = &e->live.session;
	const struct page_table *table;
	struct text out = { 0 };
	int status = session_create(session, &e->live.options);

	if (status)
		return status;
	table = &session->machine->table;
	text_addf(&out, "%s: page table '%s', %u-bit virtual addresses, %u-bit physical, pages of ",
		  session->config.name, table->ops->name, table->caps.va_bits, table->caps.pa_bits);
	explain_bytes(&out, UINT64_C(1) << table->caps.base_page_lg2);
	text_puts(&out, "\n");
	explain_split(&out, &table->caps, e->va);
	if (e->page_lg2)
		explain_page_size(&out, &table->caps, e->page_lg2, e->va);
	explain_sizes(&out, table, e->used, e->used_count);
	return put(&out);
}

static void add_vma(struct text *out, const struct vma *vma, const char *file)
{
	text_addf(out, "0x%llx-0x%llx %c%c%c%s%s", (unsigned long long)vma->start,
		  (unsigned long long)vma->end, vma->prot & PROT_READ ? 'r' : '-',
		  vma->prot & PROT_WRITE ? 'w' : '-', vma->prot & PROT_EXEC ? 'x' : '-',
		  *file ? " " : "", file);
}

/* Which mapping holds the address, or lies next to it. */
static void add_mapping(struct explain *e, struct text *out)
{
	const struct kernel *kernel = e->live.session.machine->kernel;
	const struct vma *below = NULL, *above;
	bool inside;

	above = kernel_vma_at(kernel, e->va, &inside);
	if (inside) {
		text_puts(out, "In the mapping ");
		add_vma(out, above, above->file >= 0 ? e->file : "");
		text_puts(out, "\n");
		return;
	}
	for (unsigned i = 0; i < kernel_vma_count(kernel); i++)
		if (kernel_vma_nth(kernel, i)->end <= e->va)
			below = kernel_vma_nth(kernel, i);
	text_puts(out, "In no mapping of the program");
	if (below) {
		text_puts(out, "; below it ");
		add_vma(out, below, "");
	}
	if (above) {
		text_puts(out, "; above it ");
		add_vma(out, above, "");
	}
	text_puts(out, "\n");
}

/* What the operating system would make of the fault. */
static void add_verdict(struct explain *e, struct text *out, const struct mmu_result *result)
{
	static const uint32_t needed[ACCESS_KIND_COUNT] = {
		[ACCESS_READ] = PROT_READ, [ACCESS_WRITE] = PROT_WRITE, [ACCESS_FETCH] = PROT_EXEC
	};
	const struct vma *vma;
	bool inside;

	if (result->fault.kind == FAULT_NONE)
		return;
	vma = kernel_vma_at(e->live.session.machine->kernel, e->va, &inside);
	if (!inside && vma && vma->flags & MAP_GROWSDOWN && vma->end - e->va <= STACK_LIMIT)
		text_puts(out, "  The kernel grows the stack to it, if nothing is in the way\n");
	else if (!inside)
		text_puts(out, "  The kernel sends SIGSEGV: nothing is mapped there\n");
	else if (!(vma->prot & needed[e->access]))
		text_puts(out, "  The kernel sends SIGSEGV: the mapping does not allow this\n");
	else
		text_puts(out, "  The kernel would serve it and the program would not notice\n");
}

static void on_mapped(struct live *live, va_t start, uint64_t length, const char *path)
{
	struct explain *e = (struct explain *)live;

	if (e->va - start < length)
		snprintf(e->file, sizeof(e->file), "%s", path ? path : "");
}

static int draw(struct explain *e)
{
	static const char *const names[ACCESS_KIND_COUNT] = {
		[ACCESS_READ] = "read", [ACCESS_WRITE] = "write", [ACCESS_FETCH] = "fetch"
	};
	struct machine *machine = e->live.session.machine;
	struct mmu_result result;
	struct text out = { 0 };

	if (!kernel_space(machine->kernel)) {
		complain(
			"the program has ended, and its address space with it: --after INSNS stops "
			"it earlier (it ran %llu instructions)",
			(unsigned long long)machine->counters.instructions);
		return EXIT_OURS;
	}
	text_addf(&out, "%s on %s, after %llu instructions: %s of 0x%llx\n",
		  e->live.options.program[0], e->live.session.config.name,
		  (unsigned long long)machine->counters.instructions, names[e->access],
		  (unsigned long long)e->va);
	add_mapping(e, &out);
	explain_split(&out, &machine->table.caps, e->va);
	explain_access(&out, &machine->mmu, e->access, e->va, &result);
	add_verdict(e, &out, &result);
	return put(&out);
}

static int explain_program(struct explain *e)
{
	static struct cpu_regs regs;
	struct live *live = &e->live;
	int status;

	live->mapped = on_mapped;
	status = live_start(live, &regs);
	if (status)
		return status;
	if (!e->has_after || live->options.limit > 0) {
		enum cpu_end end = cpu_run(live->cpu, &regs);

		if (end == CPU_FAILED) {
			complain("%s", cpu_failure(live->cpu));
			return EXIT_OURS;
		}
		if (live_interrupted())
			return 128 + live_interrupted();
		if (e->has_after && end == CPU_GUEST_ENDED)
			complain("the program ended after %llu instructions, before --after",
				 (unsigned long long)live->session.machine->counters.instructions);
	}
	fflush(stdout);
	return draw(e);
}

int command_explain(int argc, char **argv)
{
	static struct explain explain;
	int status;

	parse_options(&explain, argc, argv);
	status = explain.live.options.program ? explain_program(&explain)
					      : explain_machine(&explain);
	live_release(&explain.live);
	return status;
}
