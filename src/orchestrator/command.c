/* SPDX-License-Identifier: MIT */
/* Applies commands, those of this daemon's askers and those that others passed on. */
#include "orchestrator/command.h"

#include <hiredis/hiredis.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "orchestrator/audit.h"
#include "orchestrator/catalog.h"
#include "orchestrator/letters.h"
#include "orchestrator/starting.h"

const struct command_kind command_kinds[] = {
	{ "submit", COMMAND_DOOR, true, starting_apply },
	{ "cancel", COMMAND_URGENT, true, control_cancel },
	{ "retry", COMMAND_PLAIN, true, control_retry },
	{ "pause", COMMAND_URGENT, true, control_pause },
	{ "scale", COMMAND_URGENT, true, control_scale },
	{ "drain", COMMAND_URGENT, true, control_drain },
	{ "rebalance", COMMAND_URGENT, false, control_rebalance },
	{ "dlq_replay", COMMAND_PLAIN, true, letters_replay },
	{ "dlq_purge", COMMAND_URGENT, false, letters_purge },
	{ "purge", COMMAND_URGENT, false, purge_apply },
	{ "note", COMMAND_URGENT, true, noting_apply },
	{ "drop", COMMAND_DOOR, false, catalog_apply_drop },
	{ "forget", COMMAND_URGENT, false, catalog_apply_forget },
	{ NULL, COMMAND_PLAIN, false, NULL },
};

const struct command_kind *
command_kind(const char *name)
{
	const struct command_kind *kind = command_kinds;

	while (kind->name && strcmp(kind->name, name) != 0)
		kind++;
	return kind->name ? kind : NULL;
}

struct command *
command_new(struct orchestrator *orch, struct partition *p, const char *kind, json_t *body,
    const struct facade_actor *actor, facade_reply_fn *fn, void *arg)
{
	struct command *command = xcalloc(1, sizeof *command);

	command->orch = orch;
	command->partition = p;
	command->kind = command_kind(kind);
	command->body = body;
	command->actor = actor_copy(actor);
	command->fn = fn;
	command->arg = arg;
	return command;
}

/* What it was in this process may name what is not there any more. */
static void
drop_native(struct command *command)
{
	if (command->native)
		command->free_native(command->native);
	command->native = NULL;
	json_decref(command->answer);
	json_decref(command->shown);
	command->answer = command->shown = NULL;
}

void
command_free(struct command *command)
{
	drop_native(command);
	json_decref(command->body);
	free(command->actor);
	free(command);
}

bool
command_is_here(const struct partition *p)
{
	return partition_state(p) == PARTITION_SERVING && !partition_is_yielding(p);
}

struct engine *
command_engine(const struct command *command)
{
	const struct partition *p = command->partition;
	enum partition_state state = partition_state(p);
	/* one that was passed on is read only once while memory lives: it is answered, though
	   the connection broke meanwhile */
	bool waits = command->id[0] && (state == PARTITION_OFFLINE || state == PARTITION_FENCING);

	if ((state != PARTITION_SERVING && !waits) ||
	    command->generation != partition_generation(p))
		return NULL;
	return partition_engine(p);
}

const char *
command_text(const struct command *command, const char *key)
{
	const char *text = json_string_value(json_object_get(command->body, key));

	return text ? text : "";
}

/* While redis is nearly full only what frees more than it takes. */
static bool
has_room(const struct command *command)
{
	return !partition_refused(command->partition) &&
	    (command->kind->when != COMMAND_PLAIN || !partition_held(command->partition));
}

void
command_go(struct command *command)
{
	const struct partition *p = command->partition;
	enum partition_state state = partition_state(p);
	struct err err;

	command->generation = partition_generation(p);
	if (command_is_here(p) && !has_room(command)) {
		command_unavailable(command);
	} else if (command_is_here(p)) {
		command->kind->apply(command);
	} else if (state == PARTITION_STANDBY || state == PARTITION_LOADING ||
	    state == PARTITION_SERVING) {
		command_pass(command);
	} else {
		err_set(&err, ERR_UNAVAILABLE, "%s", partition_why(p));
		command_refuse(command, &err, NULL);
	}
}

static void
on_resolved(void *arg, const char *run_id, const struct err *err)
{
	struct command *command = arg;

	if (err->code < 0) {
		command_refuse(command, err, NULL);
		return;
	}
	command->partition = orchestrator_home(command->orch, run_id);
	json_object_set_new(command->body, "run", json_string(run_id));
	command_go(command);
}

void
command_go_run(struct orchestrator *orch, const char *id, const char *kind, json_t *body,
    const struct facade_actor *actor, facade_reply_fn *fn, void *arg)
{
	struct command *command = command_new(orch, NULL, kind, body, actor, fn, arg);

	orchestrator_resolve(orch, id, on_resolved, command);
}

/* --- the end of a command --- */

static const struct {
	int code;
	const char *name;
} CODES[] = {
	{ ERR_FAILED, "failed" },
	{ ERR_INVALID, "invalid" },
	{ ERR_NOT_FOUND, "not_found" },
	{ ERR_CONFLICT, "conflict" },
	{ ERR_UNAVAILABLE, "unavailable" },
	{ ERR_DENIED, "denied" },
	{ ERR_LIMIT, "limit" },
	{ ERR_SHED, "shed" },
};

static const char *
code_name(int code)
{
	for (size_t i = 0; i < ARRAY_LEN(CODES); i++) {
		if (CODES[i].code == code)
			return CODES[i].name;
	}
	return "failed";
}

static int
code_of(const char *name)
{
	for (size_t i = 0; name && i < ARRAY_LEN(CODES); i++) {
		if (strcmp(CODES[i].name, name) == 0)
			return CODES[i].code;
	}
	return ERR_FAILED;
}

/* The answer to a command that was passed on goes with the commit. */
static void
leave_answer(struct command *command, const json_t *answer)
{
	char *text = json_dumps(answer, JSON_COMPACT);

	partition_answer(command->partition, command->entry, command->id, text);
	partition_mark(command->partition);
	free(text);
}

/* The memory that the command was begun in is gone: the next one reads its entry again. */
static bool
is_stale(const struct command *command)
{
	return command->id[0] && !command_engine(command);
}

void
command_refuse(struct command *command, const struct err *err, json_t *details)
{
	json_t *answer;

	if (command->id[0] && !is_stale(command)) {
		answer = json_pack("{s:s, s:s}", "error", code_name(err->code), "message", err->text);
		if (details)
			json_object_set(answer, "details", details);
		leave_answer(command, answer);
		json_decref(answer);
		metrics_add(command->orch->config.metrics, METRIC_COMMANDS_REFUSED, 1);
	}
	if (command->fn)
		command->fn(command->arg, details, err);
	else
		json_decref(details);
	command_free(command);
}

void
command_again(struct command *command, const struct err *err)
{
	if (command->id[0] || command->again || !command->kind->again || command->orch->ending) {
		command_refuse(command, err, NULL);
		return;
	}
	log_info("a command came to nothing here; it is passed on",
	    KV_S("kind", command->kind->name), KV_S("why", err->text));
	command->again = true;
	if (command->travel) {
		command->travel(command);
	} else {
		drop_native(command);
		command_pass(command);
	}
}

void
command_unavailable(struct command *command)
{
	const char *why = partition_why(command->partition);
	struct err err;

	err_set(&err, ERR_UNAVAILABLE, "%s", why[0] ? why : "the state was just read again: ask again");
	if (command_engine(command))
		command_refuse(command, &err, NULL);
	else
		command_again(command, &err);
}

/* {runs: heads} → the array that the asker gets. */
void
command_reply(struct orchestrator *orch, const json_t *answer, facade_reply_fn *fn, void *arg)
{
	const json_t *runs = json_object_get(answer, "runs");
	const char *error = json_string_value(json_object_get(answer, "error"));
	const char *run = json_string_value(json_object_get(answer, "run"));
	size_t n = json_array_size(runs);
	const char **ids;
	struct err err = { 0 };

	if (error) {
		const char *message = json_string_value(json_object_get(answer, "message"));

		err_set(&err, code_of(error), "%s", message ? message : error);
		fn(arg, json_incref(json_object_get(answer, "details")), &err);
	} else if (run) {
		orchestrator_read_run(orch, run, READ_FULL, fn, arg);
	} else if (runs) {
		ids = xcalloc(n + 1, sizeof *ids);
		for (size_t i = 0; i < n; i++) {
			ids[i] = json_string_value(json_array_get(runs, i));
			ids[i] = ids[i] ? ids[i] : "";
		}
		orchestrator_read_heads(orch, ids, n, fn, arg);
		free(ids);
	} else {
		fn(arg, json_incref(json_object_get(answer, "body")), &err);
	}
}

static void
on_committed(void *arg, const struct err *err)
{
	struct command *command = arg;
	struct err none = { 0 };

	if (err->code < 0 && partition_undone(command->partition) && !command->id[0]) {
		command_again(command, err);
		return;
	}
	if (!command->fn)
		;
	else if (err->code < 0)
		command->fn(command->arg, NULL, err);
	else if (command->shown || !command->answer)
		command->fn(command->arg, json_incref(command->shown), &none);
	else
		command_reply(command->orch, command->answer, command->fn, command->arg);
	command_free(command);
}

void
command_done(struct command *command, json_t *answer, json_t *shown)
{
	command->answer = answer;
	command->shown = shown;
	if (command->id[0]) {
		leave_answer(command, answer);
		metrics_add(command->orch->config.metrics, METRIC_COMMANDS_APPLIED, 1);
	}
	partition_mark(command->partition);
	partition_barrier(command->partition, on_committed, command);
}

/* --- from another daemon --- */

static char *
field(const struct stream_entry *entry, const char *name)
{
	struct reply_text text;

	return reply_get(entry->fields, name, &text) ? xstrndup(text.text, text.len) : xstrdup("");
}

static json_t *
field_json(const struct stream_entry *entry, const char *name)
{
	struct reply_text text;
	json_t *json = NULL;

	if (reply_get(entry->fields, name, &text) && text.len <= COMMAND_BYTES_MAX)
		json = json_loadb(text.text, text.len, JSON_REJECT_DUPLICATES, NULL);
	if (json_is_object(json))
		return json;
	json_decref(json);
	return NULL;
}

/* ERR_INVALID: nobody can be answered. */
static int
read_entry(struct command *command, const struct stream_entry *entry, struct err *err)
{
	struct reply_text id;
	uint64_t number;

	if (!entry->fields || !reply_get(entry->fields, "id", &id) ||
	    !token_parse(id.text, id.len, &number))
		return err_set(err, ERR_INVALID, "no id of 16 hexadecimal digits");
	command->body = field_json(entry, "body");
	if (!command->body)
		return err_set(err, ERR_INVALID, "no body that is a JSON object of at most %d bytes",
		    COMMAND_BYTES_MAX);
	token_format(number, command->id);
	return 0;
}

static struct facade_actor *
read_actor(const struct stream_entry *entry)
{
	char *name = field(entry, "actor"), *role = field(entry, "role"), *via = field(entry, "via");
	struct facade_actor *actor = actor_copy(&(struct facade_actor){ name, role, via });

	free(name);
	free(role);
	free(via);
	return actor;
}

void
command_passed(void *arg, struct partition *p, const struct stream_entry *entry)
{
	struct command *command = xcalloc(1, sizeof *command);
	char *kind = entry->fields ? field(entry, "kind") : xstrdup("");
	struct err err = { 0 };

	command->orch = arg;
	command->partition = p;
	command->entry = entry->id;
	command->generation = partition_generation(p);
	command->kind = command_kind(kind);
	if (read_entry(command, entry, &err) < 0) {
		partition_drop_command(p, entry->id, err.text);
		command_free(command);
	} else {
		command->actor = read_actor(entry);
		log_debug("command", KV_S("kind", kind), KV_S("id", command->id),
		    KV_S("actor", command->actor->name));
		if (command->kind && has_room(command)) {
			command->kind->apply(command);
		} else if (command->kind) {
			command_unavailable(command);
		} else {
			err_set(&err, ERR_INVALID, "the owner of the partition knows no command "
			    "'%.40s': it is of another version; update it, or ask it itself", kind);
			command_refuse(command, &err, NULL);
		}
	}
	free(kind);
}
