/* SPDX-License-Identifier: MIT */
/* Tells what a live task waits for, with the numbers and the command that mends it. */
#include "orchestrator/waiting.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "orchestrator/view.h"

#define NEEDS_NAMED 5 /* of many dependencies */

static struct waiting
waits(const char *kind, char *detail)
{
	return (struct waiting){ .kind = kind, .detail = detail };
}

/* The first dependencies that have not ended, each with its state. */
static struct waiting
for_needs(const struct run *run, uint32_t task)
{
	const struct task_def *def = &run->wf->tasks[task];
	struct buf text = { 0 };
	unsigned n = 0;

	for (uint32_t i = 0; i < def->n_needs; i++) {
		const struct task *need = &run->tasks[def->needs[i].task];

		if (task_state_ended((enum task_state)need->state) || ++n > NEEDS_NAMED)
			continue;
		buf_adds(&text, n > 1 ? ", " : "");
		buf_adds(&text, run->wf->tasks[def->needs[i].task].id);
	}
	if (n > NEEDS_NAMED)
		buf_printf(&text, " and %u more", n - NEEDS_NAMED);
	return waits("dependency", buf_steal(&text));
}

static int64_t
wall_of(const struct view_context *context, int64_t mono_ms)
{
	int64_t left = mono_ms == INT64_MAX ? 0 : mono_ms - context->now.mono_ms;

	return context->now.wall_ms + (left > 0 ? left : 0);
}

/* what: "agent type" or "pool"; until: mono_ms. */
static struct waiting
for_provider(const char *what, const char *name, int64_t until,
    const struct view_context *context)
{
	struct waiting waiting = waits("throttled",
	    xasprintf("a provider's limit: nothing is handed to %s %s", what, name));

	waiting.until_ms = wall_of(context, until);
	return waiting;
}

#define RELOAD "kill -HUP $(pidof reeved)"
#define HOLDERS_NAMED 3

struct holders {
	struct buf text;
	unsigned n;
};

static void
name_holder(void *arg, const struct run *run, uint32_t task, uint32_t units)
{
	struct holders *holders = arg;

	if (++holders->n > HOLDERS_NAMED)
		return;
	buf_adds(&holders->text, holders->n > 1 ? ", " : "");
	if (run)
		buf_printf(&holders->text, "%s/%s", run->id.text, run->wf->tasks[task].id);
	else
		buf_adds(&holders->text, "a task of an ended run");
	if (units > 1)
		buf_printf(&holders->text, " with %u", units);
}

/* "held by RUN/TASK with 4, RUN/TASK and 2 more" */
static char *
name_holders(const struct view_context *context, const struct pool *pool)
{
	struct holders holders = { 0 };
	char *text;

	engine_pool_holders(context->engine, pool, name_holder, &holders);
	if (holders.n == 0)
		return xstrdup("held in other partitions");
	if (holders.n > HOLDERS_NAMED)
		buf_printf(&holders.text, " and %u more", holders.n - HOLDERS_NAMED);
	text = xasprintf("held by %s", buf_text(&holders.text));
	buf_release(&holders.text);
	return text;
}

static struct waiting
for_units(const struct run *run, uint32_t task, const struct pool *pool,
    const struct pool_view *view, const struct view_context *context)
{
	char *holders = name_holders(context, pool);
	struct waiting waiting = waits("pool",
	    xasprintf("%u of the units of pool %s: %u of %u are in use, %u tasks wait for it; %s; "
	              "raise pools.%s.units and reload if it may have more",
	        run->wf->tasks[task].units, pool_name(pool), view->in_use, view->units, view->ready,
	        holders, pool_name(pool)));

	waiting.command = xstrdup(RELOAD);
	free(holders);
	return waiting;
}

static struct waiting
for_token(const struct pool *pool, const struct pool_view *view,
    const struct view_context *context)
{
	struct waiting waiting = waits("pool",
	    xasprintf("a start of pool %s: %.6g a second, %.6g are free, %u tasks wait for it; raise "
	              "pools.%s.per_second and reload if it may have more",
	        pool_name(pool), view->per_second, view->tokens, view->ready, pool_name(pool)));

	waiting.until_ms = wall_of(context, view->dry_until);
	waiting.command = xstrdup(RELOAD);
	return waiting;
}

/* Whether it is the pool that holds the task up. */
static bool
is_pooled(const struct run *run, uint32_t task, const struct view_context *context,
    struct waiting *ret_waiting)
{
	const struct pool *pool = engine_task_pool(run, task);
	struct pool_view view;

	if (!pool)
		return false;
	pool_look(pool, &context->now, &view);
	if (!view.known) {
		*ret_waiting = waits("pool", xasprintf("the configuration has no pool %s: add "
		    "pools.%s to it and reload", pool_name(pool), pool_name(pool)));
		ret_waiting->command = xstrdup(RELOAD);
	} else if (view.held_until > 0) {
		*ret_waiting = for_provider("pool", pool_name(pool), view.held_until, context);
	} else if (view.dry_until > 0) {
		*ret_waiting = for_token(pool, &view, context);
	} else if (view.wants > 0) {
		*ret_waiting = for_units(run, task, pool, &view, context);
	} else {
		return false;
	}
	return true;
}

static int64_t
later(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

static int64_t
pool_held(const struct pool *pool)
{
	struct pool_view view;

	pool_look(pool, &(struct moment){ 0 }, &view);
	return view.held_until;
}

/* Its own time is over, or its agent type's: the later one counts. */
static struct waiting
for_retry(const struct run *run, uint32_t t, const struct queue *queue,
    const struct view_context *context)
{
	const struct task *task = &run->tasks[t];
	int64_t due = engine_task_due(context->engine, run, t);
	const struct pool *pool = engine_task_pool(run, t);
	struct waiting waiting;

	if (task->last_category == CATEGORY_THROTTLED && pool)
		return for_provider("pool", pool_name(pool), later(due, pool_held(pool)), context);
	if (task->last_category == CATEGORY_THROTTLED)
		return for_provider("agent type", run->wf->tasks[t].agent,
		    later(due, queue ? queue_held_until(queue) : 0), context);
	waiting = waits("backoff",
	    xasprintf("attempt %u failed (%s); it is tried again", task->attempt,
	        category_name((enum category)task->last_category)));
	waiting.until_ms = wall_of(context, due);
	return waiting;
}

/* what: "the run", "workflow build"; name: as reeve resume takes it. */
static struct waiting
for_resume(char *what, char *name)
{
	struct waiting waiting =
	    waits("paused", xasprintf("%s is paused: nothing new starts", what));

	waiting.command = xasprintf("reeve resume %s", name);
	free(what);
	free(name);
	return waiting;
}

/* whose: "the run's"; name: as reeve resume takes it. */
static struct waiting
for_budget(const char *whose, const struct budget_def *def, const struct spend *spent,
    const char *name)
{
	char limit[SPEND_SIZE], used[SPEND_SIZE];
	struct waiting waiting = waits("budget",
	    xasprintf("%s budget of %s is used up (%s spent): %s", whose,
	        spend_format(&def->limit, &def->limit, limit),
	        spend_format(spent, &def->limit, used),
	        def->on_breach == BREACH_FAIL ? "what would start fails" : "nothing new starts"));

	waiting.command = xasprintf("reeve resume %s", name);
	return waiting;
}

static bool
is_over_budget(const struct run *run, uint32_t task, const struct view_context *context,
    struct waiting *ret_waiting)
{
	const struct budget *day = engine_budget(context->engine);
	const struct pool *pool = engine_task_pool(run, task);
	struct pool_view view = { 0 };
	char *name;

	if (pool)
		pool_look(pool, &context->now, &view);
	if (run->over) {
		*ret_waiting = for_budget("the run's", &run->wf->budget, &run->spent, run->id.text);
	} else if (day->over) {
		*ret_waiting = for_budget("the day's", &day->def, &day->spent, "budget");
		ret_waiting->until_ms = budget_ends_ms(day);
	} else if (view.budget.over) {
		name = xasprintf("pool:%s", pool_name(pool));
		*ret_waiting = for_budget("the pool's", &view.budget.def, &view.budget.spent, name);
		ret_waiting->until_ms = budget_ends_ms(&view.budget);
		free(name);
	} else {
		return false;
	}
	return true;
}

static bool
is_paused(const struct run *run, uint32_t task, const struct queue *queue,
    struct waiting *ret_waiting)
{
	const char *type = run->wf->tasks[task].agent, *workflow = run->wf->name;

	if (run->paused_ms > 0)
		*ret_waiting = for_resume(xstrdup("the run"), xstrdup(run->id.text));
	else if (run->held)
		*ret_waiting = for_resume(xasprintf("workflow %s", workflow),
		    xasprintf("workflow:%s", workflow));
	else if (queue && queue_paused(queue))
		*ret_waiting =
		    for_resume(xasprintf("agent type %s", type), xasprintf("type:%s", type));
	else
		return false;
	return true;
}

/* Its needs are met, but not that its last attempt be gone. */
static bool
is_settling(const struct run *run, uint32_t task)
{
	const struct task_def *def = &run->wf->tasks[task];

	for (uint32_t i = 0; i < def->n_needs; i++)
		if (!task_state_ended((enum task_state)run->tasks[def->needs[i].task].state))
			return false;
	return run->tasks[task].attempt > 0;
}

static struct waiting
for_settling(void)
{
	return waits("settling",
	    xstrdup("the agent that holds its last attempt to let go of it"));
}

static struct waiting
for_circuit(const char *type, const struct queue *queue, const struct view_context *context)
{
	bool open = queue_circuit(queue) == BREAKER_OPEN;
	struct waiting waiting = waits("circuit",
	    xasprintf("the circuit of agent type %s is %s: %u attempts in a row failed, the last "
	              "by %s; %s", type, open ? "open" : "half-open",
	        queue_circuit_failures(queue), category_name(queue_circuit_cause(queue)),
	        open ? "nothing starts until one is tried" : "one is tried first"));

	if (open)
		waiting.until_ms = wall_of(context, queue_circuit_until(queue));
	waiting.command = xasprintf("reeve resume type:%s", type);
	return waiting;
}

static struct waiting
for_rate(const char *type, const struct queue *queue, const struct view_context *context)
{
	struct waiting waiting = waits("rate_limit",
	    xasprintf("the rate limit of agent type %s: %g starts a second now (%g configured), %u "
	              "tasks are ready for it", type, queue_rate(queue),
	        queue_rate_configured(queue), queue_ready(queue)));

	waiting.until_ms = wall_of(context, queue_dry_until(queue));
	return waiting;
}

static struct waiting
for_room(const struct run *run, uint32_t task, const struct queue *queue,
    const struct view_context *context)
{
	const char *type = run->wf->tasks[task].agent;
	struct waiting waiting;

	if (is_paused(run, task, queue, &waiting) || is_over_budget(run, task, context, &waiting))
		return waiting;
	if (run->tasks[task].outstanding)
		return for_settling();
	if (queue && queue_quarantined(queue)) {
		waiting = waits("bad_key",
		    xasprintf("the stream of agent type %s in Redis is not what it should be; "
		              "nothing is handed to it", type));
		waiting.command = xstrdup("reeve doctor");
		return waiting;
	}
	if (queue && queue_circuit(queue) != BREAKER_CLOSED)
		return for_circuit(type, queue, context);
	if (queue && queue_held_until(queue) > 0)
		return for_provider("agent type", type, queue_held_until(queue), context);
	if (is_pooled(run, task, context, &waiting))
		return waiting;
	if (run->outstanding + run->voids >= run->wf->max_parallel)
		return waits("max_parallel",
		    xasprintf("the run has %u of max_parallel %u tasks under way",
		        run->outstanding + run->voids, run->wf->max_parallel));
	if (queue && queue_dry_until(queue) > 0)
		return for_rate(type, queue, context);
	return waits("queue",
	    xasprintf("room in the stream of agent type %s: %u of %u places (its high water) are "
	              "taken, %u tasks are ready for it", type, queue ? queue_outstanding(queue) : 0,
	        queue ? queue_window(queue) : 0, queue ? queue_ready(queue) : 0));
}

static struct waiting
for_agent(const char *type, const struct queue *queue, const struct fleet *fleet)
{
	bool nobody = fleet && fleet_known(fleet) && !fleet_has(fleet, type);
	struct waiting waiting;

	if (!nobody)
		return waits("agent",
		    xasprintf("a free agent of type %s (%u tasks are with its agents or before "
		              "them)", type, queue ? queue_outstanding(queue) : 0));
	waiting = waits("agent",
	    xasprintf("no living agent of type %s: start one: reeve-agent --type %s -- COMMAND",
	        type, type));
	waiting.command = xasprintf("reeve-agent --type %s -- COMMAND", type);
	return waiting;
}

/* Not throttled, which has a time of its own. */
static void
add_limit(const struct run *run, uint32_t task, const struct view_context *context,
    struct waiting *waiting)
{
	int64_t due = engine_task_due(context->engine, run, task);
	char length[DURATION_SIZE], *detail;

	if (run->wf->tasks[task].queue_timeout_ms <= 0 || due == INT64_MAX || waiting->until_ms)
		return;
	waiting->until_ms = wall_of(context, due);
	detail = xasprintf("%s; given up after %s in all (queue_timeout)", waiting->detail,
	    duration_format(run->wf->tasks[task].queue_timeout_ms, length));
	free(waiting->detail);
	waiting->detail = detail;
}

bool
waiting_find(const struct run *run, uint32_t task, const struct view_context *context,
    struct waiting *ret_waiting)
{
	const char *type = run->wf->tasks[task].agent;
	const struct queue *queue;

	if (!context->engine)
		return false;
	queue = engine_queue_find(context->engine, type);
	switch ((enum task_state)run->tasks[task].state) {
	case TASK_PENDING:
		*ret_waiting =
		    is_settling(run, task) ? for_settling() : for_needs(run, task);
		return true;
	case TASK_READY:
		*ret_waiting = for_room(run, task, queue, context);
		add_limit(run, task, context, ret_waiting);
		return true;
	case TASK_QUEUED:
		*ret_waiting = for_agent(type, queue, context->fleet);
		add_limit(run, task, context, ret_waiting);
		return true;
	case TASK_WAITING:
		*ret_waiting = for_retry(run, task, queue, context);
		return true;
	case TASK_RUNNING:
	case TASK_SUCCEEDED:
	case TASK_FAILED:
	case TASK_SKIPPED:
	case TASK_CANCELLED:
	case TASK_STATE_COUNT:
		break;
	}
	return false;
}

void
waiting_release(struct waiting *waiting)
{
	free(waiting->detail);
	free(waiting->command);
}

json_t *
waiting_view(const struct run *run, uint32_t task, const struct view_context *context)
{
	struct waiting waiting;
	json_t *view;

	if (!waiting_find(run, task, context, &waiting))
		return json_null();
	view = json_pack("{s:s, s:s, s:o, s:s?}", "kind", waiting.kind, "detail", waiting.detail,
	    "until", view_time(waiting.until_ms), "command", waiting.command);
	waiting_release(&waiting);
	return view;
}
