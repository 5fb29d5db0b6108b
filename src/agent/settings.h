/* SPDX-License-Identifier: MIT */
/*
 * An agent type's settings as the orchestrator publishes them (the key
 * type:TYPE), a JSON object:
 *   {"command": ["sh", "-c", "…"], "concurrency": 2, "lease_ms": 15000,
 *    "grace_ms": 10000, "stall_timeout_ms": 900000, "start_timeout_ms": 60000,
 *    "on_disconnect": "kill", "success": {"exit_codes": [0, 3]}, "workdir": "/srv"}
 * All fields are optional; others are ignored.
 */
#ifndef REEVE_AGENT_SETTINGS_H
#define REEVE_AGENT_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct type_settings {
	char **command;       /* ends with NULL; NULL: none */
	char *workdir;        /* NULL: the agent's own */
	unsigned concurrency; /* 0: not said */
	int64_t lease_ms;     /* -1: not said */
	int64_t grace_ms;     /* -1: not said */
	int64_t stall_timeout_ms; /* 0: none */
	int64_t start_timeout_ms; /* 0: none */
	bool kill_on_disconnect;
	bool success[256];    /* exit codes that succeed */
};

void type_settings_init(struct type_settings *settings); /* nothing said; 0 succeeds */
/* settings must be fresh from init; on failure it is left as after init. */
int type_settings_parse(
    const char *json, size_t len, struct type_settings *settings, struct err *err);
void type_settings_release(struct type_settings *settings);

#endif
