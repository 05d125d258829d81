/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * One access, step by step: first a look at the TLBs and walk caches as they stand, then the access
 * itself with someone watching the walker, then what it came to.
 *
 * A walk may make thousands of references (a scan of an inverted table): the first few are told,
 * those after them counted, and the last one told again.
 */

#include "analysis/explain.h"
#include "mmu/look.h"
#include "mmu/walker.h"

#include <inttypes.h>
#include <string.h>

enum { REFS_TOLD_MAX = 12, LINE_COLUMNS = 96 };

struct drawing {
	struct text *out;
	struct mmu *mmu;
	unsigned refs;    /* of this walk so far */
	struct text last; /* the last reference, while it is not told */
	uint64_t untold;
	unsigned steps; /* of the walker */
	bool spared;    /* a walk was resumed, or the TLBs had what a nested one would find */
};

/* --- the TLBs -------------------------------------------------------------------------------- */

static void add_perms(struct text *out, uint8_t perms)
{
	text_addf(out, "%c%c%c %s", perms & PERM_READ ? 'r' : '-', perms & PERM_WRITE ? 'w' : '-',
		  perms & PERM_EXEC ? 'x' : '-', perms & PERM_USER ? "user" : "supervisor");
}

static void add_place(struct text *out, unsigned set, unsigned sets, unsigned ways)
{
	if (sets == 1)
		text_addf(out, "fully associative, %u entries", ways);
	else
		text_addf(out, "set %u of %u, %u way%s", set, sets, ways, ways == 1 ? "" : "s");
}

static void see_tlb(void *ctx, const struct tlb_sight *sight)
{
	struct drawing *d = ctx;
	const struct tlb_array *array = sight->array;
	const struct tlb_entry *entry = sight->entry;

	text_addf(d->out, "  %s.%s, page of ", d->mmu->tlb.level[sight->level].config->name,
		  array->config->name);
	explain_bytes(d->out, UINT64_C(1) << sight->page_lg2);
	text_puts(d->out, ": ");
	add_place(d->out, sight->set, array->sets, array->ways);
	if (!entry) {
		text_puts(d->out, ": not there\n");
		return;
	}
	text_addf(d->out, ": way %u, 0x%" PRIx64 " -> 0x%" PRIx64 ", ", sight->way, entry->va,
		  entry->pa);
	if (entry->global)
		text_puts(d->out, "global, ");
	else
		text_addf(d->out, "ASID %u, ", entry->asid);
	add_perms(d->out, entry->perms);
	text_addf(d->out, ", %s\n", entry->dirty ? "dirty" : "clean");
}

static void add_tlbs(struct drawing *d, enum access_kind access, va_t va)
{
	text_puts(d->out, "TLBs\n");
	if (d->mmu->tlb.level_count == 0)
		text_puts(d->out, "  none: every access walks\n");
	tlb_look(&d->mmu->tlb, d->mmu->space->tag, va, access, see_tlb, d);
}

static void see_walk_cache(void *ctx, const struct walk_cache_sight *sight)
{
	struct drawing *d = ctx;
	const struct walk_cache *cache = sight->cache;

	text_addf(d->out, "  %s (after level %u): ", cache->config->name, cache->config->level);
	add_place(d->out, sight->set, cache->sets, cache->ways);
	if (sight->entry)
		text_addf(d->out, ": way %u, the walk goes on at level %u, table 0x%" PRIx64 "\n",
			  sight->way, sight->entry->state.level, sight->entry->state.table);
	else
		text_puts(d->out, ": not there\n");
}

static void add_walk_caches(struct drawing *d, va_t va)
{
	if (d->mmu->walk_caches.count == 0)
		return;
	text_addf(d->out, "Page-walk caches (%u cycle%s a walk)\n", d->mmu->walk_caches.latency,
		  d->mmu->walk_caches.latency == 1 ? "" : "s");
	walk_caches_look(&d->mmu->walk_caches, d->mmu->space->tag, va, see_walk_cache, d);
}

/* --- the steps of a walk --------------------------------------------------------------------- */

static void indent(struct text *out, const struct walk_watch_step *step)
{
	text_fill(out, ' ', 2 + 4 * (size_t)step->depth);
}

static const char *port_level_name(const struct mmu *mmu, unsigned level)
{
	return level < mmu->port.level_count ? mmu->port.level[level].config->name : "memory";
}

static void add_raw(struct text *out, const uint8_t *bytes, unsigned length)
{
	unsigned word = length < 8 ? length : 8;

	if (word != 1 && word != 2 && word != 4)
		word = 8;
	for (unsigned i = 0; i + word <= length; i += word)
		text_addf(out, "%s0x%0*" PRIx64, i > 0 ? " " : "", (int)(2 * word),
			  walk_load(bytes + i, word));
}

/* "P=1 R/W=1 ...", on as many lines as it takes. */
static void add_fields(struct text *out, const struct walk_watch_step *step, const uint8_t *bytes,
		       unsigned length)
{
	const struct page_table *table = step->input->space->table;
	struct pt_field field[PT_FIELDS_MAX];
	unsigned count =
		table->ops->describe(table, step->request->read.level, bytes, length, field);
	size_t column = LINE_COLUMNS;

	for (unsigned i = 0; i < count; i++) {
		size_t width = strlen(field[i].name) + 20;

		if (column + width > LINE_COLUMNS) {
			text_puts(out, "\n");
			indent(out, step);
			text_puts(out, "     ");
			column = 0;
		}
		text_addf(out, field[i].value > 9 ? " %s=0x%" PRIx64 : " %s=%" PRIu64,
			  field[i].name, field[i].value);
		column += strlen(field[i].name) + 3 + (field[i].value > 9 ? 10 : 0);
	}
	text_puts(out, "\n");
}

static void add_ref(struct text *out, const struct mmu *mmu, const struct walk_watch_step *step,
		    unsigned i)
{
	const struct walk_request *request = step->request;
	const struct walk_ref *ref = &request->read.ref[i];
	const uint8_t *bytes = step->reply->line[i];

	indent(out, step);
	text_addf(out, "level %u: %u bytes at 0x%" PRIx64 ", from %s", request->read.level,
		  ref->bytes, ref->pa, port_level_name(mmu, step->hit[i]));
	if (request->read.count == 1)
		text_addf(out, ": %" PRIu64 " cycle%s", step->cycles, step->cycles == 1 ? "" : "s");
	text_puts(out, "\n");
	indent(out, step);
	text_puts(out, "      ");
	add_raw(out, bytes, ref->bytes);
	add_fields(out, step, bytes, ref->bytes);
}

static void tell_rest(struct drawing *d)
{
	if (d->untold > 1)
		text_addf(d->out, "  ... %" PRIu64 " more references ...\n", d->untold - 1);
	text_puts(d->out, text_string(&d->last));
	text_clear(&d->last);
	d->untold = 0;
}

static void see_read(struct drawing *d, const struct walk_watch_step *step)
{
	unsigned count = step->request->read.count;

	for (unsigned i = 0; i < count; i++) {
		if (d->refs++ < REFS_TOLD_MAX) {
			add_ref(d->out, d->mmu, step, i);
			continue;
		}
		d->untold++;
		text_clear(&d->last);
		add_ref(&d->last, d->mmu, step, i);
	}
	if (count > 1 && d->untold == 0) {
		indent(d->out, step);
		text_addf(d->out, "  these %u %s: %" PRIu64 " cycles\n", count,
			  step->request->read.together ? "together" : "one after another",
			  step->cycles);
	}
}

static void see_write(struct drawing *d, const struct walk_watch_step *step)
{
	const struct walk_request *request = step->request;

	indent(d->out, step);
	text_addf(d->out,
		  "write-back at level %u: 0x%" PRIx64 ": 0x%" PRIx64 " becomes 0x%" PRIx64
		  ": %" PRIu64 " cycles%s\n",
		  request->write.level, request->write.pa, request->write.old_value,
		  request->write.new_value, step->cycles,
		  step->reply->write_lost ? " (lost: it had changed)" : "");
}

static void see_call(struct drawing *d, const struct walk_watch_step *step)
{
	const struct walk_request *request = step->request;

	indent(d->out, step);
	text_addf(d->out, "translate 0x%" PRIx64 " of ASID %u in the %s table", request->call.va,
		  request->call.space->asid, request->call.space->table->ops->name);
	if (request->call.through_tlb)
		text_addf(d->out, ", through the TLBs: %" PRIu64 " cycle%s", step->cycles,
			  step->cycles == 1 ? "" : "s");
	if (step->answered)
		text_addf(d->out, ", they have it: 0x%" PRIx64,
			  step->reply->called.pa + (request->call.va - step->reply->called.va));
	text_puts(d->out, "\n");
}

static void see_run(struct drawing *d, const struct walk_watch_step *step)
{
	static const char *const texts[WALK_TRAP_COUNT] = {
		[TRAP_TLB_REFILL] = "software handler: trap and",
		[TRAP_TLB_REFILL_KERNEL] = "software handler for table addresses: trap and",
		[TRAP_ALIAS] = "software handler of aliases: trap and",
		[TRAP_NONE] = "the handler goes on:",
	};

	indent(d->out, step);
	text_addf(d->out, "%s %u instructions: %" PRIu64 " cycles\n",
		  texts[step->request->run.trap], step->request->run.instructions, step->cycles);
}

static void add_translation(struct text *out, const struct translation *t)
{
	text_addf(out, "0x%" PRIx64 " -> 0x%" PRIx64 ", ", t->va, t->pa);
	explain_bytes(out, t->bytes);
	text_puts(out, ", ");
	add_perms(out, t->perms);
	text_addf(out, ", %s%s\n", t->dirty ? "dirty" : "clean", t->global ? ", global" : "");
}

static const char *const fault_texts[FAULT_KIND_COUNT] = {
	[FAULT_NONE] = "none",
	[FAULT_NOT_PRESENT] = "not present",
	[FAULT_PROTECTION] = "present, but this access is not allowed",
	[FAULT_RESERVED] = "a reserved bit is set",
	[FAULT_NON_CANONICAL] = "the address is not canonical",
	[FAULT_ACCESSED] = "the accessed bit is clear, and software must set it",
	[FAULT_DIRTY] = "the dirty bit is clear, and software must set it",
	[FAULT_ALIAS] = "the frame is entered under another address",
};

static void see_end(struct drawing *d, const struct walk_watch_step *step)
{
	const struct walk_request *request = step->request;

	indent(d->out, step);
	if (step->what == WALK_FAULT) {
		text_addf(d->out, "fault at level %u: %s\n", request->fault.level,
			  fault_texts[request->fault.kind]);
		return;
	}
	text_puts(d->out, step->what == WALK_FILL ? "extra translation: " : "leaf: ");
	add_translation(d->out, step->what == WALK_FILL ? &request->fill : &request->leaf);
}

static void see_step(void *ctx, const struct walk_watch_step *step)
{
	struct drawing *d = ctx;

	d->steps++;
	d->spared = d->spared || step->resumed || step->answered;
	if (step->what != WALK_READ && d->untold > 0)
		tell_rest(d);
	switch ((enum walk_step)step->what) {
	case WALK_READ:
		see_read(d, step);
		break;
	case WALK_WRITE:
		see_write(d, step);
		break;
	case WALK_RUN:
		see_run(d, step);
		break;
	case WALK_CALL:
		see_call(d, step);
		break;
	case WALK_KEEP:
		indent(d->out, step);
		text_addf(d->out, "a summary enters the walk cache of level %u\n",
			  step->request->keep.level);
		break;
	case WALK_FILL:
	case WALK_LEAF:
	case WALK_FAULT:
		see_end(d, step);
		break;
	}
}

/* --- the access ------------------------------------------------------------------------------ */

static void add_fault(struct text *out, const struct mmu_fault *fault)
{
	text_addf(out, "Fault: %s\n", fault_texts[fault->kind]);
	if (fault->kind == FAULT_NON_CANONICAL) {
		text_puts(out, "  x86 raises #GP (or #SS), without an address\n");
		return;
	}
	text_addf(out,
		  "  x86 raises #PF with error code 0x%x (%s, %s, %s%s), CR2 = 0x%" PRIx64 "\n",
		  fault->error_code, fault->error_code & 1 ? "P: protection" : "not present",
		  fault->error_code & 2 ? "W/R: write" : "read",
		  fault->error_code & 4 ? "U/S: user" : "supervisor",
		  fault->error_code & 16 ? ", I/D: fetch" : "", fault->va);
}

/* What the ledger got since `before`. */
static void add_cycles(struct text *out, const struct ledger *ledger, const struct ledger *before)
{
	static const struct {
		enum charge charge;
		const char *text;
	} lines[] = {
		{ CHARGE_TLB_LOOKUP, "TLB lookup" }, { CHARGE_POM_TLB, "TLB in memory" },
		{ CHARGE_WALK_START, "start" },      { CHARGE_WALK_CACHE, "walk caches" },
		{ CHARGE_WALK_REF, "references" },   { CHARGE_WALK_WRITE, "write-backs" },
		{ CHARGE_WALK_HANDLER, "handlers" }, { CHARGE_WALK_FAULTING, "faulting attempt" },
	};
	const char *between = ": ";

	for (unsigned i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		cycles_t cycles = ledger->line[lines[i].charge] - before->line[lines[i].charge];

		if (cycles == 0)
			continue;
		text_addf(out, "%s%s %" PRIu64, between, lines[i].text, cycles);
		between = " + ";
	}
	text_puts(out, "\n");
}

static void watched(struct drawing *d, enum access_kind access, va_t va, struct mmu_result *result)
{
	const struct walk_watch watch = { d, see_step };

	d->refs = d->steps = 0;
	d->untold = 0;
	d->spared = false;
	d->mmu->watch = &watch;
	mmu_access(d->mmu, access, va, 1, result);
	d->mmu->watch = NULL;
	if (d->untold > 0)
		tell_rest(d);
}

void explain_access(struct text *out, struct mmu *mmu, enum access_kind access, va_t va,
		    struct mmu_result *result)
{
	struct drawing d = { .out = out, .mmu = mmu };
	const struct ledger before = *mmu->ledger;
	struct mmu_result again;

	if (!pt_va_valid(&mmu->table->caps, va)) {
		mmu_access(mmu, access, va, 1, result);
		add_fault(out, &result->fault);
		return;
	}
	add_tlbs(&d, access, va);
	add_walk_caches(&d, va);
	text_puts(out, "The walk\n");
	watched(&d, access, va, result);
	if (d.steps == 0)
		text_puts(out, "  none: the TLBs answer\n");
	if (result->fault.kind != FAULT_NONE)
		add_fault(out, &result->fault);
	else
		text_addf(out, "Physical address 0x%" PRIx64 "\n", result->pa);
	text_addf(out, "Cycles of translation: %" PRIu64, result->cycles);
	add_cycles(out, mmu->ledger, &before);
	if (d.steps > 0 && !d.spared)
		goto out;
	mmu_invalidate_all(mmu, false);
	text_puts(out, "The whole walk, with TLBs and walk caches empty\n");
	watched(&d, access, va, &again);
out:
	text_release(&d.last);
}
