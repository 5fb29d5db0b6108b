/* SPDX-License-Identifier: MIT */
/*
 * What a measurement costs: read before and after it.
 */
#ifndef REEVE_BENCH_METER_H
#define REEVE_BENCH_METER_H

#include "bench/bench.h"
#include "bench/place.h"

struct meter {
	struct place *place;
	struct usage usage;
	int64_t redis_ns, daemon_ns, http_us, began_us;
};

int meter_begin(struct meter *meter, struct place *place, struct err *err);
/* Fills all of sample but the hand-offs; ended_us is CLOCK_MONOTONIC. */
int meter_end(const struct meter *meter, int64_t ended_us, size_t tasks,
    struct sample *sample, struct err *err);

#endif
