/* SPDX-License-Identifier: MIT */
/* What agents report about attempts. */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "engine/internal.h"

#define USAGE_MAX 4096

/* The report of a live attempt. */
struct report {
	struct run *run;
	uint32_t task;
	struct attempt *attempt;
	const struct completion *said;
};

typedef enum completion_result handler(struct turn *turn, const struct report *report);

static bool
completion_is_for(const struct completion *said, const struct run *run, uint32_t task)
{
	return strcmp(said->run, run->id.text) == 0 &&
	    strcmp(said->task, run->wf->tasks[task].id) == 0;
}

/* A token that is not outstanding. */
static enum completion_result
classify_settled(const struct engine *engine, const struct completion *said)
{
	enum settled_as settled = settled_find(&engine->settled, said->token);
	const struct run *run = engine_find(engine, said->run);
	int64_t task;

	if (settled != SETTLED_UNKNOWN)
		return settled == SETTLED_REPORTED ? COMPLETION_DUPLICATE : COMPLETION_LATE;
	if (!run || (task = workflow_find(run->wf, said->task)) < 0 ||
	    run->tasks[task].attempt == 0)
		return COMPLETION_UNKNOWN;
	return run->tasks[task].token == said->token ? COMPLETION_DUPLICATE : COMPLETION_LATE;
}

static void
note_agent(struct run *run, uint32_t task, const char *agent)
{
	struct task_texts *texts;

	if (!agent || !agent[0])
		return;
	texts = task_texts(&run->tasks[task]);
	if (texts->agent && strcmp(texts->agent, agent) == 0)
		return;
	free(texts->agent);
	texts->agent = xstrdup(agent);
}

/* The first sign of work makes the run a running one. */
static void
note_work(struct turn *turn, struct run *run)
{
	if (run->state != RUN_QUEUED)
		return;
	run->state = RUN_RUNNING;
	run->started_ms = turn->now->wall_ms;
	run->version++;
	turn_note(turn, run, TASK_NONE, "run.started", NULL);
}

static enum completion_result
on_started(struct turn *turn, const struct report *report)
{
	struct run *run = report->run;
	uint32_t t = report->task;
	int64_t timeout = run->wf->tasks[t].timeout_ms;
	struct task *task = &run->tasks[t];
	struct effect *effect;

	if (task->state == TASK_RUNNING)
		return COMPLETION_DUPLICATE;
	heap_remove(&turn->engine->heap, run, t);
	if (task_waits_for_agent(task))
		task->timed_out = TIME_OUT_NONE; /* it has begun in time */
	note_agent(run, t, report->said->agent);
	note_work(turn, run);
	task_set_state(run, t, TASK_RUNNING, turn->now);
	effect = turn_add_task(turn, run, t);
	if (timeout > 0)
		task_arm(turn, run, t, timeout + turn->engine->config.timeout_slack_ms, effect);
	return COMPLETION_APPLIED;
}

/* Not stored: what it says is of now.  Also tells that the attempt has started. */
static enum completion_result
on_progress(struct turn *turn, const struct report *report)
{
	const struct completion *said = report->said;
	struct run *run = report->run;

	(void)on_started(turn, report);
	if (!said->progress)
		return COMPLETION_APPLIED;
	task_set_progress(&run->tasks[report->task], said->progress, said->progress_len,
	    turn->now->wall_ms);
	run->version++;
	turn_note(turn, run, report->task, "task.progress",
	    xstrndup(said->progress, said->progress_len));
	return COMPLETION_APPLIED;
}

/* It says that the attempt goes on. */
static bool
is_sign_of_life(enum completion_kind kind)
{
	return kind == COMPLETION_STARTED || kind == COMPLETION_PROGRESS;
}

/* Of an attempt that ended before its first beat. */
static void
note_start(struct turn *turn, const struct report *report)
{
	struct task *task = &report->run->tasks[report->task];
	int64_t start = turn->now->wall_ms - report->run->created_ms - report->said->ran_ms;

	if (task->started_ms >= 0 || report->said->ran_ms <= 0)
		return;
	task->started_ms = start > task->queued_ms ? start : task->queued_ms;
}

/* The entry is done with, whatever the outcome. */
static void
settle_report(struct turn *turn, const struct report *report)
{
	struct task *task = &report->run->tasks[report->task];

	if (task_waits_for_agent(task))
		task->timed_out = TIME_OUT_NONE; /* an agent had it before it was withdrawn */
	heap_remove(&turn->engine->heap, report->run, report->task);
	note_agent(report->run, report->task, report->said->agent);
	note_start(turn, report);
	note_work(turn, report->run);
	attempt_settle(turn, report->attempt, true);
}

static void
task_succeed(struct turn *turn, struct run *run, uint32_t t, const char *outputs, size_t len)
{
	struct task *task = &run->tasks[t];
	struct effect *effect;

	task->timed_out = TIME_OUT_NONE;
	task_disarm(turn->engine, run, t);
	task_note_outcome(turn, run, t, FLOW_SUCCEEDED, CATEGORY_NONE);
	task_set_state(run, t, TASK_SUCCEEDED, turn->now);
	outputs_drop(turn->engine, task);
	task->stored = outputs_half(outputs ? len : 0);
	effect = turn_add_task(turn, run, t);
	if (outputs) {
		effect->u.task.outputs = xstrndup(outputs, len);
		if (task->readers > 0 && outputs_room(turn->engine, len))
			outputs_keep(turn->engine, task, outputs, len);
	}
	tasks_unlock(turn, run, t);
	run_check_end(turn, run);
}

static enum completion_result
on_succeeded(struct turn *turn, const struct report *report)
{
	const struct completion *said = report->said;
	struct run *run = report->run;
	struct failure failure = { .category = CATEGORY_INVALID_OUTPUT, .exit_code = -1,
		.retryable = said->retryable };
	struct err err = { 0 };
	bool malformed;

	settle_report(turn, report);
	if (outputs_check(&run->wf->tasks[report->task], said->outputs, said->outputs_len,
	        &malformed, &err) == 0) {
		task_succeed(turn, run, report->task, said->outputs, said->outputs_len);
		return COMPLETION_APPLIED;
	}
	failure.message = err.text;
	task_attempt_failed(turn, run, report->task, &failure);
	return malformed ? COMPLETION_MALFORMED : COMPLETION_APPLIED;
}

static struct failure
said_failure(const struct completion *said, enum category missing)
{
	enum category category = said->category == CATEGORY_NONE ? missing : said->category;

	return (struct failure){ category, said->message, said->exit_code, said->signal,
		said->retryable, said->retry_after_ms > 0 ? said->retry_after_ms : 0 };
}

static enum completion_result
on_throttled(struct turn *turn, const struct report *report)
{
	const struct completion *said = report->said;
	struct failure failure = said_failure(said, CATEGORY_THROTTLED);

	failure.category = CATEGORY_THROTTLED;
	settle_report(turn, report);
	if (report->run->tasks[report->task].timed_out)
		task_timed_out(turn, report->run, report->task);
	else
		task_throttled(turn, report->run, report->task, said->retry_after_ms, &failure);
	return COMPLETION_APPLIED;
}

static enum completion_result
on_failed(struct turn *turn, const struct report *report)
{
	struct failure failure = said_failure(report->said, CATEGORY_EXIT);

	if (failure.category == CATEGORY_THROTTLED)
		return on_throttled(turn, report);
	settle_report(turn, report);
	if (report->run->tasks[report->task].timed_out)
		task_timed_out(turn, report->run, report->task);
	else
		task_attempt_failed(turn, report->run, report->task, &failure);
	return COMPLETION_APPLIED;
}

static enum completion_result
on_released(struct turn *turn, const struct report *report)
{
	struct run *run = report->run;
	bool lost = report->said->category == CATEGORY_LOST;

	if (lost && task_waits_for_agent(&run->tasks[report->task]))
		run->tasks[report->task].timed_out = TIME_OUT_NONE;
	heap_remove(&turn->engine->heap, run, report->task);
	attempt_settle(turn, report->attempt, !lost);
	if (run->tasks[report->task].timed_out)
		task_timed_out(turn, run, report->task);
	else if (lost)
		task_crashed(turn, run, report->task);
	else
		task_released(turn, run, report->task);
	return COMPLETION_APPLIED;
}

static handler *const handlers[] = {
	[COMPLETION_STARTED] = on_started,
	[COMPLETION_SUCCEEDED] = on_succeeded,
	[COMPLETION_FAILED] = on_failed,
	[COMPLETION_THROTTLED] = on_throttled,
	[COMPLETION_RELEASED] = on_released,
	[COMPLETION_PROGRESS] = on_progress,
};

/* Absurd figures are told and count nothing; the report counts all the same. */
static void
ignore_usage(struct turn *turn, const struct report *report, const struct err *why)
{
	struct buf data = { 0 };

	buf_adds(&data, "{\"why\":");
	buf_add_json(&data, why->text, strlen(why->text));
	buf_addc(&data, '}');
	turn_note(turn, report->run, report->task, "alert.usage", buf_steal(&data));
}

/* true: a budget is over since then. */
static bool
take_usage(struct turn *turn, const struct report *report)
{
	const struct completion *said = report->said;
	struct spend spend = { 0 };
	struct err err = { 0 };
	int rc;

	if (!said->usage || said->usage_len == 0 || is_sign_of_life(said->kind))
		return false;
	rc = said->usage_len > USAGE_MAX ? err_set(&err, ERR_LIMIT, "it has more than 4 KiB")
	                                 : usage_read(said->usage, said->usage_len, &spend, &err);
	if (rc < 0) {
		ignore_usage(turn, report, &err);
		return false;
	}
	turn->usage = xstrndup(said->usage, said->usage_len);
	return budget_count(turn, report->run, report->task, &spend);
}

/* What the run has spent is stored with what its attempt came to. */
static enum completion_result
apply(struct turn *turn, const struct report *report)
{
	struct run *run = run_ref(report->run);
	struct spend before = run->spent;
	bool over = take_usage(turn, report);
	enum completion_result result = handlers[report->said->kind](turn, report);
	struct effect *effect;

	if (!run_state_ended((enum run_state)run->state) &&
	    (run->spent.tokens != before.tokens || run->spent.micro_usd != before.micro_usd)) {
		run->version++;
		turn_add_run(turn, EFFECT_RUN_UPDATE, run);
		effect = &turn->effects->items[turn->effects->len - 1];
		effect->u.run.quiet = true;
	}
	if (over)
		recall_paused(turn);
	run_unref(run);
	return result;
}

enum completion_result
engine_complete(struct engine *engine, const struct moment *now,
    const struct completion *said, struct effects *effects)
{
	struct attempt *attempt = attempt_find(engine, said->token);
	enum completion_result result;
	struct report report;
	struct turn turn;

	if (!attempt)
		return classify_settled(engine, said);
	if (attempt->run && !completion_is_for(said, attempt->run, attempt->task))
		return COMPLETION_UNKNOWN;
	turn_begin(&turn, engine, now, effects);
	if (!attempt->run) {
		if (!is_sign_of_life(said->kind))
			attempt_settle(&turn, attempt, false);
		result = COMPLETION_LATE;
	} else {
		report = (struct report){ attempt->run, attempt->task, attempt, said };
		turn.ran_ms = said->ran_ms;
		result = apply(&turn, &report);
	}
	turn_end(&turn);
	return result;
}

bool
engine_attempt(const struct engine *engine, uint64_t token, struct run **ret_run,
    uint32_t *ret_task)
{
	const struct attempt *attempt = attempt_find(engine, token);

	if (!attempt || !attempt->run)
		return false;
	*ret_run = attempt->run;
	*ret_task = attempt->task;
	return true;
}

void
engine_entry_lost(struct engine *engine, const struct moment *now, uint64_t token,
    struct effects *effects)
{
	struct attempt *attempt = attempt_find(engine, token);
	struct completion lost = { .kind = COMPLETION_RELEASED,
		.token = token,
		.run = "",
		.task = "",
		.category = CATEGORY_LOST };

	if (!attempt)
		return;
	if (attempt->run) {
		lost.run = attempt->run->id.text;
		lost.task = attempt->run->wf->tasks[attempt->task].id;
	}
	engine_complete(engine, now, &lost, effects);
}
