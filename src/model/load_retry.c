/* SPDX-License-Identifier: MIT */
/* The `retry` map of tasks, defaults and agent types. */
#include <string.h>

#include "base/mem.h"
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

#define RULES_MAX 32

static bool
same_rules(const struct retry_policy *a, const struct retry_policy *b)
{
	if (a->n_rules != b->n_rules)
		return false;
	for (size_t i = 0; i < a->n_rules; i++)
		if (!retry_same(&a->rules[i], &b->rules[i]))
			return false;
	return true;
}

bool
retry_same(const struct retry_policy *a, const struct retry_policy *b)
{
	return a->max_attempts == b->max_attempts && a->backoff == b->backoff &&
	    a->delay_ms == b->delay_ms && a->max_delay_ms == b->max_delay_ms &&
	    !(a->factor < b->factor || a->factor > b->factor) &&
	    !(a->jitter < b->jitter || a->jitter > b->jitter) && a->on == b->on &&
	    a->poison == b->poison && a->given == b->given && a->says == b->says &&
	    a->n_exit_codes == b->n_exit_codes &&
	    (a->n_exit_codes == 0 ||
	        memcmp(a->exit_codes, b->exit_codes, a->n_exit_codes) == 0) &&
	    same_rules(a, b);
}

static void
take_category(struct faults *faults, const struct yaml_node *node, const char *what,
    uint32_t *on)
{
	static const char *const words[] = { "failure", "any", "exit", "signal", "timeout",
		"stalled", "lost", "queue_timeout", "throttled", "rejected", "invalid_output",
		"poison", "malformed", "expired", "forged", "shed", "cancelled", NULL };
	enum category category;
	int word;

	if (!value_word(faults, node, what, words, &word))
		return;
	if (word == 0)
		*on |= CATEGORY_FAILURE;
	else if (word == 1)
		*on |= CATEGORY_ANY;
	else if (category_parse(words[word], strlen(words[word]), &category))
		*on |= CATEGORY_BIT(category);
}

uint32_t
load_categories(struct faults *faults, const struct yaml_node *node, const char *what)
{
	uint32_t on = 0;

	if (node->kind == YAML_LIST)
		for (const struct yaml_node *item = node->first; item != NULL; item = item->next)
			take_category(faults, item, what, &on);
	else
		take_category(faults, node, what, &on);
	return on;
}

static void
take_on(struct faults *faults, const struct yaml_node *node, struct retry_policy *policy)
{
	policy->on = load_categories(faults, node, "on");
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
	static const char *const words[] = { "exponential", "linear", "fixed", "adaptive", NULL };
	int word;

	if (value_word(faults, node, "backoff", words, &word))
		policy->backoff = (enum backoff_kind)word;
}

static void
take_jitter(struct faults *faults, const struct yaml_node *node, struct retry_policy *policy)
{
	double number;

	if (node->kind == YAML_SCALAR && strcmp(node->text, "full") == 0)
		policy->jitter = BACKOFF_FULL_JITTER;
	else if (node->kind == YAML_SCALAR && str_to_double(node->text, &number) &&
	    number >= 0 && number <= 1)
		policy->jitter = number;
	else
		faults_add(faults, FAULT_ERROR, node->line, node->column,
		    "'jitter' must be a number from 0 to 1, or full");
}

static void
take_count(struct faults *faults, const struct yaml_node *node, const char *what,
    uint32_t *ret_count)
{
	int64_t number;

	if (value_int(faults, node, what, 1, 1000, &number))
		*ret_count = (uint32_t)number;
}

/* What a policy and a rule have in common; which of it was there. */
static uint32_t
take_values(struct arena *arena, struct faults *faults, const struct yaml_node **values,
    struct retry_policy *policy)
{
	static const struct {
		int key;
		uint32_t says;
	} keys[] = {
		{ RETRY_MAX_ATTEMPTS, RETRY_SAYS_MAX_ATTEMPTS },
		{ RETRY_BACKOFF, RETRY_SAYS_BACKOFF },
		{ RETRY_DELAY, RETRY_SAYS_DELAY },
		{ RETRY_MAX_DELAY, RETRY_SAYS_MAX_DELAY },
		{ RETRY_FACTOR, RETRY_SAYS_FACTOR },
		{ RETRY_JITTER, RETRY_SAYS_JITTER },
	};
	uint32_t says = 0;

	if (values[RETRY_MAX_ATTEMPTS] != NULL)
		take_count(faults, values[RETRY_MAX_ATTEMPTS], "max_attempts",
		    &policy->max_attempts);
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
		take_jitter(faults, values[RETRY_JITTER], policy);
	if (values[RETRY_ON] != NULL)
		take_on(faults, values[RETRY_ON], policy);
	if (values[RETRY_EXIT_CODES] != NULL)
		load_exit_codes(arena, faults, values[RETRY_EXIT_CODES], policy);
	for (size_t i = 0; i < ARRAY_LEN(keys); i++)
		if (values[keys[i].key] != NULL)
			says |= keys[i].says;
	return says;
}

static void
take_rule(struct arena *arena, struct faults *faults, const struct yaml_node *node,
    struct retry_policy *rule)
{
	const struct yaml_node *values[RETRY_COUNT];

	*rule = (struct retry_policy){ 0 };
	if (node->kind != YAML_MAP) {
		faults_add(faults, FAULT_ERROR, node->line, node->column,
		    "a rule must be a map such as {on: [timeout], max_attempts: 2}, not %s",
		    yaml_kind_name(node));
		return;
	}
	keys_take(keys_retry_rule, node, "a rule of 'retry'", faults, values, RETRY_COUNT);
	rule->says = take_values(arena, faults, values, rule);
	if (values[RETRY_ON] == NULL && values[RETRY_EXIT_CODES] == NULL)
		faults_add(faults, FAULT_ERROR, node->line, node->column,
		    "a rule needs 'on' or 'exit_codes': the failures that it is about");
}

static void
take_rules(struct arena *arena, struct faults *faults, const struct yaml_node *node,
    struct retry_policy *policy)
{
	struct retry_policy *rules;
	size_t n = 0;

	policy->rules = NULL;
	policy->n_rules = 0;
	if (node->kind == YAML_SCALAR && scalar_is_null(node))
		return;
	if (node->kind != YAML_LIST || node->len > RULES_MAX) {
		faults_add(faults, FAULT_ERROR, node->line, node->column,
		    "'rules' must be a list of at most %d maps", RULES_MAX);
		return;
	}
	rules = arena_alloc(arena, (node->len + 1u) * sizeof *rules);
	for (const struct yaml_node *item = node->first; item != NULL; item = item->next)
		take_rule(arena, faults, item, &rules[n++]);
	policy->rules = rules;
	policy->n_rules = n;
}

/* Rules that change nothing. */
static void
check_rules(struct faults *faults, const struct yaml_node *node,
    const struct retry_policy *policy)
{
	uint32_t most = policy->max_attempts;

	for (size_t i = 0; i < policy->n_rules; i++)
		if (policy->rules[i].max_attempts > most)
			most = policy->rules[i].max_attempts;
	if (policy->n_rules > 0 && most == 1)
		faults_add(faults, FAULT_WARNING, node->line, node->column,
		    "no rule tries anything again: 'max_attempts' is 1");
}

void
load_retry(struct arena *arena, struct faults *faults, const struct yaml_node *node,
    struct retry_policy *policy)
{
	const struct yaml_node *values[RETRY_COUNT];
	size_t errors = faults->n_errors;

	if (!value_map(faults, node, "retry", &node) || node == NULL)
		return;
	policy->given = true;
	keys_take(keys_retry, node, "'retry'", faults, values, RETRY_COUNT);
	take_values(arena, faults, values, policy);
	if (values[RETRY_POISON] != NULL)
		take_count(faults, values[RETRY_POISON], "poison", &policy->poison);
	if (values[RETRY_RULES] != NULL)
		take_rules(arena, faults, values[RETRY_RULES], policy);
	if (values[RETRY_RULES] != NULL && faults->n_errors == errors)
		check_rules(faults, values[RETRY_RULES], policy);
}
