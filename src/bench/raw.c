/* SPDX-License-Identifier: MIT */
/* The raw limit's orchestrator: ready tasks out, completions in, dependents unlocked. */
#include "bench/raw.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "bench/process.h"

#define BATCH 256
#define IDLE_READS 60 /* of half a second */

struct raw {
	struct resp *conn;
	const struct shape *shape;
	uint32_t *first, *dependents; /* of task t: dependents[first[t] … first[t + 1]) */
	uint32_t *first_missing;      /* needs of each task of one run */
	uint16_t *missing;            /* by run and task: needs that are not there yet */
	uint32_t *ready; /* FIFO of run * tasks + task; never more than all */
	size_t n_ready, taken, done, total;
	uint32_t batch[BATCH]; /* what the last read brought */
	size_t n_batch, last;  /* last: node of its last entry's id */
	unsigned idle;         /* reads in a row that waited in vain */
	char ts[24];
	struct buf payload;
};

int
raw_prepare(struct resp *conn, struct err *err)
{
	resp_command(conn, "XGROUP", "CREATE", RAW_DONE, "o", "$", "MKSTREAM", NULL);
	return resp_call(conn, err);
}

/* --- the graph --- */

static void
link_tasks(struct raw *raw)
{
	const struct shape *shape = raw->shape;
	size_t tasks = shape->tasks;
	uint32_t *fill = xcalloc(tasks + 1, sizeof *fill);

	raw->first = xcalloc(tasks + 1, sizeof *raw->first);
	raw->first_missing = xcalloc(tasks, sizeof *raw->first_missing);
	raw->dependents = xcalloc(shape->n_needs / 2 + 1, sizeof *raw->dependents);
	for (size_t i = 0; i < shape->n_needs; i += 2) {
		raw->first_missing[shape->needs[i]]++;
		raw->first[shape->needs[i + 1] + 1]++;
	}
	for (size_t t = 0; t < tasks; t++) {
		raw->first[t + 1] += raw->first[t];
		fill[t] = raw->first[t];
	}
	for (size_t i = 0; i < shape->n_needs; i += 2)
		raw->dependents[fill[shape->needs[i + 1]]++] = shape->needs[i];
	free(fill);
}

static void
raw_init(struct raw *raw, struct resp *conn, const struct shape *shape)
{
	*raw = (struct raw){ .conn = conn, .shape = shape, .total = shape_total(shape) };
	link_tasks(raw);
	shape_add_payload(shape, &raw->payload);
	raw->missing = xcalloc(raw->total, sizeof *raw->missing);
	raw->ready = xcalloc(raw->total, sizeof *raw->ready);
	for (size_t i = 0; i < raw->total; i++) {
		raw->missing[i] = (uint16_t)raw->first_missing[i % shape->tasks];
		if (raw->missing[i] == 0)
			raw->ready[raw->n_ready++] = (uint32_t)i;
	}
}

static void
raw_release(struct raw *raw)
{
	free(raw->first);
	free(raw->first_missing);
	free(raw->dependents);
	free(raw->missing);
	free(raw->ready);
	buf_release(&raw->payload);
}

static void
unlock(struct raw *raw, uint32_t index)
{
	size_t task = index % raw->shape->tasks, run = index - task;

	for (uint32_t i = raw->first[task]; i < raw->first[task + 1]; i++) {
		size_t other = run + raw->dependents[i];

		if (--raw->missing[other] == 0)
			raw->ready[raw->n_ready++] = (uint32_t)other;
	}
}

/* --- commands; each function returns the number of replies to come --- */

static void
add_task(struct raw *raw, size_t run, size_t task)
{
	struct resp *conn = raw->conn;

	resp_begin(conn, 3 + 2 * RAW_FIELDS + (raw->payload.len ? 2 : 0));
	resp_text(conn, "XADD");
	resp_text(conn, RAW_QUEUE);
	resp_text(conn, "*");
	resp_text(conn, "wf");
	resp_number(conn, run);
	resp_text(conn, "t");
	resp_number(conn, task);
	resp_text(conn, "op");
	resp_text(conn, "noop");
	resp_text(conn, "att");
	resp_text(conn, "1");
	resp_text(conn, "ts");
	resp_text(conn, raw->ts);
	if (raw->payload.len) {
		resp_text(conn, "env");
		resp_word(conn, raw->payload.data, raw->payload.len);
	}
}

static size_t
add_tasks(struct raw *raw)
{
	size_t n = 0;

	for (; raw->taken < raw->n_ready && n < BATCH; n++) {
		uint32_t index = raw->ready[raw->taken++];

		add_task(raw, index / raw->shape->tasks, index % raw->shape->tasks);
	}
	return n;
}

/* Neighbours of the same run share one HSET. */
static size_t
add_states(struct raw *raw)
{
	size_t n = 0, tasks = raw->shape->tasks;

	for (size_t i = 0; i < raw->n_batch;) {
		size_t run = raw->batch[i] / tasks, end = i;
		struct buf key = { 0 };

		while (end < raw->n_batch && raw->batch[end] / tasks == run)
			end++;
		buf_adds(&key, "wf:");
		buf_addu(&key, run);
		resp_begin(raw->conn, 2 + 2 * (end - i));
		resp_text(raw->conn, "HSET");
		resp_word(raw->conn, key.data, key.len);
		for (; i < end; i++) {
			resp_number(raw->conn, raw->batch[i] % tasks);
			resp_text(raw->conn, "done");
		}
		buf_release(&key);
		n++;
	}
	return n;
}

static size_t
add_acknowledgements(struct raw *raw)
{
	struct resp *conn = raw->conn;
	const struct resp_node *node = &conn->nodes[4], *last = node;

	if (raw->n_batch == 0)
		return 0;
	resp_begin(conn, 3 + raw->n_batch);
	resp_text(conn, "XACK");
	resp_text(conn, RAW_DONE);
	resp_text(conn, "o");
	for (size_t i = 0; i < raw->n_batch; i++) {
		last = node + 1;
		resp_word(conn, resp_data(conn, last), last->len);
		node += 3 + (size_t)node[2].number;
	}
	resp_begin(conn, 5);
	resp_text(conn, "XTRIM");
	resp_text(conn, RAW_DONE);
	resp_text(conn, "MINID");
	resp_text(conn, "~");
	resp_word(conn, resp_data(conn, last), last->len);
	return 2;
}

/* While tasks are left to hand out there is no waiting. */
static size_t
add_read(struct raw *raw)
{
	struct resp *conn = raw->conn;
	bool wait = raw->taken == raw->n_ready;

	if (raw->done == raw->total)
		return 0;
	resp_begin(conn, wait ? 11 : 9);
	resp_text(conn, "XREADGROUP");
	resp_text(conn, "GROUP");
	resp_text(conn, "o");
	resp_text(conn, "o");
	resp_text(conn, "COUNT");
	resp_number(conn, BATCH);
	if (wait) {
		resp_text(conn, "BLOCK");
		resp_text(conn, "500");
	}
	resp_text(conn, "STREAMS");
	resp_text(conn, RAW_DONE);
	resp_text(conn, ">");
	return 1;
}

/* --- completions --- */

static uint32_t
number_of(const struct resp *conn, const struct resp_node *node)
{
	const char *text = resp_data(conn, node);
	uint32_t number = 0;

	for (size_t i = 0; i < node->len; i++)
		number = number * 10 + (uint32_t)(text[i] - '0');
	return number;
}

/* [[done, [[id, [wf, RUN, t, TASK, …]], …]]] */
static int
take_completions(struct raw *raw, struct err *err)
{
	const struct resp *conn = raw->conn;
	const struct resp_node *node = &conn->nodes[4];
	size_t n = conn->nodes[0].type == '*' ? (size_t)conn->nodes[3].number : 0;

	raw->n_batch = 0;
	for (size_t i = 0; i < n; i++) {
		uint32_t index = number_of(conn, &node[4]) * (uint32_t)raw->shape->tasks +
				 number_of(conn, &node[6]);

		if (index >= raw->total)
			return err_set(err, ERR_INVALID, "a completion of no task");
		raw->batch[raw->n_batch++] = index;
		unlock(raw, index);
		node += 3 + (size_t)node[2].number;
	}
	raw->done += n;
	raw->idle = n ? 0 : raw->idle + (raw->taken == raw->n_ready);
	if (raw->idle && process_interrupted())
		return err_set(err, ERR_CONFLICT, "stopped");
	if (raw->idle > IDLE_READS)
		return err_set(err, ERR_FAILED,
		    "no completion comes: %zu of %zu are there", raw->done, raw->total);
	return 0;
}

static int
step(struct raw *raw, struct err *err)
{
	size_t replies = add_tasks(raw), reads;
	int rc;

	replies += add_states(raw);
	replies += add_acknowledgements(raw);
	raw->n_batch = 0;
	reads = add_read(raw);
	if ((rc = resp_send(raw->conn, err)) < 0 ||
	    (rc = resp_skip(raw->conn, replies, err)) < 0)
		return rc;
	if (reads == 0)
		return 0;
	rc = resp_read(raw->conn, err);
	return rc < 0 ? rc : take_completions(raw, err);
}

static void
set_time(struct raw *raw)
{
	(void)snprintf(raw->ts, sizeof raw->ts, "%lld", (long long)clock_wall_ms());
}

static int
run(struct resp *conn, const struct shape *shape, bool fed, struct err *err)
{
	struct raw raw;
	int rc = 0;

	raw_init(&raw, conn, shape);
	set_time(&raw);
	if (fed)
		raw.n_ready = 0;
	while (rc == 0 && (raw.done < raw.total || raw.n_batch))
		rc = step(&raw, err);
	raw_release(&raw);
	return rc;
}

int
raw_run(struct resp *conn, const struct shape *shape, struct err *err)
{
	return run(conn, shape, false, err);
}

int
raw_run_fed(struct resp *conn, const struct shape *shape, struct err *err)
{
	return run(conn, shape, true, err);
}

void
raw_feed(struct resp *conn, const struct shape *shape, size_t first, size_t n)
{
	struct raw raw = { .conn = conn, .shape = shape };

	set_time(&raw);
	shape_add_payload(shape, &raw.payload);
	for (size_t i = 0; i < n; i++)
		add_task(&raw, first + i, 0);
	buf_release(&raw.payload);
}
