/* SPDX-License-Identifier: MIT */
/* The turn of the event loop: cached time, deferred work, hooks, running. */
#include "loop/loop.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "loop/loop_private.h"

struct deferred {
	struct deferred *next;
	loop_fn *fn;
	void *arg;
};

/* A far turn end must come last, also behind prepare watchers of other libraries. */
static void
run_deferred(struct loop *loop)
{
	struct deferred *job = loop->deferred;

	loop->deferred = NULL;
	loop->deferred_tail = &loop->deferred;
	while (job) {
		struct deferred *next = job->next;

		job->fn(job->arg);
		free(job);
		job = next;
	}
}

static void
run_hooks(struct loop *loop, enum loop_hook_kind kind)
{
	struct loop_hook *hook = loop->hooks[kind];

	while (hook) {
		/* Kept in the loop, so that removing the next one can move it on. */
		loop->next_hook = hook->next;
		hook->fn(hook->arg);
		hook = loop->next_hook;
	}
	loop->next_hook = NULL;
}

static void
end_turn(struct ev_loop *ev, struct ev_prepare *watcher, int revents)
{
	struct loop *loop = ev_userdata(ev);

	(void)watcher;
	(void)revents;
	run_deferred(loop);
	run_hooks(loop, LOOP_GATHER);
	run_hooks(loop, LOOP_FLUSH);
	/* An active idle watcher keeps the poll from blocking. */
	if (loop->deferred)
		ev_idle_start(ev, &loop->idle);
	else
		ev_idle_stop(ev, &loop->idle);
}

static void
begin_turn(struct ev_loop *ev, struct ev_check *watcher, int revents)
{
	struct loop *loop = ev_userdata(ev);

	(void)watcher;
	(void)revents;
	loop->now_us = clock_mono_us();
}

static void
idle_nothing(struct ev_loop *ev, struct ev_idle *watcher, int revents)
{
	(void)ev;
	(void)watcher;
	(void)revents;
}

static void
ignore_sigpipe(void)
{
	struct sigaction action;

	memset(&action, 0, sizeof action);
	action.sa_handler = SIG_IGN;
	(void)sigaction(SIGPIPE, &action, NULL);
}

struct loop *
loop_new(struct err *err)
{
	struct ev_loop *ev = ev_loop_new(EVFLAG_AUTO | EVFLAG_NOENV);
	struct loop *loop;

	if (!ev) {
		err_set(err, ERR_FAILED, "cannot make an event loop: too many open files?");
		return NULL;
	}
	ignore_sigpipe();
	loop = xcalloc(1, sizeof *loop);
	loop->ev = ev;
	loop->deferred_tail = &loop->deferred;
	loop->now_us = clock_mono_us();
	rng_init(&loop->rng, 0);
	ev_set_userdata(ev, loop);
	ev_prepare_init(&loop->prepare, end_turn);
	ev_set_priority(&loop->prepare, EV_MINPRI);
	ev_prepare_start(ev, &loop->prepare);
	ev_check_init(&loop->check, begin_turn);
	ev_set_priority(&loop->check, EV_MAXPRI);
	ev_check_start(ev, &loop->check);
	ev_idle_init(&loop->idle, idle_nothing);
	/* These three alone must not keep ev_run() waiting for ever. */
	ev_unref(ev);
	ev_unref(ev);
	return loop;
}

void
loop_free(struct loop *loop)
{
	if (!loop)
		return;
	while (loop->deferred)
		run_deferred(loop);
	while (loop->hooks[LOOP_AT_FREE]) {
		struct loop_hook *hook = loop->hooks[LOOP_AT_FREE];

		loop_hook_remove(hook);
		hook->fn(hook->arg);
	}
	while (loop->deferred)
		run_deferred(loop);
	loop_signals_release(loop);
	ev_ref(loop->ev);
	ev_ref(loop->ev);
	ev_prepare_stop(loop->ev, &loop->prepare);
	ev_check_stop(loop->ev, &loop->check);
	ev_idle_stop(loop->ev, &loop->idle);
	ev_loop_destroy(loop->ev);
	free(loop);
}

struct ev_loop *
loop_ev(struct loop *loop)
{
	return loop->ev;
}

struct rng *
loop_rng(struct loop *loop)
{
	return &loop->rng;
}

int64_t
loop_now(const struct loop *loop)
{
	return loop->now_us;
}

void
loop_defer(struct loop *loop, loop_fn *fn, void *arg)
{
	struct deferred *job = xmalloc(sizeof *job);

	job->next = NULL;
	job->fn = fn;
	job->arg = arg;
	*loop->deferred_tail = job;
	loop->deferred_tail = &job->next;
}

/* ev_run() returns by itself when nothing is watched: an empty loop is still a loop. */
void
loop_run(struct loop *loop)
{
	loop->broken = false;
	ev_ref(loop->ev);
	while (!loop->broken)
		ev_run(loop->ev, 0);
	ev_unref(loop->ev);
}

void
loop_break(struct loop *loop)
{
	loop->broken = true;
	ev_break(loop->ev, EVBREAK_ALL);
}

static void
wake_nothing(void *arg)
{
	(void)arg;
}

bool
loop_run_until(struct loop *loop, bool (*done)(void *arg), void *arg, int64_t timeout_us)
{
	int64_t end_us = clock_mono_us() + timeout_us;
	struct loop_timer timer;

	loop->broken = false;
	loop_timer_init(&timer, loop, wake_nothing, NULL);
	while (!done(arg) && !loop->broken) {
		int64_t left = end_us - clock_mono_us();

		if (left <= 0)
			break;
		loop_timer_start(&timer, left);
		ev_run(loop->ev, EVRUN_ONCE);
	}
	loop_timer_stop(&timer);
	return done(arg);
}

void
loop_hook_add(struct loop *loop, struct loop_hook *hook, enum loop_hook_kind kind,
    loop_fn *fn, void *arg)
{
	struct loop_hook **last = &loop->hooks[kind];
	struct loop_hook *prev = NULL;

	for (; *last; last = &prev->next)
		prev = *last;
	*hook = (struct loop_hook){ fn, arg, loop, kind, prev, NULL };
	*last = hook;
}

void
loop_hook_remove(struct loop_hook *hook)
{
	struct loop *loop = hook->loop;

	if (!loop)
		return;
	if (loop->next_hook == hook)
		loop->next_hook = hook->next;
	if (hook->prev)
		hook->prev->next = hook->next;
	else
		loop->hooks[hook->kind] = hook->next;
	if (hook->next)
		hook->next->prev = hook->prev;
	hook->loop = NULL;
}
