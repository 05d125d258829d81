/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PAGEWALK_EMU_LINUX_SIGFRAME_H
#define PAGEWALK_EMU_LINUX_SIGFRAME_H

/*
 * The frame that a handler of x86-64 Linux finds on its stack, and its way back.
 *
 *      higher  ┌──────────────────────────────┐ rsp of the interrupted code
 *              │ red zone, 128 bytes          │ (not on an alternate stack)
 *              ├──────────────────────────────┤ 64-byte aligned below
 *              │ FXSAVE image, 512 bytes      │ <- uc.mcontext.fpstate
 *              ├──────────────────────────────┤
 *              │ siginfo, 128 bytes           │ <- rsi
 *              │ ucontext, 304 bytes          │ <- rdx
 *              │ return address: SA_RESTORER  │ <- rsp, 8 below a multiple of 16
 *      lower   └──────────────────────────────┘
 *
 * Sources: Linux arch/x86/kernel/signal.c and signal_64.c, include/uapi/asm/sigcontext.h and
 * ucontext.h. The frame has no XSAVE area (UC_FP_XSTATE is clear): the modelled CPU has no AVX.
 */

#include "emu/linux/signal.h"

struct guest_sigcontext {
	uint64_t r8, r9, r10, r11, r12, r13, r14, r15;
	uint64_t rdi, rsi, rbp, rbx, rdx, rax, rcx, rsp, rip, eflags;
	uint16_t cs, gs, fs, ss;
	uint64_t err, trapno, oldmask, cr2;
	va_t fpstate;
	uint64_t reserved[8];
};

struct guest_ucontext {
	uint64_t flags;
	va_t link;
	struct guest_stack stack;
	struct guest_sigcontext mcontext;
	uint64_t sigmask;
};

struct guest_sigframe {
	va_t pretcode;
	struct guest_ucontext uc;
	siginfo_t info;
};

/* Builds the frame and lets the registers stand at the handler; -EFAULT: nothing has changed. */
int sigframe_push(struct linux_task *p, const struct guest_sigaction *action, const siginfo_t *info,
		  uint64_t mask);
/* rt_sigreturn: registers, mask and alternate stack from the frame below rsp; -EFAULT. */
int sigframe_pop(struct linux_task *p);

/* What the last exception left for err, trapno and cr2 of the next frame. */
void sigframe_note_trap(struct linux_task *p, uint64_t trapno, uint64_t err, va_t cr2);

#endif
