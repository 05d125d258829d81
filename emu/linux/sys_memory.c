/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "emu/linux/sys_memory.h"
#include "emu/kernel/kernel_truth.h"

/* The memory calls: thin over the kernel model, which does what mmap(2) and its kin say. */

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "emu/linux/clock.h"
#include "emu/linux/process.h"
#include "emu/linux/syscall.h"
#include "emu/linux/user.h"

#define PAGE_MASK ((uint64_t)FRAME_BYTES - 1)
#define NO_FILE   UINT64_MAX

/* Linux's flags that a mapping may have here; the kernel model knows the rest of the rules. */
#define FLAGS_KNOWN                                                                        \
	((uint32_t)(MAP_SHARED | MAP_PRIVATE | MAP_FIXED | MAP_ANONYMOUS | MAP_GROWSDOWN | \
		    MAP_FIXED_NOREPLACE | MAP_POPULATE))
/* With MAP_HUGETLB also these: 6 bits say which size. */
#define FLAGS_HUGE ((uint32_t)MAP_HUGETLB | MAP_NORESERVE | 63u << 26)

/* The inode keeps a descriptor of its own: mappings outlive the one they were made from. */
static int keep_content(struct inode *inode, const struct open_file *file)
{
	bool writable = file->writable && file_can_write(file);
	int fd;

	if (inode->content_fd >= 0 && (inode->content_writable || !writable))
		return 0;
	fd = fcntl(file->host_fd, F_DUPFD_CLOEXEC, 3);
	if (fd < 0)
		return -errno;
	if (inode->content_fd >= 0)
		close(inode->content_fd);
	inode->content_fd = fd;
	inode->content_writable = writable;
	return 0;
}

int64_t memory_map_file(struct linux_task *p, struct open_file *file,
			const struct memory_request *request)
{
	int64_t id, at;
	bool shared_writes;
	int error;

	if (!file_can_read(file))
		return -EACCES;
	if (file->type != S_IFREG || !file->inode)
		return -ENODEV;
	shared_writes = (request->flags & MAP_SHARED) && file_can_write(file);
	if ((request->flags & MAP_SHARED) && (request->prot & PROT_WRITE) && !shared_writes)
		return -EACCES;
	id = file_kernel_id(p, file);
	if (id < 0)
		return id;
	error = keep_content(file->inode, file);
	if (error)
		return error;
	at = kernel_mmap(p->system->kernel, request->addr, request->length, request->prot,
			 request->flags, (uint64_t)id, request->offset);
	if (at < 0)
		return at;
	file->inode->shared_writes |= shared_writes;
	if (!file->inode->path)
		file->inode->path = strdup(file->path);
	memory_tell_file(p, file, request, (va_t)at);
	return at;
}

int64_t sys_mmap(struct linux_task *p, const uint64_t *a)
{
	struct memory_request request = {
		.addr = a[0],
		.length = a[1],
		.prot = (uint32_t)a[2],
		.flags = (uint32_t)a[3],
		.offset = a[5],
	};
	struct open_file *file;
	int64_t at;

	if (request.offset & PAGE_MASK)
		return -EINVAL;
	if ((request.flags & MAP_TYPE) == MAP_SHARED_VALIDATE)
		request.flags ^= MAP_SHARED_VALIDATE ^ MAP_SHARED;
	request.flags &= FLAGS_KNOWN | (request.flags & MAP_HUGETLB ? FLAGS_HUGE : 0);
	file = fd_get(p, a[4]);
	if (!(request.flags & MAP_ANONYMOUS) && !file)
		return -EBADF;
	if (!(request.flags & MAP_ANONYMOUS) && request.flags & MAP_HUGETLB)
		return -EINVAL;
	/* A private mapping of /dev/zero is anonymous memory. */
	if (file && !(request.flags & MAP_ANONYMOUS) && file->type == S_IFCHR &&
	    strcmp(file->path, "/dev/zero") == 0)
		request.flags |= MAP_ANONYMOUS;
	if (!(request.flags & MAP_ANONYMOUS))
		return memory_map_file(p, file, &request);
	at = kernel_mmap(p->system->kernel, request.addr, request.length, request.prot,
			 request.flags, NO_FILE, 0);
	if (at >= 0)
		memory_tell_anonymous(p, &request, (va_t)at);
	return at;
}

int64_t sys_munmap(struct linux_task *p, const uint64_t *a)
{
	return kernel_munmap(p->system->kernel, a[0], a[1]);
}

int64_t sys_mprotect(struct linux_task *p, const uint64_t *a)
{
	bool code = a[2] & PROT_EXEC;
	int64_t result;

	if (code)
		memory_code_altered(p, a[0], a[1]);
	result = kernel_mprotect(p->system->kernel, a[0], a[1], a[2]);
	if (code && result == 0)
		memory_tell_code(p, a[0], a[1]);
	return result;
}

int64_t sys_mremap(struct linux_task *p, const uint64_t *a)
{
	int64_t at = kernel_mremap(p->system->kernel, a[0], a[1], a[2], a[3], a[4]);

	if (at >= 0 && (va_t)at != a[0])
		memory_tell_code(p, (va_t)at, a[2]);
	return at;
}

int64_t sys_madvise(struct linux_task *p, const uint64_t *a)
{
	return kernel_madvise(p->system->kernel, a[0], a[1], a[2]);
}

int64_t sys_msync(struct linux_task *p, const uint64_t *a)
{
	return kernel_msync(p->system->kernel, a[0], a[1], a[2]);
}

int64_t sys_brk(struct linux_task *p, const uint64_t *a)
{
	return kernel_brk(p->system->kernel, a[0]);
}

/* As the machine has it: marks the trace. */
int64_t sys_mincore(struct linux_task *p, const uint64_t *a)
{
	va_t at = a[0], end;

	if (at & PAGE_MASK)
		return -EINVAL;
	if (a[1] > kernel_va_end(p->system->kernel) || at > kernel_va_end(p->system->kernel) - a[1])
		return -ENOMEM;
	end = (at + a[1] + PAGE_MASK) & ~PAGE_MASK;
	kernel_truth_read(p->system->kernel, TRUTH_MINCORE);
	for (va_t to = a[2]; at < end; at += FRAME_BYTES, to++) {
		bool inside = false;
		uint8_t resident;

		if (!kernel_vma_at(p->system->kernel, at, &inside) || !inside)
			return -ENOMEM;
		resident = kernel_page_in_core(p->system->kernel, at);
		if (user_put(p, to, &resident) < 0)
			return -EFAULT;
	}
	return 0;
}

/* Locking is granted and means nothing: the guest cannot tell. */
int64_t sys_mlock(struct linux_task *p, const uint64_t *a)
{
	(void)p, (void)a;
	return 0;
}

void memory_sync_all(struct linux_task *p)
{
	struct kernel *kernel = p->system->kernel;
	unsigned count = p->memory->space ? kernel_vma_count(kernel) : 0;

	for (unsigned n = 0; n < count; n++) {
		const struct vma *vma = kernel_vma_nth(kernel, n);
		struct inode *inode;

		if (vma->file < 0 || !(vma->flags & MAP_SHARED))
			continue;
		inode = inode_by_number(&p->system->inodes,
					kernel_file_identity(kernel, vma->file));
		if (!inode || !inode->content_writable)
			continue;
		kernel_msync(kernel, vma->start, vma->end - vma->start, MS_SYNC);
		inode_changed(inode, clock_now_ns(p->system), true);
		inode_push_times(inode, inode->content_fd);
	}
}
