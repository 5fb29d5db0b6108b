/* SPDX-License-Identifier: MIT */
/* Writes the canonical form of a workflow, and its SHA-256. */
#include "model/canonical.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "model/load_internal.h"
#include "model/scalar.h"
#include "model/template.h"

void
sha256_hex(const void *bytes, size_t len, char out[SHA256_HEX_SIZE])
{
	static const char digits[] = "0123456789abcdef";
	unsigned char hash[EVP_MAX_MD_SIZE];
	unsigned int n = 0;

	if (EVP_Digest(bytes, len, hash, &n, EVP_sha256(), NULL) != 1)
		abort();
	for (unsigned int i = 0; i < n; i++) {
		out[2 * i] = digits[hash[i] >> 4];
		out[2 * i + 1] = digits[hash[i] & 15];
	}
	out[2 * n] = '\0';
}

static void
add_text(struct buf *out, const char *key, const char *text)
{
	buf_printf(out, ",\"%s\":", key);
	buf_add_json(out, text, strlen(text));
}

static void
add_number(struct buf *out, const char *key, int64_t number)
{
	buf_printf(out, ",\"%s\":", key);
	buf_addi(out, number);
}

static void
add_matches(struct buf *out, const struct retry_policy *retry)
{
	buf_adds(out, "\"on\":[");
	for (unsigned c = 1, first = 1; c < CATEGORY_COUNT; c++) {
		if ((retry->on & CATEGORY_BIT(c)) == 0)
			continue;
		buf_printf(out, "%s\"%s\"", first ? "" : ",", category_name((enum category)c));
		first = 0;
	}
	buf_adds(out, "],\"exit_codes\":[");
	for (size_t i = 0; i < retry->n_exit_codes; i++)
		buf_printf(out, "%s%u", i > 0 ? "," : "", retry->exit_codes[i]);
	buf_addc(out, ']');
}

static void
add_double(struct buf *out, const char *key, double number)
{
	buf_printf(out, ",\"%s\":", key);
	json_add_double(out, number);
}

static void
add_rule(struct buf *out, const struct retry_policy *rule)
{
	buf_addc(out, '{');
	add_matches(out, rule);
	if (rule->says & RETRY_SAYS_MAX_ATTEMPTS)
		add_number(out, "max_attempts", rule->max_attempts);
	if (rule->says & RETRY_SAYS_BACKOFF)
		add_number(out, "backoff", rule->backoff);
	if (rule->says & RETRY_SAYS_DELAY)
		add_number(out, "delay", rule->delay_ms);
	if (rule->says & RETRY_SAYS_MAX_DELAY)
		add_number(out, "max_delay", rule->max_delay_ms);
	if (rule->says & RETRY_SAYS_FACTOR)
		add_double(out, "factor", rule->factor);
	if (rule->says & RETRY_SAYS_JITTER)
		add_double(out, "jitter", rule->jitter);
	buf_addc(out, '}');
}

/* What came later is only written where it is used: hashes of older files stay. */
static void
add_retry(struct buf *out, const struct retry_policy *retry)
{
	buf_printf(out, "{\"max_attempts\":%u,\"backoff\":%d", retry->max_attempts,
	    (int)retry->backoff);
	add_number(out, "delay", retry->delay_ms);
	add_number(out, "max_delay", retry->max_delay_ms);
	add_double(out, "factor", retry->factor);
	add_double(out, "jitter", retry->jitter);
	buf_addc(out, ',');
	add_matches(out, retry);
	add_number(out, "poison", retry->poison);
	for (size_t i = 0; i < retry->n_rules; i++) {
		buf_adds(out, i > 0 ? "," : ",\"rules\":[");
		add_rule(out, &retry->rules[i]);
	}
	if (retry->n_rules > 0)
		buf_addc(out, ']');
	if (retry->given)
		buf_adds(out, ",\"given\":true");
	buf_addc(out, '}');
}

static void
add_param(struct buf *out, const struct param_def *param)
{
	buf_adds(out, "{\"name\":");
	buf_add_json(out, param->name, strlen(param->name));
	add_number(out, "type", param->type);
	buf_printf(out, ",\"required\":%s", param->required ? "true" : "false");
	if (param->default_json != NULL)
		buf_printf(out, ",\"default\":%s", param->default_json);
	if (param->choices != NULL) {
		buf_adds(out, ",\"enum\":[");
		for (const char *const *c = param->choices; *c != NULL; c++)
			buf_printf(out, "%s%s", c > param->choices ? "," : "", *c);
		buf_addc(out, ']');
	}
	if (param->pattern != NULL)
		add_text(out, "pattern", param->pattern);
	add_text(out, "description", param->description);
	buf_addc(out, '}');
}

static void
add_needs(struct buf *out, const struct task_def *task)
{
	buf_adds(out, ",\"needs\":[");
	for (uint32_t i = 0; i < task->n_needs; i++) {
		if (i > 0)
			buf_addc(out, ',');
		buf_addc(out, '[');
		buf_addu(out, task->needs[i].task);
		buf_addc(out, ',');
		buf_addu(out, task->needs[i].on);
		buf_addc(out, ']');
	}
	buf_addc(out, ']');
}

static void
add_body(struct buf *out, const struct task_def *task)
{
	static const char *const kinds[] = {
		[TASK_PAYLOAD] = ",\"payload\":",
		[TASK_PROMPT] = ",\"prompt\":",
		[TASK_RUN] = ",\"run\":",
	};
	const char *source = template_source(task->body);

	buf_adds(out, kinds[task->kind]);
	if (task->kind == TASK_PAYLOAD)
		buf_adds(out, source);
	else
		buf_add_json(out, source, strlen(source));
}

static void
add_outputs(struct buf *out, const struct task_def *task)
{
	if (task->n_outputs == 0)
		return;
	buf_adds(out, ",\"outputs\":[");
	for (uint32_t i = 0; i < task->n_outputs; i++) {
		buf_adds(out, i > 0 ? ",[" : "[");
		buf_add_json(out, task->outputs[i].name, strlen(task->outputs[i].name));
		buf_adds(out, task->outputs[i].required ? ",true]" : ",false]");
	}
	buf_addc(out, ']');
}

/* A task without `retry` has that of the task before it. */
static void
add_task(struct buf *out, const struct task_def *task, const struct task_def *before)
{
	buf_adds(out, "{\"id\":");
	buf_add_json(out, task->id, strlen(task->id));
	add_text(out, "agent", task->agent);
	if (task->n_needs > 0)
		add_needs(out, task);
	if (task->priority >= 0)
		add_number(out, "priority", task->priority);
	if (task->timeout_ms > 0)
		add_number(out, "timeout", task->timeout_ms);
	if (task->stall_timeout_ms > 0)
		add_number(out, "stall_timeout", task->stall_timeout_ms);
	if (task->queue_timeout_ms > 0)
		add_number(out, "queue_timeout", task->queue_timeout_ms);
	if (task->total_timeout_ms > 0)
		add_number(out, "total_timeout", task->total_timeout_ms);
	if (task->pool != NULL) {
		add_text(out, "pool", task->pool);
		add_number(out, "units", task->units);
	}
	if (task->continue_on_error)
		buf_adds(out, ",\"continue_on_error\":true");
	add_outputs(out, task);
	if (before == NULL || !retry_same(task->retry, before->retry)) {
		buf_adds(out, ",\"retry\":");
		add_retry(out, task->retry);
	}
	add_body(out, task);
	buf_addc(out, '}');
}

static void
add_env(struct buf *out, const struct env_def *env)
{
	const char *source = template_source(env->value);

	buf_addc(out, '[');
	buf_add_json(out, env->name, strlen(env->name));
	buf_addc(out, ',');
	buf_add_json(out, source, strlen(source));
	buf_addc(out, ']');
}

void
workflow_canonical(const struct workflow *wf, struct buf *out)
{
	buf_printf(out, "{\"v\":%d", CANONICAL_VERSION);
	add_text(out, "name", wf->name);
	add_text(out, "description", wf->description);
	add_number(out, "on", wf->on);
	add_number(out, "priority", wf->priority);
	add_number(out, "timeout", wf->timeout_ms);
	add_number(out, "max_parallel", wf->max_parallel);
	add_number(out, "fail", wf->fail);
	if (wf->budget.limit.micro_usd > 0)
		add_number(out, "budget_usd", (int64_t)wf->budget.limit.micro_usd);
	if (wf->budget.limit.tokens > 0)
		add_number(out, "budget_tokens", (int64_t)wf->budget.limit.tokens);
	if (wf->budget.on_breach != BREACH_PAUSE)
		add_number(out, "budget_breach", wf->budget.on_breach);
	buf_adds(out, ",\"params\":[");
	for (uint32_t i = 0; i < wf->n_params; i++) {
		if (i > 0)
			buf_addc(out, ',');
		add_param(out, &wf->params[i]);
	}
	buf_adds(out, "],\"env\":[");
	for (uint32_t i = 0; i < wf->n_env; i++) {
		if (i > 0)
			buf_addc(out, ',');
		add_env(out, &wf->env[i]);
	}
	buf_adds(out, "],\"tasks\":[");
	for (uint32_t i = 0; i < wf->n_tasks; i++) {
		if (i > 0)
			buf_addc(out, ',');
		add_task(out, &wf->tasks[i], i > 0 ? &wf->tasks[i - 1] : NULL);
	}
	buf_adds(out, "]}");
}
