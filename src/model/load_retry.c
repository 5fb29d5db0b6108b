/* SPDX-License-Identifier: MIT */
/* The `retry` map of tasks, defaults and agent types. */
#include <string.h>

#include "base/str.h"
#include "model/load_internal.h"

const struct retry_policy retry_defaults = {
	.max_attempts = 1,
	.backoff = BACKOFF_EXPONENTIAL,
	.delay_ms = 1000,
	.max_delay_ms = 60000,
	.factor = 2,
	.jitter = 0.2,
	.on = CATEGORY_FAILURE | CATEGORY_BIT(CATEGORY_TIMEOUT),
	.poison = 3,
};

bool
retry_same(const struct retry_policy *a, const struct retry_policy *b)
{
	return a->max_attempts == b->max_attempts && a->backoff == b->backoff &&
	    a->delay_ms == b->delay_ms && a->max_delay_ms == b->max_delay_ms &&
	    !(a->factor < b->factor || a->factor > b->factor) &&
	    !(a->jitter < b->jitter || a->jitter > b->jitter) && a->on == b->on &&
	    a->poison == b->poison && a->given == b->given &&
	    a->n_exit_codes == b->n_exit_codes &&
	    (a->n_exit_codes == 0 ||
	        memcmp(a->exit_codes, b->exit_codes, a->n_exit_codes) == 0);
}

static void
take_category(struct faults *faults, const struct yaml_node *node, uint32_t *on)
{
	static const char *const words[] = { "failure", "any", "exit", "signal", "timeout",
		"stalled", "lost", "queue_timeout", "throttled", "rejected", "invalid_output",
		"poison", "malformed", "expired", "forged", "shed", "cancelled", NULL };
	enum category category;
	int word;

	if (!value_word(faults, node, "on", words, &word))
		return;
	if (word == 0)
		*on |= CATEGORY_FAILURE;
	else if (word == 1)
		*on |= CATEGORY_ANY;
	else if (category_parse(words[word], strlen(words[word]), &category))
		*on |= CATEGORY_BIT(category);
}

static void
take_on(struct faults *faults, const struct yaml_node *node, struct retry_policy *policy)
{
	uint32_t on = 0;

	if (node->kind == YAML_LIST)
		for (const struct yaml_node *item = node->first; item != NULL; item = item->next)
			take_category(faults, item, &on);
	else
		take_category(faults, node, &on);
	policy->on = on;
}

void
load_exit_codes(struct arena *arena, struct faults *faults, const struct yaml_node *node,
    struct retry_policy *policy)
{
	bool set[256] = { false };
	uint8_t *codes;
	size_t n = 0;
	int64_t code;
	bool list = node->kind == YAML_LIST;

	for (const struct yaml_node *item = list ? node->first : node; item != NULL;
	     item = list ? item->next : NULL)
		if (value_int(faults, item, "exit_codes", 0, 255, &code))
			set[code] = true;
	codes = arena_alloc(arena, 256);
	for (unsigned i = 0; i < 256; i++)
		if (set[i])
			codes[n++] = (uint8_t)i;
	policy->exit_codes = codes;
	policy->n_exit_codes = n;
}

static void
take_backoff(struct faults *faults, const struct yaml_node *node, struct retry_policy *policy)
{
	static const char *const words[] = { "exponential", "linear", "fixed", NULL };
	int word;

	if (node->kind == YAML_SCALAR && strcmp(node->text, "adaptive") == 0)
		faults_add(faults, FAULT_ERROR, node->line, node->column,
		    "'adaptive' back-off is not supported yet");
	else if (value_word(faults, node, "backoff", words, &word))
		policy->backoff = (enum backoff_kind)word;
}

static void
take_count(struct faults *faults, const struct yaml_node *node, const char *what,
    uint32_t *ret_count)
{
	int64_t number;

	if (node != NULL && value_int(faults, node, what, 1, 1000, &number))
		*ret_count = (uint32_t)number;
}

void
load_retry(struct arena *arena, struct faults *faults, const struct yaml_node *node,
    struct retry_policy *policy)
{
	const struct yaml_node *values[RETRY_COUNT];

	if (!value_map(faults, node, "retry", &node) || node == NULL)
		return;
	policy->given = true;
	keys_take(keys_retry, node, "'retry'", faults, values, RETRY_COUNT);
	take_count(faults, values[RETRY_MAX_ATTEMPTS], "max_attempts", &policy->max_attempts);
	take_count(faults, values[RETRY_POISON], "poison", &policy->poison);
	if (values[RETRY_BACKOFF] != NULL)
		take_backoff(faults, values[RETRY_BACKOFF], policy);
	if (values[RETRY_DELAY] != NULL)
		value_duration(faults, values[RETRY_DELAY], "delay", 0, &policy->delay_ms);
	if (values[RETRY_MAX_DELAY] != NULL)
		value_duration(faults, values[RETRY_MAX_DELAY], "max_delay", 0,
		    &policy->max_delay_ms);
	if (values[RETRY_FACTOR] != NULL)
		value_double(faults, values[RETRY_FACTOR], "factor", 1, 100, &policy->factor);
	if (values[RETRY_JITTER] != NULL)
		value_double(faults, values[RETRY_JITTER], "jitter", 0, 1, &policy->jitter);
	if (values[RETRY_ON] != NULL)
		take_on(faults, values[RETRY_ON], policy);
	if (values[RETRY_EXIT_CODES] != NULL)
		load_exit_codes(arena, faults, values[RETRY_EXIT_CODES], policy);
}
