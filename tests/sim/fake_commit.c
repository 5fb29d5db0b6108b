/* SPDX-License-Identifier: MIT */
/* The commit script (wire/lua/commit.lua), written again for the fake Redis. */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "fake_private.h"
#include "unpack.h"

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

/* An error where no other key depends on this one. */
static void
note(struct commit_run *run, const char *key, const redisReply *reply)
{
	const char *last = strrchr(buf_text(&run->bad), ' ');

	if (reply->type != REDIS_REPLY_ERROR ||
	    strcmp(last ? last + 1 : buf_text(&run->bad), key) == 0)
		return;
	buf_printf(&run->bad, "%s%s", run->bad.len > 0 ? " " : "", key);
}

static redisReply *
check_types(struct commit_run *run)
{
	static const char *const TYPES[][2] = { { "HLEN", "hash" }, { "XLEN", "stream" },
		{ "SCARD", "set" }, { "ZCARD", "zset" } };

	for (long long n = commit_number(run); n > 0; n--, run->at += 2) {
		size_t type = 0;

		while (strcmp(TYPES[type][0], run->args->argv[run->at]) != 0)
			type++;
		if (!lua_is_type(run->redis, run->args, run->at + 1, TYPES[type][1]))
			return bad_key(run, run->args->argv[run->at + 1],
			    run->args->lens[run->at + 1]);
	}
	return NULL;
}

static char *
run_key(const struct commit_run *run)
{
	return xasprintf("%.*srun:%s", (int)(run->keys->lens[0] - strlen("fence")),
	    run->keys->argv[0], run->args->argv[run->at]);
}

static redisReply *
check_run(struct commit_run *run)
{
	char *key = run_key(run);
	const char *type = object_type(object_find(run->redis, key, strlen(key)));
	redisReply *fault = NULL;

	if (strcmp(type, "none") != 0 && strcmp(type, "hash") != 0)
		fault = bad_key(run, key, strlen(key));
	free(key);
	return fault;
}

/* Of one group of runs: where their names stand, and how far apart their values. */
struct run_group {
	bool old;
	long long count;
	int fields, names, step;
};

/* From here on the runs follow: of one alone, names and values by turns. */
static struct run_group
next_group(struct commit_run *run)
{
	struct run_group group = {
		.old = strcmp(run->args->argv[run->at], "old") == 0,
		.count = cmd_int(run->args, run->at + 1),
		.fields = (int)cmd_int(run->args, run->at + 2),
		.names = run->at + 3,
	};

	group.step = 1 + group.fields;
	run->at = group.names + group.fields;
	if (group.count == 1) {
		run->at = group.names;
		group.names++;
		group.step += group.fields;
	}
	return group;
}

/* New runs are asked for at once; what is found is looked at like those to be sure of. */
static redisReply *
check_runs(struct commit_run *run)
{
	redisReply *fault = NULL;

	run->runs_at = run->at;
	for (long long n = commit_number(run); n > 0 && !fault; n--) {
		struct run_group group = next_group(run);

		for (; group.count > 0 && !fault; group.count--, run->at += group.step)
			fault = group.old ? NULL : check_run(run);
	}
	return fault;
}

static void
write_run(struct commit_run *run, const struct run_group *group)
{
	bool alone = group->step > 1 + group->fields;
	int names = group->names, values = run->at + (alone ? 2 : 1), step = alone ? 2 : 1;
	char *key = run_key(run);
	const char **argv = xcalloc((size_t)group->fields * 2 + 2, sizeof *argv);
	size_t *lens = xcalloc((size_t)group->fields * 2 + 2, sizeof *lens);
	const struct cmd cmd = { 2 + 2 * group->fields, argv, lens };
	redisReply *reply;

	argv[0] = "HSET";
	lens[0] = 4;
	argv[1] = key;
	lens[1] = strlen(key);
	for (int f = 0; f < group->fields; f++) {
		argv[2 + 2 * f] = run->args->argv[names + f * step];
		lens[2 + 2 * f] = run->args->lens[names + f * step];
		argv[3 + 2 * f] = run->args->argv[values + f * step];
		lens[3 + 2 * f] = run->args->lens[values + f * step];
	}
	reply = fake_execute(run->redis, &cmd);
	note(run, key, reply);
	freeReplyObject(reply);
	run->at += group->step;
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
		const struct run_group group = next_group(run);

		for (long long k = 0; k < group.count; k++)
			write_run(run, &group);
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
		lua_quiet(lua_pcall(run->redis, "XDEL", run->added[i].key, run->added[i].id, NULL));
	freeReplyObject(error);
	return reply;
}

redisReply *
commit_add(struct commit_run *run, const struct cmd *cmd, bool must)
{
	redisReply *reply = fake_execute(run->redis, cmd);
	bool failed = reply->type == REDIS_REPLY_ERROR;

	if (failed && must)
		return commit_undo(run, cmd, reply);
	note(run, cmd->argv[1], reply);
	GROW(run->added, run->n_added, run->cap_added);
	run->added[run->n_added].key = cmd->argv[1];
	snprintf(run->added[run->n_added++].id, STREAM_ID_SIZE, "%s", failed ? "0-0" : reply->str);
	freeReplyObject(reply);
	return NULL;
}

#define WORDS 64

/* Entries of one stream: what differs is put at its places. */
static redisReply *
add_to(struct commit_run *run, bool must)
{
	const struct cmd *args = run->args;
	int at = run->at, words = (int)cmd_int(args, at + 2), places = (int)cmd_int(args, at + 3);
	long long entries = cmd_int(args, at + 4);
	const char *argv[2 + WORDS] = { "XADD", args->argv[at] };
	size_t lens[2 + WORDS] = { 4, args->lens[at] };
	const struct cmd cmd = { 2 + words, argv, lens };
	redisReply *fault = NULL;

	memcpy(argv + 2, args->argv + at + 5, (size_t)words * sizeof *argv);
	memcpy(lens + 2, args->lens + at + 5, (size_t)words * sizeof *lens);
	if (args->lens[at + 1] > 0)
		lua_quiet(lua_pcall(run->redis, "XTRIM", argv[1], "MINID", "=", args->argv[at + 1],
		    NULL));
	at += 5 + words;
	run->at = at + places;
	for (; entries > 0 && !fault; entries--) {
		for (int k = 0; k < places; k++, run->at++) {
			argv[cmd_int(args, at + k) + 1] = args->argv[run->at];
			lens[cmd_int(args, at + k) + 1] = args->lens[run->at];
		}
		fault = commit_add(run, &cmd, must);
	}
	return fault;
}

static redisReply *
add_entries(struct commit_run *run)
{
	redisReply *fault = NULL;

	for (long long n = commit_number(run); n > 0 && !fault; n--)
		fault = add_to(run, true);
	return fault;
}

static void
skip_tasks(struct commit_run *run)
{
	run->tasks_at = run->at;
	for (long long n = commit_number(run); n > 0; n--) {
		int words = (int)cmd_int(run->args, run->at + 2);
		int places = (int)cmd_int(run->args, run->at + 3);

		run->at += 5 + words + places + places * (int)cmd_int(run->args, run->at + 4);
	}
}

static void
add_tasks(struct commit_run *run)
{
	int behind = run->at;

	run->at = run->tasks_at;
	for (long long n = commit_number(run); n > 0; n--)
		(void)add_to(run, false);
	run->at = behind;
}

static void
run_rest(struct commit_run *run)
{
	for (long long n = commit_number(run); n > 0; n--) {
		int argc = (int)commit_number(run);
		const struct cmd cmd = lua_slice(run->args, run->at, argc);
		redisReply *reply = fake_execute(run->redis, &cmd);

		run->at += argc;
		note(run, cmd.argv[1], reply);
		freeReplyObject(reply);
	}
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
	run->answer = lua_answer("OK", buf_text(&ids), buf_text(&run->bad));
	buf_release(&ids);
}

static redisReply *
apply_sections(struct commit_run *run)
{
	redisReply *fault = check_types(run);

	if (!fault)
		fault = check_runs(run);
	if (fault)
		return fault;
	make_groups(run);
	skip_tasks(run);
	fault = add_entries(run);
	if (!fault)
		fault = letters_add(run);
	if (fault)
		return fault;
	letters_change(run);
	write_runs(run);
	add_tasks(run);
	run_rest(run);
	begin_answer(run);
	count_less(run);
	return NULL;
}

#define ARGS_PLAIN 4 /* nonce, seq, seq + 1, cursor */

/* The sections are packed; what is to be read of them is copied before this returns. */
static redisReply *
apply(struct commit_run *run)
{
	const struct cmd *packed = run->args;
	struct unpacked all =
	    unpack_args(packed->argc, packed->argv, packed->lens, ARGS_PLAIN);
	const struct cmd args = { (int)all.len, all.v, all.n };
	redisReply *fault;

	run->args = &args;
	run->at = ARGS_PLAIN;
	fault = apply_sections(run);
	run->args = packed;
	unpacked_release(&all);
	return fault;
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
	struct commit_run run = { .redis = redis, .keys = keys, .args = args };
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
	buf_release(&run.bad);
	letters_release(&run);
	return fault ? fault : run.answer;
}
