/* SPDX-License-Identifier: MIT */
/* Takes requests for runs: what is asked for is checked here and started by its partition's owner. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "model/load.h"
#include "model/params.h"
#include "orchestrator/registry.h"
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

	if (!orchestrator_engine(orch) || partition_held(orch->partition)) {
		err_set(err, ERR_UNAVAILABLE, "%s", partition_why(orch->partition));
		submission_free(submission);
	} else if (params_resolve(wf, params, &resolved, err) < 0) {
		submission_free(submission);
	} else {
		run = orchestrator_submit(orch, orch->partition, wf, buf_text(&resolved), priority, submission, err);
		partition_mark(orch->partition);
	}
	buf_release(&resolved);
	return run;
}

/* --- a request: one run or several -------------------------------------------------------- */

struct request {
	struct orchestrator *orch;
	struct err err;
	json_t *details;
	facade_reply_fn *fn;
	void *arg;
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
	int rc = workflow_load(file, submit->source, submit->source_len, &limits, &faults, &list, &n);

	if (rc < 0) {
		request->details = fault_lines(&faults, file);
		err_set(&request->err, ERR_INVALID, "the workflow has faults");
	} else if (n != 1) {
		rc = err_set(&request->err, ERR_INVALID,
		    "'%s' holds %zu workflows: send one, or name one that is registered", file, n);
	} else {
		item->wf = workflow_ref(list[0]);
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
		start_item_hash(item);
	}
	buf_release(&params);
	free(given);
	return rc;
}

/* --- the answer ------------------------------------------------------------------------------ */

/* A single run that was started elsewhere comes as itself. */
static void
on_started(void *arg, json_t *body, const struct err *err)
{
	struct request *request = arg;

	if (err->code == 0 && json_is_object(body))
		body = json_pack("[o]", body);
	request->fn(request->arg, body, err);
	free(request);
}

static void
on_sent(void *arg, const struct err *err)
{
	struct command *command = arg;
	struct start_job *job = command->native;

	if (err->code < 0) {
		command_refuse(command, err, NULL);
		return;
	}
	command->body = start_job_body(job);
	command_go(command);
}

/* Another daemon needs the definitions in Redis. */
static void
go(struct command *command, struct start_job *job)
{
	struct workflow **wfs;

	command->native = job;
	command->free_native = start_job_free;
	if (command_is_here(command->partition)) {
		command_go(command);
		return;
	}
	wfs = xcalloc(job->n, sizeof *wfs);
	for (size_t i = 0; i < job->n; i++)
		wfs[i] = job->items[i].wf;
	orchestrator_send_definitions(command->orch, command->partition, wfs, job->n, on_sent,
	    command);
	free(wfs);
}

void
facade_submit(struct orchestrator *orch, const struct facade_submit *submits, size_t n,
    const struct facade_actor *actor, facade_reply_fn *fn, void *arg)
{
	struct request *request = xcalloc(1, sizeof *request);
	struct start_job *job = start_job_new(orch, n);

	*request = (struct request){ .orch = orch, .fn = fn, .arg = arg };
	for (size_t i = 0; i < n; i++) {
		if (prepare(request, &job->items[i], &submits[i]) == 0)
			continue;
		fn(arg, request->details, &request->err);
		start_job_free(job);
		free(request);
		return;
	}
	go(command_new(orch, orch->partition, "submit", NULL, actor, on_started, request), job);
}
