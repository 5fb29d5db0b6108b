/* SPDX-License-Identifier: MIT */
/*
 * Requests to reeved over its unix socket, on one kept connection, without
 * anything that would cost time beside it.
 */
#ifndef REEVE_BENCH_HTTP_H
#define REEVE_BENCH_HTTP_H

#include <jansson.h>
#include <stdbool.h>
#include <sys/un.h>

#include "base/buf.h"
#include "base/err.h"

struct http_line {
	int fd;
	struct buf in;
	bool open; /* an answer is due */
	struct sockaddr_un addr;
};

int http_line_connect(struct http_line *line, const char *socket, struct err *err);
void http_line_close(struct http_line *line);

/* body NULL: GET.  A line that reeved has closed meanwhile is opened anew. */
int http_line_send(
    struct http_line *line, const char *path, const struct buf *body, struct err *err);
/* The answer; ret_body (may be NULL) is the caller's, NULL where it is not JSON. */
int http_line_read(
    struct http_line *line, long *ret_status, json_t **ret_body, struct err *err);
/* The answer, unread where its status is the wanted one; any other is ERR_FAILED. */
int http_line_take(struct http_line *line, long wanted, struct err *err);
/* GET; anything but 200 is ERR_FAILED. */
int http_line_get(
    struct http_line *line, const char *path, json_t **ret_body, struct err *err);
/* The same of what is no JSON; the text is added. */
int http_line_text(
    struct http_line *line, const char *path, struct buf *ret_text, struct err *err);

#endif
