/* SPDX-License-Identifier: MIT */
/*
 * A Redis command being put together; the texts belong to the caller until it is sent.
 */
#ifndef REEVE_AGENT_COMMAND_H
#define REEVE_AGENT_COMMAND_H

#include <stddef.h>
#include <stdint.h>

#include "redis/port.h"

struct command {
	const char **argv;
	size_t *lens;
	size_t len, cap;
};

void command_add(struct command *command, const char *text);
void command_addn(struct command *command, const char *bytes, size_t len);
/* Adds all texts up to a NULL. */
void command_add_all(struct command *command, ...) __attribute__((sentinel));
/* As redis_port_send(); the command is empty afterwards. */
int command_send(struct command *command, struct redis_port *port, int64_t timeout_ms,
    redis_reply_fn *fn, void *arg);
void command_release(struct command *command);

#endif
