/* SPDX-License-Identifier: MIT */
/*
 * One request, from its target to its answer.  What handlers work with.
 *
 *   new -> admitted -> (body) -> handled -> answered -> freed
 *                            \-> queued -/ \-> waiting -/      connection suspended
 *
 * A handler answers with one of the reply functions, at once or later.  Later
 * means: it asked the daemon with http_wait(), whose reply comes in a callback,
 * or wants to be called again (http_again()).  When the server stops first, it
 * answers 503 itself, and a reply that still comes is dropped.
 */
#ifndef REEVE_HTTP_REQUEST_H
#define REEVE_HTTP_REQUEST_H

#include <jansson.h>
#include <microhttpd.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "base/buf.h"
#include "base/err.h"
#include "http/conn.h"
#include "http/cpu.h"
#include "http/role.h"
#include "http/route.h"
#include "http/uri.h"
#include "loop/loop.h"
#include "orchestrator/facade.h"

struct http_wait;
TAILQ_HEAD(http_requests, http_request);

struct http_request {
	TAILQ_ENTRY(http_request) link;
	struct http_requests *list; /* the one that it is in while its connection sleeps */
	struct orchestrator *orch;
	struct http_conn *conn;
	struct MHD_Connection *mhd;
	struct http_cpu *cpu;     /* the server's, or NULL */
	struct loop_timer *wake;  /* makes the library look at what was resumed; or NULL */
	struct http_uri uri;
	struct err uri_err;       /* why the target is bad, if code is set */
	struct http_match match;
	enum http_role role;      /* the caller's */
	char actor[32];           /* the caller's name: "uid:0" */
	struct buf body;
	bool admitted, due, handled, read_only;
	unsigned status;          /* of the answer, once there is one */
	struct MHD_Response *response;
	size_t size;              /* of its body */
	struct http_wait *wait;   /* the question under way */
	http_handler_fn *again;   /* to be called at again_us */
	int64_t again_us;
	int64_t until_us;         /* a handler's own: end of its long poll */
};

struct http_request *http_request_new(struct orchestrator *orch, const char *target);
void http_request_free(struct http_request *req);

/* Its connection sleeps at the end of list, until it is woken or answered. */
void http_request_sleep(struct http_request *req, struct http_requests *list);
void http_request_wake(struct http_request *req);

/* --- answers: exactly one a request; body references are taken over --- */

void http_reply_json(struct http_request *req, unsigned status, json_t *body);
/* The same of JSON that was written already; takes the text over. */
void http_reply_written(struct http_request *req, unsigned status, struct buf *json);
void http_reply_text(struct http_request *req, const char *type, struct buf *text);

/* {"error":{code, message, details}}; the word for code follows from status. */
void http_reply_error(struct http_request *req, unsigned status, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* status from err->code; details: taken over, may be NULL */
void http_reply_err(struct http_request *req, const struct err *err, json_t *details);

void http_reply_header(struct http_request *req, const char *name, const char *value);

/* --- later answers --- */

typedef void http_reply_fn(struct http_request *req, json_t *body, const struct err *err);

/*
 * The arg to give the daemon beside http_wait_reply: fn is called with what it
 * answers (body is fn's to drop), unless the request was answered before.
 */
void *http_wait(struct http_request *req, http_reply_fn *fn);
void http_wait_reply(void *arg, json_t *body, const struct err *err);
/*
 * For a callback of another shape (http_wait()'s fn is NULL): the request that waits, once;
 * NULL: it was answered already.
 */
struct http_request *http_wait_end(void *arg);

/* The usual fn: 200 and the body, or the error. */
void http_reply_answer(struct http_request *req, json_t *body, const struct err *err);

/* Calls fn(req) after delay_ms. */
void http_again(struct http_request *req, int64_t delay_ms, http_handler_fn *fn);

/* --- what the caller gave --- */

const char *http_query(const struct http_request *req, const char *key);
/* Integer in [min, max]; absent leaves *ret as it is. */
int http_query_i64(const struct http_request *req, const char *key, int64_t min, int64_t max,
    int64_t *ret, struct err *err);
/* Duration up to max_ms; absent leaves *ret as it is. */
int http_query_ms(const struct http_request *req, const char *key, int64_t max_ms,
    int64_t *ret, struct err *err);
/* The body as strict JSON (duplicate keys refused); a new reference, or NULL. */
json_t *http_body_json(const struct http_request *req, struct err *err);
const char *http_header(const struct http_request *req, const char *name);

#endif
