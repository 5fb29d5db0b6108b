/* SPDX-License-Identifier: MIT */
/* Hashes, sets and sorted sets of the fake Redis. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "fake_private.h"

void
members_free(struct member **members)
{
	struct member *member, *next;

	HASH_ITER(hh, *members, member, next) {
		HASH_DEL(*members, member);
		text_free(&member->name);
		text_free(&member->value);
		free(member);
	}
}

static struct member *
member_find(struct object *object, const char *name, size_t len)
{
	struct member *member = NULL;

	if (object)
		HASH_FIND(hh, object->members, name, len, member);
	return member;
}

/* true: it is new. */
static bool
member_put(struct object *object, const char *name, size_t len, struct member **ret_member)
{
	struct member *member = member_find(object, name, len);

	*ret_member = member;
	if (member)
		return false;
	member = *ret_member = xcalloc(1, sizeof *member);
	member->name = text_new(name, len);
	HASH_ADD_KEYPTR(hh, object->members, member->name.data, len, member);
	return true;
}

/* --- hashes ------------------------------------------------------------------------ */

static redisReply *
do_hset(struct fake_redis *redis, const struct cmd *cmd)
{
	struct object *object = object_get(redis, cmd, 1, KIND_HASH);
	struct member *member;
	long long n = 0;

	if (!object)
		return fake_wrongtype();
	for (int i = 2; i + 1 < cmd->argc; i += 2) {
		n += member_put(object, cmd->argv[i], cmd->lens[i], &member);
		text_free(&member->value);
		member->value = text_new(cmd->argv[i + 1], cmd->lens[i + 1]);
	}
	return fake_int(n);
}

static redisReply *
value_of(struct object *object, const struct cmd *cmd, int i)
{
	struct member *member = member_find(object, cmd->argv[i], cmd->lens[i]);

	return member ? fake_bytes(member->value.data, member->value.len) : fake_nil();
}

static redisReply *
do_hget(struct fake_redis *redis, const struct cmd *cmd)
{
	struct object *object;

	if (object_look(redis, cmd, 1, KIND_HASH, &object) < 0)
		return fake_wrongtype();
	return value_of(object, cmd, 2);
}

static redisReply *
do_hmget(struct fake_redis *redis, const struct cmd *cmd)
{
	struct object *object;
	redisReply *reply;

	if (object_look(redis, cmd, 1, KIND_HASH, &object) < 0)
		return fake_wrongtype();
	reply = fake_array();
	for (int i = 2; i < cmd->argc; i++)
		fake_push(reply, value_of(object, cmd, i));
	return reply;
}

static redisReply *
do_hincrby(struct fake_redis *redis, const struct cmd *cmd)
{
	struct object *object = object_get(redis, cmd, 1, KIND_HASH);
	struct member *member;
	char text[32];
	long long number;

	if (!object)
		return fake_wrongtype();
	(void)member_put(object, cmd->argv[2], cmd->lens[2], &member);
	if (!fake_read_number(&member->value, &number))
		return fake_error("ERR hash value is not an integer");
	number += cmd_int(cmd, 3);
	snprintf(text, sizeof text, "%lld", number);
	text_free(&member->value);
	member->value = text_new(text, strlen(text));
	return fake_int(number);
}

/* HGETALL, SMEMBERS, and the page of a scan alike. */
static void
push_members(redisReply *reply, struct object *object, size_t from, size_t max)
{
	struct member *member, *next;
	size_t i = 0;

	if (!object)
		return;
	HASH_ITER(hh, object->members, member, next) {
		if (i++ < from)
			continue;
		if (max-- == 0)
			return;
		fake_push(reply, fake_bytes(member->name.data, member->name.len));
		if (object->kind == KIND_HASH)
			fake_push(reply, fake_bytes(member->value.data, member->value.len));
	}
}

static redisReply *
do_all(struct fake_redis *redis, const struct cmd *cmd)
{
	struct object *object;
	enum kind kind = cmd_is(cmd, 0, "HGETALL") ? KIND_HASH : KIND_SET;
	redisReply *reply;

	if (object_look(redis, cmd, 1, kind, &object) < 0)
		return fake_wrongtype();
	reply = fake_array();
	push_members(reply, object, 0, SIZE_MAX);
	return reply;
}

/* The cursor counts members: nothing is removed while somebody scans. */
static redisReply *
do_scan(struct fake_redis *redis, const struct cmd *cmd)
{
	struct object *object;
	enum kind kind = cmd_is(cmd, 0, "HSCAN") ? KIND_HASH : KIND_SET;
	size_t from = (size_t)cmd_int(cmd, 2);
	size_t count = cmd_is(cmd, 3, "COUNT") ? (size_t)cmd_int(cmd, 4) : 10;
	redisReply *reply, *page;
	char next[24] = "0";

	if (object_look(redis, cmd, 1, kind, &object) < 0)
		return fake_wrongtype();
	page = fake_array();
	push_members(page, object, from, count);
	if (object && from + count < HASH_COUNT(object->members))
		snprintf(next, sizeof next, "%zu", from + count);
	reply = fake_array();
	fake_push(reply, fake_text(next));
	fake_push(reply, page);
	return reply;
}

/* HDEL, SREM, ZREM. */
static redisReply *
do_remove(struct fake_redis *redis, const struct cmd *cmd)
{
	enum kind kind = cmd_is(cmd, 0, "HDEL") ? KIND_HASH
	    : cmd_is(cmd, 0, "SREM")            ? KIND_SET
	                                        : KIND_ZSET;
	struct object *object;
	long long n = 0;

	if (object_look(redis, cmd, 1, kind, &object) < 0)
		return fake_wrongtype();
	for (int i = 2; object && i < cmd->argc; i++) {
		struct member *member = member_find(object, cmd->argv[i], cmd->lens[i]);

		if (!member)
			continue;
		HASH_DEL(object->members, member);
		text_free(&member->name);
		text_free(&member->value);
		free(member);
		n++;
	}
	if (object && !object->members)
		object_drop(redis, object);
	return fake_int(n);
}

/* --- sets and sorted sets ------------------------------------------------------------ */

static redisReply *
do_sadd(struct fake_redis *redis, const struct cmd *cmd)
{
	struct object *object = object_get(redis, cmd, 1, KIND_SET);
	struct member *member;
	long long n = 0;

	if (!object)
		return fake_wrongtype();
	for (int i = 2; i < cmd->argc; i++)
		n += member_put(object, cmd->argv[i], cmd->lens[i], &member);
	return fake_int(n);
}

static redisReply *
do_sismember(struct fake_redis *redis, const struct cmd *cmd)
{
	struct object *object;

	if (object_look(redis, cmd, 1, KIND_SET, &object) < 0)
		return fake_wrongtype();
	return fake_int(member_find(object, cmd->argv[2], cmd->lens[2]) != NULL);
}

static redisReply *
do_zadd(struct fake_redis *redis, const struct cmd *cmd)
{
	struct object *object = object_get(redis, cmd, 1, KIND_ZSET);
	struct member *member;
	long long n = 0;

	if (!object)
		return fake_wrongtype();
	for (int i = 2; i + 1 < cmd->argc; i += 2) {
		n += member_put(object, cmd->argv[i + 1], cmd->lens[i + 1], &member);
		member->score = strtod(cmd->argv[i], NULL);
	}
	return fake_int(n);
}

static int
by_score(const void *a, const void *b)
{
	const struct member *x = *(struct member *const *)a, *y = *(struct member *const *)b;

	if (x->score != y->score)
		return x->score < y->score ? 1 : -1;
	return strcmp(y->name.data, x->name.data);
}

/* ZREVRANGE KEY from to, without scores; negative ends count from the last. */
static redisReply *
do_zrevrange(struct fake_redis *redis, const struct cmd *cmd)
{
	struct object *object;
	struct member **all, *member, *next;
	long long n = 0, from = cmd_int(cmd, 2), to = cmd_int(cmd, 3);
	redisReply *reply;

	if (object_look(redis, cmd, 1, KIND_ZSET, &object) < 0)
		return fake_wrongtype();
	reply = fake_array();
	if (!object)
		return reply;
	all = xcalloc(HASH_COUNT(object->members), sizeof(struct member *));
	HASH_ITER(hh, object->members, member, next)
		all[n++] = member;
	qsort(all, (size_t)n, sizeof *all, by_score);
	from = from < 0 ? from + n : from;
	to = to < 0 ? to + n : to;
	for (long long i = from < 0 ? 0 : from; i <= to && i < n; i++)
		fake_push(reply, fake_bytes(all[i]->name.data, all[i]->name.len));
	free(all);
	return reply;
}

/* clang-format off */
const struct fake_command fake_member_commands[] = {
	{ "HSET",      4, do_hset,      true },
	{ "HGET",      3, do_hget,      false },
	{ "HMGET",     3, do_hmget,     false },
	{ "HGETALL",   2, do_all,       false },
	{ "HINCRBY",   4, do_hincrby,   true },
	{ "HDEL",      3, do_remove,    true },
	{ "HSCAN",     3, do_scan,      false },
	{ "SADD",      3, do_sadd,      true },
	{ "SREM",      3, do_remove,    true },
	{ "SMEMBERS",  2, do_all,       false },
	{ "SISMEMBER", 3, do_sismember, false },
	{ "SSCAN",     3, do_scan,      false },
	{ "ZADD",      4, do_zadd,      true },
	{ "ZREM",      3, do_remove,    true },
	{ "ZREVRANGE", 4, do_zrevrange, false },
	{ NULL, 0, NULL, false },
};
/* clang-format on */
