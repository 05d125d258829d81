/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PAGEWALK_EMU_LINUX_SIGNAL_QUEUE_H
#define PAGEWALK_EMU_LINUX_SIGNAL_QUEUE_H

/*
 * Pending signals, of a thread or of a process, in the order in which they came (Linux: struct
 * sigpending). Of the classic ones each is pending once at most; real-time signals, and those of
 * timers, as often as they were raised.
 */

#include <signal.h>

#include "mmu/types.h"

enum {
	LINUX_SIGNAL_COUNT = 64, /* 1..64; bit (sig - 1) in a mask */
	SIGNAL_REALTIME = 32,    /* the first of those */
	SIGNAL_QUEUED_MAX = 8192 /* in one queue: RLIMIT_SIGPENDING */
};

static inline uint64_t signal_bit(int sig)
{
	return UINT64_C(1) << (sig - 1);
}

struct queued_signal;
struct signal_queue {
	uint64_t pending;
	struct queued_signal *first, *last;
	unsigned count;
};

/*
 * False: it cannot be queued (no memory, too many). Then it is pending all the same, and what came
 * with it is forgotten; or, if it is one of several of a kind, it is lost.
 */
bool signal_queue_add(struct signal_queue *queue, const siginfo_t *info);
/* The first of the lowest signal of `set`: SIGKILL, then what the program's own doing caused. 0: none. */
int signal_queue_take(struct signal_queue *queue, uint64_t set, siginfo_t *info);
/* Those of the set are not pending any more. */
void signal_queue_drop(struct signal_queue *queue, uint64_t set);

#endif
