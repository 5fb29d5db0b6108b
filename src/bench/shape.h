/* SPDX-License-Identifier: MIT */
/*
 * The workloads: one workflow, so many runs of it.
 *
 *   W1   10,000 runs of one task          W3  10 runs of 1 -> 1,000 -> 1
 *   W1b  one run of 10,000 tasks          W4  1,000 runs of a -> b, c -> d
 *   W2   one run, a chain of 1,000
 *
 * and, for a steady load, runs of a -> b whose parameter i tells which is which.
 */
#ifndef REEVE_BENCH_SHAPE_H
#define REEVE_BENCH_SHAPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

#define SHAPE_KINDS 5

struct shape_kind {
	const char *name;     /* "W1b" */
	const char *workflow; /* "bench-w1b" */
	const char *about;
	bool chain;        /* the hand-off is measured */
	const char *agent; /* of all tasks; NULL: SHAPE_AGENT */
};

extern const struct shape_kind shape_kinds[SHAPE_KINDS];
extern const struct shape_kind shape_pair;

struct shape {
	const struct shape_kind *kind;
	size_t runs;
	size_t tasks;    /* of one run */
	uint32_t *needs; /* pairs: task, the task it needs */
	size_t n_needs, needs_cap;
	size_t payload;     /* bytes of text in each task; 0 at first */
	unsigned timeout_s; /* of each task; 0: none */
	bool numbered;      /* runs have a parameter i, their tasks' body */
};

#define SHAPE_AGENT "bench"

/* scale 1: as above; below that fewer runs, or shorter and narrower ones. */
void shape_init(struct shape *shape, size_t kind, double scale);
void shape_init_pairs(struct shape *shape, size_t runs);
/* task's pairs stand together, in the order of the tasks. */
void shape_need(struct shape *shape, size_t task, size_t needed);
void shape_release(struct shape *shape);

static inline size_t
shape_total(const struct shape *shape)
{
	return shape->runs * shape->tasks;
}

/* Letters: the text that each task carries, `payload` bytes of it. */
void shape_add_payload(const struct shape *shape, struct buf *out);
/* The workflow file; the payload is in its environment, which goes to every task. */
void shape_add_yaml(const struct shape *shape, struct buf *out);

#endif
