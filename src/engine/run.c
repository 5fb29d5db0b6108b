/* SPDX-License-Identifier: MIT */
/* Memory of runs and tasks. */
#include "engine/run.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

static char no_params[] = "{}"; /* of most runs; never written */

static void
task_init(struct task *task)
{
	task->begun_ms = task->ready_ms = task->queued_ms = task->started_ms = task->finished_ms = -1;
	task->next = task->prev = TASK_NONE;
	task->timer = task->total_timer = TASK_NONE;
	task->state = TASK_PENDING;
}

struct run *
run_new(struct workflow *wf, const struct run_id *id, const char *params)
{
	struct run *run = xcalloc(1, sizeof *run + wf->n_tasks * sizeof *run->tasks);

	run->id = *id;
	run->wf = workflow_ref(wf);
	run->params = params && strcmp(params, no_params) != 0 ? xstrdup(params) : no_params;
	run->created_ms = run_id_time(id->text);
	run->open = wf->n_tasks;
	run->timer = TASK_NONE;
	run->priority = wf->priority;
	run->refs = 1;
	run->tasks = (struct task *)(run + 1);
	for (uint32_t i = 0; i < wf->n_tasks; i++)
		task_init(&run->tasks[i]);
	return run;
}

struct run *
run_ref(struct run *run)
{
	run->refs++;
	return run;
}

static void
texts_free(struct task_texts *texts)
{
	if (!texts)
		return;
	free(texts->agent);
	free(texts->outputs);
	free(texts->tail);
	free(texts->body);
	free(texts->env);
	free(texts->progress);
	free(texts);
}

void
run_unref(struct run *run)
{
	if (!run || --run->refs > 0)
		return;
	for (uint32_t i = 0; i < run->wf->n_tasks; i++)
		texts_free(run->tasks[i].texts);
	free(run->lanes);
	free(run->boosted);
	if (run->params != no_params)
		free(run->params);
	free(run->meta);
	for (uint32_t i = 0; run->env && i < run->wf->n_env; i++)
		free(run->env[i]);
	free(run->env);
	free(run->error);
	free(run->tail);
	free(run->reopening);
	free(run->replay_of);
	free(run->key);
	workflow_unref(run->wf);
	free(run);
}

struct task_texts *
task_texts(struct task *task)
{
	if (!task->texts)
		task->texts = xcalloc(1, sizeof *task->texts);
	return task->texts;
}

void
task_drop_outputs(struct task *task)
{
	struct task_texts *texts = task->texts;

	if (!texts)
		return;
	free(texts->outputs);
	texts->outputs = NULL;
	if (!texts->agent && !texts->tail && !texts->body && !texts->env && !texts->progress &&
	    !texts->boosted) {
		free(texts);
		task->texts = NULL;
	}
}

void
task_set_progress(struct task *task, const char *text, size_t len, int64_t wall_ms)
{
	if (!text && (!task->texts || !task->texts->progress))
		return;
	free(task_texts(task)->progress);
	task->texts->progress = text ? xstrndup(text, len) : NULL;
	task->texts->progress_ms = wall_ms;
}

void
task_set_body(struct task *task, const char *body, size_t len)
{
	struct task_texts *texts = task_texts(task);

	free(texts->body);
	texts->body = xstrndup(body, len);
	texts->body_len = len;
}

void
task_set_env(struct task *task, const char *members, size_t len)
{
	struct task_texts *texts = task_texts(task);

	free(texts->env);
	texts->env = xstrndup(members, len);
}

int64_t
run_since(const struct run *run)
{
	return run->reopened_ms > 0 ? run->reopened_ms : run->created_ms;
}
