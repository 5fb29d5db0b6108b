/* SPDX-License-Identifier: MIT */
/*
 * Plays what is counted, one act after the other, and says for each how many tasks it
 * completed: instructions.sh runs it within callgrind.  Acts are given by name, or all.
 * Exits 77 where it was compiled without optimisation.
 */
#include <stdbool.h>
#include <string.h>

#include "base/mem.h"
#include "bench/shape.h"
#include "tests/instructions/play.h"

static const struct shape_kind rest_kind = { "rest", "play-rest", "", false, "rest" };
static const struct shape_kind flow_kind = { "flow", "play-flow", "", false, NULL };

/*
 * workload: a kind of bench/shape.h at a scale; counted from its submission to its end.
 * Else runs × tasks of one graph without needs, submitted ahead; when as many tasks are
 * done as there are runs, `counted` more are.  rest: what else lives, runs × tasks, half of them ready.
 */
static const struct act {
	const char *name;
	int workload; /* -1: none */
	double scale;
	size_t runs, tasks, counted;
	size_t rest_runs, rest_tasks;
} acts[] = {
	{ "W1", 0, 0.2, 0, 0, 0, 0, 0 },
	{ "W1b", 1, 0.5, 0, 0, 0, 0, 0 },
	{ "W3", 3, 0.5, 0, 0, 0, 0, 0 },
	{ "W4", 4, 0.5, 0, 0, 0, 0, 0 },
	{ "live-1000", -1, 0, 1, 6000, 3000, 1, 1000 },
	{ "live-1000000", -1, 0, 1, 6000, 3000, 100, 10000 },
	{ "idle-runs-1", -1, 0, 1, 6000, 3000, 1, 2 },
	{ "idle-runs-10000", -1, 0, 1, 6000, 3000, 10000, 2 },
	{ "runs-1000", -1, 0, 1000, 25, 3000, 0, 0 },
	{ "runs-10000", -1, 0, 10000, 25, 3000, 0, 0 },
};

static void
make_rest(const struct act *act, struct shape *shape)
{
	*shape = (struct shape){ .kind = &rest_kind,
		.runs = act->rest_runs,
		.tasks = act->rest_tasks };
	for (size_t i = (shape->tasks + 1) / 2; i < shape->tasks; i++)
		shape_need(shape, i, 0);
}

static void
make_flow(const struct act *act, struct shape *shape)
{
	if (act->workload >= 0)
		shape_init(shape, (size_t)act->workload, act->scale);
	else
		*shape = (struct shape){ .kind = &flow_kind,
			.runs = act->runs,
			.tasks = act->tasks };
}

static void
perform(const struct act *act)
{
	struct play *play = xcalloc(1, sizeof *play);
	struct shape flow, rest;
	size_t counted = act->counted;

	make_flow(act, &flow);
	make_rest(act, &rest);
	play_init(play, &flow, act->rest_runs ? &rest : NULL);
	play_fill(play, play->rest, act->rest_runs);
	if (act->workload >= 0) {
		play->to_submit = flow.runs;
		counted = shape_total(&flow);
	} else {
		play_fill(play, play->flow, flow.runs);
		play_on(play, flow.runs, false);
	}
	play->done = 0;
	play_on(play, counted, true);
	measured_end(act->name, play->done);
	play_release(play);
	shape_release(&flow);
	shape_release(&rest);
	free(play);
}

static bool
is_wanted(const char *name, char **names)
{
	bool found = *names == NULL;

	for (; *names && !found; names++)
		found = strcmp(*names, name) == 0;
	return found;
}

int
main(int argc, char **argv)
{
	(void)argc;
#ifndef __OPTIMIZE__
	return 77; /* these would be other instructions */
#endif
	for (size_t i = 0; i < ARRAY_LEN(acts); i++) {
		if (is_wanted(acts[i].name, argv + 1))
			perform(&acts[i]);
	}
	return 0;
}
