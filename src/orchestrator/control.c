/* SPDX-License-Identifier: MIT */
/* What people do to a run that is under way. */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "orchestrator/audit.h"
#include "orchestrator/orchestrator_private.h"

struct order {
	struct orchestrator *orch;
	struct facade_actor *actor;
	char id[RUN_ID_SIZE];
	facade_reply_fn *fn;
	void *arg;
};

static void
order_end(struct order *order)
{
	free(order->actor);
	free(order);
}

static void
refuse(struct order *order, const struct err *err)
{
	order->fn(order->arg, NULL, err);
	order_end(order);
}

static void
on_committed(void *arg, const struct err *err)
{
	struct order *order = arg;

	if (err->code < 0) {
		refuse(order, err);
		return;
	}
	orchestrator_read_run(order->orch, order->id, READ_FULL, order->fn, order->arg);
	order_end(order);
}

/* A run that memory does not hold has ended, or never was. */
static void
on_ended_run(void *arg, json_t *run, const struct err *err)
{
	struct order *order = arg;
	struct err conflict;

	if (err->code == 0)
		err_set(&conflict, ERR_CONFLICT, "run '%s' has ended: %s", order->id,
		    json_string_value(json_object_get(run, "status")));
	else
		conflict = *err;
	json_decref(run);
	refuse(order, &conflict);
}

static void
cancel(void *arg, const char *run_id, const struct err *resolved)
{
	struct order *order = arg;
	struct engine *engine = orchestrator_engine(order->orch);
	struct partition *p = order->orch->partition;
	struct err err = *resolved;
	struct moment now;
	struct run *run;

	if (err.code == 0 && !engine)
		err_set(&err, ERR_UNAVAILABLE, "%s", partition_why(p));
	if (err.code < 0) {
		refuse(order, &err);
		return;
	}
	memcpy(order->id, run_id, strlen(run_id) + 1);
	run = engine_find(engine, run_id);
	if (!run) {
		orchestrator_read_run(order->orch, order->id, READ_FULL, on_ended_run, order);
		return;
	}
	orchestrator_moment(order->orch, &now);
	run_ref(run);
	if (engine_cancel(engine, &now, run, INTENT_CANCEL, partition_effects(p), &err) < 0) {
		run_unref(run);
		refuse(order, &err);
		return;
	}
	audit_note(partition_effects(p), run, TASK_NONE, "audit.cancel", order->actor, NULL);
	partition_mark(p);
	log_info("run cancelled", KV_S("run", order->id), KV_S("by", order->actor->name));
	run_unref(run);
	partition_barrier(p, on_committed, order);
}

void
facade_cancel(struct orchestrator *orch, const char *id, const struct facade_actor *actor,
    facade_reply_fn *fn, void *arg)
{
	struct order *order = xcalloc(1, sizeof *order);

	*order = (struct order){ .orch = orch, .fn = fn, .arg = arg };
	order->actor = actor_copy(actor);
	orchestrator_resolve(orch, id, cancel, order);
}
