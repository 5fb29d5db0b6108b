/* SPDX-License-Identifier: MIT */
/* What came of a play, for people: a row of a table, a CSV file, a plot. */
#ifndef REEVE_TESTS_SCALE_REPORT_H
#define REEVE_TESTS_SCALE_REPORT_H

#include "base/buf.h"
#include "play.h"

/* Of one scenario with several seeds; zero-initialised is empty. */
struct tally {
	size_t seeds;
	double p50, p95;     /* sums of the wait of all tasks */
	double cost, oracle; /* sums of agent-seconds */
	double worst;        /* ratio of a seed */
	double changes;      /* sum, an hour */
	uint32_t most;
	double most_p95;     /* of one seed */
};

void tally_play(struct tally *tally, const struct play *play);
void report_head(struct buf *out); /* of a table in Markdown */
void report_row(const struct scenario *scenario, const struct tally *tally, struct buf *out);

/* Seconds since the start, load, backlog, agents, wait; at most REPORT_POINTS rows. */
#define REPORT_POINTS 480
void report_csv(const struct play *play, struct buf *out);
void report_svg(const struct play *play, struct buf *out);

#endif
