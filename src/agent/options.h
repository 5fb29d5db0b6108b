/* SPDX-License-Identifier: MIT */
/*
 * The flags of reeve-agent.  A flag beats what the type's settings say.
 */
#ifndef REEVE_AGENT_OPTIONS_H
#define REEVE_AGENT_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/err.h"
#include "base/log.h"

#define AGENT_TYPES_MAX 16
#define AGENT_CAPABILITIES_MAX 32
#define AGENT_CONCURRENCY_MAX 1024
#define AGENT_ID_MAX 128

enum agent_disconnect { DISCONNECT_BY_TYPE, DISCONNECT_CONTINUE, DISCONNECT_KILL };

enum agent_stdin { STDIN_NONE, STDIN_PROMPT, STDIN_JSON };

struct agent_options {
	const char *types[AGENT_TYPES_MAX];
	size_t n_types;
	const char *capabilities[AGENT_CAPABILITIES_MAX];
	size_t n_capabilities;
	const char *id;        /* NULL: HOST:PID */
	const char *redis_url; /* NULL: look for it */
	const char *state_dir; /* NULL: not given */
	const char *prefix;    /* NULL: the default */
	unsigned concurrency;  /* 0: as the type says, else 1 */
	bool allow_run;
	enum agent_stdin standard_input;
	int64_t grace_ms; /* -1: as the type says, else 10 s */
	int64_t lease_ms; /* -1: as the type says, else 15 s */
	int64_t drain_ms; /* how long SIGTERM lets running tasks go on */
	enum agent_disconnect on_disconnect;
	size_t spool_bytes; /* output on disk at most, while Redis is away */
	enum log_level log_level;
	bool help, version;         /* print it and do nothing else */
	const char *const *command; /* ends with NULL; NULL: none given */
};

/*
 * argv lives as long as the options.  ERR_INVALID: usage.  With help or version set
 * nothing else was checked.
 */
int agent_options_parse(
    int argc, char **argv, struct agent_options *ret_options, struct err *err);

void agent_options_help(FILE *out);

#endif
