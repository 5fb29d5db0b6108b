/* SPDX-License-Identifier: MIT */
/*
 * Reeve's side of a measurement: a place with reeved in it, connections that
 * submit, and what its agents are to be told.
 */
#ifndef REEVE_BENCH_SIDE_H
#define REEVE_BENCH_SIDE_H

#include "bench/crew.h"
#include "bench/place.h"
#include "bench/submit.h"

struct side {
	struct place place;
	struct submitter sub;
	struct http_line line; /* for questions */
	struct worker_config config;
};

/* reeved serves the workflow of shape. */
int side_open(struct side *side, const struct bench_setting *setting,
    const struct shape *shape, struct err *err);
void side_close(struct side *side);

#endif
