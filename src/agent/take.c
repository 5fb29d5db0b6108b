/* SPDX-License-Identifier: MIT */
/*
 * What becomes of an entry that was read: run, reported as malformed, handed back.
 */
#include "agent/take.h"

#include <stdlib.h>
#include <string.h>

#include "agent/attempt.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "redis/reply.h"

#define FIELDS_MAX 64
#define RESEND_LEASES 2 /* after so many a confirmed report is sent again … */
#define RESENDS_MAX 10  /* … then after twice as many, and so on */

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

/* An entry that nobody can report stays in our list; it is told of once. */
static bool
is_news(struct puller *puller, const char *id)
{
	size_t i;

	for (i = 0; i < TOLD_MAX; i++)
		if (strcmp(puller->told[i], id) == 0)
			return false;
	(void)snprintf(puller->told[puller->next_told], sizeof puller->told[0], "%s", id);
	puller->next_told = (puller->next_told + 1) % TOLD_MAX;
	return true;
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

	if (is_news(&agent->puller, id))
		log_warn("malformed task entry", KV_S("stream", queue->key),
		    KV_S("entry", id), KV_S("why", why->text));
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

static const char *
why_draining(const struct agent *agent)
{
	return agent->draining ? "the agent stops" : "the agent is drained";
}

void
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
	if (!agent_is_draining(agent) && !beat_allows(agent, queue))
		return;
	row = enter(queue, id, fields);
	if (row == NULL)
		return;
	if (agent_is_draining(agent))
		hand_back(row, NULL, why_draining(agent));
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

void
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
	if (agent->puller.looked && !agent_is_draining(agent) &&
	    (agent_free_slots(agent) == 0 || !beat_allows(agent, queue)))
		return; /* at the next look */
	row = enter(queue, id, fields);
	if (row == NULL)
		return;
	row->seen = agent->puller.look;
	if (!agent->puller.looked)
		hand_back(row, "lost", "an earlier instance of this agent died");
	else if (agent_is_draining(agent))
		hand_back(row, NULL, why_draining(agent));
	else
		attempt_start(agent, row);
}

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

size_t
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

void
take_oversized(struct queue *queue, const struct redisReply *weighed)
{
	static const char *const names[] = { "run", "task", "token" };
	struct span spans[2 * ARRAY_LEN(names)];
	const char *id = "", *text;
	struct err why = { 0 };
	int64_t bytes = 0;
	size_t i, n = 0, len;

	(void)reply_str(reply_at(weighed, 0), &id, &len, NULL);
	(void)reply_int(reply_at(weighed, 1), &bytes, NULL);
	for (i = 0; i < ARRAY_LEN(names); i++) {
		if (reply_str(reply_at(weighed, 2 + i), &text, &len, NULL) != 0)
			continue;
		spans[n++] = (struct span){ names[i], strlen(names[i]) };
		spans[n++] = (struct span){ text, len };
	}
	err_set(&why, ERR_LIMIT, "it has %lld bytes, too many to be read", (long long)bytes);
	take_malformed(queue, id, spans, n, &why);
}
