/* SPDX-License-Identifier: MIT */
/*
 * Heartbeats: one script call a partition tells of all attempts and brings what is to end.
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
is_exclusive(const struct agent *agent, const struct queue *queue)
{
	if (agent->options->on_disconnect != DISCONNECT_BY_TYPE)
		return agent->options->on_disconnect == DISCONNECT_KILL;
	return queue->settings.kill_on_disconnect;
}

static bool
must_not_overlap(const struct agent *agent, const struct held_row *row)
{
	return row->attempt != NULL && is_exclusive(agent, row->queue);
}

/* Until its tasks are cut off. */
static int64_t
time_left(const struct agent *agent)
{
	int64_t lease_us = agent->lease_ms * CLOCK_MS;

	return agent->beater.alive_us + lease_us * CUT_OFF_AT - clock_mono_us();
}

bool
beat_allows(struct agent *agent, const struct queue *queue)
{
	if (!is_exclusive(agent, queue) || time_left(agent) > 0)
		return true;
	agent->beater.owed = true;
	agent->puller.look_now = true;
	beat_soon(agent, 0);
	return false;
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

static void
arm_cut(struct agent *agent)
{
	int64_t left = time_left(agent);

	loop_timer_start(&agent->beater.cut, left > 0 ? left : 0);
}

void
beat_guard(struct agent *agent, const struct held_row *row)
{
	if (must_not_overlap(agent, row) && !loop_timer_active(&agent->beater.cut))
		arm_cut(agent);
}

/* A beat was answered: there is more time. */
static void
guard_all(struct agent *agent)
{
	struct held_row *row = NULL;

	loop_timer_stop(&agent->beater.cut);
	while ((row = ledger_next(&agent->ledger, row)) != NULL)
		beat_guard(agent, row);
}

/* --- answers --- */

/* A beat in one partition: the attempts that it tells of. */
struct beat {
	struct agent *agent;
	struct place *place;
	char (*told)[TOKEN_SIZE];
	char **progress; /* of those, what it tells; NULL: nothing */
	size_t n_told;
};

/*
 * Its entry is pending for nobody: the group was destroyed.  The owner gives it back in a
 * moment; if it does not for a lease, the attempt is counted as lost there too.
 */
static void
bear_unowned(struct agent *agent, struct held_row *row)
{
	int64_t now = clock_mono_us();

	if (row->unowned_us == 0) {
		row->unowned_us = now;
		log_warn("a task's consumer group was lost; it goes on until its entry is back",
		    KV_S("run", row->task.run), KV_S("task", row->task.id));
	}
	row->beaten = true;
	if (now - row->unowned_us >= agent->lease_ms * CLOCK_MS)
		attempt_end(row->attempt, END_LOST);
}

static void
judge(struct agent *agent, const char *token, const struct redisReply *answer)
{
	struct held_row *row = ledger_find(&agent->ledger, token);
	const char *text = "";
	size_t len;

	(void)reply_str(answer, &text, &len, NULL);
	if (row == NULL || row->attempt == NULL)
		return; /* it ended meanwhile */
	if (strcmp(text, "UNOWNED") == 0) {
		bear_unowned(agent, row);
		return;
	}
	row->unowned_us = 0;
	if (strcmp(text, "OK") == 0)
		row->beaten = true;
	else if (strcmp(text, "CANCEL") == 0)
		attempt_end(row->attempt, END_CANCELLED);
	else if (strcmp(text, "LOST") == 0)
		attempt_end(row->attempt, END_LOST);
}

/* False: it was not taken. */
static bool
beat_answered(const struct beat *beat, const struct redisReply *reply)
{
	struct agent *agent = beat->agent;
	const char *code = "";
	size_t len, i;

	if (reply_is_error(reply)) {
		log_warn("a heartbeat was refused", KV_S("why", reply_error_text(reply)));
		return false;
	}
	(void)reply_str(reply_at(reply, 0), &code, &len, NULL);
	if (strcmp(code, "OK") == 0) {
		for (i = 0; i < beat->n_told; i++)
			judge(agent, beat->told[i], reply_at(reply, i + 1));
		places_set_drained(beat->place, reply_at(reply, beat->n_told + 1) != NULL);
		return true;
	}
	if (strcmp(code, "NOCARD") == 0) {
		log_warn("our card is gone; signing on again");
		signon_begin(agent);
	} else if (strcmp(code, "OTHER") == 0) {
		log_error("another agent took our id; leaving", KV_S("id", agent->id));
		agent_abandon(agent, 1);
	}
	return false;
}

/* Progress that did not arrive goes with the next beat, unless there is newer. */
static void
beat_free(struct beat *beat, bool again)
{
	struct held_row *row;
	size_t i;

	for (i = 0; i < beat->n_told; i++) {
		row = again && beat->progress[i] != NULL
			  ? ledger_find(&beat->agent->ledger, beat->told[i])
			  : NULL;
		if (row != NULL && row->progress == NULL)
			row->progress = beat->progress[i];
		else
			free(beat->progress[i]);
	}
	free(beat->progress);
	free(beat->told);
	free(beat);
}

static void
beat_done(void *arg, const struct redisReply *reply, const struct err *err)
{
	struct beat *beat = arg;
	struct agent *agent = beat->agent;
	struct beater *beater = &agent->beater;

	(void)err;
	beater->good = reply != NULL && beat_answered(beat, reply) && beater->good;
	beat_free(beat, reply == NULL || reply_is_error(reply));
	if (beater->busy > 0 && --beater->busy > 0)
		return;
	if (beater->good) {
		beater->alive_us = beater->sent_us;
		beater->owed = false;
	}
	if (reply == NULL || agent->left)
		return;
	schedule(agent);
	guard_all(agent);
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
add_progress(struct command *command, const struct beat *beat, char (*ordinals)[24])
{
	size_t i;

	for (i = 0; i < beat->n_told; i++) {
		if (beat->progress[i] == NULL)
			continue;
		(void)snprintf(ordinals[i], sizeof ordinals[i], "%zu", i + 1);
		command_add(command, ordinals[i]);
		command_add(command, beat->progress[i]);
	}
}

static bool
is_told_there(const struct held_row *row, const struct place *place, int64_t now_us)
{
	return row->queue->place == place && is_told(row, now_us);
}

/* Keys first, then arguments: two walks over the same rows. */
static bool
beat_send(struct place *place, int64_t now_us)
{
	struct agent *agent = place->agent;
	size_t room = ledger_count(&agent->ledger, HELD_RUNNING), n = 0;
	struct beat *beat = xcalloc(1, sizeof *beat);
	char(*numbers)[16] = xcalloc(room + 1, sizeof *numbers);
	char(*ordinals)[24] = xcalloc(room + 1, sizeof *ordinals);
	struct command command = { 0 };
	struct held_row *row = NULL;
	char now[RFC3339_SIZE];
	bool sent;

	beat->agent = agent;
	beat->place = place;
	beat->told = xcalloc(room + 1, sizeof *beat->told);
	beat->progress = xcalloc(room + 1, sizeof *beat->progress);
	command_add_all(
	    &command, place->card, place->beats, place->cancel, place->done, (char *)NULL);
	while ((row = ledger_next(&agent->ledger, row)) != NULL)
		if (is_told_there(row, place, now_us)) {
			command_add(&command, row->queue->key);
			beat->progress[n] = row->progress;
			row->progress = NULL;
			memcpy(beat->told[n++], row->task.token, TOKEN_SIZE);
		}
	beat->n_told = n;
	command_add_all(&command, agent->id, agent->instance,
	    rfc3339_format(clock_wall_ms(), now), (char *)NULL);
	for (n = 0; (row = ledger_next(&agent->ledger, row)) != NULL;)
		if (is_told_there(row, place, now_us)) {
			add_attempt(&command, row, numbers[n], sizeof numbers[n]);
			n++;
		}
	add_progress(&command, beat, ordinals);
	sent = agent_script(agent, "beat", 4 + n, &command, beat_done, beat) == 0;
	if (!sent)
		beat_free(beat, true);
	free(numbers);
	free(ordinals);
	return sent;
}

static void
beat_due(void *arg)
{
	struct agent *agent = arg;
	struct beater *beater = &agent->beater;
	size_t i;

	if (!agent->signed_on || beater->busy > 0)
		return;
	beater->good = true;
	beater->sent_us = clock_mono_us();
	for (i = 0; i < agent->n_places; i++)
		if (beat_send(agent->places[i], beater->sent_us))
			beater->busy++;
		else
			beater->good = false;
	if (beater->busy == 0)
		loop_timer_start(&beater->timer, interval_us(agent));
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
}
