/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Any bytes as a machine description. What loads must pass the check, render, and load again as
 * the same machine; what does not must leave a message, on one line, and the configuration as it
 * was. The sanitizers look for the rest.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "configs/loader.h"
#include "emu/machine/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int condition)
{
	if (!condition)
		abort();
}

/* `base:` could name any file of the host; a fuzzer has no business there. */
static int names_a_path(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	return memmem(data, size, "base", 4) != NULL && memchr(data, '/', size) != NULL;
}

static void check_loaded(const struct machine_config *config)
{
	struct machine_config again;
	struct config_error error;
	char *text, *text_again, *summary;

	must(config_render(config, &text) == PW_OK);
	must(config_load_bytes(&again, "rendered.yaml", text, strlen(text), &error) == PW_OK);
	must(config_render(&again, &text_again) == PW_OK);
	must(strcmp(text, text_again) == 0);
	must(config_describe(config, &summary) == PW_OK);
	free(text);
	free(text_again);
	free(summary);
}

static void check_refused(const struct machine_config *config, const struct config_error *error)
{
	size_t length = strnlen(error->text, sizeof(error->text));

	must(length > 0 && length < sizeof(error->text));
	must(strchr(error->text, '\n') == NULL);
	must(config->cpi == 12345);
}

/* The first line, if it ends in "=...", is also tried as an override. */
static void try_override(const uint8_t *data, size_t size)
{
	const uint8_t *end = size != 0 ? memchr(data, '\n', size) : NULL;
	struct machine_config config = { .cpi = 12345 };
	struct config_error error;
	const char *override;
	char line[256];

	if (end == NULL || end - data >= (ptrdiff_t)sizeof(line))
		return;
	memcpy(line, data, (size_t)(end - data));
	line[end - data] = '\0';
	override = line;
	if (strchr(line, '=') != NULL &&
	    config_load_with(&config, "textbook", &override, 1, &error) == PW_OK)
		check_loaded(&config);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct machine_config config = { .cpi = 12345 };
	struct config_error error;

	if (names_a_path(data, size))
		return 0;
	if (config_load_bytes(&config, "fuzz.yaml", data, size, &error) == PW_OK)
		check_loaded(&config);
	else
		check_refused(&config, &error);
	try_override(data, size);
	return 0;
}
