/* SPDX-License-Identifier: MIT */
/* Reads a definition back from its canonical form. */
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "model/canonical.h"
#include "model/jread.h"
#include "model/load_internal.h"

struct reader {
	struct jread json;
	struct workflow *wf;
	struct task_def *tasks;
	struct param_def *params;
	struct env_def *env;
	const struct retry_policy *retry; /* of the task before */
	struct intern ids;
	struct intern agents;
	size_t cap;      /* of the list that is read */
	struct buf key;
	struct buf text;
	bool bad;        /* a value out of range, or a key that is not known */
};

/* One member of an object: the reader stands at its value. */
typedef void member_fn(struct reader *r, const char *key, void *thing);

static void
bad(struct reader *r)
{
	r->bad = true;
}

static bool
going(const struct reader *r)
{
	return !r->bad && !jread_failed(&r->json);
}

static void
read_object(struct reader *r, member_fn *member, void *thing)
{
	char key[32];

	if (!jread_enter(&r->json, '{'))
		return;
	while (going(r) && jread_next(&r->json, '}') && jread_key(&r->json, &r->key)) {
		if (r->key.len >= sizeof key) {
			bad(r);
			return;
		}
		memcpy(key, buf_text(&r->key), r->key.len + 1);
		member(r, key, thing);
	}
}

static bool
next_item(struct reader *r)
{
	return going(r) && jread_next(&r->json, ']');
}

static int64_t
read_number(struct reader *r, int64_t min, int64_t max)
{
	int64_t number = min;

	if (jread_i64(&r->json, &number) && (number < min || number > max))
		bad(r);
	return going(r) ? number : min;
}

static bool
read_bool(struct reader *r)
{
	bool value = false;

	jread_bool(&r->json, &value);
	return value;
}

static double
read_double(struct reader *r, double min, double max)
{
	double number = min;

	if (jread_double(&r->json, &number) && (number < min || number > max))
		bad(r);
	return number;
}

/* Into r->text; a NUL in it is a fault. */
static void
read_string(struct reader *r)
{
	buf_clear(&r->text);
	if (jread_string(&r->json, &r->text) && r->text.len > 0 &&
	    memchr(r->text.data, '\0', r->text.len) != NULL)
		bad(r);
}

static const char *
read_text(struct reader *r)
{
	read_string(r);
	return arena_strndup(&r->wf->arena, buf_text(&r->text), r->text.len);
}

static const char *
read_json(struct reader *r)
{
	const char *text = "null";
	size_t len = 4;

	jread_raw(&r->json, &text, &len);
	return arena_strndup(&r->wf->arena, text, len);
}

/* Puts one more item at the end of an array in the arena, which moves as it grows. */
static void *
grow(struct reader *r, void *items, uint32_t n, size_t size)
{
	void *more;

	if (n > 0 && n < r->cap)
		return items;
	r->cap = n == 0 ? 8 : r->cap * 2;
	more = arena_alloc(&r->wf->arena, r->cap * size);
	memset(more, 0, r->cap * size);
	if (n > 0)
		memcpy(more, items, n * size);
	return more;
}

static void
read_categories(struct reader *r, struct retry_policy *retry)
{
	enum category category;

	retry->on = 0;
	if (!jread_enter(&r->json, '['))
		return;
	while (next_item(r)) {
		read_string(r);
		if (category_parse(buf_text(&r->text), r->text.len, &category))
			retry->on |= CATEGORY_BIT(category);
		else
			bad(r);
	}
}

static void
read_exit_codes(struct reader *r, struct retry_policy *retry)
{
	uint8_t codes[256];
	size_t n = 0;

	if (!jread_enter(&r->json, '['))
		return;
	while (next_item(r) && n < sizeof codes)
		codes[n++] = (uint8_t)read_number(r, 0, 255);
	retry->exit_codes = (uint8_t *)arena_strndup(&r->wf->arena, (const char *)codes, n);
	retry->n_exit_codes = n;
}

/* What a policy and a rule have in common; false: none of that. */
static bool
retry_value(struct reader *r, const char *key, struct retry_policy *retry)
{
	uint32_t says = 0;

	if (strcmp(key, "max_attempts") == 0) {
		retry->max_attempts = (uint32_t)read_number(r, 1, UINT32_MAX);
		says = RETRY_SAYS_MAX_ATTEMPTS;
	} else if (strcmp(key, "backoff") == 0) {
		retry->backoff = (enum backoff_kind)read_number(r, 0, BACKOFF_ADAPTIVE);
		says = RETRY_SAYS_BACKOFF;
	} else if (strcmp(key, "delay") == 0) {
		retry->delay_ms = read_number(r, 0, INT64_MAX);
		says = RETRY_SAYS_DELAY;
	} else if (strcmp(key, "max_delay") == 0) {
		retry->max_delay_ms = read_number(r, 0, INT64_MAX);
		says = RETRY_SAYS_MAX_DELAY;
	} else if (strcmp(key, "factor") == 0) {
		retry->factor = read_double(r, 0, 1e6);
		says = RETRY_SAYS_FACTOR;
	} else if (strcmp(key, "jitter") == 0) {
		retry->jitter = read_double(r, 0, BACKOFF_FULL_JITTER);
		says = RETRY_SAYS_JITTER;
	} else if (strcmp(key, "on") == 0) {
		read_categories(r, retry);
	} else if (strcmp(key, "exit_codes") == 0) {
		read_exit_codes(r, retry);
	} else {
		return false;
	}
	retry->says |= says;
	return true;
}

static void
rule_member(struct reader *r, const char *key, void *thing)
{
	if (!retry_value(r, key, thing))
		bad(r);
}

static void
read_rules(struct reader *r, struct retry_policy *retry)
{
	struct retry_policy *rules = NULL;
	uint32_t n = 0;

	if (!jread_enter(&r->json, '['))
		return;
	while (next_item(r)) {
		rules = grow(r, rules, n, sizeof *rules);
		read_object(r, rule_member, &rules[n++]);
	}
	retry->rules = rules;
	retry->n_rules = n;
}

static void
retry_member(struct reader *r, const char *key, void *thing)
{
	struct retry_policy *retry = thing;

	if (retry_value(r, key, retry))
		retry->says = 0; /* a policy says all */
	else if (strcmp(key, "rules") == 0)
		read_rules(r, retry);
	else if (strcmp(key, "poison") == 0)
		retry->poison = (uint32_t)read_number(r, 1, UINT32_MAX);
	else if (strcmp(key, "given") == 0)
		retry->given = read_bool(r);
	else
		bad(r);
}

static void
read_retry(struct reader *r)
{
	struct retry_policy *retry = arena_alloc(&r->wf->arena, sizeof *retry);

	*retry = retry_defaults;
	read_object(r, retry_member, retry);
	r->retry = retry;
}

static void
read_choices(struct reader *r, struct param_def *param)
{
	const char **choices = NULL;
	uint32_t n = 0;

	if (!jread_enter(&r->json, '['))
		return;
	while (next_item(r)) {
		/* one more than there are, for the end */
		if (n == 0 || n + 1 >= r->cap)
			choices = grow(r, choices, n == 0 ? 0 : (uint32_t)r->cap,
			    sizeof *choices);
		choices[n++] = read_json(r);
		choices[n] = NULL;
	}
	param->choices = choices;
}

static void
param_member(struct reader *r, const char *key, void *thing)
{
	struct param_def *param = thing;

	if (strcmp(key, "name") == 0)
		param->name = read_text(r);
	else if (strcmp(key, "type") == 0)
		param->type = (enum param_type)read_number(r, 0, PARAM_JSON);
	else if (strcmp(key, "required") == 0)
		param->required = read_bool(r);
	else if (strcmp(key, "default") == 0)
		param->default_json = read_json(r);
	else if (strcmp(key, "enum") == 0)
		read_choices(r, param);
	else if (strcmp(key, "pattern") == 0)
		param->pattern = read_text(r);
	else if (strcmp(key, "description") == 0)
		param->description = read_text(r);
	else
		bad(r);
}

static struct template *
read_template(struct reader *r, enum template_kind kind)
{
	struct template *tpl = NULL;
	const char *text = "";
	size_t len = 0;

	if (kind == TEMPLATE_JSON) {
		jread_raw(&r->json, &text, &len);
	} else {
		read_string(r);
		text = buf_text(&r->text);
		len = r->text.len;
	}
	if (!going(r) || template_parse(&r->wf->arena, kind, text, len, NULL, NULL, &tpl) != 0)
		bad(r);
	return tpl;
}

static void
read_params(struct reader *r)
{
	size_t cap = 0;
	uint32_t n = 0;

	if (!jread_enter(&r->json, '['))
		return;
	while (next_item(r)) {
		r->cap = cap;
		r->params = grow(r, r->params, n, sizeof *r->params);
		cap = r->cap;
		r->params[n] = (struct param_def){ .name = "", .description = "" };
		read_object(r, param_member, &r->params[n++]);
	}
	r->wf->params = r->params;
	r->wf->n_params = n;
}

static void
read_env(struct reader *r)
{
	uint32_t n = 0;

	if (!jread_enter(&r->json, '['))
		return;
	while (next_item(r)) {
		r->env = grow(r, r->env, n, sizeof *r->env);
		if (!jread_enter(&r->json, '[') || !next_item(r))
			return bad(r);
		r->env[n].name = read_text(r);
		if (!next_item(r))
			return bad(r);
		r->env[n++].value = read_template(r, TEMPLATE_TEXT);
		if (next_item(r))
			bad(r);
	}
	r->wf->env = r->env;
	r->wf->n_env = n;
}

/* Numbers of tasks are checked once their count is known. */
static void
read_needs(struct reader *r, struct task_def *task)
{
	struct need *needs = NULL;
	uint32_t n = 0;

	if (!jread_enter(&r->json, '['))
		return;
	while (next_item(r)) {
		needs = grow(r, needs, n, sizeof *needs);
		if (!jread_enter(&r->json, '[') || !next_item(r))
			return bad(r);
		needs[n].task = (uint32_t)read_number(r, 0, INT32_MAX);
		if (!next_item(r))
			return bad(r);
		needs[n].on = (enum need_on)read_number(r, 0, NEED_SKIPPED);
		if ((n > 0 && needs[n].task <= needs[n - 1].task) || next_item(r))
			return bad(r);
		n++;
	}
	task->needs = needs;
	task->n_needs = n;
}

static void
read_outputs(struct reader *r, struct task_def *task)
{
	struct output_decl *outputs = NULL;
	uint32_t n = 0;

	if (!jread_enter(&r->json, '['))
		return;
	while (next_item(r)) {
		outputs = grow(r, outputs, n, sizeof *outputs);
		if (!jread_enter(&r->json, '[') || !next_item(r))
			return bad(r);
		outputs[n].name = read_text(r);
		if (!next_item(r))
			return bad(r);
		outputs[n++].required = read_bool(r);
		if (next_item(r))
			bad(r);
	}
	task->outputs = outputs;
	task->n_outputs = n;
}

/* Agent types and pools: one copy of each. */
static const char *
read_shared(struct reader *r)
{
	size_t found;

	read_string(r);
	found = intern_find(&r->agents, buf_text(&r->text), r->text.len);
	if (found == INTERN_NONE)
		found = intern_add(&r->agents,
		    arena_strndup(&r->wf->arena, buf_text(&r->text), r->text.len));
	return r->agents.names[found];
}

static void
task_member(struct reader *r, const char *key, void *thing)
{
	struct task_def *task = thing;

	if (strcmp(key, "id") == 0) {
		task->id = read_text(r);
	} else if (strcmp(key, "agent") == 0) {
		task->agent = read_shared(r);
	} else if (strcmp(key, "pool") == 0) {
		task->pool = read_shared(r);
	} else if (strcmp(key, "units") == 0) {
		task->units = (uint32_t)read_number(r, 1, POOL_UNITS_MAX);
	} else if (strcmp(key, "needs") == 0) {
		read_needs(r, task);
	} else if (strcmp(key, "priority") == 0) {
		task->priority = (int8_t)read_number(r, 0, 9);
	} else if (strcmp(key, "timeout") == 0) {
		task->timeout_ms = read_number(r, 0, INT64_MAX);
	} else if (strcmp(key, "stall_timeout") == 0) {
		task->stall_timeout_ms = read_number(r, 0, INT64_MAX);
	} else if (strcmp(key, "queue_timeout") == 0) {
		task->queue_timeout_ms = read_number(r, 0, INT64_MAX);
	} else if (strcmp(key, "total_timeout") == 0) {
		task->total_timeout_ms = read_number(r, 0, INT64_MAX);
	} else if (strcmp(key, "continue_on_error") == 0) {
		task->continue_on_error = read_bool(r);
	} else if (strcmp(key, "outputs") == 0) {
		read_outputs(r, task);
	} else if (strcmp(key, "retry") == 0) {
		read_retry(r);
	} else if (strcmp(key, "payload") == 0) {
		task->kind = TASK_PAYLOAD;
		task->body = read_template(r, TEMPLATE_JSON);
	} else if (strcmp(key, "prompt") == 0) {
		task->kind = TASK_PROMPT;
		task->body = read_template(r, TEMPLATE_TEXT);
	} else if (strcmp(key, "run") == 0) {
		task->kind = TASK_RUN;
		task->body = read_template(r, TEMPLATE_SHELL);
	} else {
		bad(r);
	}
}

static void
read_tasks(struct reader *r)
{
	size_t cap = 0;
	uint32_t n = 0;

	if (!jread_enter(&r->json, '['))
		return;
	while (next_item(r)) {
		struct task_def *task;

		if (n == cap) {
			cap = cap ? cap * 2 : 16;
			r->tasks = xreallocarray(r->tasks, cap, sizeof *r->tasks);
		}
		task = &r->tasks[n++];
		*task = (struct task_def){ .priority = -1 };
		read_object(r, task_member, task);
		task->retry = r->retry;
		if (task->id == NULL || task->agent == NULL || task->body == NULL ||
		    task->retry == NULL || (task->pool == NULL) != (task->units == 0) ||
		    intern_find(&r->ids, task->id, strlen(task->id)) != INTERN_NONE)
			return bad(r);
		intern_add(&r->ids, task->id);
	}
	r->wf->n_tasks = n;
}

static void
workflow_member(struct reader *r, const char *key, void *thing)
{
	struct workflow *wf = thing;

	if (strcmp(key, "v") == 0)
		(void)read_number(r, 1, CANONICAL_VERSION);
	else if (strcmp(key, "name") == 0)
		wf->name = read_text(r);
	else if (strcmp(key, "description") == 0)
		wf->description = read_text(r);
	else if (strcmp(key, "on") == 0)
		wf->on = (unsigned)read_number(r, 0, 255);
	else if (strcmp(key, "priority") == 0)
		wf->priority = (int8_t)read_number(r, 0, 9);
	else if (strcmp(key, "timeout") == 0)
		wf->timeout_ms = read_number(r, 0, INT64_MAX);
	else if (strcmp(key, "max_parallel") == 0)
		wf->max_parallel = (uint32_t)read_number(r, 1, UINT32_MAX);
	else if (strcmp(key, "fail") == 0)
		wf->fail = (enum fail_policy)read_number(r, 0, FAIL_CANCEL);
	else if (strcmp(key, "budget_usd") == 0)
		wf->budget.limit.micro_usd = (uint64_t)read_number(r, 1, INT64_MAX);
	else if (strcmp(key, "budget_tokens") == 0)
		wf->budget.limit.tokens = (uint64_t)read_number(r, 1, (int64_t)SPEND_TOKENS_MAX);
	else if (strcmp(key, "budget_breach") == 0)
		wf->budget.on_breach = (enum on_breach)read_number(r, 0, BREACH_FAIL);
	else if (strcmp(key, "params") == 0 && r->params == NULL)
		read_params(r);
	else if (strcmp(key, "env") == 0 && r->env == NULL)
		read_env(r);
	else if (strcmp(key, "tasks") == 0 && r->tasks == NULL)
		read_tasks(r);
	else
		bad(r);
}

static bool
resolve_task(struct reader *r, struct task_def *task, uint32_t *refs)
{
	uint32_t n, used = 0;
	struct expr *exprs = template_exprs((struct template *)(uintptr_t)task->body, &n);

	for (uint32_t i = 0; i < n; i++) {
		size_t found;

		if (exprs[i].task_id == NULL)
			continue;
		found = intern_find(&r->ids, exprs[i].task_id, strlen(exprs[i].task_id));
		if (found == INTERN_NONE)
			return false;
		exprs[i].task = (uint32_t)found;
		refs[used++] = (uint32_t)found;
	}
	task->n_refs = used;
	return true;
}

static int
by_number(const void *a, const void *b)
{
	const uint32_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

/* refs, ascending and each once. */
static bool
resolve(struct reader *r)
{
	for (uint32_t i = 0; i < r->wf->n_tasks; i++) {
		struct task_def *task = &r->tasks[i];
		uint32_t n, used = 0, *refs;

		template_refs(task->body, &n);
		if (n == 0)
			continue;
		refs = arena_alloc(&r->wf->arena, n * sizeof *refs);
		if (!resolve_task(r, task, refs))
			return false;
		qsort(refs, task->n_refs, sizeof *refs, by_number);
		for (uint32_t k = 0; k < task->n_refs; k++)
			if (used == 0 || refs[used - 1] != refs[k])
				refs[used++] = refs[k];
		task->refs = refs;
		task->n_refs = used;
	}
	return true;
}

static bool
env_is_whole(const struct workflow *wf)
{
	for (uint32_t i = 0; i < wf->n_env; i++) {
		uint32_t n;
		const struct expr *exprs = template_refs(wf->env[i].value, &n);

		for (uint32_t k = 0; k < n; k++)
			if (exprs[k].task_id != NULL)
				return false;
	}
	return true;
}

/* Tasks into the arena, links, order: false if anything points nowhere or in a circle. */
static bool
finish(struct reader *r)
{
	struct workflow *wf = r->wf;
	uint32_t *order, placed;
	struct task_def *tasks;

	if (wf->n_tasks == 0 || wf->name == NULL || wf->description == NULL ||
	    wf->max_parallel == 0 || !env_is_whole(wf))
		return false;
	for (uint32_t i = 0; i < wf->n_tasks; i++) {
		const struct task_def *task = &r->tasks[i];

		/* ascending: the last is the highest */
		if (task->n_needs > 0 && task->needs[task->n_needs - 1].task >= wf->n_tasks)
			return false;
	}
	tasks = arena_alloc(&wf->arena, wf->n_tasks * sizeof *tasks);
	memcpy(tasks, r->tasks, wf->n_tasks * sizeof *tasks);
	free(r->tasks);
	r->tasks = NULL;
	wf->tasks = tasks;
	if (link_dependents(wf, tasks) != 0)
		return false;
	order = xcalloc(wf->n_tasks, sizeof *order);
	placed = workflow_levels(wf, order, NULL);
	free(order);
	index_ids(wf);
	return placed == wf->n_tasks;
}

struct workflow *
workflow_from_canonical(const char *json, size_t len, struct err *err)
{
	struct workflow *wf = xcalloc(1, sizeof *wf);
	struct reader r = { .wf = wf };
	bool ok;

	wf->refs = 1;
	jread_init(&r.json, json, len);
	if (str_is_utf8(json, len))
		read_object(&r, workflow_member, wf);
	else
		bad(&r);
	ok = going(&r) && jread_done(&r.json) && resolve(&r) && finish(&r);
	if (ok)
		sha256_hex(json, len, wf->sha256);
	intern_release(&r.ids);
	intern_release(&r.agents);
	buf_release(&r.key);
	buf_release(&r.text);
	free(r.tasks);
	if (ok)
		return wf;
	workflow_unref(wf);
	err_set(err, ERR_INVALID, "the stored definition is damaged (byte %zu of %zu)",
	    (size_t)(r.json.at - json), len);
	return NULL;
}
