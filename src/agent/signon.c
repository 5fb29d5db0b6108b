/* SPDX-License-Identifier: MIT */
/*
 * Signing on and off: settings of the types first, then the card.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/agent.h"
#include "agent/attempt.h"
#include "agent/logs.h"
#include "base/clock.h"
#include "base/log.h"
#include "redis/reply.h"

#define SCHEMA_KNOWN "1"
#define TAKER_RETRY_US (2 * CLOCK_S)
#define NEWER_RETRY_US (30 * CLOCK_S)

/* --- settings --- */

static void
settings_read(struct queue *queue, const struct redisReply *reply)
{
	struct err err = { 0 };
	const char *json;
	size_t len, i;
	int rc = 0;

	if (reply_str(reply, &json, &len, NULL) != 0)
		return; /* nothing published: what we had holds */
	/* one type in all partitions: an owner that publishes none takes nothing away */
	for (i = 0; i < queue->agent->n_queues && rc == 0; i++) {
		struct queue *other = queue->agent->queues[i];

		if (strcmp(other->type, queue->type) != 0)
			continue;
		type_settings_release(&other->settings);
		rc = type_settings_parse(json, len, &other->settings, &err);
	}
	if (rc != 0)
		log_warn("cannot read the settings of a type", KV_S("type", queue->type),
		    KV_S("why", err.text));
}

static int64_t
lease_of(const struct agent *agent)
{
	int64_t least = 0;
	size_t i;

	if (agent->options->lease_ms >= 0)
		return agent->options->lease_ms;
	for (i = 0; i < agent->n_queues; i++) {
		int64_t lease = agent->queues[i]->settings.lease_ms;

		if (lease > 0 && (least == 0 || lease < least))
			least = lease;
	}
	return least > 0 ? least : AGENT_LEASE_MS;
}

static unsigned
slots_of(const struct agent *agent)
{
	unsigned most = agent->options->concurrency;
	size_t i;

	for (i = 0; i < agent->n_queues && agent->options->concurrency == 0; i++)
		if (agent->queues[i]->settings.concurrency > most)
			most = agent->queues[i]->settings.concurrency;
	return most > 0 ? most : 1;
}

/* --- the card --- */

static void
join(struct buf *out, const char *const *names, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		if (i > 0)
			buf_addc(out, ',');
		buf_adds(out, names[i]);
	}
}

static void
say_ready(struct agent *agent)
{
	struct buf types = { 0 };
	char line[512];
	int len;

	join(&types, agent->options->types, agent->options->n_types);
	len = snprintf(line, sizeof line, "ready id=%s types=%s slots=%u redis=%s\n",
	    agent->id, buf_text(&types), agent->slots,
	    redis_conn_address(agent->commands));
	if (len > 0 && (size_t)len < sizeof line)
		(void)!write(STDERR_FILENO, line, (size_t)len);
	buf_release(&types);
}

static void
signed_on(struct agent *agent)
{
	bool first = !agent->was_signed_on;

	agent->signed_on = agent->was_signed_on = true;
	agent->signed_on_us = clock_mono_us();
	if (!first)
		pull_look_again(agent);
	if (first)
		say_ready(agent);
	else
		log_info("signed on again", KV_S("id", agent->id));
	beat_signed_on(agent, !first);
	tasklog_resume(agent);
	outbox_resend(agent);
	agent_go_on(agent);
}

static void
refused(struct agent *agent, const char *code, const struct redisReply *reply)
{
	agent->card_failed = true;
	if (strcmp(code, "NEWER") == 0) {
		log_error("the stored data need a newer reeve-agent; update it");
		loop_timer_start(&agent->sign_timer, NEWER_RETRY_US);
	} else if (strcmp(code, "OTHER") == 0) {
		log_error("another agent took our id; leaving", KV_S("id", agent->id));
		agent_abandon(agent, 1);
	} else {
		log_warn("cannot sign on; trying again",
		    KV_S("why", reply_is_error(reply) ? reply_error_text(reply) : code));
		loop_timer_start(&agent->sign_timer, AGENT_RETRY_US);
	}
}

/* We are there once all partitions took the card. */
static void
signon_done(void *arg, const struct redisReply *reply, const struct err *err)
{
	struct place *place = arg;
	struct agent *agent = place->agent;
	const char *code = "";
	size_t len;

	(void)err;
	if (agent->cards_due > 0 && --agent->cards_due == 0)
		agent->asking = false;
	if (reply == NULL) {
		agent->card_failed = true;
		return; /* the connection died: signon_begin() comes when it is back */
	}
	(void)reply_str(reply_at(reply, 0), &code, &len, NULL);
	if (strcmp(code, "OK") == 0)
		places_set_drained(place, reply_at(reply, 3) != NULL);
	else if (!agent->card_failed)
		refused(agent, code, reply);
	if (agent->cards_due == 0 && !agent->card_failed)
		signed_on(agent);
}

/* A negative code: not sent. */
static int
write_card(struct place *place, redis_reply_fn *fn)
{
	struct agent *agent = place->agent;
	const struct agent_options *options = agent->options;
	struct buf types = { 0 }, capabilities = { 0 };
	char slots[16], pid[16], lease[24], beat[24], at[RFC3339_SIZE];
	struct command command = { 0 };
	int rc;

	join(&types, options->types, options->n_types);
	join(&capabilities, options->capabilities, options->n_capabilities);
	(void)snprintf(slots, sizeof slots, "%u", agent->slots);
	(void)snprintf(pid, sizeof pid, "%ld", (long)getpid());
	(void)snprintf(lease, sizeof lease, "%lld", (long long)agent->lease_ms);
	(void)snprintf(beat, sizeof beat, "%lld", (long long)agent->lease_ms / 3);
	command_add_all(&command, place->meta, place->card, place->agents,
	    agent->id, agent->instance, agent->was_signed_on ? "1" : "0", SCHEMA_KNOWN,
	    "v", "1", "types", buf_text(&types), "capabilities", buf_text(&capabilities),
	    "slots", slots, "host", agent->host, "pid", pid, "lease_ms", lease, "beat_ms",
	    beat, "beats", "1", "status", agent->draining ? "draining" : "active", "at",
	    rfc3339_format(clock_wall_ms(), at), (char *)NULL);
	rc = agent_script(agent, "signon", 3, &command, fn, place);
	buf_release(&types);
	buf_release(&capabilities);
	return rc;
}

static void
write_cards(struct agent *agent)
{
	size_t i;

	agent->card_failed = false;
	agent->cards_due = 0;
	for (i = 0; i < agent->n_places; i++)
		if (write_card(agent->places[i], signon_done) == 0)
			agent->cards_due++;
		else
			agent->card_failed = true;
	agent->asking = agent->cards_due > 0;
}

/* A type without a command waits for its settings: rejecting its tasks would lose them.
 */
static bool
takers_are_there(struct agent *agent)
{
	size_t i;

	for (i = 0; i < agent->n_queues; i++) {
		if (attempt_has_taker(agent, agent->queues[i]))
			continue;
		if (!agent->taker_told)
			log_warn(
			    "no command for this type yet; waiting: give one after --, "
			    "or --allow-run, or let reeved publish agents/TYPE.yaml",
			    KV_S("type", agent->queues[i]->type));
		agent->taker_told = true;
		return false;
	}
	return true;
}

static void
settings_done(void *arg, const struct redisReply *reply, const struct err *err)
{
	struct queue *queue = arg;
	struct agent *agent = queue->agent;

	(void)err;
	if (reply == NULL) {
		agent->asking = false;
		return;
	}
	settings_read(queue, reply);
	if (queue != agent->queues[agent->n_queues - 1])
		return;
	agent->asking = false;
	agent->lease_ms = lease_of(agent);
	agent->slots = slots_of(agent);
	if (takers_are_there(agent))
		write_cards(agent);
	else
		loop_timer_start(&agent->sign_timer, TAKER_RETRY_US);
}

static void
ask_settings(struct agent *agent, struct redis_port *port)
{
	size_t i;

	for (i = 0; i < agent->n_queues; i++) {
		struct command command = { 0 };
		char *key =
		    key_make(&agent->queues[i]->place->keys, "type:", agent->queues[i]->type);

		command_add_all(&command, "GET", key, (char *)NULL);
		agent->asking = command_send(&command, port, AGENT_CALL_MS, settings_done,
				    agent->queues[i]) == 0;
		free(key);
	}
}

/* True: there are more than was known. */
static bool
take_count(struct agent *agent, const struct redisReply *reply)
{
	size_t before = agent->n_places;
	uint64_t n = 0;

	if (reply == NULL || reply_is_error(reply) || reply_u64(reply, &n, NULL) != 0 || n == 0 ||
	    n > PLACES_MAX)
		return false; /* no daemon has been here yet: one, until it says otherwise */
	agent->counted = true;
	(void)places_grow(agent, (size_t)n);
	if (agent->n_places > before)
		log_info("partitions", KV_I("partitions", (int64_t)n));
	return agent->n_places > before;
}

static void
counted(void *arg, const struct redisReply *reply, const struct err *err)
{
	struct agent *agent = arg;
	struct redis_port *port = agent_port(agent);

	(void)err;
	agent->asking = false;
	(void)take_count(agent, reply);
	if (reply != NULL && port != NULL && !agent->leaving)
		ask_settings(agent, port);
}

static void
counted_late(void *arg, const struct redisReply *reply, const struct err *err)
{
	struct agent *agent = arg;

	(void)err;
	if (take_count(agent, reply))
		signon_begin(agent);
}

static bool
ask_count(struct agent *agent, redis_reply_fn *fn)
{
	struct command command = { 0 };

	command_add_all(&command, "HGET", agent->places[0]->meta, "partitions", (char *)NULL);
	return command_send(&command, agent_port(agent), AGENT_CALL_MS, fn, agent) == 0;
}

void
signon_count(struct agent *agent)
{
	if (!agent->counted && agent->signed_on && agent_port(agent) != NULL)
		(void)ask_count(agent, counted_late);
}

void
signon_begin(struct agent *agent)
{
	agent->signed_on = false;
	if (agent->asking || agent_port(agent) == NULL || agent->leaving)
		return;
	agent->asking = ask_count(agent, counted);
}

void
signon_lost(struct agent *agent)
{
	agent->signed_on = agent->asking = false;
	loop_timer_stop(&agent->sign_timer);
}

/* --- leaving --- */

void
signon_tell_draining(struct agent *agent)
{
	size_t i;

	for (i = 0; i < agent->n_places && agent->signed_on; i++)
		(void)write_card(agent->places[i], agent_ignore_reply);
}

static void
signoff_done(void *arg, const struct redisReply *reply, const struct err *err)
{
	struct agent *agent = arg;

	(void)reply;
	(void)err;
	if (agent->cards_due > 0 && --agent->cards_due > 0)
		return;
	agent->left = true;
	loop_break(agent->loop);
}

static bool
sign_off(struct place *place)
{
	struct agent *agent = place->agent;
	struct command command = { 0 };
	size_t i, n = 0;

	command_add_all(&command, place->card, place->agents, place->beats, (char *)NULL);
	for (i = 0; i < agent->n_queues; i++)
		if (agent->queues[i]->place == place) {
			command_add(&command, agent->queues[i]->key);
			n++;
		}
	command_add_all(&command, agent->id, agent->instance, (char *)NULL);
	for (i = 0; i < agent->n_queues; i++)
		if (agent->queues[i]->place == place)
			command_add(&command, agent->queues[i]->group);
	return agent_script(agent, "signoff", 3 + n, &command, signoff_done, agent) == 0;
}

void
signoff_begin(struct agent *agent)
{
	size_t i;

	agent->cards_due = 0;
	for (i = 0; i < agent->n_places; i++)
		agent->cards_due += sign_off(agent->places[i]);
	if (agent->cards_due == 0)
		signoff_done(agent, NULL, NULL);
}
