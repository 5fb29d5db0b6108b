/* SPDX-License-Identifier: MIT */
/*
 * Sends reports, keeps them until Redis has confirmed them, and puts those into the spool
 * that Redis does not take at once.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/agent.h"
#include "agent/logs.h"
#include "agent/spool.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "redis/reply.h"

#define SPOOL_AFTER_US (1 * CLOCK_S) /* an unconfirmed report of this age is spooled */
#define LOG_WAIT_US (2 * CLOCK_S)    /* at most so long for the end of the log: many batches */
#define REPORTS_MAX 64 /* of one call */
#define REPORTS_BYTES (256 * 1024) /* and no other behind so much */
#define SPOOL_KIND "report"
#define SPOOL_HEAD 7 /* kind type entry run task token attempt; then the fields */

/* --- the spool --- */

static struct span
span_of(const char *text)
{
	return (struct span){ text, strlen(text) };
}

static void
spool_row(struct agent *agent, struct held_row *row)
{
	const struct agent_task *task = &row->task;
	struct span texts[SPOOL_TEXTS_MAX];
	char attempt[16];
	size_t n = SPOOL_HEAD, i;

	if (row->spooled || n + row->report.len > SPOOL_TEXTS_MAX)
		return;
	(void)snprintf(attempt, sizeof attempt, "%u", task->attempt);
	texts[0] = span_of(SPOOL_KIND);
	texts[1] = span_of(task->type);
	texts[2] = span_of(row->entry);
	texts[3] = span_of(task->run);
	texts[4] = span_of(task->id);
	texts[5] = span_of(task->token);
	texts[6] = span_of(attempt);
	for (i = 0; i < row->report.len; i++)
		texts[n++] = span_of(row->report.items[i]);
	row->spooled = spool_put_report(agent->spool, task->token, texts, n);
}

/* Returns how many are young enough to wait for an answer. */
static size_t
spool_reports(struct agent *agent, int64_t age_us)
{
	int64_t now = clock_mono_us();
	struct held_row *row = NULL;
	size_t young = 0;

	while ((row = ledger_next(&agent->ledger, row)) != NULL) {
		if (row->state != HELD_REPORTED || row->spooled)
			continue;
		if (now - row->reported_us >= age_us)
			spool_row(agent, row);
		else
			young++;
	}
	return young;
}

void
outbox_spool_due(struct agent *agent)
{
	size_t young = spool_reports(agent, SPOOL_AFTER_US);

	spool_sync(agent->spool);
	if (young > 0)
		outbox_sync_soon(agent);
}

void
outbox_sync_soon(struct agent *agent)
{
	if (!loop_timer_active(&agent->spool_timer))
		loop_timer_start(&agent->spool_timer, SPOOL_AFTER_US);
}

void
outbox_away(struct agent *agent)
{
	(void)spool_reports(agent, 0);
}

/* --- what an earlier agent left --- */

static struct queue *
find_queue(struct agent *agent, const struct span *type, const char *run)
{
	const struct place *place;
	size_t i;

	/* it may be of a partition that Redis has not told of yet */
	if (run_id_valid(run, strlen(run)))
		(void)places_grow(agent, run_id_partition(run) % PLACES_MAX + 1);
	place = places_of(agent, run);
	for (i = 0; i < agent->n_queues; i++)
		if (agent->queues[i]->place == place &&
		    strlen(agent->queues[i]->type) == type->len &&
		    memcmp(agent->queues[i]->type, type->data, type->len) == 0)
			return agent->queues[i];
	return NULL;
}

static char *
text_of(const struct spool_texts *texts, size_t i)
{
	return xstrndup(texts->list[i].data, texts->list[i].len);
}

static bool
is_report(const struct spool_texts *texts, const char *token)
{
	return texts->len > SPOOL_HEAD && (texts->len - SPOOL_HEAD) % 2 == 0 &&
	       texts->list[0].len == strlen(SPOOL_KIND) &&
	       memcmp(texts->list[0].data, SPOOL_KIND, strlen(SPOOL_KIND)) == 0 &&
	       texts->list[5].len == TOKEN_SIZE - 1 &&
	       memcmp(texts->list[5].data, token, TOKEN_SIZE - 1) == 0;
}

static struct held_row *
row_of(struct agent *agent, struct queue *queue, const struct spool_texts *texts)
{
	char *entry = text_of(texts, 2), *attempt = text_of(texts, 6), *name, *value;
	struct agent_task task = { .run = text_of(texts, 3),
		.id = text_of(texts, 4),
		.type = xstrdup(queue->type),
		.workflow = "" };
	struct held_row *row;
	int64_t number = 1;
	size_t i;

	memcpy(task.token, texts->list[5].data, TOKEN_SIZE - 1);
	(void)str_to_i64(attempt, 1, UINT32_MAX, &number);
	task.attempt = (unsigned)number;
	row = ledger_add(&agent->ledger, &task, entry, queue, clock_mono_us());
	for (i = SPOOL_HEAD; i + 1 < texts->len; i += 2) {
		name = text_of(texts, i);
		value = text_of(texts, i + 1);
		report_add(&row->report, name, value);
		free(name);
		free(value);
	}
	free(entry);
	free(attempt);
	return row;
}

static bool
take_report(void *arg, const char *token, const struct spool_texts *texts)
{
	struct agent *agent = arg;
	struct held_row *row;
	struct queue *queue;
	char *run;

	if (!is_report(texts, token) || ledger_find(&agent->ledger, token) != NULL)
		return false;
	run = text_of(texts, 3);
	queue = find_queue(agent, &texts->list[1], run);
	free(run);
	if (queue == NULL) {
		log_warn("a report in the spool is of a type that this agent does not "
			 "serve; it stays there",
		    KV_S("token", token));
		return true;
	}
	row = row_of(agent, queue, texts);
	row->spooled = true;
	ledger_report(&agent->ledger, row);
	log_info("an earlier agent's report is delivered from the spool",
	    KV_S("run", row->task.run), KV_S("task", row->task.id));
	return true;
}

static bool
take_log(void *arg, const char *token, struct spool_log *log,
    const struct spool_texts *head)
{
	return tasklog_revive(arg, token, log, head);
}

void
outbox_load(struct agent *agent)
{
	const struct spool_fns fns = { take_report, take_log, agent };

	spool_load(agent->spool, &fns);
}

/* --- sending --- */

static void
confirmed(struct agent *agent, struct held_row *row)
{
	if (row->spooled)
		spool_drop_report(agent->spool, row->task.token);
	row->spooled = false;
	ledger_confirm(&agent->ledger, row, clock_mono_us());
	/* in strides: a trim walks over all rows */
	if (agent->ledger.confirmed % 256 == 0)
		ledger_trim(&agent->ledger, agent->puller.complete);
	agent_go_on(agent);
}

static void
send_again(struct agent *agent, int64_t after_us)
{
	struct loop_timer *timer = &agent->resend_timer;

	if (!loop_timer_active(timer) || timer->due_us > clock_mono_us() + after_us)
		loop_timer_start(timer, after_us);
}

/* Reports that one call tells of; each row lives while it is marked as sent. */
struct delivery {
	struct agent *agent;
	size_t n;
	struct held_row *rows[REPORTS_MAX];
};

static void
report_refused(struct agent *agent, const char *why)
{
	log_warn("Redis refuses a report; trying again", KV_S("why", why));
	send_again(agent, AGENT_RETRY_US);
}

static void
reports_done(void *arg, const struct redisReply *reply, const struct err *err)
{
	struct delivery *delivery = arg;
	struct agent *agent = delivery->agent;
	size_t i, len;

	(void)err;
	for (i = 0; i < delivery->n; i++) {
		struct held_row *row = delivery->rows[i];
		const char *answer = "";

		row->sent = false;
		if (reply == NULL)
			continue; /* unknown: sent again when Redis is back */
		(void)reply_str(reply_at(reply, i), &answer, &len, NULL);
		if (strcmp(answer, "OK") == 0)
			confirmed(agent, row);
		else
			report_refused(agent,
			    reply_is_error(reply) ? reply_error_text(reply) : answer);
	}
	free(delivery);
}

/* Who reads the report reads the log: its end comes first, unless that takes long. */
static bool
waits_for_log(struct agent *agent, const struct held_row *row)
{
	int64_t since = row->reported_us > agent->signed_on_us ? row->reported_us
							       : agent->signed_on_us;
	int64_t left = since + LOG_WAIT_US - clock_mono_us();

	if (left <= 0 || !tasklog_on_its_way(agent, row->task.token))
		return false;
	send_again(agent, left);
	return true;
}

/* It goes with the others of this turn. */
static void
outbox_send(struct agent *agent, struct held_row *row)
{
	struct outbox *outbox = &agent->outbox;

	if (row->sent || !agent->signed_on || waits_for_log(agent, row))
		return;
	row->sent = true;
	GROW(outbox->due, outbox->n_due, outbox->cap_due);
	outbox->due[outbox->n_due++] = row;
	agent_go_on(agent);
}

/* Takes what goes to the same place as the first one, as much as one call carries. */
static struct delivery *
delivery_of(struct agent *agent, const struct place **ret_place)
{
	struct delivery *delivery = xcalloc(1, sizeof *delivery);
	struct outbox *outbox = &agent->outbox;
	const struct place *place = outbox->due[0]->queue->place;
	size_t bytes = 0, kept = 0, i;

	for (i = 0; i < outbox->n_due; i++) {
		struct held_row *row = outbox->due[i];

		if (row->queue->place != place || delivery->n == REPORTS_MAX ||
		    bytes > REPORTS_BYTES) {
			outbox->due[kept++] = row;
			continue;
		}
		delivery->rows[delivery->n++] = row;
		bytes += row->report.bytes;
	}
	outbox->n_due = kept;
	delivery->agent = agent;
	*ret_place = place;
	return delivery;
}

static void
deliver(struct agent *agent)
{
	const struct place *place;
	struct delivery *delivery = delivery_of(agent, &place);
	char words[REPORTS_MAX][16];
	struct command command = { 0 };
	size_t i, k;

	command_add(&command, place->done);
	for (i = 0; i < delivery->n; i++) {
		const struct report *report = &delivery->rows[i]->report;

		(void)snprintf(words[i], sizeof words[i], "%zu", report->len);
		command_add(&command, words[i]);
		for (k = 0; k < report->len; k++)
			command_add(&command, report->items[k]);
	}
	if (agent_script(agent, "reports", 1, &command, reports_done, delivery) == 0)
		return;
	for (i = 0; i < delivery->n; i++)
		delivery->rows[i]->sent = false;
	free(delivery);
	send_again(agent, AGENT_RETRY_US);
}

void
outbox_flush(struct agent *agent)
{
	while (agent->outbox.n_due > 0)
		deliver(agent);
}

void
outbox_release(struct agent *agent)
{
	free(agent->outbox.due);
	agent->outbox = (struct outbox){ 0 };
}

void
outbox_put(struct agent *agent, struct held_row *row)
{
	ledger_report(&agent->ledger, row);
	row->reported_us = clock_mono_us();
	outbox_send(agent, row);
	if (agent->signed_on)
		outbox_sync_soon(agent);
	else
		spool_row(agent, row);
}

void
outbox_log_sent(struct agent *agent, const char *token)
{
	struct held_row *row = ledger_find(&agent->ledger, token);

	if (row != NULL && row->state == HELD_REPORTED)
		outbox_send(agent, row);
}

void
outbox_resend(struct agent *agent)
{
	struct held_row *row = NULL;

	while ((row = ledger_next(&agent->ledger, row)) != NULL)
		if (row->state == HELD_REPORTED)
			outbox_send(agent, row);
}
