/* SPDX-License-Identifier: MIT */
/*
 * Reads the command line: one table gives the flags, their checks and the help.
 */
#include "agent/options.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"

#define GRACE_MAX_MS 3600000LL
#define LEASE_MIN_MS 300
#define LEASE_MAX_MS 3600000LL
#define DRAIN_MS 3600000LL
#define SPOOL_BYTES ((size_t)64 << 20)
#define SPOOL_MAX ((uint64_t)1 << 40)

typedef int option_fn(struct agent_options *options, const char *value, struct err *err);

struct option_row {
	const char *name;
	const char *value; /* what stands for it in the help; NULL: a switch */
	option_fn *set;
	const char *help;
};

static int
set_type(struct agent_options *options, const char *value, struct err *err)
{
	size_t i;

	if (!str_is_name(value, strlen(value)))
		return err_set(err, ERR_INVALID, "--type \"%s\" is not a name", value);
	for (i = 0; i < options->n_types; i++)
		if (strcmp(options->types[i], value) == 0)
			return 0;
	if (options->n_types == AGENT_TYPES_MAX)
		return err_set(
		    err, ERR_INVALID, "at most %d times --type", AGENT_TYPES_MAX);
	options->types[options->n_types++] = value;
	return 0;
}

static int
set_capability(struct agent_options *options, const char *value, struct err *err)
{
	if (!str_is_name(value, strlen(value)))
		return err_set(
		    err, ERR_INVALID, "--capability \"%s\" is not a name", value);
	if (options->n_capabilities == AGENT_CAPABILITIES_MAX)
		return err_set(err, ERR_INVALID, "at most %d times --capability",
		    AGENT_CAPABILITIES_MAX);
	options->capabilities[options->n_capabilities++] = value;
	return 0;
}

/* Consumer names, keys and folders are made of it. */
static int
set_id(struct agent_options *options, const char *value, struct err *err)
{
	const char *p;

	for (p = value; *p > ' ' && *p <= '~'; p++)
		continue;
	if (*value == '\0' || *p != '\0' || strlen(value) > AGENT_ID_MAX)
		return err_set(err, ERR_INVALID,
		    "--id takes 1 to %d printable characters without spaces",
		    AGENT_ID_MAX);
	if (strcmp(value, "reeve") == 0)
		return err_set(err, ERR_INVALID,
		    "--id reeve is the orchestrator's own name; take another");
	options->id = value;
	return 0;
}

static int
set_concurrency(struct agent_options *options, const char *value, struct err *err)
{
	int64_t number;

	if (!str_to_i64(value, 1, AGENT_CONCURRENCY_MAX, &number))
		return err_set(err, ERR_INVALID,
		    "--concurrency \"%s\" is not a number from 1 to %d", value,
		    AGENT_CONCURRENCY_MAX);
	options->concurrency = (unsigned)number;
	return 0;
}

static int
set_allow_run(struct agent_options *options, const char *value, struct err *err)
{
	(void)value;
	(void)err;
	options->allow_run = true;
	return 0;
}

static int
set_stdin(struct agent_options *options, const char *value, struct err *err)
{
	static const char *const names[] = { "none", "prompt", "json" };
	size_t i;

	for (i = 0; i < ARRAY_LEN(names); i++) {
		if (strcmp(value, names[i]) == 0) {
			options->standard_input = (enum agent_stdin)i;
			return 0;
		}
	}
	return err_set(
	    err, ERR_INVALID, "--stdin \"%s\" is none of none, prompt, json", value);
}

static int
set_duration(const char *name, const char *value, int64_t min_ms, int64_t max_ms,
    int64_t *ret_ms, struct err *err)
{
	char least[DURATION_SIZE], most[DURATION_SIZE];
	int64_t ms;

	if (duration_parse(value, &ms) && ms >= min_ms && ms <= max_ms) {
		*ret_ms = ms;
		return 0;
	}
	return err_set(err, ERR_INVALID, "%s \"%s\" is not a duration from %s to %s",
	    name, value, duration_format(min_ms, least), duration_format(max_ms, most));
}

static int
set_grace(struct agent_options *options, const char *value, struct err *err)
{
	return set_duration("--grace", value, 0, GRACE_MAX_MS, &options->grace_ms, err);
}

static int
set_lease(struct agent_options *options, const char *value, struct err *err)
{
	return set_duration(
	    "--lease", value, LEASE_MIN_MS, LEASE_MAX_MS, &options->lease_ms, err);
}

static int
set_drain(struct agent_options *options, const char *value, struct err *err)
{
	return set_duration(
	    "--drain-timeout", value, 0, 24 * DRAIN_MS, &options->drain_ms, err);
}

static int
set_redis(struct agent_options *options, const char *value, struct err *err)
{
	(void)err;
	options->redis_url = value;
	return 0;
}

static int
set_state_dir(struct agent_options *options, const char *value, struct err *err)
{
	if (*value == '\0')
		return err_set(err, ERR_INVALID, "--state-dir is empty");
	options->state_dir = value;
	return 0;
}

static int
set_prefix(struct agent_options *options, const char *value, struct err *err)
{
	(void)err;
	options->prefix = value;
	return 0;
}

static int
set_spool_limit(struct agent_options *options, const char *value, struct err *err)
{
	uint64_t bytes;

	if (!str_to_size(value, &bytes) || bytes > SPOOL_MAX)
		return err_set(err, ERR_INVALID,
		    "--spool-limit \"%s\" is not a size such as 64M", value);
	options->spool_bytes = (size_t)bytes;
	return 0;
}

static int
set_log_level(struct agent_options *options, const char *value, struct err *err)
{
	if (!log_level_parse(value, &options->log_level))
		return err_set(err, ERR_INVALID,
		    "--log-level \"%s\" is none of error, warn, info, debug", value);
	return 0;
}

static int
set_preset(struct agent_options *options, const char *value, struct err *err)
{
	(void)options;
	return err_set(err, ERR_INVALID,
	    "--preset %s: not supported yet; give the command after --", value);
}

static int
set_on_disconnect(struct agent_options *options, const char *value, struct err *err)
{
	if (strcmp(value, "continue") == 0)
		options->on_disconnect = DISCONNECT_CONTINUE;
	else if (strcmp(value, "kill") == 0)
		options->on_disconnect = DISCONNECT_KILL;
	else
		return err_set(err, ERR_INVALID,
		    "--on-disconnect \"%s\" is neither continue nor kill", value);
	return 0;
}

static int
set_help(struct agent_options *options, const char *value, struct err *err)
{
	(void)value;
	(void)err;
	options->help = true;
	return 0;
}

static int
set_version(struct agent_options *options, const char *value, struct err *err)
{
	(void)value;
	(void)err;
	options->version = true;
	return 0;
}

static const struct option_row rows[] = {
	{ "type", "TYPE", set_type, "agent type to work for; repeat it for several" },
	{ "id", "ID", set_id, "this agent's name (HOST:PID)" },
	{ "capability", "NAME", set_capability, "what this agent can do; repeatable" },
	{ "concurrency", "N", set_concurrency,
	    "tasks at a time (as the type says, else 1)" },
	{ "allow-run", NULL, set_allow_run, "give shell lines (run: tasks) to sh -c" },
	{ "stdin", "none|prompt|json", set_stdin,
	    "standard input of COMMAND: nothing, the prompt or the task (none)" },
	{ "redis", "URL", set_redis,
	    "redis://[user:password@]host:port[/db] or unix:///path; - reads it from "
	    "standard input" },
	{ "state-dir", "DIR", set_state_dir,
	    "state folder: redis.sock, tasks' folders, the spool" },
	{ "prefix", "TEXT", set_prefix, "prefix of all keys (reeve:)" },
	{ "lease", "D", set_lease,
	    "silent for so long means dead (15s); beats come thrice" },
	{ "grace", "D", set_grace, "from the stop signal to the KILL (10s)" },
	{ "drain-timeout", "D", set_drain,
	    "after SIGTERM running tasks may go on for so long (1h)" },
	{ "on-disconnect", "continue|kill", set_on_disconnect,
	    "while Redis is away: tasks go on, or end at 0.8 lease (continue)" },
	{ "spool-limit", "SIZE", set_spool_limit,
	    "output kept on disk while Redis is away (64M)" },
	{ "preset", "NAME", set_preset, "not supported yet" },
	{ "log-level", "LEVEL", set_log_level, "error, warn, info or debug (info)" },
	{ "help", NULL, set_help, "this text" },
	{ "version", NULL, set_version, "the version" },
};

static const struct option_row *
find_row(const char *name, size_t len, struct err *err)
{
	const char *names[ARRAY_LEN(rows) + 1] = { 0 };
	char word[64];
	const char *near;
	size_t i;

	for (i = 0; i < ARRAY_LEN(rows); i++) {
		if (strlen(rows[i].name) == len && memcmp(rows[i].name, name, len) == 0)
			return &rows[i];
		names[i] = rows[i].name;
	}
	if (len >= sizeof word)
		len = sizeof word - 1;
	memcpy(word, name, len);
	word[len] = '\0';
	near = str_nearest(word, names);
	if (near != NULL)
		err_set(err, ERR_INVALID, "unknown flag --%s; did you mean --%s?", word,
		    near);
	else
		err_set(err, ERR_INVALID, "unknown flag --%s", word);
	return NULL;
}

/* One flag at argv[*at]; *at ends on its last word. */
static int
read_flag(struct agent_options *options, int argc, char **argv, int *at, struct err *err)
{
	const char *name = argv[*at] + 2;
	size_t len = strcspn(name, "=");
	const char *value = name[len] == '=' ? name + len + 1 : NULL;
	const struct option_row *row = find_row(name, len, err);

	if (row == NULL)
		return ERR_INVALID;
	if (row->value == NULL && value != NULL)
		return err_set(err, ERR_INVALID, "--%s takes no value", row->name);
	if (row->value != NULL && value == NULL) {
		if (*at + 1 >= argc)
			return err_set(err, ERR_INVALID, "--%s needs a value (%s)",
			    row->name, row->value);
		value = argv[++*at];
	}
	return row->set(options, value, err);
}

int
agent_options_parse(
    int argc, char **argv, struct agent_options *ret_options, struct err *err)
{
	struct agent_options options = { .grace_ms = -1,
		.lease_ms = -1,
		.drain_ms = DRAIN_MS,
		.spool_bytes = SPOOL_BYTES,
		.log_level = LOG_LEVEL_INFO };
	int at, rc;

	for (at = 1; at < argc; at++) {
		if (strcmp(argv[at], "--") == 0) {
			at++;
			break;
		}
		if (strcmp(argv[at], "-h") == 0) {
			options.help = true;
			continue;
		}
		if (argv[at][0] != '-' || argv[at][1] == '\0')
			break;
		if (argv[at][1] != '-')
			return err_set(err, ERR_INVALID, "unknown flag %s", argv[at]);
		rc = read_flag(&options, argc, argv, &at, err);
		if (rc != 0)
			return rc;
	}
	if (at < argc)
		options.command = (const char *const *)(argv + at);
	if (options.n_types == 0 && !options.help && !options.version)
		return err_set(err, ERR_INVALID,
		    "which work? give --type TYPE, for example --type backend");
	*ret_options = options;
	return 0;
}

static const char help_head[] =
    "usage: reeve-agent --type TYPE [FLAG…] [[--] COMMAND [ARG…]]\n"
    "\n"
    "Takes tasks of its types from Redis, runs COMMAND for each one and reports how it\n"
    "ended.  Without COMMAND it runs what the type's file says (agents/TYPE.yaml).\n"
    "\n";

static const char help_tail[] =
    "\n"
    "COMMAND finds the task in the file $REEVE_TASK_FILE (JSON) and writes what it has\n"
    "to say as KEY=VALUE lines to $REEVE_OUTPUT_FILE.  Exit 0 succeeds, 75 may be tried\n"
    "again, 65, 77 and 78 are final.  An ARG may be one of {prompt} {prompt_file}\n"
    "{task_file} {result_file} {workdir}, whole.\n"
    "\n"
    "Redis is looked for in --redis, REEVE_REDIS_URL, then redis.sock in --state-dir,\n"
    "REEVE_STATE_DIR, /run/reeve and the default state folder.\n"
    "\n"
    "SIGTERM: takes no new tasks and ends when the running ones have; a second one\n"
    "ends them now and hands them back.\n"
    "\n"
    "Examples:\n"
    "  reeve-agent --type backend --allow-run\n"
    "  reeve-agent --type qa --concurrency 4 -- ./run-tests.sh {task_file}\n";

void
agent_options_help(FILE *out)
{
	char flag[64];
	size_t i;

	fputs(help_head, out);
	for (i = 0; i < ARRAY_LEN(rows); i++) {
		(void)snprintf(flag, sizeof flag, "--%s %s", rows[i].name,
		    rows[i].value != NULL ? rows[i].value : "");
		fprintf(out, "  %-27s %s\n", flag, rows[i].help);
	}
	fputs(help_tail, out);
}
