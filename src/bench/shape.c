/* SPDX-License-Identifier: MIT */
/* Builds the workloads' graphs and writes them as workflow files. */
#include "bench/shape.h"

#include <stdlib.h>

#include "base/mem.h"

const struct shape_kind shape_kinds[SHAPE_KINDS] = {
	{ "W1", "bench-w1", "10,000 runs of one task", false, NULL },
	{ "W1b", "bench-w1b", "one run of 10,000 tasks", false, NULL },
	{ "W2", "bench-w2", "a chain of 1,000", true, NULL },
	{ "W3", "bench-w3", "ten runs of 1 -> 1,000 -> 1", false, NULL },
	{ "W4", "bench-w4", "1,000 diamonds", false, NULL },
};

const struct shape_kind shape_pair = { "pairs", "bench-pairs", "runs of a -> b", false,
	NULL };

void
shape_need(struct shape *shape, size_t task, size_t needed)
{
	for (int i = 0; i < 2; i++) {
		GROW(shape->needs, shape->n_needs, shape->needs_cap);
		shape->needs[shape->n_needs++] = (uint32_t)(i ? needed : task);
	}
}

static size_t
scaled(size_t count, double scale, size_t least)
{
	size_t n = (size_t)((double)count * scale);

	return n < least ? least : n;
}

static void
build_singles(struct shape *shape, double scale)
{
	shape->runs = scaled(10000, scale, 1);
	shape->tasks = 1;
}

static void
build_wide(struct shape *shape, double scale)
{
	shape->runs = 1;
	shape->tasks = scaled(10000, scale, 1);
}

static void
build_chain(struct shape *shape, double scale)
{
	shape->runs = 1;
	shape->tasks = scaled(1000, scale, 2);
	for (size_t i = 1; i < shape->tasks; i++)
		shape_need(shape, i, i - 1);
}

static void
build_fan(struct shape *shape, double scale)
{
	size_t last;

	shape->runs = 10;
	shape->tasks = scaled(1000, scale, 1) + 2;
	last = shape->tasks - 1;
	for (size_t i = 1; i < last; i++)
		shape_need(shape, i, 0);
	for (size_t i = 1; i < last; i++)
		shape_need(shape, last, i);
}

static void
build_diamonds(struct shape *shape, double scale)
{
	shape->runs = scaled(1000, scale, 1);
	shape->tasks = 4;
	shape_need(shape, 1, 0);
	shape_need(shape, 2, 0);
	shape_need(shape, 3, 1);
	shape_need(shape, 3, 2);
}

void
shape_init(struct shape *shape, size_t kind, double scale)
{
	static void (*const build[SHAPE_KINDS])(struct shape *, double) = { build_singles,
		build_wide, build_chain, build_fan, build_diamonds };

	*shape = (struct shape){ .kind = &shape_kinds[kind] };
	build[kind](shape, scale);
}

void
shape_init_pairs(struct shape *shape, size_t runs)
{
	*shape = (struct shape){
		.kind = &shape_pair, .runs = runs, .tasks = 2, .numbered = true
	};
	shape_need(shape, 1, 0);
}

void
shape_release(struct shape *shape)
{
	free(shape->needs);
	*shape = (struct shape){ 0 };
}

void
shape_add_payload(const struct shape *shape, struct buf *out)
{
	for (size_t i = 0; i < shape->payload; i++)
		buf_addc(out, (char)('a' + (i * 7 + i / 26) % 26));
}

/* The pairs of one task stand together, in the order of the tasks. */
void
shape_add_yaml(const struct shape *shape, struct buf *out)
{
	const char *agent = shape->kind->agent ? shape->kind->agent : SHAPE_AGENT;
	size_t pair = 0;

	buf_printf(out, "name: %s\non: manual\nmax_parallel: %zu\n",
	    shape->kind->workflow, shape->tasks);
	if (shape->payload) {
		buf_adds(out, "env:\n  PAYLOAD: ");
		shape_add_payload(shape, out);
		buf_addc(out, '\n');
	}
	if (shape->numbered)
		buf_adds(out, "params: {i: {type: integer, default: 0}}\n");
	buf_adds(out, "tasks:\n");
	for (size_t i = 0; i < shape->tasks; i++) {
		const char *comma = "";

		buf_printf(out, "  - {id: t%zu, agent: %s", i, agent);
		if (shape->numbered)
			buf_adds(out, ", prompt: \"${{ params.i }}\"");
		if (shape->timeout_s)
			buf_printf(out, ", timeout: %us", shape->timeout_s);
		if (pair < shape->n_needs && shape->needs[pair] == i)
			buf_adds(out, ", needs: [");
		for (; pair < shape->n_needs && shape->needs[pair] == i; pair += 2) {
			buf_printf(out, "%st%u", comma, (unsigned)shape->needs[pair + 1]);
			comma = ", ";
		}
		buf_adds(out, *comma ? "]}\n" : "}\n");
	}
}
