/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PAGEWALK_EMU_LINUX_CONTENT_H
#define PAGEWALK_EMU_LINUX_CONTENT_H

/* What frames hold in a live run: zeros, copies, and pages of files of the host. */

#include "emu/kernel/kernel.h"

struct linux_system;

void content_provider(struct kernel_content *content, struct linux_system *system);

#endif
