/* SPDX-License-Identifier: MIT */
/* One measurement of recovery: fill a reeved, kill it, start it, watch. */
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "bench/bench.h"
#include "bench/crowd.h"
#include "bench/fleet.h"
#include "bench/recovery.h"

#define RECOVER_US (120 * CLOCK_S)
#define HELD FLEET_BATCH /* most tasks at the agent when reeved dies */

static void
nap(void)
{
	const struct timespec tick = { .tv_nsec = 1000000 };

	(void)nanosleep(&tick, NULL);
}

/* The newest entry of the task stream. */
static int
newest(struct crowd *crowd, char ret_id[FLEET_ID_SIZE], struct err *err)
{
	struct resp *conn = &crowd->place.conn;
	int rc;

	resp_command(conn, "XREVRANGE", crowd->queue, "+", "-", "COUNT", "1", NULL);
	if ((rc = resp_call(conn, err)) < 0)
		return rc;
	ret_id[0] = '\0';
	if (conn->n_nodes > 2 && conn->nodes[2].len < FLEET_ID_SIZE) {
		memcpy(ret_id, resp_data(conn, &conn->nodes[2]), conn->nodes[2].len);
		ret_id[conn->nodes[2].len] = '\0';
	}
	return 0;
}

static bool
is_ready(struct place *place)
{
	struct http_line line = { .fd = -1 };
	bool ready = http_line_connect(&line, place->http_socket, NULL) == 0 &&
		     http_line_get(&line, "/ready", NULL, NULL) == 0;

	http_line_close(&line);
	return ready;
}

/* Both moments, to a millisecond or as long as reeved takes to answer. */
static int
watch(struct crowd *crowd, const char *before, int64_t began_us,
    double figures[RECOVERY_FIGURES], struct err *err)
{
	bool ready = false, handed_out = false;
	char id[FLEET_ID_SIZE];
	int rc = 0;

	while (rc == 0 && !(ready && handed_out)) {
		double now = (double)(clock_mono_us() - began_us) / 1e6;

		if (!handed_out && (rc = newest(crowd, id, err)) == 0 &&
		    strcmp(id, before) != 0) {
			handed_out = true;
			figures[RECOVERY_FIRST_S] = now;
		}
		if (!ready && is_ready(&crowd->place)) {
			ready = true;
			figures[RECOVERY_READY_S] =
			    (double)(clock_mono_us() - began_us) / 1e6;
		}
		if (rc == 0 && process_interrupted())
			rc = err_set(err, ERR_CONFLICT, "stopped");
		else if (rc == 0 && clock_mono_us() - began_us > RECOVER_US)
			rc = err_set(err, ERR_FAILED, "reeved is not back within 120 s");
		if (rc == 0)
			rc = process_check(&crowd->place.daemon, err);
		nap();
	}
	return rc;
}

/* What the agent completes while there is no reeved makes room for new tasks. */
static int
recover(struct crowd *crowd, struct fleet *fleet, double figures[RECOVERY_FIGURES],
    struct err *err)
{
	struct place *place = &crowd->place;
	char before[FLEET_ID_SIZE];
	int64_t began_us;
	int rc;

	http_line_close(&crowd->line);
	process_kill(&place->daemon);
	if ((rc = fleet_answer(fleet, err)) < 0 || (rc = newest(crowd, before, err)) < 0)
		return rc;
	began_us = clock_mono_us();
	rc = place_start_daemon(place, err);
	if (rc == 0)
		rc = watch(crowd, before, began_us, figures, err);
	if (rc == 0)
		rc = fleet_recorded(fleet, err);
	figures[RECOVERY_ANON] = (double)process_anon_bytes(&place->daemon);
	figures[RECOVERY_PEAK] = (double)process_peak_bytes(&place->daemon);
	return rc;
}

int
recovery_measure(const struct bench_options *options, size_t n, size_t run,
    double ret_figures[RECOVERY_FIGURES], size_t *ret_runs, struct err *err)
{
	struct shape shape;
	const struct shape *shapes[] = { &shape };
	struct crowd crowd;
	struct fleet fleet = { .conn.fd = -1 };
	size_t ready;
	int64_t bytes = 0;
	int rc;

	crowd_waiting(&shape, n, run);
	*ret_runs = shape.runs;
	ready = shape.runs * ((shape.tasks + 1) / 2);
	rc = crowd_open(&crowd, options, shapes, 1, err);
	if (rc == 0)
		rc = crowd_submit(&crowd, &shape, err);
	if (rc == 0)
		rc = fleet_open(&fleet, &crowd, 0, err);
	if (rc == 0)
		rc = fleet_hold(&fleet, ready / 2 < HELD ? (ready + 1) / 2 : HELD, err);
	if (rc == 0)
		rc = crowd_redis_bytes(&crowd, &bytes, err);
	ret_figures[RECOVERY_REDIS] = (double)bytes;
	ret_figures[RECOVERY_ANON_BEFORE] =
	    (double)process_anon_bytes(&crowd.place.daemon);
	if (rc == 0)
		rc = recover(&crowd, &fleet, ret_figures, err);
	fleet_close(&fleet);
	crowd_close(&crowd);
	shape_release(&shape);
	return rc;
}

int
recovery_measure_idle(
    const struct bench_options *options, double *ret_bytes, struct err *err)
{
	struct shape shape;
	const struct shape *shapes[] = { &shape };
	struct crowd crowd;
	int rc;

	crowd_flow(&shape, 1);
	rc = crowd_open(&crowd, options, shapes, 1, err);
	*ret_bytes = (double)process_anon_bytes(&crowd.place.daemon);
	crowd_close(&crowd);
	shape_release(&shape);
	return rc;
}
