/* SPDX-License-Identifier: MIT */
/* Opens the sockets that the API is served on. */
#include "http/listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKLOG 128
#define SOCKET_FLAGS (SOCK_NONBLOCK | SOCK_CLOEXEC)

static int
unix_address(const char *path, struct sockaddr_un *ret_addr, struct err *err)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };

	if (strlen(path) >= sizeof addr.sun_path)
		return err_set(err, ERR_INVALID,
		    "socket path \"%s\" is longer than %zu bytes: choose a shorter one "
		    "with "
		    "--http-socket",
		    path, sizeof addr.sun_path - 1);
	memcpy(addr.sun_path, path, strlen(path) + 1);
	*ret_addr = addr;
	return 0;
}

static int
remove_stale(const char *path, const struct sockaddr_un *addr, struct err *err)
{
	struct stat st;
	int fd, refused;

	if (lstat(path, &st) != 0)
		return errno == ENOENT
			   ? 0
			   : err_set(err, ERR_FAILED, "cannot look at \"%s\": %s", path,
				 strerror(errno));
	if (!S_ISSOCK(st.st_mode))
		return err_set(err, ERR_INVALID,
		    "\"%s\" exists and is not a socket: move it away or choose another "
		    "path",
		    path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCKET_FLAGS, 0);
	if (fd < 0)
		return err_set(
		    err, ERR_FAILED, "cannot make a socket: %s", strerror(errno));
	refused = connect(fd, (const struct sockaddr *)addr, sizeof *addr) != 0 &&
		  errno == ECONNREFUSED;
	close(fd);
	if (!refused)
		return err_set(err, ERR_CONFLICT,
		    "another program serves \"%s\": stop it or choose another path",
		    path);
	if (unlink(path) != 0)
		return err_set(
		    err, ERR_FAILED, "cannot remove \"%s\": %s", path, strerror(errno));
	return 0;
}

/* Ends each opener: fd is closed unless rc is 0. */
static int
finish(int fd, int rc, int *ret_fd)
{
	if (rc < 0)
		close(fd);
	else
		*ret_fd = fd;
	return rc;
}

int
http_listen_unix(const char *path, int *ret_fd, struct err *err)
{
	struct sockaddr_un addr;
	mode_t mask;
	int fd, rc;

	if ((rc = unix_address(path, &addr, err)) < 0 ||
	    (rc = remove_stale(path, &addr, err)) < 0)
		return rc;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCKET_FLAGS, 0);
	if (fd < 0)
		return err_set(
		    err, ERR_FAILED, "cannot make a socket: %s", strerror(errno));
	mask = umask(0177);
	rc = bind(fd, (const struct sockaddr *)&addr, sizeof addr);
	umask(mask);
	if (rc != 0 || listen(fd, BACKLOG) != 0)
		rc = err_set(err, ERR_FAILED, "cannot listen on \"%s\": %s", path,
		    strerror(errno));
	return finish(fd, rc, ret_fd);
}

struct tcp_address {
	socklen_t len;
	struct sockaddr_storage storage;
};

static int
tcp_address(
    const char *text, uint16_t port, struct tcp_address *ret_addr, struct err *err)
{
	struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_port = htons(port) };
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
	struct tcp_address addr = { 0 };

	if (strcmp(text, "localhost") == 0)
		text = "127.0.0.1";
	if (inet_pton(AF_INET, text, &v4.sin_addr) == 1) {
		if (ntohl(v4.sin_addr.s_addr) >> 24 != 127)
			goto denied;
		addr.len = sizeof v4;
		memcpy(&addr.storage, &v4, sizeof v4);
	} else if (inet_pton(AF_INET6, text, &v6.sin6_addr) == 1) {
		if (!IN6_IS_ADDR_LOOPBACK(&v6.sin6_addr))
			goto denied;
		addr.len = sizeof v6;
		memcpy(&addr.storage, &v6, sizeof v6);
	} else {
		return err_set(err, ERR_INVALID,
		    "\"%s\" is not an address: use 127.0.0.1 or ::1", text);
	}
	*ret_addr = addr;
	return 0;
denied:
	return err_set(err, ERR_DENIED,
	    "\"%s\" is not a loopback address: serving other machines is not supported "
	    "yet, "
	    "use 127.0.0.1 or ::1",
	    text);
}

static uint16_t
port_of(int fd)
{
	struct sockaddr_storage addr = { 0 };
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
	socklen_t len = sizeof addr;

	if (getsockname(fd, (struct sockaddr *)&addr, &len) != 0)
		return 0;
	memcpy(&v4, &addr, sizeof v4);
	memcpy(&v6, &addr, sizeof v6);
	return ntohs(addr.ss_family == AF_INET6 ? v6.sin6_port : v4.sin_port);
}

int
http_listen_tcp(
    const char *addr, uint16_t port, int *ret_fd, uint16_t *ret_port, struct err *err)
{
	struct tcp_address at;
	const int on = 1;
	int fd, rc;

	if ((rc = tcp_address(addr, port, &at, err)) < 0)
		return rc;
	fd = socket(at.storage.ss_family, SOCK_STREAM | SOCKET_FLAGS, 0);
	if (fd < 0)
		return err_set(
		    err, ERR_FAILED, "cannot make a socket: %s", strerror(errno));
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	if (bind(fd, (const struct sockaddr *)&at.storage, at.len) != 0 ||
	    listen(fd, BACKLOG) != 0)
		rc = err_set(err, errno == EADDRINUSE ? ERR_CONFLICT : ERR_FAILED,
		    "cannot listen on %s port %u: %s%s", addr, (unsigned)port,
		    strerror(errno),
		    errno == EADDRINUSE ? ": choose another with --http" : "");
	else
		*ret_port = port_of(fd);
	return finish(fd, rc, ret_fd);
}
