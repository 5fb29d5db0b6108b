/* SPDX-License-Identifier: MIT */
/* Shows runs and tasks as the JSON of the API. */
#include "orchestrator/view.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "model/graph.h"

/* --- texts ------------------------------------------------------------------- */

void
view_texts_init(struct view_texts *texts, uint32_t n_tasks)
{
	*texts = (struct view_texts){ .n = n_tasks };
	texts->outputs = xcalloc(n_tasks, sizeof *texts->outputs);
	texts->errors = xcalloc(n_tasks, sizeof *texts->errors);
	texts->usages = xcalloc(n_tasks, sizeof *texts->usages);
}

void
view_texts_set(struct view_texts *texts, char kind, uint32_t task, const char *text, size_t len)
{
	char **place;

	if (kind == 'x')
		place = &texts->why;
	else if (task >= texts->n)
		return;
	else if (kind == 'o')
		place = &texts->outputs[task];
	else if (kind == 'e')
		place = &texts->errors[task];
	else if (kind == 'u')
		place = &texts->usages[task];
	else
		return;
	free(*place);
	*place = xstrndup(text, len);
}

void
view_texts_release(struct view_texts *texts)
{
	for (uint32_t i = 0; i < texts->n; i++) {
		free(texts->outputs[i]);
		free(texts->errors[i]);
		free(texts->usages[i]);
	}
	free(texts->outputs);
	free(texts->errors);
	free(texts->usages);
	free(texts->why);
	*texts = (struct view_texts){ 0 };
}

/* --- pieces ------------------------------------------------------------------- */

json_t *
view_time(int64_t wall_ms)
{
	char text[RFC3339_SIZE];

	return wall_ms > 0 ? json_string(rfc3339_format(wall_ms, text)) : json_null();
}

static json_t *
relative(const struct run *run, int64_t ms)
{
	return ms < 0 ? json_null() : view_time(run->created_ms + ms);
}

static json_t *
parsed(const char *text)
{
	json_t *value = text ? json_loads(text, JSON_DECODE_ANY, NULL) : NULL;

	return value ? value : json_null();
}

static json_t *
text_or_null(const char *text)
{
	json_t *value = text && *text ? json_string(text) : NULL;

	return value ? value : json_null();
}

static void
put(json_t *object, const char *key, json_t *value)
{
	json_object_set_new_nocheck(object, key, value);
}

/* --- runs ----------------------------------------------------------------------- */

json_t *
view_spend(const struct spend *spend)
{
	return json_pack("{s:f, s:I}", "usd", (double)spend->micro_usd / 1e6, "tokens",
	    (json_int_t)spend->tokens);
}

json_t *
view_budget(const struct budget_def *def, const struct spend *spent, const struct spend *since,
    bool over)
{
	json_t *view;

	if (!budget_limits(def))
		return json_null();
	view = json_pack("{s:s, s:b, s:o, s:o}", "on_breach",
	    def->on_breach == BREACH_FAIL ? "fail" : "pause", "over", over, "spent",
	    view_spend(spent), "lifted_at_spent", view_spend(since));
	put(view, "usd", def->limit.micro_usd > 0 ? json_real((double)def->limit.micro_usd / 1e6)
	                                          : json_null());
	put(view, "tokens",
	    def->limit.tokens > 0 ? json_integer((json_int_t)def->limit.tokens) : json_null());
	return view;
}

json_t *
view_run(const struct run *run)
{
	json_t *view = json_object();

	put(view, "id", json_string(run->id.text));
	put(view, "workflow", json_string(run->wf->name));
	put(view, "definition", json_string(run->wf->sha256));
	put(view, "status", json_string(run_state_name((enum run_state)run->state)));
	put(view, "params", parsed(run->params));
	put(view, "priority", json_integer(run->priority));
	put(view, "created_at", view_time(run->created_ms));
	put(view, "started_at", view_time(run->started_ms));
	put(view, "finished_at", view_time(run->finished_ms));
	put(view, "tasks_total", json_integer(run->wf->n_tasks));
	put(view, "tasks_done", json_integer(run->wf->n_tasks - run->open));
	put(view, "tasks_failed", json_integer(run->failed));
	put(view, "error", text_or_null(run->error));
	put(view, "paused", json_boolean(run_paused(run)));
	put(view, "paused_at", view_time(run->paused_ms));
	put(view, "budget", view_budget(&run->wf->budget, &run->spent, &run->since, run->over));
	put(view, "spent", view_spend(&run->spent));
	put(view, "reopened_at", view_time(run->reopened_ms));
	put(view, "replay_of", text_or_null(run->replay_of));
	put(view, "version",
	    json_integer(run_state_ended((enum run_state)run->state) ? run->finished_ms
	                                                              : run->version));
	return view;
}

json_t *
view_run_head(const char *id, const struct run_head *head, const char *params, const char *why)
{
	json_t *view = json_object();
	const struct run_record *record = &head->record;

	put(view, "id", json_string(id));
	put(view, "workflow", json_string(head->workflow));
	put(view, "definition", json_string(head->sha256));
	put(view, "status", json_string(run_state_name(record->state)));
	put(view, "params", params ? parsed(params) : json_object());
	put(view, "priority", json_integer(head->priority));
	put(view, "created_at", view_time(head->created_ms));
	put(view, "started_at", view_time(record->started_ms));
	put(view, "finished_at", view_time(record->finished_ms));
	put(view, "tasks_total", json_integer(head->total));
	put(view, "tasks_done",
	    json_integer((json_int_t)record->succeeded + record->failed + record->skipped +
	        record->cancelled));
	put(view, "tasks_failed", json_integer(record->failed));
	put(view, "error", text_or_null(why));
	put(view, "paused", json_boolean(record->paused_ms > 0));
	put(view, "paused_at", view_time(record->paused_ms));
	put(view, "spent", view_spend(&record->spent));
	put(view, "reopened_at", view_time(record->reopened_ms));
	put(view, "replay_of", text_or_null(head->replay_of));
	put(view, "version", json_integer(record->finished_ms));
	return view;
}

/* --- tasks ---------------------------------------------------------------------- */

static json_t *
needs_of(const struct run *run, uint32_t task)
{
	const struct task_def *def = &run->wf->tasks[task];
	json_t *needs = json_array();

	for (uint32_t i = 0; i < def->n_needs; i++)
		json_array_append_new(needs, json_string(run->wf->tasks[def->needs[i].task].id));
	return needs;
}

/* An error belongs to a task that failed or waits for its next attempt. */
static json_t *
error_of(const struct task *task, const struct view_texts *texts, uint32_t i)
{
	if (task->state != TASK_FAILED && task->state != TASK_WAITING)
		return json_null();
	return parsed(texts ? texts->errors[i] : NULL);
}

/* What a running attempt said of itself: only what is lawful there. */
static json_t *
progress_of(const struct task *task)
{
	const struct task_texts *texts = task->texts;
	json_t *said, *view, *value;
	char at[RFC3339_SIZE];

	if (task->state != TASK_RUNNING || !texts || !texts->progress)
		return json_null();
	said = json_loads(texts->progress, 0, NULL);
	view = json_pack("{s:s}", "at", rfc3339_format(texts->progress_ms, at));
	if (json_is_string(value = json_object_get(said, "text")))
		json_object_set(view, "text", value);
	if (json_is_number(value = json_object_get(said, "percent")))
		json_object_set(view, "percent", value);
	if (json_is_object(value = json_object_get(said, "usage")))
		json_object_set(view, "usage", value);
	json_decref(said);
	return view;
}

static json_t *
view_task(const struct run *run, uint32_t i, const struct view_context *context,
    const struct view_texts *texts)
{
	const struct task *task = &run->tasks[i];
	json_t *view = json_object();

	put(view, "id", json_string(run->wf->tasks[i].id));
	put(view, "agent_type", json_string(run->wf->tasks[i].agent));
	put(view, "status", json_string(task_state_name((enum task_state)task->state)));
	put(view, "attempt", json_integer(task->attempt));
	put(view, "crashes", json_integer(task->crashes));
	put(view, "needs", needs_of(run, i));
	put(view, "agent", text_or_null(task->texts ? task->texts->agent : NULL));
	put(view, "ready_at", relative(run, task->ready_ms));
	put(view, "queued_at", relative(run, task->queued_ms));
	put(view, "started_at", relative(run, task->started_ms));
	put(view, "finished_at", relative(run, task->finished_ms));
	put(view, "outputs", parsed(texts ? texts->outputs[i] : NULL));
	put(view, "usage", parsed(texts ? texts->usages[i] : NULL));
	put(view, "progress", progress_of(task));
	put(view, "error", error_of(task, texts, i));
	put(view, "waiting_for", waiting_view(run, i, context));
	put(view, "approval", json_null());
	return view;
}

json_t *
view_run_full(const struct run *run, const struct view_context *context,
    const struct view_texts *texts)
{
	json_t *view = view_run(run);
	json_t *tasks = json_array();

	for (uint32_t i = 0; i < run->wf->n_tasks; i++)
		json_array_append_new(tasks, view_task(run, i, context, texts));
	put(view, "tasks", tasks);
	if (texts && texts->why)
		put(view, "error", text_or_null(texts->why));
	return view;
}

/* --- graph ------------------------------------------------------------------------- */

static json_t *
graph_needs(const struct run *run, uint32_t task)
{
	static const char *const ON[] = { "success", "failure", "done", "skipped" };
	const struct task_def *def = &run->wf->tasks[task];
	json_t *needs = json_array();

	for (uint32_t i = 0; i < def->n_needs; i++)
		json_array_append_new(needs,
		    json_pack("{s:s, s:s}", "task", run->wf->tasks[def->needs[i].task].id, "on",
		        ON[def->needs[i].on]));
	return needs;
}

json_t *
view_graph(const struct run *run)
{
	uint32_t *order = xcalloc(run->wf->n_tasks, sizeof *order);
	uint32_t *level = xcalloc(run->wf->n_tasks, sizeof *level);
	json_t *tasks = json_array();

	workflow_levels(run->wf, order, level);
	for (uint32_t i = 0; i < run->wf->n_tasks; i++) {
		const struct task_def *def = &run->wf->tasks[i];

		json_array_append_new(tasks,
		    json_pack("{s:s, s:s, s:s, s:i, s:o}", "id", def->id, "agent_type", def->agent,
		        "status", task_state_name((enum task_state)run->tasks[i].state), "level",
		        (int)level[i], "needs", graph_needs(run, i)));
	}
	free(order);
	free(level);
	return json_pack("{s:s, s:s, s:o}", "id", run->id.text, "name", run->wf->name, "tasks",
	    tasks);
}
