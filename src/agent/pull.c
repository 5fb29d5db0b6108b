/* SPDX-License-Identifier: MIT */
/*
 * Reads tasks, never more than there are free slots.
 *
 * All reading is one sequence on a connection of its own, so a look at the pending
 * list never races with a delivery:
 *
 *   look (own pending list, id 0 on)  at the start, after a reconnect, at every lease
 *     `-> one type:      XREADGROUP COUNT free BLOCK
 *     `-> several types: XREADGROUP COUNT 1 on each in turn while something comes,
 *                        then XREAD BLOCK on all as a bell
 */
#include <stdlib.h>
#include <string.h>

#include "agent/agent.h"
#include "agent/attempt.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "redis/policy.h"
#include "redis/reply.h"

#define READ_COUNT 16 /* entries of the largest size that stay below a reply's limit */
#define BLOCK_MS 2000
#define FIELDS_MAX 64
#define RESEND_LEASES 2 /* after so many a confirmed report is sent again … */
#define RESENDS_MAX 10  /* … then after twice as many, and so on */

static void look_send(struct agent *agent);

/* --- taking an entry --- */

static bool
spans_of(
    const struct redisReply *fields, struct span spans[2 * FIELDS_MAX], size_t *ret_n)
{
	size_t pairs = reply_pairs(fields), i;
	struct reply_text key, value;

	if (pairs > FIELDS_MAX)
		return false;
	for (i = 0; i < pairs; i++) {
		if (reply_pair(fields, i, &key, &value, NULL) != 0)
			return false;
		spans[2 * i] = (struct span){ key.text, key.len };
		spans[2 * i + 1] = (struct span){ value.text, value.len };
	}
	*ret_n = 2 * pairs;
	return true;
}

/* What can be said of an entry that breaks the rules: enough to report it, or not. */
static bool
salvage(const struct span *spans, size_t n, struct task_entry *ret)
{
	static const struct span ground[] = {
		{ "attempt", 7 },
		{ "1", 1 },
		{ "kind", 4 },
		{ "payload", 7 },
		{ "body", 4 },
		{ "{}", 2 },
		{ "meta", 4 },
		{ "{}", 2 },
	};
	static const char *const names[] = { "run", "task", "token" };
	struct span fields[ARRAY_LEN(ground) + 2 * ARRAY_LEN(names)];
	size_t used = ARRAY_LEN(ground), i, k;

	memcpy(fields, ground, sizeof ground);
	for (i = 0; i < n; i += 2) {
		for (k = 0; k < ARRAY_LEN(names); k++)
			if (spans[i].len == strlen(names[k]) &&
			    memcmp(spans[i].data, names[k], spans[i].len) == 0)
				break;
		if (k == ARRAY_LEN(names))
			continue;
		if (used == ARRAY_LEN(fields))
			return false;
		fields[used++] = spans[i];
		fields[used++] = spans[i + 1];
	}
	return task_entry_parse(fields, used, ret, NULL) == 0;
}

static void
take_malformed(struct queue *queue, const char *id, const struct span *spans, size_t n,
    const struct err *why)
{
	struct agent *agent = queue->agent;
	struct agent_task task = { 0 };
	struct task_entry entry;
	struct held_row *row;
	char token[TOKEN_SIZE];
	char *message;

	log_warn("malformed task entry", KV_S("stream", queue->key), KV_S("entry", id),
	    KV_S("why", why->text));
	if (!salvage(spans, n, &entry) ||
	    ledger_find(&agent->ledger, token_format(entry.token, token)) != NULL)
		return;
	(void)agent_task_init(&task, queue->type, &entry, NULL);
	row = ledger_add(&agent->ledger, &task, id, queue, clock_mono_us());
	message = xasprintf("malformed task entry: %s", why->text);
	verdict_refused(&row->task, agent->id, "rejected", message, &row->report);
	free(message);
	outbox_put(agent, row);
}

/* Puts the entry into the ledger; NULL: malformed. */
static struct held_row *
enter(struct queue *queue, const char *id, const struct redisReply *fields)
{
	struct span spans[2 * FIELDS_MAX];
	struct agent_task task = { 0 };
	struct task_entry entry;
	struct err err = { 0 };
	size_t n = 0;
	int rc = -1;

	if (!spans_of(fields, spans, &n))
		err_set(&err, ERR_INVALID, "not a list of at most %d fields", FIELDS_MAX);
	else
		rc = task_entry_parse(spans, n, &entry, &err);
	if (rc == 0)
		rc = agent_task_init(&task, queue->type, &entry, &err);
	if (rc == 0)
		return ledger_add(
		    &queue->agent->ledger, &task, id, queue, clock_mono_us());
	agent_task_release(&task);
	take_malformed(queue, id, spans, n, &err);
	return NULL;
}

static struct held_row *
known(const struct agent *agent, const struct redisReply *fields)
{
	struct reply_text token;
	char text[TOKEN_SIZE];

	if (!reply_get(fields, "token", &token) || token.len != TOKEN_SIZE - 1)
		return NULL;
	memcpy(text, token.text, token.len);
	text[token.len] = '\0';
	return ledger_find(&agent->ledger, text);
}

/* An entry whose message is gone has nothing to run; it only blocks the list. */
static void
ack_deleted(struct queue *queue, const char *id)
{
	struct redis_port *port = agent_port(queue->agent);
	struct command command = { 0 };

	log_warn("an entry in our pending list was deleted", KV_S("stream", queue->key),
	    KV_S("entry", id));
	command_add_all(&command, "XACK", queue->key, queue->group, id, (char *)NULL);
	if (port == NULL ||
	    command_send(&command, port, AGENT_CALL_MS, agent_ignore_reply, NULL) != 0)
		command_release(&command);
}

static void
hand_back(struct held_row *row, const char *category, const char *why)
{
	struct agent *agent = row->queue->agent;

	log_info("task handed back", KV_S("run", row->task.run),
	    KV_S("task", row->task.id), KV_S("why", why));
	verdict_released(&row->task, agent->id, category, why, &row->report);
	outbox_put(agent, row);
}

/* A new delivery. */
static void
take_new(struct queue *queue, const char *id, const struct redisReply *fields)
{
	struct agent *agent = queue->agent;
	struct held_row *row = known(agent, fields);

	if (row != NULL) {
		/* Redis lost history and delivers again what we know */
		if (row->state == HELD_CONFIRMED)
			outbox_put(agent, row);
		return;
	}
	row = enter(queue, id, fields);
	if (row == NULL)
		return;
	if (agent->draining)
		hand_back(row, NULL, "the agent stops");
	else
		attempt_start(agent, row);
}

/*
 * A confirmed report is sent again when Redis may have forgotten it: it was confirmed on an
 * earlier connection, or long ago and still nobody acknowledged the entry (ever more
 * rarely, as there may just be no owner).
 */
static bool
wants_again(const struct agent *agent, struct held_row *row)
{
	int64_t age = clock_mono_us() - row->confirmed_us;
	unsigned times = row->resends < RESENDS_MAX ? row->resends : RESENDS_MAX;

	if (row->state != HELD_CONFIRMED)
		return false;
	if (agent->puller.resend && row->confirmed_us < agent->signed_on_us)
		return true;
	if (age < (RESEND_LEASES * agent->lease_ms * CLOCK_MS) << times)
		return false;
	row->resends++;
	return true;
}

/* An entry of our pending list. */
static void
take_pending(struct queue *queue, const char *id, const struct redisReply *fields)
{
	struct agent *agent = queue->agent;
	struct held_row *row = known(agent, fields);

	if (row != NULL) {
		row->seen = agent->puller.look;
		if (wants_again(agent, row))
			outbox_put(agent, row);
		return;
	}
	if (agent->puller.looked && !agent->draining && agent_free_slots(agent) == 0)
		return; /* at the next look */
	row = enter(queue, id, fields);
	if (row == NULL)
		return;
	row->seen = agent->puller.look;
	if (!agent->puller.looked)
		hand_back(row, "lost", "an earlier instance of this agent died");
	else if (agent->draining)
		hand_back(row, NULL, "the agent stops");
	else
		attempt_start(agent, row);
}

typedef void take_fn(
    struct queue *queue, const char *id, const struct redisReply *fields);

/* Gives each entry of a stream to take; returns how many. */
static size_t
take_all(
    struct queue *queue, const struct redisReply *entries, take_fn *take, char last[48])
{
	struct stream_entry entry;
	char id[STREAM_ID_SIZE];
	size_t i;

	for (i = 0; reply_at(entries, i) != NULL; i++) {
		if (reply_entry(entries, i, &entry, NULL) != 0)
			break;
		stream_id_format(entry.id, id);
		if (last != NULL)
			(void)snprintf(last, 48, "%s", id);
		if (entry.fields == NULL)
			ack_deleted(queue, id);
		else
			take(queue, id, entry.fields);
	}
	return i;
}

/* The only stream of a read on one queue; 0 for none. */
static size_t
take_reply(
    struct queue *queue, const struct redisReply *reply, take_fn *take, char last[48])
{
	const struct redisReply *entries;
	struct reply_text key;

	if (reply_streams(reply) == 0 ||
	    reply_stream(reply, 0, &key, &entries, NULL) != 0)
		return 0;
	return take_all(queue, entries, take, last);
}

/* --- faults --- */

static void
retry_later(struct agent *agent)
{
	loop_timer_start(&agent->puller.timer, AGENT_RETRY_US);
}

static void
group_made(void *arg, const struct redisReply *reply, const struct err *err)
{
	struct queue *queue = arg;
	struct agent *agent = queue->agent;

	(void)err;
	agent->puller.busy = false;
	if (reply == NULL)
		return;
	if (reply_is_error(reply) && redis_fault_of(reply) != REDIS_FAULT_BUSYGROUP) {
		log_warn("cannot make the group", KV_S("group", queue->group),
		    KV_S("why", reply_error_text(reply)));
		retry_later(agent);
		return;
	}
	agent_go_on(agent);
}

static bool
reads_send(struct agent *agent, struct command *command, int64_t timeout_ms,
    redis_reply_fn *fn, void *arg)
{
	agent->puller.busy = command_send(command, redis_conn_port(agent->reads),
				 timeout_ms, fn, arg) == 0;
	return agent->puller.busy;
}

static void
make_group(struct queue *queue)
{
	struct command command = { 0 };

	command_add_all(&command, "XGROUP", "CREATE", queue->key, queue->group, "$",
	    "MKSTREAM", (char *)NULL);
	if (!reads_send(queue->agent, &command, AGENT_CALL_MS, group_made, queue))
		retry_later(queue->agent);
}

/* False: the reply was a fault, and what follows from it is under way. */
static bool
reply_is_sound(struct queue *queue, const struct redisReply *reply)
{
	struct agent *agent = queue->agent;

	agent->puller.busy = false;
	if (reply == NULL)
		return false; /* the connection died: pull_reconnected() comes */
	if (!reply_is_error(reply))
		return true;
	if (redis_fault_of(reply) == REDIS_FAULT_NOGROUP) {
		make_group(queue);
		return false;
	}
	log_warn("cannot read tasks; trying again", KV_S("stream", queue->key),
	    KV_S("why", reply_error_text(reply)));
	retry_later(agent);
	return false;
}

/* --- the look at our pending list --- */

static void
look_ends(struct agent *agent)
{
	struct puller *puller = &agent->puller;

	puller->complete = puller->look;
	ledger_sweep(&agent->ledger, puller->complete, clock_mono_us());
	puller->looking = false;
	puller->looked = true;
	puller->resend = puller->look_now; /* a reconnect asked for another meanwhile */
	puller->queue = 0;
	puller->empty = 0;
	loop_timer_start(&puller->timer, agent->lease_ms * CLOCK_MS);
	agent_go_on(agent);
}

static void
look_done(void *arg, const struct redisReply *reply, const struct err *err)
{
	struct queue *queue = arg;
	struct agent *agent = queue->agent;
	struct puller *puller = &agent->puller;

	(void)err;
	if (!reply_is_sound(queue, reply))
		return;
	if (take_reply(queue, reply, take_pending, puller->after) < READ_COUNT) {
		puller->queue++;
		(void)snprintf(puller->after, sizeof puller->after, "0-0");
	}
	if (puller->queue < agent->n_queues)
		look_send(agent);
	else
		look_ends(agent);
}

static void
look_send(struct agent *agent)
{
	struct queue *queue = &agent->queues[agent->puller.queue];
	struct command command = { 0 };

	command_add_all(&command, "XREADGROUP", "GROUP", queue->group, agent->id, "COUNT",
	    "16", "STREAMS", queue->key, agent->puller.after, (char *)NULL);
	(void)reads_send(agent, &command, AGENT_CALL_MS, look_done, queue);
}

static void
look_begin(struct agent *agent)
{
	struct puller *puller = &agent->puller;

	puller->look_now = false;
	puller->looking = true;
	puller->look++;
	puller->queue = 0;
	(void)snprintf(puller->after, sizeof puller->after, "0-0");
	look_send(agent);
}

/* --- one type --- */

static void
read_done(void *arg, const struct redisReply *reply, const struct err *err)
{
	struct queue *queue = arg;

	(void)err;
	if (!reply_is_sound(queue, reply))
		return;
	(void)take_reply(queue, reply, take_new, NULL);
	agent_go_on(queue->agent);
}

static void
read_one_type(struct agent *agent)
{
	struct queue *queue = &agent->queues[0];
	struct command command = { 0 };
	unsigned free_slots = agent_free_slots(agent);
	char count[16];

	(void)snprintf(
	    count, sizeof count, "%u", free_slots < READ_COUNT ? free_slots : READ_COUNT);
	command_add_all(&command, "XREADGROUP", "GROUP", queue->group, agent->id, "COUNT",
	    count, "BLOCK", "2000", "STREAMS", queue->key, ">", (char *)NULL);
	(void)reads_send(
	    agent, &command, redis_block_timeout(BLOCK_MS), read_done, queue);
}

/* --- several types --- */

static void
turn_done(void *arg, const struct redisReply *reply, const struct err *err)
{
	struct queue *queue = arg;
	struct puller *puller = &queue->agent->puller;

	(void)err;
	if (!reply_is_sound(queue, reply))
		return;
	puller->empty =
	    take_reply(queue, reply, take_new, NULL) > 0 ? 0 : puller->empty + 1;
	puller->queue = (puller->queue + 1) % queue->agent->n_queues;
	agent_go_on(queue->agent);
}

static void
bell_done(void *arg, const struct redisReply *reply, const struct err *err)
{
	struct queue *queue = arg;

	(void)err;
	queue->agent->puller.empty = 0;
	if (reply_is_sound(queue, reply))
		agent_go_on(queue->agent);
}

/* What the turns before the bell found; the bell itself ends the wait. */
static void
last_turn_done(void *arg, const struct redisReply *reply, const struct err *err)
{
	struct queue *queue = arg;

	(void)err;
	if (reply != NULL && !reply_is_error(reply))
		(void)take_reply(queue, reply, take_new, NULL);
}

static void
turn_command(struct agent *agent, const struct queue *queue, struct command *command)
{
	command_add_all(command, "XREADGROUP", "GROUP", queue->group, agent->id, "COUNT",
	    "1", "STREAMS", queue->key, ">", (char *)NULL);
}

/*
 * Redis carries out what comes in one piece without a break, so an entry is either found
 * by the last turn or rings the bell: none slips in between.  One turn a free slot.
 */
static void
ring_bell(struct agent *agent)
{
	struct redis_port *port = redis_conn_port(agent->reads);
	struct command command = { 0 };
	size_t i, turns = agent_free_slots(agent);

	if (turns > agent->n_queues)
		turns = agent->n_queues;
	for (i = 0; i < turns; i++) {
		size_t at = (agent->puller.queue + i) % agent->n_queues;

		turn_command(agent, &agent->queues[at], &command);
		if (command_send(&command, port, AGENT_CALL_MS, last_turn_done,
			&agent->queues[at]) != 0)
			return;
	}
	command_add_all(
	    &command, "XREAD", "COUNT", "1", "BLOCK", "2000", "STREAMS", (char *)NULL);
	for (i = 0; i < agent->n_queues; i++)
		command_add(&command, agent->queues[i].key);
	for (i = 0; i < agent->n_queues; i++)
		command_add(&command, "$");
	(void)reads_send(
	    agent, &command, redis_block_timeout(BLOCK_MS), bell_done, &agent->queues[0]);
}

static void
read_in_turn(struct agent *agent)
{
	struct queue *queue = &agent->queues[agent->puller.queue];
	struct command command = { 0 };

	if (agent->puller.empty >= agent->n_queues) {
		ring_bell(agent);
		return;
	}
	turn_command(agent, queue, &command);
	(void)reads_send(agent, &command, AGENT_CALL_MS, turn_done, queue);
}

/* --- the sequence --- */

void
pull_go(struct agent *agent)
{
	struct puller *puller = &agent->puller;

	if (!agent->signed_on || agent->beater.owed || puller->busy || agent->leaving ||
	    !redis_conn_is_up(agent->reads))
		return;
	if (puller->looking)
		look_send(agent);
	else if (puller->look_now)
		look_begin(agent);
	else if (agent->draining || agent_free_slots(agent) == 0)
		return;
	else if (agent->n_queues == 1)
		read_one_type(agent);
	else
		read_in_turn(agent);
}

static void
timer_fired(void *arg)
{
	struct agent *agent = arg;

	agent->puller.look_now = true;
	pull_go(agent);
}

void
pull_init(struct agent *agent)
{
	loop_timer_init(&agent->puller.timer, agent->loop, timer_fired, agent);
	agent->puller.look_now = true;
	agent->puller.client = -1;
}

static void
client_known(void *arg, const struct redisReply *reply, const struct err *err)
{
	struct agent *agent = arg;

	(void)err;
	if (reply_int(reply, &agent->puller.client, NULL) != 0)
		agent->puller.client = -1;
}

void
pull_look_again(struct agent *agent)
{
	agent->puller.look_now = agent->puller.resend = true;
}

void
pull_reconnected(struct agent *agent)
{
	struct command command = { 0 };

	agent->puller.busy = agent->puller.looking = false;
	pull_look_again(agent);
	agent->puller.client = -1;
	command_add_all(&command, "CLIENT", "ID", (char *)NULL);
	(void)command_send(
	    &command, redis_conn_port(agent->reads), AGENT_CALL_MS, client_known, agent);
	pull_go(agent);
}

void
pull_wake(struct agent *agent)
{
	struct redis_port *port = agent_port(agent);
	struct command command = { 0 };
	char id[24];

	if (!agent->puller.busy || agent->puller.client < 0 || port == NULL)
		return;
	(void)snprintf(id, sizeof id, "%lld", (long long)agent->puller.client);
	command_add_all(&command, "CLIENT", "UNBLOCK", id, (char *)NULL);
	(void)command_send(&command, port, AGENT_CALL_MS, agent_ignore_reply, NULL);
}

void
pull_release(struct agent *agent)
{
	loop_timer_stop(&agent->puller.timer);
}
