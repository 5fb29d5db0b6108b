/* SPDX-License-Identifier: MIT */
/*
 * Named pools as the configuration says them, in the engines of the partitions that are
 * owned here; and what is told of them.  How a pool works: engine/pool.h.
 */
#ifndef REEVE_ORCHESTRATOR_POOLING_H
#define REEVE_ORCHESTRATOR_POOLING_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/config.h"
#include "engine/engine.h"

struct orchestrator;
struct part;
struct pooling;
struct workflow;

struct pool_setting {
	char name[CONFIG_NAME_SIZE];
	struct pool_limits limits;
};

struct pooling *pooling_new(struct orchestrator *orch);
void pooling_free(struct pooling *pooling);

/* From now on; copied.  Tasks of a pool that is not among them wait. */
void pooling_set(struct pooling *pooling, const struct pool_setting *settings, size_t n);
void pooling_serve(struct pooling *pooling, struct part *part); /* it is owned here now */

/* The i-th configured pool; NULL behind the last. */
const struct pool_setting *pooling_at(const struct pooling *pooling, size_t i);
/* The limits of a pool that is configured, or NULL. */
const struct pool_limits *pooling_find(const struct pooling *pooling, const char *name);

/* {items: [{name, units, in_use, ready, …}]}: what the partitions that are owned here hold. */
json_t *pooling_view(const struct pooling *pooling);
/* Adds what is used up to items: {kind, name, at, by}. */
void pooling_paused(const struct pooling *pooling, json_t *items);
/* The first pool from `from` on whose budget is used up, plus 1; 0: none. */
size_t pooling_over(const struct pooling *pooling, size_t from, struct err *ret_text);
void pooling_metrics(const struct pooling *pooling, struct buf *out);
/* Whether a task of the workflow can never start for its pool, and what mends it. */
bool pooling_finding(const struct pooling *pooling, const struct workflow *wf,
    struct err *ret_text);

#endif
