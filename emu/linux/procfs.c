/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "emu/linux/procfs.h"

/* What is about the machine: /proc/cpuinfo and its like. */

#include <stdio.h>
#include <sys/utsname.h>

#include "emu/linux/clock.h"
#include "emu/linux/proc_text.h"
#include "emu/linux/process.h"

enum { CENTISECONDS_NS = NS_PER_SECOND / 100 };

static int64_t uptime_ns(const struct linux_task *p)
{
	return CLOCK_BOOTED_NS + clock_elapsed_ns(p->system);
}

void procfs_self_link(struct linux_task *p, struct proc_text *to)
{
	proc_text_print(to, "%d", p->process->pid);
}

void procfs_mounts_link(struct linux_task *p, struct proc_text *to)
{
	(void)p;
	proc_text_print(to, "self/mounts");
}

void procfs_mounts(struct linux_task *p, struct proc_text *to)
{
	proc_text_print(to, "host / rootfs %s,relatime 0 0\n",
			p->system->hostfs.write_dir_count ? "rw" : "ro");
	proc_text_print(to, "proc /proc proc ro,nosuid,nodev,noexec,relatime 0 0\n"
			    "sysfs /sys sysfs ro,nosuid,nodev,noexec,relatime 0 0\n"
			    "devtmpfs /dev devtmpfs ro,nosuid 0 0\n");
}

static void one_cpu(struct proc_text *to, unsigned n, unsigned count)
{
	proc_text_print(
		to,
		"processor\t: %u\nvendor_id\t: GenuineIntel\ncpu family\t: 6\nmodel\t\t: 60\n"
		"model name\t: pagewalk modelled CPU\nstepping\t: 1\ncpu MHz\t\t: 1000.000\n"
		"physical id\t: 0\nsiblings\t: %u\ncore id\t\t: %u\ncpu cores\t: %u\n"
		"apicid\t\t: %u\nfpu\t\t: yes\nfpu_exception\t: yes\ncpuid level\t: 13\nwp\t\t: yes\n",
		n, count, n, count, n);
	proc_text_print(
		to,
		"flags\t\t: fpu de pse tsc msr pae mce cx8 apic sep mtrr pge mca cmov pat pse36 "
		"clflush mmx fxsr sse sse2 syscall nx lm constant_tsc pni ssse3 cx16 sse4_1 "
		"sse4_2 popcnt lahf_lm\nbogomips\t: 2000.00\nclflush size\t: 64\n"
		"cache_alignment\t: 64\naddress sizes\t: 40 bits physical, 48 bits virtual\n"
		"power management:\n\n");
}

void procfs_cpuinfo(struct linux_task *p, struct proc_text *to)
{
	for (unsigned n = 0; n < p->system->reported_cpus; n++)
		one_cpu(to, n, p->system->reported_cpus);
}

void procfs_filesystems(struct linux_task *p, struct proc_text *to)
{
	(void)p;
	proc_text_print(to, "nodev\tsysfs\nnodev\ttmpfs\nnodev\tproc\nnodev\tdevtmpfs\n\text4\n");
}

void procfs_loadavg(struct linux_task *p, struct proc_text *to)
{
	proc_text_print(to, "0.00 0.00 0.00 1/1 %d\n", p->process->pid);
}

static void cpu_line(struct linux_task *p, struct proc_text *to, const char *name)
{
	int64_t used = clock_busy_ns(p->system) / CENTISECONDS_NS;

	proc_text_print(to, "%s %lld 0 0 %lld 0 0 0 0 0 0\n", name, (long long)used,
			(long long)(uptime_ns(p) / CENTISECONDS_NS - used));
}

void procfs_stat(struct linux_task *p, struct proc_text *to)
{
	char name[16];

	cpu_line(p, to, "cpu ");
	for (unsigned n = 0; n < p->system->reported_cpus; n++) {
		snprintf(name, sizeof(name), "cpu%u", n);
		cpu_line(p, to, name);
	}
	proc_text_print(
		to, "intr 0\nctxt 0\nbtime %lld\nprocesses 1\nprocs_running 1\nprocs_blocked 0\n",
		(long long)((p->system->clock_start_ns - CLOCK_BOOTED_NS) / NS_PER_SECOND));
}

void procfs_uptime(struct linux_task *p, struct proc_text *to)
{
	long long up = uptime_ns(p) / CENTISECONDS_NS;
	long long idle = up - clock_busy_ns(p->system) / CENTISECONDS_NS;

	proc_text_print(to, "%lld.%02lld %lld.%02lld\n", up / 100, up % 100, idle / 100,
			idle % 100);
}

void procfs_version(struct linux_task *p, struct proc_text *to)
{
	struct utsname name;

	(void)p;
	if (uname(&name) == 0)
		proc_text_print(to, "%s version %s (pagewalk) %s\n", name.sysname, name.release,
				name.version);
}

void procfs_osrelease(struct linux_task *p, struct proc_text *to)
{
	struct utsname name;

	(void)p;
	if (uname(&name) == 0)
		proc_text_print(to, "%s\n", name.release);
}

void procfs_cpus_online(struct linux_task *p, struct proc_text *to)
{
	if (p->system->reported_cpus == 1)
		proc_text_print(to, "0\n");
	else
		proc_text_print(to, "0-%u\n", p->system->reported_cpus - 1);
}

void procfs_overcommit_memory(struct linux_task *p, struct proc_text *to)
{
	(void)p;
	proc_text_print(to, "0\n");
}

void procfs_pid_max(struct linux_task *p, struct proc_text *to)
{
	(void)p;
	proc_text_print(to, "32768\n");
}

void procfs_ngroups_max(struct linux_task *p, struct proc_text *to)
{
	(void)p;
	proc_text_print(to, "65536\n");
}

/* --- links of /dev --------------------------------------------------------------------------- */

void procfs_fd_directory(struct linux_task *p, struct proc_text *to)
{
	(void)p;
	proc_text_print(to, "/proc/self/fd");
}

void procfs_fd_0(struct linux_task *p, struct proc_text *to)
{
	(void)p;
	proc_text_print(to, "/proc/self/fd/0");
}

void procfs_fd_1(struct linux_task *p, struct proc_text *to)
{
	(void)p;
	proc_text_print(to, "/proc/self/fd/1");
}

void procfs_fd_2(struct linux_task *p, struct proc_text *to)
{
	(void)p;
	proc_text_print(to, "/proc/self/fd/2");
}
