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

int
measure_raw(const struct bench_setting *setting, const struct shape *shape,
    struct sample *ret_sample, struct err *err)
{
	struct place place;
	struct worker_config config;
	struct crew crew = { 0 };
	struct meter meter;
	struct sample sample = { 0 };
	int64_t ended = 0;
	int rc = place_open(&place, setting, err);

	if (rc < 0)
		return rc;
	config = measure_raw_config(&place, shape);
	if ((rc = raw_prepare(&place.conn, err)) < 0 ||
	    (rc = crew_start(&crew, &config, &place.conn, err)) < 0 ||
	    (rc = meter_begin(&meter, &place, err)) < 0)
		goto out;
	rc = crew_fault(&crew, raw_run(&place.conn, shape, err), err);
	ended = clock_mono_us();
	crew_stop(&crew);
	if (rc == 0)
		rc = meter_end(&meter, ended, shape_total(shape), &sample, err);
	take_handoffs(&crew, &sample);
out:
	crew_release(&crew);
	measure_config_release(&config);
	place_close(&place);
	if (rc == 0)
		*ret_sample = sample;
	return rc;
}

/* --- reeved --- */

/* All that happens between the first submission and the last recorded completion. */
static int
hand_out(struct place *place, struct submitter *sub, struct crew *crew,
    const struct shape *shape, struct sample *sample, struct err *err)
{
	struct meter meter;
	int64_t ended;
	int rc = meter_begin(&meter, place, err);

	if (rc == 0)
		rc = submit_all(sub, shape->runs, err);
	if (rc == 0)
		rc = crew_wait(crew, &place->daemon, err);
	if (rc == 0)
		rc = wait_recorded(place, crew, err);
	ended = clock_mono_us();
	rc = crew_fault(crew, rc, err);
	crew_stop(crew);
	if (rc == 0)
		rc = meter_end(&meter, ended, shape_total(shape), sample, err);
	take_handoffs(crew, sample);
	return rc;
}

int
measure_reeve(const struct bench_setting *setting, const struct shape *shape,
    struct sample *ret_sample, struct err *err)
{
	struct side side;
	struct crew crew = { 0 };
	struct sample sample = { 0 };
	int rc = side_open(&side, setting, shape, err);

	if (rc < 0)
		return rc;
	rc = crew_start(&crew, &side.config, &side.place.conn, err);
	if (rc == 0)
		rc = hand_out(&side.place, &side.sub, &crew, shape, &sample, err);
	if (rc == 0)
		rc = wait_succeeded(&side.line, shape->runs, err);
	crew_release(&crew);
	side_close(&side);
	if (rc == 0)
		*ret_sample = sample;
	return rc;
}
