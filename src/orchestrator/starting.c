/* SPDX-License-Identifier: MIT */
/* Starts the runs of one command: keys, definitions, effects, answer. */
#include "orchestrator/starting.h"

#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "model/params.h"
#include "orchestrator/audit.h"
#include "orchestrator/door.h"
#include "orchestrator/registry.h"
#include "orchestrator/view.h"

#define TIMEOUT_MS 5000
#define SHOWN_TASKS_MAX 1000
#define SHOWN_BYTES 600 /* of a run without its tasks, about */
#define ITEMS_MAX 256

/* An idempotency key whose run is not confirmed yet. */
struct pending_key {
	char *key;
	char hash[SHA256_HEX_SIZE];
	struct run *run;
	UT_hash_handle hh;
};

struct start_job *
start_job_new(struct orchestrator *orch, size_t n)
{
	struct start_job *job = xcalloc(1, sizeof *job);

	job->orch = orch;
	job->n = n;
	job->items = xcalloc(n, sizeof *job->items);
	return job;
}

void
start_shown_set(struct start_shown *shown, const json_t *run)
{
	const char *id = json_string_value(json_object_get(run, "id"));

	start_shown_release(shown);
	(void)snprintf(shown->id, sizeof shown->id, "%s", id ? id : "");
	shown->json = json_dumps(run, JSON_COMPACT);
}

void
start_shown_release(struct start_shown *shown)
{
	free(shown->json);
	*shown = (struct start_shown){ 0 };
}

/* Without its tasks. */
static void
show_run(struct start_item *item, const struct run *run)
{
	struct buf text = { 0 };

	buf_reserve(&text, SHOWN_BYTES);
	view_run_text(run, &text);
	memcpy(item->shown.id, run->id.text, sizeof item->shown.id);
	item->shown.json = buf_steal(&text);
}

static void
forget_keys(struct start_job *job)
{
	for (size_t i = 0; i < job->n; i++) {
		struct pending_key *pending = NULL;

		if (job->items[i].key)
			HASH_FIND_STR(job->orch->pending_keys, job->items[i].key, pending);
		if (!pending || strcmp(pending->hash, job->items[i].hash) != 0)
			continue;
		HASH_DEL(job->orch->pending_keys, pending);
		run_unref(pending->run);
		free(pending->key);
		free(pending);
	}
}

void
start_job_free(void *arg)
{
	struct start_job *job = arg;

	forget_keys(job);
	for (size_t i = 0; i < job->n; i++) {
		workflow_unref(job->items[i].wf);
		free(job->items[i].name);
		free(job->items[i].params);
		free(job->items[i].key);
		start_shown_release(&job->items[i].shown);
	}
	json_decref(job->details);
	free(job->items);
	free(job);
}

void
start_job_reset(struct start_job *job)
{
	forget_keys(job);
	for (size_t i = 0; i < job->n; i++) {
		start_shown_release(&job->items[i].shown);
		if (job->answer)
			start_shown_release(&job->answer[i]);
	}
	json_decref(job->details);
	job->details = NULL;
	job->err = (struct err){ 0 };
	job->failed = false;
}

static void
job_refuse(struct start_job *job)
{
	json_t *details = job->details;

	job->details = NULL;
	command_refuse(job->command, &job->err, details);
}

/* Before the last step: nothing is done. */
static void
job_fail(struct start_job *job)
{
	struct err err = job->err;

	if (err.code == ERR_UNAVAILABLE)
		command_again(job->command, &err);
	else
		job_refuse(job);
}

void
start_item_hash(struct start_item *item)
{
	struct buf text = { 0 };

	buf_printf(&text, "%s %d %s", item->wf->sha256, item->priority, item->params);
	sha256_hex(text.data, text.len, item->hash);
	buf_release(&text);
}

/* --- keys ------------------------------------------------------------------------------------ */

static void
remember_key(struct start_job *job, const struct start_item *item, struct run *run)
{
	struct pending_key *pending = xcalloc(1, sizeof *pending);

	pending->key = xstrdup(item->key);
	memcpy(pending->hash, item->hash, sizeof pending->hash);
	pending->run = run_ref(run);
	HASH_ADD_KEYPTR(hh, job->orch->pending_keys, pending->key, strlen(pending->key), pending);
}

/* Two items of one request, or of two at once, may carry the same key. */
static bool
use_pending(struct start_job *job, struct start_item *item)
{
	struct pending_key *pending = NULL;

	if (item->key)
		HASH_FIND_STR(job->orch->pending_keys, item->key, pending);
	if (!pending)
		return false;
	if (strcmp(pending->hash, item->hash) == 0) {
		show_run(item, pending->run);
	} else {
		job->failed = true;
		err_set(&job->err, ERR_CONFLICT,
		    "idempotency key '%s' was used for another request", item->key);
	}
	return true;
}

static struct submission *
make_submission(const struct start_job *job, const struct start_item *item)
{
	struct submission *submission = xcalloc(1, sizeof *submission);

	submission->actor = xstrdup(job->command->actor->name);
	if (item->key)
		submission->key = xasprintf("%s %s", item->key, item->hash);
	return submission;
}

/* --- step 2: the door ------------------------------------------------------------------------ */

/* Has begun before, or with another request that is under way. */
static bool
is_known(const struct start_job *job, const struct start_item *item)
{
	struct pending_key *pending = NULL;

	if (item->key && !item->shown.json)
		HASH_FIND_STR(job->orch->pending_keys, item->key, pending);
	return item->shown.json || pending;
}

static struct door_ask
ask_of(const struct start_job *job, const struct start_item *item)
{
	return (struct door_ask){ item->wf->name, job->command->actor->name,
		item->priority >= 0 ? item->priority : item->wf->priority, item->wf->n_tasks };
}

/* All of its new runs, or none: the one of the lowest priority decides. */
static bool
is_admitted(struct start_job *job)
{
	struct door_ask all = { .priority = 9 }, each;
	struct door *door = job->orch->door;

	for (size_t i = 0; i < job->n; i++) {
		if (is_known(job, &job->items[i]))
			continue;
		each = ask_of(job, &job->items[i]);
		all.workflow = all.workflow ? all.workflow : each.workflow;
		all.actor = each.actor;
		all.priority = each.priority < all.priority ? each.priority : all.priority;
		all.tasks += each.tasks;
	}
	if (!all.workflow || door_admit(door, &all, &job->err, &job->details) == 0)
		return true;
	for (size_t i = 0; i < job->n && job->err.code == ERR_SHED; i++) {
		each = ask_of(job, &job->items[i]);
		if (!is_known(job, &job->items[i]))
			door_count(door, &each);
	}
	return false;
}

/* --- step 4: start, wait for the commit, answer ------------------------------------------ */

/* A single run is shown with its tasks, unless they are very many. */
static bool
shows_tasks(const struct start_job *job)
{
	return job->n == 1 && job->items[0].wf->n_tasks <= SHOWN_TASKS_MAX;
}

static void
show_new(const struct start_job *job, struct start_item *item, const struct run *run)
{
	struct view_context context = { .engine = partition_engine(job->command->partition),
		.fleet = job->orch->fleet };
	struct buf text = { 0 };

	if (!job->answer || !shows_tasks(job)) {
		show_run(item, run);
		return;
	}
	orchestrator_moment(job->orch, &context.now);
	view_new_run_text(run, &context, &text);
	memcpy(item->shown.id, run->id.text, sizeof item->shown.id);
	item->shown.json = buf_steal(&text);
}

/* An asker of this process gets what is shown, others are told the ids. */
static void
answer(struct start_job *job)
{
	json_t *ids;

	if (job->answer) {
		for (size_t i = 0; i < job->n; i++) {
			job->answer[i] = job->items[i].shown;
			job->items[i].shown = (struct start_shown){ 0 };
		}
		command_done(job->command, NULL, NULL);
		return;
	}
	ids = json_array();
	for (size_t i = 0; i < job->n; i++)
		json_array_append_new(ids, json_string(job->items[i].shown.id));
	if (shows_tasks(job))
		command_done(job->command, json_pack("{s:O, s:o}", "run", json_array_get(ids, 0),
		    "runs", ids), NULL);
	else
		command_done(job->command, json_pack("{s:o}", "runs", ids), NULL);
}

static void
note_submit(struct start_job *job, struct run *first, int started)
{
	audit_note(partition_effects(job->command->partition), first, TASK_NONE, "audit.submit",
	    job->command->actor,
	    json_pack("{s:i, s:s}", "runs", started, "workflow", first->wf->name));
}

static void
start_all(struct start_job *job)
{
	struct engine *engine = command_engine(job->command);
	struct run *first = NULL;
	int started = 0;

	if (!engine) {
		command_unavailable(job->command);
		return;
	}
	job->failed = !is_admitted(job);
	for (size_t i = 0; i < job->n && !job->failed; i++) {
		struct start_item *item = &job->items[i];
		struct run *run;

		if (item->shown.json || use_pending(job, item))
			continue;
		run = orchestrator_submit(job->orch, job->command->partition, item->wf, item->params,
		    item->priority, make_submission(job, item), &job->err);
		if (!run) {
			job->failed = true;
			break;
		}
		show_new(job, item, run);
		if (item->key)
			remember_key(job, item, run);
		first = first ? first : run;
		started++;
	}
	if (first)
		note_submit(job, first, started);
	if (job->failed)
		job_refuse(job);
	else
		answer(job);
}

/* --- step 3: definitions ---------------------------------------------------------------- */

static void
step_done(struct start_job *job, void (*next)(struct start_job *job))
{
	if (--job->left > 0)
		return;
	if (job->failed)
		job_fail(job);
	else
		next(job);
}

static void
on_definition(void *arg, const struct err *err)
{
	struct start_job *job = arg;

	if (err->code < 0) {
		job->failed = true;
		job->err = *err;
	}
	step_done(job, start_all);
}

static void
store_definitions(struct start_job *job)
{
	if (!is_admitted(job)) { /* before Redis is given anything */
		job_fail(job);
		return;
	}
	job->left = 1;
	for (size_t i = 0; i < job->n; i++) {
		const struct start_item *item = &job->items[i];

		/* runs of one workflow mostly stand together: one question is enough */
		if (item->shown.json || (i > 0 && item[-1].wf == item->wf && !item[-1].shown.json))
			continue;
		job->left++;
		orchestrator_with_definition(job->orch, job->command->partition, item->wf,
		    on_definition, job);
	}
	step_done(job, start_all);
}

/* --- step 1: idempotency keys ------------------------------------------------------------- */

struct key_question {
	struct start_job *job;
	struct start_item *item;
};

static void
on_known_run(void *arg, json_t *body, const struct err *err)
{
	struct key_question *question = arg;
	struct start_job *job = question->job;

	if (err->code < 0) {
		job->failed = true;
		job->err = *err;
	} else if (json_is_object(json_array_get(body, 0))) {
		start_shown_set(&question->item->shown, json_array_get(body, 0));
	} /* else its run was removed: the key is free again */
	json_decref(body);
	free(question);
	step_done(job, store_definitions);
}

/* Value: RUN HASH. */
static bool
same_question(struct start_job *job, const struct start_item *item, const char *value, char *run_id)
{
	const char *space = strchr(value, ' ');

	if (!space || (size_t)(space - value) >= RUN_ID_SIZE || strcmp(space + 1, item->hash) != 0) {
		job->failed = true;
		err_set(&job->err, ERR_CONFLICT,
		    "idempotency key '%s' was used for another request", item->key);
		return false;
	}
	memcpy(run_id, value, (size_t)(space - value));
	run_id[space - value] = '\0';
	return true;
}

static void
on_key(void *arg, const struct redisReply *reply, const struct err *err)
{
	struct key_question *question = arg;
	struct start_job *job = question->job;
	char run_id[RUN_ID_SIZE];
	const char *value;
	size_t len;

	if (!reply || reply_is_error(reply)) {
		job->failed = true;
		err_set(&job->err, ERR_UNAVAILABLE, "redis did not answer: %s",
		    reply ? reply_error_text(reply) : err->text);
	} else if (reply_str(reply, &value, &len, NULL) == 0 &&
	    same_question(job, question->item, value, run_id)) {
		orchestrator_read_heads(job->orch, (const char *const[]){ run_id }, 1, on_known_run,
		    question);
		return;
	}
	free(question);
	step_done(job, store_definitions);
}

static void
ask_key(struct start_job *job, struct start_item *item)
{
	struct key_question *question = xcalloc(1, sizeof *question);
	char *key = key_make(&partition_store(job->command->partition)->keys, "idem:", item->key);

	*question = (struct key_question){ job, item };
	job->left++;
	if (redis_port_send(partition_commands(job->command->partition), 2,
		(const char *const[]){ "GET", key }, NULL, TIMEOUT_MS, on_key, question) < 0) {
		job->failed = true;
		err_set(&job->err, ERR_UNAVAILABLE, "redis takes no commands");
		job->left--;
		free(question);
	}
	free(key);
}

static void
check_keys(struct start_job *job)
{
	job->left = 1;
	for (size_t i = 0; i < job->n; i++) {
		if (job->items[i].key)
			ask_key(job, &job->items[i]);
	}
	step_done(job, store_definitions);
}

/* --- step 0: what was passed on ------------------------------------------------------------- */

static void
copy_text(char *to, size_t size, const char *text)
{
	(void)snprintf(to, size, "%s", text);
}

static const char *
item_text(const json_t *from, const char *key)
{
	const char *text = json_string_value(json_object_get(from, key));

	return text ? text : "";
}

static bool
is_sha256(const char *text)
{
	return strlen(text) == SHA256_HEX_SIZE - 1 &&
	    strspn(text, "0123456789abcdef") == SHA256_HEX_SIZE - 1;
}

static bool
read_item(const json_t *from, struct start_item *item)
{
	const char *key = json_string_value(json_object_get(from, "key"));
	const char *def = item_text(from, "def"), *hash = item_text(from, "hash");
	json_int_t priority = json_integer_value(json_object_get(from, "priority"));

	item->name = xstrdup(item_text(from, "workflow"));
	item->params = xstrdup(item_text(from, "params"));
	item->priority = (int)priority;
	item->key = key ? xstrdup(key) : NULL;
	copy_text(item->def, sizeof item->def, def);
	copy_text(item->hash, sizeof item->hash, hash);
	return is_sha256(def) && is_sha256(hash) && priority >= -1 && priority <= 9 &&
	    (!key || (strlen(key) <= FACADE_KEY_MAX && str_is_word(key)));
}

json_t *
start_job_body(const struct start_job *job)
{
	json_t *items = json_array();

	for (size_t i = 0; i < job->n; i++) {
		const struct start_item *item = &job->items[i];

		json_array_append_new(items, json_pack("{s:s, s:s, s:s, s:i, s:s, s:s?}", "def",
		    item->wf->sha256, "workflow", item->wf->name, "params", item->params, "priority",
		    item->priority, "hash", item->hash, "key", item->key));
	}
	return json_pack("{s:o}", "items", items);
}

struct definition_question {
	struct start_job *job;
	struct start_item *item;
};

static void
on_fetched(void *arg, struct workflow *wf, const struct err *err)
{
	struct definition_question *question = arg;
	struct start_job *job = question->job;
	struct buf resolved = { 0 };
	struct start_item *item = question->item;

	free(question);
	if (!wf) {
		job->failed = true;
		job->err = *err;
	} else {
		item->wf = workflow_ref(wf);
		job->failed = params_resolve(wf, item->params, &resolved, &job->err) < 0 || job->failed;
	}
	buf_release(&resolved);
	step_done(job, check_keys);
}

static void
fetch_definitions(struct start_job *job)
{
	job->left = 1;
	for (size_t i = 0; i < job->n; i++) {
		struct definition_question *question = xcalloc(1, sizeof *question);

		*question = (struct definition_question){ job, &job->items[i] };
		job->left++;
		orchestrator_fetch_definition(job->orch, job->command->partition, job->items[i].name,
		    job->items[i].def, on_fetched, question);
	}
	step_done(job, check_keys);
}

static struct start_job *
read_job(struct command *command)
{
	const json_t *items = json_object_get(command->body, "items");
	size_t n = json_array_size(items);
	struct start_job *job = start_job_new(command->orch, n <= ITEMS_MAX ? n : 0);
	bool good = job->n > 0;

	for (size_t i = 0; i < job->n; i++)
		good = read_item(json_array_get(items, i), &job->items[i]) && good;
	command->native = job;
	command->free_native = start_job_free;
	return good ? job : NULL;
}

void
starting_apply(struct command *command)
{
	struct start_job *job = command->native ? command->native : read_job(command);
	struct err err;

	if (!job) {
		err_set(&err, ERR_INVALID, "a command that starts runs, but does not say which");
		command_refuse(command, &err, NULL);
		return;
	}
	job->command = command;
	if (job->items[0].wf)
		check_keys(job);
	else
		fetch_definitions(job);
}
