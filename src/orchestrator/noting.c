/* SPDX-License-Identifier: MIT */
/* Requests that change something of a daemon, not of the state, in the audit trail: "note". */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "orchestrator/audit.h"
#include "orchestrator/command.h"

/* What can be noted, as it is called in commands and in the trail. */
static const struct {
	const char *what, *type;
} NOTES[] = {
	{ "log_level", "audit.log_level" },
};

static const char *
type_of(const char *what)
{
	for (size_t i = 0; i < ARRAY_LEN(NOTES); i++) {
		if (strcmp(NOTES[i].what, what) == 0)
			return NOTES[i].type;
	}
	return NULL;
}

void
noting_apply(struct command *command)
{
	const char *type = type_of(command_text(command, "what"));
	json_t *details = json_object_get(command->body, "details");
	struct err err;

	if (!type || !json_is_object(details)) {
		err_set(&err, ERR_INVALID, "a note that says nothing which is known here");
		command_refuse(command, &err, NULL);
		return;
	}
	audit_note(partition_effects(command->partition), NULL, TASK_NONE, type, command->actor,
	    json_incref(details));
	command_done(command, json_pack("{s:{}}", "body"), NULL);
}

/* Of a note under way, for the log if it comes to nothing. */
struct note {
	char *what, *by;
};

static void
on_noted(void *arg, json_t *body, const struct err *err)
{
	struct note *note = arg;

	if (err->code < 0)
		log_warn("not in the audit trail", KV_S("what", note->what), KV_S("by", note->by),
		    KV_S("why", err->text));
	json_decref(body);
	free(note->what);
	free(note->by);
	free(note);
}

/* The first that is owned here; else the first: its owner is asked. */
static struct partition *
partition_of_notes(const struct orchestrator *orch)
{
	for (unsigned i = 0; i < orchestrator_partitions(orch); i++) {
		struct partition *p = orchestrator_partition(orch, i);

		if (command_is_here(p))
			return p;
	}
	return orchestrator_partition(orch, 0);
}

static void
orchestrator_note(struct orchestrator *orch, const char *what, json_t *details,
    const struct facade_actor *actor)
{
	struct note *note = xcalloc(1, sizeof *note);

	*note = (struct note){ xstrdup(what), xstrdup(actor->name) };
	json_object_set_new(details, "daemon", json_string(orch->home));
	command_go(command_new(orch, partition_of_notes(orch), "note",
	    json_pack("{s:s, s:o}", "what", what, "details", details), actor, on_noted, note));
}

void
facade_set_log_level(struct orchestrator *orch, enum log_level level,
    const struct facade_actor *actor)
{
	const char *was = log_level_name(log_get_level()), *is = log_level_name(level);

	log_set_level(level);
	log_info("log level changed", KV_S("level", is), KV_S("by", actor->name));
	orchestrator_note(orch, "log_level", json_pack("{s:s, s:s}", "level", is, "was", was), actor);
}
