/* SPDX-License-Identifier: MIT */
/* The scripts by which an owner takes entries back, written again for the fake Redis. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "fake_private.h"

/* --- leases ------------------------------------------------------------------------- */

static redisReply *
reap_all(struct fake_redis *redis, const struct cmd *keys, const struct cmd *args)
{
	redisReply *reply = lua_answer("OK", NULL, NULL);

	for (int i = 4; i < args->argc; i++) {
		redisReply *pending = lua_pcall(redis, "XPENDING", keys->argv[2], args->argv[1],
		    args->argv[i], args->argv[i], "1", NULL);
		bool mine, broken = pending->type == REDIS_REPLY_ERROR;

		mine = !broken && pending->elements == 1 &&
		    strcmp(pending->element[0]->element[1]->str, args->argv[2]) == 0;
		freeReplyObject(pending);
		if (broken) {
			freeReplyObject(reply);
			return lua_answer("BROKEN", NULL, NULL);
		}
		if (mine)
			lua_quiet(lua_call(redis, "XCLAIM", keys->argv[2], args->argv[1], "reeve", "0",
			    args->argv[i], "JUSTID", NULL));
		fake_push(reply, fake_text(mine ? "REAPED" : "GONE"));
	}
	return reply;
}

redisReply *
script_reap(struct fake_redis *redis, const struct cmd *keys, const struct cmd *args)
{
	redisReply *beats = lua_pcall(redis, "HGET", keys->argv[1], args->argv[2], NULL);
	struct fence fence;
	redisReply *reply;

	if (!lua_names_owner(redis, keys->argv[0], args->argv[0], &fence))
		reply = lua_answer("FENCED", fence.text, NULL);
	else if (beats->type == REDIS_REPLY_ERROR)
		reply = lua_answer("BROKEN", NULL, NULL);
	else if (strcmp(beats->str ? beats->str : "", args->argv[3]) != 0)
		reply = lua_answer("ALIVE", NULL, NULL);
	else
		reply = reap_all(redis, keys, args);
	lua_fence_release(&fence);
	freeReplyObject(beats);
	return reply;
}

redisReply *
script_regroup(struct fake_redis *redis, const struct cmd *keys, const struct cmd *args)
{
	struct fence fence;
	redisReply *made, *reply;
	bool owner = lua_names_owner(redis, keys->argv[0], args->argv[0], &fence);

	reply = owner ? NULL : lua_answer("FENCED", fence.text, NULL);
	lua_fence_release(&fence);
	if (reply)
		return reply;
	made = lua_pcall(redis, "XGROUP", "CREATE", keys->argv[1], args->argv[1], "$", "MKSTREAM", NULL);
	if (made->type == REDIS_REPLY_ERROR && strncmp(made->str, "BUSYGROUP", 9) != 0) {
		reply = lua_answer("BROKEN", made->str, NULL);
		freeReplyObject(made);
		return reply;
	}
	freeReplyObject(made);
	for (int i = 2; i + 1 < args->argc; i += 2)
		lua_quiet(lua_pcall(redis, "XCLAIM", keys->argv[1], args->argv[1], args->argv[i], "0",
		    args->argv[i + 1], "FORCE", "JUSTID", NULL));
	return lua_answer("OK", NULL, NULL);
}

/* The last id that the group has delivered; false: no such group. */
static bool
last_delivered(struct fake_redis *redis, const char *key, const char *group,
    struct stream_id *ret_id)
{
	redisReply *groups = lua_pcall(redis, "XINFO", "GROUPS", key, NULL);
	struct reply_text name, id;
	bool found = false;

	for (size_t i = 0; groups->type == REDIS_REPLY_ARRAY && i < groups->elements; i++)
		if (reply_get(groups->element[i], "name", &name) && strcmp(name.text, group) == 0)
			found = reply_get(groups->element[i], "last-delivered-id", &id) &&
			    stream_id_parse(id.text, id.len, ret_id);
	freeReplyObject(groups);
	return found;
}

/* NULL: there is no such group. */
static const char *
withdraw_one(struct fake_redis *redis, const char *key, const char *group, const char *id,
    struct stream_id last)
{
	redisReply *pending = lua_pcall(redis, "XPENDING", key, group, id, id, "1", NULL), *there;
	bool broken = pending->type == REDIS_REPLY_ERROR, taken = pending->elements > 0;
	struct stream_id at = { 0 };

	freeReplyObject(pending);
	if (broken)
		return NULL;
	there = lua_call(redis, "XRANGE", key, id, id, NULL);
	(void)stream_id_parse(id, strlen(id), &at);
	taken |= there->elements > 0 && stream_id_cmp(at, last) <= 0;
	freeReplyObject(there);
	if (taken)
		return "TAKEN";
	lua_quiet(lua_call(redis, "XDEL", key, id, NULL));
	return "WITHDRAWN";
}

redisReply *
script_withdraw(struct fake_redis *redis, const struct cmd *keys, const struct cmd *args)
{
	struct stream_id last = { 0 };
	struct fence fence;
	redisReply *reply = NULL;

	if (!lua_names_owner(redis, keys->argv[0], args->argv[0], &fence))
		reply = lua_answer("FENCED", fence.text, NULL);
	else if (!last_delivered(redis, keys->argv[1], args->argv[1], &last))
		reply = lua_answer("BROKEN", NULL, NULL);
	lua_fence_release(&fence);
	if (reply)
		return reply;
	reply = lua_answer("OK", NULL, NULL);
	for (int i = 2; i < args->argc; i++) {
		const char *answer =
		    withdraw_one(redis, keys->argv[1], args->argv[1], args->argv[i], last);

		if (!answer) {
			freeReplyObject(reply);
			return lua_answer("BROKEN", NULL, NULL);
		}
		fake_push(reply, fake_text(answer));
	}
	return reply;
}
