/* SPDX-License-Identifier: MIT */
/* The command that moves undelivered work away from agents, in all partitions. */
#include <stdlib.h>

#include "base/mem.h"
#include "orchestrator/audit.h"
#include "orchestrator/command.h"
#include "orchestrator/partition_private.h"

/* --- applied: {"audited"} ----------------------------------------------------------------- */

static void
on_moved(void *arg, const json_t *agents)
{
	struct command *command = arg;
	bool audited = json_is_true(json_object_get(command->body, "audited"));

	if (!command_engine(command)) {
		command_unavailable(command);
		return;
	}
	if (audited)
		audit_note(partition_effects(command->partition), NULL, TASK_NONE, "audit.rebalance",
		    command->actor, NULL);
	command_done(command, json_pack("{s:{s:O}}", "body", "agents", agents), NULL);
}

void
control_rebalance(struct command *command)
{
	if (command_engine(command))
		tend_move(command->partition->tend, on_moved, command);
	else
		command_unavailable(command);
}

/* --- asked for ------------------------------------------------------------------------------ */

struct everywhere {
	size_t left;
	json_t *agents;
	struct err err;
	facade_reply_fn *fn;
	void *arg;
};

static json_t *
view(const json_t *agents)
{
	json_t *items = json_array(), *count;
	json_int_t moved = 0;
	const char *id;

	json_object_foreach((json_t *)(uintptr_t)agents, id, count) {
		moved += json_integer_value(count);
		json_array_append_new(items, json_pack("{s:s, s:O}", "id", id, "moved", count));
	}
	return json_pack("{s:I, s:o}", "moved", moved, "agents", items);
}

static void
everywhere_end(struct everywhere *all)
{
	if (--all->left > 0)
		return;
	all->fn(all->arg, all->err.code < 0 ? NULL : view(all->agents), &all->err);
	json_decref(all->agents);
	free(all);
}

static void
on_one(void *arg, json_t *body, const struct err *err)
{
	struct everywhere *all = arg;
	const char *id;
	json_t *count;

	if (err->code < 0)
		all->err = *err;
	json_object_foreach(json_object_get(body, "agents"), id, count)
		json_object_set_new(all->agents, id, json_integer(json_integer_value(count) +
		    json_integer_value(json_object_get(all->agents, id))));
	json_decref(body);
	everywhere_end(all);
}

void
facade_rebalance(struct orchestrator *orch, const struct facade_actor *actor, facade_reply_fn *fn,
    void *arg)
{
	struct everywhere *all = xcalloc(1, sizeof *all);

	*all = (struct everywhere){ .left = 1, .agents = json_object(), .fn = fn, .arg = arg };
	for (unsigned i = 0; i < orchestrator_partitions(orch); i++) {
		all->left++;
		command_go(command_new(orch, orchestrator_partition(orch, i), "rebalance",
		    json_pack("{s:b}", "audited", i == 0), actor, on_one, all));
	}
	everywhere_end(all);
}
