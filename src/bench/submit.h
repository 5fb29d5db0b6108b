/* SPDX-License-Identifier: MIT */
/*
 * Submits runs by POST /api/v1/runs: arrays of at most 256, four requests
 * under way, each on a connection of its own.
 */
#ifndef REEVE_BENCH_SUBMIT_H
#define REEVE_BENCH_SUBMIT_H

#include "bench/http.h"
#include "bench/place.h"

#define SUBMIT_RUNS 256 /* a request */
#define SUBMIT_LINES 4

struct submitter {
	struct http_line lines[SUBMIT_LINES];
	struct buf item; /* one run, JSON */
};

/* After this submitter_close() is allowed, whatever happens. */
void submitter_init(struct submitter *sub);
/* Connects to the reeved of `place`, whose setting says whether runs carry their YAML. */
int submitter_open(struct submitter *sub, const struct place *place,
    const struct shape *shape, struct err *err);
void submitter_close(struct submitter *sub);

/* Submits so many runs and waits until all are accepted. */
int submit_all(struct submitter *sub, size_t runs, struct err *err);

#endif
