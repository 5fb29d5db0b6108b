/* SPDX-License-Identifier: MIT */
/* The command that pauses runs, workflows and agent types, and what is paused. */
#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "orchestrator/audit.h"
#include "orchestrator/command.h"
#include "orchestrator/pooling.h"
#include "orchestrator/registry.h"
#include "orchestrator/types.h"
#include "orchestrator/view.h"

#define TIMEOUT_MS 5000

/* --- what a name means ------------------------------------------------------------------ */

static const struct run *
run_of(const struct engine *engine, const char *workflow)
{
	const struct run *run = engine ? engine_first(engine) : NULL;

	while (run && strcmp(run->wf->name, workflow) != 0)
		run = run->hh.next;
	return run;
}

static bool
knows_workflow(const struct engine *engine, const char *name)
{
	return engine_workflow_paused(engine, name) || run_of(engine, name);
}

static bool
knows_type(const struct engine *engine, const char *name)
{
	return engine_queue_find(engine, name) != NULL;
}

/* In one of the partitions that are owned here. */
static bool
is_known(const struct orchestrator *orch, const char *name,
    bool (*knows)(const struct engine *engine, const char *name))
{
	for (unsigned i = 0; i < orchestrator_partitions(orch); i++) {
		const struct engine *engine = orchestrator_engine(orchestrator_partition(orch, i));

		if (engine && knows(engine, name))
			return true;
	}
	return false;
}

static bool
is_workflow(const struct orchestrator *orch, const char *name)
{
	return (orch->registry && registry_find(orch->registry, name)) ||
	    is_known(orch, name, knows_workflow);
}

static bool
is_type(const struct orchestrator *orch, const char *name)
{
	return (orch->types && types_find(orch->types, name)) ||
	    (orch->fleet && fleet_has(orch->fleet, name)) || is_known(orch, name, knows_type);
}

/* What another daemon passed on was known there. */
static bool
is_there(const struct command *command, const char *name, bool workflow)
{
	if (command->id[0])
		return true;
	return workflow ? is_workflow(command->orch, name) : is_type(command->orch, name);
}

/* Kind and bare name; kind NULL: neither prefix nor a known name. */
static int
find_kind(const struct orchestrator *orch, const char **name, const char **ret_kind,
    struct err *err)
{
	static const char *const prefixes[] = { "workflow:", "type:", "run:", "budget:" };
	static const char *const kinds[] = { "workflow", "type", "run", "budget" };
	bool workflow = is_workflow(orch, *name), type = is_type(orch, *name);

	*ret_kind = workflow ? "workflow" : type ? "type" : NULL;
	if (str_starts(*name, "pool:") || (!*ret_kind && strcmp(*name, "budget") == 0)) {
		*name = str_starts(*name, "pool:") ? *name : "day";
		*ret_kind = "budget";
		return 0;
	}
	for (size_t i = 0; i < ARRAY_LEN(prefixes); i++) {
		if (!str_starts(*name, prefixes[i]))
			continue;
		*name += strlen(prefixes[i]);
		*ret_kind = kinds[i];
		return 0;
	}
	if (workflow && type)
		return err_set(err, ERR_CONFLICT,
		    "'%s' is a workflow and an agent type: write workflow:%s or type:%s", *name,
		    *name, *name);
	return 0;
}

/* --- applied: {"kind": run|workflow|type|budget, "name" or "run", "on"} --------------------- */

static size_t
count_runs(const struct engine *engine, const char *workflow)
{
	size_t n = 0;

	for (const struct run *run = engine_first(engine); run; run = run->hh.next)
		n += strcmp(run->wf->name, workflow) == 0;
	return n;
}

static int
pause_run(struct command *command, struct engine *engine, bool on, struct err *err)
{
	const char *id = command_text(command, "run");
	struct run *run = engine_find(engine, id);
	struct moment now;

	if (!run)
		return err_set(err, ERR_CONFLICT, "run '%s' has ended, or there is none", id);
	orchestrator_moment(command->orch, &now);
	return engine_pause_run(engine, &now, run, on, partition_effects(command->partition),
	    err);
}

/* Since when, and by whom, is stored with the name. */
static int
pause_name(struct command *command, struct engine *engine, bool on, struct err *err)
{
	struct effects *effects = partition_effects(command->partition);
	const char *name = command_text(command, "name");
	bool workflow = strcmp(command_text(command, "kind"), "workflow") == 0;
	struct moment now;
	char *value;
	int rc;

	if (!str_is_name(name, strlen(name)) || !is_there(command, name, workflow))
		return err_set(err, ERR_NOT_FOUND, "no %s '%.80s'",
		    workflow ? "workflow" : "agent type", name);
	orchestrator_moment(command->orch, &now);
	value = on ? xasprintf("%lld %s", (long long)now.wall_ms, command->actor->name) : NULL;
	rc = workflow ? engine_pause_workflow(engine, &now, name, value, effects, err)
	              : engine_pause_type(engine, &now, name, value, effects, err);
	free(value);
	return rc;
}

/* A budget that is used up goes on. */
static int
lift_budget(struct command *command, struct engine *engine, bool on, struct err *err)
{
	const char *name = command_text(command, "name");

	if (on)
		return err_set(err, ERR_INVALID, "a budget pauses by itself when it is used up: pause a "
		    "run, a workflow or an agent type");
	return engine_lift_budget(engine, name, partition_effects(command->partition), err);
}

static int
set_pause(struct command *command, struct engine *engine, bool on, struct err *err)
{
	const char *kind = command_text(command, "kind");

	if (strcmp(kind, "run") == 0)
		return pause_run(command, engine, on, err);
	if (strcmp(kind, "budget") == 0)
		return lift_budget(command, engine, on, err);
	return pause_name(command, engine, on, err);
}

static json_t *
view_pause(const struct command *command, const struct engine *engine, bool on)
{
	const char *kind = command_text(command, "kind");
	bool is_run = strcmp(kind, "run") == 0;
	const char *name = command_text(command, is_run ? "run" : "name");
	json_t *view = json_pack("{s:s, s:s, s:b}", "kind", kind, "name", name, "paused", on);

	if (strcmp(kind, "workflow") == 0)
		json_object_set_new(view, "runs_live",
		    json_integer((json_int_t)count_runs(engine, name)));
	return view;
}

void
control_pause(struct command *command)
{
	bool on = json_is_true(json_object_get(command->body, "on"));
	bool is_run = strcmp(command_text(command, "kind"), "run") == 0;
	struct engine *engine = command_engine(command);
	const char *name = command_text(command, is_run ? "run" : "name");
	struct err err;
	int rc;

	if (!engine) {
		command_unavailable(command);
		return;
	}
	rc = set_pause(command, engine, on, &err);
	if (rc < 0) {
		command_refuse(command, &err, NULL);
		return;
	}
	audit_note(partition_effects(command->partition), is_run ? engine_find(engine, name) : NULL,
	    TASK_NONE, on ? "audit.pause" : "audit.resume", command->actor,
	    json_pack("{s:s, s:s}", "kind", command_text(command, "kind"), "name", name));
	log_info(on ? "paused" : "goes on", KV_S("kind", command_text(command, "kind")),
	    KV_S("name", name), KV_S("by", command->actor->name));
	command_done(command, json_pack("{s:o}", "body", view_pause(command, engine, on)), NULL);
}

/* --- asked for ----------------------------------------------------------------------------- */

/* A name that is no workflow's and no type's may be a run's. */
struct guess {
	char *name;
	facade_reply_fn *fn;
	void *arg;
};

static void
on_guessed(void *arg, json_t *body, const struct err *err)
{
	struct guess *guess = arg;
	struct err unknown = *err;

	if (err->code == ERR_NOT_FOUND)
		err_set(&unknown, ERR_NOT_FOUND, "no run, workflow or agent type '%.80s'",
		    guess->name);
	guess->fn(guess->arg, body, &unknown);
	free(guess->name);
	free(guess);
}

static void
go_guess(struct orchestrator *orch, const char *name, json_t *body,
    const struct facade_actor *actor, facade_reply_fn *fn, void *arg)
{
	struct guess *guess = xcalloc(1, sizeof *guess);

	*guess = (struct guess){ xstrdup(name), fn, arg };
	command_go_run(orch, name, "pause", body, actor, on_guessed, guess);
}

/* A name is paused in every partition; one answer for all. */
struct everywhere {
	size_t left;
	json_t *body;
	struct err err;
	facade_reply_fn *fn;
	void *arg;
};

static void
everywhere_end(struct everywhere *all)
{
	struct err none = { 0 };

	if (--all->left > 0)
		return;
	all->fn(all->arg, all->body, all->body ? &none : &all->err);
	free(all);
}

/* Each partition counts its own. */
static void
add_live(json_t *body, const json_t *other)
{
	json_t *live = json_object_get(body, "runs_live");

	if (live)
		json_integer_set(live, json_integer_value(live) +
		    json_integer_value(json_object_get(other, "runs_live")));
}

static void
on_one(void *arg, json_t *body, const struct err *err)
{
	struct everywhere *all = arg;

	if (err->code < 0) {
		all->err = *err;
		json_decref(body);
	} else {
		add_live(body, all->body);
		json_decref(all->body);
		all->body = body;
	}
	everywhere_end(all);
}

void
facade_pause(struct orchestrator *orch, const char *name, bool on,
    const struct facade_actor *actor, facade_reply_fn *fn, void *arg)
{
	struct everywhere *all;
	const char *kind;
	struct err err;
	json_t *body;

	if (find_kind(orch, &name, &kind, &err) < 0) {
		fn(arg, NULL, &err);
		return;
	}
	body = json_pack("{s:s, s:s, s:b}", "kind", kind ? kind : "run", "name", name, "on", on);
	if (!kind) {
		go_guess(orch, name, body, actor, fn, arg);
		return;
	}
	if (strcmp(kind, "run") == 0) {
		command_go_run(orch, name, "pause", body, actor, fn, arg);
		return;
	}
	all = xcalloc(1, sizeof *all);
	*all = (struct everywhere){ .left = 1, .fn = fn, .arg = arg };
	for (unsigned i = 0; i < orchestrator_partitions(orch); i++) {
		all->left++;
		command_go(command_new(orch, orchestrator_partition(orch, i), "pause",
		    json_deep_copy(body), actor, on_one, all));
	}
	json_decref(body);
	everywhere_end(all);
}

/* --- what is paused -------------------------------------------------------------------------- */

struct listing {
	struct orchestrator *orch;
	facade_reply_fn *fn;
	void *arg;
};

/* Value: "AT_MS WHO". */
static void
add_name(json_t *items, const char *what, const char *value)
{
	const char *colon = strchr(what, ':'), *space = strchr(value, ' ');

	if (!colon)
		return;
	json_array_append_new(items,
	    json_pack("{s:s%, s:s, s:o, s:s?}", "kind", what, (size_t)(colon - what), "name",
	        colon + 1, "at", view_time(strtoll(value, NULL, 10)), "by",
	        space ? space + 1 : NULL));
}

/* by: NULL: nobody knows. */
static void
add_paused(json_t *items, const char *kind, const char *name, int64_t since_ms, const char *by)
{
	json_array_append_new(items, json_pack("{s:s, s:s, s:o, s:s?}", "kind", kind, "name", name,
	    "at", view_time(since_ms), "by", by));
}

/* Runs, and what budgets hold back. */
static void
add_runs(const struct orchestrator *orch, json_t *items)
{
	bool day = false;

	for (unsigned i = 0; i < orchestrator_partitions(orch); i++) {
		const struct engine *engine = orchestrator_engine(orchestrator_partition(orch, i));
		const struct run *run = engine ? engine_first(engine) : NULL;

		day = day || (engine && engine_budget(engine)->over);
		for (; run; run = run->hh.next) {
			if (run->paused_ms > 0)
				add_paused(items, "run", run->id.text, run->paused_ms, NULL);
			else if (run->over)
				add_paused(items, "run", run->id.text, 0, "budget");
		}
	}
	if (day)
		add_paused(items, "budget", "day", 0, "budget");
	pooling_paused(orch->pooling, items);
}

static void
on_paused(void *arg, const struct redisReply *reply, const struct err *err)
{
	struct listing *listing = arg;
	json_t *items = json_array();
	struct reply_text what, value;
	struct err none = { 0 };

	if (!reply) {
		json_decref(items);
		listing->fn(listing->arg, NULL, err);
		free(listing);
		return;
	}
	for (size_t i = 0; !reply_is_error(reply) && i < reply_pairs(reply); i++) {
		if (reply_pair(reply, i, &what, &value, NULL) == 0)
			add_name(items, what.text, value.text);
	}
	add_runs(listing->orch, items);
	listing->fn(listing->arg, json_pack("{s:o, s:n}", "items", items, "next_cursor"), &none);
	free(listing);
}

void
facade_paused(struct orchestrator *orch, facade_reply_fn *fn, void *arg)
{
	struct listing *listing = xcalloc(1, sizeof *listing);
	char *key = key_make(&partition_store(orchestrator_partition(orch, 0))->keys, "paused", NULL);
	struct err away;

	*listing = (struct listing){ orch, fn, arg };
	if (redis_port_send(orchestrator_queries(orch), 2,
		(const char *const[]){ "HGETALL", key }, NULL, TIMEOUT_MS, on_paused, listing) < 0) {
		err_set(&away, ERR_UNAVAILABLE, "redis does not answer: %s",
		    redis_conn_error(orch->queries));
		fn(arg, NULL, &away);
		free(listing);
	}
	free(key);
}
