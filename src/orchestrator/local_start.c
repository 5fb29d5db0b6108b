/* SPDX-License-Identifier: MIT */
/* Starts local agents. */
#include "orchestrator/local_start.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"

#define PROGRAM "reeve-agent"
#define LOG_MAX (1024 * 1024)
#define TAIL 1024
#define ARGS_MAX 16

/* What is the daemon's own.  A row ending in '*' stands for all names that begin so. */
static const char *const withheld[] = { "REEVE_REDIS_*", "REEVE_API_TOKEN*", "REDISCLI_AUTH",
	"NOTIFY_SOCKET", "WATCHDOG_*", "LISTEN_*", "INVOCATION_ID", "JOURNAL_STREAM",
	"CREDENTIALS_DIRECTORY" };

static bool
is_withheld(const char *variable)
{
	for (size_t i = 0; i < ARRAY_LEN(withheld); i++) {
		size_t len = strcspn(withheld[i], "*");

		if (strncmp(variable, withheld[i], len) == 0 &&
		    (withheld[i][len] == '*' || variable[len] == '='))
			return true;
	}
	return false;
}

const char **
local_env(size_t more)
{
	const char **env;
	size_t n = 0, len = 0;

	while (environ[n])
		n++;
	env = xcalloc(n + more + 1, sizeof *env);
	for (size_t i = 0; i < n; i++)
		if (!is_withheld(environ[i]))
			env[len++] = environ[i];
	return env;
}

char *
local_program(void)
{
	char path[PATH_MAX], *slash;
	ssize_t len = readlink("/proc/self/exe", path, sizeof path - sizeof PROGRAM - 1);

	if (len > 0) {
		path[len] = '\0';
		slash = strrchr(path, '/');
		memcpy(slash + 1, PROGRAM, sizeof PROGRAM);
		if (access(path, X_OK) == 0)
			return xstrdup(path);
	}
	return xstrdup(PROGRAM);
}

/* --- its log --- */

static int
open_log(int dir_fd, const char *id, struct err *err)
{
	char *name = xasprintf("%s.log", id), *old = xasprintf("%s.log.1", id);
	struct stat st;
	int fd;

	if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && st.st_size > LOG_MAX)
		(void)renameat(dir_fd, name, dir_fd, old);
	fd = openat(dir_fd, name, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		err_set(err, ERR_FAILED, "cannot open its log '%s' in the state folder: %s", name,
		    strerror(errno));
	free(name);
	free(old);
	return fd;
}

void
local_last_line(int dir_fd, const char *id, char *line, size_t size)
{
	char *name = xasprintf("%s.log", id), text[TAIL + 1], *at;
	int fd = openat(dir_fd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	off_t end = fd >= 0 ? lseek(fd, 0, SEEK_END) : 0;
	ssize_t len = 0;

	free(name);
	*line = '\0';
	if (fd < 0)
		return;
	len = pread(fd, text, TAIL, end > TAIL ? end - TAIL : 0);
	close(fd);
	while (len > 0 && text[len - 1] == '\n')
		len--;
	text[len > 0 ? len : 0] = '\0';
	at = strrchr(text, '\n');
	at = at ? at + 1 : text;
	at[str_strip_controls(at, strlen(at))] = '\0';
	at[str_utf8_prefix(at, strlen(at))] = '\0';
	snprintf(line, size, "%s", at);
	line[str_utf8_prefix(line, strlen(line))] = '\0';
}

/* --- the start --- */

/* A pipe that holds the URL and ends behind it; a negative code: there is none. */
static int
url_pipe(const char *url, struct err *err)
{
	size_t len = strlen(url);
	int fds[2];
	bool good;

	if (len > PIPE_BUF)
		return err_set(err, ERR_LIMIT, "the URL of Redis is longer than %d bytes", PIPE_BUF);
	if (pipe2(fds, O_CLOEXEC) != 0)
		return err_set(err, ERR_UNAVAILABLE, "cannot make a pipe: %s", strerror(errno));
	good = write(fds[1], url, len) == (ssize_t)len;
	close(fds[1]);
	if (good)
		return fds[0];
	close(fds[0]);
	return err_set(err, ERR_FAILED, "cannot write to a pipe: %s", strerror(errno));
}

static void
make_args(const struct local_start *start, const struct agent_type *type, const char *id,
    const char *drain, const char **argv)
{
	const char *const args[] = { start->program, "--type", type->type, "--id", id, "--redis",
		"-", "--state-dir", start->state_dir, "--drain-timeout", drain };
	size_t n = ARRAY_LEN(args);

	memcpy(argv, args, sizeof args);
	if (start->prefix) {
		argv[n++] = "--prefix";
		argv[n++] = start->prefix;
	}
	if (type->scale.allow_run)
		argv[n++] = "--allow-run";
	argv[n] = NULL;
}

int
local_start(const struct local_start *start, const struct agent_type *type, const char *id,
    child_exit_fn *on_exit, void *arg, struct child **ret_child, struct err *err)
{
	char drain[DURATION_SIZE];
	const char *argv[ARGS_MAX], **env = local_env(0);
	struct child_options options = CHILD_OPTIONS_INIT;
	int url = url_pipe(start->redis_url, err), log = -1, rc = url;

	if (url >= 0)
		rc = log = open_log(start->dir_fd, id, err);
	if (log >= 0) {
		make_args(start, type, id, duration_format(type->scale.drain_timeout_ms, drain),
		    argv);
		options.argv = argv;
		options.env = env;
		options.fd[0] = url;
		options.fd[1] = options.fd[2] = log;
		options.group = CHILD_OWN_SESSION;
		rc = child_spawn(start->loop, &options, on_exit, arg, ret_child, err);
	}
	if (url >= 0)
		close(url);
	if (log >= 0)
		close(log);
	free(env);
	return rc < 0 ? rc : 0;
}
