/* SPDX-License-Identifier: MIT */
/* One measurement of a workload, raw or through reeved. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/mem.h"
#include "bench/place.h"
#include "bench/raw.h"
#include "bench/worker.h"
#include "wire/keys.h"

#define SUBMITS 256 /* runs a request */
#define LINES 4     /* requests under way */
#define RECORD_US (60 * CLOCK_S)

/* What is read before and after. */
struct meter {
	struct place *place;
	struct usage usage;
	int64_t redis_ns, daemon_ns, began_us;
};

static void
nap(long nanoseconds)
{
	const struct timespec tick = { .tv_nsec = nanoseconds };

	(void)nanosleep(&tick, NULL);
}

static int
meter_begin(struct meter *meter, struct place *place, struct err *err)
{
	int rc = usage_read(&place->conn, &meter->usage, err);

	meter->place = place;
	meter->redis_ns = process_cpu_ns(&place->redis);
	meter->daemon_ns = place->daemon.pid ? process_cpu_ns(&place->daemon) : 0;
	meter->began_us = clock_mono_us();
	return rc;
}

static int
meter_end(const struct meter *meter, int64_t ended_us, size_t tasks,
    struct sample *sample, struct err *err)
{
	struct place *place = meter->place;
	double n = (double)tasks;
	int rc;

	sample->tasks = tasks;
	sample->seconds = (double)(ended_us - meter->began_us) / 1e6;
	sample->redis_us =
	    (double)(process_cpu_ns(&place->redis) - meter->redis_ns) / 1e3 / n;
	if (place->daemon.pid) {
		sample->daemon_us =
		    (double)(process_cpu_ns(&place->daemon) - meter->daemon_ns) / 1e3 / n;
		sample->anon_bytes = process_anon_bytes(&place->daemon);
	}
	rc = usage_read(&place->conn, &sample->usage, err);
	usage_subtract(&sample->usage, &meter->usage);
	sample->calls = (double)usage_calls(&sample->usage) / n;
	return rc;
}

static int
by_size(const void *a, const void *b)
{
	uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;

	return (left > right) - (left < right);
}

static void
take_handoffs(struct worker *worker, struct sample *sample)
{
	static const double share[HANDOFFS] = { 0.50, 0.95, 0.99 };
	size_t n = worker->n_handoffs;

	if (n == 0)
		return;
	qsort(worker->handoff_ns, n, sizeof *worker->handoff_ns, by_size);
	for (size_t i = 0; i < HANDOFFS; i++)
		sample->handoff_us[i] =
		    (double)worker->handoff_ns[(size_t)(share[i] * (double)(n - 1))] /
		    1e3;
}

/* The thread is in its first read, or has failed. */
static void
wait_reading(const struct worker *worker)
{
	while (!atomic_load(&worker->reading) && !atomic_load(&worker->ended))
		nap(100000);
}

/* A fault of its own is told before what follows from it. */
static int
end_worker(struct worker *worker, int rc, struct err *err)
{
	if (rc < 0)
		atomic_store(&worker->stop, true);
	worker_join(worker);
	if (worker->rc < 0 && worker->rc != ERR_CONFLICT) {
		rc = worker->rc;
		*err = worker->err;
	}
	return rc;
}

/* --- the raw limit --- */

int
measure_raw(const struct bench_options *options, const struct shape *shape,
    struct sample *ret_sample, struct err *err)
{
	struct place place;
	struct worker worker;
	struct meter meter;
	struct sample sample = { 0 };
	size_t total = shape_total(shape);
	int64_t ended = 0;
	int rc = place_open(&place, options, err);

	if (rc < 0)
		return rc;
	rc = raw_prepare(&place.conn, err);
	if (rc == 0)
		rc = worker_start(&worker,
		    &(struct worker_config){ .socket = place.redis_socket,
			.port = place.redis_port,
			.queue = RAW_QUEUE,
			.group = RAW_GROUP,
			.done = RAW_DONE,
			.copied = RAW_FIELDS,
			.acks = true,
			.total = total,
			.chain = shape->kind->chain },
		    err);
	if (rc < 0)
		goto out;
	wait_reading(&worker);
	rc = meter_begin(&meter, &place, err);
	if (rc == 0)
		rc = raw_run(&place.conn, shape, err);
	ended = clock_mono_us();
	rc = end_worker(&worker, rc, err);
	if (rc == 0)
		rc = meter_end(&meter, ended, total, &sample, err);
	take_handoffs(&worker, &sample);
	worker_release(&worker);
out:
	place_close(&place);
	if (rc == 0)
		*ret_sample = sample;
	return rc;
}

/* --- reeved --- */

struct submitter {
	struct http_line lines[LINES];
	struct buf item; /* one run, JSON */
};

static void
submitter_init(struct submitter *sub)
{
	*sub = (struct submitter){ 0 };
	for (size_t i = 0; i < LINES; i++)
		sub->lines[i].fd = -1;
}

static int
submitter_open(struct submitter *sub, const struct place *place,
    const struct bench_options *options, const struct shape *shape, struct err *err)
{
	struct buf yaml = { 0 };
	int rc = 0;

	if (options->source)
		shape_add_yaml(shape, &yaml);
	buf_adds(&sub->item, options->source ? "{\"source\":" : "{\"workflow\":");
	if (options->source)
		buf_add_json(&sub->item, yaml.data, yaml.len);
	else
		buf_add_json(
		    &sub->item, shape->kind->workflow, strlen(shape->kind->workflow));
	buf_addc(&sub->item, '}');
	for (size_t i = 0; i < LINES && rc == 0; i++)
		rc = http_line_connect(&sub->lines[i], place->http_socket, err);
	buf_release(&yaml);
	return rc;
}

static void
submitter_close(struct submitter *sub)
{
	for (size_t i = 0; i < LINES; i++)
		http_line_close(&sub->lines[i]);
	buf_release(&sub->item);
}

static int
take_answer(struct http_line *line, struct err *err)
{
	json_t *body = NULL;
	long status = 0;
	int rc = http_line_read(line, &status, &body, err);

	if (rc == 0 && status != 201) {
		const char *text = json_string_value(
		    json_object_get(json_object_get(body, "error"), "message"));

		rc = err_set(err, ERR_FAILED, "reeved answers %ld to a submission: %s",
		    status, text ? text : "");
	}
	json_decref(body);
	return rc;
}

static int
submit_all(struct submitter *sub, size_t runs, struct err *err)
{
	struct buf body = { 0 };
	int rc = 0;

	for (size_t sent = 0, slot = 0; sent < runs && rc == 0;
	     slot = (slot + 1) % LINES) {
		struct http_line *line = &sub->lines[slot];
		size_t n = runs - sent < SUBMITS ? runs - sent : SUBMITS;

		buf_clear(&body);
		for (size_t i = 0; i < n; i++) {
			buf_addc(&body, i ? ',' : '[');
			buf_add(&body, sub->item.data, sub->item.len);
		}
		buf_addc(&body, ']');
		if (line->open)
			rc = take_answer(line, err);
		if (rc == 0)
			rc = http_line_send(line, "/api/v1/runs", &body, err);
		sent += n;
	}
	for (size_t i = 0; i < LINES && rc == 0; i++) {
		if (sub->lines[i].open)
			rc = take_answer(&sub->lines[i], err);
	}
	buf_release(&body);
	return rc;
}

/* Whether the entry id a is b or later. */
static bool
id_reached(const char *a, const char *b)
{
	uint64_t ms[2], seq[2];
	char *end;

	ms[0] = strtoull(a, &end, 10);
	seq[0] = *end == '-' ? strtoull(end + 1, NULL, 10) : 0;
	ms[1] = strtoull(b, &end, 10);
	seq[1] = *end == '-' ? strtoull(end + 1, NULL, 10) : 0;
	return ms[0] != ms[1] ? ms[0] > ms[1] : seq[0] >= seq[1];
}

/* The owner stores how far it has recorded completions. */
static int
wait_recorded(
    struct place *place, const char *cursor_key, const char *last, struct err *err)
{
	int64_t deadline = clock_mono_us() + RECORD_US;
	struct resp *conn = &place->conn;
	char cursor[ENTRY_ID_SIZE];
	int rc;

	for (;;) {
		resp_command(conn, "GET", cursor_key, NULL);
		if ((rc = resp_call(conn, err)) < 0)
			return rc;
		if (conn->nodes[0].type == '$' && conn->nodes[0].len < sizeof cursor) {
			memcpy(
			    cursor, resp_data(conn, &conn->nodes[0]), conn->nodes[0].len);
			cursor[conn->nodes[0].len] = '\0';
			if (id_reached(cursor, last))
				return 0;
		}
		if (process_interrupted())
			return err_set(err, ERR_CONFLICT, "stopped");
		if (clock_mono_us() > deadline)
			return err_set(
			    err, ERR_FAILED, "completions are not recorded within 60 s");
		nap(100000);
	}
}

static int
wait_worker(struct place *place, struct worker *worker, struct err *err)
{
	int64_t seen_at = clock_mono_us();
	size_t seen = 0;
	int rc;

	while (!atomic_load(&worker->ended)) {
		if (process_interrupted())
			return err_set(err, ERR_CONFLICT, "stopped");
		if (atomic_load(&worker->done) != seen) {
			seen = atomic_load(&worker->done);
			seen_at = clock_mono_us();
		}
		if (clock_mono_us() - seen_at > RECORD_US)
			return err_set(err, ERR_FAILED,
			    "no task came for 60 s: %zu of %zu are done", seen,
			    worker->config.total);
		if ((rc = process_check(&place->daemon, err)) < 0)
			return rc;
		nap(500000);
	}
	return 0;
}

/* Counts runs that succeeded; a page's cursor leads to the next. */
static int
count_succeeded(struct http_line *line, size_t *ret_count, struct err *err)
{
	char *path = xstrdup("/api/v1/runs?status=succeeded&limit=1000");
	size_t count = 0;
	int rc = 0;

	while (path && rc == 0) {
		json_t *body = NULL;
		const char *next;

		rc = http_line_get(line, path, &body, err);
		count += json_array_size(json_object_get(body, "items"));
		next = json_string_value(json_object_get(body, "next_cursor"));
		free(path);
		path =
		    next ? xasprintf(
			       "/api/v1/runs?status=succeeded&limit=1000&cursor=%s", next)
			 : NULL;
		json_decref(body);
	}
	free(path);
	*ret_count = count;
	return rc;
}

static int
check_runs(struct http_line *line, size_t runs, struct err *err)
{
	int64_t deadline = clock_mono_us() + 10 * CLOCK_S;
	size_t count;
	int rc;

	while ((rc = count_succeeded(line, &count, err)) == 0 && count < runs) {
		if (clock_mono_us() > deadline)
			return err_set(
			    err, ERR_FAILED, "%zu of %zu runs succeeded", count, runs);
		nap(5000000);
	}
	return rc;
}

/* All that happens between the first submission and the last recorded completion. */
static int
hand_out(struct place *place, struct submitter *sub, struct worker *worker,
    const struct shape *shape, const char *cursor_key, struct sample *sample,
    struct err *err)
{
	struct meter meter;
	int64_t ended = 0;
	int rc = meter_begin(&meter, place, err);

	if (rc == 0)
		rc = submit_all(sub, shape->runs, err);
	if (rc == 0)
		rc = wait_worker(place, worker, err);
	if ((rc = end_worker(worker, rc, err)) == 0)
		rc = wait_recorded(place, cursor_key, worker->last, err);
	ended = clock_mono_us();
	if (rc == 0)
		rc = meter_end(&meter, ended, shape_total(shape), sample, err);
	take_handoffs(worker, sample);
	return rc;
}

int
measure_reeve(const struct bench_options *options, const struct shape *shape,
    struct sample *ret_sample, struct err *err)
{
	struct place place;
	struct submitter sub;
	struct http_line line = { .fd = -1 };
	struct worker worker;
	struct sample sample = { 0 };
	struct keys keys;
	char *queue, *group, *done, *cursor;
	int rc = place_open(&place, options, err);

	if (rc < 0)
		return rc;
	submitter_init(&sub);
	(void)keys_init(&keys, NULL, 0);
	queue = key_queue(&keys, SHAPE_AGENT);
	group = key_group(SHAPE_AGENT);
	done = key_make(&keys, "done", NULL);
	cursor = key_make(&keys, "cursor", NULL);
	if ((rc = place_serve(&place, shape, &line, err)) < 0 ||
	    (rc = submitter_open(&sub, &place, options, shape, err)) < 0)
		goto out;
	rc = worker_start(&worker,
	    &(struct worker_config){ .socket = place.redis_socket,
		.port = place.redis_port,
		.queue = queue,
		.group = group,
		.done = done,
		.copied = 4,
		.status = { "status", "done" },
		.total = shape_total(shape),
		.chain = shape->kind->chain },
	    err);
	if (rc < 0)
		goto out;
	wait_reading(&worker);
	rc = hand_out(&place, &sub, &worker, shape, cursor, &sample, err);
	worker_release(&worker);
	if (rc == 0)
		rc = check_runs(&line, shape->runs, err);
out:
	submitter_close(&sub);
	http_line_close(&line);
	place_close(&place);
	free(queue);
	free(group);
	free(done);
	free(cursor);
	if (rc == 0)
		*ret_sample = sample;
	return rc;
}
