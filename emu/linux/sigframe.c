/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "emu/linux/sigframe.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <ucontext.h>

#include "emu/linux/process.h"
#include "emu/linux/user.h"

/* The host's headers describe the same ABI (they are x86-64's). */
_Static_assert(sizeof(siginfo_t) == 128, "siginfo");
_Static_assert(sizeof(struct guest_sigcontext) == 256, "sigcontext");
_Static_assert(offsetof(struct guest_ucontext, mcontext) == offsetof(ucontext_t, uc_mcontext),
	       "uc");
_Static_assert(offsetof(struct guest_ucontext, sigmask) == offsetof(ucontext_t, uc_sigmask), "uc");
_Static_assert(offsetof(struct guest_ucontext, mcontext.rip) ==
		       offsetof(ucontext_t, uc_mcontext.gregs[REG_RIP]),
	       "rip");
_Static_assert(offsetof(struct guest_ucontext, mcontext.cr2) ==
		       offsetof(ucontext_t, uc_mcontext.gregs[REG_CR2]),
	       "cr2");
_Static_assert(offsetof(struct guest_ucontext, mcontext.fpstate) ==
		       offsetof(ucontext_t, uc_mcontext.fpregs),
	       "fpstate");
_Static_assert(sizeof(struct guest_stack) == sizeof(stack_t), "stack_t");
_Static_assert(sizeof(struct guest_sigframe) == 440, "rt_sigframe");

enum {
	RED_ZONE = 128,
	USER_CS = 0x33,
	USER_SS = 0x2b,
	UC_SIGCONTEXT_SS = 2,
	UC_STRICT_RESTORE_SS = 4,
	FX_MXCSR = 24,     /* offsets in the FXSAVE image */
	FX_RESERVED = 464, /* software's own from here on */
	MXCSR_DEFAULT = 0x1f80,
	FCW_DEFAULT = 0x37f,
};

/* Carry, parity, auxiliary, zero, sign, direction, overflow, alignment check: the guest's own. */
#define RFLAGS_USER     UINT64_C(0x40cd5)
#define RFLAGS_DF_TF_RF UINT64_C(0x10500)
#define RFLAGS_ALWAYS   UINT64_C(0x202)

/* Pairs of a register and its place in sigcontext. */
static const struct {
	enum cpu_gpr gpr;
	size_t offset;
} saved[] = {
#define SAVED(gpr, field)                                     \
	{                                                     \
		gpr, offsetof(struct guest_sigcontext, field) \
	}
	SAVED(GPR_R8, r8),   SAVED(GPR_R9, r9),   SAVED(GPR_R10, r10), SAVED(GPR_R11, r11),
	SAVED(GPR_R12, r12), SAVED(GPR_R13, r13), SAVED(GPR_R14, r14), SAVED(GPR_R15, r15),
	SAVED(GPR_RDI, rdi), SAVED(GPR_RSI, rsi), SAVED(GPR_RBP, rbp), SAVED(GPR_RBX, rbx),
	SAVED(GPR_RDX, rdx), SAVED(GPR_RAX, rax), SAVED(GPR_RCX, rcx), SAVED(GPR_RSP, rsp),
#undef SAVED
};
enum { SAVED_COUNT = sizeof(saved) / sizeof(saved[0]) };

static bool on_stack(const struct guest_stack *stack, va_t sp)
{
	return !(stack->flags & SS_DISABLE) && sp > stack->base && sp - stack->base <= stack->size;
}

static va_t frame_top(const struct linux_task *p, const struct guest_sigaction *action)
{
	const struct guest_stack *stack = &p->signals.stack;
	va_t sp = p->regs->gpr[GPR_RSP] - RED_ZONE;

	if ((action->flags & SA_ONSTACK) && !(stack->flags & SS_DISABLE) &&
	    !on_stack(stack, p->regs->gpr[GPR_RSP]))
		sp = stack->base + stack->size;
	return sp;
}

static void reset_fx(struct cpu_regs *regs)
{
	uint16_t control = FCW_DEFAULT;
	uint32_t mxcsr = MXCSR_DEFAULT;

	memset(regs->fx, 0, sizeof(regs->fx));
	memcpy(regs->fx, &control, sizeof(control));
	memcpy(regs->fx + FX_MXCSR, &mxcsr, sizeof(mxcsr));
	regs->fx_dirty = true;
}

static void fill(const struct linux_task *p, struct guest_sigframe *frame, uint64_t mask)
{
	struct guest_sigcontext *context = &frame->uc.mcontext;
	const struct linux_signals *signals = &p->signals;

	frame->uc.flags = UC_SIGCONTEXT_SS | UC_STRICT_RESTORE_SS;
	frame->uc.stack = signals->stack;
	if (on_stack(&signals->stack, p->regs->gpr[GPR_RSP]))
		frame->uc.stack.flags |= SS_ONSTACK;
	frame->uc.sigmask = mask;
	for (size_t i = 0; i < SAVED_COUNT; i++)
		memcpy((uint8_t *)context + saved[i].offset, &p->regs->gpr[saved[i].gpr], 8);
	context->rip = p->regs->rip;
	context->eflags = p->regs->rflags;
	context->cs = USER_CS;
	context->ss = USER_SS;
	context->err = p->trap.err;
	context->trapno = p->trap.number;
	context->oldmask = mask;
	context->cr2 = p->trap.cr2;
}

int sigframe_push(struct linux_task *p, const struct guest_sigaction *action, const siginfo_t *info,
		  uint64_t mask)
{
	enum { SA_RESTORER_FLAG = 0x04000000 };
	struct guest_sigframe frame = { .pretcode = action->restorer, .info = *info };
	struct cpu_regs *regs = p->regs;
	va_t fx = (frame_top(p, action) - CPU_FXSAVE_BYTES) & ~UINT64_C(63);
	va_t at = ((fx - sizeof(frame)) & ~UINT64_C(15)) - 8;

	if (!(action->flags & SA_RESTORER_FLAG))
		return -EFAULT;
	task_load_fx(p);
	memset(regs->fx + FX_RESERVED, 0, CPU_FXSAVE_BYTES - FX_RESERVED);
	fill(p, &frame, mask);
	frame.uc.mcontext.fpstate = fx;
	if (user_write(p, fx, regs->fx, CPU_FXSAVE_BYTES) < 0 || user_put(p, at, &frame) < 0)
		return -EFAULT;
	regs->gpr[GPR_RDI] = (uint64_t)info->si_signo;
	regs->gpr[GPR_RSI] = at + offsetof(struct guest_sigframe, info);
	regs->gpr[GPR_RDX] = at + offsetof(struct guest_sigframe, uc);
	regs->gpr[GPR_RAX] = 0;
	regs->gpr[GPR_RSP] = at;
	regs->rip = action->handler;
	regs->rflags &= ~RFLAGS_DF_TF_RF;
	reset_fx(regs);
	p->regs_replaced = true;
	return 0;
}

static int restore_fx(struct linux_task *p, va_t fpstate)
{
	uint32_t mxcsr;

	if (!fpstate) {
		reset_fx(p->regs);
		return 0;
	}
	task_load_fx(p);
	if (user_read(p, p->regs->fx, fpstate, CPU_FXSAVE_BYTES) < 0)
		return -EFAULT;
	/* Reserved bits would be a general protection fault at the restore. */
	memcpy(&mxcsr, p->regs->fx + FX_MXCSR, sizeof(mxcsr));
	mxcsr &= 0xffff;
	memcpy(p->regs->fx + FX_MXCSR, &mxcsr, sizeof(mxcsr));
	p->regs->fx_dirty = true;
	return 0;
}

int sigframe_pop(struct linux_task *p)
{
	struct guest_sigframe frame;
	const struct guest_sigcontext *context = &frame.uc.mcontext;
	struct cpu_regs *regs = p->regs;

	if (user_get(p, &frame, regs->gpr[GPR_RSP] - 8) < 0 || restore_fx(p, context->fpstate) < 0)
		return -EFAULT;
	for (size_t i = 0; i < SAVED_COUNT; i++)
		memcpy(&regs->gpr[saved[i].gpr], (const uint8_t *)context + saved[i].offset, 8);
	regs->rip = context->rip;
	regs->rflags = (context->eflags & RFLAGS_USER) | RFLAGS_ALWAYS;
	p->signals.blocked = frame.uc.sigmask & ~(signal_bit(SIGKILL) | signal_bit(SIGSTOP));
	p->signals.stack = frame.uc.stack;
	p->signals.stack.flags &= ~SS_ONSTACK;
	p->regs_replaced = true;
	return 0;
}

void sigframe_note_trap(struct linux_task *p, uint64_t trapno, uint64_t err, va_t cr2)
{
	p->trap.number = trapno;
	p->trap.err = err;
	p->trap.cr2 = cr2;
}
