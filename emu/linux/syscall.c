/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "emu/linux/syscall.h"

#include <assert.h>
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "emu/linux/process.h"

typedef int64_t syscall_fn(struct linux_task *p, const uint64_t *arg);

struct syscall_entry {
	const char *name;
	syscall_fn *call;
	int error; /* what it answers when there is no function; 0: unknown */
};

static const struct syscall_entry entries[] = {
#define CALL(number, name)          [number] = { #name, sys_##name, 0 },
#define SAME(number, name, other)   [number] = { #name, sys_##other, 0 },
#define REFUSE(number, name, error) [number] = { #name, NULL, error },
#define NONE(number, name)          [number] = { #name, NULL, 0 },
#include "emu/linux/syscalls.def"
};
enum { ENTRY_COUNT = sizeof(entries) / sizeof(entries[0]) };
_Static_assert((int)ENTRY_COUNT <= (int)LINUX_CALLS_MAX, "each number has a counter");

const char *linux_syscall_name(uint64_t number)
{
	return number < ENTRY_COUNT ? entries[number].name : NULL;
}

static int64_t unknown(struct linux_task *p, uint64_t number)
{
	struct linux_system *system = p->system;

	kernel_syscall_unknown(system->kernel, number);
	if (number < LINUX_CALLS_MAX)
		system->unknown[number]++;
	else if (system->unknown_beyond++ == 0)
		system->unknown_beyond_number = number;
	return -ENOSYS;
}

static int64_t dispatch(struct linux_task *p)
{
	uint64_t number = p->call.number;
	int64_t result;

	if (number >= ENTRY_COUNT || (!entries[number].call && !entries[number].error))
		return unknown(p, number);
	if (!entries[number].call)
		return -entries[number].error;
	result = entries[number].call(p, p->call.arg);
	assert((result == -LINUX_BLOCKED) == (p->state == TASK_WAITING));
	return result;
}

int64_t linux_syscall(struct linux_task *p, uint64_t number, const uint64_t *arg)
{
	kernel_syscall(p->system->kernel, number);
	p->call = (struct linux_call){ .number = number, .under_way = true };
	memcpy(p->call.arg, arg, sizeof(p->call.arg));
	return dispatch(p);
}

int64_t linux_syscall_again(struct linux_task *p)
{
	p->call.again = true;
	return dispatch(p);
}
