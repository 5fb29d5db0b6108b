/* SPDX-License-Identifier: MIT */
/* Answers about dead letters, and drops them. */
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "http/api.h"

#define LETTERS_DEFAULT 50
#define LETTERS_MAX 1000

/* A time before which a letter failed: older than a duration, or than a time. */
static int
read_age(const char *text, const char *name, int64_t *ret_ms, struct err *err)
{
	int64_t ms;

	if (!text || rfc3339_parse(text, ret_ms))
		return 0;
	if (!duration_parse(text, &ms))
		return err_set(err, ERR_INVALID,
		    "%s=%s is neither a time (2026-11-21T03:34:13Z) nor a duration (12h)", name,
		    text);
	*ret_ms = clock_wall_ms() - ms;
	return 0;
}

/* The group of a path with one counts as type. */
static int
query_filter(const struct http_request *req, struct facade_letter_filter *ret_filter,
    struct err *err)
{
	int64_t limit = LETTERS_DEFAULT;
	struct facade_letter_filter filter = { .type = http_query(req, "type"),
		.category = http_query(req, "category"), .workflow = http_query(req, "workflow"),
		.run = http_query(req, "run"), .state = http_query(req, "state"),
		.cursor = http_query(req, "cursor") };

	if (read_age(http_query(req, "since"), "since", &filter.since_ms, err) < 0 ||
	    read_age(http_query(req, "older_than"), "older_than", &filter.before_ms, err) < 0 ||
	    http_query_i64(req, "limit", 1, LETTERS_MAX, &limit, err) < 0)
		return err->code;
	if (req->match.args[0])
		filter.type = req->match.args[0];
	filter.limit = (unsigned)limit;
	*ret_filter = filter;
	return 0;
}

typedef void ask_fn(struct orchestrator *orch, const struct facade_letter_filter *filter,
    facade_reply_fn *fn, void *arg);

static void
ask(struct http_request *req, ask_fn *fn)
{
	struct facade_letter_filter filter;
	struct err err = { 0 };

	if (query_filter(req, &filter, &err) < 0)
		http_reply_error(req, 400, "%s", err.text);
	else
		fn(req->orch, &filter, http_wait_reply, http_wait(req, http_reply_answer));
}

void
api_letters(struct http_request *req)
{
	ask(req, facade_letters);
}

void
api_letters_statistics(struct http_request *req)
{
	ask(req, facade_letters_statistics);
}

void
api_letters_analyze(struct http_request *req)
{
	ask(req, facade_letters_analyze);
}

void
api_letter(struct http_request *req)
{
	facade_letter(req->orch, req->match.args[0], http_wait_reply,
	    http_wait(req, http_reply_answer));
}

void
api_letter_delete(struct http_request *req)
{
	const struct facade_actor actor = { req->actor, http_role_name(req->role), "socket" };

	facade_letter_purge(req->orch, req->match.args[0], &actor, http_wait_reply,
	    http_wait(req, http_reply_answer));
}

/* --- bodies ------------------------------------------------------------------------------- */

/* Members of a body that name letters; false: answered with what is wrong. */
static bool
body_filter(struct http_request *req, const json_t *body,
    struct facade_letter_filter *ret_filter)
{
	struct facade_letter_filter filter = { .limit = LETTERS_MAX };
	const struct {
		const char *name, **text;
	} texts[] = { { "type", &filter.type }, { "category", &filter.category },
		{ "workflow", &filter.workflow }, { "run", &filter.run },
		{ "state", &filter.state }, { "cursor", &filter.cursor } };
	const char *since = json_string_value(json_object_get(body, "since"));
	const char *older = json_string_value(json_object_get(body, "older_than"));
	struct err err;

	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		*texts[i].text = json_string_value(json_object_get(body, texts[i].name));
	if (read_age(since, "since", &filter.since_ms, &err) < 0 ||
	    read_age(older, "older_than", &filter.before_ms, &err) < 0) {
		http_reply_error(req, 400, "%s", err.text);
		return false;
	}
	*ret_filter = filter;
	return true;
}

struct member {
	const char *name;
	json_type type;
};

/* Every member is known and of its type; false: answered with what is wrong. */
static bool
body_checked(struct http_request *req, const json_t *body, const struct member *members)
{
	const char *key;
	json_t *value;

	if (!json_is_object(body)) {
		http_reply_error(req, 400, "the body is not a JSON object");
		return false;
	}
	json_object_foreach ((json_t *)(uintptr_t)body, key, value) {
		const struct member *member = members;

		while (member->name && strcmp(member->name, key) != 0)
			member++;
		if (!member->name) {
			http_reply_error(req, 400, "unknown member \"%.64s\"", key);
			return false;
		}
		if (json_is_null(value) || json_typeof(value) == member->type ||
		    (member->type == JSON_TRUE && json_is_boolean(value)))
			continue;
		http_reply_error(req, 400, "\"%s\" is not of its type", key);
		return false;
	}
	return true;
}

#define FILTER_MEMBERS                                                                 \
	{ "type", JSON_STRING }, { "category", JSON_STRING }, { "workflow", JSON_STRING },   \
	    { "run", JSON_STRING }, { "state", JSON_STRING }, { "since", JSON_STRING },      \
	    { "older_than", JSON_STRING }, { "all", JSON_TRUE }, { "dry_run", JSON_TRUE }

/* At least one member that narrows, or "all". */
static bool
body_narrows(struct http_request *req, const json_t *body,
    const struct facade_letter_filter *filter)
{
	if (filter->type || filter->category || filter->workflow || filter->run ||
	    filter->since_ms || filter->before_ms || filter->state ||
	    json_is_true(json_object_get(body, "all")))
		return true;
	http_reply_error(req, 400,
	    "say which: type, category, workflow, run, state, since, older_than, or all: true");
	return false;
}

void
api_letters_purge(struct http_request *req)
{
	static const struct member members[] = { FILTER_MEMBERS, { NULL, JSON_NULL } };
	const struct facade_actor actor = { req->actor, http_role_name(req->role), "socket" };
	struct facade_letter_filter filter;
	struct err err = { 0 };
	json_t *body = http_body_json(req, &err);

	if (!body)
		http_reply_error(req, 400, "%s", err.text);
	else if (body_checked(req, body, members) && body_filter(req, body, &filter) &&
	    body_narrows(req, body, &filter))
		facade_letters_purge(req->orch, &filter,
		    json_is_true(json_object_get(body, "dry_run")), &actor, http_wait_reply,
		    http_wait(req, http_reply_answer));
	json_decref(body);
}
