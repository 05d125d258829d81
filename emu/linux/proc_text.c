/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "emu/linux/proc_text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool reserve(struct proc_text *text, size_t more)
{
	size_t capacity = text->capacity ? text->capacity : 256;
	char *larger;

	while (capacity - text->length <= more)
		capacity *= 2;
	if (capacity == text->capacity)
		return true;
	larger = realloc(text->bytes, capacity);
	if (!larger) {
		text->failed = true;
		return false;
	}
	text->bytes = larger;
	text->capacity = capacity;
	return true;
}

void proc_text_append(struct proc_text *text, const void *bytes, size_t length)
{
	if (!reserve(text, length))
		return;
	memcpy(text->bytes + text->length, bytes, length);
	text->length += length;
	text->bytes[text->length] = '\0';
}

void proc_text_print(struct proc_text *text, const char *format, ...)
{
	char line[8192];
	va_list args;
	int length;

	va_start(args, format);
	length = vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	if (length > 0)
		proc_text_append(text, line,
				 (size_t)length < sizeof(line) ? (size_t)length : sizeof(line) - 1);
}

void proc_text_release(struct proc_text *text)
{
	free(text->bytes);
	*text = (struct proc_text){ 0 };
}
