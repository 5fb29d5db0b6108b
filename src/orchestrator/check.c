/* SPDX-License-Identifier: MIT */
/* Looks at everything that a daemon will need, without touching it. */
#include "orchestrator/check.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "orchestrator/redis_server.h"
#include "orchestrator/statedir.h"
#include "redis/conn.h"
#include "redis/health.h"

#define REDIS_WAIT_US (5 * CLOCK_S)

struct check {
	const struct config *config;
	settings_fault_fn *fn;
	void *arg;
	int errors;
	bool redis_done;
	char redis_why[500];
};

static void
say(struct check *check, const char *level, const char *text)
{
	char *line = xasprintf("%s: %s", level, text);

	check->fn(check->arg, line);
	check->errors += *level == 'e';
	free(line);
}

static void
check_folder(struct check *check, const char *key, const char *missing_level)
{
	const char *path = config_get_string(check->config, key);
	struct stat st;
	char *text;

	if (stat(path, &st) == 0 && S_ISDIR(st.st_mode) && access(path, R_OK | X_OK) == 0)
		return;
	text = xasprintf("the folder '%s' (%s) cannot be read: %s", path, key,
	    stat(path, &st) == 0 && !S_ISDIR(st.st_mode) ? strerror(ENOTDIR) : strerror(errno));
	say(check, missing_level, text);
	free(text);
}

static void
check_statedir(struct check *check)
{
	const char *path = config_get_string(check->config, "state_dir");
	const char *socket_path = config_get_string(check->config, "http.socket");
	struct err err = { 0 };

	if (statedir_check(path, &err) != 0)
		say(check, "error", err.text);
	if (*socket_path && statedir_check_socket(socket_path, &err) != 0)
		say(check, "error", err.text);
}

static void
check_port(struct check *check)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE }, *found;
	char addr[SETTINGS_ADDR_SIZE], port_text[8], *text;
	uint16_t port;
	int fd, one = 1;

	if (!settings_http(check->config, addr, &port) || !*addr)
		return;
	snprintf(port_text, sizeof port_text, "%u", (unsigned)port);
	if (getaddrinfo(addr, port_text, &hints, &found) != 0) {
		say(check, "error", "http.listen: there is no such address");
		return;
	}
	fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd >= 0)
		(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	if (fd < 0 || bind(fd, found->ai_addr, found->ai_addrlen) != 0 || listen(fd, 1) != 0) {
		text = xasprintf("cannot listen on %s:%s (http.listen): %s", addr, port_text,
		    strerror(errno));
		say(check, "error", text);
		free(text);
	}
	if (fd >= 0)
		close(fd);
	freeaddrinfo(found);
}

/* --- Redis --- */

static void
redis_info(void *arg, const struct redis_info *info, const struct err *err)
{
	struct check *check = arg;
	struct redis_finding findings[REDIS_FINDINGS_MAX];
	size_t n = info ? redis_health_check(info, findings) : 0;

	if (check->redis_done)
		return;
	check->redis_done = true;
	if (!info)
		say(check, "error", err->text);
	for (size_t i = 0; i < n; i++)
		say(check, findings[i].level == REDIS_FINDING_FATAL ? "error" : "warning",
		    findings[i].text);
}

static void
redis_up(void *arg, struct redis_conn *conn)
{
	struct check *check = arg;

	(void)redis_info_read(redis_conn_port(conn), 5000, redis_info, check);
}

static void
redis_down(void *arg, struct redis_conn *conn, const struct err *err)
{
	struct check *check = arg;

	(void)conn;
	snprintf(check->redis_why, sizeof check->redis_why, "%s", err->text);
}

static bool
redis_done(void *arg)
{
	const struct check *check = arg;

	return check->redis_done || check->redis_why[0];
}

static void
check_external(struct check *check, const char *url)
{
	struct redis_conn_config config = { .url = url, .name = "reeved", .role = "check",
		.on_up = redis_up, .on_down = redis_down, .arg = check };
	struct redis_conn *conn = NULL;
	struct err err = { 0 };
	struct loop *loop = loop_new(&err);

	if (loop && redis_conn_new(loop, &config, &conn, &err) == 0) {
		if (!loop_run_until(loop, redis_done, check, REDIS_WAIT_US))
			say(check, "error", "redis does not answer");
		else if (!check->redis_done)
			say(check, "error", check->redis_why);
		check->redis_done = true;
		redis_conn_free(conn);
	}
	/* A URL that cannot be read was told with the configuration. */
	loop_free(loop);
}

static void
check_embedded(struct check *check)
{
	struct err err = { 0 };
	char *program = redis_server_find(config_get_string(check->config, "redis.binary"), &err);

	if (!program || redis_server_check_version(program, &err) != 0)
		say(check, "error", err.text);
	free(program);
}

int
check_environment(const struct settings *settings, settings_fault_fn *fn, void *arg)
{
	struct check check = { .config = settings->config, .fn = fn, .arg = arg };
	const char *url = config_get_string(settings->config, "redis.url");

	check_statedir(&check);
	check_folder(&check, "workflows", "error");
	check_folder(&check, "agents", "warning");
	check_port(&check);
	if (*url)
		check_external(&check, url);
	else
		check_embedded(&check);
	return check.errors;
}
