/* SPDX-License-Identifier: MIT */
/* Runs tasks again; an ended run is read back from Redis first. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "orchestrator/control.h"
#include "store/load.h"

/* One order under way. */
struct rerunning {
	struct orchestrator *orch;
	struct partition *p;
	unsigned generation;
	struct rerun_order order; /* its texts are own */
	char id[RUN_ID_SIZE];
	char *task, *body;
	struct engine *engine;    /* of its own: the ended run is derived in it */
	struct effects effects;
	struct run *run;
	bool held;                /* retention leaves it alone meanwhile */
	rerun_fn *fn;
	void *arg;
};

static void
rerunning_end(struct rerunning *r, struct run *run, const uint32_t *tasks, size_t n,
    const struct err *err)
{
	r->fn(r->arg, run, tasks, n, err);
	if (r->held)
		keep_let_go(partition_keep(r->p), r->id);
	effects_release(&r->effects);
	engine_free(r->engine);
	run_unref(r->run);
	free(r->task);
	free(r->body);
	free(r);
}

static void
refuse(struct rerunning *r, const struct err *err)
{
	rerunning_end(r, NULL, NULL, 0, err);
}

/* --- what is asked for, in the engine's words --------------------------------------- */

static int
check_letter(const struct rerun_order *order, const struct run *run, uint32_t t,
    struct err *err)
{
	const struct task *task = &run->tasks[t];

	if (!order->by_letter)
		return 0;
	if (task->state == TASK_FAILED && task->attempt == order->attempts)
		return 0;
	return err_set(err, ERR_CONFLICT,
	    "the dead letter was replayed before: task \"%s\" is %s, in attempt %u",
	    run->wf->tasks[t].id, task_state_name((enum task_state)task->state),
	    task->attempt);
}

static int
read_order(const struct rerun_order *order, const struct run *run, struct rerun *ret_what,
    struct err *err)
{
	struct rerun what = { .task = TASK_NONE,
		.downstream = order->downstream,
		.category = order->category,
		.boost = order->boost,
		.body = order->body,
		.body_len = order->body_len };
	int64_t task;

	if (order->task) {
		task = workflow_find(run->wf, order->task);
		if (task < 0)
			return err_set(err, ERR_NOT_FOUND, "run \"%s\" has no task \"%.80s\"",
			    run->id.text, order->task);
		if (check_letter(order, run, (uint32_t)task, err) < 0)
			return ERR_CONFLICT;
		what.task = (uint32_t)task;
	}
	*ret_what = what;
	return 0;
}

/* --- doing it ------------------------------------------------------------------------- */

/* The tasks first: they are what the engine would choose, and for the answer. */
static void
carry_out(struct rerunning *r, struct engine *engine, struct run *run)
{
	struct engine *live = partition_engine(r->p);
	uint32_t *tasks = NULL;
	struct err err = { 0 };
	struct rerun what;
	struct moment now;
	size_t n = 0;
	int rc;

	rc = read_order(&r->order, run, &what, &err);
	if (rc == 0)
		rc = engine_rerun_plan(engine, run, &what, &tasks, &n, &err);
	if (rc == 0 && !r->order.dry_run) {
		if (engine != live) {
			engine_take(engine, run);
			keep_taken_up(partition_keep(r->p), r->id);
		}
		orchestrator_moment(r->orch, &now);
		rc = engine_rerun(live, &now, run, &what, partition_effects(r->p), &n, &err);
	}
	rerunning_end(r, rc == 0 ? run : NULL, tasks, n, &err);
	free(tasks);
}

static void on_confirmed(void *arg, const struct err *err);

/* Somebody else took it up while it was read, and it has ended again. */
static void
read_again(struct rerunning *r)
{
	keep_let_go(partition_keep(r->p), r->id);
	r->held = false;
	effects_release(&r->effects);
	engine_free(r->engine);
	run_unref(r->run);
	r->engine = NULL;
	r->run = NULL;
	partition_barrier(r->p, on_confirmed, r);
}

static void
on_loaded(void *arg, const struct err *err, struct stream_id cursor)
{
	struct rerunning *r = arg;
	struct engine *engine = partition_engine(r->p);
	struct err why = *err;
	struct run *live;

	(void)cursor;
	if (why.code == 0 && (!engine || r->generation != partition_generation(r->p)))
		err_set(&why, ERR_UNAVAILABLE, "the state was just read again: ask again");
	live = why.code == 0 ? engine_find(engine, r->id) : NULL;
	if (why.code == 0 && !live && keep_is_stale(partition_keep(r->p), r->id)) {
		read_again(r);
		return;
	}
	if (why.code == 0 && !live && !r->run)
		err_set(&why, ERR_NOT_FOUND, "no run '%s'", r->id);
	else if (why.code == 0 && !live && !run_state_ended((enum run_state)r->run->state))
		err_set(&why, ERR_CONFLICT, "run '%s' is not as it should be in Redis: it is %s, "
		    "but not a live one; see the daemon's log", r->id,
		    run_state_name((enum run_state)r->run->state));
	else if (why.code == 0 && !live && r->run->open > 0)
		err_set(&why, ERR_CONFLICT, "run '%s' cannot run again: records of its tasks are "
		    "missing in Redis", r->id);
	if (why.code < 0)
		refuse(r, &why);
	else if (live)
		carry_out(r, engine, live);
	else
		carry_out(r, r->engine, r->run);
}

static void
on_bad(void *arg, const char *key, const char *what)
{
	(void)arg;
	(void)key;
	(void)what; /* the run is then not whole, and refused as that */
}

static void
on_now(void *arg, struct moment *ret_now)
{
	orchestrator_moment(((struct rerunning *)arg)->orch, ret_now);
}

static void
on_run(void *arg, struct run *run, const struct run_head *head)
{
	struct rerunning *r = arg;

	(void)head;
	r->run = run_ref(run);
}

/* What memory decided about the run's end is confirmed: Redis has it. */
static void
on_confirmed(void *arg, const struct err *err)
{
	struct rerunning *r = arg;
	const struct load_fns fns = { .done = on_loaded, .on_bad = on_bad, .now = on_now,
		.on_run = on_run, .arg = r };
	struct err away;

	if (err->code < 0) {
		refuse(r, err);
		return;
	}
	r->held = keep_hold(partition_keep(r->p), r->id);
	if (!r->held) {
		err_set(&away, ERR_CONFLICT, "run '%s' is just being removed (retention)", r->id);
		refuse(r, &away);
		return;
	}
	r->engine = engine_new(&r->orch->config.engine, &r->orch->rng);
	if (load_one(partition_store(r->p), r->engine, orchestrator_queries(r->orch), &r->effects,
		&fns, r->id))
		return;
	err_set(&away, ERR_UNAVAILABLE, "redis does not answer");
	refuse(r, &away);
}

void
control_rerun(struct orchestrator *orch, struct partition *p, const struct rerun_order *order,
    rerun_fn *fn, void *arg)
{
	struct rerunning *r = xcalloc(1, sizeof *r);
	struct engine *engine = partition_engine(p);
	struct run *live = engine ? engine_find(engine, order->run) : NULL;
	struct err err;

	*r = (struct rerunning){ .orch = orch, .p = p, .order = *order, .fn = fn, .arg = arg };
	r->generation = partition_generation(p);
	snprintf(r->id, sizeof r->id, "%s", order->run);
	r->order.run = r->id;
	r->order.task = r->task = order->task ? xstrdup(order->task) : NULL;
	r->order.body = r->body = order->body ? xstrndup(order->body, order->body_len) : NULL;
	if (!engine) {
		err_set(&err, ERR_UNAVAILABLE, "%s", partition_why(p));
		refuse(r, &err);
	} else if (live) {
		carry_out(r, engine, live);
	} else {
		partition_barrier(p, on_confirmed, r);
	}
}
