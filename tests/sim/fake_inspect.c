/* SPDX-License-Identifier: MIT */
/* What the auditor asks: its script, written again in C, and two commands. */
#include <stdio.h>
#include <string.h>

#include <hiredis/hiredis.h>

#include "fake_private.h"

static const char *
token_of(const redisReply *fields)
{
	const char *token = "";

	for (size_t i = 0; i + 1 < fields->elements; i += 2)
		if (strcmp(fields->element[i]->str, "token") == 0)
			token = fields->element[i + 1]->str;
	return token;
}

static bool
has_group(struct fake_redis *redis, const char *key, const char *group)
{
	redisReply *groups = lua_call(redis, "XINFO", "GROUPS", key, NULL);
	struct reply_text name;
	bool found = false;

	for (size_t i = 0; i < groups->elements; i++)
		found |= reply_get(groups->element[i], "name", &name) && strcmp(name.text, group) == 0;
	freeReplyObject(groups);
	return found;
}

redisReply *
script_inspect(struct fake_redis *redis, const struct cmd *keys, const struct cmd *args)
{
	const char *is = lua_type(redis, keys, 0);
	redisReply *reply, *entries;

	if (strcmp(is, "stream") != 0)
		return lua_answer(strcmp(is, "none") == 0 ? "NONE" : "BROKEN", NULL, NULL);
	reply = lua_answer(
	    has_group(redis, keys->argv[0], args->argv[0]) ? "OK" : "NOGROUP", NULL, NULL);
	entries = lua_call(redis, "XRANGE", keys->argv[0], args->argv[1], "+", "COUNT",
	    args->argv[2], NULL);
	for (size_t i = 0; i < entries->elements; i++) {
		fake_push(reply, fake_text(entries->element[i]->element[0]->str));
		fake_push(reply, fake_text(token_of(entries->element[i]->element[1])));
	}
	freeReplyObject(entries);
	return reply;
}

/* All at once; the pattern is a prefix and a star. */
static redisReply *
do_scan_keys(struct fake_redis *redis, const struct cmd *cmd)
{
	const char *pattern = cmd->argc > 3 ? cmd->argv[3] : "*";
	size_t prefix = strcspn(pattern, "*");
	redisReply *reply = fake_array(), *keys = fake_array();
	struct object *object, *next;

	fake_push(reply, fake_text("0"));
	HASH_ITER(hh, redis->objects, object, next)
		if (strncmp(object->key.data, pattern, prefix) == 0)
			fake_push(keys, fake_text(object->key.data));
	fake_push(reply, keys);
	return reply;
}

static redisReply *
do_zscore(struct fake_redis *redis, const struct cmd *cmd)
{
	struct object *object;
	struct member *member = NULL;
	int is = object_look(redis, cmd, 1, KIND_ZSET, &object);
	char score[32];

	if (is < 0)
		return fake_wrongtype();
	if (is > 0)
		HASH_FIND(hh, object->members, cmd->argv[2], cmd->lens[2], member);
	if (!member)
		return fake_nil();
	snprintf(score, sizeof score, "%.17g", member->score);
	return fake_text(score);
}

const struct fake_command fake_audit_commands[] = {
	{ "SCAN", 2, do_scan_keys, false },
	{ "ZSCORE", 3, do_zscore, false },
	{ NULL, 0, NULL, false },
};
