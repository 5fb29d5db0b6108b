/* SPDX-License-Identifier: MIT */
/* The table of reeved's configuration, and how file, environment and flags fill it. */
#include "orchestrator/settings.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/meminfo.h"
#include "base/str.h"
#include "model/workflow.h"
#include "orchestrator/pooling.h"
#include "redis/url.h"
#include "wire/keys.h"

#define MIB (1024 * 1024)

static const char *const level_values[] = { "error", "warn", "info", "debug", NULL };
static const char *const loss_values[] = { "hold", "restore", NULL };
static const char *const judge_values[] = { "off", "mark", "drain", NULL };
static const char *const per_values[] = { "day", NULL };
static const char *const breach_values[] = { "pause", "fail", NULL };
static const char *const fsync_values[] = { "everysec", "always", "no", NULL };

const struct config_option settings_table[] = {
	{ "workflows", "workflows", 0, "REEVE_WORKFLOWS", CONFIG_STRING, "workflows", 0, 0, NULL,
	    0, "DIR", "Folder whose YAML files become workflows and runs." },
	{ "agents", "agents", 0, "REEVE_AGENTS", CONFIG_STRING, "agents", 0, 0, NULL, 0, "DIR",
	    "Folder of the agent types' YAML files." },
	{ "state_dir", "state-dir", 0, "REEVE_STATE_DIR", CONFIG_STRING, "", 0, 0, NULL, 0, "DIR",
	    "State folder: the socket, the embedded Redis and its data. Empty: STATE_DIRECTORY, "
	    "$XDG_STATE_HOME/reeve or ~/.local/state/reeve." },
	{ "node_id", "node-id", 0, "REEVE_NODE_ID", CONFIG_STRING, "", 0, 64, NULL, 0, "ID",
	    "Name of this daemon in logs and events. Empty: the random id of its state folder." },
	{ "on_state_loss", NULL, 0, "REEVE_ON_STATE_LOSS", CONFIG_ENUM, "hold", 0, 0,
	    loss_values, 0, NULL, "When Redis was wiped, replaced or put back to an older state. "
	    "hold: nothing is done until reeve recover says how to go on; restore: live runs are "
	    "written back from memory, and what was dropped and is not known any more starts again." },
	{ "log_level", "log-level", 0, "REEVE_LOG_LEVEL", CONFIG_ENUM, "info", 0, 0, level_values,
	    CONFIG_RELOADABLE, "LEVEL", "What is logged: error, warn, info or debug." },
	{ "http.listen", "http", 0, "REEVE_HTTP", CONFIG_STRING, "127.0.0.1:8420", 0, 128, NULL, 0,
	    "ADDR:PORT", "Loopback address of the API, read-only there; off: no TCP; port 0: any "
	    "free one." },
	{ "http.socket", "http-socket", 0, "REEVE_HTTP_SOCKET", CONFIG_STRING, "", 0, 107, NULL, 0,
	    "PATH", "Unix socket of the API. Empty: reeve.sock in the state folder." },
	{ "http.count_cpu", NULL, 0, "REEVE_HTTP_COUNT_CPU", CONFIG_BOOL, "false", 0, 0, NULL, 0,
	    NULL, "Count what HTTP takes of the daemon's CPU (the metric "
	    "reeve_http_cpu_microseconds_total). Counting takes a few microseconds a request." },
	{ "redis.url", "redis", 0, "REEVE_REDIS_URL", CONFIG_STRING, "", 0, 0, NULL, CONFIG_SECRET,
	    "URL", "Redis to use: redis://[user:password@]host:port[/db] or unix:///path. Empty: "
	    "an own redis-server is started and supervised. Other users see flags; a password "
	    "belongs into the file or the environment." },
	{ "redis.prefix", NULL, 0, "REEVE_REDIS_PREFIX", CONFIG_STRING, KEY_PREFIX_DEFAULT, 0,
	    KEY_PREFIX_MAX, NULL, 0, NULL, "What the names of all keys in Redis begin with." },
	{ "redis.binary", NULL, 0, "REEVE_REDIS_BINARY", CONFIG_STRING, "", 0, 0, NULL, 0, NULL,
	    "Program of the embedded Redis. Empty: redis-server or valkey-server in PATH." },
	{ "redis.appendfsync", NULL, 0, "REEVE_REDIS_APPENDFSYNC", CONFIG_ENUM, "everysec", 0, 0,
	    fsync_values, 0, NULL, "How often the embedded Redis forces its log to disk." },
	{ "partitions", "partitions", 0, "REEVE_PARTITIONS", CONFIG_I64, "0", 0, 256, NULL, 0, "N",
	    "Parts that the state is divided into, so that several daemons share the work. Decided "
	    "by the first start on a Redis and kept for ever; 0: as the state says, one if it is "
	    "new." },
	{ "dispatch.window", NULL, 0, "REEVE_DISPATCH_WINDOW", CONFIG_I64, "1024", 1, 100000, NULL,
	    0, NULL, "Tasks of one agent type that are handed out at once, at most; its file's "
	    "high_water, or the slots of its agents, say how many of them. Priorities hold among the "
	    "others." },
	{ "dispatch.max_tasks", NULL, 0, "REEVE_DISPATCH_MAX_TASKS", CONFIG_I64, "2000000", 1,
	    100000000, NULL, 0, NULL, "Live tasks in all; beyond that new runs are refused." },
	{ "dead_letters.max_age", NULL, 0, "REEVE_DEAD_LETTERS_MAX_AGE", CONFIG_DURATION, "7d", 1000,
	    0, NULL, 0, NULL, "Dead letters that are older are dropped, also open ones." },
	{ "dead_letters.max", NULL, 0, "REEVE_DEAD_LETTERS_MAX", CONFIG_I64, "10000", 1, 1000000,
	    NULL, 0, NULL, "Dead letters kept of one agent type; beyond that the oldest are "
	    "dropped." },
	{ "dead_letters.auto_replay_delay", NULL, 0, "REEVE_DEAD_LETTERS_AUTO_REPLAY_DELAY",
	    CONFIG_DURATION, "1m", 100, 86400000, NULL, 0, NULL, "How old a dead letter of an agent "
	    "type with auto_replay is when it is replayed; four times as old the second time, and "
	    "again the third." },
	{ "audit.interval", NULL, 0, "REEVE_AUDIT_INTERVAL", CONFIG_DURATION, "60s", 0, 86400000, NULL,
	    0, NULL, "Memory, state and streams are compared so often, and what differs is repaired; "
	    "0: never." },
	{ "health.judge", NULL, 0, "REEVE_HEALTH_JUDGE", CONFIG_ENUM, "drain", 0, 0, judge_values,
	    CONFIG_RELOADABLE, NULL, "Agents that fail far more often than their peers of the same "
	    "type, are slow or stuck against them. drain: they are handed nothing for a while; "
	    "mark: they are only told of; off: nobody looks." },
	{ "health.samples", NULL, 0, "REEVE_HEALTH_SAMPLES", CONFIG_I64, "10", 5, 50, NULL,
	    CONFIG_RELOADABLE, NULL, "Attempts of an agent, and of its peers together, before it is "
	    "judged; of durations twice as many. With less, chance alone would do too much; the "
	    "last 50 count." },
	{ "health.odds", NULL, 0, "REEVE_HEALTH_ODDS", CONFIG_I64, "100000", 100, 1000000000, NULL,
	    CONFIG_RELOADABLE, NULL, "A sound agent looks as bad as one that is marked once in so "
	    "many looks, at most. It is looked at again and again: with 100000 one sound fleet in a "
	    "hundred has an agent marked in some hundred attempts of each." },
	{ "health.excess", NULL, 0, "REEVE_HEALTH_EXCESS", CONFIG_DECIMAL, "0.25", 10, 1000, NULL,
	    CONFIG_RELOADABLE, NULL, "Failing: so much above the part of its peers' attempts that "
	    "fails. Less is certain of many attempts, but not worth an agent." },
	{ "health.slow_ratio", NULL, 0, "REEVE_HEALTH_SLOW_RATIO", CONFIG_DECIMAL, "4", 1500, 1000000,
	    NULL, CONFIG_RELOADABLE, NULL, "Slow: its median duration is so many times that of its "
	    "peers, and more than a second above. Different machines differ by two." },
	{ "health.stuck_after", NULL, 0, "REEVE_HEALTH_STUCK_AFTER", CONFIG_DURATION, "5m", 1000, 0,
	    NULL, CONFIG_RELOADABLE, NULL, "Stuck: its task has told nothing for so long and for ten "
	    "times the longest of its type lately, while peers end theirs." },
	{ "health.probation", NULL, 0, "REEVE_HEALTH_PROBATION", CONFIG_DURATION, "10m", 1000, 0, NULL,
	    CONFIG_RELOADABLE, NULL, "How long such an agent is handed nothing; twice as long each "
	    "time, at most 64 times. Long enough for what passes (a full disk, a provider's bad "
	    "hour begins), short enough that a false alarm costs little." },
	{ "health.floor", NULL, 0, "REEVE_HEALTH_FLOOR", CONFIG_DECIMAL, "0.5", 0, 1000, NULL,
	    CONFIG_RELOADABLE, NULL, "Part of a type's slots that stays in work whatever is found, "
	    "and at least one agent: where half are bad, the type is, not its agents." },
	{ "flood.reports", NULL, 0, "REEVE_FLOOD_REPORTS", CONFIG_SIZE, "1M", 0, (int64_t)1 << 30,
	    NULL, CONFIG_RELOADABLE, NULL, "Bytes a second of reports that end nothing (progress, "
	    "duplicates, what no task waits for) that an agent may send for ten seconds; each "
	    "counts as 1K at least, so this is 1,000 a second. Beyond that it is quarantined; 0: "
	    "never. What ends an attempt is never counted." },
	{ "flood.logs", NULL, 0, "REEVE_FLOOD_LOGS", CONFIG_SIZE, "4M", 0, (int64_t)1 << 30, NULL,
	    CONFIG_RELOADABLE, NULL, "Bytes a second of output that an agent may add to logs for ten "
	    "seconds, likewise. With 16 MiB an attempt that is more than two full logs." },
	{ "limits.file", NULL, 0, "REEVE_LIMITS_FILE", CONFIG_SIZE, "16M", 1024, 256 * MIB, NULL, 0,
	    NULL, "Largest workflow file." },
	{ "limits.scalar", NULL, 0, "REEVE_LIMITS_SCALAR", CONFIG_SIZE, "512K", 1024, MIB, NULL, 0,
	    NULL, "Longest single text in a workflow file." },
	{ "limits.depth", NULL, 0, "REEVE_LIMITS_DEPTH", CONFIG_I64, "32", 4, MODEL_DEPTH_MAX, NULL,
	    0, NULL, "Deepest nesting in a workflow file." },
	{ "limits.nodes", NULL, 0, "REEVE_LIMITS_NODES", CONFIG_I64, "3000000", 1000, 100000000,
	    NULL, 0, NULL, "Most texts, lists and maps in a workflow file." },
	{ "limits.tasks", NULL, 0, "REEVE_LIMITS_TASKS", CONFIG_I64, "100000", 1, 1000000, NULL, 0,
	    NULL, "Most tasks of one workflow." },
	{ "limits.outputs_memory", NULL, 0, "REEVE_LIMITS_OUTPUTS_MEMORY", CONFIG_SIZE, "256M", 0,
	    (int64_t)64 * 1024 * MIB, NULL, 0, NULL, "Outputs of tasks that are kept in memory for "
	    "those that will read them; beyond that they are read back from Redis first." },
	{ "limits.memory", NULL, 0, "REEVE_LIMITS_MEMORY", CONFIG_SIZE, "0", 0, (int64_t)1 << 50, NULL,
	    CONFIG_RELOADABLE, NULL, "Memory that reeved is to keep below, see shed. 0: half of what "
	    "the machine or its control group has, so that Redis and agents beside it have the other "
	    "half." },
	{ "limits.rendered", NULL, 0, "REEVE_LIMITS_RENDERED", CONFIG_SIZE, "768K", 1024, 768 * 1024,
	    NULL, 0, NULL, "Largest task as it is handed to an agent." },
	{ "pools.NAME.units", NULL, 0, NULL, CONFIG_I64, "0", 0, POOL_UNITS_MAX, NULL,
	    CONFIG_RELOADABLE, NULL, "Units that the tasks of the pool NAME (pool: NAME in a "
	    "workflow) may hold at once, from hand-out to the end of the attempt, in all "
	    "workflows, agent types and partitions; 0: any number." },
	{ "pools.NAME.per_second", NULL, 0, NULL, CONFIG_DECIMAL, "0", 0, 1000000000, NULL,
	    CONFIG_RELOADABLE, NULL, "Tasks of the pool that may start in a second; 0: any "
	    "number." },
	{ "pools.NAME.burst", NULL, 0, NULL, CONFIG_I64, "0", 0, 1000000, NULL,
	    CONFIG_RELOADABLE, NULL, "Tasks that may start at once after a quiet time; 0: as "
	    "many as in a second, at least 1." },
	{ "pools.NAME.budget.usd", NULL, 0, NULL, CONFIG_DECIMAL, "0", 0, 1000000000000, NULL,
	    CONFIG_RELOADABLE, NULL, "What the tasks of the pool may cost in a day (of UTC): US "
	    "dollars; 0: any sum." },
	{ "pools.NAME.budget.tokens", NULL, 0, NULL, CONFIG_COUNT, "0", 0,
	    (int64_t)SPEND_TOKENS_MAX, NULL, CONFIG_RELOADABLE, NULL, "The same in tokens; 0: any "
	    "number." },
	{ "pools.NAME.budget.on_breach", NULL, 0, NULL, CONFIG_ENUM, "pause", 0, 0, breach_values,
	    CONFIG_RELOADABLE, NULL, "As budget.on_breach; reeve resume pool:NAME lifts it." },
	{ "pools.NAME.budget.per", NULL, 0, NULL, CONFIG_ENUM, "day", 0, 0, per_values,
	    CONFIG_RELOADABLE, NULL, "How long the sum counts." },
	{ "budget.usd", NULL, 0, "REEVE_BUDGET_USD", CONFIG_DECIMAL, "0", 0, 1000000000000, NULL,
	    CONFIG_RELOADABLE, NULL, "What all runs together may cost in a day (of UTC), as their "
	    "agents report it: US dollars; 0: any sum. Of several partitions each has an equal "
	    "part." },
	{ "budget.tokens", NULL, 0, "REEVE_BUDGET_TOKENS", CONFIG_COUNT, "0", 0,
	    (int64_t)SPEND_TOKENS_MAX, NULL, CONFIG_RELOADABLE, NULL, "The same in tokens, read and "
	    "written; 0: any number." },
	{ "budget.on_breach", NULL, 0, "REEVE_BUDGET_ON_BREACH", CONFIG_ENUM, "pause", 0, 0,
	    breach_values, CONFIG_RELOADABLE, NULL, "When it is used up. pause: nothing new starts "
	    "until the day ends or reeve resume budget allows as much again; fail: what would start "
	    "fails." },
	{ "shed.low", NULL, 0, "REEVE_SHED_LOW", CONFIG_I64, "80", 1, 101, NULL, CONFIG_RELOADABLE,
	    NULL, "New runs of priority 2 and less are refused from so many percent of "
	    "dispatch.max_tasks, limits.memory or the maxmemory of Redis on, until 5 below it; files "
	    "in the watched folder wait. 80: a fifth is left to all that matters more. 101: never." },
	{ "shed.normal", NULL, 0, "REEVE_SHED_NORMAL", CONFIG_I64, "90", 1, 101, NULL,
	    CONFIG_RELOADABLE, NULL, "The same for priority 5 and less. 90: where Redis is so full, "
	    "nothing new is handed out either." },
	{ "shed.all", NULL, 0, "REEVE_SHED_ALL", CONFIG_I64, "95", 1, 101, NULL, CONFIG_RELOADABLE,
	    NULL, "The same for all new runs. 95: what was accepted needs the rest to come to its "
	    "end: results, retries, dead letters." },
	{ "retention.age", NULL, 0, "REEVE_RETENTION_AGE", CONFIG_DURATION, "7d", 0, 0, NULL,
	    CONFIG_RELOADABLE, NULL, "Ended runs are removed so long after their end, with their "
	    "logs; 0: never by age. None with an open dead letter is." },
	{ "retention.runs", NULL, 0, "REEVE_RETENTION_RUNS", CONFIG_I64, "100000", 0, 100000000,
	    NULL, CONFIG_RELOADABLE, NULL, "Of more ended runs than this the oldest are removed; "
	    "0: any number." },
	{ "retention.min_age", NULL, 0, "REEVE_RETENTION_MIN_AGE", CONFIG_DURATION, "24h", 0, 0,
	    NULL, CONFIG_RELOADABLE, NULL, "But none that ended less than this ago." },
	{ "retention.events", NULL, 0, "REEVE_RETENTION_EVENTS", CONFIG_SIZE, "64M", 65536,
	    (int64_t)1 << 40, NULL, CONFIG_RELOADABLE, NULL, "Room for the events that people and "
	    "dashboards catch up from, about; the oldest are removed." },
	{ "retention.agents", NULL, 0, "REEVE_RETENTION_AGENTS", CONFIG_DURATION, "24h", 1000, 0,
	    NULL, CONFIG_RELOADABLE, NULL, "Agents that have given no sign of life for so long "
	    "and hold nothing are forgotten." },
	{ NULL, NULL, 0, NULL, CONFIG_STRING, NULL, 0, 0, NULL, 0, NULL, NULL },
};

/* --- checks that a table cannot say --- */

bool
settings_http(const struct config *config, char addr[SETTINGS_ADDR_SIZE], uint16_t *ret_port)
{
	const char *text = config_get_string(config, "http.listen"), *colon = strrchr(text, ':');
	size_t len = colon ? (size_t)(colon - text) : 0;
	int64_t port;

	*addr = '\0';
	*ret_port = 0;
	if (!*text || strcmp(text, "off") == 0 || strcmp(text, "none") == 0)
		return true;
	if (len == 0 || len >= SETTINGS_ADDR_SIZE || !str_to_i64(colon + 1, 0, 65535, &port))
		return false;
	if (text[0] == '[' && text[len - 1] == ']') {
		text++;
		len -= 2;
	} else if (memchr(text, ':', len)) {
		return false; /* IPv6 stands in brackets */
	}
	memcpy(addr, text, len);
	addr[len] = '\0';
	*ret_port = (uint16_t)port;
	return len > 0;
}

struct report {
	settings_fault_fn *fn;
	void *arg;
	int faults;
};

static void
report_line(struct report *report, const char *line)
{
	report->faults++;
	report->fn(report->arg, line);
}

static void
report_err(void *arg, const struct err *err)
{
	struct report *report = arg;
	char *line = xasprintf("error: %s", err->text);

	report_line(report, line);
	free(line);
}

static void
check_values(const struct config *config, struct report *report)
{
	const char *url = config_get_string(config, "redis.url");
	char addr[SETTINGS_ADDR_SIZE];
	struct redis_url parsed;
	struct err err = { 0 };
	struct keep_limits keep;
	struct keys keys;
	uint16_t port;

	if (!settings_http(config, addr, &port))
		report_line(report, "error: 'http.listen': not of the form ADDR:PORT (IPv6 as "
		    "[::1]:8420), nor off");
	if (*url && redis_url_parse(url, &parsed, &err) != 0) {
		err_prefix(&err, "'redis.url'");
		report_err(report, &err);
	} else if (*url) {
		redis_url_release(&parsed);
	}
	settings_keep(config, &keep);
	if (keep.age_ms > 0 && keep.age_ms < keep.min_age_ms)
		report_line(report, "error: 'retention.age' is shorter than 'retention.min_age' "
		    "(24h by default): set both");
	if (config_get_i64(config, "shed.low") > config_get_i64(config, "shed.normal") ||
	    config_get_i64(config, "shed.normal") > config_get_i64(config, "shed.all"))
		report_line(report, "error: 'shed': low may not be more than normal, nor normal more "
		    "than all");
	if (!keys_init(&keys, config_get_string(config, "redis.prefix"), 0))
		report_line(report, "error: 'redis.prefix': a brace may not stand in it");
}

/* --- flags that are no keys --- */

/* The value of -c FILE, -cFILE, --config FILE, --config=FILE at argv[*i], or NULL. */
static const char *
config_flag(int argc, char **argv, int *i)
{
	const char *word = argv[*i];

	if (str_starts(word, "--config="))
		return word + strlen("--config=");
	if (str_starts(word, "-c") && word[2])
		return word + 2;
	if (strcmp(word, "-c") != 0 && strcmp(word, "--config") != 0)
		return NULL;
	*i += 1;
	return *i < argc ? argv[*i] : "";
}

static bool
switch_flag(struct settings *settings, const char *word)
{
	const struct {
		const char *name;
		bool *flag;
	} table[] = {
		{ "--check", &settings->check },
		{ "--foreground", &settings->foreground },
		{ "--help", &settings->help },
		{ "-h", &settings->help },
		{ "--version", &settings->version },
	};

	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		if (strcmp(word, table[i].name) == 0)
			return *table[i].flag = true;
	return false;
}

/* Copies what is left for the table to rest; each flag of the table takes one value. */
static const char *
take_own_flags(struct settings *settings, char **rest, int *ret_n)
{
	const char *file = getenv("REEVE_CONFIG"), *given;
	int n = 1;

	if (file && !*file)
		file = NULL;
	rest[0] = settings->argc > 0 ? settings->argv[0] : NULL;
	for (int i = 1; i < settings->argc; i++) {
		char *word = settings->argv[i];

		if (switch_flag(settings, word))
			continue;
		given = config_flag(settings->argc, settings->argv, &i);
		if (given) {
			file = given;
			continue;
		}
		rest[n++] = word;
		/* Its value may look like a flag of ours. */
		if (str_starts(word, "--") && !strchr(word, '=') && i + 1 < settings->argc)
			rest[n++] = settings->argv[++i];
	}
	rest[n] = NULL;
	*ret_n = n;
	return file;
}

static int
read_flags(struct config *config, int n, char **rest, struct report *report)
{
	int next = n, before = report->faults;
	char *line;

	config_set_flags(config, n, rest, &next, report_err, report);
	if (next < n) {
		line = xasprintf("error: '%s' is not understood: reeved takes flags only",
		    rest[next]);
		report_line(report, line);
		free(line);
	}
	return report->faults > before ? ERR_DENIED : 0;
}

int
settings_read(struct settings *settings, int argc, char **argv, settings_fault_fn *fn,
    void *arg)
{
	struct report report = { fn, arg, 0 };
	char **rest = xcalloc((size_t)argc + 2, sizeof *rest);
	const char *file;
	int n, code;

	*settings = (struct settings){ .argc = argc, .argv = argv };
	settings->config = config_new(settings_table);
	file = take_own_flags(settings, rest, &n);
	if (!file && access("reeve.yaml", F_OK) == 0)
		file = "reeve.yaml";
	if (file) {
		settings->file = xstrdup(file);
		report.faults += settings_read_file(settings->config, file, fn, arg);
	}
	config_set_env(settings->config, report_err, &report);
	code = read_flags(settings->config, n, rest, &report);
	check_values(settings->config, &report);
	free(rest);
	if (code)
		return code;
	return report.faults ? ERR_INVALID : 0;
}

void
settings_release(struct settings *settings)
{
	config_free(settings->config);
	free(settings->file);
	*settings = (struct settings){ 0 };
}

static void
log_change(void *arg, const char *key, bool taken)
{
	const struct config *config = arg;

	if (taken)
		log_info("configuration changed", KV_S("key", key),
		    KV_S("value", config_get_shown(config, key)));
	else
		log_warn("configuration changed; a restart is needed for it", KV_S("key", key));
}

int
settings_reload(struct settings *settings, settings_fault_fn *fn, void *arg)
{
	struct settings fresh;
	int code = settings_read(&fresh, settings->argc, settings->argv, fn, arg);

	if (!code) {
		config_adopt(settings->config, fresh.config, log_change, fresh.config);
		log_set_level(
		    (enum log_level)config_get_enum(settings->config, "log_level"));
	}
	settings_release(&fresh);
	return code ? ERR_INVALID : 0;
}

/* --- values as the parts take them --- */

void
settings_limits(const struct config *config, struct model_limits *ret_limits)
{
	*ret_limits = (struct model_limits){
		.file_bytes = config_get_size(config, "limits.file"),
		.scalar_bytes = config_get_size(config, "limits.scalar"),
		.depth = (size_t)config_get_i64(config, "limits.depth"),
		.nodes = (size_t)config_get_i64(config, "limits.nodes"),
		.tasks = (size_t)config_get_i64(config, "limits.tasks"),
	};
}

void
settings_engine(const struct config *config, struct engine_config *ret_engine)
{
	engine_config_defaults(ret_engine);
	ret_engine->window = (uint32_t)config_get_i64(config, "dispatch.window");
	ret_engine->max_tasks = (uint32_t)config_get_i64(config, "dispatch.max_tasks");
	ret_engine->max_rendered = config_get_size(config, "limits.rendered");
	ret_engine->max_outputs = config_get_size(config, "limits.outputs_memory");
}

void
settings_steward(const struct config *config, struct steward_config *ret_steward)
{
	struct fitness_limits *limits = &ret_steward->limits;

	fitness_defaults(limits);
	ret_steward->mode = (enum steward_mode)config_get_enum(config, "health.judge");
	ret_steward->flood_reports = config_get_size(config, "flood.reports");
	ret_steward->flood_logs = config_get_size(config, "flood.logs");
	limits->samples = (uint32_t)config_get_i64(config, "health.samples");
	limits->chance = 1.0 / (double)config_get_i64(config, "health.odds");
	limits->excess = config_get_decimal(config, "health.excess");
	limits->slow_ratio = config_get_decimal(config, "health.slow_ratio");
	limits->stuck_ms = config_get_duration(config, "health.stuck_after");
	limits->probation_ms = config_get_duration(config, "health.probation");
	limits->floor = config_get_decimal(config, "health.floor");
}

void
settings_keep(const struct config *config, struct keep_limits *ret_keep)
{
	*ret_keep = (struct keep_limits){
		.age_ms = config_get_duration(config, "retention.age"),
		.runs = (uint64_t)config_get_i64(config, "retention.runs"),
		.min_age_ms = config_get_duration(config, "retention.min_age"),
		.event_bytes = config_get_size(config, "retention.events"),
		.agents_ms = config_get_duration(config, "retention.agents"),
	};
}

void
settings_door(const struct config *config, struct shed_config *ret_shed, uint64_t *ret_memory)
{
	uint64_t memory = config_get_size(config, "limits.memory");

	*ret_shed = (struct shed_config){ { (unsigned)config_get_i64(config, "shed.low"),
	    (unsigned)config_get_i64(config, "shed.normal"),
	    (unsigned)config_get_i64(config, "shed.all") } };
	*ret_memory = memory > 0 ? memory : meminfo_limit("") / 2;
}

static void
read_pool(const struct config *config, struct pool_setting *pool)
{
	char key[CONFIG_NAME_SIZE + 32];

	snprintf(key, sizeof key, "pools.%s.units", pool->name);
	pool->limits.units = (uint32_t)config_get_i64(config, key);
	snprintf(key, sizeof key, "pools.%s.per_second", pool->name);
	pool->limits.per_second = config_get_decimal(config, key);
	snprintf(key, sizeof key, "pools.%s.burst", pool->name);
	pool->limits.burst = (double)config_get_i64(config, key);
	snprintf(key, sizeof key, "pools.%s.budget.tokens", pool->name);
	pool->limits.budget.limit.tokens = config_get_count(config, key);
	snprintf(key, sizeof key, "pools.%s.budget.usd", pool->name);
	pool->limits.budget.limit.micro_usd = spend_micro(config_get_decimal(config, key));
	snprintf(key, sizeof key, "pools.%s.budget.on_breach", pool->name);
	pool->limits.budget.on_breach = (enum on_breach)config_get_enum(config, key);
}

size_t
settings_pools(const struct config *config, struct pool_setting **ret_pools)
{
	struct pool_setting *pools = NULL, pool = { 0 };
	size_t n = 0, cap = 0;

	while (config_name_at(config, "pools", n, pool.name)) {
		GROW(pools, n, cap);
		read_pool(config, &pool);
		pools[n++] = pool;
	}
	*ret_pools = pools;
	return n;
}

void
settings_budget(const struct config *config, struct budget_def *ret_budget)
{
	*ret_budget = (struct budget_def){
		.limit = { .tokens = config_get_count(config, "budget.tokens"),
		    .micro_usd = spend_micro(config_get_decimal(config, "budget.usd")) },
		.on_breach = (enum on_breach)config_get_enum(config, "budget.on_breach"),
	};
}

/* --- texts made from the table --- */

void
settings_usage(struct buf *out)
{
	buf_adds(out,
	    "Usage: reeved [OPTION]...\n"
	    "Runs workflows: watches a folder, hands tasks to agents, keeps its promises.\n\n"
	    "  -c, --config FILE           Configuration file [REEVE_CONFIG]; without one\n"
	    "                              reeve.yaml in the working directory, if it is there\n");
	config_print_help(settings_table, out);
	buf_adds(out,
	    "      --check                 Print every fault of configuration and environment\n"
	    "                              and exit with 0 or 1\n"
	    "      --foreground            Stay in the foreground (it always does)\n"
	    "  -h, --help                  Print this and exit\n"
	    "      --version               Print the version and exit\n\n"
	    "A flag beats the environment, which beats the file. See reeved(8), "
	    "reeve.yaml(5).\n");
}

void
settings_sample(struct buf *out)
{
	buf_adds(out, "# Configuration of reeved: every key with its meaning and its default.\n"
	    "# Read with -c FILE, or as reeve.yaml in the working directory.\n"
	    "# SIGHUP reads it anew; a broken file changes nothing.\n\n");
	config_print_yaml(settings_table, out);
}

/* Source lines of a manual are short, and each sentence begins a new one. */
static void
add_mdoc_text(struct buf *out, const char *text)
{
	size_t column = 0, len;

	for (; *text; text += len, text += strspn(text, " ")) {
		len = strcspn(text, " ");
		if (column > 0 && (column + 1 + len > 78 || text[-2] == '.')) {
			buf_addc(out, '\n');
			column = 0;
		}
		if (column > 0)
			buf_addc(out, ' ');
		buf_add(out, text, len);
		column += len + 1;
	}
	buf_addc(out, '\n');
}

void
settings_mdoc(struct buf *out)
{
	for (const struct config_option *row = settings_table; row->key; row++) {
		buf_printf(out, ".It Cm %s\n", row->key);
		add_mdoc_text(out, row->help);
		if (row->initial && *row->initial)
			buf_printf(out, "Default:\n.Ql %s\\& .\n", row->initial);
		if (row->env)
			buf_printf(out, "Environment:\n.Ev %s .\n", row->env);
		if (row->flag)
			buf_printf(out, "Flag:\n.Fl -%s .\n", row->flag);
		if (row->flags & CONFIG_RELOADABLE)
			buf_adds(out, "Reloadable.\n");
	}
}
