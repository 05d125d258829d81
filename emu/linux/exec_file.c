/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "emu/linux/exec.h"

/* The first part of execve: which files, and are they fit to run. */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "emu/linux/process.h"
#include "mmu/error.h"

enum { SCRIPT_LINE = 256 /* BINPRM_BUF_SIZE */, SCRIPTS_MAX = 5 };

static int say(struct exec_plan *plan, int error, const char *text)
{
	snprintf(plan->text, sizeof(plan->text), "%s", text);
	return error;
}

/* Resolves a file that is to be executed; hostfs_leave(place) after 0. */
static int find(struct linux_task *p, const char *path, struct place *place)
{
	int error = hostfs_resolve(p, p->place->cwd, path, 0, place);

	if (error)
		return error;
	if (place->kind == PLACE_ABSENT)
		error = -ENOENT;
	else if (place->kind == PLACE_VIRTUAL)
		error = -EACCES;
	else if (S_ISDIR(place->st.st_mode))
		error = -EISDIR;
	else if (!S_ISREG(place->st.st_mode) ||
		 faccessat(place->parent_fd, place->name, X_OK, 0) != 0)
		error = -EACCES;
	if (error)
		hostfs_leave(place);
	return error;
}

int exec_search(struct linux_task *p, const char *program, const char *path_list,
		char found[PATH_MAX])
{
	struct place place;
	int error = -ENOENT;

	if (strchr(program, '/') || !*program) {
		int length = snprintf(found, PATH_MAX, "%s", program);

		return !*program ? -ENOENT : length < PATH_MAX ? 0 : -ENAMETOOLONG;
	}
	while (path_list) {
		size_t length = strcspn(path_list, ":");
		int used = snprintf(found, PATH_MAX, "%.*s/%s", length ? (int)length : 1,
				    length ? path_list : ".", program);
		int now = used < PATH_MAX ? find(p, found, &place) : -ENAMETOOLONG;

		if (now == 0) {
			hostfs_leave(&place);
			return 0;
		}
		if (now == -EACCES || now == -EISDIR)
			error = -EACCES;
		path_list = path_list[length] ? path_list + length + 1 : NULL;
	}
	return error;
}

static int open_object(struct linux_task *p, struct exec_plan *plan, const char *path,
		       struct exec_object *object)
{
	struct place place;
	bool made;
	int error = find(p, path, &place), fd;
	int64_t result;

	if (error == -EISDIR)
		return say(plan, -EACCES, "is a directory");
	if (error)
		return say(plan, error, strerror(-error));
	fd = hostfs_open(&place, O_RDONLY, 0, &made);
	if (fd < 0) {
		hostfs_leave(&place);
		return say(plan, fd, strerror(-fd));
	}
	result = file_from_host(p, fd, O_RDONLY, place.path, &object->file);
	hostfs_leave(&place);
	return result < 0 ? say(plan, (int)result, strerror((int)-result)) : 0;
}

static void drop_object(struct linux_task *p, struct exec_object *object)
{
	if (object->file)
		open_file_put(p, object->file);
	object->file = NULL;
}

static int64_t read_source(void *ctx, uint64_t offset, void *to, size_t bytes)
{
	const struct open_file *file = ctx;

	if (offset > INT64_MAX)
		return 0;
	return pread(file->host_fd, to, bytes, (off_t)offset);
}

static int parse_object(struct exec_plan *plan, struct exec_object *object)
{
	char text[ELF_TEXT_MAX];
	struct stat st;
	struct elf_source source = { .ctx = object->file, .read = read_source };

	if (fstat(object->file->host_fd, &st) != 0)
		return say(plan, -errno, strerror(errno));
	source.size = (uint64_t)st.st_size;
	if (elf_parse(&object->image, &source, text) == PW_OK)
		return 0;
	return say(plan, -ENOEXEC, text);
}

/* Splits "#! interpreter argument" in place, as fs/binfmt_script.c does. */
static bool script_line(char *line, char **interpreter, char **argument)
{
	char *end = line + strcspn(line, "\n");

	*end = '\0';
	while (end > line && (end[-1] == ' ' || end[-1] == '\t'))
		*--end = '\0';
	*interpreter = line + 2 + strspn(line + 2, " \t");
	*argument = *interpreter + strcspn(*interpreter, " \t");
	if (**argument) {
		*(*argument)++ = '\0';
		*argument += strspn(*argument, " \t");
	}
	return **interpreter != '\0';
}

/* argv becomes: interpreter, its argument, the script, and what followed argv[0]. */
static int script_argv(struct exec_plan *plan, const char *interpreter, const char *argument,
		       const char *script)
{
	int error;

	string_list_remove_first(&plan->argv);
	error = string_list_insert_first(&plan->argv, script);
	if (!error && *argument)
		error = string_list_insert_first(&plan->argv, argument);
	if (!error)
		error = string_list_insert_first(&plan->argv, interpreter);
	return error;
}

/* 1: `path` was a script and is now its interpreter; 0: it is none. */
static int unwrap_script(struct linux_task *p, struct exec_plan *plan, char path[PATH_MAX])
{
	char line[SCRIPT_LINE + 1] = "", *interpreter, *argument;
	ssize_t length = pread(plan->program.file->host_fd, line, SCRIPT_LINE, 0);
	int error;

	if (length < 2 || line[0] != '#' || line[1] != '!')
		return 0;
	if (!script_line(line, &interpreter, &argument))
		return say(plan, -ENOEXEC, "the line after #! names no interpreter");
	error = script_argv(plan, interpreter, argument, path);
	if (error)
		return say(plan, error, strerror(-error));
	strcpy(path, interpreter);
	drop_object(p, &plan->program);
	return 1;
}

static int open_interpreter(struct linux_task *p, struct exec_plan *plan)
{
	const char *name = plan->program.image.interpreter;
	char why[ELF_TEXT_MAX];
	int error = open_object(p, plan, name, &plan->interpreter);

	if (!error)
		error = parse_object(plan, &plan->interpreter);
	if (!error)
		return 0;
	snprintf(why, sizeof(why), "%.*s", (int)sizeof(why) - 1,
		 error == -ENOENT ? "not found" : plan->text);
	snprintf(plan->text, sizeof(plan->text), "interpreter %s: %s", name, why);
	return error;
}

int exec_prepare(struct linux_task *p, struct exec_plan *plan)
{
	char path[PATH_MAX];
	int error;

	strcpy(path, plan->name);
	for (int depth = 0;; depth++) {
		error = open_object(p, plan, path, &plan->program);
		if (error == -ENOENT && depth == 0)
			snprintf(plan->text, sizeof(plan->text), "not found");
		else if (error == -ENOENT)
			snprintf(plan->text, sizeof(plan->text), "interpreter %s: not found", path);
		if (error)
			return error;
		error = unwrap_script(p, plan, path);
		if (error < 0)
			return error;
		if (error == 0)
			break;
		if (depth == SCRIPTS_MAX)
			return say(plan, -ELOOP, "too many interpreters of interpreters");
	}
	error = parse_object(plan, &plan->program);
	if (!error && plan->program.image.interpreter[0])
		error = open_interpreter(p, plan);
	return error;
}

void exec_plan_release(struct linux_task *p, struct exec_plan *plan)
{
	drop_object(p, &plan->program);
	drop_object(p, &plan->interpreter);
	string_list_release(&plan->argv);
	string_list_release(&plan->env);
}
