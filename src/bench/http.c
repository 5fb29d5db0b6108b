/* SPDX-License-Identifier: MIT */
/* A minimal HTTP/1.1 client: unix socket, keep-alive, answers with a Content-Length. */
#include "bench/http.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "bench/process.h"

#define ANSWER_US (60 * CLOCK_S)

static int
open_line(struct http_line *line, struct err *err)
{
	const struct timeval tick = { .tv_usec = 200000 };

	line->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (line->fd < 0 ||
	    connect(line->fd, (const struct sockaddr *)&line->addr, sizeof line->addr) != 0) {
		(void)err_set(
		    err, ERR_UNREACHABLE, "reeved does not answer: %s", strerror(errno));
		http_line_close(line);
		return ERR_UNREACHABLE;
	}
	(void)setsockopt(line->fd, SOL_SOCKET, SO_RCVTIMEO, &tick, sizeof tick);
	return 0;
}

int
http_line_connect(struct http_line *line, const char *socket_path, struct err *err)
{
	struct http_line made = { .fd = -1, .addr.sun_family = AF_UNIX };
	int rc;

	if (strlen(socket_path) >= sizeof made.addr.sun_path)
		return err_set(
		    err, ERR_LIMIT, "socket path \"%s\" is too long", socket_path);
	memcpy(made.addr.sun_path, socket_path, strlen(socket_path) + 1);
	if ((rc = open_line(&made, err)) == 0)
		*line = made;
	return rc;
}

/* What was silent for long reeved has closed: nothing of a request is lost by a new one. */
static int
renew(struct http_line *line, struct err *err)
{
	char byte;

	if (line->fd < 0 || line->in.len > 0 ||
	    recv(line->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) != 0)
		return 0;
	close(line->fd);
	return open_line(line, err);
}

void
http_line_close(struct http_line *line)
{
	if (line->fd >= 0)
		close(line->fd);
	buf_release(&line->in);
	*line = (struct http_line){ .fd = -1 };
}

int
http_line_send(
    struct http_line *line, const char *path, const struct buf *body, struct err *err)
{
	struct buf out = { 0 };
	size_t sent = 0;
	int rc = line->open ? 0 : renew(line, err);

	buf_printf(
	    &out, "%s %s HTTP/1.1\r\nHost: localhost\r\n", body ? "POST" : "GET", path);
	if (body)
		buf_printf(&out,
		    "Content-Type: application/json\r\nContent-Length: %zu\r\n",
		    body->len);
	buf_adds(&out, "\r\n");
	if (body)
		buf_add(&out, body->data, body->len);
	while (rc == 0 && sent < out.len) {
		ssize_t n = send(line->fd, out.data + sent, out.len - sent, MSG_NOSIGNAL);

		if (n < 0 && errno != EINTR)
			rc = err_set(err, ERR_UNREACHABLE, "cannot write to reeved: %s",
			    strerror(errno));
		sent += n > 0 ? (size_t)n : 0;
	}
	buf_release(&out);
	line->open = rc == 0;
	return rc;
}

static int
fill(struct http_line *line, struct err *err)
{
	int64_t deadline = clock_mono_us() + ANSWER_US;

	for (;;) {
		char bytes[65536];
		ssize_t n = recv(line->fd, bytes, sizeof bytes, 0);

		if (n > 0) {
			buf_add(&line->in, bytes, (size_t)n);
			return 0;
		}
		if (n == 0)
			return err_set(
			    err, ERR_UNREACHABLE, "reeved closed the connection");
		if (errno != EAGAIN && errno != EINTR)
			return err_set(err, ERR_UNREACHABLE,
			    "cannot read from reeved: %s", strerror(errno));
		if (process_interrupted())
			return err_set(err, ERR_CONFLICT, "stopped");
		if (clock_mono_us() > deadline)
			return err_set(
			    err, ERR_UNREACHABLE, "reeved says nothing for 60 s");
	}
}

static size_t
content_length(const char *head)
{
	static const char name[] = "\r\nContent-Length:";

	for (; *head; head++) {
		if (strncasecmp(head, name, sizeof name - 1) == 0)
			return strtoul(head + sizeof name - 1, NULL, 10);
	}
	return 0;
}

/* Waits until an answer is there whole: *ret_body bytes behind *ret_head. */
static int
await(struct http_line *line, long *ret_status, size_t *ret_head, size_t *ret_body,
    struct err *err)
{
	char *end = NULL;
	size_t head, body;
	int rc;

	while (!(end = line->in.len ? strstr(line->in.data, "\r\n\r\n") : NULL)) {
		if ((rc = fill(line, err)) < 0)
			return rc;
	}
	*end = '\0';
	head = (size_t)(end - line->in.data) + 4;
	body = content_length(line->in.data);
	*ret_status = line->in.len > 12 ? strtol(line->in.data + 9, NULL, 10) : 0;
	while (line->in.len < head + body) {
		if ((rc = fill(line, err)) < 0)
			return rc;
	}
	*ret_head = head;
	*ret_body = body;
	line->open = false;
	return 0;
}

int
http_line_read(
    struct http_line *line, long *ret_status, json_t **ret_body, struct err *err)
{
	size_t head, body;
	int rc = await(line, ret_status, &head, &body, err);

	if (rc < 0)
		return rc;
	if (ret_body)
		*ret_body = json_loadb(line->in.data + head, body, 0, NULL);
	buf_drop_front(&line->in, head + body);
	return 0;
}

/* text: what the answer says is added to it; or NULL. */
static int
take(struct http_line *line, long wanted, struct buf *text, struct err *err)
{
	size_t head, body;
	long status;
	int rc = await(line, &status, &head, &body, err);

	if (rc < 0)
		return rc;
	if (text)
		buf_add(text, line->in.data + head, body);
	if (status != wanted) {
		json_t *answer = json_loadb(line->in.data + head, body, 0, NULL);
		const char *said = json_string_value(
		    json_object_get(json_object_get(answer, "error"), "message"));

		rc = err_set(err, ERR_FAILED, "reeved answers %ld: %s", status, said ? said : "");
		json_decref(answer);
	}
	buf_drop_front(&line->in, head + body);
	return rc;
}

int
http_line_take(struct http_line *line, long wanted, struct err *err)
{
	return take(line, wanted, NULL, err);
}

int
http_line_text(
    struct http_line *line, const char *path, struct buf *ret_text, struct err *err)
{
	int rc = http_line_send(line, path, NULL, err);

	return rc < 0 ? rc : take(line, 200, ret_text, err);
}

int
http_line_get(
    struct http_line *line, const char *path, json_t **ret_body, struct err *err)
{
	json_t *body = NULL;
	long status = 0;
	int rc = http_line_send(line, path, NULL, err);

	if (rc == 0)
		rc = http_line_read(line, &status, &body, err);
	if (rc == 0 && status != 200)
		rc = err_set(
		    err, ERR_FAILED, "reeved answers %ld to GET %s", status, path);
	if (rc == 0 && ret_body)
		*ret_body = body;
	else
		json_decref(body);
	return rc;
}
