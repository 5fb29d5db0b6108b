/* SPDX-License-Identifier: MIT */
/* Sets up a reeved with many live tasks. */
#include "bench/crowd.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/rand.h"
#include "base/str.h"
#include "wire/keys.h"

#define SUBMITS 256        /* most runs a request */
#define SUBMIT_TASKS 10000 /* and about so many tasks */

static const struct shape_kind rest_kind = { "rest", "bench-rest", "tasks that only live",
	false, CROWD_REST_AGENT };
static const struct shape_kind waiting_kind = { "waiting", "bench-waiting",
	"tasks that wait for a reeved", false, NULL };
static const struct shape_kind flow_kind = { "flow", "bench-flow",
	"tasks that are handed out", false, NULL };

/* --- shapes --- */

static void
build_half(struct shape *shape, const struct shape_kind *kind, size_t n, size_t run)
{
	*shape = (struct shape){ .kind = kind, .tasks = n < run ? n : run };
	shape->runs = n / shape->tasks;
	for (size_t i = (shape->tasks + 1) / 2; i < shape->tasks; i++)
		shape_need(shape, i, 0);
}

void
crowd_rest(struct shape *shape, size_t n)
{
	build_half(shape, &rest_kind, n, CROWD_RUN);
}

void
crowd_waiting(struct shape *shape, size_t n, size_t run)
{
	build_half(shape, &waiting_kind, n, run);
}

void
crowd_flow(struct shape *shape, size_t n)
{
	size_t tasks = n < CROWD_RUN ? n : CROWD_RUN;

	*shape = (struct shape){ .kind = &flow_kind, .tasks = tasks, .runs = n / tasks };
}

void
crowd_dag(struct shape *shape, size_t n)
{
	struct rng rng;

	*shape = (struct shape){ .kind = &flow_kind, .tasks = n, .runs = 1 };
	rng_init(&rng, n);
	for (size_t i = 1; i < n; i++) {
		size_t first = rng_below(&rng, i);
		size_t second = rng_below(&rng, i);

		shape_need(shape, i, first);
		if (second != first)
			shape_need(shape, i, second);
	}
}

/* --- the place --- */

int
crowd_open(struct crowd *crowd, const struct bench_options *options,
    const struct shape *const shapes[], size_t n, struct err *err)
{
	const struct bench_setting setting = { .agents = 1,
		.partitions = 1,
		.tcp = options->transports.values[0] == 1,
		.appendfsync = setting_syncs[options->syncs.values[0]],
		.keep = options->keep };
	struct place *place = &crowd->place;
	struct keys keys;
	int rc;

	*crowd = (struct crowd){ .line.fd = -1, .place.conn.fd = -1 };
	(void)keys_init(&keys, NULL, 0);
	crowd->queue = key_queue(&keys, SHAPE_AGENT);
	crowd->group = key_group(SHAPE_AGENT);
	crowd->done = key_make(&keys, "done", NULL);
	crowd->cursor = key_make(&keys, "cursor", NULL);
	rc = place_open(place, &setting, err);
	if (rc == 0)
		rc = place_make_folders(place, err);
	for (size_t i = 0; i < n && rc == 0; i++)
		rc = place_add_workflow(place, shapes[i], err);
	if (rc == 0)
		rc = place_start_daemon(place, err);
	for (size_t i = 0; i < n && rc == 0; i++) {
		http_line_close(&crowd->line);
		rc = place_connect(place, shapes[i], &crowd->line, err);
	}
	return rc;
}

void
crowd_close(struct crowd *crowd)
{
	http_line_close(&crowd->line);
	place_close(&crowd->place);
	free(crowd->queue);
	free(crowd->group);
	free(crowd->done);
	free(crowd->cursor);
	*crowd = (struct crowd){ .line.fd = -1, .place.conn.fd = -1 };
}

static int
submit(struct crowd *crowd, const struct shape *shape, size_t n, struct err *err)
{
	struct buf body = { 0 };
	int rc;

	for (size_t i = 0; i < n; i++)
		buf_printf(&body, "%c{\"workflow\":\"%s\"}", i ? ',' : '[',
		    shape->kind->workflow);
	buf_addc(&body, ']');
	rc = http_line_send(&crowd->line, "/api/v1/runs", &body, err);
	if (rc == 0)
		rc = http_line_take(&crowd->line, 201, err);
	buf_release(&body);
	return rc;
}

int
crowd_submit(struct crowd *crowd, const struct shape *shape, struct err *err)
{
	size_t at_once = SUBMIT_TASKS / shape->tasks;
	int rc = 0;

	if (at_once < 1 || at_once > SUBMITS)
		at_once = at_once < 1 ? 1 : SUBMITS;
	for (size_t sent = 0; sent < shape->runs && rc == 0; sent += at_once) {
		size_t left = shape->runs - sent;

		if (process_interrupted())
			return err_set(err, ERR_CONFLICT, "stopped");
		rc = submit(crowd, shape, left < at_once ? left : at_once, err);
	}
	return rc;
}

int
crowd_redis_bytes(struct crowd *crowd, int64_t *ret_bytes, struct err *err)
{
	static const char name[] = "used_memory:";
	struct resp *conn = &crowd->place.conn;
	const char *text;
	int rc;

	resp_command(conn, "INFO", "memory", NULL);
	if ((rc = resp_call(conn, err)) < 0)
		return rc;
	text = memmem(
	    resp_data(conn, &conn->nodes[0]), conn->nodes[0].len, name, sizeof name - 1);
	if (!text)
		return err_set(err, ERR_FAILED, "redis does not tell its memory");
	*ret_bytes = strtoll(text + sizeof name - 1, NULL, 10);
	return 0;
}
