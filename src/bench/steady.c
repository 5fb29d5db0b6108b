/* SPDX-License-Identifier: MIT */
/* Measures latencies under a steady load, raw or through reeved. */
#include "bench/steady.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/mem.h"
#include "bench/measure.h"
#include "bench/meter.h"
#include "bench/raw.h"
#include "bench/side.h"
#include "bench/wait.h"

#define SECONDS 3.0
#define SECONDS_MIN 0.3
#define CAPACITY_RUNS 5000 /* a backlog */
#define CAPACITY_RUNS_MIN 100
#define LEAD_NS 20000000LL /* from when all is ready to the start of the schedule */

double
steady_seconds(double scale)
{
	return SECONDS * scale < SECONDS_MIN ? SECONDS_MIN : SECONDS * scale;
}

int
steady_capacity(const struct bench_setting *setting, double scale,
    double *ret_tasks_per_s, struct err *err)
{
	size_t runs = (size_t)(CAPACITY_RUNS * scale);
	struct shape shape;
	int rc;

	shape_init_pairs(&shape, runs < CAPACITY_RUNS_MIN ? CAPACITY_RUNS_MIN : runs);
	shape.payload = setting->payload;
	rc = measure_sustained(setting, &shape, steady_seconds(scale), ret_tasks_per_s, err);
	shape_release(&shape);
	return rc;
}

/* --- what the agents have noted --- */

static void
take_latencies(const struct crew *crew, const struct schedule *schedule, int64_t start_ns,
    struct steady_sample *sample)
{
	const struct board *board = crew->board;
	int64_t *values = xcalloc(schedule->n, sizeof *values);

	for (size_t i = 0; i < schedule->n; i++)
		values[i] = board->read_ns[2 * i] - start_ns - schedule->due_ns[i];
	percentiles_of(values, schedule->n, sample->us[LATENCY_WAIT]);
	for (size_t i = 0; i < schedule->n; i++)
		values[i] = board->read_ns[2 * i + 1] - board->answered_ns[2 * i];
	percentiles_of(values, schedule->n, sample->us[LATENCY_HANDOFF]);
	for (size_t i = 0; i < schedule->n; i++)
		values[i] =
		    board->answered_ns[2 * i + 1] - start_ns - schedule->due_ns[i];
	percentiles_of(values, schedule->n, sample->us[LATENCY_WHOLE]);
	free(values);
}

/* An agent that reads 0-based field `run` and `task` of its entries. */
static void
trace(struct worker_config *config, const struct schedule *schedule, size_t run,
    size_t task)
{
	config->traced = schedule->n;
	config->traced_tasks = 2;
	config->run_field = run;
	config->task_field = task;
}

static int
end_meter(const struct meter *meter, size_t tasks, struct steady_sample *sample,
    struct err *err)
{
	struct sample used = { 0 };
	int rc = meter_end(meter, clock_mono_us(), tasks, &used, err);

	sample->redis_us = used.redis_us;
	sample->daemon_us = used.daemon_us;
	sample->calls = used.calls;
	return rc;
}

/* --- the raw limit: a client that adds, an orchestrator in a thread --- */

struct raw_side {
	struct resp feed;
	const struct shape *shape;
	size_t due;        /* replies to come */
	struct resp *conn; /* the orchestrator's */
	int rc;
	struct err err;
};

static size_t
raw_busy(void *ctx, struct pollfd fds[LOAD_FDS])
{
	const struct raw_side *side = ctx;

	fds[0] = (struct pollfd){ .fd = side->feed.fd, .events = POLLIN };
	return side->due > 0;
}

static bool
raw_idle(void *ctx)
{
	(void)ctx;
	return true;
}

static int
raw_send(void *ctx, size_t first, size_t n, struct err *err)
{
	struct raw_side *side = ctx;

	raw_feed(&side->feed, side->shape, first, n);
	side->due += n;
	return resp_send(&side->feed, err);
}

static int
raw_take(void *ctx, int fd, struct err *err)
{
	struct raw_side *side = ctx;
	size_t due = side->due;

	(void)fd;
	side->due = 0;
	return resp_skip(&side->feed, due, err);
}

static void *
orchestrate(void *arg)
{
	struct raw_side *side = arg;

	side->rc = raw_run_fed(side->conn, side->shape, &side->err);
	return NULL;
}

static int
play_raw(struct place *place, struct crew *crew, const struct shape *shape,
    const struct schedule *schedule, int64_t start_ns, struct err *err)
{
	struct raw_side side = { .shape = shape, .conn = &place->conn };
	const struct load_target target = { &side, raw_busy, raw_idle, raw_send,
		raw_take };
	pthread_t thread;
	int rc = resp_connect(&side.feed, place->redis_socket, place->redis_port, err);

	if (rc < 0)
		return rc;
	if (pthread_create(&thread, NULL, orchestrate, &side) != 0) {
		resp_close(&side.feed);
		return err_set(err, ERR_FAILED, "cannot start a thread");
	}
	rc = load_play(schedule, start_ns, &target, err);
	if (rc == 0)
		rc = crew_wait(crew, NULL, err);
	if (rc < 0)
		(void)shutdown(place->conn.fd, SHUT_RDWR); /* it ends then */
	pthread_join(thread, NULL);
	resp_close(&side.feed);
	if (rc == 0 && side.rc < 0) {
		*err = side.err;
		rc = side.rc;
	}
	return rc;
}

int
steady_raw(const struct bench_setting *setting, const struct schedule *schedule,
    struct steady_sample *ret_sample, struct err *err)
{
	struct place place;
	struct worker_config config;
	struct crew crew = { 0 };
	struct meter meter;
	struct shape shape;
	struct steady_sample sample = { 0 };
	int64_t start;
	int rc = place_open(&place, setting, err);

	if (rc < 0)
		return rc;
	shape_init_pairs(&shape, schedule->n);
	shape.payload = setting->payload;
	config = measure_raw_config(&place, &shape);
	trace(&config, schedule, 0, 1);
	if ((rc = raw_prepare(&place.conn, err)) < 0 ||
	    (rc = crew_start(&crew, &config, &place.conn, err)) < 0 ||
	    (rc = meter_begin(&meter, &place, err)) < 0)
		goto out;
	start = worker_now_ns() + LEAD_NS;
	rc = play_raw(&place, &crew, &shape, schedule, start, err);
	rc = crew_fault(&crew, rc, err);
	crew_stop(&crew);
	if (rc == 0)
		rc = end_meter(&meter, shape_total(&shape), &sample, err);
	if (rc == 0)
		take_latencies(&crew, schedule, start, &sample);
out:
	crew_release(&crew);
	measure_config_release(&config);
	shape_release(&shape);
	place_close(&place);
	if (rc == 0)
		*ret_sample = sample;
	return rc;
}

/* --- reeved --- */

static size_t
reeve_busy(void *ctx, struct pollfd fds[LOAD_FDS])
{
	const struct submitter *sub = ctx;
	size_t n = 0;

	for (size_t i = 0; i < SUBMIT_LINES; i++) {
		if (sub->lines[i].open)
			fds[n++] =
			    (struct pollfd){ .fd = sub->lines[i].fd, .events = POLLIN };
	}
	return n;
}

static bool
reeve_idle(void *ctx)
{
	return submitter_idle(ctx) != NULL;
}

static int
reeve_send(void *ctx, size_t first, size_t n, struct err *err)
{
	return submit_some(ctx, submitter_idle(ctx), first, n, err);
}

static int
reeve_take(void *ctx, int fd, struct err *err)
{
	struct submitter *sub = ctx;
	int rc = 0;

	for (size_t i = 0; i < SUBMIT_LINES && rc == 0; i++) {
		if (sub->lines[i].fd == fd)
			rc = submit_take(&sub->lines[i], err);
	}
	return rc;
}

static int
play_reeve(struct side *side, struct crew *crew, const struct schedule *schedule,
    int64_t start_ns, struct err *err)
{
	const struct load_target target = { &side->sub, reeve_busy, reeve_idle,
		reeve_send, reeve_take };
	int rc = load_play(schedule, start_ns, &target, err);

	if (rc == 0)
		rc = crew_wait(crew, &side->place.daemon, err);
	return rc == 0 ? wait_recorded(&side->place, crew, err) : rc;
}

int
steady_reeve(const struct bench_setting *setting, const struct schedule *schedule,
    struct steady_sample *ret_sample, struct err *err)
{
	struct side side;
	struct crew crew = { 0 };
	struct meter meter;
	struct shape shape;
	struct steady_sample sample = { 0 };
	int64_t start;
	int rc;

	shape_init_pairs(&shape, schedule->n);
	shape.payload = setting->payload;
	if ((rc = side_open(&side, setting, &shape, err)) < 0)
		goto out;
	trace(&side.config, schedule, 5, 1);
	if ((rc = crew_start(&crew, &side.config, &side.place.conn, err)) < 0 ||
	    (rc = meter_begin(&meter, &side.place, err)) < 0)
		goto close;
	start = worker_now_ns() + LEAD_NS;
	rc = crew_fault(&crew, play_reeve(&side, &crew, schedule, start, err), err);
	crew_stop(&crew);
	if (rc == 0)
		rc = end_meter(&meter, shape_total(&shape), &sample, err);
	if (rc == 0)
		rc = wait_succeeded(&side.line, shape.runs, err);
	if (rc == 0)
		take_latencies(&crew, schedule, start, &sample);
close:
	crew_release(&crew);
	side_close(&side);
out:
	shape_release(&shape);
	if (rc == 0)
		*ret_sample = sample;
	return rc;
}
