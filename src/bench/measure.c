/* SPDX-License-Identifier: MIT */
/* One measurement of a workload, raw or through reeved. */
#include "bench/measure.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "bench/meter.h"
#include "bench/raw.h"
#include "bench/side.h"
#include "bench/wait.h"

#define WARM_UP 5 /* a part of the runs: as much as the peers have (tests/bench/peers) */

static int
by_size(const void *a, const void *b)
{
	uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;

	return (left > right) - (left < right);
}

static void
take_handoffs(const struct crew *crew, struct sample *sample)
{
	static const double share[HANDOFFS] = { 0.50, 0.95, 0.99 };
	struct board *board = crew->board;
	size_t n = atomic_load(&board->n_handoffs);

	if (n >= crew->config.total)
		n = crew->config.total - 1;
	if (n == 0)
		return;
	qsort(board->handoff_ns, n, sizeof *board->handoff_ns, by_size);
	for (size_t i = 0; i < HANDOFFS; i++)
		sample->handoff_us[i] =
		    (double)board->handoff_ns[(size_t)(share[i] * (double)(n - 1))] / 1e3;
}

/* Runs of the same workflow ahead of what is measured; the shape's lists are shared. */
static struct shape
warm_up_of(const struct shape *shape)
{
	struct shape warm_up = *shape;

	warm_up.runs = shape->runs / WARM_UP;
	if (warm_up.runs == 0)
		warm_up.runs = 1;
	return warm_up;
}

/* --- the agents' end --- */

struct worker_config
measure_raw_config(const struct place *place, const struct shape *shape)
{
	return (struct worker_config){ .socket = place->redis_socket,
		.port = place->redis_port,
		.group = xstrdup(RAW_GROUP),
		.parts = 1,
		.queues = { xstrdup(RAW_QUEUE) },
		.dones = { xstrdup(RAW_DONE) },
		.copied = RAW_FIELDS,
		.acks = true,
		.total = shape_total(shape),
		.chain = shape->kind->chain,
		.agents = place->setting.agents };
}

void
measure_config_release(struct worker_config *config)
{
	free(config->group);
	for (size_t i = 0; i < config->parts; i++) {
		free(config->queues[i]);
		free(config->dones[i]);
	}
	*config = (struct worker_config){ 0 };
}

/* --- the raw limit --- */

/* sample NULL: nothing is measured. */
static int
play_raw(struct place *place, const struct shape *shape, struct sample *sample, struct err *err)
{
	struct worker_config config = measure_raw_config(place, shape);
	struct crew crew = { 0 };
	struct meter meter;
	int64_t ended = 0;
	int rc;

	if ((rc = crew_start(&crew, &config, &place->conn, err)) < 0 ||
	    (sample && (rc = meter_begin(&meter, place, err)) < 0))
		goto out;
	rc = crew_fault(&crew, raw_run(&place->conn, shape, err), err);
	ended = clock_mono_us();
	crew_stop(&crew);
	if (rc == 0 && sample)
		rc = meter_end(&meter, ended, shape_total(shape), sample, err);
	if (sample)
		take_handoffs(&crew, sample);
out:
	crew_release(&crew);
	measure_config_release(&config);
	return rc;
}

int
measure_raw(const struct bench_setting *setting, const struct shape *shape,
    struct sample *ret_sample, struct err *err)
{
	struct shape warm_up = warm_up_of(shape);
	struct sample sample = { 0 };
	struct place place;
	int rc = place_open(&place, setting, err);

	if (rc < 0)
		return rc;
	if ((rc = raw_prepare(&place.conn, err)) == 0 &&
	    (rc = play_raw(&place, &warm_up, NULL, err)) == 0)
		rc = play_raw(&place, shape, &sample, err);
	place_close(&place);
	if (rc == 0)
		*ret_sample = sample;
	return rc;
}

/* --- reeved --- */

/* All that happens between the first submission and the last recorded completion. */
static int
hand_out(struct side *side, struct crew *crew, const struct shape *shape, struct err *err)
{
	int rc = submit_all(&side->sub, shape->runs, err);

	if (rc == 0)
		rc = crew_wait(crew, &side->place.daemon, err);
	if (rc == 0)
		rc = wait_recorded(&side->place, crew, err);
	return rc;
}

/* sample NULL: nothing is measured. */
static int
play_reeve(struct side *side, const struct shape *shape, struct sample *sample, struct err *err)
{
	struct worker_config config = side->config;
	struct crew crew = { 0 };
	struct meter meter;
	int64_t ended;
	int rc;

	config.total = shape_total(shape);
	if ((rc = crew_start(&crew, &config, &side->place.conn, err)) < 0 ||
	    (sample && (rc = meter_begin(&meter, &side->place, err)) < 0))
		goto out;
	rc = hand_out(side, &crew, shape, err);
	ended = clock_mono_us();
	rc = crew_fault(&crew, rc, err);
	crew_stop(&crew);
	if (rc == 0 && sample)
		rc = meter_end(&meter, ended, shape_total(shape), sample, err);
	if (sample)
		take_handoffs(&crew, sample);
out:
	crew_release(&crew);
	return rc;
}

int
measure_reeve(const struct bench_setting *setting, const struct shape *shape,
    struct sample *ret_sample, struct err *err)
{
	struct bench_setting counted = *setting;
	struct shape warm_up = warm_up_of(shape);
	struct sample sample = { 0 };
	struct side side;
	int rc;

	counted.count_http = true;
	if ((rc = side_open(&side, &counted, shape, err)) < 0)
		return rc;
	if ((rc = play_reeve(&side, &warm_up, NULL, err)) == 0)
		rc = play_reeve(&side, shape, &sample, err);
	if (rc == 0)
		rc = wait_succeeded(&side.line, warm_up.runs + shape->runs, err);
	side_close(&side);
	if (rc == 0)
		*ret_sample = sample;
	return rc;
}

int
measure_sustained(const struct bench_setting *setting, const struct shape *shape,
    double seconds, double *ret_tasks_per_s, struct err *err)
{
	struct shape warm_up = warm_up_of(shape);
	size_t runs = warm_up.runs, tasks = 0;
	double took = 0;
	struct side side;
	int rc = side_open(&side, setting, shape, err);

	if (rc < 0)
		return rc;
	rc = play_reeve(&side, &warm_up, NULL, err);
	while (rc == 0 && took < seconds) {
		struct sample sample = { 0 };

		rc = play_reeve(&side, shape, &sample, err);
		runs += shape->runs;
		tasks += sample.tasks;
		took += sample.seconds;
	}
	if (rc == 0)
		rc = wait_succeeded(&side.line, runs, err);
	side_close(&side);
	if (rc == 0)
		*ret_tasks_per_s = (double)tasks / took;
	return rc;
}
