/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "emu/linux/signal_queue.h"

#include <stdlib.h>
#include <string.h>

/* Linux hands these over before all others (SYNCHRONOUS_MASK). */
#define SYNCHRONOUS                                                                            \
	(signal_bit(SIGSEGV) | signal_bit(SIGBUS) | signal_bit(SIGILL) | signal_bit(SIGTRAP) | \
	 signal_bit(SIGFPE) | signal_bit(SIGSYS))

struct queued_signal {
	struct queued_signal *next;
	siginfo_t info;
};

bool signal_queue_add(struct signal_queue *queue, const siginfo_t *info)
{
	int sig = info->si_signo;
	bool classic = sig < SIGNAL_REALTIME && info->si_code != SI_TIMER;
	struct queued_signal *entry;

	if (classic && (queue->pending & signal_bit(sig)))
		return true;
	queue->pending |= signal_bit(sig);
	entry = queue->count < SIGNAL_QUEUED_MAX ? malloc(sizeof(*entry)) : NULL;
	if (!entry)
		return false;
	entry->next = NULL;
	entry->info = *info;
	if (queue->last)
		queue->last->next = entry;
	else
		queue->first = entry;
	queue->last = entry;
	queue->count++;
	return true;
}

/* Takes the first entry of the signal out; NULL: there is none. *more: there is another one. */
static struct queued_signal *take_entry(struct signal_queue *queue, int sig, bool *more)
{
	struct queued_signal **at = &queue->first, *before = NULL, *found, *other;

	while (*at && (*at)->info.si_signo != sig) {
		before = *at;
		at = &before->next;
	}
	found = *at;
	if (!found)
		return NULL;
	*at = found->next;
	if (queue->last == found)
		queue->last = before;
	queue->count--;
	for (other = found->next; other && other->info.si_signo != sig; other = other->next)
		;
	*more = other;
	return found;
}

int signal_queue_take(struct signal_queue *queue, uint64_t set, siginfo_t *info)
{
	uint64_t ready = queue->pending & set;
	struct queued_signal *entry;
	bool more = false;
	int sig;

	if (!ready)
		return 0;
	if (ready & signal_bit(SIGKILL))
		ready = signal_bit(SIGKILL);
	else if (ready & SYNCHRONOUS)
		ready &= SYNCHRONOUS;
	sig = __builtin_ctzll(ready) + 1;
	entry = take_entry(queue, sig, &more);
	if (!more)
		queue->pending &= ~signal_bit(sig);
	memset(info, 0, sizeof(*info));
	info->si_signo = sig;
	if (entry)
		*info = entry->info;
	free(entry);
	return sig;
}

void signal_queue_drop(struct signal_queue *queue, uint64_t set)
{
	struct queued_signal **at = &queue->first, *entry;

	if (!(queue->pending & set))
		return;
	queue->pending &= ~set;
	queue->last = NULL;
	while ((entry = *at) != NULL) {
		if (set & signal_bit(entry->info.si_signo)) {
			*at = entry->next;
			queue->count--;
			free(entry);
		} else {
			queue->last = entry;
			at = &entry->next;
		}
	}
}
