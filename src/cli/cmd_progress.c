/* SPDX-License-Identifier: MIT */
/* reeve progress: inside a task, tells its agent how far it is. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/str.h"
#include "cli/command.h"

#define ANSWER_S 10

static int
connect_agent(const struct cli *cli, int *ret_fd)
{
	const char *path = getenv("REEVE_AGENT_SOCKET");
	const struct timeval patience = { .tv_sec = ANSWER_S };
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd;

	if (path == NULL || *path == '\0')
		return cli_fail(cli, EXIT_NOT_FOUND,
		    "REEVE_AGENT_SOCKET is not set: this works inside a task of reeve-agent");
	if (strlen(path) >= sizeof addr.sun_path)
		return cli_fail(cli, EXIT_USAGE, "REEVE_AGENT_SOCKET is too long");
	memcpy(addr.sun_path, path, strlen(path));
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *)&addr, sizeof addr) != 0) {
		if (fd >= 0)
			(void)close(fd);
		return cli_fail(cli, EXIT_NO_DAEMON, "cannot reach the agent at %s: %s", path,
		    strerror(errno));
	}
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
	*ret_fd = fd;
	return EXIT_DONE;
}

/* The answer's line; NULL: none came. */
static json_t *
ask(int fd, const json_t *body)
{
	char *line = json_dumps(body, JSON_COMPACT);
	struct buf out = { 0 }, in = { 0 };
	char bytes[1024];
	json_t *answer;
	ssize_t n;

	buf_adds(&out, line);
	buf_addc(&out, '\n');
	free(line);
	n = send(fd, out.data, out.len, MSG_NOSIGNAL);
	while (n > 0 && (in.len == 0 || in.data[in.len - 1] != '\n')) {
		n = recv(fd, bytes, sizeof bytes, 0);
		if (n > 0)
			buf_add(&in, bytes, (size_t)n);
	}
	answer = json_loadb(buf_text(&in), in.len, 0, NULL);
	buf_release(&out);
	buf_release(&in);
	return answer;
}

/* NAME=NUMBER into usage. */
static int
add_usage(const struct cli *cli, json_t *usage, const char *pair)
{
	const char *equals = strchr(pair, '=');
	double number;
	char name[64];

	if (equals == NULL || equals == pair || (size_t)(equals - pair) >= sizeof name ||
	    !str_to_double(equals + 1, &number))
		return cli_fail(
		    cli, EXIT_USAGE, "--usage \"%s\" is not NAME=NUMBER", pair);
	memcpy(name, pair, (size_t)(equals - pair));
	name[equals - pair] = '\0';
	json_object_set_new(usage, name, json_real(number));
	return EXIT_DONE;
}

static int
read_args(const struct cli *cli, const struct cli_args *args, json_t *body)
{
	const char *percent = cli_get(args, "percent");
	json_t *usage = json_object();
	double number;
	int rc = EXIT_DONE;

	if (args->n_words > 0)
		json_object_set_new(body, "text", json_string(args->words[0]));
	if (percent != NULL && !str_to_double(percent, &number))
		rc = cli_fail(cli, EXIT_USAGE, "--percent \"%s\" is not a number", percent);
	else if (percent != NULL)
		json_object_set_new(body, "percent", json_real(number));
	for (size_t i = 0; i < args->n_given && rc == EXIT_DONE; i++)
		if (strcmp(args->given[i].option->name, "usage") == 0)
			rc = add_usage(cli, usage, args->given[i].value);
	if (json_object_size(usage) > 0)
		json_object_set(body, "usage", usage);
	json_decref(usage);
	return rc;
}

int
cmd_progress(struct cli *cli, const struct cli_args *args)
{
	json_t *body = json_pack("{s:s}", "verb", "progress"), *answer = NULL;
	int fd = -1;
	int rc = read_args(cli, args, body);

	if (rc == EXIT_DONE)
		rc = connect_agent(cli, &fd);
	if (rc == EXIT_DONE) {
		answer = ask(fd, body);
		if (answer == NULL)
			rc = cli_fail(cli, EXIT_NO_DAEMON, "the agent gave no answer");
		else if (!json_is_true(json_object_get(answer, "ok")))
			rc = cli_fail(cli, EXIT_USAGE, "%s", json_text(answer, "error"));
	}
	if (fd >= 0)
		(void)close(fd);
	json_decref(answer);
	json_decref(body);
	return rc;
}
