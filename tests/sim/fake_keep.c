/* SPDX-License-Identifier: MIT */
/* The scripts of retention, written again for the fake Redis: ended, unlog, unletter. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "fake_private.h"

/* --- ended: a page of the ended runs ------------------------------------------------- */

static int
oldest_first(const void *a, const void *b)
{
	const struct member *x = *(struct member *const *)a, *y = *(struct member *const *)b;

	if (x->score != y->score)
		return x->score < y->score ? -1 : 1;
	return strcmp(x->name.data, y->name.data);
}

static struct member **
sorted(const struct object *fin)
{
	struct member **all = xcalloc(HASH_COUNT(fin->members), sizeof(struct member *));
	struct member *member, *next;
	size_t n = 0;

	HASH_ITER(hh, fin->members, member, next)
		all[n++] = member;
	qsort(all, n, sizeof *all, oldest_first);
	return all;
}

/* What a run's hash says, or ''. */
static void
push_field(redisReply *reply, redisReply *found, size_t i)
{
	bool is = found->type == REDIS_REPLY_ARRAY && found->element[i]->type == REDIS_REPLY_STRING;

	fake_push(reply, is ? fake_bytes(found->element[i]->str, found->element[i]->len)
	                    : fake_text(""));
}

/* Without the bytes, which nobody asks the fake for. */
static void
push_run(struct fake_redis *redis, redisReply *reply, const char *prefix,
    const struct member *run)
{
	char *key = xasprintf("%srun:%s", prefix, run->name.data);
	char *logs = xasprintf("%slogs:%s", prefix, run->name.data);
	char *score = xasprintf("%.0f", run->score);
	redisReply *found = lua_pcall(redis, "HMGET", key, "r", "dl", NULL);
	const struct object *set = object_find(redis, logs, strlen(logs));

	fake_push(reply, fake_text(run->name.data));
	fake_push(reply, fake_text(score));
	push_field(reply, found, 0);
	push_field(reply, found, 1);
	fake_push(reply, fake_int(set && set->kind == KIND_SET ? HASH_COUNT(set->members) : 0));
	fake_push(reply, fake_int(0));
	freeReplyObject(found);
	free(score);
	free(logs);
	free(key);
}

redisReply *
script_ended(struct fake_redis *redis, const struct cmd *keys, const struct cmd *args)
{
	const struct object *fin = object_find(redis, keys->argv[0], keys->lens[0]);
	char *prefix = xstrndup(keys->argv[0], keys->lens[0] - strlen("fin"));
	size_t n = fin ? HASH_COUNT(fin->members) : 0, from = (size_t)cmd_int(args, 0);
	size_t to = from + (size_t)cmd_int(args, 1);
	struct member **all = fin ? sorted(fin) : NULL;
	redisReply *reply = fake_array();

	fake_push(reply, fake_int((long long)n));
	for (size_t i = from; i < to && i < n; i++)
		push_run(redis, reply, prefix, all[i]);
	free(all);
	free(prefix);
	return reply;
}

/* --- unlog: logs of ended runs -------------------------------------------------------- */

/* As SPOP, but the first ones. */
static long long
pop_logs(struct fake_redis *redis, const char *key, struct object *set, long long most)
{
	size_t prefix = (size_t)(strstr(key, "logs:") - key);
	struct member *member, *next;
	long long n = 0;

	HASH_ITER(hh, set->members, member, next) {
		char *log, *name;

		if (n == most)
			return n;
		name = xstrdup(member->name.data);
		log = xasprintf("%.*slog:%s:%s", (int)prefix, key, key + prefix + strlen("logs:"),
		    name);
		lua_quiet(lua_call(redis, "UNLINK", log, NULL));
		lua_quiet(lua_call(redis, "SREM", key, name, NULL));
		free(log);
		free(name);
		n++;
	}
	return n;
}

redisReply *
script_unlog(struct fake_redis *redis, const struct cmd *keys, const struct cmd *args)
{
	long long most = cmd_int(args, 1), removed = 0, left = 0;
	struct fence fence;
	redisReply *reply = NULL;

	if (!lua_names_owner(redis, keys->argv[0], args->argv[0], &fence))
		reply = lua_answer("FENCED", fence.text, NULL);
	lua_fence_release(&fence);
	if (reply)
		return reply;
	for (int i = 1; i < keys->argc; i++) {
		struct object *set = object_find(redis, keys->argv[i], keys->lens[i]);
		long long n = set && set->kind == KIND_SET ? (long long)HASH_COUNT(set->members) : 0;
		long long popped = 0;

		if (set && set->kind != KIND_SET && removed < most)
			lua_quiet(lua_call(redis, "UNLINK", keys->argv[i], NULL));
		else if (set && set->kind == KIND_SET && removed < most)
			popped = pop_logs(redis, keys->argv[i], set, most - removed);
		removed += popped;
		left += n - popped;
	}
	reply = lua_answer("OK", NULL, NULL);
	fake_push(reply, fake_int(removed));
	fake_push(reply, fake_int(left));
	return reply;
}

/* --- unletter: dead letters are dropped -------------------------------------------------- */

struct dropping {
	struct fake_redis *redis;
	const struct cmd *keys, *args;
	long long dropped, open;
};

/* A short value of the entry; the last of a name counts. */
static const char *
said(const struct entry *entry, const char *name)
{
	const char *value = NULL;

	for (size_t f = 0; f + 1 < entry->n; f += 2) {
		if (strcmp(entry->fields[f].data, name) == 0 && entry->fields[f + 1].len < 64)
			value = entry->fields[f + 1].data;
	}
	return value;
}

/* Its run counts it no more. */
static void
forget_letter(struct dropping *dropping, const char *run, const char *index, const char *id)
{
	struct fake_redis *redis = dropping->redis;
	char *key = xasprintf("%s%s", dropping->args->argv[1], run);
	char *name = xasprintf("d%s", index);
	char *now = lua_text(lua_pcall(redis, "HGET", key, name, NULL));
	redisReply *left;

	if (strcmp(now, id) == 0) {
		lua_quiet(lua_call(redis, "HDEL", key, name, NULL));
		left = lua_pcall(redis, "HINCRBY", key, "dl", "-1", NULL);
		if (left->type == REDIS_REPLY_INTEGER && left->integer == 0)
			lua_quiet(lua_call(redis, "HDEL", key, "dl", NULL));
		freeReplyObject(left);
	}
	free(now);
	free(name);
	free(key);
}

static void
drop_letter(struct dropping *dropping, const struct entry *entry)
{
	struct fake_redis *redis = dropping->redis;
	const char *const *keys = dropping->keys->argv;
	const char *r = said(entry, "run"), *i = said(entry, "index");
	char *run = r ? xstrdup(r) : NULL, *index = i ? xstrdup(i) : NULL, *meta;
	char id[STREAM_ID_SIZE];
	const struct object *marks = object_find(redis, keys[3], dropping->keys->lens[3]);
	const struct member *mark = NULL;

	stream_id_format(entry->id, id);
	if (marks && marks->kind == KIND_HASH)
		HASH_FIND_STR(marks->members, id, mark);
	lua_quiet(lua_call(redis, "XDEL", keys[1], id, NULL));
	dropping->dropped++;
	dropping->open += !mark;
	if (!mark && run && index)
		forget_letter(dropping, run, index, id);
	meta = xasprintf("%s/meta", id);
	lua_quiet(lua_pcall(redis, "HDEL", keys[3], id, NULL));
	lua_quiet(lua_pcall(redis, "HDEL", keys[2], id, meta, NULL));
	free(meta);
	free(index);
	free(run);
}

/* The oldest ones below an id; returns how many. */
static long long
drop_oldest(struct dropping *dropping, struct stream *stream, struct stream_id below,
    long long most)
{
	long long n = 0;

	while (n < most && stream->head < stream->len &&
	    stream_id_cmp(stream->entries[stream->head].id, below) < 0) {
		drop_letter(dropping, &stream->entries[stream->head]);
		n++;
	}
	return n;
}

static long long
drop_letters(struct dropping *dropping, struct stream *stream)
{
	static const struct stream_id highest = { UINT64_MAX, UINT64_MAX };
	const struct cmd *args = dropping->args;
	long long most = cmd_int(args, 4), due = 0, excess;

	for (int i = 5; i < args->argc; i++) {
		struct entry *entry = stream_entry_at(stream, fake_plain_id(args->argv[i]));

		if (entry)
			drop_letter(dropping, entry);
	}
	if (args->lens[2] > 0) {
		most -= drop_oldest(dropping, stream, fake_plain_id(args->argv[2]), most);
		due = most > 0 ? 0 : 1;
	}
	if (args->lens[3] > 0) {
		excess = (long long)stream_length(stream) - cmd_int(args, 3);
		if (excess > 0 && most > 0)
			excess -= drop_oldest(dropping, stream, highest, excess < most ? excess : most);
		due = due > excess ? due : excess;
	}
	return due;
}

redisReply *
script_unletter(struct fake_redis *redis, const struct cmd *keys, const struct cmd *args)
{
	struct object *object = object_find(redis, keys->argv[1], keys->lens[1]);
	struct dropping dropping = { redis, keys, args, 0, 0 };
	long long due = 0;
	struct fence fence;
	redisReply *reply = NULL;

	if (!lua_names_owner(redis, keys->argv[0], args->argv[0], &fence))
		reply = lua_answer("FENCED", fence.text, NULL);
	lua_fence_release(&fence);
	if (reply)
		return reply;
	if (object && object->kind == KIND_STREAM)
		due = drop_letters(&dropping, &object->stream);
	reply = lua_answer("OK", NULL, NULL);
	fake_push(reply, fake_int(dropping.dropped));
	fake_push(reply, fake_int(dropping.open));
	fake_push(reply, fake_int(due));
	return reply;
}
