/* SPDX-License-Identifier: MIT */
/*
 * Submits runs by POST /api/v1/runs: arrays of at most 256, four requests
 * under way, each on a connection of its own.
 *
 * Runs of a numbered shape have their number as the parameter i.
 */
#ifndef REEVE_BENCH_SUBMIT_H
#define REEVE_BENCH_SUBMIT_H

#include "bench/http.h"
#include "bench/place.h"

#define SUBMIT_RUNS 256 /* a request */
#define SUBMIT_LINES 4

struct submitter {
	struct http_line lines[SUBMIT_LINES];
	struct buf item; /* one run, JSON, as far as its parameters */
	bool numbered;
};

/* After this submitter_close() is allowed, whatever happens. */
void submitter_init(struct submitter *sub);
/* Connects to the reeved of `place`, whose setting says whether runs carry their YAML. */
int submitter_open(struct submitter *sub, const struct place *place,
    const struct shape *shape, struct err *err);
void submitter_close(struct submitter *sub);

/* Submits so many runs and waits until all are accepted. */
int submit_all(struct submitter *sub, size_t runs, struct err *err);

/*
 * The same by hand: sends runs first … first + n (at most SUBMIT_RUNS) on a
 * connection that has no request under way; takes the answer of one that has.
 */
struct http_line *submitter_idle(struct submitter *sub); /* NULL: none */
int submit_some(struct submitter *sub, struct http_line *line, size_t first, size_t n,
    struct err *err);
int submit_take(struct http_line *line, struct err *err);

#endif
