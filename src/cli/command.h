/* SPDX-License-Identifier: MIT */
/*
 * What a command is, and what it works with.  Parsing, help, the manual and
 * shell completion come from the table of commands.
 *
 * A command prints what it has to say and returns an exit code:
 */
#ifndef REEVE_CLI_COMMAND_H
#define REEVE_CLI_COMMAND_H

#include <stdbool.h>
#include <stddef.h>

#include "cli/client.h"
#include "cli/term.h"

enum cli_exit {
	EXIT_DONE = 0,
	EXIT_FAILED = 1,       /* the run or check failed */
	EXIT_USAGE = 2,
	EXIT_NOT_FOUND = 3,
	EXIT_NO_DAEMON = 4,
	EXIT_CONFLICT = 5,     /* or nothing to do */
	EXIT_NO_RIGHTS = 6,
	EXIT_LATER = 75,
	EXIT_DETACHED = 130
};

#define CLI_ARGS_MAX 4096

struct cli_option {
	const char *name;  /* without "--"; NULL ends a list */
	char letter;       /* or 0 */
	const char *arg;   /* what it takes, for help; NULL: nothing; "[X]": may be left out
	                      at the end and before another option */
	const char *help;
};

struct cli_given {
	const struct cli_option *option;
	const char *value; /* NULL where none is taken */
};

/* A command line, taken apart.  Everything points into argv. */
struct cli_args {
	const char **words;
	size_t n_words;
	struct cli_given *given;
	size_t n_given;
};

struct cli {
	struct term out, err;
	bool json;
	struct client client;
};

struct cli_command {
	const char *name;
	const char *args;       /* "RUN [TASK]" */
	const char *summary;    /* one line, lower case, no full stop */
	const char *about;      /* a paragraph, or NULL */
	const struct cli_option *options; /* or NULL */
	const char *examples;   /* lines, each ends with \n */
	size_t min_words, max_words;
	int (*exec)(struct cli *cli, const struct cli_args *args);
};

extern const struct cli_command cli_commands[]; /* ends with a NULL name */
extern const struct cli_option cli_globals[];
extern const char *const cli_later[]; /* commands of later versions; ends with NULL */

const struct cli_command *cli_command_find(const char *name);

/* The last value given for the option, or NULL ("" where none is taken). */
const char *cli_get(const struct cli_args *args, const char *option);

/* The whole program behind main(). */
int cli_main(int argc, char **argv);

/* --- saying things --- */

/* "reeve: text" on standard error, or {"error": {…}} with --json.  Returns code. */
int cli_fail(const struct cli *cli, int code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Appends &OPTION=VALUE to the path, if the option was given. */
void cli_add_query(struct buf *path, const struct cli_args *args, const char *option);

void cli_print_json(const struct cli *cli, const json_t *body);

/*
 * Asks the daemon; *ret_body is the caller's to drop.  On failure says what happened
 * and returns the exit code for it.
 */
int cli_call(struct cli *cli, const struct client_request *request, json_t **ret_body);
int cli_get_json(struct cli *cli, json_t **ret_body, const char *path, ...)
    __attribute__((format(printf, 3, 4))); /* %s arguments must be escaped already */

/* Agents as the API lists them, as a table (cmd_agents.c). */
void cli_print_agents(const struct cli *cli, const json_t *items);

/* A text member, or "" where there is none. */
const char *json_text(const json_t *object, const char *key);

/* The commands, one file each. */
int cmd_audit(struct cli *cli, const struct cli_args *args);
int cmd_bench(struct cli *cli, const struct cli_args *args);
int cmd_recover(struct cli *cli, const struct cli_args *args);
int cmd_stats(struct cli *cli, const struct cli_args *args);
int cmd_dlq(struct cli *cli, const struct cli_args *args);
int cmd_doctor(struct cli *cli, const struct cli_args *args);
int cmd_fmt(struct cli *cli, const struct cli_args *args);
int cmd_graph(struct cli *cli, const struct cli_args *args);
int cmd_help(struct cli *cli, const struct cli_args *args);
int cmd_init(struct cli *cli, const struct cli_args *args);
int cmd_log_level(struct cli *cli, const struct cli_args *args);
int cmd_logs(struct cli *cli, const struct cli_args *args);
int cmd_purge(struct cli *cli, const struct cli_args *args);
int cmd_plan(struct cli *cli, const struct cli_args *args);
int cmd_progress(struct cli *cli, const struct cli_args *args);
int cmd_run(struct cli *cli, const struct cli_args *args);
int cmd_runs(struct cli *cli, const struct cli_args *args);
int cmd_schema(struct cli *cli, const struct cli_args *args);
int cmd_show(struct cli *cli, const struct cli_args *args);
int cmd_validate(struct cli *cli, const struct cli_args *args);
int cmd_version(struct cli *cli, const struct cli_args *args);
int cmd_cancel(struct cli *cli, const struct cli_args *args);
int cmd_agents(struct cli *cli, const struct cli_args *args);
int cmd_scale(struct cli *cli, const struct cli_args *args);
int cmd_drain(struct cli *cli, const struct cli_args *args);
int cmd_groups(struct cli *cli, const struct cli_args *args);
int cmd_undrain(struct cli *cli, const struct cli_args *args);
int cmd_pause(struct cli *cli, const struct cli_args *args);
int cmd_resume(struct cli *cli, const struct cli_args *args);
int cmd_retry(struct cli *cli, const struct cli_args *args);
int cmd_watch(struct cli *cli, const struct cli_args *args);
int cmd_why(struct cli *cli, const struct cli_args *args);
int cmd_workflows(struct cli *cli, const struct cli_args *args);

#endif
