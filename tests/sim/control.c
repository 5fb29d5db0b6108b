/* SPDX-License-Identifier: MIT */
/* What people do to runs that exist: cancel tasks, run again, replay, pause. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "orchestrator/partition_private.h"
#include "world.h"

#define CALM_MS 700

static struct engine *
engine_of(const struct daemon *daemon)
{
	return partition_engine(daemon->partition);
}

static struct effects *
effects_of(const struct daemon *daemon)
{
	return partition_effects(daemon->partition);
}

static void
done(struct daemon *daemon)
{
	partition_mark(daemon->partition);
	daemon_wake(daemon);
}

/* A run that somebody asked for, or NULL. */
static struct asked *
some_asked(struct world *world)
{
	return world->n_asked > 0 ? world->asked[chance(world, world->n_asked)] : NULL;
}

/* --- tasks are cancelled ------------------------------------------------------------- */

void
control_cancel_task(struct world *world)
{
	struct daemon *daemon = people_serving(world);
	struct asked *asked = some_asked(world);
	struct run *run = daemon && asked ? engine_find(engine_of(daemon), asked->id.text) : NULL;
	struct moment now;
	uint32_t task;

	if (!run || !world->faults)
		return;
	task = (uint32_t)chance(world, run->wf->n_tasks);
	partition_moment(daemon->partition, &now);
	world_trace(world, "%s/%s is cancelled", run->id.text, run->wf->tasks[task].id);
	if (engine_cancel_task(engine_of(daemon), &now, run, task, effects_of(daemon), NULL) == 0)
		world_count(world, TALLY_TASK_CANCEL);
	done(daemon);
}

/* --- what failed runs again ------------------------------------------------------------ */

static struct rerun
random_rerun(struct world *world, const struct workflow *wf)
{
	struct rerun what = { .task = TASK_NONE };

	if (one_in(world, 3))
		return what;
	if (one_in(world, 6)) {
		what.category = CATEGORY_EXIT;
		return what;
	}
	what.task = (uint32_t)chance(world, wf->n_tasks);
	what.downstream = one_in(world, 2);
	what.boost = one_in(world, 4);
	if (one_in(world, 4)) {
		what.body = "another body";
		what.body_len = strlen(what.body);
	}
	return what;
}

static void
rerun(struct world *world, struct daemon *daemon, struct asked *asked, struct run *run,
    enum tally tally)
{
	struct rerun what = random_rerun(world, run->wf);
	struct err err = { 0 };
	struct moment now;
	size_t n;

	partition_moment(daemon->partition, &now);
	if (engine_rerun(engine_of(daemon), &now, run, &what, effects_of(daemon), &n, &err) < 0) {
		world_trace(world, "nothing runs again: %s", err.text);
		return;
	}
	asked->again = true;
	world_count(world, tally);
	if (what.boost || what.body)
		world_count(world, TALLY_REPLAY);
	world_trace(world, "run %s: %zu tasks run again (task %d%s)", run->id.text, n,
	    (int)what.task, what.downstream ? ", downstream" : "");
}

/* As orchestrator/rerun.c.  What an ended run is read into, until it is taken over. */
struct reading {
	struct daemon *daemon;
	struct asked *asked;
	struct engine *engine;
	struct run *run;
	unsigned life, generation;
};

static void
take_up(struct reading *reading, struct run *live)
{
	struct daemon *daemon = reading->daemon;
	struct run *run = live ? live : reading->run;

	if (!live) {
		engine_take(reading->engine, run);
		keep_taken_up(partition_keep(daemon->partition), reading->asked->id.text);
	}
	rerun(daemon->world, daemon, reading->asked, run, TALLY_RETRY_ENDED);
}

static void
taken_up(void *arg, uint64_t n)
{
	struct reading *reading = arg;
	struct daemon *daemon = reading->daemon;
	struct world *world = daemon->world;
	bool alive = !world->over && daemon->alive && daemon->life == reading->life;
	struct run *run;

	(void)n;
	if (alive && daemon_serves(daemon) &&
	    partition_generation(daemon->partition) == reading->generation) {
		run = engine_find(engine_of(daemon), reading->asked->id.text);
		if (run || !keep_is_stale(partition_keep(daemon->partition), reading->asked->id.text))
			take_up(reading, run);
		done(daemon);
	}
	if (alive)
		keep_let_go(partition_keep(daemon->partition), reading->asked->id.text);
	run_unref(reading->run);
	engine_free(reading->engine);
	free(reading);
}

void
control_rerun(struct world *world, struct daemon *daemon, struct asked *asked,
    struct run *live)
{
	rerun(world, daemon, asked, live, TALLY_RETRY_LIVE);
}

static void
reopen(struct world *world, struct daemon *daemon, struct asked *asked)
{
	struct reading *reading;
	struct engine *engine;
	struct run *run;

	/* what somebody deleted, or retention took, cannot be read back */
	if (!check_owns(world, daemon) || world->harmed_at >= 0 || asked->purged ||
	    !keep_hold(partition_keep(daemon->partition), asked->id.text))
		return;
	engine = engine_new(&daemon->partition->config.engine, &daemon->rng);
	run = check_read_run(world, daemon, engine, asked->id.text);
	if (run && (!run_state_ended((enum run_state)run->state) || run->open > 0))
		world_fail(world, "run %s has ended, but is read as %s with %u open tasks",
		    asked->id.text, run_state_name((enum run_state)run->state), run->open);
	if (!run) {
		engine_free(engine);
		keep_let_go(partition_keep(daemon->partition), asked->id.text);
		return;
	}
	reading = xcalloc(1, sizeof *reading);
	*reading = (struct reading){ daemon, asked, engine, run, daemon->life,
		partition_generation(daemon->partition) };
	world_in(world, (int64_t)chance(world, 12), taken_up, reading, 0);
}

void
control_retry(struct world *world)
{
	struct daemon *daemon = people_serving(world);
	struct asked *asked = some_asked(world);
	struct run *run;

	if (!daemon || !asked || !asked->accepted || !world->faults)
		return;
	run = engine_find(engine_of(daemon), asked->id.text);
	if (run)
		rerun(world, daemon, asked, run, TALLY_RETRY_LIVE);
	else
		reopen(world, daemon, asked);
	done(daemon);
}

/* --- pauses ------------------------------------------------------------------------------ */

static void
pause_name(struct world *world, struct daemon *daemon, bool workflow, size_t i, bool on)
{
	const char *name =
	    workflow ? world->flows[i % world->n_flows]->name : type_name((unsigned)i % TYPES);
	const char *value = on ? "1 somebody" : NULL;
	struct moment now;
	int rc;

	partition_moment(daemon->partition, &now);
	rc = workflow
	    ? engine_pause_workflow(engine_of(daemon), &now, name, value, effects_of(daemon), NULL)
	    : engine_pause_type(engine_of(daemon), &now, name, value, effects_of(daemon), NULL);
	if (rc < 0)
		return;
	world_trace(world, "%s %s", name, on ? "is paused" : "goes on");
	if (on)
		world_count(world, TALLY_NAME_PAUSE);
}

static void
pause_run(struct world *world, struct daemon *daemon, struct run *run, bool on)
{
	struct moment now;

	partition_moment(daemon->partition, &now);
	if (engine_pause_run(engine_of(daemon), &now, run, on, effects_of(daemon), NULL) < 0)
		return;
	world_trace(world, "run %s %s", run->id.text, on ? "is paused" : "goes on");
	if (on)
		world_count(world, TALLY_RUN_PAUSE);
}

void
control_pause(struct world *world)
{
	struct daemon *daemon = people_serving(world);
	struct asked *asked = some_asked(world);
	struct run *run = daemon && asked ? engine_find(engine_of(daemon), asked->id.text) : NULL;

	if (!daemon || !world->faults)
		return;
	if (one_in(world, 3))
		pause_name(world, daemon, one_in(world, 2), chance(world, 100), true);
	else if (run)
		pause_run(world, daemon, run, true);
	done(daemon);
}

static void
resume_all(struct world *world, struct daemon *daemon)
{
	struct run *run = engine_first(engine_of(daemon)), *next;

	for (size_t i = 0; i < world->n_flows; i++)
		pause_name(world, daemon, true, i, false);
	for (size_t i = 0; i < TYPES; i++)
		pause_name(world, daemon, false, i, false);
	for (; run; run = next) {
		next = run->hh.next;
		pause_run(world, daemon, run, false);
	}
	done(daemon);
}

void
control_resume(struct world *world)
{
	struct daemon *daemon = people_serving(world);

	if (daemon)
		resume_all(world, daemon);
}

/* Once nothing goes wrong any more, all goes on, also what was lost of that. */
static void
calm(void *arg, uint64_t n)
{
	struct world *world = arg;

	(void)n;
	if (world->over)
		return;
	if (!world->faults)
		control_resume(world);
	world_in(world, CALM_MS, calm, world, 0);
}

void
control_begin(struct world *world)
{
	world_in(world, CALM_MS, calm, world, 0);
}
