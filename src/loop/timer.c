/* SPDX-License-Identifier: MIT */
/* One-shot timers and readiness of descriptors over libev's watchers. */
#include "base/clock.h"
#include "loop/loop_private.h"

static void
on_timer(struct ev_loop *ev, struct ev_timer *watcher, int revents)
{
	struct loop_timer *timer = watcher->data;
	int64_t left = timer->due_us - clock_mono_us();

	(void)ev;
	(void)revents;
	/* libev counts from the time that it cached, which may be long ago. */
	if (left > 0)
		loop_timer_start(timer, left);
	else
		timer->fn(timer->arg);
}

void
loop_timer_init(struct loop_timer *timer, struct loop *loop, loop_fn *fn, void *arg)
{
	ev_timer_init(&timer->ev, on_timer, 0., 0.);
	timer->ev.data = timer;
	timer->loop = loop;
	timer->fn = fn;
	timer->arg = arg;
	timer->due_us = 0;
}

void
loop_timer_start(struct loop_timer *timer, int64_t after_us)
{
	if (after_us < 0)
		after_us = 0;
	ev_timer_stop(timer->loop->ev, &timer->ev);
	timer->due_us = clock_mono_us() + after_us;
	ev_timer_set(&timer->ev, (double)after_us / (double)CLOCK_S, 0.);
	ev_timer_start(timer->loop->ev, &timer->ev);
}

void
loop_timer_stop(struct loop_timer *timer)
{
	if (timer->loop)
		ev_timer_stop(timer->loop->ev, &timer->ev);
}

bool
loop_timer_active(const struct loop_timer *timer)
{
	return timer->ev.active != 0; /* ev_is_active() would cast const away */
}

static void
on_io(struct ev_loop *ev, struct ev_io *watcher, int revents)
{
	struct loop_io *io = watcher->data;

	(void)ev;
	io->fn(io->arg, revents & (LOOP_READ | LOOP_WRITE));
}

void
loop_io_init(struct loop_io *io, struct loop *loop, loop_io_fn *fn, void *arg)
{
	ev_io_init(&io->ev, on_io, -1, 0);
	io->ev.data = io;
	io->loop = loop;
	io->fn = fn;
	io->arg = arg;
}

void
loop_io_set(struct loop_io *io, int fd, int events)
{
	if (ev_is_active(&io->ev)) {
		if (io->ev.fd == fd && (io->ev.events & (LOOP_READ | LOOP_WRITE)) == events)
			return;
		ev_io_stop(io->loop->ev, &io->ev);
	}
	if (!events)
		return;
	ev_io_set(&io->ev, fd, events);
	ev_io_start(io->loop->ev, &io->ev);
}

void
loop_io_stop(struct loop_io *io)
{
	if (io->loop)
		ev_io_stop(io->loop->ev, &io->ev);
}
