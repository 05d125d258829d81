/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PAGEWALK_CLI_REPLAY_SET_H
#define PAGEWALK_CLI_REPLAY_SET_H

/*
 * One trace, many machines: `pagewalk replay`, and whoever else has a list of machines to try.
 *
 * Threads take machines from the list, in its order, a few at a time: each decodes the trace for
 * itself and feeds its machines batch by batch. A run enters the database when its machine and all
 * before it in the list are done. So the rows are the same whatever the number of jobs and the
 * timing, there are never more than jobs x REPLAY_SHARE_MAX machines, and a process that is killed
 * leaves a database that holds the runs up to some place of the list, whole.
 */

#include "cli/run_options.h"
#include "emu/machine/config.h"

enum { REPLAY_SHARE_MAX = 4 };

struct replay_setting {
	const char *name, *value; /* a row of the table `setting` */
};

enum replay_outcome {
	REPLAY_PENDING,
	REPLAY_DONE,
	REPLAY_STOPPED, /* recorded up to where this machine could not go on */
	REPLAY_FAILED   /* no run */
};

struct replay_point {
	struct machine_config config; /* as session_resolve() leaves it */
	const char *name;             /* of the machine, in messages */
	const char *label;            /* of the run; NULL: that of the options */
	const struct replay_setting *setting;
	unsigned setting_count;
	/* --- what became of it --- */
	enum replay_outcome outcome;
	int64_t run; /* its row; 0: none */
	uint64_t instructions, accesses;
	char said[768]; /* problems and warnings, a line each */
	char *files;    /* what of the program's files cannot be used, a line each; or NULL; heap */
};

/* So far. */
struct replay_progress {
	size_t finished, count;
	uint64_t accesses; /* loads, stores and blocks, summed over the machines */
	double seconds;
};

struct replay_set {
	const char *trace;
	const struct run_options *options; /* the record's: db, events, epoch, window, label, seed */
	struct replay_point *point;
	size_t count;
	unsigned jobs; /* 0: as many as there are processors */
	/*
	 * A run enters the database when it is complete. Without, which is for a single point, it
	 * does so epoch by epoch: of a process that is killed the committed ones stay.
	 */
	bool whole;
	/* Called by the thread that called replay_set_run(). Each may be NULL. */
	void (*entered)(void *ctx, const struct replay_point *point); /* in the order of the list */
	void (*progress)(void *ctx,
			 const struct replay_progress *progress); /* four times a second */
	void (*warn)(void *ctx, const char *text); /* of no one machine: once for all */
	void *ctx;
	char *warned; /* what warn() was called for, a line each; the owner's to free or to hand on */
};

/* 0, or EXIT_OURS where any point is not REPLAY_DONE, or where nothing could be done (said). */
int replay_set_run(struct replay_set *set);
/* What was collected in point->said, behind its name where that is wanted. */
void replay_point_complain(const struct replay_point *point, bool named);

#endif
