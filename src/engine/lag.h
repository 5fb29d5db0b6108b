/* SPDX-License-Identifier: MIT */
/*
 * When the open tasks of an agent type will be too many: 'type X reaches lag L in T'.
 *
 *   calm ── L is near, within / 20 long ──▶ raised ── far, within / 10 long ──▶ calm
 *
 * Level and trend of the open tasks come from Holt's smoothing (engine/holt.h), with a
 * memory of a tenth of `within`.  L is near when the trend reaches it within that
 * time, or it is reached; far when there is less than half of it, and the trend takes more
 * than twice the time or never gets there.  In between nothing changes, so an alert does
 * not flicker.  Without a lag of its own, L is what ten minutes of work are at the rate of
 * late (Little 1961), at least LAG_LEAST: whoever comes then waits so long.
 *
 * Pure: call lag_step() every few seconds.
 */
#ifndef REEVE_ENGINE_LAG_H
#define REEVE_ENGINE_LAG_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/holt.h"

#define LAG_WITHIN_DEFAULT_MS 600000 /* time for a person to do something about it */
#define LAG_LEAST 100
#define LAG_WORK_S 600.0

struct lag_policy {
	uint64_t lag;      /* tasks; 0: from the rate */
	int64_t within_ms; /* 0: the default */
};

struct lag_input {
	uint64_t open;  /* tasks that are ready, or handed out and not done */
	uint64_t ended; /* attempts that ended since the last step */
	bool paused;    /* somebody wants it to grow: nothing is raised */
};

enum lag_news { LAG_NOTHING, LAG_RAISED, LAG_CLEARED };

struct lag_forecast {
	enum lag_news news;
	uint64_t open;
	uint64_t lag;         /* L */
	double grows_per_s;   /* may be negative */
	double ended_per_s;
	int64_t in_ms;        /* until L; 0: it is reached; -1: by the trend never */
};

/* Zero-initialised is calm and knows nothing. */
struct lag {
	struct holt waiting;
	double ended_per_s;
	int64_t at_ms;
	int64_t since_ms; /* since when near (calm) or far (raised); -1: it is not */
	bool raised;
};

/* now_ms: of a clock that never goes back. */
void lag_step(struct lag *lag, const struct lag_policy *policy, int64_t now_ms,
    const struct lag_input *input, struct lag_forecast *ret_forecast);

#endif
