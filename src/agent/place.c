/* SPDX-License-Identifier: MIT */
/*
 * Looks for Redis in the places that the manual lists, in their order.
 */
#include "agent/place.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"

#define SOCKET_NAME "redis.sock"
#define URL_MAX 4096

static const char *
env_or_null(const char *name)
{
	const char *value = getenv(name);

	return value != NULL && *value != '\0' ? value : NULL;
}

static char *
default_state_dir(void)
{
	const char *xdg = env_or_null("XDG_STATE_HOME");
	const char *home = env_or_null("HOME");

	if (xdg != NULL)
		return xasprintf("%s/reeve", xdg);
	return home != NULL ? xasprintf("%s/.local/state/reeve", home) : NULL;
}

/* unix:// takes an absolute path. */
static char *
socket_url(const char *dir)
{
	char *full = realpath(dir, NULL);
	char *url = xasprintf("unix://%s/" SOCKET_NAME, full != NULL ? full : dir);

	free(full);
	return url;
}

/* The socket's URL if it is there; else the place is noted in tried. */
static char *
try_dir(const char *dir, struct buf *tried)
{
	char *path = xasprintf("%s/" SOCKET_NAME, dir);
	char *url = NULL;
	struct stat st;

	if (stat(path, &st) == 0 && S_ISSOCK(st.st_mode))
		url = socket_url(dir);
	else
		buf_printf(tried, ", %s (no socket)", path);
	free(path);
	return url;
}

/* From whoever started us: what stands on standard input shows in no list of processes. */
static int
read_url(char **ret_url, struct err *err)
{
	char text[URL_MAX + 1];
	size_t len = 0;
	ssize_t got;
	int null_fd;

	while (len < URL_MAX && (got = read(STDIN_FILENO, text + len, URL_MAX - len)) > 0)
		len += (size_t)got;
	text[len] = '\0';
	text[strcspn(text, "\r\n")] = '\0';
	null_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (null_fd >= 0) {
		(void)dup2(null_fd, STDIN_FILENO);
		close(null_fd);
	}
	if (*text == '\0' || len == URL_MAX)
		return err_set(err, ERR_INVALID, "--redis -: no URL of at most %d bytes on "
		    "standard input", URL_MAX - 1);
	*ret_url = xstrdup(text);
	explicit_bzero(text, sizeof text);
	return 0;
}

int
place_redis_url(const struct agent_options *options, char **ret_url, struct err *err)
{
	const char *named = options->state_dir;
	struct buf tried = { 0 };
	char *home, *url = NULL;

	if (options->redis_url != NULL && strcmp(options->redis_url, "-") == 0)
		return read_url(ret_url, err);
	if (options->redis_url != NULL)
		url = xstrdup(options->redis_url);
	else if (env_or_null("REEVE_REDIS_URL") != NULL)
		url = xstrdup(getenv("REEVE_REDIS_URL"));
	if (url == NULL && named == NULL)
		named = env_or_null("REEVE_STATE_DIR");
	if (url == NULL && named != NULL)
		url = socket_url(named);
	if (url == NULL)
		url = try_dir("/run/reeve", &tried);
	if (url == NULL) {
		home = default_state_dir();
		if (home != NULL)
			url = try_dir(home, &tried);
		free(home);
	}
	if (url != NULL)
		*ret_url = url;
	else
		err_set(err, ERR_NOT_FOUND,
		    "cannot find Redis; tried --redis (not given), REEVE_REDIS_URL (not "
		    "set), --state-dir (not given), REEVE_STATE_DIR (not set)%s; start "
		    "reeved or name one of them",
		    buf_text(&tried));
	buf_release(&tried);
	return url != NULL ? 0 : ERR_NOT_FOUND;
}
