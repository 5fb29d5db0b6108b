/* SPDX-License-Identifier: MIT */
/*
 * The event loop: one turn polls, runs what became ready, then ends.
 *
 *   poll -> callbacks (io, timers, signals) -> end of turn -> poll ...
 *                                              |
 *                              deferred work, GATHER hooks, FLUSH hooks
 *
 * At the end of a turn all work deferred so far runs first, then the hooks: GATHER
 * hooks turn what the turn brought into commands, FLUSH hooks write what is queued.
 * Work deferred by a hook or by deferred work makes the next turn start at once.
 *
 * Each struct loop has an ev_loop of its own, never libev's default one: the default
 * loop takes over SIGCHLD and reaps every child of the process, also those of others.
 * We reap by pidfd (loop/child.h), so nothing here needs the default loop, and a test
 * may have many loops in turn.
 *
 * All functions belong to the thread that runs the loop.
 */
#ifndef REEVE_LOOP_LOOP_H
#define REEVE_LOOP_LOOP_H

#include <ev.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/rand.h"

struct loop;

/*
 * RUNNING -(SIGTERM, SIGINT or loop_stop)-> STOPPING -(a second one)-> EXITING.
 * Entering EXITING also breaks the loop; in STOPPING the program finishes its work and
 * calls loop_break() itself.
 */
enum loop_phase { LOOP_RUNNING, LOOP_STOPPING, LOOP_EXITING };

typedef void loop_fn(void *arg);

/* NULL: the kernel gave no loop.  Ignores SIGPIPE for the whole process. */
struct loop *loop_new(struct err *err);
/* Runs what is still deferred, then the at-free hooks.  NULL is allowed. */
void loop_free(struct loop *loop);

struct ev_loop *loop_ev(struct loop *loop); /* for libraries that bring their own watchers */
struct rng *loop_rng(struct loop *loop);    /* chance for jitter; never for tests of logic */

/* Monotonic microseconds, read once a turn, when the poll returns. */
int64_t loop_now(const struct loop *loop);

void loop_run(struct loop *loop);   /* until loop_break() */
void loop_break(struct loop *loop); /* ends loop_run() after this turn */

/*
 * Runs turns until done(arg), loop_break() or timeout_us.  Returns done(arg).  For
 * programs without a life of their own (CLI, tests).
 */
bool loop_run_until(struct loop *loop, bool (*done)(void *arg), void *arg,
    int64_t timeout_us);

/* Calls fn(arg) at the end of the turn, in the order of the calls. */
void loop_defer(struct loop *loop, loop_fn *fn, void *arg);

/* --- hooks: embedded in their owner; remove before the owner is freed --- */

enum loop_hook_kind { LOOP_GATHER, LOOP_FLUSH, LOOP_AT_FREE };

struct loop_hook {
	loop_fn *fn;
	void *arg;
	struct loop *loop; /* NULL: not added */
	enum loop_hook_kind kind;
	struct loop_hook *prev, *next;
};

/* fn is called each turn (AT_FREE: once, and is removed before).  Any hook may be
 * removed from inside any hook. */
void loop_hook_add(struct loop *loop, struct loop_hook *hook, enum loop_hook_kind kind,
    loop_fn *fn, void *arg);
void loop_hook_remove(struct loop_hook *hook); /* harmless when not added */

/* --- one-shot monotonic timers: embedded, no allocation --- */

struct loop_timer {
	struct ev_timer ev;
	struct loop *loop;
	loop_fn *fn;
	void *arg;
	int64_t due_us; /* clock_mono_us() time */
};

void loop_timer_init(struct loop_timer *timer, struct loop *loop, loop_fn *fn, void *arg);
/* after_us counts from the real now; never fires early.  Starting again moves it. */
void loop_timer_start(struct loop_timer *timer, int64_t after_us);
void loop_timer_stop(struct loop_timer *timer); /* harmless when stopped or all zero */
bool loop_timer_active(const struct loop_timer *timer);

/* --- readiness of a descriptor --- */

enum { LOOP_READ = EV_READ, LOOP_WRITE = EV_WRITE };

typedef void loop_io_fn(void *arg, int events);

struct loop_io {
	struct ev_io ev;
	struct loop *loop;
	loop_io_fn *fn;
	void *arg;
};

void loop_io_init(struct loop_io *io, struct loop *loop, loop_io_fn *fn, void *arg);
/* Watches fd for events (LOOP_READ | LOOP_WRITE); 0 stops.  Stop before close(fd). */
void loop_io_set(struct loop_io *io, int fd, int events);
void loop_io_stop(struct loop_io *io); /* harmless when stopped or all zero */

/* --- signals and phases --- */

struct loop_signal_fns {
	void (*on_phase)(void *arg, enum loop_phase phase); /* may be NULL */
	loop_fn *on_hup;                                    /* may be NULL: ignored */
	void *arg;
};

/* SIGTERM, SIGINT and SIGHUP become events of this loop (one loop a process). */
void loop_watch_signals(struct loop *loop, const struct loop_signal_fns *fns);
/* SIGCHLD: for a program that takes up orphans; spawned children need it not (loop/child.h). */
void loop_watch_children(struct loop *loop, loop_fn *fn, void *arg);
enum loop_phase loop_phase(const struct loop *loop);
/* One phase further, as SIGTERM does. */
void loop_stop(struct loop *loop);

#endif
