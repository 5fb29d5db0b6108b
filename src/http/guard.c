/* SPDX-License-Identifier: MIT */
/* Judges a request by its head: form, Host, Origin, route, identity, body size and type.
 */
#include "http/guard.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"

/* --- Host and Origin --- */

static bool
is_our_name(const struct http_guard *guard, const char *name, size_t len)
{
	const char *const names[] = { "localhost", "127.0.0.1", "[::1]", guard->addr };

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		if (names[i] && strlen(names[i]) == len &&
		    strncasecmp(names[i], name, len) == 0)
			return true;
	}
	return false;
}

bool
http_guard_host(const struct http_guard *guard, const char *host)
{
	size_t len = *host == '[' ? strcspn(host, "]") + 1 : strcspn(host, ":");
	int64_t port;

	if (len > strlen(host) || !is_our_name(guard, host, len))
		return false;
	if (!host[len])
		return true;
	return host[len] == ':' &&
	       str_to_i64(host + len + 1, guard->port, guard->port, &port);
}

bool
http_guard_origin(const struct http_guard *guard, const char *origin)
{
	return str_starts(origin, "http://") &&
	       http_guard_host(guard, origin + strlen("http://"));
}

/* --- the head --- */

struct head {
	unsigned hosts, lengths, encodings;
	const char *host, *length, *encoding, *origin, *authorization, *type;
};

static enum MHD_Result
note_header(void *arg, enum MHD_ValueKind kind, const char *key, const char *value)
{
	struct head *head = arg;

	(void)kind;
	value = value ? value : "";
	if (strcasecmp(key, "Host") == 0) {
		head->hosts++;
		head->host = value;
	} else if (strcasecmp(key, "Content-Length") == 0) {
		head->lengths++;
		head->length = value;
	} else if (strcasecmp(key, "Transfer-Encoding") == 0) {
		head->encodings++;
		head->encoding = value;
	} else if (strcasecmp(key, "Origin") == 0) {
		head->origin = value;
	} else if (strcasecmp(key, "Authorization") == 0) {
		head->authorization = value;
	} else if (strcasecmp(key, "Content-Type") == 0) {
		head->type = value;
	}
	return MHD_YES;
}

/* Two ways to tell a body's length are how requests are smuggled past a proxy. */
static bool
check_form(struct http_request *req, const struct head *head)
{
	uint64_t length;

	if (req->uri_err.code)
		http_reply_error(req, 400, "%s", req->uri_err.text);
	else if (head->hosts != 1)
		http_reply_error(req, 400, "a request needs exactly one Host header");
	else if (head->lengths + head->encodings > 1)
		http_reply_error(req, 400,
		    "give one Content-Length or one Transfer-Encoding header, not both");
	else if (head->encoding && strcasecmp(head->encoding, "chunked") != 0)
		http_reply_error(req, 400, "the only Transfer-Encoding is chunked");
	else if (head->length && !str_to_u64(head->length, &length))
		http_reply_error(req, 400, "Content-Length is not a number");
	return !req->response;
}

static bool
check_source(
    const struct http_guard *guard, struct http_request *req, const struct head *head)
{
	if (!req->conn->local && !req->conn->loopback)
		http_reply_error(req, 403, "only this machine is served");
	else if (!req->conn->local && !http_guard_host(guard, head->host))
		http_reply_error(req, 403,
		    "Host is not a name of this server: use localhost or 127.0.0.1");
	else if (head->origin && !http_guard_origin(guard, head->origin))
		http_reply_error(
		    req, 403, "pages of other origins may not call this server");
	return !req->response;
}

/* --- the caller --- */

static bool
uid_may_operate(const struct http_guard *guard, uid_t uid)
{
	for (size_t i = 0; i < guard->n_uids; i++) {
		if (guard->uids[i] == uid)
			return true;
	}
	return false;
}

static void
identify(const struct http_guard *guard, struct http_request *req)
{
	const struct http_conn *conn = req->conn;

	if (!conn->local) {
		req->role = conn->loopback ? HTTP_ROLE_LOGS : HTTP_ROLE_NONE;
		snprintf(req->actor, sizeof req->actor, "anonymous");
		return;
	}
	snprintf(req->actor, sizeof req->actor, "uid:%lu", (unsigned long)conn->uid);
	if (!conn->uid_known)
		req->role = HTTP_ROLE_NONE;
	else if (conn->uid == 0 || conn->uid == geteuid())
		req->role = HTTP_ROLE_ADMIN;
	else
		req->role = uid_may_operate(guard, conn->uid) ? HTTP_ROLE_OPERATE
							      : HTTP_ROLE_NONE;
}

static bool
check_caller(
    const struct http_guard *guard, struct http_request *req, const struct head *head)
{
	enum http_role need = req->match.route->role;

	if (head->authorization) {
		http_reply_error(req, 401,
		    "tokens are not supported yet: leave out the Authorization header "
		    "and use "
		    "the unix socket");
		return false;
	}
	identify(guard, req);
	if (req->role >= need)
		return true;
	if (!req->conn->local)
		http_reply_error(
		    req, 401, "writes need an identity: use the unix socket");
	else
		http_reply_error(req, 403,
		    "user %s has role %s and this needs %s: run it as root or as uid "
		    "%lu, the "
		    "daemon's user",
		    req->actor + strlen("uid:"), http_role_name(req->role),
		    http_role_name(need), (unsigned long)geteuid());
	return false;
}

/* --- route, query and body --- */

static bool
find_route(struct http_request *req, const char *method)
{
	struct buf allow = { 0 };
	int rc = http_route_find(method, &req->uri, &req->match, &allow);

	if (rc == ERR_NOT_FOUND) {
		http_reply_error(req, 404, "there is nothing at this path");
	} else if (rc < 0) {
		http_reply_error(req, 405, "this path takes %s", buf_text(&allow));
		http_reply_header(req, "Allow", buf_text(&allow));
	} else {
		req->read_only = strcmp(req->match.route->method, "GET") == 0;
	}
	buf_release(&allow);
	return rc == 0;
}

static void
reply_unknown_param(struct http_request *req, const char *key)
{
	const char *const *known = req->match.route->query;
	const char *near = known ? str_nearest(key, known) : NULL;
	struct buf list = { 0 };

	for (; known && *known; known++)
		buf_printf(&list, "%s%s", list.len ? ", " : "", *known);
	if (near)
		http_reply_error(req, 400,
		    "unknown query parameter \"%s\": did you mean \"%s\"?", key, near);
	else
		http_reply_error(req, 400,
		    "unknown query parameter \"%s\": this path takes %s", key,
		    list.len ? buf_text(&list) : "none");
	buf_release(&list);
}

static bool
check_query(struct http_request *req)
{
	for (size_t i = 0; i < req->uri.n_params; i++) {
		const char *const *known = req->match.route->query;

		while (known && *known && strcmp(*known, req->uri.params[i].key) != 0)
			known++;
		if (!known || !*known) {
			reply_unknown_param(req, req->uri.params[i].key);
			return false;
		}
	}
	return true;
}

static bool
is_json_type(const char *type)
{
	static const char json[] = "application/json";
	size_t len = sizeof json - 1;

	return type && strncasecmp(type, json, len) == 0 &&
	       (!type[len] || type[len] == ';' || type[len] == ' ');
}

static bool
check_body(struct http_request *req, const struct head *head)
{
	size_t max = req->match.route->max_body;
	uint64_t length = 0;

	if (head->length)
		(void)str_to_u64(head->length, &length);
	if (max == 0 && (length > 0 || head->encoding))
		http_reply_error(req, 400, "this request takes no body");
	else if (length > max)
		http_reply_error(req, 413, "the body may have at most %zu bytes", max);
	else if (max > 0 && !is_json_type(head->type))
		http_reply_error(
		    req, 415, "send the body as Content-Type: application/json");
	return !req->response;
}

bool
http_guard_admit(
    const struct http_guard *guard, struct http_request *req, const char *method)
{
	struct head head = { 0 };

	MHD_get_connection_values(req->mhd, MHD_HEADER_KIND, note_header, &head);
	return check_form(req, &head) && check_source(guard, req, &head) &&
	       find_route(req, method) && check_caller(guard, req, &head) &&
	       check_query(req) && check_body(req, &head);
}
