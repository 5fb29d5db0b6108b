/* SPDX-License-Identifier: MIT */
/* The no-op agent: read, answer all of it, read on. */
#include "bench/worker.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"

struct worker {
	const struct worker_config *config;
	struct board *board;
	struct worker_slot *slot;
	struct resp conn;
	char name[16];
	char bound[ENTRY_ID_SIZE]; /* of several: trim up to it; "" for none */
	size_t counts[SETTING_PARTITIONS_MAX]; /* of the last read, by partition … */
	size_t order[SETTING_PARTITIONS_MAX];  /* … in the order of the reply */
	size_t n_order;
	size_t *traced; /* places on the board, of the last read */
	size_t n_traced;
	int bell;
};

int64_t
worker_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void
ring(const struct worker *worker)
{
	while (write(worker->bell, "", 1) < 0)
		continue;
}

static void
copy_id(const struct resp *conn, const struct resp_node *node, char id[ENTRY_ID_SIZE])
{
	size_t len = node->len < ENTRY_ID_SIZE ? node->len : ENTRY_ID_SIZE - 1;

	memcpy(id, resp_data(conn, node), len);
	id[len] = '\0';
}

static void
ask(struct worker *worker)
{
	const struct worker_config *config = worker->config;
	struct resp *conn = &worker->conn;

	resp_begin(conn, 9 + 2 * config->parts);
	resp_text(conn, "XREADGROUP");
	resp_text(conn, "GROUP");
	resp_text(conn, config->group);
	resp_text(conn, worker->name);
	resp_text(conn, "COUNT");
	resp_number(conn, WORKER_BATCH);
	resp_text(conn, "BLOCK");
	resp_text(conn, "500");
	resp_text(conn, "STREAMS");
	for (size_t i = 0; i < config->parts; i++)
		resp_text(conn, config->queues[i]);
	for (size_t i = 0; i < config->parts; i++)
		resp_text(conn, ">");
}

/* --- traces --- */

/* The number that the text begins with, or the one that it ends with. */
static size_t
number_in(const struct resp *conn, const struct resp_node *node, bool at_end)
{
	const char *text = resp_data(conn, node);
	size_t at = at_end ? node->len : 0, number = 0;

	while (at_end && at > 0 && text[at - 1] >= '0' && text[at - 1] <= '9')
		at--;
	for (; at < node->len && text[at] >= '0' && text[at] <= '9'; at++)
		number = number * 10 + (size_t)(text[at] - '0');
	return number;
}

static void
note_read(struct worker *worker, const struct resp_node *entry)
{
	const struct worker_config *config = worker->config;
	const struct resp_node *fields = &entry[3];
	size_t run, task;

	if ((size_t)entry[2].number < 2 * config->run_field + 2)
		return;
	run = number_in(&worker->conn, &fields[2 * config->run_field + 1], false);
	task = number_in(&worker->conn, &fields[2 * config->task_field + 1], true);
	if (run < config->traced && task < config->traced_tasks)
		worker->traced[worker->n_traced++] = run * config->traced_tasks + task;
}

/* A task that comes again keeps its first times. */
static void
note_times(struct worker *worker, int64_t *times, int64_t now)
{
	for (size_t i = 0; i < worker->n_traced; i++) {
		if (times[worker->traced[i]] == 0)
			times[worker->traced[i]] = now;
	}
}

/* --- answers --- */

static size_t
part_of(const struct worker *worker, const struct resp_node *name)
{
	const struct worker_config *config = worker->config;

	for (size_t i = 0; i < config->parts; i++) {
		if (strlen(config->queues[i]) == name->len &&
		    memcmp(config->queues[i], resp_data(&worker->conn, name),
			name->len) == 0)
			return i;
	}
	return 0;
}

/* [id, [name, value, …]]: a completion takes the first fields of its task as they
 * stand.  Returns the node behind. */
static const struct resp_node *
answer_entry(struct worker *worker, size_t part, const struct resp_node *node)
{
	const struct worker_config *config = worker->config;
	struct resp *conn = &worker->conn;
	size_t fields = (size_t)node[2].number;
	size_t words = fields < config->copied * 2 ? fields : config->copied * 2;

	if (config->traced)
		note_read(worker, node);
	resp_begin(conn, 3 + words + (config->status[0] ? 2 : 0));
	resp_text(conn, "XADD");
	resp_text(conn, config->dones[part]);
	resp_text(conn, "*");
	for (size_t k = 0; k < words; k++)
		resp_word(conn, resp_data(conn, &node[3 + k]), node[3 + k].len);
	for (size_t k = 0; config->status[0] && k < 2; k++)
		resp_text(conn, config->status[k]);
	return node + 3 + fields;
}

/* [[queue, [entry, …]], …]; returns how many entries there are. */
static size_t
answer(struct worker *worker)
{
	const struct resp_node *node = worker->conn.nodes;
	size_t streams = node->type == '*' ? (size_t)node->number : 0, total = 0;

	node++;
	worker->n_order = 0;
	for (size_t i = 0; i < streams && i < worker->config->parts; i++) {
		size_t part = part_of(worker, &node[1]);
		size_t entries = (size_t)node[2].number;

		node += 3;
		for (size_t k = 0; k < entries; k++)
			node = answer_entry(worker, part, node);
		worker->counts[worker->n_order] = entries;
		worker->order[worker->n_order++] = part;
		total += entries;
	}
	return total;
}

/* --- acknowledgements (of one partition: the raw side has no more) --- */

static void
trim(struct worker *worker, const char *id, size_t len)
{
	struct resp *conn = &worker->conn;

	resp_begin(conn, 5);
	resp_text(conn, "XTRIM");
	resp_text(conn, worker->config->queues[0]);
	resp_text(conn, "MINID");
	resp_text(conn, "~");
	resp_word(conn, id, len);
}

/* Returns the number of replies that come before that to XPENDING, if there is one. */
static size_t
acknowledge(struct worker *worker, size_t entries)
{
	const struct worker_config *config = worker->config;
	struct resp *conn = &worker->conn;
	const struct resp_node *node = &conn->nodes[4], *last = node;
	size_t replies = 2;

	resp_begin(conn, 3 + entries);
	resp_text(conn, "XACK");
	resp_text(conn, config->queues[0]);
	resp_text(conn, config->group);
	for (size_t i = 0; i < entries; i++) {
		last = node + 1;
		resp_word(conn, resp_data(conn, last), last->len);
		node += 3 + (size_t)node[2].number;
	}
	if (config->agents == 1) {
		trim(worker, resp_data(conn, last), last->len);
		return replies;
	}
	if (worker->bound[0])
		trim(worker, worker->bound, strlen(worker->bound));
	else
		replies--;
	/* where nothing is pending, all up to this one is done */
	copy_id(conn, last, worker->bound);
	resp_command(
	    conn, "XPENDING", config->queues[0], config->group, "-", "+", "1", NULL);
	return replies;
}

/* [[id, consumer, idle, deliveries]] or nothing */
static int
take_bound(struct worker *worker)
{
	struct resp *conn = &worker->conn;
	int rc = resp_read(conn, &worker->slot->err);

	if (rc == 0 && conn->n_nodes > 2)
		copy_id(conn, &conn->nodes[2], worker->bound);
	return rc;
}

static int
take_replies(struct worker *worker, size_t entries, size_t acks)
{
	struct resp *conn = &worker->conn;
	struct err *err = &worker->slot->err;
	struct board *board = worker->board;
	int rc = 0;

	for (size_t i = 0; i < worker->n_order && rc == 0; i++) {
		rc = resp_skip(conn, worker->counts[i], err);
		if (rc == 0 && worker->counts[i])
			copy_id(
			    conn, &conn->nodes[0], worker->slot->last[worker->order[i]]);
	}
	if (rc == 0)
		rc = resp_skip(conn, acks, err);
	if (rc == 0 && acks && worker->config->agents > 1)
		rc = take_bound(worker);
	if (rc == 0 && atomic_fetch_add(&board->answered, entries) + entries ==
			   worker->config->total)
		ring(worker);
	return rc;
}

/* --- the loop --- */

static void
note_handoff(struct worker *worker, int64_t now)
{
	struct board *board = worker->board;
	size_t at;

	if (atomic_load(&board->taken) == 0)
		return;
	at = atomic_fetch_add(&board->n_handoffs, 1);
	if (at + 1 < worker->config->total)
		board->handoff_ns[at] = (uint32_t)(now - atomic_load(&board->sent_ns));
}

/* As by kill -9: nothing is answered, nothing is given back. */
static void
die(const struct worker *worker, int64_t now)
{
	int64_t none = 0;

	(void)atomic_compare_exchange_strong(&worker->board->died_ns, &none, now);
	ring(worker);
	(void)raise(SIGKILL);
}

/* One read is out; takes what it brings and sends the answers with the next read. */
static int
step(struct worker *worker, bool *ret_more)
{
	const struct worker_config *config = worker->config;
	struct resp *conn = &worker->conn;
	size_t entries, acks = 0;
	int rc = resp_read(conn, &worker->slot->err);
	int64_t now = worker_now_ns();

	if (rc < 0)
		return rc;
	worker->n_traced = 0;
	entries = answer(worker);
	if (entries && config->dies_after &&
	    atomic_load(&worker->board->taken) >= config->dies_after)
		die(worker, now);
	note_times(worker, worker->board->read_ns, now);
	if (entries && config->chain)
		note_handoff(worker, now);
	if (entries && config->acks)
		acks = acknowledge(worker, entries);
	/* what dead agents took comes again */
	*ret_more =
	    atomic_fetch_add(&worker->board->taken, entries) + entries < config->total ||
	    config->dies_after;
	if (*ret_more)
		ask(worker);
	now = worker_now_ns();
	if (config->chain)
		atomic_store(&worker->board->sent_ns, now);
	note_times(worker, worker->board->answered_ns, now);
	rc = resp_send(conn, &worker->slot->err);
	return rc < 0 || !entries ? rc : take_replies(worker, entries, acks);
}

void
worker_main(
    const struct worker_config *config, struct board *board, unsigned index, int bell)
{
	struct worker worker = { .config = config,
		.board = board,
		.slot = &board->slots[index],
		.conn.fd = -1,
		.bell = bell };
	struct err *err = &worker.slot->err;
	bool more = true;
	int rc;

	if (config->traced)
		worker.traced =
		    xcalloc(WORKER_BATCH * config->parts, sizeof *worker.traced);
	(void)snprintf(worker.name, sizeof worker.name, "%s%u",
	    config->name ? config->name : "w", index);
	rc = resp_connect(&worker.conn, config->socket, config->port, err);
	if (rc == 0) {
		ask(&worker);
		rc = resp_send(&worker.conn, err);
	}
	if (rc == 0) {
		atomic_fetch_add(&board->reading, 1);
		ring(&worker);
	}
	while (rc == 0 && more)
		rc = step(&worker, &more);
	worker.slot->rc = rc;
	if (rc < 0) {
		atomic_fetch_add(&board->failed, 1);
		ring(&worker);
	}
	resp_close(&worker.conn);
	free(worker.traced);
}
