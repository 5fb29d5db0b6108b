/* SPDX-License-Identifier: MIT */
/* What the files of the loop share: its struct.  Nobody else includes this. */
#ifndef REEVE_LOOP_LOOP_PRIVATE_H
#define REEVE_LOOP_LOOP_PRIVATE_H

#include "loop/loop.h"

struct loop {
	struct ev_loop *ev;
	struct ev_prepare prepare;
	struct ev_check check;
	struct ev_idle idle;
	int64_t now_us;
	bool broken;
	struct deferred *deferred;
	struct deferred **deferred_tail;
	struct loop_hook *hooks[LOOP_AT_FREE + 1];
	struct loop_hook *next_hook; /* while hooks run: the one to run next */
	enum loop_phase phase;
	bool signals_on, children_on;
	struct loop_signal_fns signal_fns;
	struct ev_signal term, intr, hup, chld;
	loop_fn *on_child;
	void *child_arg;
	struct rng rng;
};

void loop_signals_release(struct loop *loop);

#endif
