/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * libcyaml fills and reads the structs. The tree was checked before, with places in the user's
 * files that libcyaml cannot know; what it still refuses is a disagreement of ours, and its own
 * words are passed on.
 */

#include "configs/plain_cyaml.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cyaml/cyaml.h>

#include "configs/loader.h"
#include "configs/schema.h"
#include "configs/text.h"
#include "emu/machine/config.h"
#include "mmu/error.h"

enum { COMPLAINT_MAX = 256 };

/* libcyaml 1.3 keeps what it saves in static memory on the way: one thread at a time. */
static pthread_mutex_t save_lock = PTHREAD_MUTEX_INITIALIZER;

/* libcyaml's first complaint; what follows it is its back trace. */
static void keep_first(cyaml_log_t level, void *ctx, const char *format, va_list args)
{
	char *complaint = ctx;

	if (level < CYAML_LOG_ERROR || complaint[0] != '\0')
		return;
	vsnprintf(complaint, COMPLAINT_MAX, format, args);
	complaint[strcspn(complaint, "\n")] = '\0';
}

static cyaml_config_t cyaml_setup(char *complaint)
{
	complaint[0] = '\0';
	return (cyaml_config_t){
		.log_fn = keep_first,
		.log_ctx = complaint,
		.log_level = CYAML_LOG_ERROR,
		.mem_fn = cyaml_mem,
		.flags = CYAML_CFG_NO_ALIAS,
	};
}

/* What libyaml reads here was written by libyaml: it has nothing to refuse but too little memory. */
static bool is_no_memory(cyaml_err_t result)
{
	return result == CYAML_ERR_OOM || result == CYAML_ERR_LIBYAML_PARSER ||
	       result == CYAML_ERR_LIBYAML_PARSER_INIT || result == CYAML_ERR_LIBYAML_EVENT_INIT ||
	       result == CYAML_ERR_LIBYAML_EMITTER || result == CYAML_ERR_LIBYAML_EMITTER_INIT;
}

static int fail_cyaml(struct config_error *error, cyaml_err_t result, const char *complaint)
{
	if (is_no_memory(result))
		return config_no_memory(error);
	return config_fail_as(error, PW_INVALID, "libcyaml refuses the description: %s (%s)",
			      complaint, cyaml_strerror(result));
}

int plain_to_config(const struct node *plain, struct machine_config *config,
		    struct config_error *error)
{
	char complaint[COMPLAINT_MAX];
	cyaml_config_t setup = cyaml_setup(complaint);
	struct config_text text = { 0 };
	void *loaded = NULL;
	cyaml_err_t result;

	if (tree_emit(plain, &text) != PW_OK) {
		config_text_release(&text);
		return config_no_memory(error);
	}
	result = cyaml_load_data((const uint8_t *)text.bytes, text.length, &setup, &machine_schema,
				 &loaded, NULL);
	config_text_release(&text);
	if (result != CYAML_OK)
		return fail_cyaml(error, result, complaint);
	*config = *(const struct machine_config *)loaded;
	cyaml_free(&setup, &machine_schema, loaded, 0);
	return PW_OK;
}

int plain_from_config(struct tree *tree, const struct machine_config *config, struct node **plain,
		      struct config_error *error)
{
	char complaint[COMPLAINT_MAX];
	cyaml_config_t setup = cyaml_setup(complaint);
	struct tree_source source = { 0 };
	size_t length = 0;
	char *bytes = NULL;
	cyaml_err_t result;
	int parsed;

	pthread_mutex_lock(&save_lock);
	result = cyaml_save_data(&bytes, &length, &setup, &machine_schema, config, 0);
	pthread_mutex_unlock(&save_lock);
	if (result != CYAML_OK)
		return fail_cyaml(error, result, complaint);
	source.bytes = bytes;
	source.length = length;
	parsed = tree_parse(tree, &source, plain, error);
	cyaml_mem(NULL, bytes, 0);
	return parsed;
}
