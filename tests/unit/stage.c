/* SPDX-License-Identifier: MIT */
/* Two owners, one Redis, and connections in the hands of the test. */
#include "stage.h"

#include <hiredis/hiredis.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "test.h"

#include "base/mem.h"
#include "model/load.h"

struct waiting {
	int argc;
	const char **argv;
	size_t *lens;
	redis_reply_fn *fn;
	void *arg;
	redisReply *reply;
	int64_t blocked_until; /* 0: it does not block */
	struct waiting *next;
};

static void
waiting_free(struct waiting *waiting)
{
	for (int i = 0; i < waiting->argc; i++)
		free((char *)(uintptr_t)waiting->argv[i]);
	free(waiting->argv);
	free(waiting->lens);
	freeReplyObject(waiting->reply);
	free(waiting);
}

/* --- redis ---------------------------------------------------------------------- */

/* The real one is not asked to wait: the stage does, by its own clock. */
static redisReply *
run_real(struct stage *stage, int argc, const char *const *argv, const size_t *lens)
{
	const char **args = xcalloc((size_t)argc, sizeof *args);
	size_t *sizes = xcalloc((size_t)argc, sizeof *sizes);
	redisReply *reply;
	int n = 0;

	for (int i = 0; i < argc; i++) {
		if (strcmp(argv[0], "XREAD") == 0 && strcmp(argv[i], "BLOCK") == 0) {
			i++;
			continue;
		}
		args[n] = argv[i];
		sizes[n++] = lens[i];
	}
	reply = redisCommandArgv(stage->real, n, args, sizes);
	assert_non_null(reply);
	free(args);
	free(sizes);
	return reply;
}

static redisReply *
run(struct stage *stage, int argc, const char *const *argv, const size_t *lens)
{
	if (stage->real)
		return run_real(stage, argc, argv, lens);
	return fake_redis_run(stage->redis, argc, argv, lens);
}

struct redisReply *
stage_call(struct stage *stage, ...)
{
	const char *argv[32];
	size_t lens[32];
	va_list ap;
	int argc = 0;

	va_start(ap, stage);
	while (argc < 32 && (argv[argc] = va_arg(ap, const char *)) != NULL) {
		lens[argc] = strlen(argv[argc]);
		argc++;
	}
	va_end(ap);
	return run(stage, argc, argv, lens);
}

/* --- connections ---------------------------------------------------------------- */

static int
port_send(struct redis_port *base, int argc, const char *const *argv, const size_t *lens,
    int64_t timeout_ms, redis_reply_fn *fn, void *arg)
{
	struct stage_port *port = (struct stage_port *)base;
	struct waiting *waiting;

	(void)timeout_ms;
	if (!port->up)
		return ERR_UNAVAILABLE;
	waiting = xcalloc(1, sizeof *waiting);
	*waiting = (struct waiting){ .argc = argc, .fn = fn, .arg = arg };
	waiting->argv = xcalloc((size_t)argc, sizeof *waiting->argv);
	waiting->lens = xcalloc((size_t)argc, sizeof *waiting->lens);
	for (int i = 0; i < argc; i++) {
		char *copy;

		waiting->lens[i] = lens ? lens[i] : strlen(argv[i]);
		copy = xcalloc(1, waiting->lens[i] + 1);
		memcpy(copy, argv[i], waiting->lens[i]);
		waiting->argv[i] = copy;
		if (i > 0 && strcmp(waiting->argv[i - 1], "BLOCK") == 0)
			waiting->blocked_until = port->stage->now + atoll(copy);
	}
	*port->last = waiting;
	port->last = &waiting->next;
	return 0;
}

static void
port_reset(struct redis_port *base, const char *why)
{
	(void)why;
	((struct stage_port *)base)->resets++;
}

/* true: it was executed (now or before) and has an answer to give. */
static bool
execute(struct stage_port *port, struct waiting *waiting)
{
	if (waiting->reply)
		return true;
	waiting->reply = run(port->stage, waiting->argc, waiting->argv, waiting->lens);
	if (waiting->blocked_until <= port->stage->now ||
	    waiting->reply->type != REDIS_REPLY_NIL)
		return true;
	freeReplyObject(waiting->reply);
	waiting->reply = NULL;
	return false;
}

static bool
answer(struct stage_port *port)
{
	struct waiting *waiting = port->first;
	struct err none = { 0 };

	if (!port->up || !waiting || !execute(port, waiting))
		return false;
	port->first = waiting->next;
	if (!port->first)
		port->last = &port->first;
	waiting->fn(waiting->arg, waiting->reply, &none);
	waiting_free(waiting);
	return true;
}

static void
drop(struct stage_port *port, bool late, int code)
{
	struct waiting *waiting;
	struct err err;

	err_set(&err, code, "cut");
	port->up = false;
	while ((waiting = port->first) != NULL) {
		port->first = waiting->next;
		waiting->fn(waiting->arg, NULL, &err);
		if (late && !waiting->reply) {
			waiting->next = port->late;
			port->late = waiting;
		} else {
			waiting_free(waiting);
		}
	}
	port->last = &port->first;
}

/* --- owners --------------------------------------------------------------------- */

static void
now_of(void *arg, struct moment *ret_now)
{
	const struct stage *stage = ((struct owner *)arg)->stage;

	*ret_now = (struct moment){ stage->now, 1700000000000 + stage->now + stage->wall_ahead };
}

static int64_t
wall(void *arg)
{
	return 1700000000000 + ((struct stage *)arg)->now;
}

static void
on_state(void *arg, enum partition_state state, const char *why)
{
	struct owner *owner = arg;

	owner->states[state]++;
	snprintf(owner->why, sizeof owner->why, "%s", why);
}

static void
port_init(struct stage_port *port, struct stage *stage)
{
	*port = (struct stage_port){ .port = { port_send, port_reset }, .stage = stage };
	port->last = &port->first;
}

void
owner_start(struct owner *owner)
{
	struct stage *stage = owner->stage;
	struct partition_config config = { .partitions = 1, .on_loss = owner->stage->on_loss,
		.known_nonce = owner->stage->known_nonce, .audit_ms = owner->stage->audit_ms,
		.gather = owner->stage->gather,
		.home = owner == &stage->a ? "aaaaaaaaaaaaaaaa" : "bbbbbbbbbbbbbbbb",
		.rng = &owner->rng, .metrics = &owner->metrics, .now = now_of, .on_state = on_state,
		.arg = owner };

	engine_config_defaults(&config.engine);
	config.engine.high_water_min = config.engine.window;
	rng_init(&owner->rng, rng_u64(&stage->rng));
	port_init(&owner->commands, stage);
	port_init(&owner->reads, stage);
	owner->partition =
	    partition_new(&config, &owner->commands.port, &owner->reads.port, NULL);
	assert_non_null(owner->partition);
	owner_up(owner);
	owner->reads.up = true;
	partition_reads_up(owner->partition);
}

void
owner_end(struct owner *owner)
{
	if (!owner->partition)
		return;
	drop(&owner->commands, false, ERR_UNAVAILABLE);
	drop(&owner->reads, false, ERR_UNAVAILABLE);
	partition_free(owner->partition);
	owner->partition = NULL;
	while (owner->commands.late) {
		struct waiting *waiting = owner->commands.late;

		owner->commands.late = waiting->next;
		waiting_free(waiting);
	}
}

bool
owner_step(struct owner *owner)
{
	bool moved;

	partition_turn(owner->partition);
	moved = answer(&owner->commands);
	moved |= answer(&owner->reads);
	return moved || owner->commands.first;
}

bool
owner_read(struct owner *owner)
{
	return answer(&owner->reads);
}

void
owner_settle(struct owner *owner)
{
	for (int i = 0; i < 20000; i++) {
		if (!owner_step(owner))
			return;
	}
	fail_msg("the owner does not come to rest: %s", owner->why);
}

void
owner_execute(struct owner *owner)
{
	for (struct waiting *waiting = owner->commands.first; waiting; waiting = waiting->next)
		(void)execute(&owner->commands, waiting);
}

void
owner_execute_one(struct owner *owner, const char *error)
{
	struct waiting *waiting = owner->commands.first;

	while (waiting && waiting->reply)
		waiting = waiting->next;
	assert_non_null(waiting);
	if (!error) {
		assert_true(execute(&owner->commands, waiting));
		return;
	}
	waiting->reply = xcalloc(1, sizeof *waiting->reply);
	waiting->reply->type = REDIS_REPLY_ERROR;
	waiting->reply->str = xstrdup(error);
	waiting->reply->len = strlen(error);
}

void
owner_cut(struct owner *owner, bool late)
{
	struct err err;

	err_set(&err, ERR_UNREACHABLE, "cut");
	drop(&owner->commands, late, ERR_UNREACHABLE);
	partition_commands_down(owner->partition, &err);
}

void
owner_up(struct owner *owner)
{
	owner->commands.up = true;
	partition_commands_up(owner->partition);
}

void
owner_run_late(struct owner *owner)
{
	struct waiting *waiting;

	while ((waiting = owner->commands.late) != NULL) {
		owner->commands.late = waiting->next;
		(void)execute(&owner->commands, waiting);
		waiting_free(waiting);
	}
}

void
owner_reads_down(struct owner *owner, int code)
{
	struct err err;

	err_set(&err, code, "cut");
	drop(&owner->reads, false, code);
	partition_reads_down(owner->partition, &err);
	owner->reads.up = true;
	partition_reads_up(owner->partition);
}

struct run_id
owner_submit(struct owner *owner, const char *yaml, partition_fn *fn, void *arg)
{
	struct workflow **list;
	struct faults faults = { 0 };
	struct run_spec spec = { .params = "{}", .priority = -1 };
	struct moment now;
	struct run *run;
	size_t n;

	assert_int_equal(
	    workflow_load("w.yaml", yaml, strlen(yaml), NULL, &faults, &list, &n), 0);
	now_of(owner, &now);
	spec.wf = list[0];
	spec.id = run_id_make(now.wall_ms, 0, &owner->rng);
	assert_int_equal(engine_submit(partition_engine(owner->partition), &now, &spec,
	                     partition_effects(owner->partition), &run, NULL), 0);
	partition_mark(owner->partition);
	if (fn)
		partition_barrier(owner->partition, fn, arg);
	workflow_list_free(list, n);
	faults_release(&faults);
	return spec.id;
}

/* --- the stage --------------------------------------------------------------------- */

void
stage_init(struct stage *stage)
{
	memset(stage, 0, sizeof *stage);
	rng_init(&stage->rng, 7);
	stage->now = 1000;
	stage->redis = fake_redis_new(wall, stage);
	stage->a.stage = stage->b.stage = stage;
}

void
stage_release(struct stage *stage)
{
	owner_end(&stage->a);
	owner_end(&stage->b);
	fake_redis_free(stage->redis);
}

void
stage_pass(struct stage *stage, int64_t ms)
{
	for (; ms > 0; ms -= 100) {
		stage->now += 100;
		if (stage->a.partition)
			owner_settle(&stage->a);
		if (stage->b.partition)
			owner_settle(&stage->b);
	}
}

static void
queue_names(const char *type, char key[80], char group[80])
{
	snprintf(key, 80, "reeve:{0}:q:%s", type);
	snprintf(group, 80, "%s_consumers", type);
}

bool
stage_take(struct stage *stage, const char *type, struct redisReply **ret_reply)
{
	char key[80], group[80];

	queue_names(type, key, group);
	*ret_reply = stage_call(stage, "XREADGROUP", "GROUP", group, "me", "COUNT", "1",
	    "STREAMS", key, ">", NULL);
	if ((*ret_reply)->type == REDIS_REPLY_ARRAY)
		return true;
	freeReplyObject(*ret_reply);
	*ret_reply = NULL;
	return false;
}

void
stage_report(struct stage *stage, const struct redisReply *taken, const char *status,
    const char *field, const char *value)
{
	const struct redisReply *entry = taken->element[0]->element[1]->element[0];
	struct reply_text run, task, token;

	assert_true(reply_get(entry->element[1], "run", &run));
	assert_true(reply_get(entry->element[1], "task", &task));
	assert_true(reply_get(entry->element[1], "token", &token));
	freeReplyObject(stage_call(stage, "XADD", "reeve:{0}:done", "*", "run", run.text,
	    "task", task.text, "token", token.text, "status", status, field, value, NULL));
}

void
stage_work(struct stage *stage, const char *type, const char *status)
{
	struct redisReply *taken;

	assert_true(stage_take(stage, type, &taken));
	stage_report(stage, taken, status, NULL, NULL);
	freeReplyObject(taken);
}

long long
stage_int(struct stage *stage, const char *command, const char *key)
{
	char full[120];
	redisReply *reply;
	long long number;

	snprintf(full, sizeof full, "reeve:{0}:%s", key);
	reply = stage_call(stage, command, full, NULL);
	number = reply->type == REDIS_REPLY_INTEGER ? reply->integer : -1;
	freeReplyObject(reply);
	return number;
}

char *
stage_text(struct stage *stage, const char *key, const char *field)
{
	char full[120];
	redisReply *reply;
	char *text;

	snprintf(full, sizeof full, "reeve:{0}:%s", key);
	reply = stage_call(stage, field ? "HGET" : "GET", full, field, NULL);
	text = xstrdup(reply->type == REDIS_REPLY_STRING ? reply->str : "");
	freeReplyObject(reply);
	return text;
}

void
stage_do(struct stage *stage, const char *a, const char *b, const char *c)
{
	char full[120];

	snprintf(full, sizeof full, "reeve:{0}:%s", b ? b : "");
	freeReplyObject(stage_call(stage, a, full, c, NULL));
}

bool
stage_run_is(struct stage *stage, const struct run_id *id, const char *state)
{
	char key[60], wanted[40];
	char *record = stage_text(stage, "live", id->text);
	bool is;

	snprintf(key, sizeof key, "run:%s", id->text);
	snprintf(wanted, sizeof wanted, "1,%s,", state);
	if (record[0] == '\0') {
		free(record);
		record = stage_text(stage, key, "r");
	}
	is = strncmp(record, wanted, strlen(wanted)) == 0;
	free(record);
	return is;
}
