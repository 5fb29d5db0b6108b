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

/* The last field of that name of an entry of a task stream; false: there is none. */
static bool
handed_out(struct fake_redis *redis, const char *queue, const char *entry, const char *name,
    struct text *ret_text)
{
	redisReply *found = lua_pcall(redis, "XRANGE", queue, entry, entry, NULL);
	const redisReply *fields = found->type == REDIS_REPLY_ARRAY && found->elements > 0
	    ? found->element[0]->element[1]
	    : NULL;
	bool is = false;

	for (size_t i = 0; fields && i + 1 < fields->elements; i += 2) {
		if (strcmp(fields->element[i]->str, name) != 0)
			continue;
		if (is)
			text_free(ret_text);
		*ret_text = text_new(fields->element[i + 1]->str, fields->element[i + 1]->len);
		is = true;
	}
	freeReplyObject(found);
	return is;
}

/* Its own, or those of the entry; false: that is gone. */
static bool
find_body(struct commit_run *run, int at, struct text *ret_body, struct text *ret_meta)
{
	const struct cmd *args = run->args;

	if (args->lens[at + 7] == 0) {
		*ret_body = text_new(args->argv[at + 9], args->lens[at + 9]);
		*ret_meta = text_new(args->argv[at + 10], args->lens[at + 10]);
		return true;
	}
	if (!handed_out(run->redis, args->argv[at + 7], args->argv[at + 8], "body", ret_body))
		return false;
	if (!handed_out(run->redis, args->argv[at + 7], args->argv[at + 8], "meta", ret_meta))
		*ret_meta = text_new("", 0);
	return true;
}

static redisReply *
add_letter(struct commit_run *run, struct letter *letter)
{
	const struct cmd *args = run->args;
	int at = run->at, n = 2 * (int)cmd_int(args, at + 11);
	const char *argv[64] = { "XADD", args->argv[at + 1], "*" };
	size_t lens[64] = { 4, args->lens[at + 1], 1 };
	const struct cmd cmd = { 3 + n + 6, argv, lens };
	struct text tail = log_tail(run->redis, args, at + 5);
	char *index = xasprintf("n%s", args->argv[at + 4]);
	char *replays = lua_text(lua_call(run->redis, "HGET", args->argv[at + 3], index, NULL));
	bool whole = find_body(run, at, &letter->body, &letter->meta);
	const char *last[] = { "kind", whole ? args->argv[at + 6] : "", "replays",
		replays[0] ? replays : "0", "log_tail", tail.data };
	redisReply *fault;

	memcpy(argv + 3, args->argv + at + 12, (size_t)n * sizeof *argv);
	memcpy(lens + 3, args->lens + at + 12, (size_t)n * sizeof *lens);
	for (int i = 0; i < 6; i++) {
		argv[3 + n + i] = last[i];
		lens[3 + n + i] = i < 5 ? strlen(last[i]) : tail.len;
	}
	run->at += 12 + n;
	fault = commit_add(run, &cmd, true);
	free(index);
	free(replays);
	text_free(&tail);
	if (!fault)
		memcpy(letter->id, run->added[run->n_added - 1].id, sizeof letter->id);
	return fault;
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
		letter->body.data, meta, letter->meta.data };
	size_t lens[] = { 4, args->lens[letter->at + 2], strlen(letter->id),
		letter->body.len, strlen(meta), letter->meta.len };

	if (letter->meta.len > 0)
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

void
letters_release(struct commit_run *run)
{
	for (size_t i = 0; i < run->n_letters; i++) {
		text_free(&run->letters[i].body);
		text_free(&run->letters[i].meta);
	}
	free(run->letters);
}
