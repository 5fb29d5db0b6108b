/* SPDX-License-Identifier: MIT */
/*
 * The daemon's numbers, from one table (metrics.def): name, kind, label and
 * help.  The page /metrics, the manual and the checks come from it.
 */
#ifndef REEVE_BASE_METRICS_H
#define REEVE_BASE_METRICS_H

#include <stdint.h>

#include "base/buf.h"

enum metric {
#define METRIC(id, kind, name, label, help) METRIC_##id,
#include "base/metrics.def"
#undef METRIC
	METRIC_COUNT
};

struct metrics {
	uint64_t value[METRIC_COUNT];
};

static inline void
metrics_add(struct metrics *metrics, enum metric id, uint64_t n)
{
	metrics->value[id] += n;
}

static inline void
metrics_set(struct metrics *metrics, enum metric id, uint64_t n)
{
	metrics->value[id] = n;
}

/* Prometheus text format 0.0.4: HELP and TYPE once a name, then each label set. */
void metrics_render(const struct metrics *metrics, struct buf *out);

#endif
