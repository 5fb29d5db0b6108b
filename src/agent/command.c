/* SPDX-License-Identifier: MIT */
/*
 * Collects the words of a command.
 */
#include "agent/command.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

void
command_addn(struct command *command, const char *bytes, size_t len)
{
	if (command->len == command->cap) {
		command->cap = command->cap ? command->cap * 2 : 32;
		command->argv =
		    xreallocarray(command->argv, command->cap, sizeof *command->argv);
		command->lens =
		    xreallocarray(command->lens, command->cap, sizeof *command->lens);
	}
	command->argv[command->len] = bytes;
	command->lens[command->len++] = len;
}

void
command_add(struct command *command, const char *text)
{
	command_addn(command, text, strlen(text));
}

void
command_add_all(struct command *command, ...)
{
	const char *text;
	va_list args;

	va_start(args, command);
	while ((text = va_arg(args, const char *)) != NULL)
		command_add(command, text);
	va_end(args);
}

int
command_send(struct command *command, struct redis_port *port, int64_t timeout_ms,
    redis_reply_fn *fn, void *arg)
{
	int rc = redis_port_send(
	    port, (int)command->len, command->argv, command->lens, timeout_ms, fn, arg);

	command_release(command);
	return rc;
}

void
command_release(struct command *command)
{
	free(command->argv);
	free(command->lens);
	*command = (struct command){ 0 };
}
