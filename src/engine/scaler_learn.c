/* SPDX-License-Identifier: MIT */
/* What the scaler learns from what it sees: arrivals, service time, start-up time. */
#include "engine/scaler_private.h"

#include <math.h>

#define TASKS_KEPT 512.0 /* so many of the last tasks give the service time */
#define KNOWN_FROM 10.0 /* fewer tasks say too little: off by the root of 1/n */
#define STARTS_KEPT 16.0 /* so many of the last starts give the start-up time */
#define START_MOST_S 600.0
#define MEMORY_COOLDOWNS 2.0 /* how long arrivals are remembered */
#define TREND_SLOWER 2.0     /* so many times longer for their trend */
#define QUICK_PART 8.0       /* of that time: for what came of late */
#define SIGMAS 3.0           /* so far off is no chance */

double
scaler_within(double value, double least, double most)
{
	if (!(value > least))
		return least;
	return value < most ? value : most;
}

double
scaler_service_s(const struct scaler *scaler)
{
	return scaler_within(scaler->busy_s / fmax(scaler->ended, 1), 0, SCALER_LONGEST_S);
}

bool
scaler_knows(const struct scaler *scaler)
{
	return scaler->ended >= KNOWN_FROM;
}

/* The policy's word counts like one start that was seen. */
double
scaler_start_s(const struct scaler *scaler)
{
	double said = scaler_within((double)scaler->policy.start_ms / SCALER_MS, 0, START_MOST_S);

	return scaler_within((said + scaler->starting_s) / (1 + scaler->started), 0, START_MOST_S);
}

/* Forgets the oldest of so many. */
static void
keep(double *sum, double *count, double most)
{
	if (*count > most) {
		*sum *= most / *count;
		*count = most;
	}
}

/* Time on test over what failed in it (Epstein and Sobel 1953); here: ended. */
static void
learn_service(struct scaler *scaler, double dt_s, const struct scale_input *input)
{
	double slots = (double)input->agents * scaler_slots(&scaler->policy);
	double busy = (double)input->running;

	if (slots > 0 && busy > slots)
		busy = slots;
	scaler->busy_s += busy * dt_s;
	scaler->busy_s = scaler_within(scaler->busy_s, 0, SCALER_LONGEST_S * TASKS_KEPT);
	scaler->ended += (double)input->ended;
	keep(&scaler->busy_s, &scaler->ended, TASKS_KEPT);
}

/* Likewise: who is ordered and not there yet, over who came. */
static void
learn_start(struct scaler *scaler, double dt_s, const struct scale_input *input)
{
	double missing = scaler->desired > scaler->agents ? scaler->desired - scaler->agents : 0;
	double came = input->agents > scaler->agents ? input->agents - scaler->agents : 0;

	scaler->starting_s += missing * dt_s;
	scaler->starting_s = scaler_within(scaler->starting_s, 0, START_MOST_S * STARTS_KEPT);
	scaler->started += came < missing ? came : missing;
	keep(&scaler->starting_s, &scaler->started, STARTS_KEPT);
	scaler->agents = input->agents;
}

/* A level far off what came of late is of another time (control chart, Shewhart 1931). */
static void
check_level(struct scaler *scaler, double quick_s)
{
	double level = fmax(scaler->arrivals.level, 1 / quick_s);
	double sigma = sqrt(level / (2 * quick_s)); /* of arrivals at random, so averaged */

	if (fabs(scaler->quick - scaler->arrivals.level) > SIGMAS * sigma)
		scaler->arrivals = (struct holt){.level = scaler->quick, .begun = true};
}

/* What is there and was not, with what went meanwhile, has come. */
static void
learn_arrivals(struct scaler *scaler, double dt_s, const struct scale_input *input)
{
	double came = (double)input->waiting + (double)input->running +
	    (double)input->ended - (double)scaler->present;
	double cooldown = scaler_within((double)scaler->policy.cooldown_ms / SCALER_MS, 1,
	    SCALER_LONGEST_S);
	double memory_s = fmax(MEMORY_COOLDOWNS * cooldown, scaler_service_s(scaler));
	double quick_s = memory_s / QUICK_PART, rate;

	if (!(dt_s > 0))
		return;
	rate = scaler_within(came, 0, SCALER_MOST_TASKS) / dt_s;
	holt_add(&scaler->arrivals, rate, dt_s, memory_s, memory_s * TREND_SLOWER);
	scaler->quick -= expm1(-dt_s / quick_s) * (rate - scaler->quick);
	check_level(scaler, quick_s);
}

void
scaler_learn(struct scaler *scaler, int64_t now_ms, const struct scale_input *input)
{
	double dt_s = (double)(now_ms - scaler->at_ms) / SCALER_MS;

	if (scaler->begun) {
		learn_service(scaler, dt_s, input);
		learn_start(scaler, dt_s, input);
		learn_arrivals(scaler, dt_s, input);
	}
	scaler->agents = input->agents;
	scaler->present = input->waiting + input->running;
	if (scaler->present > 0 || !scaler->begun)
		scaler->busy_at_ms = now_ms;
	scaler->at_ms = now_ms;
	scaler->begun = true;
}
