/* SPDX-License-Identifier: MIT */
/* One measurement of growth: a reeved is filled, then tasks are handed out. */
#include "base/clock.h"
#include "base/mem.h"
#include "bench/bench.h"
#include "bench/crowd.h"
#include "bench/fleet.h"
#include "bench/growth.h"
#include "bench/meter.h"
#include "bench/wait.h"

#define IDLE_TASKS 10 /* of a run that only lives */

/* What is handed out, and what else there is. */
struct plan {
	struct shape flow, rest; /* rest.kind NULL: none */
	size_t agents;
};

static void
plan_live(struct plan *plan, size_t n, size_t tasks)
{
	crowd_flow(&plan->flow, tasks);
	crowd_rest(&plan->rest, n);
}

static void
plan_agents(struct plan *plan, size_t n, size_t tasks)
{
	crowd_flow(&plan->flow, tasks);
	plan->agents = n;
}

static void
plan_runs(struct plan *plan, size_t n, size_t tasks)
{
	crowd_flow(&plan->flow, 1);
	plan->flow.runs = n;
	plan->flow.tasks = tasks > n ? tasks / n : 1;
}

static void
plan_dag(struct plan *plan, size_t n, size_t tasks)
{
	crowd_dag(&plan->flow, n);
	plan->flow.runs = tasks > n ? tasks / n : 1;
}

static void
plan_idle(struct plan *plan, size_t n, size_t tasks)
{
	crowd_flow(&plan->flow, tasks);
	crowd_rest(&plan->rest, IDLE_TASKS);
	plan->rest.runs = n;
}

/* In the order of the kinds (growth.c). */
static void (*const plans[])(struct plan *, size_t, size_t) = { plan_live, plan_agents,
	plan_runs, plan_dag, plan_idle };
_Static_assert(ARRAY_LEN(plans) == GROWTH_KINDS, "each kind has its plan");

/* --- one measurement --- */

static int
take_memory(struct crowd *crowd, double *ret_anon, double *ret_redis, struct err *err)
{
	int64_t bytes = 0;
	int rc = crowd_redis_bytes(crowd, &bytes, err);

	*ret_anon = (double)process_anon_bytes(&crowd->place.daemon);
	*ret_redis = (double)bytes;
	return rc;
}

static void
take_sample(const struct sample *sample, double figures[GROWTH_FIGURES])
{
	figures[GROWTH_RATE] = (double)sample->tasks / sample->seconds;
	figures[GROWTH_CALLS] = sample->calls;
	figures[GROWTH_REDIS_US] = sample->redis_us;
	figures[GROWTH_DAEMON_US] = sample->daemon_us;
}

static int
hand_out(struct crowd *crowd, const struct plan *plan, double figures[GROWTH_FIGURES],
    struct err *err)
{
	struct fleet fleet;
	struct meter meter;
	struct sample sample = { 0 };
	uint64_t beats;
	int rc = fleet_open(&fleet, crowd, plan->agents, err);

	if (rc == 0)
		rc = take_memory(
		    crowd, &figures[GROWTH_ANON], &figures[GROWTH_REDIS], err);
	beats = fleet.beats;
	if (rc == 0)
		rc = meter_begin(&meter, &crowd->place, err);
	if (rc == 0)
		rc = fleet_work(&fleet, shape_total(&plan->flow), err);
	if (rc == 0)
		rc = fleet_recorded(&fleet, err);
	if (rc == 0)
		rc = meter_end(&meter, clock_mono_us(), fleet.answered, &sample, err);
	if (rc == 0)
		rc = take_memory(
		    crowd, &figures[GROWTH_ANON_END], &figures[GROWTH_REDIS_END], err);
	if (rc == 0) {
		take_sample(&sample, figures);
		figures[GROWTH_BEATS] = (double)(fleet.beats - beats) / sample.seconds;
	}
	fleet_close(&fleet);
	return rc;
}

int
growth_measure(const struct bench_options *options, const struct growth_row *row,
    double ret_figures[GROWTH_FIGURES], struct err *err)
{
	struct plan plan = { .flow = { 0 } };
	const struct shape *shapes[] = { &plan.flow, &plan.rest };
	struct crowd crowd;
	int rc;

	plans[row->kind](&plan, row->n, row->tasks);
	rc = crowd_open(&crowd, options, shapes, plan.rest.kind ? 2 : 1, err);
	if (rc == 0 && plan.rest.kind)
		rc = crowd_submit(&crowd, &plan.rest, err);
	if (rc == 0)
		rc = crowd_submit(&crowd, &plan.flow, err);
	if (rc == 0)
		rc = hand_out(&crowd, &plan, ret_figures, err);
	if (rc == 0)
		rc = wait_succeeded(&crowd.line, plan.flow.runs, err);
	crowd_close(&crowd);
	shape_release(&plan.flow);
	shape_release(&plan.rest);
	return rc;
}
