/* SPDX-License-Identifier: MIT */
/* The command that says how many agents a type shall have, or lets the scaler say it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "orchestrator/audit.h"
#include "orchestrator/command.h"
#include "orchestrator/scaling_private.h"
#include "orchestrator/types.h"

/* --- applied: {"type", "agents": number, or null for auto} ------------------------------ */

static const struct agent_type *
type_of(const struct command *command, const char *name, struct err *err)
{
	const struct types *types = command->orch->types;
	const struct agent_type *type = types ? types_find(types, name) : NULL;

	if (!type)
		err_set(err, ERR_NOT_FOUND, "no agent type file defines '%.80s'", name);
	else if (!type->scale.given)
		err_set(err, ERR_CONFLICT, "agent type '%s' does not scale: its file has no 'scale'",
		    name);
	return type && type->scale.given ? type : NULL;
}

static int
check(const struct agent_type *type, const struct scaled *scaled, int64_t agents, struct err *err)
{
	const struct agent_scale *scale = &type->scale;

	if (agents != SCALE_AUTO &&
	    (agents < scale->min_agents || agents > (int64_t)scale->max_agents))
		return err_set(err, ERR_INVALID, "'%s' has %u to %u agents (min_agents and max_agents "
		    "of its file), not %lld%s", type->type, (unsigned)scale->min_agents,
		    (unsigned)scale->max_agents, (long long)agents,
		    agents == 0 ? "; to stop its work: reeve pause" : "");
	if (agents != scaled->manual)
		return 0;
	if (agents == SCALE_AUTO)
		return err_set(err, ERR_CONFLICT, "'%s' scales by itself already", type->type);
	return err_set(err, ERR_CONFLICT, "'%s' was set to %lld agents already, by %s", type->type,
	    (long long)agents, scaled->manual_by);
}

static void
set_manual(struct command *command, struct scaled *scaled, int64_t agents)
{
	scaled->manual = agents;
	snprintf(scaled->manual_by, sizeof scaled->manual_by, "%s", command->actor->name);
	scaling_store(scaled, command->partition);
	audit_note(partition_effects(command->partition), NULL, TASK_NONE, "audit.scale",
	    command->actor,
	    json_pack("{s:s, s:o}", "type", scaled->type, "agents",
	        agents == SCALE_AUTO ? json_string("auto") : json_integer(agents)));
	log_info("agents set", KV_S("type", scaled->type), KV_I("agents", agents),
	    KV_S("by", command->actor->name));
}

void
control_scale(struct command *command)
{
	const char *name = command_text(command, "type");
	const json_t *number = json_object_get(command->body, "agents");
	int64_t agents = json_is_integer(number) ? json_integer_value(number) : SCALE_AUTO;
	struct scaled *scaled = scaling_find(command->orch->scaling, name);
	const struct agent_type *type;
	struct err err = { 0 };

	if (!command_engine(command)) {
		command_unavailable(command);
		return;
	}
	type = type_of(command, name, &err);
	if (type && (!scaled || !scaled->read))
		err_set(&err, ERR_UNAVAILABLE, "what '%s' had before was not read yet: ask again",
		    name);
	else if (type)
		(void)check(type, scaled, agents, &err);
	if (err.code < 0) {
		command_refuse(command, &err, NULL);
		return;
	}
	set_manual(command, scaled, agents);
	scaling_step(scaled, type);
	command_done(command, json_pack("{s:o}", "body", scaling_view(scaled, type)), NULL);
}

void
facade_scale(struct orchestrator *orch, const char *type, int64_t agents,
    const struct facade_actor *actor, facade_reply_fn *fn, void *arg)
{
	struct partition *home = orchestrator_part_of(orch, type)->partition;
	json_t *body = json_pack("{s:s, s:o}", "type", type, "agents",
	    agents < 0 ? json_null() : json_integer(agents));

	command_go(command_new(orch, home, "scale", body, actor, fn, arg));
}
