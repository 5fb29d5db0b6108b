/* SPDX-License-Identifier: MIT */
/* Writes a run as JSON text, for answers that show hundreds of runs. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "orchestrator/view.h"

static void
add_text(struct buf *out, const char *key, const char *text)
{
	buf_adds(out, key);
	if (text && *text)
		buf_add_json(out, text, strlen(text));
	else
		buf_adds(out, "null");
}

/* For what needs no escapes. */
static void
add_word(struct buf *out, const char *key, const char *word)
{
	buf_adds(out, key);
	buf_addc(out, '"');
	buf_adds(out, word);
	buf_addc(out, '"');
}

static void
add_number(struct buf *out, const char *key, int64_t number)
{
	buf_adds(out, key);
	buf_addi(out, number);
}

static void
add_time(struct buf *out, const char *key, int64_t wall_ms)
{
	char text[RFC3339_SIZE];

	if (wall_ms > 0)
		add_word(out, key, rfc3339_format(wall_ms, text));
	else
		add_text(out, key, NULL);
}

/* Takes value over. */
static void
add_value(struct buf *out, const char *key, json_t *value)
{
	char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);

	buf_adds(out, key);
	buf_adds(out, text ? text : "null");
	free(text);
	json_decref(value);
}

static void
add_money(struct buf *out, const struct run *run)
{
	if (budget_limits(&run->wf->budget))
		add_value(out, ",\"budget\":",
		    view_budget(&run->wf->budget, &run->spent, &run->since, run->over));
	else
		add_text(out, ",\"budget\":", NULL);
	if (run->spent.micro_usd > 0 || run->spent.tokens > 0)
		add_value(out, ",\"spent\":", view_spend(&run->spent));
	else
		buf_adds(out, ",\"spent\":{\"usd\":0.0,\"tokens\":0}");
}

void
view_run_text(const struct run *run, struct buf *out)
{
	enum run_state state = (enum run_state)run->state;
	bool ended = run_state_ended(state);

	add_word(out, "{\"id\":", run->id.text);
	add_text(out, ",\"workflow\":", run->wf->name);
	add_word(out, ",\"definition\":", run->wf->sha256);
	add_word(out, ",\"status\":", run_state_name(state));
	buf_adds(out, ",\"params\":");
	buf_adds(out, run->params ? run->params : "null");
	add_number(out, ",\"priority\":", run->priority);
	add_time(out, ",\"created_at\":", run->created_ms);
	add_time(out, ",\"started_at\":", run->started_ms);
	add_time(out, ",\"finished_at\":", run->finished_ms);
	add_number(out, ",\"tasks_total\":", run->wf->n_tasks);
	add_number(out, ",\"tasks_done\":", (int64_t)run->wf->n_tasks - run->open);
	add_number(out, ",\"tasks_failed\":", run->failed);
	add_text(out, ",\"error\":", run->error);
	buf_adds(out, run_paused(run) ? ",\"paused\":true" : ",\"paused\":false");
	add_time(out, ",\"paused_at\":", run->paused_ms);
	add_money(out, run);
	add_time(out, ",\"reopened_at\":", run->reopened_ms);
	add_text(out, ",\"replay_of\":", run->replay_of);
	add_number(out, ",\"version\":", ended ? run->finished_ms : (int64_t)run->version);
	buf_addc(out, '}');
}

/* --- tasks of a run that has just begun -------------------------------------------- */

static void
add_needs(struct buf *out, const struct run *run, const struct task_def *def)
{
	buf_adds(out, ",\"needs\":[");
	for (uint32_t i = 0; i < def->n_needs; i++)
		add_text(out, i ? "," : "", run->wf->tasks[def->needs[i].task].id);
	buf_addc(out, ']');
}

static void
add_relative(struct buf *out, const char *key, const struct run *run, int64_t ms)
{
	add_time(out, key, ms < 0 ? 0 : run->created_ms + ms);
}

static void
add_waiting(struct buf *out, const struct run *run, uint32_t i,
    const struct view_context *context)
{
	struct waiting waiting;

	if (!waiting_find(run, i, context, &waiting)) {
		add_text(out, ",\"waiting_for\":", NULL);
		return;
	}
	add_text(out, ",\"waiting_for\":{\"kind\":", waiting.kind);
	add_text(out, ",\"detail\":", waiting.detail);
	add_time(out, ",\"until\":", waiting.until_ms);
	add_text(out, ",\"command\":", waiting.command);
	buf_addc(out, '}');
	waiting_release(&waiting);
}

static void
add_task(struct buf *out, const struct run *run, uint32_t i, const struct view_context *context)
{
	const struct task_def *def = &run->wf->tasks[i];
	const struct task *task = &run->tasks[i];

	add_text(out, "{\"id\":", def->id);
	add_text(out, ",\"agent_type\":", def->agent);
	add_word(out, ",\"status\":", task_state_name((enum task_state)task->state));
	add_number(out, ",\"attempt\":", task->attempt);
	add_number(out, ",\"crashes\":", task->crashes);
	add_needs(out, run, def);
	buf_adds(out, ",\"agent\":null");
	add_relative(out, ",\"ready_at\":", run, task->ready_ms);
	add_relative(out, ",\"queued_at\":", run, task->queued_ms);
	add_relative(out, ",\"started_at\":", run, task->started_ms);
	add_relative(out, ",\"finished_at\":", run, task->finished_ms);
	buf_adds(out, ",\"outputs\":null,\"usage\":null,\"progress\":null,\"error\":null");
	add_waiting(out, run, i, context);
	buf_adds(out, ",\"approval\":null}");
}

void
view_new_run_text(const struct run *run, const struct view_context *context, struct buf *out)
{
	view_run_text(run, out);
	out->len--; /* the closing brace */
	buf_adds(out, ",\"tasks\":[");
	for (uint32_t i = 0; i < run->wf->n_tasks; i++) {
		if (i > 0)
			buf_addc(out, ',');
		add_task(out, run, i, context);
	}
	buf_adds(out, "]}");
}
