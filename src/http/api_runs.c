/* SPDX-License-Identifier: MIT */
/* Answers about runs and their tasks. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "http/api.h"

#define RUNS_DEFAULT 100
#define RUNS_MAX 1000

static const char *const run_states[] = { "queued", "running", "succeeded", "failed",
	"cancelled", "timed_out", NULL };

static int
query_status(const struct http_request *req, const char **ret_status, struct err *err)
{
	const char *text = http_query(req, "status");
	const char *near;

	*ret_status = text;
	for (size_t i = 0; text && run_states[i]; i++) {
		if (strcmp(text, run_states[i]) == 0)
			return 0;
	}
	if (!text)
		return 0;
	near = str_nearest(text, run_states);
	return err_set(err, ERR_INVALID,
	    "status=%s: a run is queued, running, succeeded, failed, cancelled or "
	    "timed_out%s%s%s",
	    text, near ? " (did you mean " : "", near ? near : "", near ? "?)" : "");
}

/* A time, or a duration back from now. */
int
api_query_since(const struct http_request *req, int64_t *ret_ms, struct err *err)
{
	const char *text = http_query(req, "since");
	int64_t ms;

	if (!text || rfc3339_parse(text, ret_ms))
		return 0;
	if (!duration_parse(text, &ms))
		return err_set(err, ERR_INVALID,
		    "since=%s is neither a time (2026-11-21T03:34:13Z) nor a duration "
		    "(12h)",
		    text);
	*ret_ms = clock_wall_ms() - ms;
	return 0;
}

void
api_runs_get(struct http_request *req)
{
	struct facade_run_filter filter = { 0 };
	struct err err = { 0 };
	int64_t limit = RUNS_DEFAULT;

	if (query_status(req, &filter.status, &err) < 0 ||
	    api_query_since(req, &filter.since_ms, &err) < 0 ||
	    http_query_i64(req, "limit", 1, RUNS_MAX, &limit, &err) < 0) {
		http_reply_error(req, 400, "%s", err.text);
		return;
	}
	filter.workflow = http_query(req, "workflow");
	filter.cursor = http_query(req, "cursor");
	filter.limit = (unsigned)limit;
	facade_runs(
	    req->orch, &filter, http_wait_reply, http_wait(req, http_reply_answer));
}

void
api_run(struct http_request *req)
{
	struct err err = { 0 };
	int64_t version = -1, wait_ms = 0;

	if (http_query_i64(req, "version", 0, INT64_MAX, &version, &err) < 0 ||
	    http_query_ms(req, "wait", API_WAIT_MAX_MS, &wait_ms, &err) < 0) {
		http_reply_error(req, 400, "%s", err.text);
		return;
	}
	if (http_query(req, "wait") && version < 0) {
		http_reply_error(
		    req, 400, "wait needs version: the run's version that you have seen");
		return;
	}
	facade_run(req->orch, req->match.args[0], version, wait_ms, http_wait_reply,
	    http_wait(req, http_reply_answer));
}

void
api_run_graph(struct http_request *req)
{
	facade_run_graph(req->orch, req->match.args[0], http_wait_reply,
	    http_wait(req, http_reply_answer));
}

static void
reply_tasks(struct http_request *req, json_t *body, const struct err *err)
{
	if (err && err->code) {
		http_reply_err(req, err, body);
		return;
	}
	http_reply_json(req, 200,
	    json_pack(
		"{s:O, s:n}", "items", json_object_get(body, "tasks"), "next_cursor"));
	json_decref(body);
}

void
api_run_tasks(struct http_request *req)
{
	facade_run(req->orch, req->match.args[0], -1, 0, http_wait_reply,
	    http_wait(req, reply_tasks));
}

static const char *
task_id(const json_t *task)
{
	const char *id = json_string_value(json_object_get(task, "id"));

	return id ? id : "";
}

/* The id that was meant, or NULL. */
static const char *
nearest_task(const json_t *tasks, const char *id)
{
	size_t n = json_array_size(tasks);
	const char **ids = xcalloc(n + 1, sizeof *ids);
	const char *near;

	for (size_t i = 0; i < n; i++)
		ids[i] = task_id(json_array_get(tasks, i));
	near = str_nearest(id, ids);
	free(ids);
	return near;
}

static void
reply_task(struct http_request *req, json_t *body, const struct err *err)
{
	const char *id = req->match.args[1], *near;
	json_t *tasks, *task;
	size_t i;

	if (err && err->code) {
		http_reply_err(req, err, body);
		return;
	}
	tasks = json_object_get(body, "tasks");
	json_array_foreach (tasks, i, task) {
		if (strcmp(task_id(task), id) == 0) {
			http_reply_json(req, 200, json_incref(task));
			json_decref(body);
			return;
		}
	}
	near = nearest_task(tasks, id);
	http_reply_error(req, 404, "the run has no task \"%s\"%s%s%s", id,
	    near ? ": did you mean \"" : "", near ? near : "", near ? "\"?" : "");
	json_decref(body);
}

void
api_run_task(struct http_request *req)
{
	facade_run(req->orch, req->match.args[0], -1, 0, http_wait_reply,
	    http_wait(req, reply_task));
}
