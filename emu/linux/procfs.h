/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PAGEWALK_EMU_LINUX_PROCFS_H
#define PAGEWALK_EMU_LINUX_PROCFS_H

/*
 * The texts of the virtual files, in Linux's formats (proc(5)). All from the guest contract and
 * the process, nothing of the host; what another machine description would change is the model's
 * truth, and whoever prints any of it calls kernel_truth_read().
 */

#include <stdbool.h>

struct linux_task;
struct proc_text;

#define PROCFS_TEXTS(TEXT)      \
	TEXT(self_auxv)         \
	TEXT(self_cmdline)      \
	TEXT(self_comm)         \
	TEXT(self_cwd)          \
	TEXT(self_environ)      \
	TEXT(self_exe)          \
	TEXT(self_limits)       \
	TEXT(self_maps)         \
	TEXT(self_pagemap)      \
	TEXT(self_root)         \
	TEXT(self_smaps)        \
	TEXT(self_stat)         \
	TEXT(self_statm)        \
	TEXT(self_status)       \
	TEXT(mounts)            \
	TEXT(mounts_link)       \
	TEXT(self_link)         \
	TEXT(cpuinfo)           \
	TEXT(filesystems)       \
	TEXT(loadavg)           \
	TEXT(meminfo)           \
	TEXT(buddyinfo)         \
	TEXT(pagetypeinfo)      \
	TEXT(slabinfo)          \
	TEXT(vmstat)            \
	TEXT(stat)              \
	TEXT(uptime)            \
	TEXT(version)           \
	TEXT(cpus_online)       \
	TEXT(overcommit_memory) \
	TEXT(pid_max)           \
	TEXT(osrelease)         \
	TEXT(ngroups_max)       \
	TEXT(fd_directory)      \
	TEXT(fd_0)              \
	TEXT(fd_1)              \
	TEXT(fd_2)

#define TEXT(name) void procfs_##name(struct linux_task *p, struct proc_text *to);
PROCFS_TEXTS(TEXT)
#undef TEXT

/* Is p's memory that of the running space? Of others nothing is said. */
bool procfs_memory_runs(const struct linux_task *p);

#endif
