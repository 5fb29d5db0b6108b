/* SPDX-License-Identifier: MIT */
/* Removes ended runs because somebody asks for it: the command "purge". */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "orchestrator/audit.h"
#include "orchestrator/command.h"
#include "orchestrator/keep.h"

static json_t *
view_report(const struct keep_report *report, bool dry_run)
{
	char cursor[24];

	snprintf(cursor, sizeof cursor, "%llu", (unsigned long long)report->next);
	return json_pack("{s:b, s:I, s:I, s:I, s:I, s:s?}", "dry_run", dry_run, "runs",
	    (json_int_t)report->runs, "logs", (json_int_t)report->logs, "bytes",
	    (json_int_t)report->bytes, "kept_open_letters", (json_int_t)report->open_letters,
	    "next_cursor", report->more ? cursor : NULL);
}

static void
on_purged(void *arg, const struct keep_report *report, const struct err *err)
{
	struct command *command = arg;
	bool dry_run = json_is_true(json_object_get(command->body, "dry_run"));
	json_t *body;

	if (err->code < 0) {
		command_refuse(command, err, NULL);
		return;
	}
	if (!dry_run && report->runs > 0)
		audit_note(partition_effects(command->partition), NULL, TASK_NONE, "audit.purge",
		    command->actor, json_incref(command->body));
	body = view_report(report, dry_run);
	command_done(command, json_pack("{s:o}", "body", body), NULL);
}

void
purge_apply(struct command *command)
{
	struct keep_order order = {
		.older_than_ms = json_integer_value(json_object_get(command->body, "older_than_ms")),
		.dry_run = json_is_true(json_object_get(command->body, "dry_run")),
	};
	struct err err;

	snprintf(order.workflow, sizeof order.workflow, "%s", command_text(command, "workflow"));
	(void)str_to_u64(command_text(command, "cursor"), &order.from);
	if (keep_purge(partition_keep(command->partition), &order, on_purged, command, &err) < 0)
		command_refuse(command, &err, NULL);
}

/* --- one partition after the other: a cursor is PARTITION:PLACE ------------------------ */

struct sweep {
	struct orchestrator *orch;
	unsigned partition;
	facade_reply_fn *fn;
	void *arg;
};

static void
on_swept(void *arg, json_t *body, const struct err *err)
{
	struct sweep *sweep = arg;
	const char *more = json_string_value(json_object_get(body, "next_cursor"));
	char cursor[48] = "";

	if (more)
		snprintf(cursor, sizeof cursor, "%u:%s", sweep->partition, more);
	else if (sweep->partition + 1 < orchestrator_partitions(sweep->orch))
		snprintf(cursor, sizeof cursor, "%u:0", sweep->partition + 1);
	if (body && cursor[0])
		json_object_set_new(body, "next_cursor", json_string(cursor));
	sweep->fn(sweep->arg, body, err);
	free(sweep);
}

void
facade_purge(struct orchestrator *orch, const struct facade_purge *purge,
    const struct facade_actor *actor, facade_reply_fn *fn, void *arg)
{
	const char *colon = purge->cursor ? strchr(purge->cursor, ':') : NULL;
	struct sweep *sweep = xcalloc(1, sizeof *sweep);
	json_t *body = json_pack("{s:I, s:b, s:s, s:s}", "older_than_ms",
	    (json_int_t)purge->older_than_ms, "dry_run", purge->dry_run, "workflow",
	    purge->workflow ? purge->workflow : "", "cursor", colon ? colon + 1 : "");

	*sweep = (struct sweep){ orch, colon ? (unsigned)strtoul(purge->cursor, NULL, 10) : 0, fn,
		arg };
	command_go(command_new(orch, orchestrator_partition(orch, sweep->partition), "purge", body,
	    actor, on_swept, sweep));
}
