/* SPDX-License-Identifier: MIT */
/* What people do to a run that is under way. */
#include <string.h>

#include "base/log.h"
#include "orchestrator/audit.h"
#include "orchestrator/command.h"

/* A run that memory does not hold has ended, or never was. */
static void
on_ended_run(void *arg, json_t *run, const struct err *err)
{
	struct command *command = arg;
	struct err conflict = *err;

	if (err->code == 0)
		err_set(&conflict, ERR_CONFLICT, "run '%s' has ended: %s",
		    command_text(command, "run"),
		    json_string_value(json_object_get(run, "status")));
	json_decref(run);
	command_refuse(command, &conflict, NULL);
}

/* {"run": ID} */
void
control_cancel(struct command *command)
{
	const char *id = command_text(command, "run");
	struct engine *engine = command_engine(command);
	struct run *run = engine ? engine_find(engine, id) : NULL;
	struct err err;
	struct moment now;

	if (!engine) {
		command_unavailable(command);
		return;
	}
	if (!run) {
		orchestrator_read_run(command->orch, id, READ_FULL, on_ended_run, command);
		return;
	}
	orchestrator_moment(command->orch, &now);
	run_ref(run);
	if (engine_cancel(engine, &now, run, INTENT_CANCEL, partition_effects(command->partition),
		&err) < 0) {
		command_refuse(command, &err, NULL);
	} else {
		audit_note(partition_effects(command->partition), run, TASK_NONE, "audit.cancel",
		    command->actor, NULL);
		log_info("run cancelled", KV_S("run", id), KV_S("by", command->actor->name));
		command_done(command, json_pack("{s:s}", "run", id), NULL);
	}
	run_unref(run);
}

void
facade_cancel(struct orchestrator *orch, const char *id, const struct facade_actor *actor,
    facade_reply_fn *fn, void *arg)
{
	command_go_run(orch, id, "cancel", json_object(), actor, fn, arg);
}
