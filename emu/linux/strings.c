/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "emu/linux/strings.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "emu/linux/user.h"

enum {
	STRING_MAX = 128 << 10, /* MAX_ARG_STRLEN */
	TOTAL_MAX = 2 << 20,    /* a quarter of the stack limit */
};

static int reserve_one(struct string_list *list, size_t bytes)
{
	size_t capacity = list->capacity ? list->capacity * 2 : 16;
	char **larger;

	if (bytes > STRING_MAX ||
	    list->bytes + bytes + (list->count + 1) * sizeof(va_t) > TOTAL_MAX)
		return -E2BIG;
	if (list->count < list->capacity)
		return 0;
	larger = realloc(list->item, capacity * sizeof(*larger));
	if (!larger)
		return -ENOMEM;
	list->item = larger;
	list->capacity = capacity;
	return 0;
}

int string_list_add(struct string_list *list, const char *text)
{
	int error = reserve_one(list, strlen(text) + 1);

	if (error)
		return error;
	list->item[list->count] = strdup(text);
	if (!list->item[list->count])
		return -ENOMEM;
	list->count++;
	list->bytes += strlen(text) + 1;
	return 0;
}

int string_list_insert_first(struct string_list *list, const char *text)
{
	int error = string_list_add(list, text);
	char *last;

	if (error)
		return error;
	last = list->item[list->count - 1];
	memmove(list->item + 1, list->item, (list->count - 1) * sizeof(*list->item));
	list->item[0] = last;
	return 0;
}

int string_list_add_all(struct string_list *list, char *const *texts)
{
	int error = 0;

	for (; !error && texts && *texts; texts++)
		error = string_list_add(list, *texts);
	return error;
}

int string_list_read(struct string_list *list, struct linux_task *p, va_t array)
{
	char *text = array ? malloc(STRING_MAX) : NULL;
	int error = array && !text ? -ENOMEM : 0;

	while (array && !error) {
		va_t at;
		int64_t length;

		error = user_get(p, &at, array);
		if (error || !at)
			break;
		length = user_string(p, text, STRING_MAX, at);
		if (length < 0)
			error = length == -ENAMETOOLONG ? -E2BIG : (int)length;
		else
			error = string_list_add(list, text);
		array += sizeof(at);
	}
	free(text);
	return error;
}

void string_list_remove_first(struct string_list *list)
{
	if (list->count == 0)
		return;
	list->bytes -= strlen(list->item[0]) + 1;
	free(list->item[0]);
	list->count--;
	memmove(list->item, list->item + 1, list->count * sizeof(*list->item));
}

void string_list_release(struct string_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		free(list->item[i]);
	free(list->item);
	*list = (struct string_list){ 0 };
}
