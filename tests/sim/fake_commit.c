/* SPDX-License-Identifier: MIT */
/* The commit script (wire/lua/commit.lua), written again for the fake Redis. */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "fake_private.h"

long long
commit_number(struct commit_run *run)
{
	return cmd_int(run->args, run->at++);
}

static redisReply *
bad_key(struct commit_run *run, const char *key, size_t len)
{
	return lua_answer("BADKEY", key, object_type(object_find(run->redis, key, len)));
}

static redisReply *
check_types(struct commit_run *run)
{
	static const char *const TYPES[] = { "hash", "stream", "set", "zset" };

	for (size_t i = 0; i < ARRAY_LEN(TYPES); i++) {
		for (long long n = commit_number(run); n > 0; n--, run->at++) {
			if (!lua_is_type(run->redis, run->args, run->at, TYPES[i]))
				return bad_key(run, run->args->argv[run->at],
				    run->args->lens[run->at]);
		}
	}
	return NULL;
}

static char *
run_key(const struct commit_run *run)
{
	return xasprintf("%.*srun:%s", (int)(run->keys->lens[0] - strlen("fence")),
	    run->keys->argv[0], run->args->argv[run->at]);
}

/* New runs are asked for at once; what is found is looked at like the others. */
static redisReply *
check_runs(struct commit_run *run)
{
	redisReply *fault = NULL;

	run->runs_at = run->at;
	for (long long n = commit_number(run); n > 0 && !fault; n--) {
		long long count = cmd_int(run->args, run->at + 1);
		int fields = (int)cmd_int(run->args, run->at + 2);

		run->at += 3 + fields;
		for (; count > 0 && !fault; count--, run->at += 1 + fields) {
			char *key = run_key(run);
			const char *type = object_type(object_find(run->redis, key, strlen(key)));

			if (strcmp(type, "none") != 0 && strcmp(type, "hash") != 0)
				fault = bad_key(run, key, strlen(key));
			free(key);
		}
	}
	return fault;
}

static void
write_run(struct commit_run *run, int names, int fields)
{
	char *key = run_key(run);
	const char **argv = xcalloc((size_t)fields * 2 + 2, sizeof *argv);
	size_t *lens = xcalloc((size_t)fields * 2 + 2, sizeof *lens);
	const struct cmd cmd = { 2 + 2 * fields, argv, lens };

	argv[0] = "HSET";
	lens[0] = 4;
	argv[1] = key;
	lens[1] = strlen(key);
	for (int f = 0; f < fields; f++) {
		argv[2 + 2 * f] = run->args->argv[names + f];
		lens[2 + 2 * f] = run->args->lens[names + f];
		argv[3 + 2 * f] = run->args->argv[run->at + 1 + f];
		lens[3 + 2 * f] = run->args->lens[run->at + 1 + f];
	}
	lua_quiet(lua_execute(run->redis, &cmd));
	run->at += 1 + fields;
	free(key);
	free(argv);
	free(lens);
}

static void
write_runs(struct commit_run *run)
{
	int behind = run->at;

	run->at = run->runs_at;
	for (long long n = commit_number(run); n > 0; n--) {
		long long count = cmd_int(run->args, run->at + 1);
		int fields = (int)cmd_int(run->args, run->at + 2), names = run->at + 3;

		run->at = names + fields;
		for (; count > 0; count--)
			write_run(run, names, fields);
	}
	run->at = behind;
}

static void
make_groups(struct commit_run *run)
{
	for (long long n = commit_number(run); n > 0; n--, run->at += 2)
		lua_quiet(lua_pcall(run->redis, "XGROUP", "CREATE", run->args->argv[run->at],
		    run->args->argv[run->at + 1], "0", "MKSTREAM", NULL));
}

static redisReply *
commit_undo(struct commit_run *run, const struct cmd *cmd, redisReply *error)
{
	bool wrong = strncmp(error->str, "WRONGTYPE", 9) == 0;
	redisReply *reply = wrong ? bad_key(run, cmd->argv[1], cmd->lens[1])
				  : lua_answer("XADD", cmd->argv[1], error->str);

	for (size_t i = 0; i < run->n_added; i++)
		lua_quiet(lua_call(run->redis, "XDEL", run->added[i].key, run->added[i].id, NULL));
	freeReplyObject(error);
	return reply;
}

redisReply *
commit_add(struct commit_run *run, const struct cmd *cmd)
{
	redisReply *reply = fake_execute(run->redis, cmd);

	if (reply->type == REDIS_REPLY_ERROR)
		return commit_undo(run, cmd, reply);
	GROW(run->added, run->n_added, run->cap_added);
	run->added[run->n_added].key = cmd->argv[1];
	memcpy(run->added[run->n_added++].id, reply->str, reply->len + 1);
	freeReplyObject(reply);
	return NULL;
}

#define WORDS 64

/* Entries of one stream: what differs is put at its places. */
static redisReply *
add_to(struct commit_run *run)
{
	const struct cmd *args = run->args;
	int at = run->at, words = (int)cmd_int(args, at + 1), places = (int)cmd_int(args, at + 2);
	long long entries = cmd_int(args, at + 3);
	const char *argv[2 + WORDS] = { "XADD", args->argv[at] };
	size_t lens[2 + WORDS] = { 4, args->lens[at] };
	const struct cmd cmd = { 2 + words, argv, lens };
	redisReply *fault = NULL;

	memcpy(argv + 2, args->argv + at + 4, (size_t)words * sizeof *argv);
	memcpy(lens + 2, args->lens + at + 4, (size_t)words * sizeof *lens);
	at += 4 + words;
	run->at = at + places;
	for (; entries > 0 && !fault; entries--) {
		for (int k = 0; k < places; k++, run->at++) {
			argv[cmd_int(args, at + k) + 1] = args->argv[run->at];
			lens[cmd_int(args, at + k) + 1] = args->lens[run->at];
		}
		fault = commit_add(run, &cmd);
	}
	return fault;
}

static redisReply *
add_entries(struct commit_run *run)
{
	redisReply *fault = NULL;

	for (long long n = commit_number(run); n > 0 && !fault; n--)
		fault = add_to(run);
	return fault;
}

static redisReply *
run_rest(struct commit_run *run)
{
	for (long long n = commit_number(run); n > 0; n--) {
		int argc = (int)commit_number(run);
		const struct cmd cmd = lua_slice(run->args, run->at, argc);
		redisReply *reply = fake_execute(run->redis, &cmd);

		run->at += argc;
		if (reply->type == REDIS_REPLY_ERROR)
			return reply;
		freeReplyObject(reply);
	}
	return NULL;
}

static void
count_less(struct commit_run *run)
{
	for (long long n = commit_number(run); n > 0; n--, run->at += 2) {
		const char *key = run->args->argv[run->at];
		char *less = xasprintf("-%s", run->args->argv[run->at + 1]);
		redisReply *left = lua_pcall(run->redis, "HINCRBY", key, "refs", less, NULL);

		if (left->type != REDIS_REPLY_INTEGER) {
			lua_quiet(left);
			left = fake_int(0);
		}
		if (left->integer <= 0)
			lua_quiet(lua_call(run->redis, "UNLINK", key, NULL));
		fake_push(run->answer, left);
		free(less);
	}
}

/* OK, and the ids of what was added. */
static void
begin_answer(struct commit_run *run)
{
	struct buf ids = { 0 };

	for (size_t i = 0; i < run->n_added; i++) {
		if (i > 0)
			buf_addc(&ids, ' ');
		buf_adds(&ids, run->added[i].id);
	}
	run->answer = lua_answer("OK", buf_text(&ids), NULL);
	buf_release(&ids);
}

static redisReply *
apply(struct commit_run *run)
{
	redisReply *fault = check_types(run);

	if (!fault)
		fault = check_runs(run);
	if (fault)
		return fault;
	make_groups(run);
	fault = add_entries(run);
	if (!fault)
		fault = letters_add(run);
	if (fault)
		return fault;
	letters_change(run);
	write_runs(run);
	fault = run_rest(run);
	if (fault)
		return fault;
	begin_answer(run);
	count_less(run);
	return NULL;
}

/* The cursor with the fence, if it moves. */
static void
end_commit(struct fake_redis *redis, const struct cmd *keys, const struct cmd *args,
    const char *home)
{
	char *text = xasprintf("%s:%s:%s", args->argv[0], args->argv[2], home);

	if (args->lens[3] > 0)
		lua_quiet(lua_call(redis, "MSET", keys->argv[1], args->argv[3], keys->argv[0], text,
		    NULL));
	else
		lua_quiet(lua_call(redis, "SET", keys->argv[0], text, NULL));
	free(text);
}

redisReply *
script_commit(struct fake_redis *redis, const struct cmd *keys, const struct cmd *args)
{
	struct commit_run run = { .redis = redis, .keys = keys, .args = args, .at = 4 };
	struct fence fence;
	redisReply *fault;

	if (!lua_fence_read(redis, keys->argv[0], &fence) || strcmp(fence.nonce, args->argv[0]) != 0)
		fault = lua_answer("FENCED", fence.text, NULL);
	else if (strcmp(fence.seq, args->argv[1]) != 0)
		fault = lua_answer("SEQ", fence.seq, NULL);
	else
		fault = apply(&run);
	if (!fault)
		end_commit(redis, keys, args, fence.home);
	lua_fence_release(&fence);
	free(run.added);
	letters_release(&run);
	return fault ? fault : run.answer;
}
