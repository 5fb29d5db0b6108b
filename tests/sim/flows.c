/* SPDX-License-Identifier: MIT */
/* Random workflow definitions, written as YAML and read by the real loader. */
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "model/load.h"
#include "world.h"

static const char *
pick(struct world *world, const char *const *of, size_t n)
{
	return of[chance(world, n)];
}

static void
add_rules(struct world *world, struct buf *out)
{
	static const char *const rules[] = {
		"{on: [timeout, queue_timeout], max_attempts: 2}",
		"{exit_codes: [1], backoff: fixed, delay: 20ms}",
		"{on: [invalid_output], max_attempts: 1}",
		"{on: any, jitter: full}",
	};

	buf_printf(out, ", rules: [%s, %s]", pick(world, rules, 4), pick(world, rules, 4));
}

static void
add_retry(struct world *world, struct buf *out)
{
	static const char *const on[] = { "[failure, timeout]", "any", "[timeout]", "[exit]" };
	static const char *const backoffs[] = { "exponential", "linear", "fixed", "adaptive" };

	if (one_in(world, 3))
		return;
	buf_printf(out, "    retry: {max_attempts: %u, delay: %ums, on: %s, backoff: %s",
	    1 + (unsigned)chance(world, 4), 10 + (unsigned)chance(world, 3000), pick(world, on, 4),
	    pick(world, backoffs, 4));
	if (one_in(world, 3))
		add_rules(world, out);
	buf_adds(out, "}\n");
}

static void
add_timeouts(struct world *world, struct buf *out)
{
	static const struct {
		const char *name;
		unsigned one_in, shortest, spread;
	} times[] = {
		{ "timeout", 4, 50, 3000 },
		{ "queue_timeout", 4, 5, 800 },
		{ "total_timeout", 5, 100, 8000 },
	};

	for (size_t i = 0; i < sizeof times / sizeof *times; i++)
		if (one_in(world, times[i].one_in))
			buf_printf(out, "    %s: %ums\n", times[i].name,
			    times[i].shortest + (unsigned)chance(world, times[i].spread));
}

/* shape: 0 random graph, 1 chain, 2 fan-out and fan-in, 3 diamonds */
static bool
needs_it(struct world *world, unsigned shape, unsigned n, unsigned task, unsigned other)
{
	switch (shape) {
	case 1:
		return other + 1 == task;
	case 2:
		return other == 0 || (task + 1 == n && other > 0);
	case 3:
		return other + 1 == task - task % 3 || (task % 3 == 0 && other + 3 >= task);
	default:
		return chance(world, task) < 2;
	}
}

static void
add_needs(struct world *world, struct buf *out, unsigned shape, unsigned n, unsigned task,
    unsigned *ret_parent)
{
	static const char *const on[] = { "success", "success", "success", "success", "failure",
		"done", "skipped", "done" };
	bool first = true;

	*ret_parent = n;
	for (unsigned other = 0; other < task; other++) {
		if (!needs_it(world, shape, n, task, other))
			continue;
		buf_printf(out, "%s{task: t%u, on: %s}", first ? "    needs: [" : ", ", other,
		    pick(world, on, shape ? 5 : 8));
		first = false;
		*ret_parent = other;
	}
	if (!first)
		buf_adds(out, "]\n");
}

static void
add_task(struct world *world, struct buf *out, unsigned shape, unsigned n, unsigned task)
{
	unsigned parent;

	buf_printf(out, "  - id: t%u\n    agent: %s\n", task,
	    type_name((unsigned)chance(world, TYPES)));
	add_needs(world, out, shape, n, task, &parent);
	add_retry(world, out);
	add_timeouts(world, out);
	if (one_in(world, 4))
		buf_printf(out, "    priority: %u\n", (unsigned)chance(world, 10));
	pools_add(world, out);
	if (one_in(world, 5))
		buf_adds(out, "    continue_on_error: true\n");
	if (parent < n && one_in(world, 3))
		buf_printf(out, "    prompt: \"with ${{ tasks.t%u.outputs.k }}\"\n", parent);
	else if (one_in(world, 3))
		buf_adds(out, "    run: \"echo ${{ run.id }}\"\n");
	else if (one_in(world, 20))
		buf_printf(out, "    prompt: \"%0*d\"\n", 1 + (int)chance(world, 9000), 0);
}

struct workflow *
flow_random(struct world *world, size_t i)
{
	static const char *const fails[] = { "finish", "finish", "stop", "cancel" };
	bool big = world->shape.big && i == 0;
	unsigned n = big ? 200 + (unsigned)chance(world, 400)
	                 : 1 + (unsigned)chance(world, one_in(world, 6) ? 40 : 10);
	unsigned shape = big && one_in(world, 2) ? 2 : (unsigned)chance(world, 4);
	struct faults faults = { 0 };
	struct workflow **list = NULL, *wf;
	struct buf text = { 0 };
	size_t n_list = 0;

	buf_printf(&text, "name: flow%zu\non: manual\nfail: %s\n", i, pick(world, fails, 4));
	if (one_in(world, 3))
		buf_printf(&text, "max_parallel: %u\n", 1 + (unsigned)chance(world, 5));
	if (one_in(world, 5))
		buf_printf(&text, "timeout: %ums\n", 500 + (unsigned)chance(world, 20000));
	buf_adds(&text, "tasks:\n");
	for (unsigned task = 0; task < n; task++)
		add_task(world, &text, shape, n, task);
	if (workflow_load("sim.yaml", text.data, text.len, NULL, &faults, &list, &n_list) < 0 ||
	    n_list != 1)
		world_fail(world, "a definition was refused:\n%s", buf_text(&text));
	wf = workflow_ref(list[0]);
	workflow_list_free(list, n_list);
	faults_release(&faults);
	buf_release(&text);
	return wf;
}
