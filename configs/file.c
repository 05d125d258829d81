/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where descriptions are found, and their bytes. A name is looked up in three directories, the
 * first that has it wins; a path is taken as it is, or, in a `base:`, from the directory of the
 * description that names it.
 */

#include "configs/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "configs/loader.h"
#include "configs/text.h"
#include "mmu/error.h"

static const char suffix[] = ".yaml";
enum { DIRECTORY_COUNT = 3, SUFFIX_LENGTH = sizeof(suffix) - 1 };

/* NULL entries are none. */
static void list_directories(const char *directories[DIRECTORY_COUNT])
{
	const char *own = getenv("PAGEWALK_CONFIG_DIR");

	directories[0] = own != NULL && *own != '\0' ? own : NULL;
	directories[1] = PAGEWALK_CONFIG_DIR_DEFAULT;
	directories[2] = PAGEWALK_CONFIG_DIR_SOURCE;
}

static bool has_suffix(const char *name)
{
	size_t length = strlen(name);

	return length >= SUFFIX_LENGTH && strcmp(name + length - SUFFIX_LENGTH, suffix) == 0;
}

static bool exists(const char *path)
{
	struct stat status;

	return stat(path, &status) == 0 || errno != ENOENT;
}

static int fail(const struct file_request *request, int result, const char *what, const char *why)
{
	config_fail(request->error, request->where, "%s%.600s: %s", request->prefix, what, why);
	return result;
}

/* --- names ---------------------------------------------------------------------------------- */

struct entry {
	char *name, *path;
};

struct listing {
	struct entry *entries;
	size_t count, next;
};

static void listing_release(struct listing *listing)
{
	for (size_t i = 0; i < listing->count; i++) {
		free(listing->entries[i].name);
		free(listing->entries[i].path);
	}
	free(listing->entries);
}

static bool listing_has(const struct listing *listing, const char *name)
{
	for (size_t i = 0; i < listing->count; i++)
		if (strcmp(listing->entries[i].name, name) == 0)
			return true;
	return false;
}

static int listing_add(struct listing *listing, const char *directory, const char *file)
{
	struct entry entry, *entries;

	entry.name = strndup(file, strlen(file) - SUFFIX_LENGTH);
	if (entry.name == NULL)
		return PW_NOMEM;
	if (listing_has(listing, entry.name)) {
		free(entry.name);
		return PW_OK;
	}
	entries = realloc(listing->entries, (listing->count + 1) * sizeof(*entries));
	if (entries != NULL)
		listing->entries = entries;
	if (entries == NULL || asprintf(&entry.path, "%s/%s", directory, file) < 0) {
		free(entry.name);
		return PW_NOMEM;
	}
	entries[listing->count++] = entry;
	return PW_OK;
}

static int listing_add_directory(struct listing *listing, const char *path)
{
	DIR *directory = path != NULL ? opendir(path) : NULL;
	const struct dirent *entry;
	int result = PW_OK;

	if (directory == NULL)
		return PW_OK;
	while (result == PW_OK && (entry = readdir(directory)) != NULL)
		if (entry->d_name[0] != '.' && has_suffix(entry->d_name))
			result = listing_add(listing, path, entry->d_name);
	closedir(directory);
	return result;
}

static int compare_entries(const void *a, const void *b)
{
	return strcmp(((const struct entry *)a)->name, ((const struct entry *)b)->name);
}

static int listing_fill(struct listing *listing)
{
	const char *directories[DIRECTORY_COUNT];
	int result = PW_OK;

	list_directories(directories);
	for (unsigned i = 0; result == PW_OK && i < DIRECTORY_COUNT; i++)
		result = listing_add_directory(listing, directories[i]);
	if (listing->count != 0)
		qsort(listing->entries, listing->count, sizeof(*listing->entries), compare_entries);
	return result;
}

/* The first line that is a comment and not the licence. */
static void read_description(const char *path, char *out, size_t room)
{
	FILE *file = fopen(path, "re");
	char line[256];

	*out = '\0';
	while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
		line[strcspn(line, "\r\n")] = '\0';
		if (line[0] != '#' || strstr(line, "SPDX-License-Identifier") != NULL)
			continue;
		snprintf(out, room, "%s", line + 1 + strspn(line + 1, " \t"));
		break;
	}
	if (file != NULL)
		fclose(file);
}

int config_list(config_visit_fn *visit, void *ctx)
{
	struct listing listing = { 0 };
	int result = listing_fill(&listing);

	for (size_t i = 0; result == PW_OK && i < listing.count; i++) {
		char description[256];

		read_description(listing.entries[i].path, description, sizeof(description));
		result = visit(ctx, listing.entries[i].name, description);
	}
	listing_release(&listing);
	return result;
}

static const char *next_name(void *ctx)
{
	struct listing *listing = ctx;

	return listing->next < listing->count ? listing->entries[listing->next++].name : NULL;
}

static int fail_absent(const struct file_request *request)
{
	const char *directories[DIRECTORY_COUNT];
	struct listing listing = { 0 };
	struct config_text places = { 0 };
	const char *closest = NULL;
	char quoted[QUOTE_MAX];

	list_directories(directories);
	for (unsigned i = 0; i < DIRECTORY_COUNT; i++)
		if (directories[i] != NULL)
			config_text_add(&places, "%s%.200s", places.length != 0 ? ", " : "",
					directories[i]);
	if (listing_fill(&listing) == PW_OK)
		closest = config_text_closest(request->name, next_name, &listing);
	if (closest != NULL)
		config_fail(request->error, request->where,
			    "%sno machine is named '%s'; did you mean '%s'?", request->prefix,
			    config_quote(quoted, request->name), closest);
	else
		config_fail(request->error, request->where,
			    "%sno machine is named '%s' (looked in %s)", request->prefix,
			    config_quote(quoted, request->name), places.failed ? "" : places.bytes);
	listing_release(&listing);
	config_text_release(&places);
	return PW_ABSENT;
}

static int find_name(const struct file_request *request, char path[PATH_MAX])
{
	const char *directories[DIRECTORY_COUNT];

	list_directories(directories);
	for (unsigned i = 0; i < DIRECTORY_COUNT; i++) {
		int length;

		if (directories[i] == NULL || *request->name == '\0')
			continue;
		length = snprintf(path, PATH_MAX, "%s/%s%s", directories[i], request->name, suffix);
		if (length > 0 && length < PATH_MAX && exists(path))
			return PW_OK;
	}
	return fail_absent(request);
}

static int find_path(const struct file_request *request, char path[PATH_MAX])
{
	const char *beside = request->where != NULL ? request->where->file : NULL;
	const char *slash = beside != NULL ? strrchr(beside, '/') : NULL;
	int length;

	if (slash == NULL || request->name[0] == '/')
		length = snprintf(path, PATH_MAX, "%s", request->name);
	else
		length = snprintf(path, PATH_MAX, "%.*s/%s", (int)(slash - beside), beside,
				  request->name);
	if (length < 0 || length >= PATH_MAX)
		return fail(request, PW_ABSENT, request->name, "the path is too long");
	return PW_OK;
}

/* --- bytes ---------------------------------------------------------------------------------- */

/* One byte more than is allowed tells a file that is too large. */
static int read_bytes(const struct file_request *request, int fd, struct file *file)
{
	size_t room = TREE_FILE_BYTES_MAX + 1;

	file->length = 0;
	file->bytes = malloc(room);
	if (file->bytes == NULL)
		return config_no_memory(request->error);
	while (file->length < room) {
		ssize_t got = read(fd, file->bytes + file->length, room - file->length);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return fail(request, PW_IO, file->path, strerror(errno));
		if (got == 0)
			return PW_OK;
		file->length += (size_t)got;
	}
	return fail(request, PW_LIMIT, file->path,
		    "larger than 1 MiB, so not a machine description");
}

int file_open(const struct file_request *request, struct file *file)
{
	bool is_path = strchr(request->name, '/') != NULL || has_suffix(request->name);
	int result = is_path ? find_path(request, file->path) : find_name(request, file->path);
	struct stat status;
	int fd;

	file->bytes = NULL;
	if (result != PW_OK)
		return result;
	fd = open(file->path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return fail(request, errno == ENOENT ? PW_ABSENT : PW_IO, file->path,
			    strerror(errno));
	if (fstat(fd, &status) != 0)
		result = fail(request, PW_IO, file->path, strerror(errno));
	else if (S_ISDIR(status.st_mode))
		result = fail(request, PW_IO, file->path, "is a directory");
	else
		result = read_bytes(request, fd, file);
	close(fd);
	if (result != PW_OK) {
		file_close(file);
		return result;
	}
	file->device = status.st_dev;
	file->inode = status.st_ino;
	return PW_OK;
}

void file_close(struct file *file)
{
	free(file->bytes);
	file->bytes = NULL;
}
