/* SPDX-License-Identifier: MIT */
/* What people ask of the daemon: workflows, logs. */
#include "orchestrator/facade.h"

#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "orchestrator/catalog.h"
#include "orchestrator/registry.h"
#include "orchestrator/types.h"
#include "orchestrator/view.h"

#define TIMEOUT_MS 5000

#ifndef PACKAGE_VERSION
#define PACKAGE_VERSION "0.1.0"
#endif

const char *
facade_version(void)
{
	return PACKAGE_VERSION;
}

/* --- workflows ----------------------------------------------------------------------- */

/* As the file says it: one word, or a list of words. */
static json_t *
triggers(const struct workflow *wf)
{
	json_t *on;

	if (!wf)
		return json_null();
	if (wf->on == WORKFLOW_ON_DROP)
		return json_string("drop");
	if (wf->on == WORKFLOW_ON_MANUAL)
		return json_string("manual");
	on = json_array();
	if (wf->on & WORKFLOW_ON_DROP)
		json_array_append_new(on, json_string("drop"));
	if (wf->on & WORKFLOW_ON_MANUAL)
		json_array_append_new(on, json_string("manual"));
	return on;
}

static json_t *
view_workflow(const struct registry_entry *entry)
{
	const struct workflow *wf = entry->workflow;

	return json_pack("{s:s, s:s, s:s?, s:o, s:b, s:s?, s:o}", "name", entry->name, "file",
	    entry->file, "sha256", wf ? wf->sha256 : NULL, "on", triggers(wf), "enabled",
	    entry->enabled, "error", entry->error, "loaded_at", view_time(entry->loaded_at_ms));
}

/* null, or since when and why its file waits to start a run. */
static void
add_waiting(struct orchestrator *orch, json_t *view, const struct registry_entry *entry)
{
	json_t *waiting = entry->enabled ? catalog_waiting(orch, entry->drop_path) : NULL;

	json_object_set_new(view, "waiting", waiting ? waiting : json_null());
}

struct workflow_list {
	struct orchestrator *orch;
	json_t *items;
};

static void
append_workflow(void *arg, const struct registry_entry *entry)
{
	struct workflow_list *list = arg;
	const struct engine *engine = orchestrator_any_engine(list->orch);
	json_t *view = view_workflow(entry);

	json_object_set_new(view, "paused",
	    json_boolean(engine && engine_workflow_paused(engine, entry->name)));
	add_waiting(list->orch, view, entry);
	json_array_append_new(list->items, view);
}

void
facade_workflows(struct orchestrator *orch, facade_reply_fn *fn, void *arg)
{
	struct err none = { 0 };
	struct workflow_list list = { orch, json_array() };

	if (orch->registry)
		registry_each(orch->registry, append_workflow, &list);
	fn(arg, json_pack("{s:o, s:n}", "items", list.items, "next_cursor"), &none);
}

static const char *const PARAM_TYPES[] = { "string", "integer", "number", "boolean", "json" };

static json_t *
view_params(const struct workflow *wf)
{
	json_t *params = json_array();

	for (uint32_t i = 0; i < wf->n_params; i++) {
		const struct param_def *def = &wf->params[i];
		json_t *value = def->default_json
		    ? json_loads(def->default_json, JSON_DECODE_ANY, NULL)
		    : NULL;

		json_array_append_new(params,
		    json_pack("{s:s, s:s, s:b, s:o, s:s?}", "name", def->name, "type",
		        PARAM_TYPES[def->type], "required", def->required, "default",
		        value ? value : json_null(), "description", def->description));
	}
	return params;
}

struct search {
	struct orchestrator *orch;
	const char *name;
	json_t *found;
};

static void
search_workflow(void *arg, const struct registry_entry *entry)
{
	struct search *search = arg;

	if (search->found || strcmp(entry->name, search->name) != 0)
		return;
	search->found = view_workflow(entry);
	add_waiting(search->orch, search->found, entry);
	if (!entry->workflow)
		return;
	json_object_set_new(search->found, "description",
	    json_string(entry->workflow->description));
	json_object_set_new(search->found, "tasks_total", json_integer(entry->workflow->n_tasks));
	json_object_set_new(search->found, "params", view_params(entry->workflow));
}

void
facade_workflow(struct orchestrator *orch, const char *name, facade_reply_fn *fn, void *arg)
{
	struct search search = { orch, name, NULL };
	struct err err = { 0 };

	if (orch->registry)
		registry_each(orch->registry, search_workflow, &search);
	if (!search.found)
		err_set(&err, ERR_NOT_FOUND, "no workflow '%s': see 'reeve workflows'", name);
	fn(arg, search.found, &err);
}

/* --- logs ---------------------------------------------------------------------------------- */

struct log_read {
	struct orchestrator *orch;
	char *task, *after;
	char run[RUN_ID_SIZE];
	unsigned attempt, limit;
	bool done;
	facade_reply_fn *fn;
	void *arg;
};

static void
log_end(struct log_read *read, json_t *body, const struct err *err)
{
	read->fn(read->arg, body, err);
	free(read->task);
	free(read->after);
	free(read);
}

/* Bytes of an agent as JSON text: what is not UTF-8 becomes U+FFFD. */
static json_t *
piece_text(const struct reply_text *bytes)
{
	struct buf quoted = { 0 };
	json_t *text;

	buf_add_json(&quoted, bytes->text, bytes->len);
	text = json_loadb(quoted.data, quoted.len, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
	buf_release(&quoted);
	return text ? text : json_string("");
}

static void
on_log(void *arg, const struct redisReply *reply, const struct err *err)
{
	struct log_read *read = arg;
	struct err none = { 0 };
	json_t *items = json_array();
	char last[STREAM_ID_SIZE] = "";
	size_t n = 0;

	if (!reply) {
		json_decref(items);
		log_end(read, NULL, err);
		return;
	}
	reply_array(reply, &n, NULL);
	for (size_t i = 0; i < n; i++) {
		struct stream_entry entry;
		struct reply_text stream, data;

		if (reply_entry(reply, i, &entry, NULL) < 0 || !entry.fields)
			continue;
		stream_id_format(entry.id, last);
		if (!reply_get(entry.fields, "s", &stream) || !reply_get(entry.fields, "d", &data))
			continue;
		json_array_append_new(items,
		    json_pack("{s:s, s:s, s:o}", "id", last, "stream",
		        stream.len == 1 && *stream.text == 'e' ? "stderr" : "stdout", "text",
		        piece_text(&data)));
	}
	log_end(read,
	    json_pack("{s:o, s:s?, s:b, s:i}", "items", items, "next_cursor",
	        last[0] ? last : read->after, "done", read->done && n < read->limit, "attempt",
	        (int)read->attempt),
	    &none);
}

static void
ask_log(struct log_read *read)
{
	char *key = key_log(&partition_store(orchestrator_home(read->orch, read->run))->keys, read->run, read->task,
	    read->attempt);
	char from[STREAM_ID_SIZE + 1], count[16];
	struct err away;

	snprintf(from, sizeof from, "%s%s", read->after ? "(" : "-", read->after ? read->after : "");
	snprintf(count, sizeof count, "%u", read->limit);
	if (redis_port_send(orchestrator_queries(read->orch), 6,
		(const char *const[]){ "XRANGE", key, from, "+", "COUNT", count }, NULL, TIMEOUT_MS,
		on_log, read) < 0) {
		err_set(&away, ERR_UNAVAILABLE, "redis does not answer: %s",
		    redis_conn_error(read->orch->queries));
		log_end(read, NULL, &away);
	}
	free(key);
}

/* An attempt's output is complete when the task is past it. */
static bool
attempt_over(const json_t *task, unsigned attempt)
{
	const char *status = json_string_value(json_object_get(task, "status"));
	enum task_state state = TASK_PENDING;

	if (status)
		(void)task_state_parse(status, strlen(status), &state);
	return task_state_ended(state) || state == TASK_WAITING ||
	    json_integer_value(json_object_get(task, "attempt")) > (json_int_t)attempt;
}

static void
on_log_run(void *arg, json_t *run, const struct err *err)
{
	struct log_read *read = arg;
	struct err missing;
	json_t *task;
	size_t i;

	if (err->code < 0) {
		log_end(read, NULL, err);
		return;
	}
	snprintf(read->run, sizeof read->run, "%s",
	    json_string_value(json_object_get(run, "id")));
	json_array_foreach(json_object_get(run, "tasks"), i, task) {
		if (strcmp(json_string_value(json_object_get(task, "id")), read->task) != 0)
			continue;
		if (read->attempt == 0)
			read->attempt =
			    (unsigned)json_integer_value(json_object_get(task, "attempt"));
		read->done = attempt_over(task, read->attempt);
		json_decref(run);
		ask_log(read);
		return;
	}
	json_decref(run);
	err_set(&missing, ERR_NOT_FOUND, "run '%s' has no task '%s'", read->run, read->task);
	log_end(read, NULL, &missing);
}

void
facade_logs(struct orchestrator *orch, const char *run, const char *task, unsigned attempt,
    const char *after, unsigned limit, facade_reply_fn *fn, void *arg)
{
	struct log_read *read;
	struct stream_id id;
	struct err err;

	if (after && !stream_id_parse(after, strlen(after), &id)) {
		err_set(&err, ERR_INVALID, "cursor '%s' is not one of ours", after);
		fn(arg, NULL, &err);
		return;
	}
	read = xcalloc(1, sizeof *read);
	*read = (struct log_read){ .orch = orch, .task = xstrdup(task),
		.after = after ? xstrdup(after) : NULL, .attempt = attempt, .limit = limit, .fn = fn,
		.arg = arg };
	facade_run(orch, run, -1, 0, on_log_run, read);
}
