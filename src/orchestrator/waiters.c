/* SPDX-License-Identifier: MIT */
/* Who waits until what was decided is confirmed, and what they are told if it is not. */
#include <stdlib.h>

#include "base/mem.h"
#include "orchestrator/partition_private.h"

static void
call_waiters(struct partition *p, uint64_t up_to, const struct err *err)
{
	while (p->waiters && p->waiters->position <= up_to) {
		struct waiter *waiter = p->waiters;

		p->waiters = waiter->next;
		if (!p->waiters)
			p->waiters_tail = &p->waiters;
		waiter->fn(waiter->arg, err);
		free(waiter);
	}
}

void
partition_tell_confirmed(struct partition *p)
{
	struct err none = { 0 };

	call_waiters(p, p->confirmed, &none);
}

void
partition_fail_waiters(struct partition *p, const char *why)
{
	struct err err;

	partition_tell_confirmed(p);
	if (p->undone)
		err_set(&err, ERR_UNAVAILABLE, "%s: nothing was changed; ask again", why);
	else
		err_set(&err, ERR_UNAVAILABLE, "%s: whether the change was made is not known; look, "
		    "or ask again with the same idempotency key", why);
	call_waiters(p, UINT64_MAX, &err);
}

bool
partition_undone(const struct partition *p)
{
	return p->undone;
}

static uint64_t
position(const struct partition *p)
{
	return p->confirmed + commits_effects(p) + p->effects.len - p->taken;
}

void
partition_barrier(struct partition *p, partition_fn *fn, void *arg)
{
	struct err none = { 0 };
	struct waiter *waiter;

	if (!p->loaded || (position(p) == p->confirmed && !p->waiters)) {
		fn(arg, &none);
		return;
	}
	waiter = xcalloc(1, sizeof *waiter);
	*waiter = (struct waiter){ position(p), partition_mono(p), fn, arg, NULL };
	*p->waiters_tail = waiter;
	p->waiters_tail = &waiter->next;
}

/* While redis refuses writes nobody is kept waiting for long. */
void
partition_give_up_waiting(struct partition *p, int64_t now)
{
	struct err err;

	if (!p->waiters || !partition_refused(p))
		return; /* each turn comes here */
	partition_tell_confirmed(p);
	err_set(&err, ERR_UNAVAILABLE, "%s; what was asked for is done once it takes writes again",
	    p->why);
	while (partition_refused(p) && p->waiters && now - p->waiters->since >= PATIENCE_MS)
		call_waiters(p, p->waiters->position, &err);
}

bool
partition_tell(struct partition *p)
{
	size_t before;

	if (!p->waiters || p->waiters->position > p->confirmed)
		return false;
	if (p->commands_up)
		redis_port_flush(p->commands);
	before = p->effects.len;
	partition_tell_confirmed(p);
	return p->effects.len > before;
}
