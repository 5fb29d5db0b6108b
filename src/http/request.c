/* SPDX-License-Identifier: MIT */
/* Carries one request to its one answer, now or later. */
#include "http/request.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"

struct http_wait {
	struct http_request *req; /* NULL: answered without it */
	http_reply_fn *fn;
};

struct http_request *
http_request_new(struct orchestrator *orch, const char *target)
{
	struct http_request *req = xcalloc(1, sizeof *req);

	req->orch = orch;
	(void)http_uri_parse(&req->uri, target, &req->uri_err);
	return req;
}

void
http_request_free(struct http_request *req)
{
	if (!req)
		return;
	if (req->wait)
		req->wait->req = NULL;
	if (req->response)
		MHD_destroy_response(req->response);
	buf_release(&req->body);
	http_uri_release(&req->uri);
	free(req);
}

/* --- answers --- */

static const struct {
	unsigned status;
	const char *code;
} error_codes[] = {
	{ 400, "invalid" },
	{ 401, "unauthorized" },
	{ 403, "forbidden" },
	{ 404, "not_found" },
	{ 405, "method_not_allowed" },
	{ 409, "conflict" },
	{ 413, "too_large" },
	{ 415, "unsupported_media_type" },
	{ 422, "invalid" },
	{ 429, "shed" },
	{ 500, "internal" },
	{ 503, "unavailable" },
};

static const char *
error_code(unsigned status)
{
	for (size_t i = 0; i < ARRAY_LEN(error_codes); i++) {
		if (error_codes[i].status == status)
			return error_codes[i].code;
	}
	return "internal";
}

static const struct {
	int code;
	unsigned status;
} err_statuses[] = {
	{ ERR_INVALID, 422 },
	{ ERR_NOT_FOUND, 404 },
	{ ERR_CONFLICT, 409 },
	{ ERR_UNAVAILABLE, 503 },
	{ ERR_UNREACHABLE, 503 },
	{ ERR_DENIED, 403 },
	{ ERR_LIMIT, 413 },
	{ ERR_SHED, 429 },
};

static unsigned
err_status(int code)
{
	for (size_t i = 0; i < ARRAY_LEN(err_statuses); i++) {
		if (err_statuses[i].code == code)
			return err_statuses[i].status;
	}
	return 500;
}

void
http_reply_header(struct http_request *req, const char *name, const char *value)
{
	(void)MHD_add_response_header(req->response, name, value);
}

void
http_request_sleep(struct http_request *req, struct http_requests *list)
{
	req->list = list;
	TAILQ_INSERT_TAIL(list, req, link);
	MHD_suspend_connection(req->mhd);
}

void
http_request_wake(struct http_request *req)
{
	TAILQ_REMOVE(req->list, req, link);
	req->list = NULL;
	MHD_resume_connection(req->mhd);
	if (req->wake)
		loop_timer_start(req->wake, 0);
}

/* Takes text over; wakes the connection if it sleeps. */
static void
reply(struct http_request *req, unsigned status, const char *type, struct buf *text)
{
	size_t len = text->len;

	if (req->response) {
		buf_release(text);
		return;
	}
	req->response =
	    MHD_create_response_from_buffer(len, buf_steal(text), MHD_RESPMEM_MUST_FREE);
	if (!req->response)
		abort(); /* memory alone makes it fail */
	req->status = status;
	req->size = len;
	req->again = NULL;
	http_reply_header(req, "Content-Type", type);
	http_reply_header(req, "Cache-Control", "no-store");
	http_reply_header(req, "X-Content-Type-Options", "nosniff");
	if (req->read_only && facade_stale(req->orch))
		http_reply_header(req, "Reeve-Stale", "true");
	if (req->list)
		http_request_wake(req);
}

static int
add_dumped(const char *bytes, size_t len, void *arg)
{
	buf_add(arg, bytes, len);
	return 0;
}

void
http_reply_json(struct http_request *req, unsigned status, json_t *body)
{
	struct buf text = { 0 };

	if (!body || json_dump_callback(
			 body, add_dumped, &text, JSON_COMPACT | JSON_ENCODE_ANY) != 0) {
		buf_clear(&text);
		buf_adds(&text, "{\"error\":{\"code\":\"internal\",\"message\":"
				"\"the answer is not JSON\",\"details\":null}}");
		status = 500;
	}
	json_decref(body);
	http_reply_written(req, status, &text);
}

void
http_reply_written(struct http_request *req, unsigned status, struct buf *json)
{
	buf_addc(json, '\n');
	reply(req, status, "application/json", json);
}

void
http_reply_text(struct http_request *req, const char *type, struct buf *text)
{
	reply(req, 200, type, text);
}

/* Seconds after which to ask again, rounded up; 0: that would not help. */
static unsigned
retry_after(unsigned status, const json_t *details)
{
	json_int_t ms = json_integer_value(json_object_get(details, "retry_after_ms"));

	if (status != 429 && status != 503)
		return 0;
	return ms > 0 ? (unsigned)((ms + 999) / 1000) : 1;
}

static void
reply_error(
    struct http_request *req, unsigned status, const char *message, json_t *details)
{
	unsigned wait_s = retry_after(status, details);
	char seconds[16];
	json_t *text = json_string(message);

	if (!text)
		text = json_string("the fault is not UTF-8");
	http_reply_json(req, status,
	    json_pack("{s:{s:s, s:o, s:o}}", "error", "code", error_code(status),
		"message", text, "details", details ? details : json_null()));
	if (status == 401)
		http_reply_header(req, "WWW-Authenticate", "Bearer realm=\"reeve\"");
	if (wait_s > 0) {
		(void)snprintf(seconds, sizeof seconds, "%u", wait_s);
		http_reply_header(req, "Retry-After", seconds);
	}
}

void
http_reply_error(struct http_request *req, unsigned status, const char *fmt, ...)
{
	struct buf text = { 0 };
	va_list args;

	va_start(args, fmt);
	buf_vprintf(&text, fmt, args);
	va_end(args);
	reply_error(req, status, buf_text(&text), NULL);
	buf_release(&text);
}

void
http_reply_err(struct http_request *req, const struct err *err, json_t *details)
{
	reply_error(req, err_status(err->code), err->text, details);
}

/* --- later answers --- */

void *
http_wait(struct http_request *req, http_reply_fn *fn)
{
	struct http_wait *wait = xcalloc(1, sizeof *wait);

	*wait = (struct http_wait){ req, fn };
	req->wait = wait;
	return wait;
}

struct http_request *
http_wait_end(void *arg)
{
	struct http_wait *wait = arg;
	struct http_request *req = wait->req;

	free(wait);
	if (!req)
		return NULL;
	req->wait = NULL;
	return req->response ? NULL : req; /* the server answered first */
}

void
http_wait_reply(void *arg, json_t *body, const struct err *err)
{
	http_reply_fn *fn = ((struct http_wait *)arg)->fn;
	struct http_request *req = http_wait_end(arg);

	if (req)
		fn(req, body, err);
	else
		json_decref(body);
}

void
http_reply_answer(struct http_request *req, json_t *body, const struct err *err)
{
	if (err && err->code)
		http_reply_err(req, err, body);
	else
		http_reply_json(req, 200, body);
}

void
http_again(struct http_request *req, int64_t delay_ms, http_handler_fn *fn)
{
	req->again = fn;
	req->again_us = clock_mono_us() + delay_ms * CLOCK_MS;
}

/* --- what the caller gave --- */

const char *
http_query(const struct http_request *req, const char *key)
{
	return http_uri_param(&req->uri, key);
}

int
http_query_i64(const struct http_request *req, const char *key, int64_t min, int64_t max,
    int64_t *ret, struct err *err)
{
	const char *text = http_query(req, key);

	if (text && !str_to_i64(text, min, max, ret))
		return err_set(err, ERR_INVALID,
		    "%s=%s is not a number from %lld to %lld", key, text, (long long)min,
		    (long long)max);
	return 0;
}

int
http_query_ms(const struct http_request *req, const char *key, int64_t max_ms,
    int64_t *ret, struct err *err)
{
	const char *text = http_query(req, key);
	char max[DURATION_SIZE];
	int64_t ms;

	if (!text)
		return 0;
	if (!duration_parse(text, &ms) || ms > max_ms)
		return err_set(err, ERR_INVALID, "%s=%s is not a duration of at most %s",
		    key, text, duration_format(max_ms, max));
	*ret = ms;
	return 0;
}

json_t *
http_body_json(const struct http_request *req, struct err *err)
{
	json_error_t fault;
	json_t *body = json_loadb(
	    buf_text(&req->body), req->body.len, JSON_REJECT_DUPLICATES, &fault);

	if (!body)
		err_set(err, ERR_INVALID, "the body is not JSON: line %d, column %d: %s",
		    fault.line, fault.column, fault.text);
	return body;
}

const char *
http_header(const struct http_request *req, const char *name)
{
	return MHD_lookup_connection_value(req->mhd, MHD_HEADER_KIND, name);
}
