/* SPDX-License-Identifier: MIT */
/* Reads INFO commandstats. */
#include "bench/usage.h"

#include <stdlib.h>
#include <string.h>

/* "cmdstat_xadd:calls=3,usec=12,…" */
static void
take_line(struct usage *usage, const char *line)
{
	static const char prefix[] = "cmdstat_", calls[] = ":calls=", usec[] = ",usec=";
	struct usage_command *command = &usage->commands[usage->n];
	const char *end = strstr(line, calls);
	char *rest;
	size_t len;

	if (strncmp(line, prefix, sizeof prefix - 1) != 0 || !end ||
	    usage->n == USAGE_COMMANDS)
		return;
	line += sizeof prefix - 1;
	len = (size_t)(end - line);
	if (len >= sizeof command->name)
		return;
	memcpy(command->name, line, len);
	command->name[len] = '\0';
	command->calls = strtoll(end + sizeof calls - 1, &rest, 10);
	if (strncmp(rest, usec, sizeof usec - 1) == 0)
		command->usec = strtoll(rest + sizeof usec - 1, NULL, 10);
	usage->n++;
}

int
usage_read(struct resp *conn, struct usage *ret_usage, struct err *err)
{
	struct usage usage = { 0 };
	struct buf text = { 0 };
	char *line, *save = NULL;
	int rc;

	resp_command(conn, "INFO", "commandstats", NULL);
	rc = resp_call(conn, err);
	if (rc < 0)
		return rc;
	buf_add(&text, resp_data(conn, &conn->nodes[0]), conn->nodes[0].len);
	if (text.len) {
		for (line = strtok_r(text.data, "\r\n", &save); line;
		     line = strtok_r(NULL, "\r\n", &save))
			take_line(&usage, line);
	}
	buf_release(&text);
	*ret_usage = usage;
	return 0;
}

void
usage_subtract(struct usage *later, const struct usage *earlier)
{
	size_t kept = 0;

	for (size_t i = 0; i < later->n; i++) {
		struct usage_command command = later->commands[i];

		for (size_t k = 0; k < earlier->n; k++) {
			if (strcmp(command.name, earlier->commands[k].name) != 0)
				continue;
			command.calls -= earlier->commands[k].calls;
			command.usec -= earlier->commands[k].usec;
		}
		if (command.calls > 0 && strcmp(command.name, "info") != 0)
			later->commands[kept++] = command;
	}
	later->n = kept;
}

int64_t
usage_calls(const struct usage *usage)
{
	int64_t calls = 0;

	for (size_t i = 0; i < usage->n; i++)
		calls += usage->commands[i].calls;
	return calls;
}
