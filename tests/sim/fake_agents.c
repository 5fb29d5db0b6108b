/* SPDX-License-Identifier: MIT */
/* The scripts that agents call, written again for the fake Redis. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "fake_private.h"

/* --- agents ----------------------------------------------------------------------------- */

/* A group that has not delivered the entry yet; false: there is no group. */
static bool
waits_for_delivery(struct fake_redis *redis, const char *stream, const char *group,
    const char *entry)
{
	redisReply *groups = lua_pcall(redis, "XINFO", "GROUPS", stream, NULL);
	struct stream_id id, delivered;
	struct reply_text name, last;
	bool waits = false;

	for (size_t i = 0; groups->type == REDIS_REPLY_ARRAY && i < groups->elements; i++)
		if (reply_get(groups->element[i], "name", &name) && strcmp(name.text, group) == 0 &&
		    reply_get(groups->element[i], "last-delivered-id", &last) &&
		    stream_id_parse(last.text, last.len, &delivered) &&
		    stream_id_parse(entry, strlen(entry), &id))
			waits = stream_id_cmp(id, delivered) > 0;
	freeReplyObject(groups);
	return waits;
}

/* Who has the entry with that token: OK it is that agent, UNOWNED nobody, LOST another. */
static const char *
holding(struct fake_redis *redis, const char *stream, const char *group, const char *entry,
    const char *id, const char *token)
{
	redisReply *pending =
	    lua_pcall(redis, "XPENDING", stream, group, entry, entry, "1", NULL);
	redisReply *found = lua_pcall(redis, "XRANGE", stream, entry, entry, NULL);
	struct reply_text value;
	bool ungrouped = pending->type == REDIS_REPLY_ERROR &&
	    strncmp(pending->str, "NOGROUP", 7) == 0;
	bool nobodys = ungrouped || (pending->type == REDIS_REPLY_ARRAY && pending->elements == 0);
	bool mine = pending->type == REDIS_REPLY_ARRAY && pending->elements > 0 &&
	    strcmp(pending->element[0]->element[1]->str, id) == 0;
	bool there = found->type == REDIS_REPLY_ARRAY && found->elements > 0 &&
	    reply_get(found->element[0]->element[1], "token", &value) &&
	    strcmp(value.text, token) == 0;

	freeReplyObject(pending);
	freeReplyObject(found);
	if (there && mine)
		return "OK";
	if (there && nobodys && !waits_for_delivery(redis, stream, group, entry))
		return "UNOWNED";
	return "LOST";
}

redisReply *
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

	if (!lua_is_type(redis, keys, 0, "stream"))
		return fake_text("BROKEN");
	mine = strcmp(holding(redis, keys->argv[1], args->argv[0], args->argv[1], args->argv[2],
			  args->argv[3]),
		   "OK") == 0;
	argv = xcalloc((size_t)n + 3, sizeof *argv);
	lens = xcalloc((size_t)n + 3, sizeof *lens);
	memcpy(argv, head, sizeof head);
	memcpy(lens, head_lens, sizeof head_lens);
	memcpy(argv + 3, args->argv + 4, (size_t)n * sizeof *argv);
	memcpy(lens + 3, args->lens + 4, (size_t)n * sizeof *lens);
	cmd = (struct cmd){ n + 3, argv, lens };
	added = lua_execute(redis, &cmd);
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
		redisReply *is = lua_pcall(redis, "SISMEMBER", keys->argv[2], at[BEAT_TOKEN], NULL);
		const char *said = holding(redis, keys->argv[k], at[BEAT_GROUP], at[BEAT_ENTRY],
		    args->argv[0], at[BEAT_TOKEN]);

		if (strcmp(said, "LOST") != 0 && is->integer)
			said = "CANCEL";
		freeReplyObject(is);
		fake_push(reply, fake_text(said));
	}
}

redisReply *
script_beat(struct fake_redis *redis, const struct cmd *keys, const struct cmd *args)
{
	redisReply *reply;
	char *current;
	bool other;

	if (!lua_is_type(redis, keys, 0, "hash") || !lua_is_type(redis, keys, 1, "hash"))
		return lua_answer("BROKEN", NULL, NULL);
	current = lua_text(lua_call(redis, "HGET", keys->argv[0], "instance", NULL));
	other = strcmp(current, args->argv[1]) != 0;
	reply = !current[0] ? lua_answer("NOCARD", NULL, NULL)
	    : other         ? lua_answer("OTHER", NULL, NULL)
	                    : lua_answer("OK", NULL, NULL);
	free(current);
	if (other)
		return reply;
	beat_answers(redis, keys, args, reply);
	lua_quiet(lua_call(redis, "HINCRBY", keys->argv[1], args->argv[0], "1", NULL));
	lua_quiet(lua_call(redis, "HSET", keys->argv[0], "seen_at", args->argv[2], NULL));
	for (int k = 4; k < keys->argc; k++) {
		const char *const *at = args->argv + BEAT_HEAD + (k - 4) * BEAT_WIDTH;
		const char *said = reply->element[k - 3]->str;

		if (strcmp(at[BEAT_FIRST], "1") == 0 &&
		    (strcmp(said, "OK") == 0 || strcmp(said, "UNOWNED") == 0))
			lua_quiet(lua_pcall(redis, "XADD", keys->argv[3], "*", "run", at[BEAT_RUN], "task",
			    at[BEAT_TASK], "token", at[BEAT_TOKEN], "status", "started", "attempt",
			    at[BEAT_ATTEMPT], "agent", args->argv[0], NULL));
	}
	return reply;
}

/* --- coming and going ----------------------------------------------------------------- */

/* The first number of a text, as tonumber() gives it; 0 for what is none. */
static bool
asks_for_newer(struct fake_redis *redis, const struct cmd *keys, const char *known)
{
	char *min_reader = lua_text(lua_call(redis, "HGET", keys->argv[0], "min_reader", NULL));
	bool newer = strtod(min_reader, NULL) > strtod(known, NULL);

	free(min_reader);
	return newer;
}

static void
write_card(struct fake_redis *redis, const struct cmd *keys, const struct cmd *args)
{
	lua_quiet(lua_call(redis, "DEL", keys->argv[1], NULL));
	lua_quiet(lua_call(redis, "HSET", keys->argv[1], "instance", args->argv[1], NULL));
	for (int i = 4; i + 1 < args->argc; i += 2)
		lua_quiet(lua_call(redis, "HSET", keys->argv[1], args->argv[i], args->argv[i + 1],
		    NULL));
	lua_quiet(lua_call(redis, "SADD", keys->argv[2], args->argv[0], NULL));
}

redisReply *
script_signon(struct fake_redis *redis, const struct cmd *keys, const struct cmd *args)
{
	char *earlier, *nonce;
	redisReply *reply;

	if (!lua_is_type(redis, keys, 0, "hash") || !lua_is_type(redis, keys, 1, "hash") ||
	    !lua_is_type(redis, keys, 2, "set"))
		return lua_answer("BROKEN", "", "");
	if (asks_for_newer(redis, keys, args->argv[3]))
		return lua_answer("NEWER", "", "");
	earlier = lua_text(lua_call(redis, "HGET", keys->argv[1], "instance", NULL));
	if (strcmp(args->argv[2], "1") == 0 && earlier[0] && strcmp(earlier, args->argv[1]) != 0) {
		reply = lua_answer("OTHER", "", earlier);
	} else {
		write_card(redis, keys, args);
		nonce = lua_text(lua_call(redis, "HGET", keys->argv[0], "nonce", NULL));
		reply = lua_answer("OK", nonce, earlier);
		free(nonce);
	}
	free(earlier);
	return reply;
}

/* Deleting a consumer discards what is pending for it: only where nothing is. */
static void
drop_consumer(struct fake_redis *redis, const char *stream, const char *group, const char *id)
{
	redisReply *pending = lua_pcall(redis, "XPENDING", stream, group, "-", "+", "1", id, NULL);

	if (pending->type == REDIS_REPLY_ARRAY && pending->elements == 0)
		lua_quiet(lua_pcall(redis, "XGROUP", "DELCONSUMER", stream, group, id, NULL));
	freeReplyObject(pending);
}

redisReply *
script_signoff(struct fake_redis *redis, const struct cmd *keys, const struct cmd *args)
{
	char *current;
	bool mine;

	if (!lua_is_type(redis, keys, 0, "hash") || !lua_is_type(redis, keys, 1, "set") ||
	    !lua_is_type(redis, keys, 2, "hash"))
		return fake_text("BROKEN");
	current = lua_text(lua_call(redis, "HGET", keys->argv[0], "instance", NULL));
	mine = strcmp(current, args->argv[1]) == 0;
	free(current);
	if (!mine)
		return fake_text("OTHER");
	lua_quiet(lua_call(redis, "DEL", keys->argv[0], NULL));
	lua_quiet(lua_call(redis, "SREM", keys->argv[1], args->argv[0], NULL));
	lua_quiet(lua_call(redis, "HDEL", keys->argv[2], args->argv[0], NULL));
	for (int i = 3; i < keys->argc; i++)
		drop_consumer(redis, keys->argv[i], args->argv[i - 1], args->argv[0]);
	return fake_text("OK");
}

/* --- output -------------------------------------------------------------------------------- */

static bool
add_piece(struct fake_redis *redis, const struct cmd *keys, const struct cmd *args, int i)
{
	const char *argv[] = { "XADD", keys->argv[0], args->argv[i], "s", args->argv[i + 1], "d",
		args->argv[i + 2] };
	const size_t lens[] = { 4, keys->lens[0], args->lens[i], 1, args->lens[i + 1], 1,
		args->lens[i + 2] };
	const struct cmd cmd = { 7, argv, lens };
	redisReply *added = lua_execute(redis, &cmd);
	bool is = added->type != REDIS_REPLY_ERROR;

	freeReplyObject(added);
	return is;
}

/* PREFIX{P}:log:RUN:NAME is told in PREFIX{P}:logs:RUN. */
static void
note_log(struct fake_redis *redis, const char *log)
{
	const char *kind = strstr(log, "}:log:");
	const char *run = kind ? kind + strlen("}:log:") : NULL;
	const char *colon = run ? strchr(run, ':') : NULL;
	char *logs;

	if (!colon || colon == run || !colon[1])
		return;
	logs = xasprintf("%.*s}:logs:%.*s", (int)(kind - log), log, (int)(colon - run), run);
	lua_quiet(lua_pcall(redis, "SADD", logs, colon + 1, NULL));
	free(logs);
}

redisReply *
script_log(struct fake_redis *redis, const struct cmd *keys, const struct cmd *args)
{
	long long most = cmd_int(args, 1), limit = cmd_int(args, 2), bytes = cmd_int(args, 3);
	redisReply *length, *reply;
	const char *code = "OK";
	long long n;

	if (!lua_is_type(redis, keys, 0, "stream")) {
		reply = lua_answer("BROKEN", NULL, NULL);
		fake_push(reply, fake_int(bytes));
		return reply;
	}
	length = lua_call(redis, "XLEN", keys->argv[0], NULL);
	n = length->integer;
	freeReplyObject(length);
	for (int i = 4; i + 2 < args->argc; i += 3) {
		long long size = (long long)args->lens[i + 2];

		if (n >= most || bytes + size > limit) {
			code = "FULL";
			break;
		}
		n += add_piece(redis, keys, args, i);
		bytes += size;
	}
	lua_quiet(lua_call(redis, "EXPIRE", keys->argv[0], args->argv[0], NULL));
	note_log(redis, keys->argv[0]);
	reply = lua_answer(code, NULL, NULL);
	fake_push(reply, fake_int(bytes));
	return reply;
}
