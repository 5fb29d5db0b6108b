/* SPDX-License-Identifier: MIT */
/* What starts nothing new for a while: runs, workflows, agent types. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "engine/internal.h"

/* A paused workflow. */
struct pause {
	char *name;
	UT_hash_handle hh;
};

static struct pause *
pause_find(const struct engine *engine, const char *workflow)
{
	struct pause *pause;

	HASH_FIND_STR(engine->pauses, workflow, pause);
	return pause;
}

static void
pause_free(struct engine *engine, struct pause *pause)
{
	HASH_DEL(engine->pauses, pause);
	free(pause->name);
	free(pause);
}

void
pauses_release(struct engine *engine)
{
	struct pause *pause, *next;

	HASH_ITER(hh, engine->pauses, pause, next)
		pause_free(engine, pause);
}

bool
engine_workflow_paused(const struct engine *engine, const char *workflow)
{
	return pause_find(engine, workflow) != NULL;
}

/* Else what stands in the streams would go on starting one by one. */
void
recall_paused(struct turn *turn)
{
	struct attempt *attempt, *next;
	size_t marked = turn->effects->len;

	HASH_ITER(hh, turn->engine->attempts, attempt, next) {
		struct run *run = attempt->run;

		if (!run || (!run_paused(run) && !queue_paused(attempt->queue) &&
		    !flow_recalls(attempt->queue, attempt->token) &&
		    !task_is_over(turn->engine, run, attempt->task)))
			continue;
		task_take_back(turn, run, attempt->task);
		if (turn->effects->len - marked < SLICE)
			continue;
		effects_mark(turn->effects, 0, 0);
		marked = turn->effects->len;
	}
}

static void
set_workflow(struct engine *engine, const char *workflow, bool on)
{
	struct pause *pause = pause_find(engine, workflow);

	if (on && !pause) {
		pause = xcalloc(1, sizeof *pause);
		pause->name = xstrdup(workflow);
		HASH_ADD_KEYPTR(hh, engine->pauses, pause->name, strlen(pause->name), pause);
	} else if (!on && pause) {
		pause_free(engine, pause);
	}
	for (struct run *run = engine->runs; run; run = run->hh.next) {
		if (strcmp(run->wf->name, workflow) != 0)
			continue;
		run->held = on;
		run->version++;
		lanes_unpark(run);
	}
}

static int
refuse(struct err *err, const char *kind, const char *name, bool on)
{
	return err_set(err, ERR_CONFLICT, on ? "%s \"%s\" is paused already"
	                                     : "%s \"%s\" is not paused", kind, name);
}

static void
store_pause(struct effects *effects, const char *kind, const char *name, const char *value)
{
	struct effect *effect = effects_add(effects, EFFECT_PAUSE, NULL, TASK_NONE);

	effect->u.pause.what = xasprintf("%s:%s", kind, name);
	effect->u.pause.value = value ? xstrdup(value) : NULL;
}

static void
add_pause(struct engine *engine, const struct moment *now, struct effects *effects,
    const char *kind, const char *name, const char *value)
{
	struct turn turn;

	store_pause(effects, kind, name, value);
	turn_begin(&turn, engine, now, effects);
	if (value)
		recall_paused(&turn);
	turn_end(&turn);
}

/* Who paused them is not known any more. */
void
pauses_dump(struct turn *turn)
{
	struct engine *engine = turn->engine;
	char *value = xasprintf("%lld unknown", (long long)turn->now->wall_ms);

	for (const struct pause *pause = engine->pauses; pause; pause = pause->hh.next)
		store_pause(turn->effects, "workflow", pause->name, value);
	for (size_t i = 0; i < engine->queues.len; i++)
		if (queue_paused(engine->queues.items[i]))
			store_pause(turn->effects, "type", engine->queues.items[i]->type, value);
	for (size_t i = 0; i < engine->queues.len; i++)
		flow_dump(turn, engine->queues.items[i]);
	budgets_dump(turn);
	effects_mark(turn->effects, 0, 0);
	free(value);
}

int
engine_pause_run(struct engine *engine, const struct moment *now, struct run *run, bool on,
    struct effects *effects, struct err *err)
{
	struct turn turn;

	if (run_state_ended((enum run_state)run->state))
		return err_set(err, ERR_CONFLICT, "run \"%s\" has ended: it is %s",
		    run->id.text, run_state_name((enum run_state)run->state));
	if ((run->paused_ms > 0) == on && (on || !run->over))
		return refuse(err, "run", run->id.text, on);
	run->paused_ms = on ? now->wall_ms : 0;
	if (!on && run->over)
		run_lift_budget(run);
	run->version++;
	lanes_unpark(run);
	turn_begin(&turn, engine, now, effects);
	turn_add_run(&turn, EFFECT_RUN_UPDATE, run);
	if (on)
		recall_paused(&turn);
	turn_end(&turn);
	return 0;
}

int
engine_pause_workflow(struct engine *engine, const struct moment *now, const char *workflow,
    const char *value, struct effects *effects, struct err *err)
{
	bool on = value != NULL;

	if (engine_workflow_paused(engine, workflow) == on)
		return refuse(err, "workflow", workflow, on);
	set_workflow(engine, workflow, on);
	add_pause(engine, now, effects, "workflow", workflow, value);
	return 0;
}

int
engine_pause_type(struct engine *engine, const struct moment *now, const char *type,
    const char *value, struct effects *effects, struct err *err)
{
	struct queue *queue = engine_queue(engine, type);
	bool on = value != NULL, closed;

	closed = !on && engine_close_circuit(engine, now, type, effects);
	if (queue_paused(queue) == on && !closed)
		return refuse(err, "agent type", type, on);
	if (queue_paused(queue) == on)
		return 0;
	queue_pause(queue, on);
	add_pause(engine, now, effects, "type", type, value);
	return 0;
}

bool
engine_load_pause(struct engine *engine, const char *what)
{
	const char *name = strchr(what, ':');

	if (!name || !name[1])
		return false;
	if (strncmp(what, "workflow:", 9) == 0)
		set_workflow(engine, name + 1, true);
	else if (strncmp(what, "type:", 5) == 0)
		queue_pause(engine_queue(engine, name + 1), true);
	else
		return false;
	return true;
}
