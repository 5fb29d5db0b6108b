/* SPDX-License-Identifier: MIT */
/* The commands that cancel runs and tasks, and run them again. */
#include "orchestrator/control.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "orchestrator/audit.h"
#include "orchestrator/view.h"

#define NAMED_MAX 1000 /* tasks in the answer */

/* A member of the body, or NULL. */
static const char *
optional_text(const struct command *command, const char *key)
{
	const char *text = command_text(command, key);

	return *text ? text : NULL;
}

static bool
flag(const struct command *command, const char *key)
{
	return json_is_true(json_object_get(command->body, key));
}

/* --- cancel: {"run": ID, "task": ID, or without it all} ------------------------------- */

/* A run that memory does not hold has ended, or never was. */
static void
on_ended_run(void *arg, json_t *run, const struct err *err)
{
	struct command *command = arg;
	struct err conflict = *err;

	if (err->code == 0)
		err_set(&conflict, ERR_CONFLICT, "run '%s' has ended: %s",
		    command_text(command, "run"),
		    json_string_value(json_object_get(run, "status")));
	json_decref(run);
	command_refuse(command, &conflict, NULL);
}

static int
cancel_task(struct command *command, struct engine *engine, struct run *run,
    const char *id, uint32_t *ret_task, struct err *err)
{
	int64_t task = workflow_find(run->wf, id);
	struct moment now;

	if (task < 0)
		return err_set(err, ERR_NOT_FOUND, "run '%s' has no task '%.80s'", run->id.text,
		    id);
	*ret_task = (uint32_t)task;
	orchestrator_moment(command->orch, &now);
	return engine_cancel_task(engine, &now, run, (uint32_t)task,
	    partition_effects(command->partition), err);
}

static int
cancel_run(struct command *command, struct engine *engine, struct run *run, struct err *err)
{
	struct moment now;

	orchestrator_moment(command->orch, &now);
	return engine_cancel(engine, &now, run, INTENT_CANCEL,
	    partition_effects(command->partition), err);
}

void
control_cancel(struct command *command)
{
	const char *id = command_text(command, "run"), *task = optional_text(command, "task");
	struct engine *engine = command_engine(command);
	struct run *run = engine ? engine_find(engine, id) : NULL;
	uint32_t t = TASK_NONE;
	struct err err = { 0 };
	int rc;

	if (!engine) {
		command_unavailable(command);
		return;
	}
	if (!run) {
		orchestrator_read_run(command->orch, id, READ_FULL, on_ended_run, command);
		return;
	}
	run_ref(run);
	rc = task ? cancel_task(command, engine, run, task, &t, &err)
	          : cancel_run(command, engine, run, &err);
	if (rc < 0) {
		command_refuse(command, &err, NULL);
	} else {
		audit_note(partition_effects(command->partition), run, t, "audit.cancel",
		    command->actor, NULL);
		log_info(task ? "task cancelled" : "run cancelled", KV_S("run", id),
		    KV_S("task", task ? task : ""), KV_S("by", command->actor->name));
		command_done(command, json_pack("{s:s}", "run", id), NULL);
	}
	run_unref(run);
}

void
facade_cancel(struct orchestrator *orch, const char *id, const char *task,
    const struct facade_actor *actor, facade_reply_fn *fn, void *arg)
{
	json_t *body = json_object();

	if (task)
		json_object_set_new(body, "task", json_string(task));
	command_go_run(orch, id, "cancel", body, actor, fn, arg);
}

/* --- retry: {"run", "task", "downstream", "category", "dry_run"} ------------------------ */

static json_t *
names_of(const struct run *run, const uint32_t *tasks, size_t n)
{
	json_t *names = json_array();

	for (size_t i = 0; i < n && i < NAMED_MAX; i++)
		json_array_append_new(names, json_string(run->wf->tasks[tasks[i]].id));
	return names;
}

/* The run as it is now, and what runs again. */
static json_t *
view_retry(const struct run *run, const uint32_t *tasks, size_t n, bool dry_run)
{
	json_t *view = view_run(run);

	json_object_set_new(view, "retried", names_of(run, tasks, n));
	json_object_set_new(view, "retried_total", json_integer((json_int_t)n));
	json_object_set_new(view, "dry_run", json_boolean(dry_run));
	return view;
}

static void
note_retry(struct command *command, struct run *run, size_t n)
{
	const char *task = optional_text(command, "task");
	int64_t t = task ? workflow_find(run->wf, task) : -1;

	audit_note(partition_effects(command->partition), run,
	    t < 0 ? TASK_NONE : (uint32_t)t, "audit.retry", command->actor,
	    json_pack("{s:i, s:b, s:s?}", "tasks", (int)n, "downstream",
	        flag(command, "downstream"), "category", optional_text(command, "category")));
	log_info("run goes on", KV_S("run", run->id.text), KV_I("tasks", n),
	    KV_S("by", command->actor->name));
}

static void
on_retry(void *arg, struct run *run, const uint32_t *tasks, size_t n, const struct err *err)
{
	struct command *command = arg;
	bool dry_run = flag(command, "dry_run");
	json_t *view;

	if (err->code == ERR_UNAVAILABLE) {
		command_again(command, err);
		return;
	}
	if (err->code < 0) {
		command_refuse(command, err, NULL);
		return;
	}
	if (!dry_run)
		note_retry(command, run, n);
	view = view_retry(run, tasks, n, dry_run);
	command_done(command, json_pack("{s:o}", "body", view), NULL);
}

void
control_retry(struct command *command)
{
	struct rerun_order order = { .run = command_text(command, "run"),
		.task = optional_text(command, "task"),
		.downstream = flag(command, "downstream"),
		.dry_run = flag(command, "dry_run") };
	const char *category = optional_text(command, "category");
	struct err err;

	if (!command_engine(command)) {
		command_unavailable(command);
	} else if (category && !category_parse(category, strlen(category), &order.category)) {
		err_set(&err, ERR_INVALID, "'%.40s' is no category of failures", category);
		command_refuse(command, &err, NULL);
	} else if (order.task && category) {
		err_set(&err, ERR_INVALID, "give a task or a category, not both");
		command_refuse(command, &err, NULL);
	} else if (order.downstream && !order.task) {
		err_set(&err, ERR_INVALID, "downstream of what: give a task with it");
		command_refuse(command, &err, NULL);
	} else {
		control_rerun(command->orch, command->partition, &order, on_retry, command);
	}
}

void
facade_retry(struct orchestrator *orch, const char *id, const struct facade_retry *retry,
    const struct facade_actor *actor, facade_reply_fn *fn, void *arg)
{
	json_t *body = json_pack("{s:b, s:b}", "downstream", retry->downstream, "dry_run",
	    retry->dry_run);

	if (retry->task)
		json_object_set_new(body, "task", json_string(retry->task));
	if (retry->category)
		json_object_set_new(body, "category", json_string(retry->category));
	command_go_run(orch, id, "retry", body, actor, fn, arg);
}
