/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "emu/linux/futex.h"

/* Waiting, waking, moving to another word, robust lists (Linux: kernel/futex/). */

#include <errno.h>
#include <linux/futex.h>
#include <sys/mman.h>

#include "emu/linux/clock.h"
#include "emu/linux/process.h"
#include "emu/linux/syscall.h"
#include "emu/linux/user.h"

/* An object that is a file has the highest bit set, a space has not. */
#define FILE_OBJECT (UINT64_C(1) << 63)

struct futex_key futex_key_of(struct linux_task *p, va_t va, bool shared)
{
	const struct vma *vma;
	bool inside = false;

	vma = shared ? kernel_vma_at(p->system->kernel, va, &inside) : NULL;
	if (inside && vma->file >= 0 && (vma->flags & MAP_SHARED))
		return (struct futex_key){ FILE_OBJECT | (uint64_t)vma->file / 2,
					   vma->offset + (va - vma->start) };
	return (struct futex_key){ (uint64_t)p->memory->space, va };
}

static bool same(const struct futex_key *a, const struct futex_key *b)
{
	return a->object == b->object && a->offset == b->offset;
}

/* Who has waited longest for the word, with one of the bits; NULL: nobody. */
static struct linux_task *first_waiter(struct linux_system *system, const struct futex_key *key,
				       uint32_t bitset)
{
	struct linux_task *first = NULL;

	for (struct linux_task *p = system->tasks; p; p = p->next)
		if (p->futex.queued && same(&p->futex.key, key) && (p->futex.bitset & bitset) &&
		    (!first || p->futex.order < first->futex.order))
			first = p;
	return first;
}

static int64_t wake_key(struct linux_system *system, const struct futex_key *key, uint64_t count,
			uint32_t bitset)
{
	struct linux_task *p;
	uint64_t woken = 0;

	while (woken < count && (p = first_waiter(system, key, bitset))) {
		p->futex.queued = false;
		p->futex.woken = true;
		woken++;
	}
	return (int64_t)woken;
}

int64_t futex_wake(struct linux_task *p, va_t va, bool shared, uint64_t count, uint32_t bitset)
{
	const struct futex_key key = futex_key_of(p, va, shared);

	return wake_key(p->system, &key, count, bitset);
}

/* --- waiting --------------------------------------------------------------------------------- */

static bool was_woken(struct linux_task *p)
{
	return p->futex.woken;
}

struct futex_call {
	va_t va;
	uint32_t operation, value;
	bool shared;
};

static int64_t deadline_of(struct linux_task *p, const uint64_t *a, int64_t *deadline)
{
	enum clock_reference reference = CLOCK_ABSOLUTE_MONOTONIC;
	int64_t time[2];

	*deadline = INT64_MAX;
	if (!a[3])
		return 0;
	if (user_read(p, time, a[3], sizeof(time)) < 0)
		return -EFAULT;
	if (time[0] < 0 || time[1] < 0 || time[1] >= NS_PER_SECOND)
		return -EINVAL;
	if ((a[1] & (uint64_t)FUTEX_CMD_MASK) == FUTEX_WAIT)
		reference = CLOCK_RELATIVE;
	else if (a[1] & FUTEX_CLOCK_REALTIME)
		reference = CLOCK_ABSOLUTE_REAL;
	*deadline = clock_deadline(p, reference, time);
	return 0;
}

static int64_t begin_wait(struct linux_task *p, const struct futex_call *call, uint32_t bitset)
{
	uint32_t value;

	if (!bitset || (call->va & 3))
		return -EINVAL;
	if (user_get(p, &value, call->va) < 0)
		return -EFAULT;
	if (value != call->value)
		return -EAGAIN;
	p->futex = (struct futex_wait){
		.queued = true,
		.bitset = bitset,
		.order = p->system->futex_order++,
		.key = futex_key_of(p, call->va, call->shared),
	};
	return 0;
}

int64_t futex_sleep(struct linux_task *p, int64_t interrupted)
{
	const struct task_wait wait = { .ready = was_woken, .deadline_ns = p->call.deadline_ns };
	int64_t error = task_wait(p, &wait);

	if (error == -LINUX_BLOCKED)
		return error;
	p->futex.queued = false;
	if (p->futex.woken)
		return 0;
	return error == -EINTR ? interrupted : error ? error : -ETIMEDOUT;
}

static int64_t wait_for_word(struct linux_task *p, const struct futex_call *call, const uint64_t *a)
{
	int64_t error = 0;

	if (!p->call.again) {
		error = deadline_of(p, a, &p->call.deadline_ns);
		if (!error)
			error = begin_wait(p, call,
					   call->operation == FUTEX_WAIT ? UINT32_MAX
									 : (uint32_t)a[5]);
		if (error)
			return error;
	}
	return futex_sleep(p, -LINUX_ERESTART);
}

/* --- the others ------------------------------------------------------------------------------ */

static int64_t requeue(struct linux_task *p, const struct futex_call *call, const uint64_t *a)
{
	const struct futex_key from = futex_key_of(p, call->va, call->shared);
	const struct futex_key to = futex_key_of(p, a[4], call->shared);
	struct linux_task *waiter;
	int64_t done;
	uint32_t value;

	if (call->operation == FUTEX_CMP_REQUEUE) {
		if (user_get(p, &value, call->va) < 0)
			return -EFAULT;
		if (value != (uint32_t)a[5])
			return -EAGAIN;
	}
	done = wake_key(p->system, &from, call->value, UINT32_MAX);
	for (uint64_t moved = 0; moved < (uint32_t)a[3] && !same(&from, &to) &&
				 (waiter = first_waiter(p->system, &from, UINT32_MAX));
	     moved++) {
		waiter->futex.key = to;
		waiter->futex.order = p->system->futex_order++;
		done++;
	}
	return done;
}

/* FUTEX_WAKE_OP: 31 shift?  30..28 operation  27..24 comparison  23..12 oparg  11..0 cmparg */
static int64_t operate(struct linux_task *p, va_t va, uint32_t code, bool *holds)
{
	int32_t operand = (int32_t)(code << 8) >> 20, compared = (int32_t)(code << 20) >> 20;
	int32_t old, new;

	if (user_get(p, &old, va) < 0)
		return -EFAULT;
	if (code >> 31)
		operand = (int32_t)(1u << (operand & 31));
	switch (code >> 28 & 7) {
	case FUTEX_OP_SET:
		new = operand;
		break;
	case FUTEX_OP_ADD:
		new = (int32_t)((uint32_t)old + (uint32_t)operand);
		break;
	case FUTEX_OP_OR:
		new = old | operand;
		break;
	case FUTEX_OP_ANDN:
		new = old & ~operand;
		break;
	case FUTEX_OP_XOR:
		new = old ^ operand;
		break;
	default:
		return -ENOSYS;
	}
	if (user_put(p, va, &new) < 0)
		return -EFAULT;
	switch (code >> 24 & 15) {
	case FUTEX_OP_CMP_EQ:
		*holds = old == compared;
		return 0;
	case FUTEX_OP_CMP_NE:
		*holds = old != compared;
		return 0;
	case FUTEX_OP_CMP_LT:
		*holds = old < compared;
		return 0;
	case FUTEX_OP_CMP_LE:
		*holds = old <= compared;
		return 0;
	case FUTEX_OP_CMP_GT:
		*holds = old > compared;
		return 0;
	case FUTEX_OP_CMP_GE:
		*holds = old >= compared;
		return 0;
	default:
		return -ENOSYS;
	}
}

static int64_t wake_and_operate(struct linux_task *p, const struct futex_call *call,
				const uint64_t *a)
{
	bool holds = false;
	int64_t woken, error = operate(p, a[4], (uint32_t)a[5], &holds);

	if (error)
		return error;
	woken = futex_wake(p, call->va, call->shared, call->value, UINT32_MAX);
	if (holds)
		woken += futex_wake(p, a[4], call->shared, (uint32_t)a[3], UINT32_MAX);
	return woken;
}

int64_t sys_futex(struct linux_task *p, const uint64_t *a)
{
	const struct futex_call call = {
		.va = a[0],
		.operation = (uint32_t)a[1] & (uint32_t)FUTEX_CMD_MASK,
		.value = (uint32_t)a[2],
		.shared = !(a[1] & FUTEX_PRIVATE_FLAG),
	};

	switch (call.operation) {
	case FUTEX_WAIT:
	case FUTEX_WAIT_BITSET:
		return wait_for_word(p, &call, a);
	case FUTEX_WAKE:
	case FUTEX_WAKE_BITSET:
		if (a[0] & 3 || (call.operation == FUTEX_WAKE_BITSET && !(uint32_t)a[5]))
			return -EINVAL;
		return futex_wake(p, call.va, call.shared, call.value,
				  call.operation == FUTEX_WAKE ? UINT32_MAX : (uint32_t)a[5]);
	case FUTEX_REQUEUE:
	case FUTEX_CMP_REQUEUE:
		return (a[0] | a[4]) & 3 ? -EINVAL : requeue(p, &call, a);
	case FUTEX_WAKE_OP:
		return (a[0] | a[4]) & 3 ? -EINVAL : wake_and_operate(p, &call, a);
	case FUTEX_LOCK_PI:
	case FUTEX_LOCK_PI2:
	case FUTEX_TRYLOCK_PI:
	case FUTEX_UNLOCK_PI:
		return futex_pi(p, call.operation, a);
	default:
		return -ENOSYS;
	}
}

/* --- robust lists ---------------------------------------------------------------------------- */

int64_t sys_set_robust_list(struct linux_task *p, const uint64_t *a)
{
	if (a[1] != sizeof(struct robust_list_head))
		return -EINVAL;
	p->robust_list = a[0];
	return 0;
}

int64_t sys_get_robust_list(struct linux_task *p, const uint64_t *a)
{
	const uint64_t bytes = sizeof(struct robust_list_head);
	const struct linux_task *of = (int32_t)a[0] == 0 ? p : task_find(p->system, (int32_t)a[0]);

	if (!of)
		return -ESRCH;
	return user_put(p, a[1], &of->robust_list) < 0 ? -EFAULT : user_put(p, a[2], &bytes);
}

/* A lock whose owner has died says so, and one waiter gets it (handle_futex_death()). */
static bool release_lock(struct linux_task *p, va_t va)
{
	uint32_t value;

	if ((va & 3) || user_get(p, &value, va) < 0)
		return false;
	if ((value & FUTEX_TID_MASK) != (uint32_t)p->tid)
		return true;
	if (futex_pi_pass_on(p, va))
		return true;
	value = (value & FUTEX_WAITERS) | FUTEX_OWNER_DIED;
	if (user_put(p, va, &value) < 0)
		return false;
	if (value & FUTEX_WAITERS)
		futex_wake(p, va, true, 1, UINT32_MAX);
	return true;
}

static void walk_robust_list(struct linux_task *p)
{
	/* First entry, offset of the lock within one, the entry under way. Bit 0 marks PI locks. */
	uint64_t head[3];
	va_t entry;

	if (!p->robust_list || user_get(p, &head, p->robust_list) < 0)
		return;
	entry = head[0];
	for (unsigned n = 0; n < ROBUST_LIST_LIMIT && (entry & ~UINT64_C(1)) != p->robust_list;
	     n++) {
		va_t next;

		entry &= ~UINT64_C(1); /* marks a lock with priority inheritance */
		if (user_get(p, &next, entry) < 0)
			return;
		if (entry != head[2] && !release_lock(p, entry + head[1]))
			return;
		entry = next;
	}
	if (head[2])
		release_lock(p, (head[2] & ~UINT64_C(1)) + head[1]);
}

void futex_task_ends(struct linux_task *p)
{
	const int32_t zero = 0;
	va_t at = p->clear_child_tid;

	p->futex.queued = false;
	futex_pi_owner_ends(p);
	walk_robust_list(p);
	p->robust_list = 0;
	p->clear_child_tid = 0;
	/* Nobody else could see it when the memory goes too. */
	if (at && p->memory->refs > 1 && user_put(p, at, &zero) == 0)
		futex_wake(p, at, true, 1, UINT32_MAX);
}
