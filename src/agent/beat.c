/* SPDX-License-Identifier: MIT */
/*
 * Heartbeats: one script call tells of all attempts and brings what is to end.
 */
#include <stdlib.h>
#include <string.h>

#include "agent/agent.h"
#include "agent/attempt.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "redis/reply.h"

#define FIRST_BEAT_US (250 * CLOCK_MS)
#define CUT_OFF_AT 8 / 10 /* of the lease, since the last answered beat was sent */

static int64_t
interval_us(const struct agent *agent)
{
	return agent->lease_ms * CLOCK_MS / 3;
}

void
beat_soon(struct agent *agent, int64_t after_us)
{
	struct loop_timer *timer = &agent->beater.timer;

	if (!loop_timer_active(timer) || timer->due_us > clock_mono_us() + after_us)
		loop_timer_start(timer, after_us);
}

/* Attempts younger than the first beat are left for the next one. */
static bool
is_told(const struct held_row *row, int64_t now_us)
{
	return row->state == HELD_RUNNING && row->attempt != NULL &&
	       now_us - row->started_us >= FIRST_BEAT_US;
}

/* After a beat: when the next one falls due. */
static void
schedule(struct agent *agent)
{
	int64_t now = clock_mono_us(), after = interval_us(agent);
	struct held_row *row = NULL;

	while ((row = ledger_next(&agent->ledger, row)) != NULL)
		if (row->state == HELD_RUNNING && !row->beaten &&
		    row->started_us + FIRST_BEAT_US - now < after)
			after = row->started_us + FIRST_BEAT_US - now;
	for (row = NULL; (row = ledger_next(&agent->ledger, row)) != NULL;)
		if (row->progress != NULL && after > PROGRESS_US)
			after = PROGRESS_US;
	if (agent->beater.owed && after > AGENT_RETRY_US)
		after = AGENT_RETRY_US;
	loop_timer_start(&agent->beater.timer, after > 0 ? after : 0);
}

/* --- cut off --- */

static bool
must_not_overlap(const struct agent *agent, const struct held_row *row)
{
	if (row->attempt == NULL)
		return false;
	if (agent->options->on_disconnect != DISCONNECT_BY_TYPE)
		return agent->options->on_disconnect == DISCONNECT_KILL;
	return row->queue->settings.kill_on_disconnect;
}

/*
 * The owner may give a task away one lease after it saw our last beat, which is not before
 * we sent it.
 */
static void
cut_off(void *arg)
{
	struct agent *agent = arg;
	struct held_row *row = NULL;

	while ((row = ledger_next(&agent->ledger, row)) != NULL) {
		if (!must_not_overlap(agent, row))
			continue;
		log_warn("cut off from Redis: ending a task that must not run twice",
		    KV_S("run", row->task.run), KV_S("task", row->task.id));
		attempt_kill(row->attempt, END_CUT_OFF);
	}
}

void
beat_guard(struct agent *agent)
{
	int64_t lease_us = agent->lease_ms * CLOCK_MS, left;
	struct held_row *row = NULL;

	loop_timer_stop(&agent->beater.cut);
	while ((row = ledger_next(&agent->ledger, row)) != NULL)
		if (must_not_overlap(agent, row))
			break;
	if (row == NULL)
		return;
	left = agent->beater.alive_us + lease_us * CUT_OFF_AT - clock_mono_us();
	loop_timer_start(&agent->beater.cut, left > 0 ? left : 0);
}

/* --- answers --- */

static void
judge(struct agent *agent, const char *token, const struct redisReply *answer)
{
	struct held_row *row = ledger_find(&agent->ledger, token);
	const char *text = "";
	size_t len;

	(void)reply_str(answer, &text, &len, NULL);
	if (row == NULL || row->attempt == NULL)
		return; /* it ended meanwhile */
	if (strcmp(text, "OK") == 0)
		row->beaten = true;
	else if (strcmp(text, "CANCEL") == 0)
		attempt_end(row->attempt, END_CANCELLED);
	else if (strcmp(text, "LOST") == 0)
		attempt_end(row->attempt, END_LOST);
}

static void
beat_answered(struct agent *agent, const struct redisReply *reply)
{
	const char *code = "";
	size_t len, i;

	if (reply_is_error(reply)) {
		log_warn("a heartbeat was refused", KV_S("why", reply_error_text(reply)));
		return;
	}
	(void)reply_str(reply_at(reply, 0), &code, &len, NULL);
	if (strcmp(code, "OK") == 0) {
		agent->beater.alive_us = agent->beater.sent_us;
		agent->beater.owed = false;
		for (i = 0; i < agent->beater.n_told; i++)
			judge(agent, agent->beater.told[i], reply_at(reply, i + 1));
	} else if (strcmp(code, "NOCARD") == 0) {
		log_warn("our card is gone; signing on again");
		signon_begin(agent);
	} else if (strcmp(code, "OTHER") == 0) {
		log_error("another agent took our id; leaving", KV_S("id", agent->id));
		agent_abandon(agent, 1);
	}
}

/* Progress that did not arrive goes with the next beat, unless there is newer. */
static void
forget_told(struct agent *agent, bool again)
{
	struct beater *beater = &agent->beater;
	struct held_row *row;
	size_t i;

	for (i = 0; i < beater->n_told; i++) {
		row = again && beater->progress[i] != NULL
			  ? ledger_find(&agent->ledger, beater->told[i])
			  : NULL;
		if (row != NULL && row->progress == NULL)
			row->progress = beater->progress[i];
		else
			free(beater->progress[i]);
	}
	free(beater->progress);
	free(beater->told);
	beater->progress = NULL;
	beater->told = NULL;
	beater->n_told = 0;
}

static void
beat_done(void *arg, const struct redisReply *reply, const struct err *err)
{
	struct agent *agent = arg;

	(void)err;
	agent->beater.busy = false;
	if (reply != NULL)
		beat_answered(agent, reply);
	forget_told(agent, reply == NULL || reply_is_error(reply));
	if (reply == NULL || agent->left)
		return;
	schedule(agent);
	beat_guard(agent);
	agent_go_on(agent);
}

static void
add_attempt(struct command *command, struct held_row *row, char *number, size_t size)
{
	(void)snprintf(number, size, "%u", row->task.attempt);
	command_add_all(command, row->queue->group, row->entry, row->task.token,
	    row->beaten ? "0" : "1", row->task.run, row->task.id, number, (char *)NULL);
}

static void
add_progress(struct command *command, const struct beater *beater, char (*ordinals)[24])
{
	size_t i;

	for (i = 0; i < beater->n_told; i++) {
		if (beater->progress[i] == NULL)
			continue;
		(void)snprintf(ordinals[i], sizeof ordinals[i], "%zu", i + 1);
		command_add(command, ordinals[i]);
		command_add(command, beater->progress[i]);
	}
}

/* Keys first, then arguments: two walks over the same rows. */
static void
beat_send(struct agent *agent)
{
	struct beater *beater = &agent->beater;
	size_t room = ledger_count(&agent->ledger, HELD_RUNNING), n = 0;
	char(*numbers)[16] = xcalloc(room + 1, sizeof *numbers);
	char(*ordinals)[24] = xcalloc(room + 1, sizeof *ordinals);
	int64_t now_us = clock_mono_us();
	struct command command = { 0 };
	struct held_row *row = NULL;
	char now[RFC3339_SIZE];

	beater->told = xcalloc(room + 1, sizeof *beater->told);
	beater->progress = xcalloc(room + 1, sizeof *beater->progress);
	command_add_all(&command, agent->key_card, agent->key_beats, agent->key_cancel,
	    agent->key_done, (char *)NULL);
	while ((row = ledger_next(&agent->ledger, row)) != NULL)
		if (is_told(row, now_us)) {
			command_add(&command, row->queue->key);
			beater->progress[n] = row->progress;
			row->progress = NULL;
			memcpy(beater->told[n++], row->task.token, TOKEN_SIZE);
		}
	beater->n_told = n;
	beater->sent_us = now_us;
	command_add_all(&command, agent->id, agent->instance,
	    rfc3339_format(clock_wall_ms(), now), (char *)NULL);
	for (n = 0; (row = ledger_next(&agent->ledger, row)) != NULL;)
		if (is_told(row, now_us)) {
			add_attempt(&command, row, numbers[n], sizeof numbers[n]);
			n++;
		}
	add_progress(&command, beater, ordinals);
	beater->busy =
	    agent_script(agent, "beat", 4 + n, &command, beat_done, agent) == 0;
	free(numbers);
	free(ordinals);
}

static void
beat_due(void *arg)
{
	struct agent *agent = arg;

	if (!agent->signed_on || agent->beater.busy)
		return;
	beat_send(agent);
	if (!agent->beater.busy) {
		forget_told(agent, true);
		loop_timer_start(&agent->beater.timer, interval_us(agent));
	}
}

void
beat_signed_on(struct agent *agent, bool again)
{
	struct beater *beater = &agent->beater;

	beater->owed = again;
	if (!again)
		beater->alive_us = clock_mono_us();
	beat_soon(agent, again ? 0 : interval_us(agent));
}

void
beat_init(struct agent *agent)
{
	loop_timer_init(&agent->beater.cut, agent->loop, cut_off, agent);
	loop_timer_init(&agent->beater.timer, agent->loop, beat_due, agent);
}

void
beat_release(struct agent *agent)
{
	loop_timer_stop(&agent->beater.timer);
	loop_timer_stop(&agent->beater.cut);
	forget_told(agent, false);
}
