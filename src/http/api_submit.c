/* SPDX-License-Identifier: MIT */
/* Starts runs: checks the body of POST /api/v1/runs and hands it to the daemon. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"
#include "http/api.h"

#define SUBMITS_MAX 256

static const char *const fields[] = { "workflow", "source", "file", "params", "priority",
	"idempotency_key", NULL };

static const struct {
	const char *name;
	int value;
} priorities[] = { { "low", 2 }, { "normal", 5 }, { "high", 7 }, { "urgent", 9 } };

/* --- one object to one submit --- */

static int
check_fields(const json_t *item, struct err *err)
{
	const char *key;
	json_t *value;

	/* jansson's iterators want a json_t that is not const, and do not change it */
	json_object_foreach ((json_t *)(uintptr_t)item, key, value) {
		const char *const *known = fields;
		const char *near;

		while (*known && strcmp(*known, key) != 0)
			known++;
		if (*known)
			continue;
		near = str_nearest(key, fields);
		return err_set(err, ERR_INVALID, "unknown key \"%s\"%s%s%s", key,
		    near ? ": did you mean \"" : "", near ? near : "", near ? "\"?" : "");
	}
	return 0;
}

static int
get_text(const json_t *item, const char *key, const char **ret_text, struct err *err)
{
	const json_t *value = json_object_get(item, key);

	if (!value || json_is_null(value))
		return 0;
	if (!json_is_string(value))
		return err_set(err, ERR_INVALID, "\"%s\" must be a string", key);
	*ret_text = json_string_value(value);
	if (strlen(*ret_text) != json_string_length(value))
		return err_set(err, ERR_INVALID, "\"%s\" holds a NUL", key);
	return 0;
}

static int
get_priority(const json_t *item, int *ret_priority, struct err *err)
{
	const json_t *value = json_object_get(item, "priority");
	const char *name = json_string_value(value);

	if (!value || json_is_null(value))
		return 0;
	for (size_t i = 0; name && i < ARRAY_LEN(priorities); i++) {
		if (strcmp(name, priorities[i].name) == 0) {
			*ret_priority = priorities[i].value;
			return 0;
		}
	}
	if (!json_is_integer(value) || json_integer_value(value) < 0 ||
	    json_integer_value(value) > 9)
		return err_set(err, ERR_INVALID,
		    "\"priority\" must be 0 to 9, low, normal, high or urgent");
	*ret_priority = (int)json_integer_value(value);
	return 0;
}

static int
get_params(const json_t *item, const json_t **ret_params, struct err *err)
{
	const json_t *value = json_object_get(item, "params");

	if (!value || json_is_null(value))
		return 0;
	if (!json_is_object(value))
		return err_set(err, ERR_INVALID, "\"params\" must be an object");
	*ret_params = value;
	return 0;
}

static int
check_key(const char *key, struct err *err)
{
	size_t len = strlen(key);

	if (len == 0 || len > FACADE_KEY_MAX)
		return err_set(err, ERR_INVALID,
		    "an idempotency key has 1 to %d characters", FACADE_KEY_MAX);
	if (!str_is_word(key))
		return err_set(err, ERR_INVALID,
		    "an idempotency key is printable ASCII without spaces");
	return 0;
}

static int
parse_item(const json_t *item, struct facade_submit *ret_submit, struct err *err)
{
	struct facade_submit submit = { .priority = -1 };
	int rc;

	if (!json_is_object(item))
		return err_set(err, ERR_INVALID, "a run to start must be an object");
	if ((rc = check_fields(item, err)) < 0 ||
	    (rc = get_text(item, "workflow", &submit.workflow, err)) < 0 ||
	    (rc = get_text(item, "source", &submit.source, err)) < 0 ||
	    (rc = get_text(item, "file", &submit.file, err)) < 0 ||
	    (rc = get_text(item, "idempotency_key", &submit.idempotency_key, err)) < 0 ||
	    (rc = get_params(item, &submit.params, err)) < 0 ||
	    (rc = get_priority(item, &submit.priority, err)) < 0)
		return rc;
	if (!submit.workflow == !submit.source)
		return err_set(err, ERR_INVALID,
		    "give either \"workflow\" (a name) or \"source\" (YAML text)");
	if (submit.source)
		submit.source_len = strlen(submit.source);
	if (submit.idempotency_key && (rc = check_key(submit.idempotency_key, err)) < 0)
		return rc;
	*ret_submit = submit;
	return 0;
}

/* --- the body --- */

struct submission {
	struct facade_submit *submits;
	char **keys; /* those made from the header; entries may be NULL */
	size_t n;
};

static void
submission_release(struct submission *sub)
{
	for (size_t i = 0; i < sub->n; i++)
		free(sub->keys[i]);
	free(sub->keys);
	free(sub->submits);
}

/* The header's key is that of a single run, and KEY.i of run i of an array. */
static int
apply_key(
    struct submission *sub, size_t i, const char *header, bool is_array, struct err *err)
{
	if (!header)
		return 0;
	if (sub->submits[i].idempotency_key)
		return err_set(err, ERR_INVALID,
		    "give the idempotency key in the header or in the body, not in both");
	sub->keys[i] = is_array ? xasprintf("%s.%zu", header, i) : xstrdup(header);
	sub->submits[i].idempotency_key = sub->keys[i];
	return 0;
}

static int
parse_body(const struct http_request *req, const json_t *body, struct submission *sub,
    struct err *err)
{
	const char *header = http_header(req, "Idempotency-Key");
	bool is_array = json_is_array(body);
	int rc = 0;

	sub->n = is_array ? json_array_size(body) : 1;
	if (sub->n == 0 || sub->n > SUBMITS_MAX) {
		rc = err_set(err, ERR_INVALID, "an array starts 1 to %d runs, not %zu",
		    SUBMITS_MAX, sub->n);
		sub->n = 0;
		return rc;
	}
	sub->submits = xcalloc(sub->n, sizeof *sub->submits);
	sub->keys = xcalloc(sub->n, sizeof *sub->keys);
	if (header && (rc = check_key(header, err)) < 0)
		return rc;
	for (size_t i = 0; i < sub->n && rc == 0; i++) {
		rc = parse_item(
		    is_array ? json_array_get(body, i) : body, &sub->submits[i], err);
		if (rc == 0)
			rc = apply_key(sub, i, header, is_array, err);
		if (rc < 0 && is_array)
			err_prefix(err, "item %zu", i);
	}
	return rc;
}

/* --- the answer --- */

/* The request, which is to get its answer now; NULL: it has it. */
static struct http_request *
begin_reply(void *arg, json_t *details, const struct err *err)
{
	struct http_request *req = http_wait_end(arg);

	if (req && err->code) {
		http_reply_err(req, err, details);
		return NULL;
	}
	json_decref(details);
	if (req)
		http_cpu_on(req->cpu);
	return req;
}

static void
reply_array(void *arg, const struct facade_started *runs, size_t n, json_t *details,
    const struct err *err)
{
	struct http_request *req = begin_reply(arg, details, err);
	struct buf text = { 0 };

	if (!req)
		return;
	for (size_t i = 0; i < n; i++) {
		buf_addc(&text, i ? ',' : '[');
		buf_adds(&text, runs[i].json ? runs[i].json : "null");
	}
	buf_addc(&text, ']');
	http_reply_written(req, 201, &text);
	http_cpu_off(req->cpu);
}

static void
reply_one(void *arg, const struct facade_started *runs, size_t n, json_t *details,
    const struct err *err)
{
	struct http_request *req = begin_reply(arg, details, err);
	struct buf text = { 0 };
	char *location;

	(void)n;
	if (!req)
		return;
	location = xasprintf("/api/v1/runs/%s", runs[0].id);
	buf_adds(&text, runs[0].json ? runs[0].json : "null");
	http_reply_written(req, 201, &text);
	http_reply_header(req, "Location", location);
	free(location);
	http_cpu_off(req->cpu);
}

static void
start(struct http_request *req, const struct submission *sub, bool is_array)
{
	const struct facade_actor actor = { req->actor, http_role_name(req->role),
		"socket" };

	http_cpu_off(req->cpu);
	facade_submit(req->orch, sub->submits, sub->n, &actor,
	    is_array ? reply_array : reply_one, http_wait(req, NULL));
	http_cpu_on(req->cpu);
}

void
api_runs_post(struct http_request *req)
{
	struct submission sub = { 0 };
	struct err err = { 0 };
	json_t *body = http_body_json(req, &err);

	if (!body)
		http_reply_error(req, 400, "%s", err.text);
	else if (parse_body(req, body, &sub, &err) < 0)
		http_reply_error(req, 422, "%s", err.text);
	else
		start(req, &sub, json_is_array(body));
	submission_release(&sub);
	json_decref(body);
}
