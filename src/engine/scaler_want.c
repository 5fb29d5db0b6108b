/* SPDX-License-Identifier: MIT */
/* How many agents would be right, if it were only for the load. */
#include "engine/scaler_private.h"

#include <math.h>

#include "engine/staffing.h"

#define AIM 0.5      /* of the target wait: the rest is for what is not foreseen */
#define LATE 0.05    /* so many may wait longer than the target */
#define SPREAD 1.0   /* of service times: as random as can be, by rule of thumb */
#define LOOK_S 1.0   /* about how often one looks */
#define ROUND 0.5    /* a part of an agent less than this is not worth one */
#define FASTER 2.0   /* the forecast says at most so many times what comes now */
#define DOUBLING 2.0 /* of the living agents, while little is known of the tasks (slow start) */

/* All that the formulas need, in seconds and slots. */
struct scene {
	double service, target;
	double ahead;   /* when an agent that is ordered now works */
	double now, later; /* arrivals a second: now, and then */
	double waiting; /* then, if nothing is ordered */
	double most;    /* slots that there is and will be work for */
	double patience;
};

double
scaler_slots(const struct scale_policy *policy)
{
	return policy->slots > 0 ? policy->slots : 1;
}

/* What will wait when an agent that is ordered now is up; half of those that start help. */
static double
waiting_then(const struct scaler *scaler, const struct scale_input *input,
    const struct scene *scene)
{
	double busy = ((double)input->agents + (double)input->starting / 2) *
	    scaler_slots(&scaler->policy);
	double waiting = (double)input->waiting;

	if (busy < (double)input->running)
		busy = (double)input->running;
	if (scene->service > 0)
		waiting += (scene->later - busy / scene->service) * scene->ahead;
	return scaler_within(waiting, 0, SCALER_MOST_TASKS);
}

static void
set_scene(const struct scaler *scaler, const struct scale_input *input, struct scene *scene)
{
	double level = scaler->arrivals.level;

	scene->service = scaler_service_s(scaler);
	scene->target = scaler_within((double)scaler->policy.target_wait_ms / SCALER_MS, 0.1,
	    SCALER_LONGEST_S);
	scene->ahead = scaler_start_s(scaler) + LOOK_S;
	scene->patience = 1 - fmin(1, scene->ahead / scene->target);
	scene->now = level;
	scene->later = scaler_within(holt_at(&scaler->arrivals, scene->ahead), 0, FASTER * level);
	if (input->most_per_s > 0) {
		scene->now = fmin(scene->now, input->most_per_s);
		scene->later = fmin(scene->later, input->most_per_s);
	}
	scene->waiting = waiting_then(scaler, input, scene);
	scene->most = (double)input->waiting + (double)input->running +
	    level * scene->ahead;
	if (input->most_per_s > 0)
		scene->most = fmin(scene->most, ceil(input->most_per_s * scene->service) + 1);
}

/* So many that what waits then has begun in half the target, or while it pays to start them. */
static double
for_backlog(const struct scene *scene)
{
	double aim = AIM * scene->target;
	double over = scaler_within(scene->waiting - scene->now * aim, 0, SCALER_MOST_TASKS);
	double first = scene->waiting * scene->service / aim;
	double paying = scene->service * (scene->now + over / fmax(aim, scene->ahead));

	return fmin(first, paying);
}

/* What an agent that comes too late cannot catch must be there; else the queue bears it. */
static double
for_load(const struct scene *scene, double per_s)
{
	double load = per_s * scene->service;

	return load + (1 - scene->patience) *
	    staffing_extra(load, scene->service, SPREAD, scene->target, LATE);
}

/* Slots; a part of an agent counts as one, of the load only from a half on. */
static double
wanted_slots(const struct scene *scene, double slots, enum scale_reason *ret_reason)
{
	double rounding = ROUND * slots * scene->patience;
	double now = for_load(scene, scene->now) - rounding;
	double later = for_load(scene, scene->later) - rounding;
	double backlog = for_backlog(scene);

	*ret_reason = backlog >= now && backlog >= later ? SCALE_BACKLOG :
	    later > now                                  ? SCALE_FORECAST :
	                                                   SCALE_LOAD;
	return scaler_within(fmax(backlog, fmax(now, later)), 0, scene->most);
}

static bool
is_idle(const struct scaler *scaler, int64_t now_ms)
{
	if (scaler->present > 0)
		return false;
	return scaler->desired == 0 || now_ms - scaler->busy_at_ms >= scaler->policy.cooldown_ms;
}

void
scaler_want(const struct scaler *scaler, int64_t now_ms, const struct scale_input *input,
    struct want *ret_want)
{
	double slots = scaler_slots(&scaler->policy), agents = 0;
	struct want want = {.reason = SCALE_IDLE};
	struct scene scene;

	set_scene(scaler, input, &scene);
	want.forecast_per_s = scene.later;
	want.patience = scene.patience;
	if (!is_idle(scaler, now_ms)) {
		agents = ceil(wanted_slots(&scene, slots, &want.reason) / slots);
		if (!scaler_knows(scaler))
			agents = fmin(agents, DOUBLING * (double)input->agents);
		if (input->held)
			agents = fmin(agents, ceil((double)input->running / slots));
		agents = scaler_within(agents, 1, SCALER_MOST_TASKS);
	}
	want.agents = agents;
	*ret_want = want;
}
