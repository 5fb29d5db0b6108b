/* SPDX-License-Identifier: MIT */
/* Starts runs: for dropped files and for people. */
#include <hiredis/hiredis.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "model/canonical.h"
#include "model/load.h"
#include "model/params.h"
#include "orchestrator/audit.h"
#include "orchestrator/orchestrator_private.h"
#include "orchestrator/registry.h"
#include "orchestrator/view.h"

#define TIMEOUT_MS 5000
#define SHOWN_TASKS_MAX 1000

/* --- one run, now ----------------------------------------------------------------- */

static struct run *
submit_run(struct orchestrator *orch, struct workflow *wf, const char *params, int priority,
    struct submission *submission, struct err *err)
{
	struct partition *p = orch->partition;
	struct run_spec spec = { .wf = wf, .params = params, .priority = priority,
		.submission = submission };
	struct run *run = NULL;
	struct moment now;

	orchestrator_moment(orch, &now);
	spec.id = run_id_make(now.wall_ms, 0, &orch->rng);
	if (engine_submit(partition_engine(p), &now, &spec, partition_effects(p), &run, err) < 0)
		return NULL;
	memcpy(orch->last_run, spec.id.text, sizeof orch->last_run);
	return run;
}

struct run *
orchestrator_start_run(struct orchestrator *orch, struct workflow *wf, const char *params,
    int priority, struct submission *submission, struct err *err)
{
	struct buf resolved = { 0 };
	struct run *run = NULL;

	if (!orchestrator_engine(orch)) {
		err_set(err, ERR_UNAVAILABLE, "%s", partition_why(orch->partition));
		submission_free(submission);
	} else if (params_resolve(wf, params, &resolved, err) < 0) {
		submission_free(submission);
	} else {
		run = submit_run(orch, wf, buf_text(&resolved), priority, submission, err);
		partition_mark(orch->partition);
	}
	buf_release(&resolved);
	return run;
}

/* --- a request: one run or several, all or none -------------------------------------- */

struct item {
	struct workflow *wf;
	char *params; /* resolved */
	int priority;
	char *key;    /* idempotency key, or NULL */
	char hash[SHA256_HEX_SIZE];
	json_t *result;
};

struct job {
	struct orchestrator *orch;
	struct item *items;
	size_t n;
	struct facade_actor *actor;
	size_t left;          /* answers that are due in this step */
	bool failed;
	struct err err;
	json_t *details;
	facade_reply_fn *fn;
	void *arg;
};

/* An idempotency key whose run is not confirmed yet. */
struct pending_key {
	char *key;
	char hash[SHA256_HEX_SIZE];
	struct run *run;
	UT_hash_handle hh;
};

static void
job_free(struct job *job)
{
	for (size_t i = 0; i < job->n; i++) {
		workflow_unref(job->items[i].wf);
		free(job->items[i].params);
		free(job->items[i].key);
		json_decref(job->items[i].result);
	}
	free(job->items);
	free(job->actor);
	free(job);
}

static void
job_fail(struct job *job, json_t *details)
{
	job->fn(job->arg, details, &job->err);
	job_free(job);
}

static void
job_answer(struct job *job)
{
	struct err none = { 0 };
	json_t *array = json_array();

	for (size_t i = 0; i < job->n; i++)
		json_array_append(array, job->items[i].result);
	job->fn(job->arg, array, &none);
	job_free(job);
}

/* --- what is asked for ---------------------------------------------------------------- */

static json_t *
fault_lines(struct faults *faults, const char *file)
{
	struct buf text = { 0 };
	json_t *lines = json_array();
	char *line, *rest;

	faults_render(faults, file, &text);
	rest = text.data;
	while (rest && (line = strsep(&rest, "\n")) != NULL) {
		if (*line)
			json_array_append_new(lines, json_string(line));
	}
	buf_release(&text);
	return json_pack("{s:o}", "faults", lines);
}

static int
load_source(struct job *job, struct item *item, const struct facade_submit *submit)
{
	const char *file = submit->file ? submit->file : "request";
	struct model_limits limits = MODEL_LIMITS_DEFAULT;
	struct faults faults = { 0 };
	struct workflow **list = NULL;
	size_t n = 0;
	int rc = workflow_load(file, submit->source, submit->source_len, &limits, &faults, &list, &n);

	if (rc < 0) {
		job->details = fault_lines(&faults, file);
		err_set(&job->err, ERR_INVALID, "the workflow has faults");
	} else if (n != 1) {
		rc = err_set(&job->err, ERR_INVALID,
		    "'%s' holds %zu workflows: send one, or name one that is registered", file, n);
	} else {
		item->wf = workflow_ref(list[0]);
	}
	workflow_list_free(list, n);
	faults_release(&faults);
	return rc;
}

static int
find_workflow(struct job *job, struct item *item, const struct facade_submit *submit)
{
	const struct registry_entry *entry = NULL;

	if (submit->source)
		return load_source(job, item, submit);
	if (job->orch->registry)
		entry = registry_find(job->orch->registry, submit->workflow);
	if (!entry)
		return err_set(&job->err, ERR_NOT_FOUND,
		    "no workflow '%s': see 'reeve workflows'", submit->workflow);
	item->wf = workflow_ref(entry->workflow);
	return 0;
}

/* The same key with another question is a conflict: what was asked, as a hash. */
static void
hash_item(struct item *item)
{
	struct buf text = { 0 };

	buf_printf(&text, "%s %d %s", item->wf->sha256, item->priority, item->params);
	sha256_hex(text.data, text.len, item->hash);
	buf_release(&text);
}

static int
prepare(struct job *job, struct item *item, const struct facade_submit *submit)
{
	char *given = submit->params ? json_dumps(submit->params, JSON_COMPACT) : NULL;
	struct buf params = { 0 };
	int rc = find_workflow(job, item, submit);

	if (rc == 0)
		rc = params_resolve(item->wf, given, &params, &job->err);
	if (rc == 0) {
		item->params = buf_steal(&params);
		item->priority = submit->priority;
		item->key = submit->idempotency_key ? xstrdup(submit->idempotency_key) : NULL;
		hash_item(item);
	}
	buf_release(&params);
	free(given);
	return rc;
}

/* --- step 3: start, wait for the commit, answer ------------------------------------------ */

static void
forget_keys(struct job *job)
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

static void
on_committed(void *arg, const struct err *err)
{
	struct job *job = arg;

	forget_keys(job);
	if (err->code < 0) {
		job->err = *err;
		job_fail(job, NULL);
	} else {
		job_answer(job);
	}
}

static void
remember_key(struct job *job, const struct item *item, struct run *run)
{
	struct pending_key *pending = xcalloc(1, sizeof *pending);

	pending->key = xstrdup(item->key);
	memcpy(pending->hash, item->hash, sizeof pending->hash);
	pending->run = run_ref(run);
	HASH_ADD_KEYPTR(hh, job->orch->pending_keys, pending->key, strlen(pending->key), pending);
}

/* Two items of one request, or of two at once, may carry the same key. */
static bool
use_pending(struct job *job, struct item *item)
{
	struct pending_key *pending = NULL;

	if (item->key)
		HASH_FIND_STR(job->orch->pending_keys, item->key, pending);
	if (!pending)
		return false;
	if (strcmp(pending->hash, item->hash) == 0) {
		item->result = view_run(pending->run);
	} else {
		job->failed = true;
		err_set(&job->err, ERR_CONFLICT,
		    "idempotency key '%s' was used for another request", item->key);
	}
	return true;
}

static struct submission *
make_submission(const struct job *job, const struct item *item)
{
	struct submission *submission = xcalloc(1, sizeof *submission);

	submission->actor = xstrdup(job->actor->name);
	if (item->key) {
		submission->idempotency_key = xstrdup(item->key);
		submission->request_hash = xstrdup(item->hash);
	}
	return submission;
}

static bool
has_room(struct job *job, const struct engine *engine)
{
	size_t tasks = engine_tasks_live(engine);

	for (size_t i = 0; i < job->n; i++)
		tasks += job->items[i].result ? 0 : job->items[i].wf->n_tasks;
	if (tasks <= job->orch->config.engine.max_tasks)
		return true;
	err_set(&job->err, ERR_LIMIT, "%zu live tasks would pass the limit of %u (max_tasks)",
	    tasks, job->orch->config.engine.max_tasks);
	return false;
}

/* A single run is shown with its tasks, unless they are very many. */
static json_t *
show_new(const struct job *job, const struct run *run)
{
	struct view_context context = { .engine = partition_engine(job->orch->partition),
		.fleet = job->orch->fleet };

	if (job->n > 1 || run->wf->n_tasks > SHOWN_TASKS_MAX)
		return view_run(run);
	orchestrator_moment(job->orch, &context.now);
	return view_run_full(run, &context, NULL);
}

static void
start_all(struct job *job)
{
	struct engine *engine = orchestrator_engine(job->orch);
	struct run *first = NULL;
	int started = 0;

	if (!engine) {
		err_set(&job->err, ERR_UNAVAILABLE, "%s", partition_why(job->orch->partition));
		job_fail(job, NULL);
		return;
	}
	if (!has_room(job, engine)) {
		job_fail(job, NULL);
		return;
	}
	for (size_t i = 0; i < job->n && !job->failed; i++) {
		struct item *item = &job->items[i];
		struct run *run;

		if (item->result || use_pending(job, item))
			continue;
		run = submit_run(job->orch, item->wf, item->params, item->priority,
		    make_submission(job, item), &job->err);
		if (!run) {
			job->failed = true;
			break;
		}
		item->result = show_new(job, run);
		if (item->key)
			remember_key(job, item, run);
		first = first ? first : run;
		started++;
	}
	if (first)
		audit_note(partition_effects(job->orch->partition), first, TASK_NONE, "audit.submit",
		    job->actor, json_pack("{s:i, s:s}", "runs", started, "workflow",
		        first->wf->name));
	partition_mark(job->orch->partition);
	if (job->failed)
		job_fail(job, NULL);
	else
		partition_barrier(job->orch->partition, on_committed, job);
}

/* --- step 2: definitions ---------------------------------------------------------------- */

static void
step_done(struct job *job, void (*next)(struct job *job))
{
	if (--job->left > 0)
		return;
	if (job->failed)
		job_fail(job, NULL);
	else
		next(job);
}

static void
on_definition(void *arg, const struct err *err)
{
	struct job *job = arg;

	if (err->code < 0) {
		job->failed = true;
		job->err = *err;
	}
	step_done(job, start_all);
}

static void
store_definitions(struct job *job)
{
	job->left = 1;
	for (size_t i = 0; i < job->n; i++) {
		if (job->items[i].result)
			continue;
		job->left++;
		orchestrator_with_definition(job->orch, job->items[i].wf, on_definition, job);
	}
	step_done(job, start_all);
}

/* --- step 1: idempotency keys ------------------------------------------------------------- */

struct key_question {
	struct job *job;
	struct item *item;
};

static void
on_known_run(void *arg, json_t *body, const struct err *err)
{
	struct key_question *question = arg;
	struct job *job = question->job;

	if (err->code < 0) {
		job->failed = true;
		job->err = *err;
	} else {
		question->item->result = json_incref(json_array_get(body, 0));
	}
	json_decref(body);
	free(question);
	step_done(job, store_definitions);
}

/* Value: RUN HASH. */
static bool
same_question(struct job *job, const struct item *item, const char *value, char *run_id)
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
	struct job *job = question->job;
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
ask_key(struct job *job, struct item *item)
{
	struct key_question *question = xcalloc(1, sizeof *question);
	char *key = key_make(&partition_store(job->orch->partition)->keys, "idem:", item->key);

	*question = (struct key_question){ job, item };
	job->left++;
	if (redis_port_send(partition_commands(job->orch->partition), 2,
		(const char *const[]){ "GET", key }, NULL, TIMEOUT_MS, on_key, question) < 0) {
		job->failed = true;
		err_set(&job->err, ERR_UNAVAILABLE, "redis takes no commands");
		job->left--;
		free(question);
	}
	free(key);
}

static void
check_keys(struct job *job)
{
	job->left = 1;
	for (size_t i = 0; i < job->n; i++) {
		if (job->items[i].key)
			ask_key(job, &job->items[i]);
	}
	step_done(job, store_definitions);
}

void
facade_submit(struct orchestrator *orch, const struct facade_submit *submits, size_t n,
    const struct facade_actor *actor, facade_reply_fn *fn, void *arg)
{
	struct job *job = xcalloc(1, sizeof *job);

	*job = (struct job){ .orch = orch, .n = n, .fn = fn, .arg = arg };
	job->items = xcalloc(n, sizeof *job->items);
	job->actor = actor_copy(actor);
	if (!orchestrator_engine(orch)) {
		err_set(&job->err, ERR_UNAVAILABLE, "%s", partition_why(orch->partition));
		job_fail(job, NULL);
		return;
	}
	for (size_t i = 0; i < n; i++) {
		if (prepare(job, &job->items[i], &submits[i]) < 0) {
			job_fail(job, job->details);
			return;
		}
	}
	check_keys(job);
}
