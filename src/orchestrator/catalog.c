/* SPDX-License-Identifier: MIT */
/* Dropped files start runs, once a meaning. */
#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "model/params.h"
#include "orchestrator/audit.h"
#include "orchestrator/catalog.h"
#include "orchestrator/limits.h"
#include "orchestrator/door.h"
#include "orchestrator/registry.h"
#include "orchestrator/types.h"
#include "orchestrator/view.h"

#define TIMEOUT_MS 5000

/* What was accepted last at a path of the watched folder. */
struct drop {
	char *path;
	char value[DROP_VALUE_SIZE]; /* "SHA RUN"; "" = nothing yet */
	char refused[SHA256_HEX_SIZE]; /* starts no run: not tried again until it changes */
	bool starting;               /* its definition is on the way to Redis */
	int place;                   /* in the line of those that wait (door.h); 0: it does not */
	int64_t waits_since_ms;      /* wall */
	UT_hash_handle hh;
};

/* --- memory of drops --------------------------------------------------------------- */

static struct drop *
find_drop(struct part *part, const char *path)
{
	struct drop *drop;

	HASH_FIND_STR(part->drops, path, drop);
	return drop;
}

static struct drop *
make_drop(struct part *part, const char *path)
{
	struct drop *drop = find_drop(part, path);

	if (drop)
		return drop;
	drop = xcalloc(1, sizeof *drop);
	drop->path = xstrdup(path);
	HASH_ADD_KEYPTR(hh, part->drops, drop->path, strlen(drop->path), drop);
	return drop;
}

static void
drop_free(struct part *part, struct drop *drop)
{
	door_leave(part->orch->door, drop->place);
	HASH_DEL(part->drops, drop);
	free(drop->path);
	free(drop);
}

void
catalog_remember(struct part *part, const char *path, const char *value)
{
	struct drop *drop = make_drop(part, path);

	snprintf(drop->value, sizeof drop->value, "%s", value);
}

static void
on_written(void *arg, const struct redisReply *reply, const struct err *err)
{
	struct orchestrator *orch = arg;

	(void)err;
	if (!reply || reply_is_error(reply))
		orch->catalog_due = true; /* what is missing is seen and done again */
}

void
catalog_write_back(struct part *part)
{
	struct drop *drop, *next;
	char *key = key_make(&partition_store(part->partition)->keys, "drop", NULL), *value;

	HASH_ITER(hh, part->drops, drop, next) {
		if (!drop->value[0])
			continue;
		value = xasprintf("%.*s -", (int)strcspn(drop->value, " "), drop->value);
		redis_port_send(partition_commands(part->partition), 4, /* no run of it is known */
		    (const char *const[]){ "HSET", key, drop->path, value }, NULL, TIMEOUT_MS,
		    on_written, part->orch);
		free(value);
	}
	free(key);
}

void
catalog_release(struct part *part)
{
	struct drop *drop, *next;

	HASH_ITER(hh, part->drops, drop, next)
		drop_free(part, drop);
}

const char *
catalog_accepted(struct part *part, const char *path)
{
	const struct drop *drop = find_drop(part, path);

	return drop ? drop->value : "";
}

bool
catalog_same(const char *value, const char *sha256)
{
	size_t len = strlen(sha256);

	return strncmp(value, sha256, len) == 0 && (value[len] == ' ' || value[len] == '\0');
}

/* --- files that wait ---------------------------------------------------------------- */

static void
stop_waiting(struct part *part, struct drop *drop)
{
	door_leave(part->orch->door, drop->place);
	drop->place = 0;
}

/* Told once: it is taken later, by a sweep. */
static void
wait_in_line(struct part *part, struct drop *drop, const struct workflow *wf,
    const struct err *why)
{
	struct buf data = { 0 };
	struct effect *note;

	if (drop->place != 0)
		return;
	drop->place = door_wait(part->orch->door, wf);
	drop->waits_since_ms = clock_wall_ms();
	log_info("dropped file waits", KV_S("file", drop->path), KV_S("workflow", wf->name),
	    KV_S("why", why->text));
	if (!orchestrator_engine(part->partition))
		return;
	buf_adds(&data, "{\"workflow\":");
	buf_add_json(&data, wf->name, strlen(wf->name));
	buf_adds(&data, ",\"file\":");
	buf_add_json(&data, drop->path, strlen(drop->path));
	buf_printf(&data, ",\"priority\":%d,\"why\":", wf->priority);
	buf_add_json(&data, why->text, strlen(why->text));
	buf_addc(&data, '}');
	note = effects_add(partition_effects(part->partition), EFFECT_NOTE, NULL, TASK_NONE);
	note->u.note.type = "workflow.waiting";
	note->u.note.data = buf_steal(&data);
	partition_mark(part->partition);
}

json_t *
catalog_waiting(struct orchestrator *orch, const char *path)
{
	struct part *part = orchestrator_part_of(orch, path);
	struct drop *drop = orch->counted ? find_drop(part, path) : NULL;
	struct err why;

	if (!drop || drop->place == 0)
		return distant_waiting(part, path);
	door_why(orch->door, drop->place, &why);
	return json_pack("{s:o, s:s}", "since", view_time(drop->waits_since_ms), "detail",
	    why.text);
}

/* --- a file starts a run -------------------------------------------------------------- */

struct start {
	struct part *part;
	char *path;
	struct workflow *wf;
	unsigned generation;     /* of memory when it began */
	struct command *command; /* of the daemon that watches the folder; NULL: this one does */
};

static void
start_free(struct start *start)
{
	workflow_unref(start->wf);
	free(start->path);
	free(start);
}

static struct submission *
make_submission(const struct start *start)
{
	struct submission *submission = xcalloc(1, sizeof *submission);

	submission->drop_field = xstrdup(start->path);
	submission->drop_sha = xstrdup(start->wf->sha256);
	submission->actor = xstrdup("drop");
	return submission;
}

static void
audit_drop(const struct start *start, struct run *run)
{
	static const struct facade_actor DROP = { "drop", "operate", "drop" };

	audit_note(partition_effects(start->part->partition), run, TASK_NONE, "audit.drop", &DROP,
	    json_pack("{s:s, s:s}", "file", start->path, "workflow", start->wf->name));
}

static struct run *
submit(const struct start *start, struct err *err)
{
	struct partition *p = start->part->partition;
	struct buf resolved = { 0 };
	struct run *run = NULL;

	int code = 0;

	if (start->command) /* of a folder elsewhere: behind those that wait here */
		code = door_admit_file(start->part->orch->door, start->wf, 0, err);
	else
		code = door_admit_file_again(start->part->orch->door, start->wf, err);
	if (!orchestrator_engine(p) || start->generation != partition_generation(p))
		err_set(err, ERR_UNAVAILABLE, "%s", partition_why(p));
	else if (code == 0 && params_resolve(start->wf, NULL, &resolved, err) == 0)
		run = orchestrator_submit(start->part->orch, p, start->wf, buf_text(&resolved), -1,
		    make_submission(start), err);
	buf_release(&resolved);
	return run;
}

static void
accepted(const struct start *start, struct drop *drop, struct run *run)
{
	struct orchestrator *orch = start->part->orch;

	snprintf(drop->value, sizeof drop->value, "%s %s", start->wf->sha256, run->id.text);
	metrics_add(orch->config.metrics, METRIC_DROPS, 1);
	audit_drop(start, run);
	log_info("run accepted", KV_S("run", run->id.text), KV_S("workflow", start->wf->name),
	    KV_S("file", start->path), KV_I("tasks", start->wf->n_tasks));
}

/* Its definition is stored, or small enough to ride along. */
static void
start_run(void *arg, const struct err *stored)
{
	struct start *start = arg;
	struct drop *drop = make_drop(start->part, start->path);
	struct err err = *stored;
	struct run *run = NULL;

	drop->starting = false;
	if (err.code == 0)
		run = submit(start, &err);
	if (run) {
		accepted(start, drop, run);
	} else if (err.code == ERR_SHED) {
		if (!start->command)
			wait_in_line(start->part, drop, start->wf, &err);
	} else if (err.code != ERR_UNAVAILABLE) {
		snprintf(drop->refused, sizeof drop->refused, "%s", start->wf->sha256);
		log_error("dropped file starts no run", KV_S("file", start->path),
		    KV_S("why", err.text));
	}
	if (start->command && run)
		command_done(start->command, catalog_answer(drop->value, true), NULL);
	else if (start->command)
		command_refuse(start->command, &err, NULL);
	else
		partition_mark(start->part->partition);
	start_free(start);
}

static void
start_drop(struct part *part, const char *path, struct workflow *wf, struct command *command)
{
	struct start *start = xcalloc(1, sizeof *start);

	make_drop(part, path)->starting = true;
	*start = (struct start){ part, xstrdup(path), workflow_ref(wf),
		partition_generation(part->partition), command };
	orchestrator_with_definition(part->orch, part->partition, wf, start_run, start);
}

static bool
drop_here(struct part *part, const char *path, struct workflow *wf)
{
	struct drop *drop = find_drop(part, path);
	struct err err;

	if (drop && drop->starting)
		return true;
	if (drop && (catalog_same(drop->value, wf->sha256) ||
	        strcmp(drop->refused, wf->sha256) == 0)) {
		stop_waiting(part, drop);
		return true;
	}
	if (door_admit_file(part->orch->door, wf, drop ? drop->place : 0, &err) == ERR_SHED) {
		wait_in_line(part, make_drop(part, path), wf, &err);
		return false;
	}
	if (drop)
		stop_waiting(part, drop);
	start_drop(part, path, wf, NULL);
	return true;
}

bool
orchestrator_drop(struct orchestrator *orch, const char *path, struct workflow *wf)
{
	struct part *part = orchestrator_part_of(orch, path);

	if (!orch->counted || partition_refused(part->partition))
		return false; /* redis takes nothing: it waits in its folder */
	if (command_is_here(part->partition))
		return drop_here(part, path, wf);
	return distant_drop(part, path, wf);
}

/* --- the same for daemons that watch a folder but do not own the partition ----------------- */

json_t *
catalog_answer(const char *value, bool taken)
{
	return json_pack("{s:{s:s, s:b}}", "body", "value", value, "taken", taken);
}

static void
on_definition(void *arg, struct workflow *wf, const struct err *err)
{
	struct command *command = arg;
	const char *path = command_text(command, "path");
	struct part *part = orchestrator_part_of(command->orch, path);

	if (!wf) {
		make_drop(part, path)->starting = false;
		command_refuse(command, err, NULL);
	} else {
		start_drop(part, path, wf, command);
	}
}

void
catalog_apply_drop(struct command *command)
{
	const char *path = command_text(command, "path"), *def = command_text(command, "def");
	struct part *part = orchestrator_part_of(command->orch, path);
	const char *value = catalog_accepted(part, path);
	struct drop *drop = find_drop(part, path);
	struct err err;

	if (part->partition != command->partition || !*path || strlen(path) > DROP_PATH_MAX ||
	    strlen(def) != SHA256_HEX_SIZE - 1) {
		err_set(&err, ERR_INVALID, "no path of this partition, or no definition");
		command_refuse(command, &err, NULL);
	} else if (drop && drop->starting) {
		err_set(&err, ERR_UNAVAILABLE, "'%s' is being started", path);
		command_refuse(command, &err, NULL);
	} else if (catalog_same(value, def) || strcmp(value, command_text(command, "last")) != 0) {
		/* somebody was quicker, or knows more */
		command_done(command, catalog_answer(value, false), NULL);
	} else {
		make_drop(part, path)->starting = true;
		orchestrator_fetch_definition(command->orch, command->partition,
		    command_text(command, "workflow"), def, on_definition, command);
	}
}

/* --- a file is gone ---------------------------------------------------------------------- */

/* In the next commit; the event is not closed yet. */
static void
forget(struct part *part, struct drop *drop)
{
	struct effect *effect =
	    effects_add(partition_effects(part->partition), EFFECT_UNDROP, NULL, TASK_NONE);

	effect->u.undrop.field = xstrdup(drop->path);
	drop_free(part, drop);
}

bool
orchestrator_forget(struct orchestrator *orch, const char *path)
{
	struct part *part = orchestrator_part_of(orch, path);
	struct drop *drop = find_drop(part, path);

	if (!orch->counted)
		return false;
	if (!command_is_here(part->partition))
		return distant_forget(part, path);
	if (drop) {
		forget(part, drop);
		partition_mark(part->partition);
	}
	return true;
}

void
catalog_apply_forget(struct command *command)
{
	struct part *part = orchestrator_part_of(command->orch, command_text(command, "path"));
	struct drop *drop = find_drop(part, command_text(command, "path"));
	bool meant = drop && !drop->starting && part->partition == command->partition &&
	    strcmp(drop->value, command_text(command, "last")) == 0;

	if (meant)
		forget(part, drop);
	command_done(command, catalog_answer("", meant), NULL);
}

/* Files that went while nobody looked. */
static void
forget_gone(struct part *part)
{
	struct drop *drop, *next;
	bool any = false;

	HASH_ITER(hh, part->drops, drop, next) {
		if (drop->starting || registry_has_drop(part->orch->registry, drop->path))
			continue;
		forget(part, drop);
		any = true;
	}
	if (any)
		partition_mark(part->partition);
}

/* --- agent types ------------------------------------------------------------------------- */

/* A type whose file or whose `retry` is gone. */
static void
drop_settings(struct part *part)
{
	struct engine *engine = orchestrator_engine(part->partition);
	const struct agent_type *type;
	struct moment now;
	struct queue *queue;

	orchestrator_moment(part->orch, &now);
	for (size_t i = 0; (queue = engine_queue_at(engine, i)) != NULL; i++) {
		type = types_find(part->orch->types, queue_type(queue));
		if (!type || !type->retry)
			queue_set_retry(queue, NULL);
		if (!type)
			engine_set_limits(engine, &now, queue_type(queue), NULL,
			    partition_effects(part->partition));
	}
}

/* --- both, compared ------------------------------------------------------------------------ */

void
orchestrator_catalog_changed(struct orchestrator *orch)
{
	orch->catalog_due = true;
}

static void
compare_part(struct part *part)
{
	struct orchestrator *orch = part->orch;
	bool scanned = orch->registry && registry_scanned(orch->registry);

	if (!orchestrator_engine(part->partition)) {
		distant_compare(part, scanned);
		return;
	}
	if (orch->types && types_scanned(orch->types))
		drop_settings(part);
	if (orch->types)
		published_compare(part);
	if (scanned)
		forget_gone(part);
}

static bool
any_refused(const struct orchestrator *orch)
{
	for (unsigned i = 0; i < orch->n_parts; i++) {
		if (partition_refused(orch->parts[i]->partition))
			return true;
	}
	return false;
}

void
catalog_turn(struct orchestrator *orch)
{
	if (!orch->catalog_due || !orch->counted || any_refused(orch))
		return;
	orch->catalog_due = false;
	for (unsigned i = 0; i < orch->n_parts; i++)
		compare_part(orch->parts[i]);
	door_sweep_begin(orch->door);
	if (orch->registry)
		registry_drop_all(orch->registry);
	door_sweep_end(orch->door);
	if (orch->config.on_serving && orchestrator_serving(orch))
		orch->config.on_serving(orch->config.arg);
}
