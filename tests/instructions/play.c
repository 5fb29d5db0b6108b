/* SPDX-License-Identifier: MIT */
/* Turns of a reeved without Redis. */
#include "tests/instructions/play.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "model/load.h"
#include "store/commit_private.h"

static _Noreturn void
give_up(const char *what)
{
	(void)fprintf(stderr, "play: %s\n", what);
	exit(1);
}

static struct workflow *
load(const struct shape *shape)
{
	struct buf text = { 0 };
	struct faults faults = { 0 };
	struct workflow **list, *wf;
	size_t n;

	shape_add_yaml(shape, &text);
	if (workflow_load("play.yaml", text.data, text.len, NULL, &faults, &list, &n) < 0)
		give_up("a workflow is faulty");
	wf = workflow_ref(list[0]);
	workflow_list_free(list, n);
	faults_release(&faults);
	buf_release(&text);
	return wf;
}

void
play_init(struct play *play, const struct shape *flow, const struct shape *rest)
{
	static char ok[] = "OK";
	const struct type_limits limits = { .high_water = 4 * PLAY_BATCH };
	struct engine_config config;

	*play = (struct play){ .now = { 1000, 1700000000000 } };
	engine_config_defaults(&config);
	rng_init(&play->rng, 1);
	play->engine = engine_new(&config, &play->rng);
	store_init(&play->store, NULL, 0);
	engine_set_limits(play->engine, &play->now, SHAPE_AGENT, &limits, &play->effects);
	play->flow = load(flow);
	store_add_def(&play->store, play->flow->sha256);
	if (rest) {
		play->rest = load(rest);
		store_add_def(&play->store, play->rest->sha256);
	}
	play->answer = (struct redisReply){ .type = REDIS_REPLY_STRING, .str = ok, .len = 2 };
	play->ids = (struct redisReply){ .type = REDIS_REPLY_STRING };
	play->bad = (struct redisReply){ .type = REDIS_REPLY_STRING, .str = ok + 2 };
	play->parts[0] = &play->answer;
	play->parts[1] = &play->ids;
	play->parts[2] = &play->bad;
	play->reply = (struct redisReply){ .type = REDIS_REPLY_ARRAY,
		.elements = 3,
		.element = play->parts };
}

void
play_release(struct play *play)
{
	effects_release(&play->effects);
	engine_free(play->engine);
	store_release(&play->store);
	workflow_unref(play->flow);
	workflow_unref(play->rest);
	free(play->tickets);
	buf_release(&play->text);
}

static void
step(struct play *play, bool counting,
    void (*measured)(struct play *, void (*)(struct play *)), void (*fn)(struct play *))
{
	if (counting)
		measured(play, fn);
	else
		fn(play);
}

/* --- commits --- */

static void
build(struct play *play)
{
	const size_t *lens;
	int argc;

	play->commit = commit_build(
	    &play->store, &play->effects, &play->taken, play->now.wall_ms);
	if (play->commit)
		(void)commit_argv(play->commit, 1, 1, &argc, &lens);
}

static void
confirm(struct play *play)
{
	struct err err;

	if (commit_confirm(play->commit, &play->store, &play->reply, &err) < 0)
		give_up(err.text);
	commit_free(play->commit);
	if (play->taken == play->effects.len)
		play->effects.len = play->taken = 0;
}

/* What Redis would answer, and what the agents would read. */
static void
read_commit(struct play *play)
{
	buf_clear(&play->text);
	for (size_t i = 0; i < play->commit->n_ids; i++)
		buf_printf(
		    &play->text, "%s1-%zu", i ? " " : "", (size_t)++play->last_id);
	play->ids.str = play->text.len ? play->text.data : play->answer.str + 2; /* or "" */
	play->ids.len = play->text.len;
	for (size_t i = 0; i < commit_effects(play->commit); i++) {
		const struct effect *effect = commit_effect(play->commit, i);

		if (effect->kind != EFFECT_DISPATCH || effect->run->wf != play->flow)
			continue;
		GROW(play->tickets, play->n_tickets, play->cap_tickets);
		play->tickets[play->n_tickets++] = (struct ticket){ effect->run->id,
			play->flow->tasks[effect->task].id, effect->u.dispatch.token };
	}
}

static void
commit_all(struct play *play, bool counting)
{
	for (;;) {
		step(play, counting, measured_store, build);
		if (!play->commit)
			break;
		read_commit(play);
		step(play, counting, measured_store, confirm);
	}
}

/* --- the engine --- */

static void
submit(struct play *play, struct workflow *wf)
{
	struct run_spec spec = { .wf = wf, .params = "{}", .priority = -1 };
	struct run *run;
	struct err err;

	spec.id = run_id_make(play->now.wall_ms, 0, &play->rng);
	if (engine_submit(play->engine, &play->now, &spec, &play->effects, &run, &err) < 0)
		give_up(err.text);
	effects_mark(&play->effects, 0, 0);
}

static void
submit_some(struct play *play)
{
	for (size_t i = 0; i < PLAY_BATCH && play->to_submit > 0; i++, play->to_submit--)
		submit(play, play->flow);
}

static void
complete_some(struct play *play)
{
	size_t n = play->n_tickets < PLAY_BATCH ? play->n_tickets : PLAY_BATCH;

	for (size_t i = 0; i < n; i++) {
		const struct ticket *ticket = &play->tickets[i];
		const struct completion said = { .kind = COMPLETION_SUCCEEDED,
			.run = ticket->run.text,
			.task = ticket->task,
			.token = ticket->token,
			.exit_code = -1,
			.retryable = -1,
			.retry_after_ms = -1 };

		if (engine_complete(play->engine, &play->now, &said, &play->effects) !=
		    COMPLETION_APPLIED)
			give_up("a completion does not count");
		effects_mark(&play->effects, 2, ++play->last_id);
	}
	play->done += n;
}

static void
dispatch(struct play *play)
{
	(void)engine_tick(play->engine, &play->now, 1000, &play->effects);
	(void)engine_dispatch(play->engine, &play->now, COMMIT_CHANGES, &play->effects);
	(void)engine_next_timer(play->engine);
}

static void
drop_tickets(struct play *play, size_t n)
{
	play->n_tickets -= n;
	memmove(
	    play->tickets, play->tickets + n, play->n_tickets * sizeof *play->tickets);
}

static void
turn(struct play *play, bool counting)
{
	size_t before = play->done;

	play->now.mono_ms += 10;
	play->now.wall_ms += 10;
	step(play, counting, measured_engine, submit_some);
	step(play, counting, measured_engine, complete_some);
	drop_tickets(play, play->done - before);
	step(play, counting, measured_engine, dispatch);
	commit_all(play, counting);
}

void
play_on(struct play *play, size_t tasks, bool counting)
{
	size_t until = play->done + tasks;

	while (play->done < until) {
		size_t before = play->done;

		turn(play, counting);
		if (play->done == before && play->n_tickets == 0)
			give_up("nothing is left to do");
	}
}

void
play_fill(struct play *play, struct workflow *wf, size_t runs)
{
	for (size_t i = 0; i < runs; i++) {
		submit(play, wf);
		commit_all(play, false);
	}
}
