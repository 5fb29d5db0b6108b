/* SPDX-License-Identifier: MIT */
/*
 * The fields of one completion entry (doc/protocol.md), as texts.
 */
#ifndef REEVE_AGENT_REPORT_H
#define REEVE_AGENT_REPORT_H

#include <stddef.h>
#include <stdint.h>

#include "agent/task.h"
#include "wire/entry.h"

struct report {
	char **items; /* name, value, name, value … */
	size_t len, cap;
	size_t bytes;
};

/* Begins with what every completion says; report must be all zero. */
void report_begin(struct report *report, const struct agent_task *task, const char *agent,
    enum done_status status);
void report_add(struct report *report, const char *name, const char *value);
void report_add_number(struct report *report, const char *name, int64_t number);
const char *report_get(
    const struct report *report, const char *name); /* NULL: not said */
void report_release(struct report *report);

#endif
