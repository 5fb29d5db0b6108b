/* SPDX-License-Identifier: MIT */
/* Program, configuration, log and lock of an embedded redis-server. */
#include "orchestrator/redis_server.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"
#include "loop/spawn.h"

#define LOG_MAX (1 << 20)
#define VERSION_TIMEOUT_MS 5000
#define USUAL_FOLDERS "/usr/bin:/usr/local/bin:/usr/sbin:/usr/local/sbin"

/* --- the program --- */

static char *
find_in(const char *folders, const char *name)
{
	while (folders && *folders) {
		size_t len = strcspn(folders, ":");
		char *path = xasprintf("%.*s/%s", (int)len, folders, name);

		if (*path == '/' && access(path, X_OK) == 0)
			return path;
		free(path);
		folders += len + (folders[len] == ':');
	}
	return NULL;
}

static char *
find_program(const char *name)
{
	char *path = find_in(getenv("PATH"), name);

	return path ? path : find_in(USUAL_FOLDERS, name);
}

char *
redis_server_find(const char *binary, struct err *err)
{
	bool given = binary && *binary;
	char *path;

	if (given && strchr(binary, '/')) {
		if (access(binary, X_OK) == 0)
			return xstrdup(binary);
		err_set(err, ERR_NOT_FOUND, "cannot run '%s' (redis.binary): %s", binary,
		    strerror(errno));
		return NULL;
	}
	path = find_program(given ? binary : "redis-server");
	if (!path && !given)
		path = find_program("valkey-server");
	if (!path)
		err_set(err, ERR_NOT_FOUND,
		    "there is no '%s' in PATH; install it (apt-get install redis-server) or "
		    "give the URL of a running Redis with --redis",
		    given ? binary : "redis-server");
	return path;
}

/* What PROGRAM --version prints, at most size - 1 bytes. */
static int
run_version(const char *program, char *out, size_t size, struct err *err)
{
	const char *const argv[] = { program, "--version", NULL };
	struct child_options options = CHILD_OPTIONS_INIT;
	struct pollfd done = { .events = POLLIN };
	int fds[2], code;
	ssize_t len = 0;
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC) != 0)
		return err_set(err, ERR_UNAVAILABLE, "cannot make a pipe: %s", strerror(errno));
	options.argv = argv;
	options.fd[1] = fds[1];
	code = spawn_process(&options, &pid, &done.fd, err);
	close(fds[1]);
	if (!code) {
		if (poll(&done, 1, VERSION_TIMEOUT_MS) != 1)
			kill(pid, SIGKILL);
		while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
			;
		close(done.fd);
		/* It has ended, and such a line fits into any pipe: no read can block. */
		len = read(fds[0], out, size - 1);
	}
	close(fds[0]);
	out[len > 0 ? len : 0] = '\0';
	return code;
}

int
redis_server_check_version(const char *program, struct err *err)
{
	char text[512];
	const char *version;
	int code = run_version(program, text, sizeof text, err);
	long major;

	if (code)
		return code;
	version = strstr(text, " v=");
	if (!version || !isdigit((unsigned char)version[3]))
		return err_set(err, ERR_INVALID,
		    "'%s --version' does not answer as a redis-server does", program);
	major = strtol(version + 3, NULL, 10);
	if (major >= 7)
		return 0;
	return err_set(err, ERR_INVALID,
	    "'%s' is version %.*s, and 7.0 or newer is needed; install a newer redis-server "
	    "or give the URL of one with --redis", program,
	    (int)strcspn(version + 3, " \n"), version + 3);
}

/* --- its files --- */

/* As redis.conf reads double quotes: any byte may be \xHH. */
static void
add_quoted(struct buf *out, const char *text)
{
	buf_addc(out, '"');
	for (; *text; text++)
		if (*text == '"' || *text == '\\' || (unsigned char)*text < ' ')
			buf_printf(out, "\\x%02x", (unsigned)(unsigned char)*text);
		else
			buf_addc(out, *text);
	buf_addc(out, '"');
}

static void
add_config(struct buf *out, const char *dir, const char *socket, const char *appendfsync)
{
	buf_adds(out, "# Written by reeved at each start; changes here are lost.\n"
	    "port 0\nunixsocketperm 600\nunixsocket ");
	add_quoted(out, socket);
	buf_adds(out, "\ndir ");
	add_quoted(out, dir);
	buf_printf(out, "\nlogfile redis.log\ndaemonize no\nsupervised no\n"
	    "always-show-logo no\nappendonly yes\nappendfsync %s\nsave \"\"\n"
	    "maxmemory-policy noeviction\nproto-max-bulk-len 1mb\n"
	    "stream-node-max-entries 50\n", appendfsync);
}

int
redis_server_write_config(const char *dir, const char *socket, const char *appendfsync,
    struct err *err)
{
	char *path = xasprintf("%s/redis.conf", dir), *fresh = xasprintf("%s.new", path);
	int fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	struct buf text = { 0 };
	int code = 0;

	add_config(&text, dir, socket, appendfsync);
	if (fd < 0 || write(fd, text.data, text.len) != (ssize_t)text.len ||
	    rename(fresh, path) != 0)
		code = err_set(err, ERR_FAILED, "cannot write '%s': %s", path, strerror(errno));
	if (fd >= 0)
		close(fd);
	buf_release(&text);
	free(fresh);
	free(path);
	return code;
}

int
redis_server_open_log(const char *dir, int *ret_fd, struct err *err)
{
	char *path = xasprintf("%s/redis.log", dir), *old = xasprintf("%s.1", path);
	struct stat st;
	int code = 0, fd;

	/* The server opens it anew for each line, so it follows at once. */
	if (lstat(path, &st) == 0 && st.st_size > LOG_MAX)
		(void)rename(path, old);
	fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC,
	    0600);
	if (fd < 0)
		code = err_set(err, ERR_FAILED, "cannot open '%s': %s", path, strerror(errno));
	else
		*ret_fd = fd;
	free(old);
	free(path);
	return code;
}

/* --- who is there --- */

pid_t
redis_server_peer(const char *socket_path, uid_t *ret_uid)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	struct ucred peer = { 0 };
	socklen_t len = sizeof peer;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0 || strlen(socket_path) >= sizeof addr.sun_path) {
		if (fd >= 0)
			close(fd);
		return 0;
	}
	memcpy(addr.sun_path, socket_path, strlen(socket_path) + 1);
	if (connect(fd, (const void *)&addr, sizeof addr) != 0 ||
	    getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) != 0)
		peer.pid = 0;
	close(fd);
	*ret_uid = peer.uid;
	return peer.pid;
}

int
redis_server_lock(const char *dir, int *ret_fd, struct err *err)
{
	char *path = xasprintf("%s/lock", dir);
	int fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
	int code = 0;

	if (fd < 0)
		code = err_set(err, ERR_FAILED, "cannot open '%s': %s", path, strerror(errno));
	else if (flock(fd, LOCK_EX | LOCK_NB) != 0)
		code = errno == EWOULDBLOCK ?
		    err_set(err, ERR_CONFLICT, "a redis-server lives in '%s'", dir) :
		    err_set(err, ERR_FAILED, "cannot lock '%s': %s", path, strerror(errno));
	if (code && fd >= 0)
		close(fd);
	else if (!code)
		*ret_fd = fd;
	free(path);
	return code;
}

void
redis_server_lock_write(int fd, pid_t pid)
{
	char text[24];
	int len = pid ? snprintf(text, sizeof text, "%ld\n", (long)pid) : 0;

	/* Without the text a later daemon waits longer; nothing is lost. */
	if (ftruncate(fd, 0) != 0 || pwrite(fd, text, (size_t)len, 0) != len)
		errno = 0;
}

pid_t
redis_server_lock_pid(const char *dir)
{
	char *path = xasprintf("%s/lock", dir);
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	char text[24];
	ssize_t len = fd >= 0 ? read(fd, text, sizeof text - 1) : -1;
	int64_t pid = 0;

	if (fd >= 0)
		close(fd);
	free(path);
	if (len < 0)
		return -1;
	text[len] = '\0';
	text[strcspn(text, "\n")] = '\0';
	return str_to_i64(text, 1, INT_MAX, &pid) ? (pid_t)pid : 0;
}

void
redis_server_lock_drop(const char *dir)
{
	char *path = xasprintf("%s/lock", dir);

	(void)unlink(path);
	free(path);
}

bool
redis_server_is_here(pid_t pid, const char *dir)
{
	char *link = xasprintf("/proc/%ld/cwd", (long)pid);
	char cwd[PATH_MAX];
	ssize_t len = readlink(link, cwd, sizeof cwd - 1);

	free(link);
	if (pid <= 0 || len < 0)
		return false;
	cwd[len] = '\0';
	return strcmp(cwd, dir) == 0;
}

char *
redis_server_url(const char *socket_path)
{
	struct buf url = { 0 };

	buf_adds(&url, "unix://");
	for (; *socket_path; socket_path++)
		if (isalnum((unsigned char)*socket_path) || strchr("/-._~", *socket_path))
			buf_addc(&url, *socket_path);
		else
			buf_printf(&url, "%%%02X", (unsigned)(unsigned char)*socket_path);
	return buf_steal(&url);
}
