/* SPDX-License-Identifier: MIT */
/*
 * The file REEVE_OUTPUT_FILE: what a task hands on.
 *
 *   key=value
 *   key<<MARK
 *   several lines
 *   MARK
 *
 * Keys are names; blank lines do not count; the last value of a key holds.
 */
#ifndef REEVE_AGENT_OUTPUTS_H
#define REEVE_AGENT_OUTPUTS_H

#include <jansson.h>
#include <stddef.h>

#include "base/err.h"

#define OUTPUTS_LIMIT (64 * 1024)

/* Adds what the text says to object.  ERR_INVALID (with the line's number), ERR_LIMIT. */
int outputs_parse(const char *text, size_t len, json_t *object, struct err *err);

#endif
