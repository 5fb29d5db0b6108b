/* SPDX-License-Identifier: MIT */
/* What the files of the scaler share: scaler.c paces, scaler_learn.c learns, scaler_want.c wants. */
#ifndef REEVE_ENGINE_SCALER_PRIVATE_H
#define REEVE_ENGINE_SCALER_PRIVATE_H

#include "engine/scaler.h"

#define SCALER_MS 1000.0         /* milliseconds in a second */
#define SCALER_LONGEST_S 1e9     /* a time beyond this is nonsense */
#define SCALER_MOST_TASKS 1e12   /* a count beyond this as well */

/* Into [least, most]; what is no number is the least. */
double scaler_within(double value, double least, double most);

/* --- what is learnt ------------------------------------------------------------- */

/* input: counts within SCALER_MOST_TASKS.  now_ms: not before the last step. */
void scaler_learn(struct scaler *scaler, int64_t now_ms, const struct scale_input *input);
double scaler_service_s(const struct scaler *scaler); /* 0: no task was ever seen at work */
double scaler_start_s(const struct scaler *scaler);   /* from an order to a working agent */
bool scaler_knows(const struct scaler *scaler);       /* enough tasks ended */

/* --- what is wanted ------------------------------------------------------------- */

struct want {
	double agents; /* a whole number, before limits and cool-down */
	enum scale_reason reason;
	double forecast_per_s;
	double patience; /* 1: a new agent is up long before the target wait is over, 0: not */
};

void scaler_want(const struct scaler *scaler, int64_t now_ms, const struct scale_input *input,
    struct want *ret_want);

double scaler_slots(const struct scale_policy *policy); /* of an agent */

#endif
