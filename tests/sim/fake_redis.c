/* SPDX-License-Identifier: MIT */
/* The fake Redis: keyspace, strings, scripts, log of writes. */
#include "fake_redis.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "fake_private.h"
#include "wire/lua_scripts.h"

/* --- objects ------------------------------------------------------------------ */

void
object_drop(struct fake_redis *redis, struct object *object)
{
	HASH_DEL(redis->objects, object);
	members_free(&object->members);
	stream_release(&object->stream);
	text_free(&object->string);
	text_free(&object->key);
	free(object);
}

struct object *
object_find(struct fake_redis *redis, const char *key, size_t len)
{
	struct object *object;

	HASH_FIND(hh, redis->objects, key, len, object);
	return object;
}

static struct object *
object_make(struct fake_redis *redis, const char *key, size_t len, enum kind kind)
{
	struct object *object = xcalloc(1, sizeof *object);

	object->key = text_new(key, len);
	object->kind = kind;
	HASH_ADD_KEYPTR(hh, redis->objects, object->key.data, len, object);
	return object;
}

struct object *
object_get(struct fake_redis *redis, const struct cmd *cmd, int i, enum kind kind)
{
	struct object *object = object_find(redis, cmd->argv[i], cmd->lens[i]);

	if (!object)
		return object_make(redis, cmd->argv[i], cmd->lens[i], kind);
	return object->kind == kind ? object : NULL;
}

int
object_look(struct fake_redis *redis, const struct cmd *cmd, int i, enum kind kind,
    struct object **ret_object)
{
	*ret_object = object_find(redis, cmd->argv[i], cmd->lens[i]);
	if (!*ret_object)
		return 0;
	return (*ret_object)->kind == kind ? 1 : -1;
}

redisReply *
fake_wrongtype(void)
{
	return fake_error(
	    "WRONGTYPE Operation against a key holding the wrong kind of value");
}

const char *
object_type(const struct object *object)
{
	static const char *const names[] = { "string", "hash", "set", "zset", "stream" };

	return object ? names[object->kind] : "none";
}

/* --- strings and keys ----------------------------------------------------------- */

static redisReply *
do_type(struct fake_redis *redis, const struct cmd *cmd)
{
	return fake_status(object_type(object_find(redis, cmd->argv[1], cmd->lens[1])));
}

static redisReply *
do_get(struct fake_redis *redis, const struct cmd *cmd)
{
	struct object *object;
	int is = object_look(redis, cmd, 1, KIND_STRING, &object);

	if (is < 0)
		return fake_wrongtype();
	return is ? fake_bytes(object->string.data, object->string.len) : fake_nil();
}

/* EX is taken and forgotten: worlds are shorter than any expiry. */
/* The key at i becomes the string behind it. */
static void
set_string(struct fake_redis *redis, const struct cmd *cmd, int i)
{
	struct object *object = object_find(redis, cmd->argv[i], cmd->lens[i]);

	if (object)
		object_drop(redis, object);
	object = object_make(redis, cmd->argv[i], cmd->lens[i], KIND_STRING);
	object->string = text_new(cmd->argv[i + 1], cmd->lens[i + 1]);
}

static redisReply *
do_set(struct fake_redis *redis, const struct cmd *cmd)
{
	set_string(redis, cmd, 1);
	return fake_status("OK");
}

static redisReply *
do_mset(struct fake_redis *redis, const struct cmd *cmd)
{
	if (cmd->argc % 2 == 0)
		return fake_error("ERR wrong number of arguments for 'mset' command");
	for (int i = 1; i < cmd->argc; i += 2)
		set_string(redis, cmd, i);
	return fake_status("OK");
}

static redisReply *
do_del(struct fake_redis *redis, const struct cmd *cmd)
{
	long long n = 0;

	for (int i = 1; i < cmd->argc; i++) {
		struct object *object = object_find(redis, cmd->argv[i], cmd->lens[i]);

		if (!object)
			continue;
		object_drop(redis, object);
		n++;
	}
	return fake_int(n);
}

bool
fake_read_number(const struct text *text, long long *ret_number)
{
	char *end = text->data;

	*ret_number = text->data ? strtoll(text->data, &end, 10) : 0;
	return !text->data || (end != text->data && *end == '\0');
}

static redisReply *
do_incr(struct fake_redis *redis, const struct cmd *cmd)
{
	struct object *object = object_get(redis, cmd, 1, KIND_STRING);
	char text[32];
	long long number;

	if (!object)
		return fake_wrongtype();
	if (!fake_read_number(&object->string, &number))
		return fake_error("ERR value is not an integer or out of range");
	snprintf(text, sizeof text, "%lld", number + 1);
	text_free(&object->string);
	object->string = text_new(text, strlen(text));
	return fake_int(number + 1);
}

static redisReply *
do_expire(struct fake_redis *redis, const struct cmd *cmd)
{
	return fake_int(object_find(redis, cmd->argv[1], cmd->lens[1]) != NULL);
}

static redisReply *
do_flushall(struct fake_redis *redis, const struct cmd *cmd)
{
	struct object *object, *next;

	(void)cmd;
	HASH_ITER(hh, redis->objects, object, next)
		object_drop(redis, object);
	return fake_status("OK");
}

/* --- scripts ---------------------------------------------------------------------- */

static redisReply *
run_script(struct fake_redis *redis, size_t i, const struct cmd *cmd)
{
	const struct cmd inner = { cmd->argc - 3, cmd->argv + 3, cmd->lens + 3 };
	redisReply *reply =
	    fake_script(redis, redis->scripts[i].name, &inner, (int)cmd_int(cmd, 2));

	if (redis->hook && !redis->replaying_at)
		redis->hook(redis->hook_arg, redis->scripts[i].name, inner.argc, inner.argv, reply);
	return reply;
}

static redisReply *
do_evalsha(struct fake_redis *redis, const struct cmd *cmd)
{
	for (size_t i = 0; i < redis->n_scripts; i++) {
		if (strcmp(redis->scripts[i].sha, cmd->argv[1]) == 0 &&
		    (redis->known[i] || redis->replaying_at))
			return run_script(redis, i, cmd);
	}
	return fake_error("NOSCRIPT No matching script. Please use EVAL.");
}

static redisReply *
do_eval(struct fake_redis *redis, const struct cmd *cmd)
{
	for (size_t i = 0; i < redis->n_scripts; i++) {
		if (strcmp(redis->scripts[i].body, cmd->argv[1]) != 0)
			continue;
		redis->known[i] = true;
		return run_script(redis, i, cmd);
	}
	return fake_error("ERR the fake knows the project's scripts alone");
}

static redisReply *
do_script(struct fake_redis *redis, const struct cmd *cmd)
{
	for (size_t i = 0; i < redis->n_scripts; i++) {
		if (strcasecmp(cmd->argv[1], "LOAD") != 0 ||
		    strcmp(redis->scripts[i].body, cmd->argv[2]) != 0)
			continue;
		redis->known[i] = true;
		return fake_text(redis->scripts[i].sha);
	}
	return fake_error("ERR the fake loads the project's scripts alone");
}

/* --- commands ----------------------------------------------------------------------- */

/* clang-format off */
static const struct fake_command commands[] = {
	{ "TYPE",      2, do_type,      false },
	{ "GET",       2, do_get,       false },
	{ "SET",       3, do_set,       true },
	{ "MSET",      3, do_mset,      true },
	{ "DEL",       2, do_del,       true },
	{ "UNLINK",    2, do_del,       true },
	{ "PERSIST",   2, do_expire,    false },
	{ "INCR",      2, do_incr,      true },
	{ "EXPIRE",    3, do_expire,    false },
	{ "FLUSHALL",  1, do_flushall,  true },
	{ "EVALSHA",   3, do_evalsha,   true },
	{ "EVAL",      3, do_eval,      true },
	{ "SCRIPT",    3, do_script,    false },
	{ NULL, 0, NULL, false },
};
/* clang-format on */

static const struct fake_command *
find_command(const struct fake_command *table, const char *name)
{
	for (; table->name; table++) {
		if (strcasecmp(table->name, name) == 0)
			return table;
	}
	return NULL;
}

static const struct fake_command *
command_of(const struct cmd *cmd)
{
	static const struct fake_command *const tables[] = { commands, fake_member_commands,
		fake_stream_commands, fake_group_commands, fake_audit_commands };
	const struct fake_command *command = NULL;

	for (size_t i = 0; i < ARRAY_LEN(tables) && !command; i++)
		command = find_command(tables[i], cmd->argv[0]);
	return command;
}

redisReply *
fake_execute(struct fake_redis *redis, const struct cmd *cmd)
{
	const struct fake_command *command = command_of(cmd);

	if (!command)
		return fake_error("ERR unknown command");
	if (cmd->argc < command->min_argc)
		return fake_error("ERR wrong number of arguments");
	return command->fn(redis, cmd);
}

int64_t
fake_now(const struct fake_redis *redis)
{
	return redis->replaying_at ? redis->replaying_at : redis->now(redis->arg);
}

/* --- the log ------------------------------------------------------------------------ */

static void
log_write(struct fake_redis *redis, const struct cmd *cmd)
{
	struct logged *logged;

	redis->n_writes++;
	if (!redis->logging)
		return;
	GROW(redis->log, redis->n_log, redis->cap_log);
	logged = &redis->log[redis->n_log++];
	logged->argc = cmd->argc;
	logged->at = fake_now(redis);
	logged->argv = xcalloc((size_t)cmd->argc, sizeof(char *));
	logged->lens = xmemdup(cmd->lens, (size_t)cmd->argc * sizeof *cmd->lens);
	for (int i = 0; i < cmd->argc; i++)
		logged->argv[i] = text_new(cmd->argv[i], cmd->lens[i]).data;
}

static void
logged_release(struct logged *logged)
{
	for (int i = 0; i < logged->argc; i++)
		free(logged->argv[i]);
	free(logged->argv);
	free(logged->lens);
}

struct redisReply *
fake_redis_run(struct fake_redis *redis, int argc, const char *const *argv, const size_t *lens)
{
	const struct cmd cmd = { argc, argv, lens };
	const struct fake_command *command = command_of(&cmd);
	redisReply *reply = fake_execute(redis, &cmd);

	if (command && command->writes && reply->type != REDIS_REPLY_ERROR)
		log_write(redis, &cmd);
	return reply;
}

struct redisReply *
fake_redis_call(struct fake_redis *redis, ...)
{
	const char *argv[32];
	size_t lens[32];
	va_list ap;
	int argc = 0;

	va_start(ap, redis);
	while (argc < 32 && (argv[argc] = va_arg(ap, const char *)) != NULL) {
		lens[argc] = strlen(argv[argc]);
		argc++;
	}
	va_end(ap);
	return fake_redis_run(redis, argc, argv, lens);
}

struct redisReply *
fake_redis_script(struct fake_redis *redis, const char *name, int nkeys, int argc,
    const char *const *argv)
{
	const char *all[96] = { "EVAL" };
	size_t lens[96], i = 0;
	char number[12];

	while (i + 1 < redis->n_scripts && strcmp(redis->scripts[i].name, name) != 0)
		i++;
	all[1] = redis->scripts[i].body;
	snprintf(number, sizeof number, "%d", nkeys);
	all[2] = number;
	for (int k = 0; k < argc && k < 93; k++)
		all[3 + k] = argv[k];
	for (int k = 0; k < argc + 3 && k < 96; k++)
		lens[k] = strlen(all[k]);
	return fake_redis_run(redis, argc + 3, all, lens);
}

size_t
fake_redis_writes(const struct fake_redis *redis)
{
	return redis->n_writes;
}

void
fake_redis_set_logging(struct fake_redis *redis, bool on)
{
	redis->logging = on;
}

void
fake_redis_restart(struct fake_redis *redis, size_t writes)
{
	memset(redis->known, 0, sizeof redis->known);
	if (!redis->logging || writes >= redis->n_log)
		return;
	freeReplyObject(do_flushall(redis, NULL));
	for (size_t i = 0; i < redis->n_log; i++) {
		struct logged *logged = &redis->log[i];
		const struct cmd cmd = { logged->argc, (const char *const *)logged->argv,
			logged->lens };

		redis->replaying_at = logged->at;
		if (i < writes)
			freeReplyObject(fake_execute(redis, &cmd));
		else
			logged_release(logged);
	}
	redis->replaying_at = 0;
	redis->n_log = redis->n_writes = writes;
}

void
fake_redis_push_id(struct fake_redis *redis, struct stream_id id)
{
	if (redis->at_ids == redis->n_ids)
		redis->at_ids = redis->n_ids = 0;
	GROW(redis->ids, redis->n_ids, redis->cap_ids);
	redis->ids[redis->n_ids++] = id;
}

void
fake_redis_set_hook(struct fake_redis *redis, fake_redis_hook *hook, void *arg)
{
	redis->hook = hook;
	redis->hook_arg = arg;
}

/* --- life ---------------------------------------------------------------------------- */

struct fake_redis *
fake_redis_new(int64_t (*now)(void *arg), void *arg)
{
	struct fake_redis *redis = xcalloc(1, sizeof *redis);

	redis->now = now;
	redis->arg = arg;
	redis->logging = true;
	for (const struct lua_script *lua = lua_scripts; lua->name; lua++)
		(void)redis_script_init(&redis->scripts[redis->n_scripts++], lua->name, lua->text,
		    lua->len, NULL);
	return redis;
}

void
fake_redis_free(struct fake_redis *redis)
{
	if (!redis)
		return;
	freeReplyObject(do_flushall(redis, NULL));
	for (size_t i = 0; i < redis->n_log; i++)
		logged_release(&redis->log[i]);
	free(redis->log);
	free(redis->ids);
	free(redis);
}
