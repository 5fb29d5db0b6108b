/* SPDX-License-Identifier: MIT */
/* Signals as events of the loop, and the phases of a life. */
#include <signal.h>

#include "loop/loop_private.h"

static void
on_stop(struct ev_loop *ev, struct ev_signal *watcher, int revents)
{
	(void)watcher;
	(void)revents;
	loop_stop(ev_userdata(ev));
}

static void
on_hup(struct ev_loop *ev, struct ev_signal *watcher, int revents)
{
	struct loop *loop = ev_userdata(ev);

	(void)watcher;
	(void)revents;
	if (loop->signal_fns.on_hup)
		loop->signal_fns.on_hup(loop->signal_fns.arg);
}

/* A watched signal alone is no reason to stay in ev_run(). */
static void
watch_signal(struct loop *loop, struct ev_signal *watcher, int number,
    void (*fn)(struct ev_loop *ev, struct ev_signal *watcher, int revents))
{
	ev_signal_init(watcher, fn, number);
	ev_signal_start(loop->ev, watcher);
	ev_unref(loop->ev);
}

static void
unwatch_signal(struct loop *loop, struct ev_signal *watcher)
{
	ev_ref(loop->ev);
	ev_signal_stop(loop->ev, watcher);
}

void
loop_watch_signals(struct loop *loop, const struct loop_signal_fns *fns)
{
	loop->signal_fns = *fns;
	if (loop->signals_on)
		return;
	loop->signals_on = true;
	watch_signal(loop, &loop->term, SIGTERM, on_stop);
	watch_signal(loop, &loop->intr, SIGINT, on_stop);
	watch_signal(loop, &loop->hup, SIGHUP, on_hup);
}

static void
on_chld(struct ev_loop *ev, struct ev_signal *watcher, int revents)
{
	struct loop *loop = ev_userdata(ev);

	(void)watcher;
	(void)revents;
	loop->on_child(loop->child_arg);
}

void
loop_watch_children(struct loop *loop, loop_fn *fn, void *arg)
{
	loop->on_child = fn;
	loop->child_arg = arg;
	if (loop->children_on)
		return;
	loop->children_on = true;
	watch_signal(loop, &loop->chld, SIGCHLD, on_chld);
}

void
loop_signals_release(struct loop *loop)
{
	if (loop->children_on)
		unwatch_signal(loop, &loop->chld);
	loop->children_on = false;
	if (!loop->signals_on)
		return;
	loop->signals_on = false;
	unwatch_signal(loop, &loop->term);
	unwatch_signal(loop, &loop->intr);
	unwatch_signal(loop, &loop->hup);
}

enum loop_phase
loop_phase(const struct loop *loop)
{
	return loop->phase;
}

void
loop_stop(struct loop *loop)
{
	if (loop->phase == LOOP_EXITING)
		return;
	loop->phase = loop->phase == LOOP_RUNNING ? LOOP_STOPPING : LOOP_EXITING;
	if (loop->signal_fns.on_phase)
		loop->signal_fns.on_phase(loop->signal_fns.arg, loop->phase);
	if (loop->phase == LOOP_EXITING)
		loop_break(loop);
}
