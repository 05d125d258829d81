/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PAGEWALK_EMU_LINUX_FUTEX_H
#define PAGEWALK_EMU_LINUX_FUTEX_H

/*
 * futex(2): waiting on a word of guest memory. A private one is known by space and address, a
 * shared one by file and offset if a shared file mapping holds it, so that processes meet there.
 */

#include "emu/linux/task.h"

struct futex_key futex_key_of(struct linux_task *p, va_t va, bool shared);
/* Wakes up to `count` of those that wait on the word, first come, first served; how many. */
int64_t futex_wake(struct linux_task *p, va_t va, bool shared, uint64_t count, uint32_t bitset);
/* A queued task sleeps until it is woken, or its deadline; `interrupted`: what a signal makes of it. */
int64_t futex_sleep(struct linux_task *p, int64_t interrupted);
/* The operations on words that name their owner; `a`: the arguments of futex(2). */
int64_t futex_pi(struct linux_task *p, uint32_t operation, const uint64_t *a);
/* The owner of a lock dies: whoever waits for it has it now, marked; false: nobody does. */
bool futex_pi_pass_on(struct linux_task *p, va_t va);
void futex_pi_owner_ends(struct linux_task *p); /* of all that are known by p's memory */
/* A thread ends or leaves its memory: robust list, CLONE_CHILD_CLEARTID. Its space runs. */
void futex_task_ends(struct linux_task *p);

#endif
