/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Descriptions are rendered by several threads at once: each gets its own text, whole. */

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "configs/loader.h"
#include "emu/machine/config.h"

enum { THREADS = 4, ROUNDS = 400 };

struct renderer {
	struct machine_config config;
	char *expected;
	unsigned wrong;
};

static void *render(void *ctx)
{
	struct renderer *renderer = ctx;

	for (unsigned i = 0; i < ROUNDS; i++) {
		char *text = NULL;

		if (config_render(&renderer->config, &text) ||
		    strcmp(text, renderer->expected) != 0)
			renderer->wrong++;
		free(text);
	}
	return NULL;
}

static void config_threads_render(void **state)
{
	static const char *const machines[THREADS] = { "skylake", "zen4", "ppc604", "hashed-toy" };
	static struct renderer renderer[THREADS];
	pthread_t thread[THREADS];
	struct config_error error;

	(void)state;
	for (unsigned i = 0; i < THREADS; i++) {
		assert_int_equal(config_load(&renderer[i].config, machines[i], &error), 0);
		assert_int_equal(config_render(&renderer[i].config, &renderer[i].expected), 0);
	}
	for (unsigned i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&thread[i], NULL, render, &renderer[i]), 0);
	for (unsigned i = 0; i < THREADS; i++) {
		assert_int_equal(pthread_join(thread[i], NULL), 0);
		assert_int_equal(renderer[i].wrong, 0);
		free(renderer[i].expected);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(config_threads_render),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
