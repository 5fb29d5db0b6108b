/* SPDX-License-Identifier: MIT */
/* Draws arrivals, plays them, and sorts what came of it. */
#include "bench/load.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <time.h>

#include "base/mem.h"
#include "base/rand.h"
#include "bench/process.h"
#include "bench/worker.h"

#define TICK_NS 20000000LL

void
schedule_init(struct schedule *schedule, double per_second, double seconds, uint64_t seed)
{
	size_t cap = 0;
	struct rng rng;
	double at = 0;

	*schedule = (struct schedule){ 0 };
	rng_init(&rng, seed);
	for (;;) {
		at += -log(1 - rng_unit(&rng)) / per_second;
		if (at >= seconds && schedule->n)
			return;
		GROW(schedule->due_ns, schedule->n, cap);
		schedule->due_ns[schedule->n++] = (int64_t)(at * 1e9);
	}
}

void
schedule_release(struct schedule *schedule)
{
	free(schedule->due_ns);
	*schedule = (struct schedule){ 0 };
}

/* Until an answer comes or the next arrival is due. */
static int
await(const struct load_target *target, int64_t wait_ns, struct err *err)
{
	struct pollfd fds[LOAD_FDS];
	size_t n = target->busy(target->ctx, fds);
	struct timespec limit;
	int rc = 0;

	wait_ns = wait_ns < 0 ? 0 : wait_ns > TICK_NS ? TICK_NS : wait_ns;
	limit = (struct timespec){ .tv_nsec = wait_ns };
	if (ppoll(fds, n, &limit, NULL) <= 0)
		return 0;
	for (size_t i = 0; i < n && rc == 0; i++) {
		if (fds[i].revents)
			rc = target->take(target->ctx, fds[i].fd, err);
	}
	return rc;
}

int
load_play(const struct schedule *schedule, int64_t start_ns,
    const struct load_target *target, struct err *err)
{
	struct pollfd fds[LOAD_FDS];
	size_t sent = 0, due = 0;
	int rc = 0;

	while (rc == 0 && (sent < schedule->n || target->busy(target->ctx, fds))) {
		int64_t now = worker_now_ns() - start_ns, wait = TICK_NS;

		if (process_interrupted())
			return err_set(err, ERR_CONFLICT, "stopped");
		while (due < schedule->n && schedule->due_ns[due] <= now)
			due++;
		if (due > sent && target->idle(target->ctx)) {
			size_t n = due - sent < LOAD_BATCH ? due - sent : LOAD_BATCH;

			rc = target->send(target->ctx, sent, n, err);
			sent += n;
			wait = 0;
		} else if (due == sent && due < schedule->n) {
			wait = schedule->due_ns[due] - now;
		}
		if (rc == 0)
			rc = await(target, wait, err);
	}
	return rc;
}

static int
by_size(const void *a, const void *b)
{
	int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;

	return (left > right) - (left < right);
}

void
percentiles_of(int64_t *values_ns, size_t n, double ret_us[PERCENTILES])
{
	static const double share[PERCENTILES] = { 0.50, 0.90, 0.95, 0.99, 0.999, 1 };

	qsort(values_ns, n, sizeof *values_ns, by_size);
	for (size_t i = 0; i < PERCENTILES; i++)
		ret_us[i] =
		    n ? (double)values_ns[(size_t)(share[i] * (double)(n - 1))] / 1e3 : 0;
}
