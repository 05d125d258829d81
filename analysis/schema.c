/* SPDX-License-Identifier: GPL-2.0-or-later */

/* SQL text and documentation out of schema.def and mmu/event.def: see schema.h. */

#include "analysis/schema.h"

#include "mmu/event.h"
#include "mmu/ledger.h"

#include <string.h>

const struct schema_line schema_lines[] = {
#define TABLE(name, doc)           { SCHEMA_TABLE, #name, NULL, doc },
#define COLUMN(name, type, doc)    { SCHEMA_COLUMN, #name, type, doc },
#define CONSTRAINT(sql)            { SCHEMA_CONSTRAINT, NULL, sql, NULL },
#define END_TABLE(options)         { SCHEMA_END_TABLE, NULL, options, NULL },
#define INDEX(name, on)            { SCHEMA_INDEX, #name, on, NULL },
#define VIEW(name, doc)            { SCHEMA_VIEW, #name, NULL, doc },
#define OUT(name, expression, doc) { SCHEMA_OUT, #name, expression, doc },
#define FROM(sql)                  { SCHEMA_FROM, NULL, sql, NULL },
#include "analysis/schema.def"
#include "analysis/schema_views.def"
};
const size_t schema_line_count = sizeof(schema_lines) / sizeof(schema_lines[0]);

/* The counters of event.def, under the names that their owners give them. */
static const struct {
	const char *name, *doc;
} counters[] = {
#define MMU_COUNTER(field, doc)     { "mmu." #field, doc },
#define KERNEL_COUNTER(field, doc)  { "kernel." #field, doc },
#define MACHINE_COUNTER(field, doc) { "machine." #field, doc },
#include "mmu/event.def"
};

/* A column or output with its documentation as a comment; `more` says that another follows. */
static void add_column(struct text *out, const struct schema_line *line, bool more)
{
	const char *comma = more ? "," : "";

	switch (line->kind) {
	case SCHEMA_COLUMN:
		text_addf(out, "\t\"%s\" %s%s -- %s\n", line->name, line->sql, comma, line->doc);
		break;
	case SCHEMA_OUT:
		text_addf(out, "\t%s AS \"%s\"%s -- %s\n", line->sql, line->name, comma, line->doc);
		break;
	case SCHEMA_CONSTRAINT:
		text_addf(out, "\t%s%s\n", line->sql, comma);
		break;
	default:
		break;
	}
}

static bool is_part(enum schema_kind kind)
{
	return kind == SCHEMA_COLUMN || kind == SCHEMA_OUT || kind == SCHEMA_CONSTRAINT;
}

void schema_sql(struct text *out)
{
	for (size_t i = 0; i < schema_line_count; i++) {
		const struct schema_line *line = &schema_lines[i];

		switch (line->kind) {
		case SCHEMA_TABLE:
			text_addf(out, "CREATE TABLE \"%s\" ( -- %s\n", line->name, line->doc);
			break;
		case SCHEMA_VIEW:
			text_addf(out, "CREATE VIEW \"%s\" AS -- %s\nSELECT\n", line->name,
				  line->doc);
			break;
		case SCHEMA_END_TABLE:
			text_addf(out, ") %s;\n", line->sql);
			break;
		case SCHEMA_FROM:
			text_addf(out, "%s;\n", line->sql);
			break;
		case SCHEMA_INDEX:
			text_addf(out, "CREATE INDEX \"%s_index\" ON %s;\n", line->name, line->sql);
			break;
		default:
			add_column(out, line,
				   i + 1 < schema_line_count && is_part(schema_lines[i + 1].kind));
			break;
		}
	}
}

static int document_objects(schema_document_fn *visit, void *ctx)
{
	const char *object = "";
	int stop = 0;

	for (size_t i = 0; i < schema_line_count && !stop; i++) {
		const struct schema_line *line = &schema_lines[i];

		if (line->kind == SCHEMA_TABLE || line->kind == SCHEMA_VIEW) {
			object = line->name;
			stop = visit(ctx, object, "", line->doc);
		} else if (line->kind == SCHEMA_COLUMN || line->kind == SCHEMA_OUT) {
			stop = visit(ctx, object, line->name, line->doc);
		}
	}
	return stop;
}

int schema_document(schema_document_fn *visit, void *ctx)
{
	int stop = document_objects(visit, ctx);

	for (unsigned i = 0; i < EVENT_COUNT && !stop; i++)
		stop = visit(ctx, "event_kind.name", event_infos[i].name, event_infos[i].doc);
	for (unsigned i = 0; i < CHARGE_COUNT && !stop; i++)
		stop = visit(ctx, "cause.name", charge_infos[i].name, charge_infos[i].doc);
	for (size_t i = 0; i < sizeof(counters) / sizeof(counters[0]) && !stop; i++)
		stop = visit(ctx, "counter_name.name", counters[i].name, counters[i].doc);
	return stop;
}

/* --- docs/schema.md -------------------------------------------------------------------------- */

static void markdown_cell(struct text *out, const char *string)
{
	for (; *string; string++) {
		if (*string == '|')
			text_puts(out, "\\|");
		else
			text_add(out, string, 1);
	}
}

static void markdown_row(struct text *out, const char *name, const char *type, const char *doc)
{
	text_addf(out, "| `%s` | ", name);
	if (type) {
		text_puts(out, "`");
		markdown_cell(out, type);
		text_puts(out, "` | ");
	}
	markdown_cell(out, doc);
	text_puts(out, " |\n");
}

static void markdown_objects(struct text *out, enum schema_kind wanted, enum schema_kind part)
{
	bool inside = false;

	for (size_t i = 0; i < schema_line_count; i++) {
		const struct schema_line *line = &schema_lines[i];

		if (line->kind == SCHEMA_TABLE || line->kind == SCHEMA_VIEW)
			inside = line->kind == wanted;
		if (!inside)
			continue;
		if (line->kind == wanted) {
			text_addf(out, "\n### %s\n\n%s.\n\n", line->name, line->doc);
			text_puts(out, part == SCHEMA_COLUMN
					       ? "| column | type | meaning |\n|-|-|-|\n"
					       : "| column | meaning |\n|-|-|\n");
		} else if (line->kind == part) {
			markdown_row(out, line->name, part == SCHEMA_COLUMN ? line->sql : NULL,
				     line->doc);
		} else if (line->kind == SCHEMA_CONSTRAINT) {
			text_addf(out, "| | `%s` | |\n", line->sql);
		}
	}
}

struct markdown_names {
	struct text *out;
	const char *object;
};

static int markdown_name(void *ctx, const char *object, const char *column, const char *doc)
{
	const struct markdown_names *names = ctx;

	if (strcmp(object, names->object) == 0)
		markdown_row(names->out, column, NULL, doc);
	return 0;
}

static void markdown_list(struct text *out, const char *title, const char *object)
{
	struct markdown_names names = { out, object };

	text_addf(out, "\n## %s\n\n| name | meaning |\n|-|-|\n", title);
	schema_document(markdown_name, &names);
}

void schema_markdown(struct text *out)
{
	text_puts(
		out,
		"# The schema of a record\n\n"
		"Generated from `analysis/schema.def`, `analysis/schema_views.def` and "
		"`mmu/event.def`; a test holds it to them. The same text is in each\n"
		"record: in the table `documentation` (`pagewalk query DB documentation`) and as "
		"comments in the schema itself (`sqlite3 DB .schema`).\n\n"
		"One SQLite file holds many runs; every row belongs to one, or to a curve of a trace. Addresses are unsigned "
		"64-bit numbers in SQLite's signed integers: those\n"
		"from 2^63 on are negative in the tables and hexadecimal text in the views. Columns "
		"named `host_*` describe the machine that ran the\n"
		"model; all others are equal for equal inputs. Deleting a run takes its rows with "
		"it: `pragma foreign_keys = on; delete from run where id = 1`.\n");
	text_addf(out, "\n`application_id` is 0x%08x, `user_version` %d.\n", SCHEMA_APPLICATION_ID,
		  SCHEMA_VERSION);
	text_puts(out, "\n## Views\n");
	markdown_objects(out, SCHEMA_VIEW, SCHEMA_OUT);
	text_puts(out, "\n## Tables\n");
	markdown_objects(out, SCHEMA_TABLE, SCHEMA_COLUMN);
	markdown_list(out, "Kinds of event", "event_kind.name");
	markdown_list(out, "Causes of cycles", "cause.name");
	text_puts(out,
		  "\nIn the view `counters` they are named `cycles.` and the cause, and their sum "
		  "`cycles.total`.\n");
	markdown_list(out, "Counters that every machine has", "counter_name.name");
	text_puts(out, "\nThose of TLB levels and arrays, walk caches, data caches and page tables "
		       "depend on the machine: `pagewalk query DB counters`.\n");
}
