/* SPDX-License-Identifier: MIT */
/*
 * Runs tasks again: of a live run, or of an ended one that becomes live again.
 *
 *   choose ─▶ reset (pending again, or waiting for the last attempt to be settled)
 *          ─▶ what is kept is stored, if it only followed from the run's intent
 *          ─▶ unlock: ready, or skipped once more
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"
#include "engine/internal.h"

/* --- what runs again -------------------------------------------------------- */

/* Tasks in the order in which they were chosen. */
struct choice {
	uint32_t *tasks;
	size_t n;
	bool *chosen; /* by task */
};

static void
choice_init(struct choice *choice, const struct run *run)
{
	*choice = (struct choice){ .tasks = xcalloc(run->wf->n_tasks, sizeof *choice->tasks),
		.chosen = xcalloc(run->wf->n_tasks, sizeof *choice->chosen) };
}

static void
choice_release(struct choice *choice)
{
	free(choice->tasks);
	free(choice->chosen);
}

static void
choose(struct choice *choice, uint32_t task)
{
	if (choice->chosen[task])
		return;
	choice->chosen[task] = true;
	choice->tasks[choice->n++] = task;
}

/* What depends on the chosen ones: all of it, or what was skipped. */
static void
choose_dependents(struct choice *choice, const struct run *run, bool all)
{
	const struct plan *plan = run->plan;

	for (size_t k = 0; k < choice->n; k++) {
		uint32_t task = choice->tasks[k];

		for (uint32_t i = plan->out_start[task]; i < plan->out_start[task + 1]; i++) {
			uint32_t other = EDGE_TASK(plan->out[i]);

			if (all || run->tasks[other].state == TASK_SKIPPED)
				choose(choice, other);
		}
	}
}

/* `fail: stop` and `fail: cancel` end what has nothing to do with the failure, too. */
static bool
ended_by_failure(const struct run *run)
{
	return run->intent == INTENT_STOP || run->intent == INTENT_ABORT;
}

static void
choose_ended(struct choice *choice, const struct run *run, enum task_state state)
{
	for (uint32_t i = 0; i < run->wf->n_tasks; i++)
		if (run->tasks[i].state == state)
			choose(choice, i);
}

static void
choose_failed(struct choice *choice, const struct run *run, enum category category)
{
	for (uint32_t i = 0; i < run->wf->n_tasks; i++)
		if (run->tasks[i].state == TASK_FAILED &&
		    !run->wf->tasks[i].continue_on_error &&
		    (category == CATEGORY_NONE || run->tasks[i].last_category == category))
			choose(choice, i);
	if (category == CATEGORY_NONE)
		choose_ended(choice, run, TASK_CANCELLED);
}

static void
choose_all(struct choice *choice, const struct run *run, const struct rerun *what)
{
	bool failed;

	if (what->task != TASK_NONE)
		choose(choice, what->task);
	else
		choose_failed(choice, run, what->category);
	failed = choice->n > 0 && run->tasks[choice->tasks[0]].state == TASK_FAILED;
	if (failed && ended_by_failure(run)) {
		choose_ended(choice, run, TASK_CANCELLED);
		choose_ended(choice, run, TASK_SKIPPED);
	}
	choose_dependents(choice, run, what->downstream);
}

/* --- whether it may ----------------------------------------------------------- */

static int
check_needs(const struct run *run, uint32_t t, struct err *err)
{
	const struct task_def *def = &run->wf->tasks[t];

	for (uint32_t i = 0; i < def->n_needs; i++) {
		uint32_t needed = def->needs[i].task;
		enum task_state state = (enum task_state)run->tasks[needed].state;

		if (task_state_ended(state) && !need_is_met(run, &def->needs[i]))
			return err_set(err, ERR_CONFLICT,
			    "task \"%s\" cannot run: it needs \"%s\", which is %s: retry that "
			    "one, with all that depends on it",
			    def->id, run->wf->tasks[needed].id, task_state_name(state));
	}
	return 0;
}

static int
check_task(const struct run *run, const struct rerun *what, struct err *err)
{
	enum task_state state = (enum task_state)run->tasks[what->task].state;
	const char *id = run->wf->tasks[what->task].id;

	if (!task_state_ended(state))
		return err_set(err, ERR_CONFLICT, "task \"%s\" has not ended: it is %s", id,
		    task_state_name(state));
	if (state == TASK_SUCCEEDED && !what->downstream)
		return err_set(err, ERR_CONFLICT,
		    "task \"%s\" has succeeded: it runs again only with all that depends on it "
		    "(downstream)", id);
	return check_needs(run, what->task, err);
}

static int
check_choice(const struct run *run, const struct choice *choice, const struct rerun *what,
    struct err *err)
{
	if (what->task != TASK_NONE)
		return check_task(run, what, err);
	if (choice->n > 0)
		return 0;
	if (what->category != CATEGORY_NONE)
		return err_set(err, ERR_CONFLICT, "no task of run \"%s\" has failed by \"%s\"",
		    run->id.text, category_name(what->category));
	return err_set(err, ERR_CONFLICT,
	    "nothing of run \"%s\" has failed or was cancelled: the run is %s", run->id.text,
	    run_state_name((enum run_state)run->state));
}

int
engine_rerun_plan(struct engine *engine, const struct run *run, const struct rerun *what,
    uint32_t **ret_tasks, size_t *ret_n, struct err *err)
{
	struct choice choice;
	int rc;

	(void)engine;
	choice_init(&choice, run);
	choose_all(&choice, run, what);
	rc = check_choice(run, &choice, what, err);
	if (rc == 0) {
		*ret_tasks = choice.tasks;
		*ret_n = choice.n;
		choice.tasks = NULL;
	}
	choice_release(&choice);
	return rc;
}

/* --- as a word of the run's record ---------------------------------------------- */

/* a, a:CATEGORY: all that failed; t3: task 3; d3: with what depends on it. */
static char *
rerun_format(const struct rerun *what)
{
	if (what->task != TASK_NONE)
		return xasprintf("%c%u", what->downstream ? 'd' : 't', what->task);
	return what->category == CATEGORY_NONE
	    ? xstrdup("a")
	    : xasprintf("a:%s", category_name(what->category));
}

static bool
rerun_parse(const char *text, uint32_t n_tasks, struct rerun *ret_what)
{
	struct rerun what = { .task = TASK_NONE, .downstream = text[0] == 'd' };
	int64_t task;

	if (text[0] == 'a') {
		if (text[1] && !category_parse(text + 2, strlen(text + 2), &what.category))
			return false;
	} else {
		if (!str_to_i64(text + 1, 0, (int64_t)n_tasks - 1, &task))
			return false;
		what.task = (uint32_t)task;
	}
	*ret_what = what;
	return true;
}

/* --- resetting ---------------------------------------------------------------------- */

static void
close_letter(struct turn *turn, struct run *run, uint32_t t)
{
	effects_add(turn->effects, EFFECT_DEAD_CLOSED, run, t)->u.closed.as =
	    xstrdup(run->id.text);
}

/* + or -: boosted or not; eLENGTH:MEMBERS, its env; b and its body: what there is of them. */
static char *
given_format(const struct task_texts *texts)
{
	struct buf text = { 0 };

	if (!texts || (!texts->boosted && !texts->body))
		return NULL;
	buf_addc(&text, texts->boosted ? '+' : '-');
	if (texts->env)
		buf_printf(&text, "e%zu:%s", strlen(texts->env), texts->env);
	if (texts->body) {
		buf_addc(&text, 'b');
		buf_add(&text, texts->body, texts->body_len);
	}
	return buf_steal(&text);
}

/* Takes "eLENGTH:MEMBERS" off the front; false: it is not that. */
static bool
load_env(struct task *task, const char **at, const char *end)
{
	const char *number = *at + 1;
	const char *colon = memchr(number, ':', (size_t)(end - number));
	char digits[12] = "";
	int64_t len = 0;

	if (!colon || (size_t)(colon - number) >= sizeof digits)
		return false;
	memcpy(digits, number, (size_t)(colon - number));
	if (!str_to_i64(digits, 0, end - colon - 1, &len))
		return false;
	task_set_env(task, colon + 1, (size_t)len);
	*at = colon + 1 + len;
	return true;
}

bool
engine_load_given(struct engine *engine, struct run *run, uint32_t t, const char *text,
    size_t len)
{
	struct task *task = &run->tasks[t];
	const char *at = text + 1, *end = text + len;

	if (len == 0 || (text[0] != '+' && text[0] != '-'))
		return false;
	if (text[0] == '+') {
		task_texts(task)->boosted = true;
		run_make_boosted(engine, run);
	}
	if (at < end && *at == 'e' && !load_env(task, &at, end))
		return false;
	if (at < end && *at == 'b')
		task_set_body(task, at + 1, (size_t)(end - at - 1));
	return at == end || *at == 'b';
}

/* What was stored of an earlier success counts no more. */
static void
store_reset(struct turn *turn, struct run *run, uint32_t t, bool succeeded)
{
	struct effect *effect = turn_add_task(turn, run, t);

	effect->u.task.given = given_format(run->tasks[t].texts);
	if (succeeded)
		effect->u.task.outputs = xstrdup("");
}

static void
reset_task(struct turn *turn, struct run *run, uint32_t t)
{
	struct task *task = &run->tasks[t];
	enum task_state from = (enum task_state)task->state;

	if (from == TASK_PENDING)
		return;
	if (!task_state_ended(from))
		task_cancel(turn, run, t);
	else
		task_hold_reads(run, t);
	if (from == TASK_FAILED && !run->wf->tasks[t].continue_on_error) {
		run->broken--;
		close_letter(turn, run, t);
	}
	outputs_drop(turn->engine, task);
	task->stored = 0;
	task->failures = 0;
	task->last_category = CATEGORY_NONE;
	task->timed_out = TIME_OUT_NONE;
	task->ready_ms = task->queued_ms = task->started_ms = task->finished_ms = -1;
	task_set_state(run, t, TASK_PENDING, turn->now);
	store_reset(turn, run, t, from == TASK_SUCCEEDED);
}

/* Without the run's intent nothing says any more how this one ended. */
static void
keep_task(struct turn *turn, struct run *run, uint32_t t)
{
	enum task_state state = (enum task_state)run->tasks[t].state;

	if (state == TASK_CANCELLED || state == TASK_SKIPPED)
		turn_add_task(turn, run, t)->u.task.quiet = true;
}

static void
slice(struct turn *turn, size_t *marked)
{
	if (turn->effects->len - *marked < SLICE)
		return;
	effects_mark(turn->effects, 0, 0);
	*marked = turn->effects->len;
}

static void
reset_all(struct turn *turn, struct run *run, const struct choice *choice, size_t marked)
{
	fetches_outdate(turn->engine, run);
	for (size_t i = 0; i < choice->n; i++) {
		reset_task(turn, run, choice->tasks[i]);
		slice(turn, &marked);
	}
	for (uint32_t i = 0; run->intent != INTENT_NONE && i < run->wf->n_tasks; i++) {
		if (choice->chosen[i])
			continue;
		keep_task(turn, run, i);
		slice(turn, &marked);
	}
}

/* Attempts of before that an agent still holds take up places in the run. */
static void
hold_attempts(struct engine *engine, struct run *run)
{
	for (uint32_t i = 0; i < run->wf->n_tasks; i++) {
		struct attempt *attempt = attempt_held(engine, run, i);

		if (attempt)
			attempt_hold(attempt, run, i);
	}
}

/* --- going on -------------------------------------------------------------------------- */

/* How many needs have not ended; *ret_doomed: one has, but not as asked. */
static uint32_t
count_blocked(const struct run *run, uint32_t t, bool *ret_doomed)
{
	const struct task_def *def = &run->wf->tasks[t];
	uint32_t blocked = 0;

	*ret_doomed = false;
	for (uint32_t i = 0; i < def->n_needs; i++) {
		if (!task_state_ended((enum task_state)run->tasks[def->needs[i].task].state))
			blocked++;
		else if (!need_is_met(run, &def->needs[i]))
			*ret_doomed = true;
	}
	return blocked;
}

/*
 * Ready, not handed out since it was last pending, but what it needs runs again: it waits
 * for that.  One that was handed out, or has waited, is stored as such, and stays.
 */
static void
unready(struct turn *turn, struct run *run, uint32_t t)
{
	const struct task *task = &run->tasks[t];
	bool doomed;

	if (task->state != TASK_READY || task->waited || task->queued_ms >= 0 ||
	    count_blocked(run, t, &doomed) == 0)
		return;
	task_disarm(turn->engine, run, t);
	lane_remove(task_lane(run, t), t);
	task_set_state(run, t, TASK_PENDING, turn->now);
	run->tasks[t].ready_ms = -1;
}

/* All of them before the first one unlocks others: none may be ready meanwhile. */
static void
skip_doomed(struct turn *turn, struct run *run, const bool *doomed)
{
	uint32_t list = TASK_NONE;

	for (uint32_t i = run->wf->n_tasks; i-- > 0;) {
		if (!doomed[i])
			continue;
		task_skip(turn, run, i, TASK_NONE);
		run->tasks[i].next = list;
		list = i;
	}
	if (list != TASK_NONE)
		tasks_unlock(turn, run, list);
}

/* Counts first: what is skipped then unlocks others by the usual way. */
static void
unlock_all(struct turn *turn, struct run *run)
{
	uint32_t n = run->wf->n_tasks;
	bool *doomed = xcalloc(n, sizeof *doomed);

	for (uint32_t i = 0; i < n; i++)
		unready(turn, run, i);
	for (uint32_t i = 0; i < n; i++) {
		if (run->tasks[i].state != TASK_PENDING)
			continue;
		run->tasks[i].blocked = count_blocked(run, i, &doomed[i]);
		if (attempt_held(turn->engine, run, i))
			run->tasks[i].blocked++;
	}
	skip_doomed(turn, run, doomed);
	for (uint32_t i = 0; i < n; i++)
		if (run->tasks[i].state == TASK_PENDING && run->tasks[i].blocked == 0)
			task_make_ready(turn, run, i);
	free(doomed);
}

/* The run is a live one again, with its time starting anew. */
static void
revive(struct turn *turn, struct run *run)
{
	struct engine *engine = turn->engine;

	for (uint32_t i = 0; i < run->wf->n_tasks; i++)
		if (run->tasks[i].texts && run->tasks[i].texts->boosted)
			run_make_boosted(engine, run);
	run->state = run->started_ms > 0 ? RUN_RUNNING : RUN_QUEUED;
	run->finished_ms = 0;
	run->paused_ms = 0;
	run_lift_budget(run);
	run->reopened_ms = turn->now->wall_ms;
	free(run->meta);
	run->meta = NULL;
	if (run->wf->timeout_ms > 0)
		heap_set(&engine->heap, run, TASK_NONE,
		    turn->now->mono_ms + run->wf->timeout_ms);
}

static void
forget_error(struct run *run)
{
	if (run->broken > 0)
		return;
	free(run->error);
	run->error = NULL;
}

/* opened: how the first record is told; slices: more than fits one event. */
static void
reopen(struct turn *turn, struct run *run, const struct rerun *what,
    const struct choice *choice, enum effect_kind opened)
{
	bool slices = run->reopening || choice->n > SLICE ||
	    (run->intent != INTENT_NONE && run->wf->n_tasks > SLICE);
	enum run_intent intent = (enum run_intent)run->intent;
	size_t marked = turn->effects->len;

	run_ref(run);
	if (slices && !run->reopening)
		run->reopening = rerun_format(what);
	if (!slices)
		run->intent = INTENT_NONE;
	turn_add_run(turn, opened, run);
	run->intent = (uint8_t)intent;
	hold_attempts(turn->engine, run);
	reset_all(turn, run, choice, marked);
	run->intent = INTENT_NONE;
	free(run->reopening);
	run->reopening = NULL;
	forget_error(run);
	run->version++;
	unlock_all(turn, run);
	if (slices)
		turn_add_run(turn, EFFECT_RUN_UPDATE, run);
	lanes_unpark(run);
	run_check_end(turn, run);
	run_unref(run);
}

/* Stored with the first record of the task, so that a crash does not lose it. */
void
task_give(struct engine *engine, struct run *run, uint32_t t, bool boost, const char *body,
    size_t body_len)
{
	run->given |= boost || body;
	if (boost) {
		task_texts(&run->tasks[t])->boosted = true;
		run_make_boosted(engine, run);
	}
	if (body)
		task_set_body(&run->tasks[t], body, body_len);
}

char *
task_given(const struct task *task)
{
	return given_format(task->texts);
}

void
turn_add_given(struct turn *turn, struct run *run, uint32_t t)
{
	struct effect *effect = turn_add_task(turn, run, t);

	effect->u.task.record.state = TASK_PENDING; /* ready follows from it */
	effect->u.task.record.ready_ms = -1;
	effect->u.task.given = given_format(run->tasks[t].texts);
	effect->u.task.quiet = true;
}

int
engine_rerun(struct engine *engine, const struct moment *now, struct run *run,
    const struct rerun *what, struct effects *effects, size_t *ret_n, struct err *err)
{
	bool ended = run_state_ended((enum run_state)run->state);
	struct choice choice;
	struct turn turn;
	int rc;

	if (ended && (rc = engine_check_room(engine, run->wf->n_tasks, err)) < 0)
		return rc;
	turn_begin(&turn, engine, now, effects);
	choice_init(&choice, run);
	if (ended)
		run_attach(engine, run_ref(run));
	choose_all(&choice, run, what);
	rc = check_choice(run, &choice, what, err);
	if (ended && rc < 0)
		run_detach(engine, run);
	if (rc < 0)
		goto out;
	if (ended)
		revive(&turn, run);
	if (what->task != TASK_NONE)
		task_give(engine, run, what->task, what->boost, what->body, what->body_len);
	reopen(&turn, run, what, &choice, ended ? EFFECT_RUN_OPEN : EFFECT_RUN_UPDATE);
	*ret_n = choice.n;
out:
	choice_release(&choice);
	turn_end(&turn);
	return rc;
}

void
run_resume_reopening(struct turn *turn, struct run *run)
{
	struct rerun what = { .task = TASK_NONE };
	struct choice choice;

	choice_init(&choice, run);
	if (rerun_parse(run->reopening, run->wf->n_tasks, &what))
		choose_all(&choice, run, &what);
	reopen(turn, run, &what, &choice, EFFECT_RUN_UPDATE);
	choice_release(&choice);
}

void
engine_take(struct engine *engine, struct run *run)
{
	run_detach(engine, run);
}
