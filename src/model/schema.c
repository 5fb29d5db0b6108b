/* SPDX-License-Identifier: MIT */
/* Writes JSON Schemas; the workflow's from the loader's tables of keys. */
#include "model/schema.h"

#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "model/keys.h"

#define DRAFT "{\"$schema\":\"https://json-schema.org/draft/2020-12/schema\","
#define NAME "[A-Za-z_][A-Za-z0-9_-]{0,63}"
#define TEXT "{\"type\":[\"string\",\"number\",\"boolean\",\"null\"]}"
#define BOOL "{\"type\":\"boolean\"}"
#define REF(name) "{\"$ref\":\"#/$defs/" name "\"}"
#define COUNT(max)                                                                     \
	"{\"anyOf\":[{\"type\":\"integer\",\"minimum\":1,\"maximum\":" max "},"         \
	"{\"type\":\"string\",\"pattern\":\"^[0-9]+$\"}]}"
#define LIST_OF(item) "{\"type\":\"array\",\"items\":" item "}"
#define MAP_OF(value)                                                                  \
	"{\"type\":[\"object\",\"null\"],\"propertyNames\":" REF("name")               \
	",\"additionalProperties\":" value "}"
#define ONE_OR_LIST(item) "{\"anyOf\":[" item "," LIST_OF(item) "]}"

/* What the value of each key looks like; ids as in keys.h. */
static const char *const workflow_values[WF_COUNT] = {
	[WF_NAME] = REF("name"),
	[WF_DESCRIPTION] = TEXT,
	[WF_ON] = "{\"anyOf\":[" REF("trigger") ",{\"type\":\"array\",\"minItems\":1,"
	          "\"items\":" REF("trigger") "}]}",
	[WF_PARAMS] = MAP_OF(REF("param")),
	[WF_ENV] = "{\"type\":[\"object\",\"null\"],\"propertyNames\":{\"allOf\":["
	           "{\"pattern\":\"^[A-Za-z_][A-Za-z0-9_]{0,63}$\"},"
	           "{\"not\":{\"pattern\":\"^REEVE_\"}}]},\"additionalProperties\":" TEXT "}",
	[WF_PRIORITY] = REF("priority"),
	[WF_TIMEOUT] = REF("timeout"),
	[WF_MAX_PARALLEL] = COUNT("100000"),
	[WF_FAIL] = "{\"enum\":[\"finish\",\"stop\",\"cancel\",\"fast\"]}",
	[WF_BUDGET] = REF("budget"),
	[WF_DEFAULTS] = REF("defaults"),
	[WF_TASKS] = "{\"anyOf\":[{\"type\":\"array\",\"minItems\":1,\"maxItems\":100000,"
	             "\"items\":{\"allOf\":[" REF("task") ",{\"required\":[\"id\"]}]}},"
	             "{\"type\":\"object\",\"minProperties\":1,\"propertyNames\":" REF("name")
	             ",\"additionalProperties\":" REF("task") "}]}",
};

static const char *const defaults_values[DEFAULT_COUNT] = {
	[DEFAULT_AGENT] = REF("name"),
	[DEFAULT_PRIORITY] = REF("priority"),
	[DEFAULT_TIMEOUT] = REF("timeout"),
	[DEFAULT_STALL_TIMEOUT] = REF("timeout"),
	[DEFAULT_RETRY] = REF("retry"),
	[DEFAULT_CONTINUE_ON_ERROR] = BOOL,
	[DEFAULT_QUEUE_TIMEOUT] = REF("timeout"),
	[DEFAULT_TOTAL_TIMEOUT] = REF("timeout"),
	[DEFAULT_POOL] = REF("pool"),
};

static const char *const task_values[TASK_KEY_COUNT] = {
	[TASK_KEY_ID] = REF("name"),
	[TASK_KEY_AGENT] = REF("name"),
	[TASK_KEY_NEEDS] = "{\"anyOf\":[{\"type\":\"null\"}," REF("name") "," REF("need")
	                   ",{\"type\":\"array\",\"items\":{\"anyOf\":[" REF("name") ","
	                   REF("need") "]}}]}",
	[TASK_KEY_PRIORITY] = REF("priority"),
	[TASK_KEY_PROMPT] = TEXT,
	[TASK_KEY_RUN] = TEXT,
	[TASK_KEY_PAYLOAD] = "true",
	[TASK_KEY_OUTPUTS] = "{\"anyOf\":[" LIST_OF(REF("name")) "," MAP_OF(REF("output")) "]}",
	[TASK_KEY_RETRY] = REF("retry"),
	[TASK_KEY_TIMEOUT] = REF("timeout"),
	[TASK_KEY_STALL_TIMEOUT] = REF("timeout"),
	[TASK_KEY_CONTINUE_ON_ERROR] = BOOL,
	[TASK_KEY_QUEUE_TIMEOUT] = REF("timeout"),
	[TASK_KEY_TOTAL_TIMEOUT] = REF("timeout"),
	[TASK_KEY_POOL] = REF("pool"),
};

static const char *const need_values[NEED_COUNT] = {
	[NEED_TASK] = REF("name"),
	[NEED_ON] = "{\"enum\":[\"success\",\"failure\",\"done\",\"skipped\"]}",
};

#define CATEGORIES                                                                     \
	"{\"enum\":[\"failure\",\"any\",\"exit\",\"signal\",\"timeout\",\"stalled\","   \
	"\"lost\",\"queue_timeout\",\"throttled\",\"rejected\",\"invalid_output\","    \
	"\"poison\",\"malformed\",\"expired\",\"forged\",\"shed\",\"cancelled\"]}"
#define EXIT_CODE "{\"type\":\"integer\",\"minimum\":0,\"maximum\":255}"

static const char *const retry_values[RETRY_COUNT] = {
	[RETRY_MAX_ATTEMPTS] = COUNT("1000"),
	[RETRY_BACKOFF] = "{\"enum\":[\"exponential\",\"linear\",\"fixed\",\"adaptive\"]}",
	[RETRY_DELAY] = REF("duration"),
	[RETRY_FACTOR] = "{\"type\":\"number\",\"minimum\":1,\"maximum\":100}",
	[RETRY_MAX_DELAY] = REF("duration"),
	[RETRY_JITTER] = "{\"anyOf\":[{\"type\":\"number\",\"minimum\":0,\"maximum\":1},"
	                 "{\"const\":\"full\"}]}",
	[RETRY_ON] = ONE_OR_LIST(CATEGORIES),
	[RETRY_EXIT_CODES] = ONE_OR_LIST(EXIT_CODE),
	[RETRY_POISON] = COUNT("1000"),
	[RETRY_RULES] = "{\"anyOf\":[{\"type\":\"null\"},{\"type\":\"array\",\"maxItems\":32,"
	                "\"items\":" REF("retry_rule") "}]}",
};

static const char *const budget_values[BUDGET_COUNT] = {
	[BUDGET_USD] = "{\"type\":\"number\",\"minimum\":0.000001,\"maximum\":1000000000}",
	[BUDGET_TOKENS] = "{\"anyOf\":[{\"type\":\"integer\",\"minimum\":1,"
	                  "\"maximum\":1000000000000000},"
	                  "{\"type\":\"string\",\"pattern\":\"^[0-9]+(\\\\.[0-9]+)?[kKmMgGbB]?$\"}]}",
	[BUDGET_ON_BREACH] = "{\"enum\":[\"pause\",\"fail\"]}",
};

static const char *const pool_values[POOL_COUNT] = {
	[POOL_NAME] = REF("name"),
	[POOL_UNITS] = COUNT("1000000"),
};

static const char *const output_values[OUTPUT_COUNT] = {
	[OUTPUT_REQUIRED] = BOOL,
};

static const char *const param_values[PARAM_KEY_COUNT] = {
	[PARAM_KEY_TYPE] =
	    "{\"enum\":[\"string\",\"integer\",\"number\",\"boolean\",\"json\"]}",
	[PARAM_KEY_DESCRIPTION] = TEXT,
	[PARAM_KEY_DEFAULT] = "true",
	[PARAM_KEY_REQUIRED] = BOOL,
	[PARAM_KEY_ENUM] = "{\"type\":\"array\",\"minItems\":1}",
	[PARAM_KEY_PATTERN] = "{\"type\":[\"string\",\"number\"]}",
};

static void
add_property(struct buf *out, const char *name, const char *value, bool *first)
{
	buf_printf(out, "%s\"%s\":%s", *first ? "" : ",", name, value);
	*first = false;
}

/* Further spellings of a snake_case key: kebab-case and camelCase. */
static void
add_spellings(struct buf *out, const char *name, const char *value, bool *first)
{
	char kebab[KEY_NAME_SIZE], camel[KEY_NAME_SIZE];
	size_t n = 0, m = 0;

	add_property(out, name, value, first);
	if (strchr(name, '_') == NULL)
		return;
	for (const char *c = name; *c != '\0' && n + 1 < KEY_NAME_SIZE; c++) {
		bool up = c > name && c[-1] == '_';

		kebab[n++] = *c == '_' ? '-' : *c;
		if (*c != '_')
			camel[m++] = up ? (char)(*c - 'a' + 'A') : *c;
	}
	kebab[n] = camel[m] = '\0';
	add_property(out, kebab, value, first);
	add_property(out, camel, value, first);
}

static void
add_object(struct buf *out, const struct key *table, const char *const *values,
    const char *types, const char *more)
{
	bool first = true;

	buf_printf(out, "{\"type\":%s,\"properties\":{", types);
	for (const struct key *key = table; key->name != NULL; key++)
		if (!key->later)
			add_spellings(out, key->name, values[key->id], &first);
	buf_printf(out, "},\"additionalProperties\":false%s}", more);
}

static void
add_definitions(struct buf *out)
{
	static const char map_or_null[] = "[\"object\",\"null\"]";

	buf_adds(out, "\"name\":{\"type\":\"string\",\"pattern\":\"^" NAME "$\"},"
	    "\"trigger\":{\"enum\":[\"drop\",\"manual\"]},"
	    "\"priority\":{\"enum\":[0,1,2,3,4,5,6,7,8,9,\"0\",\"1\",\"2\",\"3\",\"4\","
	    "\"5\",\"6\",\"7\",\"8\",\"9\",\"low\",\"normal\",\"high\",\"urgent\"]},"
	    "\"duration\":{\"anyOf\":[{\"type\":\"number\",\"minimum\":0},"
	    "{\"type\":\"string\",\"minLength\":1,\"pattern\":\"^([0-9]+(\\\\.[0-9]+)?|"
	    "([0-9]+d)?([0-9]+h)?([0-9]+m)?([0-9]+s)?([0-9]+ms)?)$\"}]},"
	    "\"timeout\":{\"allOf\":[" REF("duration") ",{\"not\":{\"const\":0}}]},"
	    "\"defaults\":");
	add_object(out, keys_defaults, defaults_values, map_or_null, "");
	buf_adds(out, ",\"need\":");
	add_object(out, keys_need, need_values, "\"object\"", ",\"required\":[\"task\"]");
	buf_adds(out, ",\"retry\":");
	add_object(out, keys_retry, retry_values, map_or_null, "");
	buf_adds(out, ",\"retry_rule\":");
	add_object(out, keys_retry_rule, retry_values, "\"object\"",
	    ",\"anyOf\":[{\"required\":[\"on\"]},{\"required\":[\"exit_codes\"]},"
	    "{\"required\":[\"exit-codes\"]},{\"required\":[\"exitCodes\"]}]");
	buf_adds(out, ",\"budget\":");
	add_object(out, keys_budget, budget_values, map_or_null,
	    ",\"anyOf\":[{\"type\":\"null\"},{\"required\":[\"usd\"]},"
	    "{\"required\":[\"tokens\"]}]");
	buf_adds(out, ",\"pool\":{\"anyOf\":[{\"type\":\"null\"}," REF("name") ",");
	add_object(out, keys_pool, pool_values, "\"object\"", ",\"required\":[\"name\"]");
	buf_adds(out, "]},\"output\":");
	add_object(out, keys_output, output_values, map_or_null, "");
	buf_adds(out, ",\"param\":{\"anyOf\":[{\"type\":[\"string\",\"number\",\"boolean\","
	    "\"null\",\"array\"]},");
	add_object(out, keys_param, param_values, "\"object\"", "");
	buf_adds(out, "]},\"task\":");
	add_object(out, keys_task, task_values, "\"object\"",
	    ",\"not\":{\"anyOf\":[{\"required\":[\"prompt\",\"run\"]},"
	    "{\"required\":[\"prompt\",\"payload\"]},{\"required\":[\"run\",\"payload\"]}]}");
}

static void
write_workflow(struct buf *out)
{
	struct buf object = { 0 };

	add_object(&object, keys_workflow, workflow_values, "\"object\"",
	    ",\"anyOf\":[{\"required\":[\"tasks\"]},{\"required\":[\"steps\"]}]");
	buf_adds(out, DRAFT "\"title\":\"Reeve workflow\",\"$defs\":{");
	add_definitions(out);
	buf_adds(out, "},");
	buf_add(out, object.data + 1, object.len - 1);
	buf_release(&object);
}

#define STRING "{\"type\":\"string\"}"
#define WHOLE "{\"type\":\"integer\",\"minimum\":0}"

static const struct {
	const char *kind;
	const char *text;
} fixed[] = {
	{ "task",
	    DRAFT "\"title\":\"Reeve task file\",\"type\":\"object\",\"properties\":{"
	    "\"run_id\":" STRING ",\"task_id\":" STRING ",\"attempt\":{\"type\":\"integer\","
	    "\"minimum\":1},\"token\":" STRING ",\"workflow\":" STRING ",\"agent_type\":" STRING
	    ",\"agent\":" STRING ",\"kind\":{\"enum\":[\"prompt\",\"run\",\"payload\"]},"
	    "\"prompt\":" STRING ",\"run\":" STRING ",\"payload\":true,\"params\":{\"type\":\"object\"},"
	    "\"inputs\":{\"type\":\"object\"},\"timeout_ms\":" WHOLE ",\"deadline_at\":" STRING
	    ",\"workdir\":" STRING ",\"output_file\":" STRING ",\"result_file\":" STRING
	    ",\"checkpoint_file\":" STRING "},"
	    "\"required\":[\"run_id\",\"task_id\",\"attempt\",\"token\",\"agent_type\",\"kind\"]}" },
	{ "result",
	    DRAFT "\"title\":\"Reeve result file\",\"type\":\"object\",\"properties\":{"
	    "\"status\":{\"enum\":[\"done\",\"failed\",\"blocked\",\"throttled\"]},"
	    "\"summary\":" STRING ",\"output\":true,\"artifacts\":{\"type\":\"array\"},"
	    "\"retryable\":{\"type\":\"boolean\"},"
	    "\"retry_after\":{\"type\":[\"string\",\"number\"]},"
	    "\"usage\":{\"type\":\"object\",\"properties\":{\"input_tokens\":" WHOLE
	    ",\"output_tokens\":" WHOLE ",\"cost_usd\":{\"type\":\"number\",\"minimum\":0}}}},"
	    "\"required\":[\"status\"]}" },
	{ "event",
	    DRAFT "\"title\":\"Reeve event\",\"type\":\"object\",\"properties\":{"
	    "\"id\":" STRING ",\"type\":{\"type\":\"string\",\"pattern\":"
	    "\"^(run|task|agent|scale|circuit|dlq|workflow|alert|audit)\\\\.[a-z_.]+$\"},"
	    "\"at\":" STRING ",\"run\":{\"type\":[\"string\",\"null\"]},"
	    "\"task\":{\"type\":[\"string\",\"null\"]},\"attempt\":{\"type\":[\"integer\","
	    "\"null\"]},\"agent\":{\"type\":[\"string\",\"null\"]},"
	    "\"actor\":{\"type\":[\"object\",\"null\"],\"properties\":{\"name\":" STRING
	    ",\"role\":" STRING ",\"via\":" STRING "}},\"data\":true},"
	    "\"required\":[\"id\",\"type\",\"at\"]}" },
	{ "config",
	    DRAFT "\"title\":\"Reeve configuration\",\"description\":\"Groups of keys; "
	    "contrib/reeve.yaml has each key with its default\",\"type\":[\"object\",\"null\"],"
	    "\"additionalProperties\":{\"type\":[\"object\",\"string\",\"number\",\"boolean\","
	    "\"array\",\"null\"]}}" },
};

int
schema_write(const char *kind, struct buf *out, struct err *err)
{
	static const char *const kinds[] = { "workflow", "task", "result", "message", "event",
		"config", NULL };
	const char *near;

	if (kind == NULL || strcmp(kind, "workflow") == 0) {
		write_workflow(out);
		buf_addc(out, '\n');
		return 0;
	}
	for (size_t i = 0; i < ARRAY_LEN(fixed); i++) {
		if (strcmp(kind, fixed[i].kind) != 0)
			continue;
		buf_adds(out, fixed[i].text);
		buf_addc(out, '\n');
		return 0;
	}
	if (strcmp(kind, "message") == 0)
		return err_set(err, ERR_INVALID, "the schema of messages is not supported yet");
	near = str_nearest(kind, kinds);
	if (near != NULL)
		return err_set(err, ERR_NOT_FOUND, "no schema '%.64s': did you mean '%s'?", kind,
		    near);
	return err_set(err, ERR_NOT_FOUND,
	    "no schema '%.64s': there are workflow, task, result, event and config", kind);
}
