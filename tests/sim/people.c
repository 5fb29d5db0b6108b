/* SPDX-License-Identifier: MIT */
/* People: they submit runs and cancel some. */
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "orchestrator/partition_private.h"
#include "store/record.h"
#include "world.h"

/* --- what is asked for -------------------------------------------------------------- */

static void
on_accepted(void *arg, const struct err *err)
{
	struct asked *asked = arg;

	struct run_head head;

	/* the answer may still have been under way when history was lost */
	asked->accepted = err->code == 0 &&
	    (asked->world->lost_at < 0 || check_head(asked->world, asked->id.text, &head));
	world_trace(asked->world, "run %s %s", asked->id.text,
	    asked->accepted ? "accepted" : "has an unknown outcome");
}

struct daemon *
people_serving(struct world *world)
{
	size_t first = chance(world, DAEMONS);

	for (size_t i = 0; i < DAEMONS; i++) {
		struct daemon *daemon = &world->daemons[(first + i) % DAEMONS];

		if (daemon_serves(daemon))
			return daemon;
	}
	return NULL;
}

struct asked *
people_want(struct world *world, struct daemon *daemon)
{
	struct asked *asked;
	struct moment now;

	if (world->n_asked >= world->shape.runs)
		return NULL;
	partition_moment(daemon->partition, &now);
	asked = xcalloc(1, sizeof *asked);
	*asked = (struct asked){ .world = world, .id = run_id_make(now.wall_ms, 0, &world->rng),
		.number = world->n_asked, .logged_at = -1, .unlogged_at = -1 };
	asked->wf = workflow_ref(world->flows[chance(world, world->n_flows)]);
	GROW(world->asked, world->n_asked, world->cap_asked);
	world->asked[world->n_asked++] = asked;
	world_trace(world, "run %s of %s asked of %s", asked->id.text, asked->wf->name,
	    daemon->name);
	if (asked->wf->n_tasks >= 200)
		world_count(world, TALLY_BIG);
	return asked;
}

void
people_submit(struct world *world, struct daemon *daemon, struct asked *asked)
{
	struct run_spec spec = { .params = "{}", .priority = (int)chance(world, 11) - 1,
		.id = asked->id, .wf = asked->wf };
	struct moment now;
	struct run *run;

	partition_moment(daemon->partition, &now);
	spec.submission = xcalloc(1, sizeof *spec.submission);
	spec.submission->key = xasprintf("key%zu hash", asked->number);
	if (engine_submit(partition_engine(daemon->partition), &now, &spec,
		partition_effects(daemon->partition), &run, NULL) < 0)
		world_fail(world, "a submission was refused");
}

static void
submit(struct world *world)
{
	struct daemon *daemon = people_serving(world);
	struct asked *asked = daemon ? people_want(world, daemon) : NULL;

	if (!asked)
		return;
	people_submit(world, daemon, asked);
	partition_mark(daemon->partition);
	partition_barrier(daemon->partition, on_accepted, asked);
	daemon_wake(daemon);
}

static struct run *
some_run(struct world *world, struct daemon *daemon)
{
	struct run *run = engine_first(partition_engine(daemon->partition));

	for (uint64_t i = chance(world, 5); run && i > 0; i--)
		run = run->hh.next;
	return run;
}

static void
cancel_some(struct world *world)
{
	struct daemon *daemon = people_serving(world);
	struct run *run = daemon ? some_run(world, daemon) : NULL;
	struct moment now;

	if (!run || !world->faults)
		return;
	world_trace(world, "run %s is cancelled", run->id.text);
	world_count(world, TALLY_RUN_CANCEL);
	partition_moment(daemon->partition, &now);
	(void)engine_cancel(partition_engine(daemon->partition), &now, run,
	    one_in(world, 3) ? INTENT_STOP : INTENT_CANCEL, partition_effects(daemon->partition),
	    NULL);
	partition_mark(daemon->partition);
	daemon_wake(daemon);
}

/* --- the table ------------------------------------------------------------------------- */

/* What people do, by how often. */
static const struct chance_row deeds[] = {
	{ 16, submit },
	{ 1, cancel_some },
	{ 2, control_cancel_task },
	{ 8, control_retry },
	{ 2, control_pause },
	{ 2, control_resume },
	{ 1, keeping_drop_letters },
	{ 1, keeping_purge },
	{ 3, passing_ask },
};

/* Loading all anew costs as much as there is: big worlds do it seldom. */
static void
compare_some(struct world *world)
{
	struct daemon *daemon = people_serving(world);

	if (world->redis_up && one_in(world, 4))
		check_letters(world);
	/* what somebody deleted, memory learns of only when a lease is over */
	if (!daemon || !commits_idle(daemon->partition) || world->harmed_at >= 0)
		return;
	if (one_in(world, 2 + engine_tasks_live(partition_engine(daemon->partition)) / 50))
		check_same_load(world, daemon);
}

static void
people(void *arg, uint64_t n)
{
	struct world *world = arg;

	(void)n;
	chance_draw(world, deeds, ARRAY_LEN(deeds));
	compare_some(world);
	if (world->faults)
		world_in(world, (int64_t)chance(world, 400), people, world, 0);
}

void
people_begin(struct world *world)
{
	people(world, 0);
	control_begin(world);
	loss_begin(world);
}

void
people_release(struct world *world)
{
	for (size_t i = 0; i < world->n_asked; i++) {
		workflow_unref(world->asked[i]->wf);
		free(world->asked[i]);
	}
	free(world->asked);
}
