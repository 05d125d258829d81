/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Telling whoever asks (linux_config.mapped) which files are mapped where, so that addresses can be
 * named: each mapping of a file, and all of them again in the copy that a fork makes.
 *
 * A name must not be wrong. So executable memory whose content is of no file is told too, as a
 * mapping without a path, for it may lie where a file was before: anonymous memory, and a file's
 * once a program could write to its private copy before it made that executable. A file to which
 * that happened is not named any more where it is executable, in any process.
 */

#include <string.h>
#include <sys/mman.h>

#include "emu/linux/linux.h"
#include "emu/linux/process.h"
#include "emu/linux/sys_memory.h"

/* A compiler at run time makes the same range executable again and again: that is told once. */
static bool was_told(struct linux_system *system, const struct linux_mapping *mapping)
{
	struct linux_told *told = system->told;

	for (unsigned i = 0; i < system->told_count; i++)
		if (told[i].space == mapping->space && told[i].start == mapping->start &&
		    told[i].length == mapping->length)
			return true;
	if (system->told_count == LINUX_TOLD_MAX)
		system->told_count = 0;
	told[system->told_count++] =
		(struct linux_told){ mapping->space, mapping->start, mapping->length };
	return false;
}

static void tell(struct linux_system *system, const struct linux_mapping *mapping)
{
	if (mapping->path)
		system->told_count = 0; /* it may lie where they were */
	else if (was_told(system, mapping))
		return;
	system->mapped(system->ctx, mapping);
}

static bool is_altered(const struct inode *inode, uint32_t prot, uint32_t flags)
{
	return inode->code_altered && (prot & PROT_EXEC) && !(flags & MAP_SHARED);
}

void memory_tell_file(struct linux_task *p, const struct open_file *file,
		      const struct memory_request *request, va_t at)
{
	bool altered = is_altered(file->inode, request->prot, request->flags);
	const struct linux_mapping mapping = { .space = (asid_t)p->memory->space,
					       .start = at,
					       .length = request->length,
					       .offset = request->offset,
					       .prot = request->prot,
					       .path = altered ? NULL : file->path,
					       .fd = file->host_fd };

	if (p->system->mapped)
		tell(p->system, &mapping);
}

void memory_tell_anonymous(struct linux_task *p, const struct memory_request *request, va_t at)
{
	const struct linux_mapping mapping = { .space = (asid_t)p->memory->space,
					       .start = at,
					       .length = request->length,
					       .prot = request->prot,
					       .fd = -1 };

	if (p->system->mapped && (request->prot & PROT_EXEC))
		tell(p->system, &mapping);
}

static struct inode *inode_of(struct linux_task *p, const struct vma *vma)
{
	if (vma->file < 0)
		return NULL;
	return inode_by_number(&p->system->inodes,
			       kernel_file_identity(p->system->kernel, vma->file));
}

/* What of a VMA of the running space lies from `start` to before `end`, as mapped in `space`. */
static void tell_vma(struct linux_task *p, const struct vma *vma, asid_t space, va_t start,
		     va_t end)
{
	const struct inode *inode = inode_of(p, vma);
	struct linux_mapping mapping = { .space = space,
					 .start = vma->start > start ? vma->start : start,
					 .prot = vma->prot,
					 .fd = -1 };

	mapping.length = (vma->end < end ? vma->end : end) - mapping.start;
	if (inode && inode->path && !is_altered(inode, vma->prot, vma->flags)) {
		mapping.offset = vma->offset + (mapping.start - vma->start);
		mapping.path = inode->path;
		mapping.fd = inode->content_fd;
	}
	tell(p->system, &mapping);
}

void memory_tell_forked(struct linux_task *p, int64_t space)
{
	struct kernel *kernel = p->system->kernel;

	for (unsigned n = 0; p->system->mapped && n < kernel_vma_count(kernel); n++) {
		const struct vma *vma = kernel_vma_nth(kernel, n);

		if (inode_of(p, vma))
			tell_vma(p, vma, (asid_t)space, vma->start, vma->end);
	}
}

void memory_code_altered(struct linux_task *p, va_t start, uint64_t length)
{
	struct kernel *kernel = p->system->kernel;

	for (unsigned n = 0; n < kernel_vma_count(kernel); n++) {
		const struct vma *vma = kernel_vma_nth(kernel, n);
		struct inode *inode = inode_of(p, vma);

		if (inode && (vma->prot & PROT_WRITE) && !(vma->flags & MAP_SHARED) &&
		    vma->start < start + length && vma->end > start)
			inode->code_altered = true;
	}
}

void memory_tell_code(struct linux_task *p, va_t start, uint64_t length)
{
	struct kernel *kernel = p->system->kernel;
	va_t end = start + length;

	for (unsigned n = 0; p->system->mapped && n < kernel_vma_count(kernel); n++) {
		const struct vma *vma = kernel_vma_nth(kernel, n);

		if ((vma->prot & PROT_EXEC) && vma->start < end && vma->end > start)
			tell_vma(p, vma, (asid_t)p->memory->space, start, end);
	}
}
