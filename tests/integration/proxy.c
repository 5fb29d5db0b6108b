/* SPDX-License-Identifier: MIT */
/*
 * A proxy between reeved and Redis that loses what a test wants lost.
 *
 * usage: proxy LISTEN-SOCKET REDIS-SOCKET CONTROL-FIFO
 *
 * It passes bytes between unix sockets and obeys lines on the fifo:
 *
 *   pass                 nothing special (as at the start)
 *   lose-reply TEXT      the next command with TEXT is passed on, its answer is not:
 *                        the connection is cut once Redis has answered
 *   lose-command TEXT    the next command with TEXT is cut in the middle: Redis gets half
 *                        of the bytes, then the connection ends on both sides
 *   hold TEXT            the bytes with TEXT, and all behind them, are kept; the client's
 *                        side is cut, Redis' side stays open
 *   release              what was kept goes to Redis now
 *   stall                nothing is passed in either direction
 *
 * For each thing done it prints a line (cut, held, released).  TEXT must stand within one
 * read, which with a unix socket is one write of the client, up to 64 KiB.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { LINKS = 64, CHUNK = 1 << 20, LINE = 256 };
enum mode { PASS, LOSE_REPLY, LOSE_COMMAND, HOLD, STALL };

struct link {
	int client, redis; /* -1: closed */
	bool doomed;       /* the next answer is not passed on: cut */
	char *held;
	size_t held_len;
};

struct proxy {
	const char *redis_path;
	int listener, control;
	enum mode mode;
	char text[LINE];
	char line[LINE];
	size_t line_len;
	struct link links[LINKS];
	char chunk[CHUNK];
};

static void
say(const char *what)
{
	puts(what);
	fflush(stdout);
}

static int
unix_socket(const char *path, bool listens)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int rc;

	if (fd < 0 || strlen(path) >= sizeof addr.sun_path)
		return -1;
	memcpy(addr.sun_path, path, strlen(path));
	rc = listens ? bind(fd, (struct sockaddr *)&addr, sizeof addr)
		     : connect(fd, (struct sockaddr *)&addr, sizeof addr);
	if (rc < 0 || (listens && listen(fd, LINKS) < 0)) {
		close(fd);
		return -1;
	}
	return fd;
}

static void
close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static void
link_cut(struct link *link)
{
	close_fd(&link->client);
	close_fd(&link->redis);
	free(link->held);
	*link = (struct link){ .client = -1, .redis = -1 };
}

static bool
write_all(int fd, const char *bytes, size_t len)
{
	while (len > 0) {
		ssize_t n = send(fd, bytes, len, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		bytes += n;
		len -= (size_t)n;
	}
	return true;
}

static void
keep(struct link *link, const char *bytes, size_t len)
{
	char *held = realloc(link->held, link->held_len + len);

	if (!held)
		abort();
	memcpy(held + link->held_len, bytes, len);
	link->held = held;
	link->held_len += len;
}

/* --- from one side to the other ------------------------------------------------ */

static void
from_client(struct proxy *proxy, struct link *link)
{
	ssize_t n = recv(link->client, proxy->chunk, CHUNK, 0);
	size_t len = n > 0 ? (size_t)n : 0;
	bool found;

	if (len == 0) {
		link_cut(link);
		return;
	}
	found =
	    *proxy->text && memmem(proxy->chunk, len, proxy->text, strlen(proxy->text));
	if (found && proxy->mode == HOLD) {
		keep(link, proxy->chunk, len);
		close_fd(&link->client);
		proxy->mode = PASS;
		say("held");
		return;
	}
	if (found && proxy->mode == LOSE_COMMAND) {
		(void)write_all(link->redis, proxy->chunk, len / 2);
		link_cut(link);
		proxy->mode = PASS;
		say("cut");
		return;
	}
	if (found && proxy->mode == LOSE_REPLY) {
		link->doomed = true;
		proxy->mode = PASS;
	}
	if (!write_all(link->redis, proxy->chunk, len))
		link_cut(link);
}

static void
from_redis(struct proxy *proxy, struct link *link)
{
	ssize_t n = recv(link->redis, proxy->chunk, CHUNK, 0);

	if (link->doomed && n > 0)
		say("cut");
	if (link->doomed || n <= 0)
		link_cut(link);
	else if (link->client >= 0 && !write_all(link->client, proxy->chunk, (size_t)n))
		link_cut(link);
}

static void
accept_one(struct proxy *proxy)
{
	int fd = accept4(proxy->listener, NULL, NULL, SOCK_CLOEXEC);
	size_t i = 0;

	while (i < LINKS && (proxy->links[i].client >= 0 || proxy->links[i].redis >= 0))
		i++;
	if (fd < 0 || i == LINKS) {
		close_fd(&fd);
		return;
	}
	proxy->links[i].client = fd;
	proxy->links[i].redis = unix_socket(proxy->redis_path, false);
	if (proxy->links[i].redis < 0)
		link_cut(&proxy->links[i]);
}

/* --- control ------------------------------------------------------------------- */

static void
release(struct proxy *proxy)
{
	for (size_t i = 0; i < LINKS; i++) {
		struct link *link = &proxy->links[i];

		if (!link->held)
			continue;
		(void)write_all(link->redis, link->held, link->held_len);
		free(link->held);
		link->held = NULL;
		link->held_len = 0;
		say("released");
	}
}

static void
obey(struct proxy *proxy, char *line)
{
	static const struct {
		const char *word;
		enum mode mode;
	} MODES[] = { { "pass", PASS }, { "lose-reply", LOSE_REPLY },
		{ "lose-command", LOSE_COMMAND }, { "hold", HOLD }, { "stall", STALL } };
	char *word = strsep(&line, " ");

	if (strcmp(word, "release") == 0)
		release(proxy);
	for (size_t i = 0; i < sizeof MODES / sizeof MODES[0]; i++) {
		if (strcmp(word, MODES[i].word) != 0)
			continue;
		proxy->mode = MODES[i].mode;
		snprintf(proxy->text, sizeof proxy->text, "%s", line ? line : "");
	}
}

static void
read_control(struct proxy *proxy)
{
	char c;

	while (read(proxy->control, &c, 1) == 1) {
		if (c != '\n' && proxy->line_len < LINE - 1) {
			proxy->line[proxy->line_len++] = c;
		} else if (c == '\n') {
			proxy->line[proxy->line_len] = '\0';
			proxy->line_len = 0;
			obey(proxy, proxy->line);
		}
	}
}

/* --- the loop ------------------------------------------------------------------- */

static void
turn(struct proxy *proxy)
{
	struct pollfd polls[2 + 2 * LINKS] = { { proxy->listener, POLLIN, 0 },
		{ proxy->control, POLLIN, 0 } };
	bool stalled = proxy->mode == STALL;

	for (size_t i = 0; i < LINKS; i++) {
		polls[2 + 2 * i].fd = stalled ? -1 : proxy->links[i].client;
		polls[3 + 2 * i].fd = stalled ? -1 : proxy->links[i].redis;
		polls[2 + 2 * i].events = polls[3 + 2 * i].events = POLLIN;
	}
	if (poll(polls, 2 + 2 * LINKS, -1) < 0)
		return;
	if (polls[1].revents)
		read_control(proxy);
	for (size_t i = 0; i < LINKS; i++) {
		if (polls[2 + 2 * i].revents && proxy->links[i].client >= 0)
			from_client(proxy, &proxy->links[i]);
		if (polls[3 + 2 * i].revents && proxy->links[i].redis >= 0)
			from_redis(proxy, &proxy->links[i]);
	}
	if (polls[0].revents)
		accept_one(proxy);
}

int
main(int argc, char **argv)
{
	static struct proxy proxy;

	if (argc != 4) {
		fprintf(stderr, "usage: %s LISTEN-SOCKET REDIS-SOCKET CONTROL-FIFO\n",
		    argv[0]);
		return 2;
	}
	proxy.redis_path = argv[2];
	proxy.listener = unix_socket(argv[1], true);
	/* Open for both, so that the end of a writer is no end of file. */
	proxy.control = open(argv[3], O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (proxy.listener < 0 || proxy.control < 0) {
		perror("proxy");
		return 1;
	}
	for (size_t i = 0; i < LINKS; i++)
		proxy.links[i] = (struct link){ .client = -1, .redis = -1 };
	say("ready");
	for (;;)
		turn(&proxy);
}
