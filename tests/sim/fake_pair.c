/* SPDX-License-Identifier: MIT */
/* Sends commands to the fake Redis and a real one, and compares what comes back. */
#include "fake_pair.h"
#include "wire/pack.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int64_t
pair_clock(void *arg)
{
	(void)arg;
	return 5;
}

unsigned
below(struct pair *pair, unsigned n)
{
	return (unsigned)rng_below(&pair->rng, n);
}

void
add(struct line *line, const char *text)
{
	assert_true(line->argc < MAX_ARGS);
	line->argv[line->argc++] = arena_strdup(&line->arena, text);
}

void
add_number(struct line *line, unsigned number)
{
	char text[16];

	snprintf(text, sizeof text, "%u", number);
	add(line, text);
}

void
pack_words(struct buf *out, const char *const *words, size_t n)
{
	const char *texts[MAX_ARGS];
	size_t lens[MAX_ARGS];

	assert_true(n <= MAX_ARGS);
	for (size_t i = 0; i < n; i++) {
		bool counts = *words[i] && strspn(words[i], "0123456789") == strlen(words[i]);

		texts[i] = counts ? NULL : words[i];
		lens[i] = counts ? strtoul(words[i], NULL, 10) : strlen(words[i]);
	}
	pack_texts(out, texts, lens, n);
}

void
pack_from(struct line *line, int from)
{
	struct buf packed = { 0 };

	pack_words(&packed, line->argv + from, (size_t)(line->argc - from));
	line->argv[from] = memcpy(arena_alloc(&line->arena, packed.len), packed.data, packed.len);
	line->packed = packed.len;
	line->argc = from + 1;
	buf_release(&packed);
}

/* --- comparing -------------------------------------------------------------------- */

void
print_reply(struct buf *out, const redisReply *reply)
{
	switch (reply->type) {
	case REDIS_REPLY_ERROR:
		/* the first word: the rest of the sentence is for people */
		buf_printf(out, "-%.*s", (int)strcspn(reply->str, " "), reply->str);
		return;
	case REDIS_REPLY_NIL:
		buf_adds(out, "nil");
		return;
	case REDIS_REPLY_INTEGER:
		buf_addi(out, reply->integer);
		return;
	case REDIS_REPLY_ARRAY:
		buf_addc(out, '[');
		for (size_t i = 0; i < reply->elements; i++) {
			print_reply(out, reply->element[i]);
			buf_addc(out, ' ');
		}
		buf_addc(out, ']');
		return;
	default:
		buf_add(out, reply->str, reply->len);
	}
}

static int
by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Members of sets and hashes have no order: sorted by width. */
static void
sort_reply(redisReply *reply, size_t width)
{
	size_t n = reply->elements / width;
	char **texts = xcalloc(n ? n : 1, sizeof *texts);
	struct buf all = { 0 };

	for (size_t i = 0; i < n; i++) {
		struct buf text = { 0 };

		for (size_t k = 0; k < width; k++) {
			print_reply(&text, reply->element[i * width + k]);
			buf_addc(&text, '=');
		}
		texts[i] = buf_steal(&text);
	}
	qsort(texts, n, sizeof *texts, by_text);
	for (size_t i = 0; i < n; i++)
		buf_printf(&all, "%s ", texts[i]);
	for (size_t i = 0; i < n; i++)
		free(texts[i]);
	free(texts);
	for (size_t i = 0; i < reply->elements; i++)
		freeReplyObject(reply->element[i]);
	reply->elements = 1;
	reply->element = xreallocarray(reply->element, 1, sizeof(redisReply *));
	reply->element[0] = xcalloc(1, sizeof **reply->element);
	reply->element[0]->type = REDIS_REPLY_STRING;
	reply->element[0]->len = all.len;
	reply->element[0]->str = buf_steal(&all);
}

/* Idle times of XPENDING are the real one's alone. */
static void
mask_idle(redisReply *reply)
{
	for (size_t i = 0; i < reply->elements; i++)
		if (reply->element[i]->type == REDIS_REPLY_ARRAY && reply->element[i]->elements == 4 &&
		    reply->element[i]->element[2]->type == REDIS_REPLY_INTEGER)
			reply->element[i]->element[2]->integer = 0;
}

/* XINFO: the pairs that the project reads. */
static void
keep_pairs(struct buf *out, const redisReply *reply)
{
	static const char *const names[] = { "name", "pending", "last-delivered-id", "length",
		"last-generated-id", "groups" };

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		for (size_t k = 0; k + 1 < reply->elements; k += 2) {
			if (reply->element[k]->type != REDIS_REPLY_STRING ||
			    strcmp(reply->element[k]->str, names[i]) != 0)
				continue;
			buf_printf(out, "%s=", names[i]);
			print_reply(out, reply->element[k + 1]);
			buf_addc(out, ' ');
		}
	}
}

static char *
shown(const struct line *line, redisReply *reply)
{
	const char *name = line->argv[0];
	struct buf out = { 0 };

	if (reply->type == REDIS_REPLY_ARRAY) {
		if (strcmp(name, "HGETALL") == 0)
			sort_reply(reply, 2);
		else if (strcmp(name, "SMEMBERS") == 0)
			sort_reply(reply, 1);
		else if (strcmp(name, "HSCAN") == 0)
			sort_reply(reply->element[1], 2);
		else if (strcmp(name, "SSCAN") == 0)
			sort_reply(reply->element[1], 1);
		else if (strcmp(name, "XPENDING") == 0)
			mask_idle(reply);
		if (strcmp(name, "XINFO") == 0 && strcmp(line->argv[1], "STREAM") == 0) {
			keep_pairs(&out, reply);
			return buf_steal(&out);
		}
		for (size_t i = 0; strcmp(name, "XINFO") == 0 && i < reply->elements; i++)
			keep_pairs(&out, reply->element[i]);
		if (strcmp(name, "XINFO") == 0)
			return out.len ? buf_steal(&out) : xstrdup("");
	}
	print_reply(&out, reply);
	return buf_steal(&out);
}

/* --- both ------------------------------------------------------------------------------ */

static const char *
script_name(const struct line *line)
{
	for (const struct lua_script *lua = lua_scripts; lua->name; lua++) {
		if (strcmp(lua->text, line->argv[1]) == 0)
			return lua->name;
	}
	return "";
}

/* What a script answered, to its second word: each kind is noted once. */
static void
note_answer(struct pair *pair, const struct line *line, const char *shown)
{
	struct buf kind = { 0 };
	size_t len = strcspn(shown, " ");

	if (strcmp(line->argv[0], "EVAL") != 0)
		return;
	if (shown[len] == ' ')
		len += 1 + strcspn(shown + len + 1, " ");
	buf_printf(&kind, " %s:%.*s", script_name(line), (int)(len < 30 ? len : 30), shown);
	if (!pair->answers.len || !strstr(pair->answers.data, kind.data))
		buf_adds(&pair->answers, kind.data);
	buf_release(&kind);
}

static void
push_followed(struct pair *pair)
{
	char from[STREAM_ID_SIZE + 1] = "(";
	redisReply *reply;
	struct stream_id id;

	stream_id_format(pair->follow_from, from + 1);
	reply = redisCommand(pair->real, "XRANGE %s %s +", pair->follow, from);
	for (size_t i = 0; reply->type == REDIS_REPLY_ARRAY && i < reply->elements; i++) {
		if (stream_id_parse(reply->element[i]->element[0]->str,
			reply->element[i]->element[0]->len, &id))
			fake_redis_push_id(pair->fake, id);
	}
	freeReplyObject(reply);
}

/* The ids that the real one made are the fake's next ones. */
static void
push_ids(struct pair *pair, const struct line *line, const redisReply *reply)
{
	struct stream_id id;

	if (reply->type == REDIS_REPLY_STRING && strcmp(line->argv[0], "XADD") == 0 &&
	    stream_id_parse(reply->str, reply->len, &id)) {
		if (strcmp(line->argv[2], "*") == 0 || strcmp(line->argv[2], "MAXLEN") == 0)
			fake_redis_push_id(pair->fake, id);
		snprintf(pair->seen[pair->n_seen++ % 32], STREAM_ID_SIZE, "%s", reply->str);
	}
	if (pair->follow)
		push_followed(pair);
	if (strcmp(line->argv[0], "EVAL") != 0 || reply->type != REDIS_REPLY_ARRAY ||
	    strcmp(script_name(line), "commit") != 0)
		return;
	for (const char *at = reply->elements > 1 ? reply->element[1]->str : ""; at && *at;
	     at += strcspn(at, " "), at += *at == ' ') {
		if (stream_id_parse(at, strcspn(at, " "), &id) && id.ms > 1000000)
			fake_redis_push_id(pair->fake, id);
	}
}

void
both(struct pair *pair, struct line *line)
{
	size_t lens[MAX_ARGS];
	redisReply *real, *fake;
	char *a, *b;

	for (int i = 0; i < line->argc; i++)
		lens[i] = strlen(line->argv[i]);
	if (line->packed > 0)
		lens[line->argc - 1] = line->packed;
	real = redisCommandArgv(pair->real, line->argc, (const char **)line->argv, lens);
	assert_non_null(real);
	push_ids(pair, line, real);
	fake = fake_redis_run(pair->fake, line->argc, line->argv, lens);
	a = shown(line, real);
	b = shown(line, fake);
	if (strcmp(a, b) != 0) {
		for (int i = 0; i < line->argc; i++)
			print_error("%s ", strlen(line->argv[i]) > 300 ? "(script)" : line->argv[i]);
		fail_msg("call %u\nreal: %s\nfake: %s", pair->calls, a, b);
	}
	note_answer(pair, line, a);
	pair->calls++;
	free(a);
	free(b);
	freeReplyObject(real);
	freeReplyObject(fake);
	arena_release(&line->arena);
	*line = (struct line){ 0 };
}

/* --- all keys ------------------------------------------------------------------------------ */

const char *const pair_keys[PAIR_KEYS] = { "s1", "s2", "h1", "h2", "set1", "set2", "z1", "x1", "x2", "x3",
	"reeve:{0}:fence", "reeve:{0}:beat", "reeve:{0}:cursor", "reeve:{0}:meta",
	"reeve:{0}:run:a", "reeve:{0}:run:b" };

void
compare_key(struct pair *pair, const char *key)
{
	BOTH(pair, "TYPE", key);
	BOTH(pair, "GET", key);
	BOTH(pair, "HGETALL", key);
	BOTH(pair, "SMEMBERS", key);
	BOTH(pair, "ZREVRANGE", key, "0", "-1");
	BOTH(pair, "XRANGE", key, "-", "+");
	BOTH(pair, "XINFO", "STREAM", key);
	BOTH(pair, "XINFO", "GROUPS", key);
	BOTH(pair, "XPENDING", key, "g1", "-", "+", "1000");
	BOTH(pair, "XPENDING", key, "g2", "-", "+", "1000");
}

void
compare_all(struct pair *pair)
{
	for (size_t i = 0; i < PAIR_KEYS; i++) {
		/* created_at and such are given: nothing here depends on a clock */
		compare_key(pair, pair_keys[i]);
	}
}

void
add_script(struct line *line, const char *name, const char *nkeys)
{
	const struct lua_script *lua = lua_scripts;

	while (strcmp(lua->name, name) != 0)
		lua++;
	add(line, "EVAL");
	add(line, lua->text);
	add(line, nkeys);
}
