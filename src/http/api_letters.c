/* SPDX-License-Identifier: MIT */
/* Answers about dead letters, and drops them. */
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
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
	int type; /* JSON_STRING …; JSON_TRUE stands for both truths */
};

#define ANY_TYPE (-1)

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
		if (json_is_null(value) || member->type == ANY_TYPE ||
		    (int)json_typeof(value) == member->type ||
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

/* As some clients say it: the filter in an object of its own. */
static void
spread_criteria(json_t *body)
{
	static const char *const names[][2] = { { "failure_category", "category" },
		{ "category", "category" }, { "agent_type", "type" }, { "type", "type" },
		{ "workflow", "workflow" }, { "workflow_id", "run" }, { "run", "run" } };
	json_t *criteria = json_object_get(body, "filter_criteria");

	if (!json_is_object(criteria))
		return;
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		if (!json_object_get(criteria, names[i][0]))
			continue;
		json_object_set(body, names[i][1], json_object_get(criteria, names[i][0]));
		json_object_del(criteria, names[i][0]);
	}
	if (json_object_size(criteria) == 0)
		json_object_del(body, "filter_criteria");
}

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

/* --- replay ------------------------------------------------------------------------------- */

#define REPLAY_DEFAULT 100
#define REPLAY_RATE 20

/* A number of the body in its bounds; absent leaves *ret as it is. */
static int
body_number(const json_t *body, const char *name, int64_t max, int64_t *ret, struct err *err)
{
	const json_t *value = json_object_get(body, name);

	if (!value)
		return 0;
	if (!json_is_integer(value) || json_integer_value(value) < 1 ||
	    json_integer_value(value) > max)
		return err_set(err, ERR_INVALID, "\"%s\" must be a number from 1 to %lld", name,
		    (long long)max);
	*ret = json_integer_value(value);
	return 0;
}

static int
read_boost(const struct http_request *req, const json_t *body, bool *ret, struct err *err)
{
	const char *text = http_query(req, "priority_boost");

	*ret = json_is_true(json_object_get(body, "priority_boost"));
	if (text && !str_to_bool(text, ret))
		return err_set(err, ERR_INVALID, "priority_boost=%s is neither true nor false", text);
	return 0;
}

/* An empty body is an empty object; NULL: the request was answered. */
static json_t *
optional_body(struct http_request *req, const struct member *members)
{
	struct err err = { 0 };
	json_t *body = req->body.len > 0 ? http_body_json(req, &err) : json_object();

	if (!body) {
		http_reply_error(req, 400, "%s", err.text);
		return NULL;
	}
	spread_criteria(body);
	if (body_checked(req, body, members))
		return body;
	json_decref(body);
	return NULL;
}

static void
replay_one(struct http_request *req, const char *id)
{
	static const struct member members[] = { { "priority_boost", JSON_TRUE },
		{ "dry_run", JSON_TRUE }, { "payload", ANY_TYPE }, { NULL, JSON_NULL } };
	const struct facade_actor actor = { req->actor, http_role_name(req->role), "socket" };
	struct facade_replay replay = { .rate = 1 };
	struct err err = { 0 };
	json_t *body = optional_body(req, members);

	if (!body)
		return;
	replay.payload = json_object_get(body, "payload");
	replay.dry_run = json_is_true(json_object_get(body, "dry_run"));
	if (read_boost(req, body, &replay.priority_boost, &err) < 0)
		http_reply_error(req, 400, "%s", err.text);
	else
		facade_letter_replay(req->orch, id, &replay, &actor, http_wait_reply,
		    http_wait(req, http_reply_answer));
	json_decref(body);
}

void
api_letter_replay(struct http_request *req)
{
	replay_one(req, req->match.args[0]);
}

/* The group's own letters may be named by their entry alone. */
void
api_group_letter_replay(struct http_request *req)
{
	const char *group = req->match.args[0], *id = req->match.args[1];
	static const char tail[] = "_consumers";
	size_t len = strlen(group), cut = sizeof tail - 1;
	struct buf full = { 0 };

	if (len > cut && strcmp(group + len - cut, tail) == 0)
		len -= cut;
	if (!strchr(id, ':'))
		buf_printf(&full, "%.*s:", (int)len, group);
	buf_adds(&full, id);
	replay_one(req, buf_text(&full));
	buf_release(&full);
}

static int
read_batch(const struct http_request *req, const json_t *body,
    struct facade_letter_filter *filter, struct facade_replay *replay, struct err *err)
{
	int64_t limit = REPLAY_DEFAULT, rate = REPLAY_RATE;

	if (body_number(body, "limit", LETTERS_MAX, &limit, err) < 0 ||
	    body_number(body, "max_messages", LETTERS_MAX, &limit, err) < 0 ||
	    body_number(body, "rate", LETTERS_MAX, &rate, err) < 0 ||
	    read_boost(req, body, &replay->priority_boost, err) < 0)
		return err->code;
	filter->limit = (unsigned)limit;
	replay->rate = (unsigned)rate;
	replay->dry_run = json_is_true(json_object_get(body, "dry_run"));
	if (req->match.args[0])
		filter->type = req->match.args[0];
	return 0;
}

void
api_letters_replay(struct http_request *req)
{
	static const struct member members[] = { FILTER_MEMBERS, { "cursor", JSON_STRING },
		{ "limit", JSON_INTEGER }, { "max_messages", JSON_INTEGER },
		{ "rate", JSON_INTEGER }, { "priority_boost", JSON_TRUE }, { NULL, JSON_NULL } };
	const struct facade_actor actor = { req->actor, http_role_name(req->role), "socket" };
	struct facade_letter_filter filter;
	struct facade_replay replay = { 0 };
	struct err err = { 0 };
	json_t *body = optional_body(req, members);

	if (body && body_filter(req, body, &filter)) {
		if (read_batch(req, body, &filter, &replay, &err) < 0)
			http_reply_error(req, 400, "%s", err.text);
		else if (body_narrows(req, body, &filter))
			facade_letters_replay(req->orch, &filter, &replay, &actor, http_wait_reply,
			    http_wait(req, http_reply_answer));
	}
	json_decref(body);
}
