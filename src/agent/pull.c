/* SPDX-License-Identifier: MIT */
/*
 * Reads tasks, never more than there are free slots.
 *
 * All reading is one sequence on a connection of its own, so a look at the pending
 * list never races with a delivery:
 *
 *   look (own pending list, id 0 on)  at the start, after a reconnect, at every lease;
 *     |                               one entry at a time, each weighed before, while one
 *     |                               is too large to be read
 *     `-> one type:      XREADGROUP COUNT free BLOCK
 *     `-> several types: XREADGROUP COUNT 1 on each in turn while something comes,
 *                        then XREAD BLOCK on all as a bell
 */
#include <stdlib.h>
#include <string.h>

#include "agent/agent.h"
#include "agent/take.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "redis/policy.h"
#include "redis/reply.h"

#define READ_COUNT 16 /* entries of the largest size that stay below a reply's limit */
#define BLOCK_MS 2000
#define WEIGHT_MAX (30 * 1024 * 1024) /* of an entry, below a reply's limit */

static void look_send(struct agent *agent);
static void look_read(struct agent *agent, const char *count);

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
	puller->careful = puller->careful && puller->oversized;
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
next_queue(struct puller *puller)
{
	puller->queue++;
	(void)snprintf(puller->after, sizeof puller->after, "0-0");
}

static void
look_goes_on(struct agent *agent)
{
	if (agent->puller.queue < agent->n_queues)
		look_send(agent);
	else
		look_ends(agent);
}

static void
look_done(void *arg, const struct redisReply *reply, const struct err *err)
{
	struct queue *queue = arg;
	struct agent *agent = queue->agent;
	struct puller *puller = &agent->puller;
	size_t n;

	(void)err;
	if (!reply_is_sound(queue, reply))
		return;
	n = take_reply(queue, reply, take_pending, puller->after);
	if (puller->careful ? n == 0 : n < READ_COUNT)
		next_queue(puller);
	look_goes_on(agent);
}

/* --- careful: what a reply would weigh is asked before --- */

static void
weigh_done(void *arg, const struct redisReply *reply, const struct err *err)
{
	struct queue *queue = arg;
	struct agent *agent = queue->agent;
	struct puller *puller = &agent->puller;
	const char *id;
	int64_t bytes;
	size_t len;

	(void)err;
	if (!reply_is_sound(queue, reply))
		return;
	if (reply_str(reply_at(reply, 0), &id, &len, NULL) != 0 ||
	    reply_int(reply_at(reply, 1), &bytes, NULL) != 0) {
		next_queue(puller); /* nothing more is pending */
	} else if (bytes <= WEIGHT_MAX) {
		look_read(agent, "1");
		return;
	} else {
		take_oversized(queue, reply);
		puller->oversized = true;
		(void)snprintf(puller->after, sizeof puller->after, "%s", id);
	}
	look_goes_on(agent);
}

static void
look_weigh(struct agent *agent)
{
	struct queue *queue = agent->queues[agent->puller.queue];
	struct command command = { 0 };

	command_add_all(&command, queue->key, queue->group, agent->id, agent->puller.after,
	    (char *)NULL);
	agent->puller.busy =
	    agent_script(agent, "peekown", 1, &command, weigh_done, queue) == 0;
}

static void
look_read(struct agent *agent, const char *count)
{
	struct queue *queue = agent->queues[agent->puller.queue];
	struct command command = { 0 };

	command_add_all(&command, "XREADGROUP", "GROUP", queue->group, agent->id, "COUNT",
	    count, "STREAMS", queue->key, agent->puller.after, (char *)NULL);
	(void)reads_send(agent, &command, AGENT_CALL_MS, look_done, queue);
}

static void
look_send(struct agent *agent)
{
	if (agent->puller.careful)
		look_weigh(agent);
	else
		look_read(agent, "16");
}

static void
look_begin(struct agent *agent)
{
	struct puller *puller = &agent->puller;

	puller->oversized = false;
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
	struct queue *queue = agent->queues[0];
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

		turn_command(agent, agent->queues[at], &command);
		if (command_send(&command, port, AGENT_CALL_MS, last_turn_done,
			agent->queues[at]) != 0)
			return;
	}
	command_add_all(
	    &command, "XREAD", "COUNT", "1", "BLOCK", "2000", "STREAMS", (char *)NULL);
	for (i = 0; i < agent->n_queues; i++)
		command_add(&command, agent->queues[i]->key);
	for (i = 0; i < agent->n_queues; i++)
		command_add(&command, "$");
	(void)reads_send(
	    agent, &command, redis_block_timeout(BLOCK_MS), bell_done, agent->queues[0]);
}

static void
read_in_turn(struct agent *agent)
{
	struct queue *queue = agent->queues[agent->puller.queue];
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
	else if (agent_is_draining(agent) || agent_free_slots(agent) == 0)
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
	signon_count(agent);
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
pull_too_large(struct agent *agent)
{
	if (!agent->puller.careful)
		log_warn("a task entry is too large to be read; looking for it");
	agent->puller.careful = true;
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
