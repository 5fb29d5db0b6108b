/* SPDX-License-Identifier: MIT */
/* Replays dead letters: in their run, or alone when that has expired. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "model/load.h"
#include "orchestrator/control.h"

struct replaying {
	struct orchestrator *orch;
	struct partition *p;
	struct replay_order order; /* its texts are own */
	char *texts[9];
	size_t n_texts;
	replay_fn *fn;
	void *arg;
};

static const char *
own(struct replaying *r, const char *text, size_t len)
{
	if (!text)
		return NULL;
	return r->texts[r->n_texts++] = xstrndup(text, len);
}

static const char *
own_text(struct replaying *r, const char *text)
{
	return own(r, text, text ? strlen(text) : 0);
}

static void
replaying_end(struct replaying *r, struct run *run, const struct err *err)
{
	r->fn(r->arg, run, err);
	for (size_t i = 0; i < r->n_texts; i++)
		free(r->texts[i]);
	free(r);
}

/* --- alone ---------------------------------------------------------------------------- */

/* JSON is YAML.  What the task does is given to it beside its definition, as it is. */
static char *
write_flow(const struct replay_order *order)
{
	json_t *task = json_pack("{s:s, s:s}", "id", order->task, "agent", order->type);
	json_t *flow;
	char *text;

	json_object_set_new(task, order->kind,
	    strcmp(order->kind, "payload") == 0 ? json_object() : json_string("-"));
	flow = json_pack("{s:s, s:s, s:[o]}", "name", order->workflow, "on", "manual", "tasks",
	    task);
	text = flow ? json_dumps(flow, JSON_COMPACT) : NULL;
	json_decref(flow);
	return text;
}

static int
make_flow(const struct replay_order *order, struct workflow **ret_wf, struct err *err)
{
	char *text = write_flow(order);
	struct model_limits limits = MODEL_LIMITS_DEFAULT;
	struct workflow **list = NULL;
	struct faults faults = { 0 };
	size_t n = 0;
	int rc;

	rc = text ? workflow_load("dead-letter", text, strlen(text), &limits, &faults, &list, &n)
	          : ERR_INVALID;
	if (rc == 0 && n == 1)
		*ret_wf = workflow_ref(list[0]);
	else
		rc = err_set(err, ERR_INVALID, "the dead letter is not what Reeve wrote: its "
		    "workflow, task, type or kind is none");
	workflow_list_free(list, n);
	faults_release(&faults);
	free(text);
	return rc;
}

/* The variables that a run line refers to: members of the letter's meta.env. */
static char *
find_env(const char *meta_text)
{
	json_t *meta = meta_text ? json_loads(meta_text, 0, NULL) : NULL;
	json_t *env = json_object_get(meta, "env"), *value;
	struct buf out = { 0 };
	const char *name;

	json_object_foreach(env, name, value) {
		if (!json_is_string(value))
			continue;
		buf_adds(&out, out.len > 0 ? "," : "");
		buf_add_json(&out, name, strlen(name));
		buf_addc(&out, ':');
		buf_add_json(&out, json_string_value(value), json_string_length(value));
	}
	json_decref(meta);
	return out.len > 0 ? buf_steal(&out) : NULL;
}

static void
close_letter(struct replaying *r, struct run *run)
{
	struct effect *effect =
	    effects_add(partition_effects(r->p), EFFECT_DEAD_CLOSED, run, TASK_NONE);

	effect->u.closed.as = xstrdup(run->id.text);
	effect->u.closed.type = xstrdup(r->order.type);
	effect->u.closed.entry = xstrdup(r->order.entry);
}

static int
start_alone(struct replaying *r, struct run **ret_run, struct err *err)
{
	const struct replay_order *order = &r->order;
	char *replay_of = xasprintf("%s/%s", order->run, order->task);
	char *env = find_env(order->letter_meta);
	struct run_spec spec = { .params = "{}", .priority = -1, .replay_of = replay_of,
		.boost = order->boost, .body = order->body, .body_len = order->body_len,
		.env = env };
	unsigned partition =
	    run_id_valid(order->run, strlen(order->run)) ? run_id_partition(order->run) : 0;
	struct moment now;
	int rc;

	if (!spec.body) {
		spec.body = order->letter_body;
		spec.body_len = order->letter_body_len;
	}
	rc = make_flow(order, &spec.wf, err);
	if (rc == 0) {
		orchestrator_moment(r->orch, &now);
		spec.id = run_id_make(now.wall_ms, partition, &r->orch->rng);
		rc = engine_submit(partition_engine(r->p), &now, &spec, partition_effects(r->p),
		    ret_run, err);
		workflow_unref(spec.wf);
	}
	if (rc == 0)
		close_letter(r, *ret_run);
	free(replay_of);
	free(env);
	return rc;
}

static void
replay_alone(struct replaying *r, const struct err *why)
{
	struct err err = *why;
	struct run *run = NULL;

	if (!r->order.body && !r->order.letter_body)
		err_set(&err, ERR_CONFLICT, "run '%s' has expired, and the dead letter holds no "
		    "body: its task could not be rendered", r->order.run);
	else if (start_alone(r, &run, &err) == 0)
		err = (struct err){ 0 };
	replaying_end(r, run, &err);
}

/* --- in its run ------------------------------------------------------------------------- */

static void
on_rerun(void *arg, struct run *run, const uint32_t *tasks, size_t n, const struct err *err)
{
	struct replaying *r = arg;

	(void)tasks;
	(void)n;
	if (err->code == ERR_NOT_FOUND && r->order.type)
		replay_alone(r, err);
	else
		replaying_end(r, run, err);
}

void
control_replay(struct orchestrator *orch, struct partition *p, const struct replay_order *order,
    replay_fn *fn, void *arg)
{
	struct replaying *r = xcalloc(1, sizeof *r);
	struct rerun_order rerun = { .run = order->run, .task = order->task,
		.boost = order->boost, .body = order->body, .body_len = order->body_len,
		.by_letter = true, .attempts = order->attempts };

	*r = (struct replaying){ .orch = orch, .p = p, .order = *order, .fn = fn, .arg = arg };
	r->order.run = own_text(r, order->run);
	r->order.task = own_text(r, order->task);
	r->order.type = own_text(r, order->type);
	r->order.entry = own_text(r, order->entry);
	r->order.workflow = own_text(r, order->workflow);
	r->order.kind = own_text(r, order->kind);
	r->order.body = own(r, order->body, order->body_len);
	r->order.letter_body = own(r, order->letter_body, order->letter_body_len);
	r->order.letter_meta = own_text(r, order->letter_meta);
	control_rerun(orch, p, &rerun, on_rerun, r);
}
