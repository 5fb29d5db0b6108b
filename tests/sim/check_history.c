/* SPDX-License-Identifier: MIT */
/* What the events tell, from the beginning to the end: order, limits, ends. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "fake_private.h"
#include "store/events.h"
#include "world.h"

struct history {
	char name[120]; /* RUN or RUN/TASK */
	unsigned attempt, ends, open;
	bool begun;  /* of a task: handed out, or waiting, since it was last reset */
	bool again;  /* of a run: something of it ran again */
	char end;
	UT_hash_handle hh;
};

static struct history *
history_of(struct history **all, const char *run, const char *task, size_t len)
{
	char name[120];
	struct history *history;

	snprintf(name, sizeof name, "%s/%.*s", run, (int)len, task);
	HASH_FIND_STR(*all, name, history);
	if (history)
		return history;
	history = xcalloc(1, sizeof *history);
	memcpy(history->name, name, sizeof name);
	HASH_ADD_STR(*all, name, history);
	return history;
}

static const struct asked *
asked_of(struct world *world, const char *run)
{
	for (size_t i = 0; i < world->n_asked; i++) {
		if (strcmp(world->asked[i]->id.text, run) == 0)
			return world->asked[i];
	}
	world_fail(world, "an event is about run %s, which nobody asked for", run);
}

/* What its needs must have come to before a task is handed out. */
static void
check_needs(struct world *world, struct history **all, const char *run, uint32_t task)
{
	const struct workflow *wf = asked_of(world, run)->wf;
	const struct task_def *def = &wf->tasks[task];

	for (uint32_t i = 0; i < def->n_needs; i++) {
		const struct task_def *needed = &wf->tasks[def->needs[i].task];
		const struct history *history =
		    history_of(all, run, needed->id, strlen(needed->id));
		enum need_on on = def->needs[i].on;

		if ((on == NEED_SUCCESS && history->end != 's' &&
		        !(history->end == 'f' && needed->continue_on_error)) ||
		    (on == NEED_FAILURE && history->end != 'f') ||
		    (on == NEED_DONE && history->open))
			world_fail(world, "%s/%s was handed out before %s had ended as asked (on %d: "
			    "%c %u)", run, def->id, needed->id, (int)on,
			    history->end ? history->end : '-', history->open);
	}
}

static void
close_task(struct history *run, struct history *task)
{
	run->open -= task->open;
	task->open = 0;
}

static void
on_queued(struct world *world, struct history **all, const struct event_view *view,
    struct history *run, struct history *task)
{
	const struct workflow *wf = asked_of(world, view->run)->wf;
	unsigned attempt = (unsigned)strtoul(view->attempt, NULL, 10);
	char *id = xstrndup(view->task, view->task_len);
	int64_t number = workflow_find(wf, id);

	free(id);
	if (world->harmed_at >= 0 || (world->withdrawn && attempt == task->attempt)) {
		/* an entry that was deleted ends without an event, perhaps without a trace */
		close_task(run, task);
		task->attempt = 0;
	}
	if (number < 0 || task->open || task->ends || run->ends || attempt <= task->attempt)
		world_fail(world, "%s: attempt %u handed out after %u, %s%s%s", task->name, attempt,
		    task->attempt, task->open ? "which is outstanding " : "",
		    task->ends ? "the task had ended" : "", run->ends ? " the run had ended" : "");
	/* what it needs may run again while it is tried again itself */
	if (!run->again || !task->begun)
		check_needs(world, all, view->run, (uint32_t)number);
	task->begun = true;
	task->open = 1;
	task->attempt = attempt;
	if (++run->open > wf->max_parallel && wf->max_parallel > 0 && world->harmed_at < 0)
		world_fail(world, "%s: more than max_parallel are outstanding", view->run);
}

static bool
is_run_end(const char *type)
{
	static const char *const ends[] = { "run.succeeded", "run.failed", "run.cancelled",
		"run.timed_out" };

	for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
		if (strcmp(type, ends[i]) == 0)
			return true;
	}
	return false;
}

/* What was outstanding at its end holds places, which are not counted here. */
static void
close_all(struct history **all, struct history *run)
{
	struct history *task, *next;

	HASH_ITER(hh, *all, task, next) {
		if (strncmp(task->name, run->name, strlen(run->name)) == 0)
			task->open = 0;
	}
	run->open = 0;
}

static void
on_reset(struct history *run, struct history *task)
{
	close_task(run, task);
	run->again = true;
	task->begun = false;
	task->ends = 0;
	task->end = 0;
}

static void
one_event(struct world *world, struct history **all, const struct event_view *view)
{
	struct history *run = history_of(all, view->run, "", 0);
	struct history *task = history_of(all, view->run, view->task, view->task_len);
	const char *type = view->type;

	if (strncmp(type, "alert.", 6) == 0)
		return;
	if (is_run_end(type)) {
		if (++run->ends > 1)
			world_fail(world, "run %s ended twice", view->run);
		close_all(all, run);
	} else if (strcmp(type, "run.reopened") == 0) {
		if (run->ends != 1)
			world_fail(world, "run %s was reopened and had not ended", view->run);
		run->ends = 0;
	} else if (strcmp(type, "task.pending") == 0) {
		on_reset(run, task);
	} else if (strcmp(type, "task.queued") == 0) {
		on_queued(world, all, view, run, task);
	} else if (strcmp(type, "task.ready") == 0 || strcmp(type, "task.waiting") == 0) {
		close_task(run, task);
		/* one that no agent took in time waits as well */
		task->begun |= strcmp(type, "task.waiting") == 0;
	} else if (strcmp(type, "task.skipped") == 0 && world->harmed_at >= 0) {
		close_task(run, task); /* its entry was deleted, as in on_queued() */
	} else if (strcmp(type, "task.succeeded") == 0 || strcmp(type, "task.failed") == 0 ||
	    strcmp(type, "task.cancelled") == 0) {
		close_task(run, task);
		task->end = type[5];
		if (++task->ends > 1 || run->ends)
			world_fail(world, "%s ended twice, or after its run", task->name);
	}
}

void
check_history(struct world *world)
{
	struct object *ev = check_find(world, "ev");
	struct history *all = NULL, *history, *next;

	for (size_t i = ev ? ev->stream.head : 0; ev && i < ev->stream.len; i++) {
		const struct text *text = &ev->stream.entries[i].fields[3];
		const char *at = text->data;
		struct event_view view = { 0 };

		while (event_unpack(&at, text->data + text->len, &view))
			one_event(world, &all, &view);
	}
	HASH_ITER(hh, all, history, next) {
		HASH_DEL(all, history);
		free(history);
	}
}

