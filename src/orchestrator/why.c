/* SPDX-License-Identifier: MIT */
/* Names what a run or a task waits for, what mends it, and how it came to where it is. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "orchestrator/history.h"
#include "orchestrator/orchestrator_private.h"

#define BLOCKERS_MAX 20
#define HISTORY_MAX 20
#define SCAN_MAX 1000          /* entries of the event stream that are looked at */
#define BEHIND_MS 60000        /* events of a run may stand so long after its end */
#define DEPTH_MAX 10000        /* of a chain of dependencies that is followed */

struct why {
	struct orchestrator *orch;
	char *task;        /* or NULL: the whole run */
	json_t *run;       /* with its tasks */
	json_t *by_id;     /* id -> task */
	json_t *seen;      /* tasks that were followed */
	json_t *blockers;
	size_t more;       /* blockers that are not shown */
	facade_reply_fn *fn;
	void *arg;
};

static const char *
text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

static long long
number_of(const json_t *object, const char *key)
{
	return (long long)json_integer_value(json_object_get(object, key));
}

static void
why_end(struct why *why, json_t *body, const struct err *err)
{
	why->fn(why->arg, body, err);
	json_decref(why->run);
	json_decref(why->by_id);
	json_decref(why->seen);
	json_decref(why->blockers);
	free(why->task);
	free(why);
}

/* --- blockers ---------------------------------------------------------------------- */

/* detail and command are taken over; command may be NULL. */
static void
add_blocker(struct why *why, const json_t *task, const char *kind, char *detail, json_t *until,
    char *command)
{
	if (json_array_size(why->blockers) < BLOCKERS_MAX)
		json_array_append_new(why->blockers,
		    json_pack("{s:s?, s:s?, s:s, s:s, s:O?, s:s?}", "task",
		        task ? text_of(task, "id") : NULL, "status",
		        task ? text_of(task, "status") : NULL, "kind", kind, "detail", detail,
		        "until", until, "command", command));
	else
		why->more++;
	free(detail);
	free(command);
}

static void
block_running(struct why *why, const json_t *task)
{
	const char *run = text_of(why->run, "id"), *id = text_of(task, "id");

	add_blocker(why, task, "running",
	    xasprintf("agent %s works on attempt %lld since %s", text_of(task, "agent"),
	        number_of(task, "attempt"), text_of(task, "started_at")),
	    NULL, xasprintf("reeve logs %s %s -f", run, id));
}

static void
block_waiting(struct why *why, const json_t *task)
{
	const json_t *waiting = json_object_get(task, "waiting_for");
	const char *command = json_string_value(json_object_get(waiting, "command"));

	if (json_is_object(waiting))
		add_blocker(why, task, text_of(waiting, "kind"),
		    xstrdup(text_of(waiting, "detail")), json_object_get(waiting, "until"),
		    command ? xstrdup(command) : NULL);
}

static bool
has_ended(const json_t *task)
{
	return json_is_string(json_object_get(task, "finished_at")) ||
	    strcmp(text_of(task, "status"), "skipped") == 0;
}

/*
 * What a task waits for in the end: a chain of dependencies is followed to the tasks that
 * could move.  With a list of its own, since a chain may be as long as the run has tasks.
 */
static void
follow(struct why *why, json_t *from)
{
	json_t *todo = json_array();
	size_t i;
	json_t *need;

	json_array_append(todo, from);
	for (size_t at = 0; at < json_array_size(todo) && at < DEPTH_MAX; at++) {
		const json_t *task = json_array_get(todo, at);
		const char *status = text_of(task, "status");

		if (json_object_get(why->seen, text_of(task, "id")) || has_ended(task))
			continue;
		json_object_set_new(why->seen, text_of(task, "id"), json_true());
		if (strcmp(status, "running") == 0)
			block_running(why, task);
		else if (strcmp(status, "pending") != 0)
			block_waiting(why, task);
		json_array_foreach(json_object_get(task, "needs"), i, need) {
			json_t *next = strcmp(status, "pending") == 0
			    ? json_object_get(why->by_id, json_string_value(need)) : NULL;

			if (next)
				json_array_append(todo, next);
		}
	}
	json_decref(todo);
}

/* A daemon that cannot write holds everything up. */
static void
block_daemon(struct why *why)
{
	const struct partition *p = orchestrator_home(why->orch, text_of(why->run, "id"));

	if (!partition_is_served(p) || facade_stale(why->orch))
		add_blocker(why, NULL, "redis", xasprintf("nothing new starts: %s", partition_why(p)),
		    NULL, xstrdup("reeve doctor"));
}

static void
find_blockers(struct why *why, json_t *task)
{
	size_t i;
	json_t *each;

	block_daemon(why);
	if (task) {
		follow(why, task);
		return;
	}
	json_array_foreach(json_object_get(why->run, "tasks"), i, each) {
		if (strcmp(text_of(each, "status"), "pending") != 0)
			follow(why, each);
	}
}

/* --- why it ended as it did ----------------------------------------------------------- */

/* The dependency that a task was skipped for: the first that did not end as it was needed. */
static const char *
culprit(const struct why *why, const json_t *task)
{
	static const char *const BAD[] = { "failed", "cancelled", "skipped" };
	size_t i;
	json_t *need;

	for (size_t bad = 0; bad < ARRAY_LEN(BAD); bad++) {
		json_array_foreach(json_object_get(task, "needs"), i, need) {
			const json_t *other = json_object_get(why->by_id, json_string_value(need));

			if (strcmp(text_of(other, "status"), BAD[bad]) == 0)
				return json_string_value(need);
		}
	}
	return NULL;
}

static char *
explain_task(const struct why *why, const json_t *task)
{
	const char *status = text_of(task, "status");
	const json_t *error = json_object_get(task, "error");
	const char *because;

	if (strcmp(status, "failed") == 0)
		return xasprintf("attempt %lld failed for good: %s: %s", number_of(task, "attempt"),
		    text_of(error, "category"), text_of(error, "message"));
	if (strcmp(status, "skipped") == 0 && (because = culprit(why, task)))
		return xasprintf("skipped, since '%s' that it needs is %s", because,
		    text_of(json_object_get(why->by_id, because), "status"));
	if (strcmp(status, "succeeded") == 0)
		return xasprintf("succeeded with attempt %lld on agent %s", number_of(task, "attempt"),
		    text_of(task, "agent"));
	return xasprintf("it is %s", status);
}

static char *
explain_run(const struct why *why)
{
	const char *error = json_string_value(json_object_get(why->run, "error"));

	return error ? xasprintf("the run is %s: %s", text_of(why->run, "status"), error)
	             : xasprintf("the run is %s: %lld of %lld tasks have ended, %lld of them failed",
	                   text_of(why->run, "status"), number_of(why->run, "tasks_done"),
	                   number_of(why->run, "tasks_total"),
	                   number_of(why->run, "tasks_failed"));
}

/* --- how it came to this ---------------------------------------------------------------- */

static char *
tell_created(const json_t *data)
{
	const char *file = json_string_value(json_object_get(data, "file"));

	if (file)
		return xasprintf("the file %s was dropped, and what it means was new there", file);
	return xasprintf("%s asked for it", *text_of(data, "by") ? text_of(data, "by") : "somebody");
}

static char *
tell_error(const json_t *event, const char *then)
{
	const json_t *data = json_object_get(event, "data");

	return xasprintf("attempt %lld failed (%s: %s); %s", number_of(event, "attempt"),
	    *text_of(data, "category") ? text_of(data, "category") : "no category",
	    text_of(data, "message"), then);
}

/* "the run started", "it was cancelled", "it succeeded on agent A" */
static char *
tell_state(const char *type, const char *agent)
{
	bool run = strncmp(type, "run.", 4) == 0;
	const char *state = run ? type + 4 : type + 5;
	bool done_to = strcmp(state, "cancelled") == 0 || strcmp(state, "skipped") == 0;

	if (!run && strncmp(type, "task.", 5) != 0)
		return NULL;
	if (strcmp(state, "updated") == 0)
		return NULL;
	return xasprintf("%s %s%s%s%s", run ? "the run" : "it", done_to ? "was " : "",
	    strcmp(state, "timed_out") == 0 ? "timed out" : state, *agent ? " on agent " : "", agent);
}

/* One sentence for an event, or NULL: it says nothing of its own. */
static char *
tell(const json_t *event)
{
	const char *type = text_of(event, "type"), *agent = text_of(event, "agent");
	long long attempt = number_of(event, "attempt");

	if (strcmp(type, "run.created") == 0)
		return tell_created(json_object_get(event, "data"));
	if (strcmp(type, "audit.submit") == 0 || strcmp(type, "audit.drop") == 0)
		return NULL; /* "run.created" said it */
	if (strcmp(type, "task.progress") == 0)
		return NULL; /* what it said last stands with the task */
	if (strncmp(type, "audit.", 6) == 0)
		return xasprintf("%s: by %s", type + 6,
		    text_of(json_object_get(event, "actor"), "name"));
	if (strcmp(type, "task.queued") == 0)
		return xasprintf("%s: attempt %lld went into the stream of its agent type",
		    attempt > 1 ? "it was due again" : "what it needs had ended and there was room",
		    attempt);
	if (strcmp(type, "task.started") == 0)
		return xasprintf("agent %s has attempt %lld: it had a free slot and was the first of "
		                 "its type to ask", agent, attempt);
	if (strcmp(type, "task.waiting") == 0)
		return tell_error(event, "it is tried again");
	if (strcmp(type, "task.failed") == 0)
		return tell_error(event, "it is not tried again");
	return tell_state(type, agent);
}

static void
on_history(void *arg, json_t *history, const struct err *err)
{
	struct why *why = arg;
	const json_t *task =
	    why->task ? json_object_get(why->by_id, why->task) : NULL;
	char *summary = task ? explain_task(why, task) : explain_run(why);
	json_t *told = json_array(), *event, *body;
	struct err none = { 0 };
	size_t i;

	json_array_foreach(json_object_get(history, "items"), i, event) {
		char *text = tell(event);

		if (text)
			json_array_append_new(told,
			    json_pack("{s:O, s:O, s:O, s:s}", "at", json_object_get(event, "at"),
			        "type", json_object_get(event, "type"), "task",
			        json_object_get(event, "task"), "text", text));
		free(text);
	}
	body = json_pack("{s:O, s:O, s:s?, s:O, s:s, s:O, s:I, s:o, s:b}", "run",
	    json_object_get(why->run, "id"), "workflow", json_object_get(why->run, "workflow"), "task",
	    why->task, "status", json_object_get(task ? task : why->run, "status"), "summary", summary,
	    "blockers", why->blockers, "more", (json_int_t)why->more, "history", told,
	    "history_complete",
	    err->code >= 0 && json_is_null(json_object_get(history, "next_cursor")));
	free(summary);
	json_decref(history);
	why_end(why, body, &none);
}

static void
read_history(struct why *why)
{
	int64_t created = 0, finished = 0;
	struct history_query query = { .stream = "ev", .run = text_of(why->run, "id"),
		.task = why->task, .limit = HISTORY_MAX, .scan_max = SCAN_MAX };

	if (rfc3339_parse(text_of(why->run, "created_at"), &created))
		query.since_ms = created - BEHIND_MS;
	if (rfc3339_parse(text_of(why->run, "finished_at"), &finished))
		query.until_ms = finished + BEHIND_MS;
	history_read(why->orch, &query, on_history, why);
}

static void
on_run(void *arg, json_t *run, const struct err *err)
{
	struct why *why = arg;
	struct err unknown;
	size_t i;
	json_t *task;

	if (err->code < 0) {
		json_decref(run);
		why_end(why, NULL, err);
		return;
	}
	why->run = run;
	json_array_foreach(json_object_get(run, "tasks"), i, task)
		json_object_set(why->by_id, text_of(task, "id"), task);
	task = why->task ? json_object_get(why->by_id, why->task) : NULL;
	if (why->task && !task) {
		err_set(&unknown, ERR_NOT_FOUND, "run '%s' has no task '%s'", text_of(run, "id"),
		    why->task);
		why_end(why, NULL, &unknown);
		return;
	}
	find_blockers(why, task);
	read_history(why);
}

void
facade_why(struct orchestrator *orch, const char *id, const char *task, facade_reply_fn *fn,
    void *arg)
{
	struct why *why = xcalloc(1, sizeof *why);

	*why = (struct why){ .orch = orch, .by_id = json_object(), .seen = json_object(),
		.blockers = json_array(), .fn = fn, .arg = arg };
	why->task = task ? xstrdup(task) : NULL;
	facade_run(orch, id, -1, 0, on_run, why);
}
