/* SPDX-License-Identifier: MIT */
/* The project's Lua scripts, written again for the fake Redis. */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "fake_private.h"

typedef redisReply *script_fn(struct fake_redis *redis, const struct cmd *keys,
    const struct cmd *args);

/* --- helpers --------------------------------------------------------------------- */

static struct cmd
slice(const struct cmd *cmd, int from, int argc)
{
	return (struct cmd){ argc, cmd->argv + from, cmd->lens + from };
}

static const char *
type_at(struct fake_redis *redis, const struct cmd *cmd, int i)
{
	return object_type(object_find(redis, cmd->argv[i], cmd->lens[i]));
}

/* Missing, or of that type. */
static bool
is_type(struct fake_redis *redis, const struct cmd *cmd, int i, const char *type)
{
	const char *found = type_at(redis, cmd, i);

	return strcmp(found, "none") == 0 || strcmp(found, type) == 0;
}

static redisReply *
call(struct fake_redis *redis, ...)
{
	const char *argv[24];
	size_t lens[24];
	struct cmd cmd = { 0, argv, lens };
	va_list ap;

	va_start(ap, redis);
	while (cmd.argc < 24 && (argv[cmd.argc] = va_arg(ap, const char *)) != NULL) {
		lens[cmd.argc] = strlen(argv[cmd.argc]);
		cmd.argc++;
	}
	va_end(ap);
	return fake_execute(redis, &cmd);
}

static void
quiet(redisReply *reply)
{
	freeReplyObject(reply);
}

/* A string at a key or in a hash, as a new text; "" when there is none. */
static char *
text_of(redisReply *reply)
{
	char *text = xstrdup(reply->type == REDIS_REPLY_STRING ? reply->str : "");

	freeReplyObject(reply);
	return text;
}

static redisReply *
answer(const char *a, const char *b, const char *c)
{
	redisReply *reply = fake_array();

	fake_push(reply, fake_text(a));
	if (b)
		fake_push(reply, fake_text(b));
	if (c)
		fake_push(reply, fake_text(c));
	return reply;
}

/* nonce:seq:home, taken apart in place; false when it is not that. */
struct fence {
	char *text;
	char *nonce, *seq, *home;
};

static bool
fence_read(struct fake_redis *redis, const char *key, struct fence *ret)
{
	char *colon, *second;

	ret->text = text_of(call(redis, "GET", key, NULL));
	ret->nonce = xstrdup(ret->text);
	ret->seq = ret->home = NULL;
	colon = strchr(ret->nonce, ':');
	second = colon ? strchr(colon + 1, ':') : NULL;
	if (!second || second == colon + 1 ||
	    strspn(colon + 1, "0123456789") != (size_t)(second - colon - 1))
		return false;
	*colon = *second = '\0';
	ret->seq = colon + 1;
	ret->home = second + 1;
	return true;
}

static void
fence_release(struct fence *fence)
{
	free(fence->text);
	free(fence->nonce);
}

static void
fence_write(struct fake_redis *redis, const char *key, const char *nonce, const char *seq,
    const char *home)
{
	char *text = xasprintf("%s:%s:%s", nonce, seq, home);

	quiet(call(redis, "SET", key, text, NULL));
	free(text);
}

/* --- commit ------------------------------------------------------------------------ */

struct added {
	const char *key;
	char id[STREAM_ID_SIZE];
};

struct commit_run {
	struct fake_redis *redis;
	const struct cmd *args;
	int at;
	redisReply *ids;
	struct added *added;
	size_t n_added, cap_added;
};

static long long
take_number(struct commit_run *run)
{
	return cmd_int(run->args, run->at++);
}

static redisReply *
check_types(struct commit_run *run)
{
	for (long long n = take_number(run); n > 0; n--, run->at += 2) {
		if (!is_type(run->redis, run->args, run->at, run->args->argv[run->at + 1]))
			return answer("BADKEY", run->args->argv[run->at],
			    type_at(run->redis, run->args, run->at));
	}
	return NULL;
}

static void
make_groups(struct commit_run *run)
{
	for (long long n = take_number(run); n > 0; n--, run->at += 2)
		quiet(call(run->redis, "XGROUP", "CREATE", run->args->argv[run->at],
		    run->args->argv[run->at + 1], "0", "MKSTREAM", NULL));
}

static redisReply *
undo_adds(struct commit_run *run, const char *key, redisReply *error)
{
	redisReply *reply = answer("XADD", key, error->str);

	for (size_t i = 0; i < run->n_added; i++)
		quiet(call(run->redis, "XDEL", run->added[i].key, run->added[i].id, NULL));
	freeReplyObject(error);
	return reply;
}

/* One entry: names stand once before all values. */
static redisReply *
add_one(struct commit_run *run, int key, int names, int n)
{
	const char *argv[3 + 64] = { "XADD", run->args->argv[key], "*" };
	size_t lens[3 + 64] = { 4, run->args->lens[key], 1 };
	const struct cmd cmd = { 3 + 2 * n, argv, lens };
	redisReply *reply;

	for (int f = 0; f < n; f++) {
		argv[3 + 2 * f] = run->args->argv[names + f];
		lens[3 + 2 * f] = run->args->lens[names + f];
		argv[4 + 2 * f] = run->args->argv[run->at + f];
		lens[4 + 2 * f] = run->args->lens[run->at + f];
	}
	run->at += n;
	reply = fake_execute(run->redis, &cmd);
	if (reply->type == REDIS_REPLY_ERROR)
		return undo_adds(run, run->args->argv[key], reply);
	GROW(run->added, run->n_added, run->cap_added);
	run->added[run->n_added].key = run->args->argv[key];
	memcpy(run->added[run->n_added++].id, reply->str, reply->len + 1);
	fake_push(run->ids, reply);
	return NULL;
}

static redisReply *
add_entries(struct commit_run *run)
{
	for (long long n = take_number(run); n > 0; n--) {
		int key = run->at++;
		int fields = (int)take_number(run), names = run->at;
		long long entries;

		run->at += fields;
		entries = take_number(run);
		for (; entries > 0; entries--) {
			redisReply *fault = add_one(run, key, names, fields);

			if (fault)
				return fault;
		}
	}
	return NULL;
}

static redisReply *
run_rest(struct commit_run *run)
{
	for (long long n = take_number(run); n > 0; n--) {
		int argc = (int)take_number(run);
		const struct cmd cmd = slice(run->args, run->at, argc);
		redisReply *reply = fake_execute(run->redis, &cmd);

		run->at += argc;
		if (reply->type == REDIS_REPLY_ERROR)
			return reply;
		freeReplyObject(reply);
	}
	return NULL;
}

static redisReply *
script_commit(struct fake_redis *redis, const struct cmd *keys, const struct cmd *args)
{
	struct commit_run run = { .redis = redis, .args = args, .at = 4 };
	struct fence fence;
	redisReply *fault;

	if (!fence_read(redis, keys->argv[0], &fence) || strcmp(fence.nonce, args->argv[0]) != 0) {
		fault = answer("FENCED", fence.text, NULL);
	} else if (strcmp(fence.seq, args->argv[1]) != 0) {
		fault = answer("SEQ", fence.seq, NULL);
	} else if ((fault = check_types(&run)) == NULL) {
		run.ids = answer("OK", NULL, NULL);
		make_groups(&run);
		fault = add_entries(&run);
		if (!fault)
			fault = run_rest(&run);
	}
	if (fault) {
		freeReplyObject(run.ids);
	} else {
		if (args->lens[3] > 0)
			quiet(call(redis, "SET", keys->argv[1], args->argv[3], NULL));
		fence_write(redis, keys->argv[0], args->argv[0], args->argv[2], fence.home);
	}
	fence_release(&fence);
	free(run.added);
	return fault ? fault : run.ids;
}

/* --- ownership ---------------------------------------------------------------------- */

static const char *
how_owned(struct fake_redis *redis, const struct cmd *keys, const struct cmd *args,
    const struct fence *fence)
{
	const char *how = NULL;
	char *beat;

	for (int i = 7; i < args->argc; i++) {
		if (strcmp(fence->nonce, args->argv[i]) == 0)
			return "renewed";
	}
	if (strcmp(fence->nonce, "free") == 0)
		return "free";
	if (strcmp(fence->home, args->argv[1]) == 0)
		return "home";
	beat = text_of(call(redis, "GET", keys->argv[2], NULL));
	if (strcmp(fence->text, args->argv[5]) == 0 && strcmp(beat, args->argv[6]) == 0)
		how = "taken";
	free(beat);
	return how;
}

static redisReply *
owned(struct fake_redis *redis, const struct cmd *keys, const struct cmd *args,
    const char *how, const char *seq)
{
	redisReply *reply = answer("OK", how, seq);
	char *nonce = text_of(call(redis, "HGET", keys->argv[1], "nonce", NULL));

	if (!nonce[0])
		quiet(call(redis, "HSET", keys->argv[1], "schema", "1", "min_reader", "1",
		    "partitions", args->argv[2], "nonce", args->argv[3], "created_at",
		    args->argv[4], NULL));
	free(nonce);
	fake_push(reply, call(redis, "HGET", keys->argv[1], "nonce", NULL));
	fake_push(reply, call(redis, "HGET", keys->argv[1], "partitions", NULL));
	fence_write(redis, keys->argv[0], args->argv[0], seq, args->argv[1]);
	return reply;
}

static redisReply *
script_fence(struct fake_redis *redis, const struct cmd *keys, const struct cmd *args)
{
	char *min_reader = text_of(call(redis, "HGET", keys->argv[1], "min_reader", NULL));
	bool newer = strtod(min_reader, NULL) > 1;
	struct fence fence;
	redisReply *reply;
	const char *how;
	char *text;
	bool good;

	free(min_reader);
	if (newer) {
		text = text_of(call(redis, "HGET", keys->argv[1], "schema", NULL));
		reply = answer("NEWER", text, NULL);
		free(text);
		return reply;
	}
	good = fence_read(redis, keys->argv[0], &fence);
	if (!good && !fence.text[0] && strcmp(type_at(redis, keys, 0), "none") == 0) {
		reply = owned(redis, keys, args, "new", "0");
	} else if (!good) {
		reply = answer("BADFENCE", fence.text, NULL);
	} else if ((how = how_owned(redis, keys, args, &fence)) != NULL) {
		reply = owned(redis, keys, args, how, fence.seq);
	} else {
		text = text_of(call(redis, "GET", keys->argv[2], NULL));
		reply = answer("HELD", fence.text, text);
		free(text);
	}
	fence_release(&fence);
	return reply;
}

static redisReply *
script_ownbeat(struct fake_redis *redis, const struct cmd *keys, const struct cmd *args)
{
	struct object *done = object_find(redis, keys->argv[3], keys->lens[3]);
	struct stream_id last = { 0 };
	struct fence fence;
	redisReply *reply;
	char *meta;

	if (!fence_read(redis, keys->argv[0], &fence) || strcmp(fence.nonce, args->argv[0]) != 0) {
		reply = answer("FENCED", fence.text, NULL);
	} else {
		if (done && done->kind == KIND_STREAM)
			last = done->stream.last;
		meta = text_of(call(redis, "HGET", keys->argv[2], "nonce", NULL));
		reply = answer("OK", NULL, NULL);
		fake_push(reply, call(redis, "INCR", keys->argv[1], NULL));
		fake_push(reply, fake_text(meta));
		fake_push(reply, fake_id(last));
		free(meta);
	}
	fence_release(&fence);
	return reply;
}

static redisReply *
script_release(struct fake_redis *redis, const struct cmd *keys, const struct cmd *args)
{
	struct fence fence;
	redisReply *reply;

	if (!fence_read(redis, keys->argv[0], &fence) || strcmp(fence.nonce, args->argv[0]) != 0) {
		reply = answer("FENCED", fence.text, NULL);
	} else {
		fence_write(redis, keys->argv[0], "free", fence.seq, fence.home);
		reply = answer("OK", NULL, NULL);
	}
	fence_release(&fence);
	return reply;
}

static redisReply *
script_peek(struct fake_redis *redis, const struct cmd *keys, const struct cmd *args)
{
	char *from = xasprintf("(%s", args->argv[0]);
	redisReply *found = call(redis, "XRANGE", keys->argv[0], from, "+", "COUNT", "1", NULL);
	redisReply *reply = fake_array();
	long long bytes = 0;

	if (found->type == REDIS_REPLY_ERROR) {
		freeReplyObject(reply);
		free(from);
		return found;
	}
	if (found->elements > 0) {
		const redisReply *fields = found->element[0]->element[1];

		for (size_t i = 0; i < fields->elements; i++)
			bytes += (long long)fields->element[i]->len;
		fake_push(reply, fake_text(found->element[0]->element[0]->str));
		fake_push(reply, fake_int(bytes));
	}
	freeReplyObject(found);
	free(from);
	return reply;
}

/* --- leases ------------------------------------------------------------------------- */

static redisReply *
reap_all(struct fake_redis *redis, const struct cmd *keys, const struct cmd *args)
{
	redisReply *reply = answer("OK", NULL, NULL);

	for (int i = 4; i < args->argc; i++) {
		redisReply *pending = call(redis, "XPENDING", keys->argv[2], args->argv[1],
		    args->argv[i], args->argv[i], "1", NULL);
		bool mine, broken = pending->type == REDIS_REPLY_ERROR;

		mine = !broken && pending->elements == 1 &&
		    strcmp(pending->element[0]->element[1]->str, args->argv[2]) == 0;
		freeReplyObject(pending);
		if (broken) {
			freeReplyObject(reply);
			return answer("BROKEN", NULL, NULL);
		}
		if (mine)
			quiet(call(redis, "XCLAIM", keys->argv[2], args->argv[1], "reeve", "0",
			    args->argv[i], "JUSTID", NULL));
		fake_push(reply, fake_text(mine ? "REAPED" : "GONE"));
	}
	return reply;
}

static redisReply *
script_reap(struct fake_redis *redis, const struct cmd *keys, const struct cmd *args)
{
	redisReply *beats = call(redis, "HGET", keys->argv[1], args->argv[2], NULL);
	struct fence fence;
	redisReply *reply;

	if (!fence_read(redis, keys->argv[0], &fence) || strcmp(fence.nonce, args->argv[0]) != 0)
		reply = answer("FENCED", fence.text, NULL);
	else if (beats->type == REDIS_REPLY_ERROR)
		reply = answer("BROKEN", NULL, NULL);
	else if (strcmp(beats->str ? beats->str : "", args->argv[3]) != 0)
		reply = answer("ALIVE", NULL, NULL);
	else
		reply = reap_all(redis, keys, args);
	fence_release(&fence);
	freeReplyObject(beats);
	return reply;
}

static redisReply *
script_regroup(struct fake_redis *redis, const struct cmd *keys, const struct cmd *args)
{
	struct fence fence;
	redisReply *made, *reply;
	bool owner = fence_read(redis, keys->argv[0], &fence) &&
	    strcmp(fence.nonce, args->argv[0]) == 0;

	reply = owner ? NULL : answer("FENCED", fence.text, NULL);
	fence_release(&fence);
	if (reply)
		return reply;
	made = call(redis, "XGROUP", "CREATE", keys->argv[1], args->argv[1], "$", "MKSTREAM", NULL);
	if (made->type == REDIS_REPLY_ERROR && strncmp(made->str, "BUSYGROUP", 9) != 0) {
		reply = answer("BROKEN", made->str, NULL);
		freeReplyObject(made);
		return reply;
	}
	freeReplyObject(made);
	for (int i = 2; i + 1 < args->argc; i += 2)
		quiet(call(redis, "XCLAIM", keys->argv[1], args->argv[1], args->argv[i], "0",
		    args->argv[i + 1], "FORCE", "JUSTID", NULL));
	return answer("OK", NULL, NULL);
}

/* --- agents ----------------------------------------------------------------------------- */

/* The entry is pending for that agent and holds the token. */
static bool
held(struct fake_redis *redis, const char *stream, const char *group, const char *entry,
    const char *id, const char *token)
{
	redisReply *pending =
	    call(redis, "XPENDING", stream, group, entry, entry, "1", NULL);
	redisReply *found = call(redis, "XRANGE", stream, entry, entry, NULL);
	struct reply_text value;
	bool is = pending->type == REDIS_REPLY_ARRAY && pending->elements > 0 &&
	    strcmp(pending->element[0]->element[1]->str, id) == 0 &&
	    found->type == REDIS_REPLY_ARRAY && found->elements > 0 &&
	    reply_get(found->element[0]->element[1], "token", &value) &&
	    strcmp(value.text, token) == 0;

	freeReplyObject(pending);
	freeReplyObject(found);
	return is;
}

static redisReply *
script_report(struct fake_redis *redis, const struct cmd *keys, const struct cmd *args)
{
	const char *head[3] = { "XADD", keys->argv[0], "*" };
	const size_t head_lens[3] = { 4, keys->lens[0], 1 };
	int n = args->argc - 4;
	const char **argv;
	size_t *lens;
	struct cmd cmd;
	redisReply *added;
	bool mine, failed;

	if (!is_type(redis, keys, 0, "stream"))
		return fake_text("BROKEN");
	mine = held(redis, keys->argv[1], args->argv[0], args->argv[1], args->argv[2],
	    args->argv[3]);
	argv = xcalloc((size_t)n + 3, sizeof *argv);
	lens = xcalloc((size_t)n + 3, sizeof *lens);
	memcpy(argv, head, sizeof head);
	memcpy(lens, head_lens, sizeof head_lens);
	memcpy(argv + 3, args->argv + 4, (size_t)n * sizeof *argv);
	memcpy(lens + 3, args->lens + 4, (size_t)n * sizeof *lens);
	cmd = (struct cmd){ n + 3, argv, lens };
	added = fake_execute(redis, &cmd);
	failed = added->type == REDIS_REPLY_ERROR;
	freeReplyObject(added);
	free(argv);
	free(lens);
	return fake_text(failed ? "BROKEN" : mine ? "OK" : "LOST");
}

/* Arguments of the beat script: three, then seven for each attempt. */
enum { BEAT_HEAD = 3, BEAT_WIDTH = 7 };
enum { BEAT_GROUP, BEAT_ENTRY, BEAT_TOKEN, BEAT_FIRST, BEAT_RUN, BEAT_TASK, BEAT_ATTEMPT };

static void
beat_answers(struct fake_redis *redis, const struct cmd *keys, const struct cmd *args,
    redisReply *reply)
{
	for (int k = 4; k < keys->argc; k++) {
		const char *const *at = args->argv + BEAT_HEAD + (k - 4) * BEAT_WIDTH;
		redisReply *is = call(redis, "SISMEMBER", keys->argv[2], at[BEAT_TOKEN], NULL);
		const char *said = is->integer ? "CANCEL" : "OK";

		freeReplyObject(is);
		if (!held(redis, keys->argv[k], at[BEAT_GROUP], at[BEAT_ENTRY], args->argv[0],
			at[BEAT_TOKEN]))
			said = "LOST";
		fake_push(reply, fake_text(said));
	}
}

static redisReply *
script_beat(struct fake_redis *redis, const struct cmd *keys, const struct cmd *args)
{
	redisReply *reply;
	char *current;
	bool other;

	if (!is_type(redis, keys, 0, "hash") || !is_type(redis, keys, 1, "hash") ||
	    !is_type(redis, keys, 2, "set") || !is_type(redis, keys, 3, "stream"))
		return answer("BROKEN", NULL, NULL);
	current = text_of(call(redis, "HGET", keys->argv[0], "instance", NULL));
	other = strcmp(current, args->argv[1]) != 0;
	reply = !current[0] ? answer("NOCARD", NULL, NULL)
	    : other         ? answer("OTHER", NULL, NULL)
	                    : answer("OK", NULL, NULL);
	free(current);
	if (other)
		return reply;
	beat_answers(redis, keys, args, reply);
	quiet(call(redis, "HINCRBY", keys->argv[1], args->argv[0], "1", NULL));
	quiet(call(redis, "HSET", keys->argv[0], "seen_at", args->argv[2], NULL));
	for (int k = 4; k < keys->argc; k++) {
		const char *const *at = args->argv + BEAT_HEAD + (k - 4) * BEAT_WIDTH;

		if (strcmp(at[BEAT_FIRST], "1") == 0 &&
		    strcmp(reply->element[k - 3]->str, "OK") == 0)
			quiet(call(redis, "XADD", keys->argv[3], "*", "run", at[BEAT_RUN], "task",
			    at[BEAT_TASK], "token", at[BEAT_TOKEN], "status", "started", "attempt",
			    at[BEAT_ATTEMPT], "agent", args->argv[0], NULL));
	}
	return reply;
}

/* --- the table -------------------------------------------------------------------------- */

redisReply *
fake_script(struct fake_redis *redis, const char *name, const struct cmd *cmd, int nkeys)
{
	static const struct {
		const char *name;
		script_fn *fn;
	} scripts[] = {
		{ "commit", script_commit },
		{ "fence", script_fence },
		{ "ownbeat", script_ownbeat },
		{ "release", script_release },
		{ "peek", script_peek },
		{ "reap", script_reap },
		{ "regroup", script_regroup },
		{ "beat", script_beat },
		{ "report", script_report },
	};
	const struct cmd keys = slice(cmd, 0, nkeys), args = slice(cmd, nkeys, cmd->argc - nkeys);

	for (size_t i = 0; i < ARRAY_LEN(scripts); i++) {
		if (strcmp(scripts[i].name, name) == 0)
			return scripts[i].fn(redis, &keys, &args);
	}
	return fake_error("ERR the fake does not know this script");
}
