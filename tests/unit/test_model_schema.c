/* SPDX-License-Identifier: MIT */
/* The workflow schema and the loader give the same verdict on the same documents. */
#include "model_support.h"

#include <jansson.h>
#include <regex.h>

#include "model/scalar.h"
#include "model/schema.h"
#include "model/yaml.h"

static bool valid(const json_t *top, const json_t *schema, const json_t *value);

static bool
is_type(const char *type, const json_t *value)
{
	if (strcmp(type, "number") == 0)
		return json_is_number(value);
	if (strcmp(type, "integer") == 0)
		return json_is_integer(value);
	if (strcmp(type, "string") == 0)
		return json_is_string(value);
	if (strcmp(type, "boolean") == 0)
		return json_is_boolean(value);
	if (strcmp(type, "null") == 0)
		return json_is_null(value);
	if (strcmp(type, "array") == 0)
		return json_is_array(value);
	assert_string_equal(type, "object");
	return json_is_object(value);
}

static bool
type_ok(const json_t *type, const json_t *value)
{
	size_t i;
	const json_t *one;

	if (json_is_string(type))
		return is_type(json_string_value(type), value);
	json_array_foreach(type, i, one)
		if (is_type(json_string_value(one), value))
			return true;
	return false;
}

static bool
pattern_ok(const char *pattern, const json_t *value)
{
	regex_t regex;
	bool ok;

	if (!json_is_string(value))
		return true;
	assert_int_equal(regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB), 0);
	ok = regexec(&regex, json_string_value(value), 0, NULL, 0) == 0;
	regfree(&regex);
	return ok;
}

static bool
count_valid(const json_t *top, const json_t *schemas, const json_t *value, size_t *ret_n)
{
	size_t i, n = 0;
	const json_t *one;

	json_array_foreach(schemas, i, one)
		n += valid(top, one, value);
	*ret_n = n;
	return n == json_array_size(schemas);
}

static bool
members_ok(const json_t *top, const json_t *schema, json_t *value)
{
	const json_t *properties = json_object_get(schema, "properties");
	const json_t *names = json_object_get(schema, "propertyNames");
	const json_t *more = json_object_get(schema, "additionalProperties");
	const char *key;
	json_t *member;

	json_object_foreach(value, key, member) {
		const json_t *known = json_object_get(properties, key);
		json_t *name = json_string(key);
		bool ok = names == NULL || valid(top, names, name);

		json_decref(name);
		if (known != NULL)
			ok = ok && valid(top, known, member);
		else if (more != NULL)
			ok = ok && valid(top, more, member);
		if (!ok)
			return false;
	}
	return true;
}

static bool
items_ok(const json_t *top, const json_t *items, const json_t *value)
{
	size_t i;
	const json_t *item;

	json_array_foreach(value, i, item)
		if (!valid(top, items, item))
			return false;
	return true;
}

/* One keyword; one that this checker does not know fails the test. */
static bool
keyword_ok(const json_t *top, const json_t *schema, const char *word, const json_t *arg,
    const json_t *value)
{
	double number = json_number_value(arg);
	size_t i, n;
	const json_t *one;

	if (strcmp(word, "$ref") == 0)
		return valid(top, json_object_get(json_object_get(top, "$defs"),
		    json_string_value(arg) + strlen("#/$defs/")), value);
	if (strcmp(word, "type") == 0)
		return type_ok(arg, value);
	if (strcmp(word, "const") == 0)
		return json_equal(arg, value);
	if (strcmp(word, "pattern") == 0)
		return pattern_ok(json_string_value(arg), value);
	if (strcmp(word, "minimum") == 0)
		return !json_is_number(value) || json_number_value(value) >= number;
	if (strcmp(word, "maximum") == 0)
		return !json_is_number(value) || json_number_value(value) <= number;
	if (strcmp(word, "minLength") == 0)
		return !json_is_string(value) || json_string_length(value) >= (size_t)number;
	if (strcmp(word, "minItems") == 0)
		return !json_is_array(value) || json_array_size(value) >= (size_t)number;
	if (strcmp(word, "maxItems") == 0)
		return !json_is_array(value) || json_array_size(value) <= (size_t)number;
	if (strcmp(word, "minProperties") == 0)
		return !json_is_object(value) || json_object_size(value) >= (size_t)number;
	if (strcmp(word, "not") == 0)
		return !valid(top, arg, value);
	if (strcmp(word, "allOf") == 0)
		return count_valid(top, arg, value, &n);
	if (strcmp(word, "anyOf") == 0)
		return count_valid(top, arg, value, &n) || n > 0;
	if (strcmp(word, "items") == 0)
		return items_ok(top, arg, value);
	if (strcmp(word, "additionalProperties") == 0)
		return members_ok(top, schema, (json_t *)(uintptr_t)value);
	if (strcmp(word, "enum") == 0 || strcmp(word, "required") == 0) {
		bool is_enum = word[0] == 'e', all = true, any = false;

		json_array_foreach(arg, i, one) {
			any |= json_equal(one, value);
			all &= json_object_get(value, json_string_value(one)) != NULL;
		}
		return is_enum ? any : !json_is_object(value) || all;
	}
	if (strcmp(word, "properties") != 0 && strcmp(word, "propertyNames") != 0 &&
	    strcmp(word, "$schema") != 0 && strcmp(word, "$defs") != 0 &&
	    strcmp(word, "title") != 0)
		fail_msg("the schema uses '%s'", word);
	return true;
}

static bool
valid(const json_t *top, const json_t *schema, const json_t *value)
{
	const char *word;
	json_t *arg;

	assert_non_null(schema);
	if (json_is_boolean(schema))
		return json_is_true(schema);
	json_object_foreach((json_t *)(uintptr_t)schema, word, arg)
		if (!keyword_ok(top, schema, word, arg, value))
			return false;
	return true;
}

#define A "tasks: [{id: a, agent: x}]"

static const struct {
	const char *text;
	bool good;
} documents[] = {
	{ A, true },
	{ "steps: {a: {type: x}, b: {runsOn: x, dependsOn: a}}", true },
	{ "tasks: []", false },
	{ "tasks: {}", false },
	{ "name: a", false },
	{ "[]", false },
	{ "name: 9\n" A, false },
	{ "name: nine\ndescription: 9\n" A, true },
	{ "name: [x]\n" A, false },
	{ "on: drop\n" A, true },
	{ "on: [drop, manual]\n" A, true },
	{ "on: []\n" A, false },
	{ "on: {schedule: x}\n" A, false },
	{ "on: cron\n" A, false },
	{ "priority: high\n" A, true },
	{ "priority: 9\n" A, true },
	{ "priority: 10\n" A, false },
	{ "priority: higher\n" A, false },
	{ "timeout: 1h30m\n" A, true },
	{ "timeout: 90\n" A, true },
	{ "timeout: 0\n" A, false },
	{ "timeout: 5x\n" A, false },
	{ "timeout: -5\n" A, false },
	{ "timeout: ''\n" A, false },
	{ "maxParallel: 5\n" A, true },
	{ "max-parallel: 5\n" A, true },
	{ "max_parallel: 0\n" A, false },
	{ "max_parallel: many\n" A, false },
	{ "fail: fast\n" A, true },
	{ "fail: slow\n" A, false },
	{ "unknown: 1\n" A, false },
	{ "concurrency: 1\n" A, false },
	{ "env: {A: 1, B: on}\n" A, true },
	{ "env: {A: [1]}\n" A, false },
	{ "env: {A-B: 1}\n" A, false },
	{ "env: {REEVE_A: 1}\n" A, false },
	{ "env:\n" A, true },
	{ "env: x\n" A, false },
	{ "params: {a: 1, b: , c: [1], d: {type: integer, default: 3, required: true}}\n" A, true },
	{ "params: {a: {type: int}}\n" A, false },
	{ "params: {a: {enum: []}}\n" A, false },
	{ "params: {a: {required: 1}}\n" A, false },
	{ "params: {a b: 1}\n" A, false },
	{ "params: {a: {defualt: 1}}\n" A, false },
	{ "defaults: {agent: x, timeout: 3s, retry: {maxAttempts: 2}}\ntasks: [{id: a}]", true },
	{ "defaults: {agent: x, stall-timeout: 3s}\ntasks: [{id: a, stallTimeout: 5m}]", true },
	{ "tasks: [{id: a, agent: x, stall_timeout: 0}]", false },
	{ "defaults: {agnet: x}\n" A, false },
	{ "defaults: 3\n" A, false },
	{ "tasks: [{agent: x}]", false },
	{ "tasks: [{id: 1a, agent: x}]", false },
	{ "tasks: [{id: a, agent: x, prompt: 3}]", true },
	{ "tasks: [{id: a, agent: x, prompt: [3]}]", false },
	{ "tasks: [{id: a, agent: x, payload: [3, {a: }]}]", true },
	{ "tasks: [{id: a, agent: x, prompt: a, run: b}]", false },
	{ "tasks: [{id: a, agent: x, foreach: [1]}]", false },
	{ "tasks: [{id: a, agent: x, continueOnError: true}]", true },
	{ "tasks: [{id: a, agent: x, continue_on_error: yes}]", false },
	{ "tasks: [{id: a, agent: x}, {id: b, agent: x, needs: {task: a, on: done}}]", true },
	{ "tasks: [{id: a, agent: x}, {id: b, agent: x, needs: [{task: a}]}]", true },
	{ "tasks: [{id: a, agent: x}, {id: b, agent: x, needs: [{on: done}]}]", false },
	{ "tasks: [{id: a, agent: x}, {id: b, agent: x, needs: [[a]]}]", false },
	{ "tasks: [{id: a, agent: x}, {id: b, agent: x, needs: [{task: a, on: maybe}]}]", false },
	{ "tasks: [{id: a, agent: x, outputs: [p, q]}]", true },
	{ "tasks: [{id: a, agent: x, outputs: {p: , q: {required: true}}}]", true },
	{ "tasks: [{id: a, agent: x, outputs: {p: {must: true}}}]", false },
	{ "tasks: [{id: a, agent: x, outputs: p}]", false },
	{ "tasks: [{id: a, agent: x, retry: {backoff: linear, jitter: 0, factor: 1.5, delay: 0, "
	  "on: any, exit_codes: 75, poison: 2}}]", true },
	{ "tasks: [{id: a, agent: x, retry: {backoff: adaptive, jitter: full}}]", true },
	{ "tasks: [{id: a, agent: x, retry: {backoff: adapt}}]", false },
	{ "tasks: [{id: a, agent: x, retry: {jitter: half}}]", false },
	{ "tasks: [{id: a, agent: x, retry: {rules: [{on: any, delay: 3s}, {exitCodes: 75, "
	  "max-attempts: 2, backoff: fixed, factor: 2, max_delay: 3, jitter: 0}]}}]", true },
	{ "tasks: [{id: a, agent: x, retry: {rules: }}]", true },
	{ "tasks: [{id: a, agent: x, retry: {rules: [{exit-codes: [1], max_attempts: 2}]}}]", true },
	{ "tasks: [{id: a, agent: x, retry: {rules: [{delay: 3s}]}}]", false },
	{ "tasks: [{id: a, agent: x, retry: {rules: {on: any}}}]", false },
	{ "tasks: [{id: a, agent: x, retry: {rules: [any]}}]", false },
	{ "tasks: [{id: a, agent: x, retry: {rules: [{on: any, poison: 2}]}}]", false },
	{ "tasks: [{id: a, agent: x, queueTimeout: 5m, total_timeout: 1h}]", true },
	{ "tasks: [{id: a, agent: x, queue_timeout: 0}]", false },
	{ "tasks: [{id: a, agent: x, total-timeout: x}]", false },
	{ "defaults: {queue_timeout: 1s, totalTimeout: 2}\n" A, true },
	{ "defaults: {queue_timeout: []}\n" A, false },
	{ "tasks: [{id: a, agent: x, pool: llm}]", true },
	{ "tasks: [{id: a, agent: x, pool: {name: llm, units: 2}}]", true },
	{ "tasks: [{id: a, agent: x, pool: }]", true },
	{ "tasks: [{id: a, agent: x, pool: {units: 2}}]", false },
	{ "tasks: [{id: a, agent: x, pool: {name: llm, units: 0}}]", false },
	{ "tasks: [{id: a, agent: x, pool: {name: llm, size: 1}}]", false },
	{ "tasks: [{id: a, agent: x, pool: [llm]}]", false },
	{ "budget: {usd: 20, tokens: 2M, on_breach: pause}\n" A, true },
	{ "budget: {tokens: 1500}\n" A, true },
	{ "budget: {usd: 0.5, on-breach: fail}\n" A, true },
	{ "budget:\n" A, true },
	{ "budget: {}\n" A, false },
	{ "budget: {on_breach: fail}\n" A, false },
	{ "budget: {usd: 0}\n" A, false },
	{ "budget: {usd: -1}\n" A, false },
	{ "budget: {tokens: 2X}\n" A, false },
	{ "budget: {usd: 1, per: day}\n" A, false },
	{ "budget: {usd: 1, on_breach: stop}\n" A, false },
	{ "budget: 20\n" A, false },
	{ "defaults: {pool: llm}\n" A, true },
	{ "defaults: {pool: 9x}\n" A, false },
	{ "tasks: [{id: a, agent: x, retry: {jitter: 2}}]", false },
	{ "tasks: [{id: a, agent: x, retry: {factor: 0.5}}]", false },
	{ "tasks: [{id: a, agent: x, retry: {on: [never]}}]", false },
	{ "tasks: [{id: a, agent: x, retry: {exit_codes: [256]}}]", false },
	{ "tasks: [{id: a, agent: x, retry: 3}]", false },
	{ "tasks: [x]", false },
};

static json_t *
schema_of(const char *kind)
{
	struct buf text = { 0 };
	json_error_t error;
	json_t *schema;

	assert_int_equal(schema_write(kind, &text, NULL), 0);
	schema = json_loads(buf_text(&text), JSON_REJECT_DUPLICATES, &error);
	if (schema == NULL)
		fail_msg("%s: %s", kind, error.text);
	buf_release(&text);
	return schema;
}

static json_t *
document_of(const char *text)
{
	struct yaml_file file;
	struct faults faults = { 0 };
	struct buf json = { 0 };
	const struct yaml_node *where;
	json_t *value;

	assert_int_equal(yaml_parse(text, strlen(text), NULL, &faults, &file), 0);
	assert_int_equal(node_to_json(file.documents[0], &json, &where, NULL), 0);
	value = json_loads(buf_text(&json), JSON_DECODE_ANY, NULL);
	buf_release(&json);
	yaml_file_release(&file);
	return value;
}

static void
test_same_verdicts(void **state)
{
	json_t *schema = schema_of("workflow");
	size_t wrong = 0;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(documents); i++) {
		const char *text = documents[i].text;
		json_t *document = document_of(text);
		char *faults = load_faults("f", text, strlen(text), NULL);
		bool by_loader = *faults == '\0', by_schema = valid(schema, schema, document);

		if (by_loader != documents[i].good || by_schema != documents[i].good) {
			print_error("%s\n  loader: %s schema: %d\n", text, faults, by_schema);
			wrong++;
		}
		json_decref(document);
		free(faults);
	}
	assert_int_equal(wrong, 0);
	json_decref(schema);
}

static void
test_kinds(void **state)
{
	static const char *const kinds[] = { "task", "result", "event", "config", NULL };
	struct buf text = { 0 };
	struct err err = { 0 };

	(void)state;
	for (size_t i = 0; kinds[i] != NULL; i++)
		json_decref(schema_of(kinds[i]));
	assert_int_equal(schema_write("message", &text, &err), ERR_INVALID);
	assert_int_equal(schema_write("tsak", &text, &err), ERR_NOT_FOUND);
	assert_string_equal(err.text, "no schema 'tsak': did you mean 'task'?");
	assert_int_equal(text.len, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_same_verdicts),
		cmocka_unit_test(test_kinds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
