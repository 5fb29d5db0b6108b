/* SPDX-License-Identifier: MIT */
/* Questions for a run: answered at once, or once the run has changed. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "orchestrator/orchestrator_private.h"

#define LOOK_US (300 * CLOCK_MS)
#define LOOK_TASK_US 100 /* and so much more for each task: a large run costs more to read */

/* A long poll; its run is live here, or in another daemon: then it is looked at now and then. */
struct watcher {
	struct orchestrator *orch;
	bool distant;
	char id[RUN_ID_SIZE];
	int64_t version;
	int64_t until_us; /* monotonic */
	facade_reply_fn *fn;
	void *arg;
	struct loop_timer timer;
	struct watcher *next;
};

/* true: the run still is what the asker has seen. */
static bool
unchanged(const struct orchestrator *orch, const char *id, int64_t version)
{
	const struct partition *p = orchestrator_home(orch, id);
	struct engine *engine =
	    partition_state(p) == PARTITION_SERVING ? partition_engine(p) : NULL;
	const struct run *run = engine ? engine_find(engine, id) : NULL;

	/* while nothing is confirmed there is nothing new to be shown */
	return run && ((int64_t)run->version == version || partition_refused(p));
}

static void
watcher_end(struct watcher *watcher)
{
	loop_timer_stop(&watcher->timer);
	orchestrator_read_run(watcher->orch, watcher->id, READ_FULL, watcher->fn, watcher->arg);
	free(watcher);
}

void
orchestrator_wake_watchers(struct orchestrator *orch, bool all)
{
	struct watcher **at = &orch->watchers;
	struct watcher *ready = NULL;

	while (*at) {
		struct watcher *watcher = *at;

		if (!all && (watcher->distant || unchanged(orch, watcher->id, watcher->version))) {
			at = &watcher->next;
			continue;
		}
		*at = watcher->next;
		watcher->next = ready;
		ready = watcher;
	}
	while (ready) {
		struct watcher *next = ready->next;

		watcher_end(ready);
		ready = next;
	}
}

static void
watcher_remove(struct watcher *watcher)
{
	struct watcher **at = &watcher->orch->watchers;

	while (*at && *at != watcher)
		at = &(*at)->next;
	if (*at)
		*at = watcher->next;
}

static void
watcher_add(struct watcher *watcher, int64_t after_us)
{
	watcher->next = watcher->orch->watchers;
	watcher->orch->watchers = watcher;
	loop_timer_start(&watcher->timer, after_us);
}

static void
on_look(void *arg, json_t *run, const struct err *err)
{
	struct watcher *watcher = arg;
	int64_t left_us = watcher->until_us - clock_mono_us(), wait_us;

	if (err->code < 0 || left_us <= 0 ||
	    json_integer_value(json_object_get(run, "version")) != watcher->version) {
		watcher->fn(watcher->arg, run, err);
		free(watcher);
		return;
	}
	wait_us = LOOK_US +
	    json_integer_value(json_object_get(run, "tasks_total")) * LOOK_TASK_US;
	json_decref(run);
	watcher_add(watcher, wait_us < left_us ? wait_us : left_us);
}

static void
watcher_due(void *arg)
{
	struct watcher *watcher = arg;

	watcher_remove(watcher);
	if (watcher->distant)
		orchestrator_read_run(watcher->orch, watcher->id, READ_FULL, on_look, watcher);
	else
		watcher_end(watcher);
}

struct run_question {
	struct orchestrator *orch;
	int64_t version, wait_ms;
	enum read_shape shape;
	facade_reply_fn *fn;
	void *arg;
};

/* A run whose partition is owned by another daemon. */
static bool
is_distant(const struct orchestrator *orch, const char *run_id)
{
	return partition_state(orchestrator_home(orch, run_id)) == PARTITION_STANDBY;
}

static void
watch_or_read(const struct run_question *question, const char *run_id)
{
	struct orchestrator *orch = question->orch;
	bool distant = is_distant(orch, run_id);
	struct watcher *watcher;

	if (question->version < 0 || question->wait_ms <= 0 ||
	    (!distant && !unchanged(orch, run_id, question->version))) {
		orchestrator_read_run(orch, run_id, question->shape, question->fn, question->arg);
		return;
	}
	watcher = xcalloc(1, sizeof *watcher);
	watcher->orch = orch;
	watcher->distant = distant;
	memcpy(watcher->id, run_id, strlen(run_id) + 1);
	watcher->version = question->version;
	watcher->until_us = clock_mono_us() + question->wait_ms * CLOCK_MS;
	watcher->fn = question->fn;
	watcher->arg = question->arg;
	loop_timer_init(&watcher->timer, orch->loop, watcher_due, watcher);
	watcher_add(watcher, distant ? 1 : question->wait_ms * CLOCK_MS);
}

static void
on_resolved(void *arg, const char *run_id, const struct err *err)
{
	struct run_question *question = arg;

	if (err->code < 0)
		question->fn(question->arg, NULL, err);
	else
		watch_or_read(question, run_id);
	free(question);
}

static void
ask(struct orchestrator *orch, const char *id, const struct run_question *question)
{
	struct run_question *copy = xmemdup(question, sizeof *question);

	orchestrator_resolve(orch, id, on_resolved, copy);
}

void
facade_run(struct orchestrator *orch, const char *id, int64_t version, int64_t wait_ms,
    facade_reply_fn *fn, void *arg)
{
	ask(orch, id, &(struct run_question){ orch, version, wait_ms, READ_FULL, fn, arg });
}

void
facade_run_graph(struct orchestrator *orch, const char *id, facade_reply_fn *fn, void *arg)
{
	ask(orch, id, &(struct run_question){ orch, -1, 0, READ_GRAPH, fn, arg });
}
