/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PAGEWALK_CONFIGS_SWEEP_H
#define PAGEWALK_CONFIGS_SWEEP_H

/*
 * What a sweep is to try: machines and fields of their descriptions with the values of each.
 *
 *	name: l2-and-ram                     # optional; the file's name otherwise
 *	base: skylake                        # a name, a path, or a list of them
 *	set:                                 # optional: the same at every point
 *	  kernel.swap.bytes: 1G
 *	vary:
 *	  - tlb.l2.shared.entries: [768, 1536]     # the fields of one item go together:
 *	    tlb.l2.shared.ways: [6, 12]            # as many values each
 *	  - kernel.ram_bytes: {from: 64M, to: 1G, times: 2}
 *	  - kernel.reclaim.policy: [clock, two-list]
 *
 * Items are crossed with each other, the last one changing fastest; a list of bases is crossed with
 * all of them and changes slowest. `vary` may be one mapping: then each field is an item of its own,
 * or, with `combine: paired`, all of them are one. A range is {from, to, step} or {from, to, times};
 * both ends belong to it, if it meets the upper one.
 *
 * Whether a field exists and may have a value is the loader's to say, when a point is resolved:
 * config_load_with(point.machine, point.override).
 */

struct config_error;
struct sweep;

enum { SWEEP_FIELDS_MAX = 32, SWEEP_VALUES_MAX = 1024, SWEEP_POINTS_MAX = 100000 };

struct sweep_point {
	const char *machine;
	const char *override[SWEEP_FIELDS_MAX]; /* "field=VALUE": what is set, then what varies */
	unsigned override_count;
	unsigned first_varied; /* index of the first override that is not the same everywhere */
	char label[256];       /* "skylake kernel.ram_bytes=64M", cut where it is too long */
};

/*
 * PW_ABSENT, PW_IO (no such file), PW_INVALID, PW_LIMIT, PW_NOMEM with a message that names the file
 * and the line.
 */
int sweep_load(struct sweep **out, const char *path, struct config_error *error);
/* The same from bytes in memory; `label` stands for the file in messages. */
int sweep_load_bytes(struct sweep **out, const char *label, const void *bytes, unsigned length,
		     struct config_error *error);
void sweep_destroy(struct sweep *sweep); /* NULL: nothing */

const char *sweep_name(const struct sweep *sweep);
unsigned sweep_point_count(const struct sweep *sweep);
/* The point of a number below the count. Its strings live as long as the sweep. */
void sweep_point(const struct sweep *sweep, unsigned number, struct sweep_point *point);

#endif
