/* SPDX-License-Identifier: MIT */
/*
 * Stories for the engine's tests: a workflow as YAML, a script of what its agents
 * report, and the states as one letter a task, in file order:
 *
 *   P pending  r ready  q queued  R running  w waiting
 *   S succeeded  F failed  K skipped  C cancelled
 *
 * Script, words apart by blanks; ready tasks are handed out before each:
 *   a+ succeeds  a- exits 1  a-75 exits 75  a? times out by itself  a> starts  a~ throttled  a= handed back  a! agent lost
 *   a^ its entry is withdrawn  a_ it cannot be, an agent has it
 *   a% it is withdrawn, and the answer is lost
 *   @1500 so many ms pass  * a crash of the daemon
 *   x:a   a is cancelled   x: the run is
 *   t:a   a runs again     d:a with what depends on it  t: all that failed
 *   p:    the run is paused, u: and goes on
 */
#ifndef REEVE_TESTS_UNIT_ENGINE_SUPPORT_H
#define REEVE_TESTS_UNIT_ENGINE_SUPPORT_H

#include "model_support.h"

#include "engine_harness.h"

static inline struct stored_run *
start(struct harness *h, const char *yaml)
{
	struct workflow *wf = load_one(yaml);
	struct stored_run *run = harness_submit(h, wf, -1);

	workflow_unref(wf);
	return run;
}

static inline uint32_t
task_of(const struct stored_run *run, const char *id)
{
	int64_t task = workflow_find(run->wf, id);

	if (task < 0)
		fail_msg("no task %s", id);
	return (uint32_t)task;
}

/* 0, or why not. */
static inline int
operate(struct harness *h, struct stored_run *stored, char what, const char *id)
{
	struct run *run = engine_find(h->engine, stored->id.text);
	struct rerun again = { .task = *id ? task_of(stored, id) : TASK_NONE,
		.downstream = what == 'd' };
	size_t n;
	int rc;

	if (what == 't' || what == 'd')
		return harness_rerun(h, stored, &again, &n, NULL);
	assert_non_null(run);
	run_ref(run);
	if (what == 'x' && *id)
		rc = engine_cancel_task(h->engine, &h->now, run, again.task, &h->effects, NULL);
	else if (what == 'x')
		rc = engine_cancel(h->engine, &h->now, run, INTENT_CANCEL, &h->effects, NULL);
	else
		rc = engine_pause_run(h->engine, &h->now, run, what == 'p', &h->effects, NULL);
	run_unref(run);
	effects_mark(&h->effects, 0, 0);
	harness_apply(h);
	return rc;
}

static inline void
play_withdrawal(struct harness *h, struct stored_run *run, char *word)
{
	char sign = word[1];
	struct entry *entry;

	word[1] = '\0';
	if (sign != '%') {
		harness_withdrawn(h, run, task_of(run, word), sign == '^');
		return;
	}
	entry = harness_entry(h, run, task_of(run, word));
	assert_true(entry->withdraw);
	entry->gone = true;
	entry->open = false;
	h->n_open--;
}

static inline void
play_word(struct harness *h, struct stored_run *run, char *word)
{
	static const char signs[] = "+->~=!?";
	static const enum completion_kind kinds[] = { COMPLETION_SUCCEEDED, COMPLETION_FAILED,
		COMPLETION_STARTED, COMPLETION_THROTTLED, COMPLETION_RELEASED,
		COMPLETION_RELEASED, COMPLETION_FAILED };
	size_t len = strcspn(word, signs);
	char *last = word + len;
	const char *sign = *last ? strchr(signs, *last) : NULL;
	int code = sign && last[1] ? (int)strtol(last + 1, NULL, 10) : 1;
	struct completion said;

	if (strpbrk(word, "^_%")) {
		play_withdrawal(h, run, word);
		return;
	}
	if (*word == '@') {
		harness_advance(h, strtol(word + 1, NULL, 10));
		return;
	}
	if (*word == '*') {
		harness_reload(h);
		return;
	}
	if (word[1] == ':') {
		assert_int_equal(operate(h, run, *word, word + 2), 0);
		return;
	}
	if (!sign)
		fail_msg("no such word: %s", word);
	*last = '\0';
	said = harness_report(harness_entry(h, run, task_of(run, word)), kinds[sign - signs]);
	said.category = *sign == '-' ? CATEGORY_EXIT
	    : *sign == '!'           ? CATEGORY_LOST
	    : *sign == '?'           ? CATEGORY_TIMEOUT
	                             : CATEGORY_NONE;
	said.exit_code = *sign == '-' ? code : -1;
	assert_int_equal(harness_tell(h, &said), COMPLETION_APPLIED);
}

static inline void
play(struct harness *h, struct stored_run *run, const char *script)
{
	char *copy = xstrdup(script), *rest = NULL;

	for (char *word = strtok_r(copy, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
		harness_dispatch(h);
		play_word(h, run, word);
		harness_check(h);
	}
	harness_dispatch(h);
	free(copy);
}

/* Into a buffer of the caller's. */
static inline const char *
letters(const struct run *run, char *out)
{
	for (uint32_t i = 0; i < run->wf->n_tasks; i++)
		out[i] = "PrqRwSFKC"[run->tasks[i].state];
	out[run->wf->n_tasks] = '\0';
	return out;
}

/* What a whole story comes to. */
struct story {
	const char *name, *yaml, *script;
	const char *states;
	enum run_state end; /* RUN_QUEUED: not ended */
	unsigned dead;
	const char *error; /* NULL: none */
};

static inline void
check_story(const struct story *story)
{
	struct stored_run *stored;
	struct harness h;
	char now[64];

	print_message("# %s\n", story->name);
	harness_init(&h, 7);
	stored = start(&h, story->yaml);
	play(&h, stored, story->script);
	assert_string_equal(letters(stored->run, now), story->states);
	assert_int_equal(stored->live, story->end == RUN_QUEUED);
	if (!stored->live)
		assert_int_equal(stored->record.state, story->end);
	assert_int_equal(h.dead, story->dead);
	if (story->error)
		assert_string_equal(stored->error ? stored->error : "", story->error);
	else
		assert_null(stored->error);
	harness_release(&h);
}

static inline void
check_stories(const struct story *stories, size_t n)
{
	for (size_t i = 0; i < n; i++)
		check_story(&stories[i]);
}

#endif
