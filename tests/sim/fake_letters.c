/* SPDX-License-Identifier: MIT */
/* The commit's section of dead letters, written again for the fake Redis. */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "fake_private.h"

/* What stands in a log, from the beginning of a character within its last 2 KB on. */
static struct text
log_tail(struct fake_redis *redis, const struct cmd *args, int key)
{
	const struct object *log = object_find(redis, args->argv[key], args->lens[key]);
	struct buf all = { 0 };
	struct text tail;
	size_t at;

	if (log && log->kind != KIND_STREAM)
		log = NULL;
	for (size_t i = log ? log->stream.head : 0; log && i < log->stream.len; i++) {
		const struct entry *entry = &log->stream.entries[i];

		for (size_t f = 0; f + 1 < entry->n; f += 2) {
			if (strcmp(entry->fields[f].data, "d") == 0)
				buf_add(&all, entry->fields[f + 1].data, entry->fields[f + 1].len);
		}
	}
	at = all.len > 2048 ? all.len - 2048 : 0;
	while (at > 0 && at < all.len && ((unsigned char)all.data[at] & 0xC0) == 0x80)
		at++;
	tail = text_new(buf_text(&all) + at, all.len - at);
	buf_release(&all);
	return tail;
}

static redisReply *
add_letter(struct commit_run *run, struct letter *letter)
{
	const struct cmd *args = run->args;
	int at = run->at, n = 2 * (int)cmd_int(args, at + 8);
	const char *argv[64] = { "XADD", args->argv[at + 1], "*" };
	size_t lens[64] = { 4, args->lens[at + 1], 1 };
	const struct cmd cmd = { 3 + n + 4, argv, lens };
	struct text tail = log_tail(run->redis, args, at + 5);
	char *index = xasprintf("n%s", args->argv[at + 4]);
	char *replays = lua_text(lua_call(run->redis, "HGET", args->argv[at + 3], index, NULL));
	const char *last[] = { "replays", replays[0] ? replays : "0", "log_tail", tail.data };
	redisReply *reply;

	memcpy(argv + 3, args->argv + at + 9, (size_t)n * sizeof *argv);
	memcpy(lens + 3, args->lens + at + 9, (size_t)n * sizeof *lens);
	for (int i = 0; i < 4; i++) {
		argv[3 + n + i] = last[i];
		lens[3 + n + i] = i < 3 ? strlen(last[i]) : tail.len;
	}
	run->at += 9 + n;
	reply = fake_execute(run->redis, &cmd);
	free(index);
	free(replays);
	text_free(&tail);
	if (reply->type == REDIS_REPLY_ERROR)
		return commit_undo(run, args->argv[at + 1], reply);
	GROW(run->added, run->n_added, run->cap_added);
	run->added[run->n_added].key = args->argv[at + 1];
	memcpy(run->added[run->n_added++].id, reply->str, reply->len + 1);
	memcpy(letter->id, reply->str, reply->len + 1);
	fake_push(run->ids, reply);
	return NULL;
}

redisReply *
letters_add(struct commit_run *run)
{
	redisReply *fault = NULL;

	for (long long n = commit_number(run); n > 0 && !fault; n--) {
		struct letter letter = { .at = run->at };

		if (strcmp(run->args->argv[run->at], "open") == 0)
			fault = add_letter(run, &letter);
		else
			run->at += 5;
		GROW(run->letters, run->n_letters, run->cap_letters);
		run->letters[run->n_letters++] = letter;
	}
	return fault;
}

static void
opened(struct commit_run *run, const struct letter *letter)
{
	const struct cmd *args = run->args;
	const char *key = args->argv[letter->at + 3];
	char *index = xasprintf("d%s", args->argv[letter->at + 4]);
	char *meta = xasprintf("%s/meta", letter->id);
	const char *argv[] = { "HSET", args->argv[letter->at + 2], letter->id,
		args->argv[letter->at + 6], meta, args->argv[letter->at + 7] };
	size_t lens[] = { 4, args->lens[letter->at + 2], strlen(letter->id),
		args->lens[letter->at + 6], strlen(meta), args->lens[letter->at + 7] };

	if (args->lens[letter->at + 7] > 0)
		lua_quiet(lua_execute(run->redis, &(struct cmd){ 6, argv, lens }));
	lua_quiet(lua_call(run->redis, "HSET", key, index, letter->id, NULL));
	lua_quiet(lua_pcall(run->redis, "HINCRBY", key, "dl", "1", NULL));
	free(index);
	free(meta);
}

static void
closed(struct commit_run *run, const struct letter *letter)
{
	const char *const *argv = run->args->argv + letter->at;
	const char *key = argv[2];
	char *index = xasprintf("d%s", argv[3]), *count = xasprintf("n%s", argv[3]);
	char *entry = key[0] ? lua_text(lua_call(run->redis, "HGET", key, index, NULL)) : xstrdup(argv[3]);
	redisReply *left;

	if (entry[0])
		lua_quiet(lua_pcall(run->redis, "HSET", argv[1], entry, argv[4], NULL));
	if (entry[0] && key[0]) {
		lua_quiet(lua_call(run->redis, "HDEL", key, index, NULL));
		lua_quiet(lua_pcall(run->redis, "HINCRBY", key, count, "1", NULL));
		left = lua_pcall(run->redis, "HINCRBY", key, "dl", "-1", NULL);
		if (left->type == REDIS_REPLY_INTEGER && left->integer == 0)
			lua_quiet(lua_call(run->redis, "HDEL", key, "dl", NULL));
		lua_quiet(left);
	}
	free(index);
	free(count);
	free(entry);
}

void
letters_change(struct commit_run *run)
{
	for (size_t i = 0; i < run->n_letters; i++) {
		if (run->letters[i].id[0])
			opened(run, &run->letters[i]);
		else
			closed(run, &run->letters[i]);
	}
}
