/* SPDX-License-Identifier: MIT */
/* The project's Lua scripts, written again for the fake Redis. */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "fake_private.h"

/* --- helpers --------------------------------------------------------------------- */

struct cmd
lua_slice(const struct cmd *cmd, int from, int argc)
{
	return (struct cmd){ argc, cmd->argv + from, cmd->lens + from };
}

const char *
lua_type(struct fake_redis *redis, const struct cmd *cmd, int i)
{
	return object_type(object_find(redis, cmd->argv[i], cmd->lens[i]));
}

bool
lua_is_type(struct fake_redis *redis, const struct cmd *cmd, int i, const char *type)
{
	const char *found = lua_type(redis, cmd, i);

	return strcmp(found, "none") == 0 || strcmp(found, type) == 0;
}

/* After redis.call() has raised an error nothing more is done. */
redisReply *
lua_execute(struct fake_redis *redis, const struct cmd *cmd)
{
	return redis->raised ? fake_error("ERR the script has ended") : fake_execute(redis, cmd);
}

static redisReply *
execute_list(struct fake_redis *redis, va_list ap)
{
	const char *argv[24];
	size_t lens[24];
	struct cmd cmd = { 0, argv, lens };

	while (cmd.argc < 24 && (argv[cmd.argc] = va_arg(ap, const char *)) != NULL) {
		lens[cmd.argc] = strlen(argv[cmd.argc]);
		cmd.argc++;
	}
	return lua_execute(redis, &cmd);
}

redisReply *
lua_pcall(struct fake_redis *redis, ...)
{
	redisReply *reply;
	va_list ap;

	va_start(ap, redis);
	reply = execute_list(redis, ap);
	va_end(ap);
	return reply;
}

redisReply *
lua_call(struct fake_redis *redis, ...)
{
	redisReply *reply;
	va_list ap;

	va_start(ap, redis);
	reply = execute_list(redis, ap);
	va_end(ap);
	if (reply->type == REDIS_REPLY_ERROR && !redis->raised)
		redis->raised = fake_error(reply->str);
	return reply;
}

void
lua_quiet(redisReply *reply)
{
	freeReplyObject(reply);
}

char *
lua_text(redisReply *reply)
{
	char *text = xstrdup(reply->type == REDIS_REPLY_STRING ? reply->str : "");

	freeReplyObject(reply);
	return text;
}

redisReply *
lua_answer(const char *a, const char *b, const char *c)
{
	redisReply *reply = fake_array();

	fake_push(reply, fake_text(a));
	if (b)
		fake_push(reply, fake_text(b));
	if (c)
		fake_push(reply, fake_text(c));
	return reply;
}

bool
lua_fence_read(struct fake_redis *redis, const char *key, struct fence *ret)
{
	char *colon, *second;

	ret->text = lua_text(lua_call(redis, "GET", key, NULL));
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

bool
lua_names_owner(struct fake_redis *redis, const char *key, const char *nonce, struct fence *ret)
{
	size_t len = strlen(nonce);

	(void)lua_fence_read(redis, key, ret);
	return strncmp(ret->text, nonce, len) == 0 && ret->text[len] == ':';
}

void
lua_fence_release(struct fence *fence)
{
	free(fence->text);
	free(fence->nonce);
}

static void
fence_write(struct fake_redis *redis, const char *key, const char *nonce, const char *seq,
    const char *home)
{
	char *text = xasprintf("%s:%s:%s", nonce, seq, home);

	lua_quiet(lua_call(redis, "SET", key, text, NULL));
	free(text);
}

/* --- ownership ---------------------------------------------------------------------- */

static const char *
how_owned(struct fake_redis *redis, const struct cmd *keys, const struct cmd *args,
    const struct fence *fence)
{
	const char *how = NULL;
	char *beat;

	for (int i = 9; i < args->argc; i++) {
		if (strcmp(fence->nonce, args->argv[i]) == 0)
			return "renewed";
	}
	if (strcmp(fence->nonce, "free") == 0)
		return "free";
	if (strcmp(fence->home, args->argv[1]) == 0)
		return "home";
	beat = lua_text(lua_call(redis, "GET", keys->argv[2], NULL));
	if (strcmp(fence->text, args->argv[5]) == 0 && strcmp(beat, args->argv[6]) == 0)
		how = "taken";
	free(beat);
	return how;
}

/* The state is not the known one, or an older one. */
static bool
is_lost(const struct cmd *args, const char *how, const char *nonce, const char *beat)
{
	if (args->argc < 9 || !args->argv[7][0])
		return false;
	if (strcmp(nonce, args->argv[7]) != 0 && strcmp(how, "renewed") != 0)
		return true;
	return beat[0] && strtod(beat, NULL) < strtod(args->argv[8], NULL);
}

static redisReply *
owned(struct fake_redis *redis, const struct cmd *keys, const struct cmd *args,
    const char *how, const char *seq)
{
	redisReply *reply;
	char *nonce = lua_text(lua_call(redis, "HGET", keys->argv[1], "nonce", NULL));
	char *beat = lua_text(lua_call(redis, "GET", keys->argv[2], NULL));

	if (is_lost(args, how, nonce, beat)) {
		reply = lua_answer("LOST", nonce, beat);
		free(nonce);
		free(beat);
		return reply;
	}
	free(beat);
	reply = lua_answer("OK", how, seq);
	if (!nonce[0])
		lua_quiet(lua_call(redis, "HSET", keys->argv[1], "schema", "1", "min_reader", "1",
		    "partitions", args->argv[2], "nonce", args->argv[3], "created_at",
		    args->argv[4], NULL));
	free(nonce);
	fake_push(reply, lua_call(redis, "HGET", keys->argv[1], "nonce", NULL));
	fake_push(reply, lua_call(redis, "HGET", keys->argv[1], "partitions", NULL));
	fence_write(redis, keys->argv[0], args->argv[0], seq, args->argv[1]);
	return reply;
}

/* The refusal, or NULL. */
static redisReply *
newer_schema(struct fake_redis *redis, const struct cmd *keys)
{
	char *min_reader = lua_text(lua_call(redis, "HGET", keys->argv[1], "min_reader", NULL));
	char *schema = lua_text(lua_call(redis, "HGET", keys->argv[1], "schema", NULL));
	redisReply *reply = NULL;

	if (strtod(min_reader, NULL) > 1)
		reply = lua_answer("NEWER", schema[0] ? schema : min_reader, NULL);
	free(min_reader);
	free(schema);
	return reply;
}

static redisReply *
script_fence(struct fake_redis *redis, const struct cmd *keys, const struct cmd *args)
{
	struct fence fence;
	redisReply *reply = newer_schema(redis, keys);
	const char *how;
	char *text;
	bool good;

	if (reply)
		return reply;
	good = lua_fence_read(redis, keys->argv[0], &fence);
	if (!good && !fence.text[0] && strcmp(lua_type(redis, keys, 0), "none") == 0) {
		reply = owned(redis, keys, args, "new", "0");
	} else if (!good) {
		reply = lua_answer("BADFENCE", fence.text, NULL);
	} else if ((how = how_owned(redis, keys, args, &fence)) != NULL) {
		reply = owned(redis, keys, args, how, fence.seq);
	} else {
		text = lua_text(lua_call(redis, "GET", keys->argv[2], NULL));
		reply = lua_answer("HELD", fence.text, text);
		free(text);
		text = lua_text(lua_call(redis, "HGET", keys->argv[1], "nonce", NULL));
		fake_push(reply, fake_text(text));
		free(text);
	}
	lua_fence_release(&fence);
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

	if (!lua_names_owner(redis, keys->argv[0], args->argv[0], &fence)) {
		reply = lua_answer("FENCED", fence.text, NULL);
	} else {
		if (done && done->kind == KIND_STREAM)
			last = done->stream.last;
		reply = lua_answer("OK", NULL, NULL);
		fake_push(reply, lua_call(redis, "INCR", keys->argv[1], NULL));
		meta = lua_text(lua_call(redis, "HGET", keys->argv[2], "nonce", NULL));
		fake_push(reply, fake_text(meta));
		fake_push(reply, fake_id(last));
		free(meta);
	}
	lua_fence_release(&fence);
	return reply;
}

static redisReply *
script_release(struct fake_redis *redis, const struct cmd *keys, const struct cmd *args)
{
	struct fence fence;
	redisReply *reply;

	if (!lua_fence_read(redis, keys->argv[0], &fence) || strcmp(fence.nonce, args->argv[0]) != 0) {
		reply = lua_answer("FENCED", fence.text, NULL);
	} else {
		fence_write(redis, keys->argv[0], "free", fence.seq, fence.home);
		reply = lua_answer("OK", NULL, NULL);
	}
	lua_fence_release(&fence);
	return reply;
}

static redisReply *
script_peek(struct fake_redis *redis, const struct cmd *keys, const struct cmd *args)
{
	char *from = xasprintf("(%s", args->argv[0]);
	redisReply *found = lua_call(redis, "XRANGE", keys->argv[0], from, "+", "COUNT", "1", NULL);
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

static redisReply *
script_raise(struct fake_redis *redis, const struct cmd *keys, const struct cmd *args)
{
	const char *type = lua_type(redis, keys, 1);
	struct fence fence;
	redisReply *reply;

	if (!lua_names_owner(redis, keys->argv[0], args->argv[0], &fence)) {
		reply = lua_answer("FENCED", fence.text, NULL);
	} else if (strcmp(type, "none") == 0) {
		lua_quiet(lua_call(redis, "XADD", keys->argv[1], args->argv[1], "raised", "", NULL));
		lua_quiet(lua_call(redis, "XDEL", keys->argv[1], args->argv[1], NULL));
		reply = lua_answer("OK", NULL, NULL);
	} else if (strcmp(type, "stream") == 0) {
		lua_quiet(lua_pcall(redis, "XSETID", keys->argv[1], args->argv[1], NULL));
		reply = lua_answer("OK", NULL, NULL);
	} else {
		reply = lua_answer("BROKEN", type, NULL);
	}
	lua_fence_release(&fence);
	return reply;
}

/* Both `ask` and `askfull`: they differ by a flag. */
static redisReply *
script_ask(struct fake_redis *redis, const struct cmd *keys, const struct cmd *args)
{
	const char *type = lua_type(redis, keys, 0), *argv[64] = { "XADD", keys->argv[0], "*" };
	size_t lens[64] = { 4, keys->lens[0], 1 };
	struct object *object = object_find(redis, keys->argv[0], keys->lens[0]);
	redisReply *reply;

	if (!lua_is_type(redis, keys, 0, "stream"))
		return lua_answer("BADKEY", type, NULL);
	if (object && (long long)stream_length(&object->stream) >= cmd_int(args, 0)) {
		reply = lua_answer("FULL", NULL, NULL);
		fake_push(reply, fake_int((long long)stream_length(&object->stream)));
		return reply;
	}
	for (int i = 1; i < args->argc && i + 2 < 64; i++) {
		argv[i + 2] = args->argv[i];
		lens[i + 2] = args->lens[i];
	}
	reply = lua_answer("OK", NULL, NULL);
	fake_push(reply, lua_execute(redis, &(struct cmd){ args->argc + 2, argv, lens }));
	return reply;
}

/* --- the table -------------------------------------------------------------------------- */

/* One row a script of src/wire/lua. */
static const struct {
	const char *name;
	script_fn *fn;
} scripts[] = {
	{ "commit", script_commit },
	{ "fence", script_fence },
	{ "ownbeat", script_ownbeat },
	{ "release", script_release },
	{ "inspect", script_inspect },
	{ "peek", script_peek },
	{ "raise", script_raise },
	{ "ask", script_ask },
	{ "askfull", script_ask },
	{ "reap", script_reap },
	{ "regroup", script_regroup },
	{ "withdraw", script_withdraw },
	{ "beat", script_beat },
	{ "report", script_report },
	{ "signon", script_signon },
	{ "signoff", script_signoff },
	{ "log", script_log },
	{ "ended", script_ended },
	{ "unlog", script_unlog },
	{ "unletter", script_unletter },
};

redisReply *
fake_script(struct fake_redis *redis, const char *name, const struct cmd *cmd, int nkeys)
{
	const struct cmd keys = lua_slice(cmd, 0, nkeys);
	const struct cmd args = lua_slice(cmd, nkeys, cmd->argc - nkeys);
	redisReply *reply = NULL;

	for (size_t i = 0; i < ARRAY_LEN(scripts); i++) {
		if (strcmp(scripts[i].name, name) == 0)
			reply = scripts[i].fn(redis, &keys, &args);
	}
	if (!reply)
		return fake_error("ERR the fake does not know this script");
	if (redis->raised) {
		freeReplyObject(reply);
		reply = redis->raised;
		redis->raised = NULL;
	}
	return reply;
}
