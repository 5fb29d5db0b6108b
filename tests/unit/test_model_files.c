/* SPDX-License-Identifier: MIT */
/* Agent types, configuration files, parameters, fmt, the canonical form, graphs, JSON. */
#include "model_support.h"

#include "model/agent_type.h"
#include "model/canonical.h"
#include "model/config_file.h"
#include "model/fmt.h"
#include "model/graph.h"
#include "model/jread.h"
#include "model/params.h"

static char *
agent_faults(const char *text, struct agent_type **ret_type)
{
	struct faults faults = { 0 };
	struct buf out = { 0 };

	*ret_type = NULL;
	agent_type_load("agents/backend.yaml", text, strlen(text), NULL, &faults, ret_type);
	faults_render(&faults, "f", &out);
	faults_release(&faults);
	return buf_steal(&out);
}

static void
test_agent_type(void **state)
{
	struct agent_type *type;
	char *text = agent_faults("command: [./x, '{prompt}']\nconcurrency: 2\nlease: 30s\n"
	                          "grace: 1s\nstall_timeout: 15m\nstart-timeout: 1m\nonDisconnect: kill\n"
	                          "retry: {maxAttempts: 4}\nsuccess: {exit-codes: [0, "
	                          "3]}\nworkdir: /srv\n", &type);

	(void)state;
	assert_string_equal(text, "");
	assert_string_equal(type->type, "backend");
	assert_int_equal(type->n_command, 2);
	assert_string_equal(type->command[1], "{prompt}");
	assert_null(type->command[2]);
	assert_int_equal(type->concurrency, 2);
	assert_int_equal(type->lease_ms, 30000);
	assert_int_equal(type->grace_ms, 1000);
	assert_int_equal(type->stall_timeout_ms, 900000);
	assert_int_equal(type->start_timeout_ms, 60000);
	assert_true(type->kill_on_disconnect);
	assert_int_equal(type->retry->max_attempts, 4);
	assert_int_equal(type->n_success_codes, 2);
	assert_int_equal(type->success_codes[1], 3);
	assert_string_equal(type->workdir, "/srv");
	agent_type_free(type);
	free(text);
	text = agent_faults("type: x\n", &type);
	assert_string_equal(text, "");
	assert_int_equal(type->lease_ms, 15000);
	assert_int_equal(type->n_success_codes, 1);
	assert_null(type->retry);
	assert_int_equal(type->stall_timeout_ms, 0);
	assert_int_equal(type->start_timeout_ms, 0);
	assert_false(type->kill_on_disconnect);
	agent_type_free(type);
	free(text);
	text = agent_faults("command: ls -l\npreset: claude\nconcurency: 1\nlease: 1s\n"
	                    "success: {json: x}\n", &type);
	assert_null(type);
	assert_string_equal(text,
	    "f:1:10: error: 'command' must be a list of arguments, as [./agent, --flag]; for a "
	    "shell line write [sh, -c, 'LINE']\n"
	    "f:2:1: error: 'preset' in an agent type is not supported yet\n"
	    "f:3:1: error: unknown key 'concurency' in an agent type: did you mean "
	    "'concurrency'?\n"
	    "f:4:8: error: 'lease' must be at least 2000 ms\n"
	    "f:5:11: error: 'json' in 'success' is not supported yet\n");
	free(text);
}

static const struct {
	const char *text, *want;
} flow_files[] = {
	{ "high_water: 1\n", "" },
	{ "high-water: 0\n",
	    "f:1:13: error: 'high_water' must be a whole number from 1 to 100000\n" },
	{ "rate_limit: {per_second: 0.01}\n", "" },
	{ "rate_limit:\n", "" },
	{ "rate_limit: {}\n", "f:1:13: error: 'rate_limit' needs 'per_second': how many tasks may "
	                      "start in a second\n" },
	{ "rate_limit: 10\n", "f:1:13: error: 'rate_limit' must be a map, not a scalar\n" },
	{ "rate_limit: {per_second: -1, burst: 0.5}\n",
	    "f:1:26: error: 'per_second' must be a number from 1e-05 to 1e+06\n"
	    "f:1:37: error: 'burst' must be a number from 1 to 1e+06\n" },
	{ "rate_limit: {per_second: 5, min_per_second: 6}\n",
	    "f:1:45: error: 'min_per_second' must not be more than 'per_second' (5)\n" },
	{ "rate_limit: {per_second: 5, targetLatency: 0s, failure_rate: 2}\n",
	    "f:1:44: error: 'target_latency' must be more than 0; leave it out for none\n"
	    "f:1:62: error: 'failure_rate' must be a number from 0 to 1\n" },
	{ "rate_limit: {persecond: 5, per_second: nan}\n",
	    "f:1:14: error: unknown key 'persecond' in 'rate_limit': did you mean 'per_second'?\n"
	    "f:1:40: error: 'per_second' must be a number from 1e-05 to 1e+06\n" },
	{ "lag_alert: {lag: 1000, within: 5m}\n", "" },
	{ "lag_alert: {lag: 0, within: 9s, by: 3}\n",
	    "f:1:18: error: 'lag' must be a whole number from 1 to 10000000\n"
	    "f:1:29: error: 'within' must be at least 10s\n"
	    "f:1:33: error: unknown key 'by' in 'lag_alert'\n" },
	{ "circuit: {}\n", "" },
	{ "circuit:\n", "" },
	{ "circuit: {failures: 0, reset: -1s}\n",
	    "f:1:21: error: 'failures' must be a whole number from 1 to 100000\n"
	    "f:1:31: error: 'reset' must be a duration such as 250ms, 30s, 10m, 1h30m, 1d\n" },
	{ "circuit: {reset: 31d}\n", "f:1:18: error: 'reset' must be at most 30d\n" },
	{ "circuit: off\n", "f:1:10: error: 'circuit' must be a map, not a scalar\n" },
};

static void
test_flow_faults(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(flow_files); i++) {
		struct agent_type *type;
		char *text = agent_faults(flow_files[i].text, &type);

		assert_string_equal(text, flow_files[i].want);
		assert_true((type != NULL) == (*text == '\0'));
		agent_type_free(type);
		free(text);
	}
}

static void
test_flow(void **state)
{
	struct agent_type *type;
	char *text = agent_faults("high_water: 200\ncircuit: {failures: 3}\n"
	                          "rate_limit: {per_second: 4, burst: 20, target_latency: 2s}\n",
	    &type);

	(void)state;
	assert_string_equal(text, "");
	assert_int_equal(type->high_water, 200);
	assert_int_equal(type->circuit.failures, 3);
	assert_int_equal(type->circuit.reset_ms, 60000);
	assert_float_equal(type->rate_limit.per_second, 4, 0);
	assert_float_equal(type->rate_limit.burst, 20, 0);
	assert_float_equal(type->rate_limit.min_per_second, 0.4, 1e-6);
	assert_float_equal(type->rate_limit.failure_rate, 0.5, 0);
	assert_int_equal(type->rate_limit.target_latency_ms, 2000);
	agent_type_free(type);
	free(text);
	text = agent_faults("circuit:\nrate_limit: {per_second: 0.5}\n", &type);
	assert_string_equal(text, "");
	assert_int_equal(type->circuit.failures, 5);
	assert_float_equal(type->rate_limit.burst, 1, 0); /* a whole start at least */
	assert_int_equal(type->high_water, 0);
	agent_type_free(type);
	free(text);
	text = agent_faults("type: x\n", &type);
	assert_int_equal(type->circuit.failures, 0);
	assert_float_equal(type->rate_limit.per_second, 0, 0);
	agent_type_free(type);
	free(text);
}

/* What each file says is wrong; "" = nothing. */
static const struct {
	const char *text, *want;
} scale_files[] = {
	{ "max_agents: 4\nscale: {}\n", "" },
	{ "max_agents: 4\nscale:\n", "" },
	{ "min_agents: 1\nmax_agents: 4\n",
	    "f:2:13: warning: 'min_agents' and 'max_agents' change nothing without 'scale'\n" },
	{ "scale: {}\n", "" },
	{ "min_agents: 20\nscale: {}\n", "" },
	{ "min_agents: 5\nmax_agents: 4\nscale: {}\n",
	    "f:2:13: error: 'max_agents' is 4, less than 'min_agents', which is 5\n" },
	{ "min_agents: -1\nmax_agents: 10001\nscale: {}\n",
	    "f:1:13: error: 'min_agents' must be a whole number from 0 to 10000\n"
	    "f:2:13: error: 'max_agents' must be a whole number from 0 to 10000\n" },
	{ "max_agents: 1\nscale: {backend: proces}\n",
	    "f:2:18: error: 'proces' is not a value of 'backend': did you mean 'process'?\n" },
	{ "max_agents: 1\nscale: {backend: kubernetes}\n",
	    "f:2:18: error: 'backend' must be one of: process, exec, none\n" },
	{ "max_agents: 1\nscale: {backend: exec}\n",
	    "f:2:8: error: the back end 'exec' needs a 'command', as [/etc/reeve/scale, "
	    "production]\n" },
	{ "max_agents: 1\nscale: {command: [x], backend: none}\n",
	    "f:2:18: error: 'command' is for the back end 'exec', not 'none'\n" },
	{ "max_agents: 1\nscale: {backend: exec, command: run it}\n",
	    "f:2:33: error: 'command' must be a list of arguments, as [./agent, --flag]; for a "
	    "shell line write [sh, -c, 'LINE']\n" },
	{ "max_agents: 1\nscale: {cool_down: 1m, target-wait: -3s}\n",
	    "f:2:9: error: unknown key 'cool_down' in 'scale': did you mean 'cooldown'?\n"
	    "f:2:37: error: 'target_wait' must be a duration such as 250ms, 30s, 10m, 1h30m, "
	    "1d\n" },
	{ "max_agents: 1\nscale: true\n", "f:2:8: error: 'scale' must be a map, not a scalar\n" },
};

static void
test_scale(void **state)
{
	struct agent_type *type;
	char *text;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(scale_files); i++) {
		text = agent_faults(scale_files[i].text, &type);
		assert_string_equal(text, scale_files[i].want);
		agent_type_free(type);
		free(text);
	}
	text = agent_faults("minAgents: 1\nmax-agents: 9\nscale: {enabled: false, backend: exec, "
	                    "command: [x, y], timeout: 5s, cooldown: 0, target_wait: 10s}\n", &type);
	assert_string_equal(text, "");
	assert_int_equal(type->scale.min_agents, 1);
	assert_int_equal(type->scale.max_agents, 9);
	assert_true(type->scale.given);
	assert_false(type->scale.enabled);
	assert_int_equal(type->scale.backend, SCALE_EXEC);
	assert_string_equal(type->scale.command[1], "y");
	assert_null(type->scale.command[2]);
	assert_null(type->command);
	assert_int_equal(type->scale.timeout_ms, 5000);
	assert_int_equal(type->scale.cooldown_ms, 0);
	assert_int_equal(type->scale.target_wait_ms, 10000);
	agent_type_free(type);
	free(text);
	text = agent_faults("min_agents: 20\nscale: {}\n", &type);
	assert_int_equal(type->scale.max_agents, 20);
	agent_type_free(type);
	free(text);
	text = agent_faults("type: x\n", &type);
	assert_int_equal(type->scale.max_agents, SCALE_MAX_AGENTS);
	assert_false(type->scale.given);
	agent_type_free(type);
	free(text);
}

static int
take_value(void *ctx, const struct config_value *value, struct err *err)
{
	if (strcmp(value->key, "bad") == 0)
		return err_set(err, ERR_INVALID, "no such key");
	buf_printf(ctx, "%u:%u %s=%s\n", value->line, value->column, value->key, value->text);
	return 0;
}

static void
test_config_file(void **state)
{
	static const char text[] = "redis:\n  url: unix:///x\n  keepAlive: 5s\nhttp: {hosts: [a, "
	                           "b]}\ntokens:\n- {name: n}\nnone:\nbad: 1\n";
	static const char named[] = "pools: { x: {}, a.b: 1,\n My-llm: {perSecond: 1}}\n"
	                            "redis: {MyUrl: x}\n";
	static const char *const groups[] = { "pools", NULL };
	struct faults faults = { 0 };
	struct buf out = { 0 };

	(void)state;
	assert_int_equal(config_file_read(text, strlen(text), NULL, NULL, &faults, take_value, &out),
	    ERR_INVALID);
	faults_render(&faults, "f", &out);
	assert_string_equal(buf_text(&out),
	    "2:8 redis.url=unix:///x\n3:14 redis.keep_alive=5s\n4:15 http.hosts=a,b\n"
	    "6:10 tokens.0.name=n\n7:6 none=\nf:8:6: error: no such key\n");
	faults_release(&faults);
	buf_clear(&out);
	assert_int_equal(config_file_read(named, strlen(named), NULL, groups, &faults, take_value,
	                     &out), ERR_INVALID);
	faults_render(&faults, "f", &out);
	assert_string_equal(buf_text(&out),
	    "2:22 pools.My-llm.per_second=1\n3:16 redis.my_url=x\n"
	    "f:1:17: error: 'a.b' is not a key\n");
	faults_release(&faults);
	buf_clear(&out);
	assert_int_equal(config_file_read("# x\n\n", 5, NULL, NULL, &faults, take_value, &out), 0);
	assert_int_equal(config_file_read("", 0, NULL, NULL, &faults, take_value, &out), 0);
	assert_int_equal(config_file_read("[1]", 3, NULL, NULL, &faults, take_value, &out), ERR_INVALID);
	assert_int_equal(out.len, 0);
	faults_release(&faults);
	buf_release(&out);
}

static const struct {
	const char *given;
	const char *want; /* JSON, or the error */
} givens[] = {
	{ NULL, "parameter 'must' is required: give it with -p must=..." },
	{ "{\"must\":\"x\"}", "{\"must\":\"x\",\"target\":\"main\"}" },
	{ "{\"must\":7}", "{\"must\":\"7\",\"target\":\"main\"}" },
	{ "{\"must\":\"x\",\"count\":\"12\",\"flag\":\"true\",\"ratio\":\"0.50\"}",
	    "{\"count\":12,\"flag\":true,\"must\":\"x\",\"ratio\":0.5,\"target\":\"main\"}" },
	{ "{\"must\":\"x\",\"data\":\"{\\\"b\\\": 1, \\\"a\\\": [2]}\"}",
	    "{\"data\":{\"a\":[2],\"b\":1},\"must\":\"x\",\"target\":\"main\"}" },
	{ "{\"must\":\"x\",\"data\":\"plain\"}",
	    "{\"data\":\"plain\",\"must\":\"x\",\"target\":\"main\"}" },
	{ "{\"must\":\"x\",\"count\":\"1.5\"}",
	    "parameter 'count': '1.5' is not a whole number" },
	{ "{\"must\":\"x\",\"flag\":\"maybe\"}",
	    "parameter 'flag': 'maybe' is not true or false" },
	{ "{\"must\":\"x\",\"target\":\"prod\"}",
	    "parameter 'target': \"prod\" is not one of \"main\", \"dev\"" },
	{ "{\"must\":\"X\"}", "parameter 'must': \"X\" does not match the pattern ^[a-z0-9]+$" },
	{ "{\"must\":[1]}", "parameter 'must': '[1]' is not a text" },
	{ "{\"must\":\"x\",\"targt\":1}", "unknown parameter 'targt': did you mean 'target'?" },
	{ "{\"must\":\"x\",\"qqqqqqqq\":1}", "workflow 'test' has no parameter 'qqqqqqqq'" },
	{ "[]", "params must be a JSON object" },
	{ "{\"must\":", "params must be a JSON object" },
};

static void
test_params(void **state)
{
	struct workflow *wf = load_one(
	    "params:\n  target: {default: main, enum: [main, dev]}\n  count: {type: integer}\n"
	    "  flag: {type: boolean}\n  ratio: {type: number}\n  data: {type: json}\n"
	    "  must: {required: true, pattern: '^[a-z0-9]+$'}\n"
	    "tasks: [{id: a, agent: x}]\n");

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(givens); i++) {
		struct buf json = { 0 };
		struct err err = { 0 };
		int rc = params_resolve(wf, givens[i].given, &json, &err);

		assert_string_equal(rc == 0 ? buf_text(&json) : err.text, givens[i].want);
		buf_release(&json);
	}
	workflow_unref(wf);
}

static void
test_short_params(void **state)
{
	struct workflow *wf = load_one("params: {a: main, b: 3, c: 3.10, d: true, e: , f: [1], g: "
	                               "0.5}\ntasks: [{id: a, agent: x}]\n");
	static const struct {
		enum param_type type;
		const char *json;
	} want[] = { { PARAM_STRING, "\"main\"" }, { PARAM_INTEGER, "3" },
		{ PARAM_STRING, "\"3.10\"" }, { PARAM_BOOLEAN, "true" }, { PARAM_STRING, NULL },
		{ PARAM_JSON, "[1]" }, { PARAM_NUMBER, "0.5" } };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(want); i++) {
		assert_int_equal(wf->params[i].type, want[i].type);
		if (want[i].json != NULL)
			assert_string_equal(wf->params[i].default_json, want[i].json);
		else
			assert_true(wf->params[i].required && !wf->params[i].default_json);
	}
	workflow_unref(wf);
}

static void
test_format(void **state)
{
	static const char text[] =
	    "steps: [{dependsOn: [], runs-on: x, id: a, run: 'a b'},\n {id: b, type: x}]\n"
	    "fail: fast\nname: w\n";
	static const char want[] = "name: w\nfail: cancel\ntasks:\n"
	                           "- {id: a, agent: x, needs: [], run: 'a b'}\n"
	                           "- {id: b, agent: x}\n";
	static const char noted[] = "name: w # note\ntasks: [{id: a, agent: x, prompt: 'a # b'}]\n";
	static const char quoted[] = "name: w\ntasks: [{id: a, agent: x, prompt: 'a # b'}]\n";
	struct faults faults = { 0 };
	struct buf out = { 0 }, again = { 0 };
	bool comments = true;

	(void)state;
	assert_int_equal(workflow_format("f.yaml", text, strlen(text), NULL, &faults, &out,
	                     &comments), 0);
	assert_string_equal(buf_text(&out), want);
	assert_false(comments);
	assert_int_equal(workflow_format("f.yaml", out.data, out.len, NULL, &faults, &again,
	                     &comments), 0);
	assert_string_equal(buf_text(&again), want);
	assert_int_equal(workflow_format("f.yaml", noted, strlen(noted), NULL, &faults, &again,
	                     &comments), 0);
	assert_true(comments);
	assert_int_equal(workflow_format("f.yaml", quoted, strlen(quoted), NULL, &faults, &again,
	                     &comments), 0);
	assert_false(comments);
	assert_int_equal(workflow_format("f.yaml", "a: 1", 4, NULL, &faults, &again, &comments),
	    ERR_INVALID);
	faults_release(&faults);
	buf_release(&out);
	buf_release(&again);
}

static void
test_canonical(void **state)
{
	size_t len;
	char *text = read_data("feature.yaml", &len);
	struct workflow *wf = load_one(text), *again;
	struct buf first = { 0 }, second = { 0 };
	struct err err = { 0 };

	(void)state;
	workflow_canonical(wf, &first);
	again = workflow_from_canonical(first.data, first.len, &err);
	assert_non_null(again);
	workflow_canonical(again, &second);
	assert_string_equal(first.data, second.data);
	assert_string_equal(wf->sha256, again->sha256);
	assert_int_equal(again->tasks[1].n_refs, 1);
	assert_int_equal(again->tasks[1].stall_timeout_ms, 300000);
	assert_int_equal(again->tasks[0].n_dependents, 1);
	workflow_unref(again);
	/* cut anywhere, it is refused */
	for (size_t i = 0; i < first.len; i++)
		assert_null(workflow_from_canonical(first.data, i, &err));
	assert_int_equal(err.code, ERR_INVALID);
	buf_release(&first);
	buf_release(&second);
	workflow_unref(wf);
	free(text);
}

#define CANON(tasks)                                                                   \
	"{\"v\":1,\"name\":\"w\",\"description\":\"\",\"on\":1,\"priority\":5,"         \
	"\"timeout\":0,\"max_parallel\":1,\"fail\":0,\"params\":[],\"env\":[],"        \
	"\"tasks\":[" tasks "]}"
#define CANON_TASK(id, needs)                                                          \
	"{\"id\":\"" id "\",\"agent\":\"x\"," needs "\"retry\":{},\"payload\":{}}"

static void
test_canonical_damaged(void **state)
{
	static const char *const texts[] = {
		CANON(""),
		CANON(CANON_TASK("a", "\"needs\":[[0,0]],")),
		CANON(CANON_TASK("a", "\"needs\":[[1,0]],")),
		CANON(CANON_TASK("a", "\"needs\":[[1,0]],") "," CANON_TASK("b",
		    "\"needs\":[[0,0]],")),
		CANON(CANON_TASK("a", "") "," CANON_TASK("a", "")),
		CANON(CANON_TASK("a", "\"zip\":1,")),
		CANON("{\"id\":\"a\",\"agent\":\"x\",\"retry\":{},\"prompt\":"
		      "\"${{ tasks.b.status }}\"}"),
		CANON("{\"id\":\"a\",\"agent\":\"x\",\"retry\":{}}"),
		"{}",
		"",
	};
	struct workflow *wf = workflow_from_canonical(CANON(CANON_TASK("a", "")),
	    strlen(CANON(CANON_TASK("a", ""))), NULL);

	(void)state;
	assert_non_null(wf);
	workflow_unref(wf);
	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		assert_null(workflow_from_canonical(texts[i], strlen(texts[i]), NULL));
}

static void
test_graph(void **state)
{
	struct workflow *wf = load_one(
	    "tasks:\n- {id: d, agent: x, needs: [b, {task: c, on: failure}]}\n"
	    "- {id: a, agent: x}\n- {id: b, agent: x, needs: a}\n- {id: c, agent: x, needs: a}\n"
	    "- {id: e, agent: x}\n");
	uint32_t order[5], level[5], path[5];
	struct ancestor_query queries[] = { { 0, 1, false }, { 0, 4, true }, { 2, 3, true },
		{ 3, 1, false }, { 1, 0, true } };
	struct buf out = { 0 };

	(void)state;
	assert_int_equal(workflow_levels(wf, order, level), 5);
	assert_int_equal(level[0], 2);
	assert_int_equal(level[3], 1);
	assert_int_equal(order[4], 0);
	assert_int_equal(workflow_critical_path(wf, path), 3);
	assert_int_equal(path[0], 1);
	assert_int_equal(path[2], 0);
	workflow_ancestors(wf, queries, ARRAY_LEN(queries));
	assert_true(queries[0].ok && queries[3].ok);
	assert_false(queries[1].ok || queries[2].ok || queries[4].ok);
	graph_dot(wf, &out);
	assert_non_null(strstr(out.data, "\"c\" -> \"d\" [label=\"failure\"];"));
	buf_clear(&out);
	graph_mermaid(wf, &out);
	assert_non_null(strstr(out.data, "    t1 --> t2\n"));
	buf_clear(&out);
	graph_svg(wf, &out);
	assert_non_null(strstr(out.data, "class=\"need failure\""));
	assert_non_null(strstr(out.data, "</svg>\n"));
	buf_release(&out);
	workflow_unref(wf);
}

/* More distant ancestors than one pass can answer, held against plain reasoning: a chain. */
static void
test_ancestors_many(void **state)
{
	enum { N = 1500 };
	static struct ancestor_query queries[N];
	struct buf text = { 0 };
	struct workflow *wf;

	(void)state;
	buf_adds(&text, "defaults: {agent: x}\ntasks:\n- {id: t0}\n- {id: t1}\n");
	for (int i = 2; i < N; i++) /* two chains: even and odd */
		buf_printf(&text, "- {id: t%d, needs: t%d}\n", i, i - 2);
	wf = load_one(text.data);
	for (uint32_t i = 0; i < N; i++)
		queries[i] = (struct ancestor_query){ N - 1 - i % 2, i, false };
	workflow_ancestors(wf, queries, N);
	for (uint32_t i = 0; i < N; i++)
		assert_int_equal(queries[i].ok,
		    queries[i].task != i && (queries[i].task - i) % 2 == 0);
	workflow_unref(wf);
	buf_release(&text);
}

static void
test_jread(void **state)
{
	static const char *const good[] = { "0", "-1.5e+3", "\"\\ud83d\\ude00\\n\"", "[]", "{}",
		"[1,{\"a\":[true,false,null]},\"x\"]", " { \"a\" : 1 , \"b\" : [ ] } " };
	static const char *const wrong[] = { "", "01", "1.", "-", "+1", "[1,]", "[,1]", "{\"a\"}",
		"{\"a\":1,}", "{a:1}", "\"\\x\"", "\"\\ud800\"", "\"a", "tru", "[1 2]", "1 2", "{]",
		"\"\t\"", "[" };
	const char *text;
	size_t len;
	struct buf deep = { 0 };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(good); i++)
		assert_true(jread_valid(good[i], strlen(good[i])));
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
		assert_false(jread_valid(wrong[i], strlen(wrong[i])));
	for (int i = 0; i < 100000; i++)
		buf_addc(&deep, '[');
	assert_false(jread_valid(deep.data, deep.len));
	assert_true(jread_member("{\"a\":[1],\"b\":{\"c\":2}}", 21, "b", &text, &len));
	assert_int_equal(len, 7);
	assert_false(jread_member("{\"a\":[1]}", 9, "c", &text, &len));
	buf_release(&deep);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_agent_type), cmocka_unit_test(test_scale),
		cmocka_unit_test(test_flow), cmocka_unit_test(test_flow_faults),
		cmocka_unit_test(test_config_file),
		cmocka_unit_test(test_params),
		cmocka_unit_test(test_short_params),
		cmocka_unit_test(test_format),
		cmocka_unit_test(test_canonical),
		cmocka_unit_test(test_canonical_damaged),
		cmocka_unit_test(test_graph),
		cmocka_unit_test(test_ancestors_many),
		cmocka_unit_test(test_jread),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
