/* SPDX-License-Identifier: MIT */
/*
 * A steady load: an open loop.  Arrivals follow a schedule that was drawn
 * beforehand (a Poisson process: gaps are independent and exponentially
 * distributed) and does not wait for answers; whoever is slow finds more of it
 * waiting.  Latencies are counted from the scheduled time, not from when the
 * submission was at last sent, so that there is no coordinated omission (Gil
 * Tene's word for a load generator that stops asking just when answers are late).
 *
 * Arrivals that are due together go out together, 256 at most.  When all
 * connections have a request under way they wait here, and their time runs.
 */
#ifndef REEVE_BENCH_LOAD_H
#define REEVE_BENCH_LOAD_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define LOAD_BATCH 256
#define LOAD_FDS 8

struct schedule {
	int64_t *due_ns; /* since the start */
	size_t n;
};

/* The same seed draws the same arrivals. */
void schedule_init(
    struct schedule *schedule, double per_second, double seconds, uint64_t seed);
void schedule_release(struct schedule *schedule);

/* Where the load goes to. */
struct load_target {
	void *ctx;
	/* Descriptors on which answers are due. */
	size_t (*busy)(void *ctx, struct pollfd fds[LOAD_FDS]);
	/* Whether more may be sent now. */
	bool (*idle)(void *ctx);
	int (*send)(void *ctx, size_t first, size_t n, struct err *err);
	int (*take)(void *ctx, int fd, struct err *err); /* an answer that has come */
};

/*
 * Plays the schedule from start_ns (CLOCK_MONOTONIC) on and returns when all is
 * answered.  Soon after an interruption: ERR_CONFLICT.
 */
int load_play(const struct schedule *schedule, int64_t start_ns,
    const struct load_target *target, struct err *err);

enum percentile {
	PERCENTILE_50,
	PERCENTILE_90,
	PERCENTILE_95,
	PERCENTILE_99,
	PERCENTILE_999,
	PERCENTILE_MAX,
	PERCENTILES
};

/* Sorts values; ret[] in microseconds. */
void percentiles_of(int64_t *values_ns, size_t n, double ret_us[PERCENTILES]);

#endif
