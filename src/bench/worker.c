/* SPDX-License-Identifier: MIT */
/* The no-op agent's thread: read, answer all of it, read on. */
#include "bench/worker.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"

static int64_t
now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void
ask(struct worker *worker)
{
	struct resp *conn = &worker->conn;

	resp_begin(conn, 11);
	resp_text(conn, "XREADGROUP");
	resp_text(conn, "GROUP");
	resp_text(conn, worker->config.group);
	resp_text(conn, "w");
	resp_text(conn, "COUNT");
	resp_number(conn, WORKER_BATCH);
	resp_text(conn, "BLOCK");
	resp_text(conn, "500");
	resp_text(conn, "STREAMS");
	resp_text(conn, worker->config.queue);
	resp_text(conn, ">");
}

/*
 * [[queue, [[id, [name, value, …]], …]]]: the entries begin at node 4.  A
 * completion takes the first fields of its task as they stand.
 */
static void
answer(struct worker *worker, size_t entries)
{
	const struct worker_config *config = &worker->config;
	struct resp *conn = &worker->conn;
	const struct resp_node *node = &conn->nodes[4];

	for (size_t i = 0; i < entries; i++) {
		size_t fields = (size_t)node[2].number;
		size_t words = fields < config->copied * 2 ? fields : config->copied * 2;

		resp_begin(conn, 3 + words + (config->status[0] ? 2 : 0));
		resp_text(conn, "XADD");
		resp_text(conn, config->done);
		resp_text(conn, "*");
		for (size_t k = 0; k < words; k++)
			resp_word(conn, resp_data(conn, &node[3 + k]), node[3 + k].len);
		for (size_t k = 0; config->status[0] && k < 2; k++)
			resp_text(conn, config->status[k]);
		node += 3 + fields;
	}
}

/* Replies to both: two. */
static void
acknowledge(struct worker *worker, size_t entries)
{
	struct resp *conn = &worker->conn;
	const struct resp_node *node = &conn->nodes[4], *last = node;

	resp_begin(conn, 3 + entries);
	resp_text(conn, "XACK");
	resp_text(conn, worker->config.queue);
	resp_text(conn, worker->config.group);
	for (size_t i = 0; i < entries; i++) {
		last = node + 1;
		resp_word(conn, resp_data(conn, last), last->len);
		node += 3 + (size_t)node[2].number;
	}
	resp_begin(conn, 5);
	resp_text(conn, "XTRIM");
	resp_text(conn, worker->config.queue);
	resp_text(conn, "MINID");
	resp_text(conn, "~");
	resp_word(conn, resp_data(conn, last), last->len);
}

static int
take_replies(struct worker *worker, size_t entries)
{
	struct resp *conn = &worker->conn;
	int rc = resp_skip(conn, entries, &worker->err);

	if (rc < 0)
		return rc;
	if (conn->nodes[0].len < sizeof worker->last) {
		memcpy(
		    worker->last, resp_data(conn, &conn->nodes[0]), conn->nodes[0].len);
		worker->last[conn->nodes[0].len] = '\0';
	}
	return worker->config.acks ? resp_skip(conn, 2, &worker->err) : 0;
}

/* One read is out; takes what it brings and sends the answers with the next read. */
static int
step(struct worker *worker)
{
	const struct worker_config *config = &worker->config;
	struct resp *conn = &worker->conn;
	size_t entries = 0;
	int64_t now;
	int rc = resp_read(conn, &worker->err);

	if (rc < 0)
		return rc;
	now = now_ns();
	if (conn->nodes[0].type == '*')
		entries = (size_t)conn->nodes[3].number;
	if (config->chain && entries && worker->done &&
	    worker->n_handoffs < config->total)
		worker->handoff_ns[worker->n_handoffs++] =
		    (uint32_t)(now - worker->sent_ns);
	if (entries)
		answer(worker, entries);
	if (entries && config->acks)
		acknowledge(worker, entries);
	worker->done += entries;
	if (worker->done < config->total)
		ask(worker);
	worker->sent_ns = now_ns();
	rc = resp_send(conn, &worker->err);
	return rc < 0 || !entries ? rc : take_replies(worker, entries);
}

static void *
work(void *arg)
{
	struct worker *worker = arg;

	ask(worker);
	worker->rc = resp_send(&worker->conn, &worker->err);
	atomic_store(&worker->reading, true);
	while (worker->rc == 0 && worker->done < worker->config.total &&
	       !atomic_load(&worker->stop))
		worker->rc = step(worker);
	atomic_store(&worker->ended, true);
	return NULL;
}

int
worker_start(struct worker *worker, const struct worker_config *config, struct err *err)
{
	int rc;

	*worker = (struct worker){ .config = *config };
	rc = resp_connect(&worker->conn, config->socket, config->port, err);
	if (rc < 0)
		return rc;
	worker->conn.stop = &worker->stop;
	resp_command(&worker->conn, "XGROUP", "CREATE", config->queue, config->group, "$",
	    "MKSTREAM", NULL);
	rc = resp_call(&worker->conn, err);
	if (rc < 0)
		goto out;
	if (config->chain)
		worker->handoff_ns = xcalloc(config->total, sizeof *worker->handoff_ns);
	if (pthread_create(&worker->thread, NULL, work, worker) != 0)
		rc = err_set(err, ERR_FAILED, "cannot start a thread");
out:
	if (rc < 0)
		worker_release(worker);
	return rc;
}

void
worker_join(struct worker *worker)
{
	pthread_join(worker->thread, NULL);
}

void
worker_release(struct worker *worker)
{
	resp_close(&worker->conn);
	free(worker->handoff_ns);
	worker->handoff_ns = NULL;
}
