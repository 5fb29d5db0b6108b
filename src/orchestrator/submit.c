/* SPDX-License-Identifier: MIT */
/* Takes requests for runs: what is asked for is checked here and started by its partition's owner. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "model/load.h"
#include "model/params.h"
#include "orchestrator/registry.h"
#include "orchestrator/sources.h"
#include "orchestrator/starting.h"

/* --- one run, now ----------------------------------------------------------------- */

struct run *
orchestrator_submit(struct orchestrator *orch, struct partition *p, struct workflow *wf,
    const char *params, int priority, struct submission *submission, struct err *err)
{
	struct run_spec spec = { .wf = wf, .params = params, .priority = priority,
		.submission = submission };
	struct run *run = NULL;
	struct moment now;

	orchestrator_moment(orch, &now);
	spec.id = run_id_make_in(now.wall_ms, partition_number(p), orchestrator_partitions(orch),
	    &orch->rng);
	if (engine_submit(partition_engine(p), &now, &spec, partition_effects(p), &run, err) < 0)
		return NULL;
	memcpy(orch->last_run, spec.id.text, sizeof orch->last_run);
	return run;
}

/* --- a request: one run or several, each in its partition ------------------------------------ */

struct request {
	struct orchestrator *orch;
	struct start_shown *shown; /* in the order of what was asked */
	size_t n, left;   /* left: answers that are due */
	bool split;       /* over several partitions: all or none holds in each */
	struct err err;
	json_t *details;
	facade_started_fn *fn;
	void *arg;
};

/* What one partition starts of a request. */
struct parcel {
	struct request *request;
	size_t *places;
	struct start_shown *shown;
	size_t n;
};

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
load_source(struct request *request, struct start_item *item, const struct facade_submit *submit)
{
	const char *file = submit->file ? submit->file : "request";
	struct model_limits limits = MODEL_LIMITS_DEFAULT;
	struct faults faults = { 0 };
	struct workflow **list = NULL;
	size_t n = 0;
	struct workflow *known =
	    sources_find(request->orch->sources, file, submit->source, submit->source_len);
	int rc;

	if (known) {
		item->wf = workflow_ref(known);
		return 0;
	}
	rc = workflow_load(file, submit->source, submit->source_len, &limits, &faults, &list, &n);
	if (rc < 0) {
		request->details = fault_lines(&faults, file);
		err_set(&request->err, ERR_INVALID, "the workflow has faults");
	} else if (n != 1) {
		rc = err_set(&request->err, ERR_INVALID,
		    "'%s' holds %zu workflows: send one, or name one that is registered", file, n);
	} else {
		item->wf = workflow_ref(list[0]);
		sources_keep(request->orch->sources, file, submit->source, submit->source_len,
		    item->wf);
	}
	workflow_list_free(list, n);
	faults_release(&faults);
	return rc;
}

static int
find_workflow(struct request *request, struct start_item *item, const struct facade_submit *submit)
{
	const struct registry_entry *entry = NULL;

	if (submit->source)
		return load_source(request, item, submit);
	if (request->orch->registry)
		entry = registry_find(request->orch->registry, submit->workflow);
	if (!entry)
		return err_set(&request->err, ERR_NOT_FOUND,
		    "no workflow '%s': see 'reeve workflows'", submit->workflow);
	item->wf = workflow_ref(entry->workflow);
	return 0;
}

static int
prepare(struct request *request, struct start_item *item, const struct facade_submit *submit)
{
	char *given = submit->params ? json_dumps(submit->params, JSON_COMPACT) : NULL;
	struct buf params = { 0 };
	int rc = find_workflow(request, item, submit);

	if (rc == 0)
		rc = params_resolve(item->wf, given, &params, &request->err);
	if (rc == 0) {
		item->params = buf_steal(&params);
		item->priority = submit->priority;
		item->key = submit->idempotency_key ? xstrdup(submit->idempotency_key) : NULL;
		if (item->key)
			start_item_hash(item);
	}
	buf_release(&params);
	free(given);
	return rc;
}

/* --- the answer ------------------------------------------------------------------------------ */

/* A part of it may have been started: that is said. */
static json_t *
started_runs(const struct request *request)
{
	json_t *ids = json_array();

	for (size_t i = 0; i < request->n; i++) {
		if (request->shown[i].json)
			json_array_append_new(ids, json_string(request->shown[i].id));
	}
	return json_pack("{s:o}", "started", ids);
}

static void
request_end(struct request *request)
{
	struct facade_started *runs = xcalloc(request->n, sizeof *runs);
	json_t *details = request->details;

	if (request->err.code < 0 && request->split) {
		details = started_runs(request);
		if (request->details)
			json_object_update_missing(details, request->details);
		json_decref(request->details);
	}
	for (size_t i = 0; i < request->n; i++)
		runs[i] = (struct facade_started){ request->shown[i].id, request->shown[i].json };
	request->fn(request->arg, runs, request->n, details, &request->err);
	free(runs);
	for (size_t i = 0; i < request->n; i++)
		start_shown_release(&request->shown[i]);
	free(request->shown);
	free(request);
}

static void
parcel_free(struct parcel *parcel)
{
	for (size_t i = 0; i < parcel->n; i++)
		start_shown_release(&parcel->shown[i]);
	free(parcel->shown);
	free(parcel->places);
	free(parcel);
}

/* Of what was started elsewhere; a single run comes as itself. */
static void
read_shown(struct parcel *parcel, const json_t *body)
{
	for (size_t i = 0; i < parcel->n; i++)
		start_shown_set(&parcel->shown[i], json_is_object(body) ? body : json_array_get(body, i));
}

/* body: NULL on failure, and where the runs were shown here. */
static void
on_started(void *arg, json_t *body, const struct err *err)
{
	struct parcel *parcel = arg;
	struct request *request = parcel->request;

	if (err->code < 0) {
		request->err = *err;
		json_decref(request->details);
		request->details = json_incref(body);
	}
	if (err->code == 0 && body)
		read_shown(parcel, body);
	for (size_t i = 0; i < parcel->n && err->code == 0; i++) {
		request->shown[parcel->places[i]] = parcel->shown[i];
		parcel->shown[i] = (struct start_shown){ 0 };
	}
	json_decref(body);
	parcel_free(parcel);
	if (--request->left == 0)
		request_end(request);
}

static void
on_sent(void *arg, const struct err *err)
{
	struct command *command = arg;

	if (err->code < 0) {
		command_refuse(command, err, NULL);
		return;
	}
	json_decref(command->body);
	command->body = start_job_body(command->native);
	if (command->again)
		command_pass(command);
	else
		command_go(command);
}

/* Another daemon needs the definitions in Redis. */
static void
travel(struct command *command)
{
	struct start_job *job = command->native;
	struct workflow **wfs = xcalloc(job->n, sizeof *wfs);

	start_job_reset(job);
	for (size_t i = 0; i < job->n; i++) {
		wfs[i] = job->items[i].wf;
		start_item_hash(&job->items[i]);
	}
	orchestrator_send_definitions(command->orch, command->partition, wfs, job->n, on_sent,
	    command);
	free(wfs);
}

static void
go(struct command *command, struct start_job *job)
{
	command->native = job;
	command->free_native = start_job_free;
	command->travel = travel;
	if (command_is_here(command->partition))
		command_go(command);
	else
		travel(command);
}

/* --- who starts what --------------------------------------------------------------------------- */

/*
 * By the idempotency key, so that the same one comes to the same partition again.  Keys of one
 * request differ by their end (KEY.0, KEY.1, …): that does not count.
 */
static unsigned
number_of(const struct orchestrator *orch, const char *key)
{
	const char *dot = strrchr(key, '.');
	size_t len = strlen(key);

	if (dot && dot[1] && strspn(dot + 1, "0123456789") == strlen(dot + 1))
		len = (size_t)(dot - key);
	return partition_of(key, len, orchestrator_partitions(orch));
}

/* Runs without a key stay together: with the first that has one, or anywhere. */
static void
choose(const struct start_job *all, unsigned *numbers)
{
	struct orchestrator *orch = all->orch;
	unsigned other = (unsigned)(rng_u64(&orch->rng) % orchestrator_partitions(orch));

	for (size_t i = all->n; i-- > 0;) {
		if (all->items[i].key)
			other = number_of(orch, all->items[i].key);
	}
	for (size_t i = 0; i < all->n; i++)
		numbers[i] = all->items[i].key ? number_of(orch, all->items[i].key) : other;
}

static void
send_parcel(struct request *request, struct start_job *all, const unsigned *numbers,
    unsigned number, size_t n, const struct facade_actor *actor)
{
	struct start_job *job = start_job_new(request->orch, n);
	struct parcel *parcel = xcalloc(1, sizeof *parcel);

	*parcel = (struct parcel){ request, xcalloc(n, sizeof *parcel->places),
		xcalloc(n, sizeof *parcel->shown), 0 };
	job->answer = parcel->shown;
	for (size_t i = 0; i < all->n; i++) {
		if (numbers[i] != number)
			continue;
		job->items[parcel->n] = all->items[i];
		all->items[i] = (struct start_item){ 0 };
		parcel->places[parcel->n++] = i;
	}
	request->left++;
	go(command_new(request->orch, orchestrator_partition(request->orch, number), "submit", NULL,
	    actor, on_started, parcel), job);
}

static void
send_parcels(struct request *request, struct start_job *all, const struct facade_actor *actor)
{
	unsigned *numbers = xcalloc(all->n, sizeof *numbers);

	choose(all, numbers);
	for (size_t i = 0; i < all->n; i++)
		request->split = request->split || numbers[i] != numbers[0];
	request->left = 1;
	for (size_t i = 0; i < all->n; i++) {
		size_t n = 0;

		for (size_t k = 0; k < all->n; k++)
			n += numbers[k] == numbers[i];
		if (all->items[i].wf)
			send_parcel(request, all, numbers, numbers[i], n, actor);
	}
	free(numbers);
	if (--request->left == 0)
		request_end(request);
}

void
facade_submit(struct orchestrator *orch, const struct facade_submit *submits, size_t n,
    const struct facade_actor *actor, facade_started_fn *fn, void *arg)
{
	struct request *request = xcalloc(1, sizeof *request);
	struct start_job *all = start_job_new(orch, n);

	*request = (struct request){ .orch = orch, .n = n, .fn = fn, .arg = arg };
	request->shown = xcalloc(n, sizeof *request->shown);
	for (size_t i = 0; i < n && request->err.code == 0; i++)
		(void)prepare(request, &all->items[i], &submits[i]);
	if (request->err.code < 0)
		request_end(request);
	else
		send_parcels(request, all, actor);
	start_job_free(all);
}
