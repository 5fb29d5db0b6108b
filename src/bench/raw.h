/* SPDX-License-Identifier: MIT */
/*
 * The raw limit: an orchestrator that does nothing but the least commands of a
 * durable hand-out, up to 256 of a kind in one write: XADD of tasks that are
 * ready; for what came back HSET of the run's hash, XACK, XTRIM MINID ~; then
 * XREADGROUP of completions.  The graph lives in its memory, no step is atomic.
 */
#ifndef REEVE_BENCH_RAW_H
#define REEVE_BENCH_RAW_H

#include "base/err.h"
#include "bench/resp.h"
#include "bench/shape.h"

#define RAW_QUEUE "q"
#define RAW_GROUP "w"
#define RAW_DONE "done"
#define RAW_FIELDS 5 /* of a task and of a completion: wf t op att ts */

/* Makes the completion stream's group; then hands out all of shape and returns when the
 * last completion is recorded.  conn: to an empty Redis, with a worker at the other end.
 */
int raw_prepare(struct resp *conn, struct err *err);
int raw_run(struct resp *conn, const struct shape *shape, struct err *err);

/* The same where somebody else adds the tasks that need nothing, by raw_feed(). */
int raw_run_fed(struct resp *conn, const struct shape *shape, struct err *err);
/* Adds the first task of runs first … first + n to what conn has to send. */
void raw_feed(struct resp *conn, const struct shape *shape, size_t first, size_t n);

#endif
