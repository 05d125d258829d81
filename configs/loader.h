/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PAGEWALK_CONFIGS_LOADER_H
#define PAGEWALK_CONFIGS_LOADER_H

/*
 * Machine descriptions: from YAML to struct machine_config, and back to text.
 *
 * The format is docs/machine-description.md. A description may start from another one (`base:`)
 * and changes of single fields may be laid on top (`tlb.l2.shared.entries=1024`); all layers are
 * merged over machine_config_default() and checked once.
 *
 * Nothing is printed and nothing is kept between calls. Errors are one message each, which names
 * the file, the line and the field of the offending value and says what would be right:
 *
 *   skylake.yaml:12: tlb.l2.shared.ways: must be a divisor of entries, not '7'
 */

#include <stddef.h>

struct machine_config;

struct config_error {
	char text[1024];
};

/*
 * Loads a description by name ("skylake") or by path (contains '/' or ends in ".yaml"). Names are
 * looked up in $PAGEWALK_CONFIG_DIR, in the installed directory, then in the source tree.
 *
 * On failure *out is unchanged and *error says why: PW_ABSENT (no such name or file), PW_IO (it
 * cannot be read), PW_INVALID (it is wrong), PW_LIMIT (too large, too deep), PW_NOMEM.
 */
int config_load(struct machine_config *out, const char *name_or_path, struct config_error *error);

/*
 * The same with changes laid on top, in order: overrides[i] is "dotted.field=VALUE", VALUE as it
 * would stand in the file ("1024", "32K", "[4K, 2M]", "~" to remove a part of the base).
 */
int config_load_with(struct machine_config *out, const char *name_or_path,
		     const char *const *overrides, size_t override_count,
		     struct config_error *error);

/* As config_load(), from bytes in memory; `label` stands for the file in messages. */
int config_load_bytes(struct machine_config *out, const char *label, const void *bytes,
		      size_t length, struct config_error *error);

/* Called for each machine; a result other than 0 ends the listing and is returned. */
typedef int config_visit_fn(void *ctx, const char *name, const char *description);

/*
 * Every machine that config_load() finds by name, once, sorted, with the first comment line of
 * its file. PW_NOMEM.
 */
int config_list(config_visit_fn *visit, void *ctx);

/*
 * The description as YAML: complete, in a fixed order, so that equal machines have equal texts,
 * and config_load() of that text gives the same machine. *text is to be freed by the caller.
 * PW_NOMEM; PW_INVALID if the configuration could not have been loaded (machine_config_check).
 */
int config_render(const struct machine_config *config, char **text);

/* A summary for people: levels, entries, ways, reach. *text is to be freed by the caller. */
int config_describe(const struct machine_config *config, char **text);

/* What an access passes through, drawn as a tree: TLB levels, walk caches, caches. As above. */
int config_draw(const struct machine_config *config, char **text);

/*
 * The fields in which two machines differ, a line each: "field: value in a -> value in b", "-" for
 * a thing that one of them lacks. Empty when they are equal but for their names. As above.
 */
int config_diff(const struct machine_config *a, const struct machine_config *b, char **text);

#endif
