/* SPDX-License-Identifier: MIT */
/*
 * How far a command says it is: a JSON object with any of
 *
 *   text     one line, cut at 1 KiB
 *   percent  0 to 100
 *   usage    an object of names and numbers, at most 16
 *
 * as the next heartbeat takes it along.
 */
#ifndef REEVE_AGENT_PROGRESS_H
#define REEVE_AGENT_PROGRESS_H

#include <jansson.h>

#include "base/err.h"

#define PROGRESS_TEXT_MAX 1024
#define PROGRESS_USAGE_MAX 16

/* said: as it came from the socket; other members are ignored.  A new text. */
int progress_text(const json_t *said, char **ret_text, struct err *err);

#endif
