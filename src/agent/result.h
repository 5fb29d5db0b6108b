/* SPDX-License-Identifier: MIT */
/*
 * The file REEVE_RESULT_FILE: how a task says itself that it ended.
 *
 *   {"status": "done|failed|blocked|throttled", "summary": "…", "output": {…},
 *    "artifacts": […], "retryable": true, "retry_after": "30s",
 *    "usage": {"input_tokens": 1, "output_tokens": 2, "cost_usd": 0.1}}
 *
 * All fields are optional; others are ignored.  An output that is no object becomes the
 * output named "output"; artifacts the one named "artifacts".
 */
#ifndef REEVE_AGENT_RESULT_H
#define REEVE_AGENT_RESULT_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "wire/entry.h"

#define RESULT_LIMIT (1024 * 1024)

struct result {
	int status;             /* an enum done_status; -1: not said */
	char *summary;          /* NULL: not said */
	char *usage;            /* JSON object, at most 4 KiB; NULL: not said */
	int retryable;          /* -1: not said */
	int64_t retry_after_ms; /* -1: not said */
};

void result_init(struct result *result); /* nothing said */
/* What it hands on is added to outputs.  On failure result is as after init. */
int result_parse(const char *text, size_t len, struct result *result, json_t *outputs,
    struct err *err);
void result_release(struct result *result);

#endif
