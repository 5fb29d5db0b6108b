/* SPDX-License-Identifier: MIT */
/*
 * The end of a measurement on reeved's side: completions are recorded, runs
 * have succeeded.
 */
#ifndef REEVE_BENCH_WAIT_H
#define REEVE_BENCH_WAIT_H

#include "bench/crew.h"
#include "bench/http.h"
#include "bench/place.h"

/* Until the cursor of each partition has passed its last completion. */
int wait_recorded(struct place *place, const struct crew *crew, struct err *err);

/* How many runs have succeeded. */
int wait_count_succeeded(struct http_line *line, size_t *ret_count, struct err *err);
/* Until so many runs have succeeded. */
int wait_succeeded(struct http_line *line, size_t runs, struct err *err);

#endif
