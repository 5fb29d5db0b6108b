/* SPDX-License-Identifier: MIT */
/* Passes commands on to the owner of their partition and waits for the answers. */
#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "orchestrator/command.h"

#define TIMEOUT_MS 5000
#define LOOK_MIN_MS 5
#define LOOK_MAX_MS 250
#define LOOK_AT 200 /* answers by one command */
#define FIELDS 8

/* A command that was passed on. */
struct ask {
	struct command *command;
	char id[TOKEN_SIZE];
	char *key_in, *body, limit[12];
	int64_t since_ms; /* monotonic */
	bool sending;     /* Redis has not said yet that it took it */
	bool over;        /* the asker was answered */
	struct ask *next;
};

static void
ask_free(struct ask *ask)
{
	command_free(ask->command);
	free(ask->key_in);
	free(ask->body);
	free(ask);
}

static void
unlink_ask(struct orchestrator *orch, struct ask *ask)
{
	struct ask **at = &orch->asks;

	while (*at && *at != ask)
		at = &(*at)->next;
	if (*at)
		*at = ask->next;
}

/* The asker hears of it; the call that may still be under way needs the texts. */
static void
ask_over(struct ask *ask, const json_t *answer, const struct err *err)
{
	struct command *command = ask->command;

	if (ask->over)
		return;
	ask->over = true;
	unlink_ask(command->orch, ask);
	if (command->fn && answer)
		command_reply(command->orch, answer, command->fn, command->arg);
	else if (command->fn)
		command->fn(command->arg, NULL, err);
	if (!ask->sending)
		ask_free(ask);
}

/* --- looking for answers --- */

struct look {
	struct orchestrator *orch;
	struct partition *partition;
	char ids[LOOK_AT][TOKEN_SIZE];
	size_t n;
};

static struct ask *
find_ask(const struct orchestrator *orch, const char *id)
{
	struct ask *ask = orch->asks;

	while (ask && strcmp(ask->id, id) != 0)
		ask = ask->next;
	return ask;
}

static void
forgotten(void *arg, const struct redisReply *reply, const struct err *err)
{
	(void)arg;
	(void)reply;
	(void)err; /* what is left expires */
}

/* Taken once: the answer goes. */
static void
take_answer(const struct look *look, const char *id, const char *text, size_t len)
{
	struct ask *ask = find_ask(look->orch, id);
	char *key = key_make(&partition_store(look->partition)->keys, "in:", id);
	json_t *answer = json_loadb(text, len, 0, NULL);
	struct err err;

	(void)redis_port_send(orchestrator_queries(look->orch), 2,
	    (const char *const[]){ "UNLINK", key }, NULL, TIMEOUT_MS, forgotten, NULL);
	err_set(&err, ERR_FAILED, "the answer to command %s cannot be read", id);
	if (ask)
		ask_over(ask, answer, &err);
	json_decref(answer);
	free(key);
}

static void
on_answers(void *arg, const struct redisReply *reply, const struct err *err)
{
	struct look *look = arg;

	(void)err;
	for (size_t i = 0; reply && i < look->n; i++) {
		const char *text;
		size_t len;

		if (reply_str(reply_at(reply, i), &text, &len, NULL) == 0)
			take_answer(look, look->ids[i], text, len);
	}
	free(look);
}

/* One command asks for the answers of a partition. */
static void
look_at(struct orchestrator *orch, struct partition *p)
{
	const char *argv[LOOK_AT + 1] = { "MGET" };
	struct look *look = xcalloc(1, sizeof *look);
	char *keys[LOOK_AT];

	*look = (struct look){ .orch = orch, .partition = p };
	for (struct ask *ask = orch->asks; ask && look->n < LOOK_AT; ask = ask->next) {
		if (ask->command->partition != p)
			continue;
		memcpy(look->ids[look->n], ask->id, TOKEN_SIZE);
		keys[look->n] = key_make(&partition_store(p)->keys, "in:", ask->id);
		argv[look->n + 1] = keys[look->n];
		look->n++;
	}
	if (look->n == 0 || redis_port_send(orchestrator_queries(orch), (int)look->n + 1, argv, NULL,
		TIMEOUT_MS, on_answers, look) < 0) {
		for (size_t i = 0; i < look->n; i++)
			free(keys[i]);
		free(look);
		return;
	}
	for (size_t i = 0; i < look->n; i++)
		free(keys[i]);
}

static int64_t
mono_ms(void)
{
	return clock_mono_us() / CLOCK_MS;
}

static void
end_late(struct orchestrator *orch)
{
	struct ask *ask = orch->asks, *next;
	struct err err;

	for (; ask; ask = next) {
		next = ask->next;
		if (mono_ms() - ask->since_ms < COMMAND_WAIT_MS)
			continue;
		err_set(&err, ERR_UNAVAILABLE, "the owner of the partition did not answer command %s "
		    "within %d s: it may still be applied; look, or ask again with the same "
		    "idempotency key", ask->id, COMMAND_WAIT_MS / 1000);
		log_warn("a command that was passed on was not answered", KV_S("id", ask->id),
		    KV_S("kind", ask->command->kind->name));
		ask_over(ask, NULL, &err);
	}
}

/* Often for what was just asked, then less. */
static void
look_again(struct orchestrator *orch)
{
	int64_t wait = LOOK_MAX_MS, age;

	if (!orch->asks)
		return;
	for (const struct ask *ask = orch->asks; ask; ask = ask->next) {
		age = (mono_ms() - ask->since_ms) / 4;
		wait = age < wait ? age : wait;
	}
	loop_timer_start(&orch->ask_timer, (wait > LOOK_MIN_MS ? wait : LOOK_MIN_MS) * CLOCK_MS);
}

static void
on_look(void *arg)
{
	struct orchestrator *orch = arg;

	end_late(orch);
	for (unsigned i = 0; i < orchestrator_partitions(orch); i++)
		look_at(orch, orchestrator_partition(orch, i));
	look_again(orch);
}

/* --- asking --- */

static void
refused(struct ask *ask, const char *code, const struct redisReply *reply)
{
	struct err err;

	if (reply_is_error(reply))
		err_set(&err, ERR_UNAVAILABLE, "redis does not take the command: %s",
		    reply_error_text(reply));
	else if (strcmp(code, "FULL") == 0)
		err_set(&err, ERR_UNAVAILABLE, "%d commands wait for the owner of the partition "
		    "already: try again later", COMMANDS_WAITING_MAX);
	else
		err_set(&err, ERR_UNAVAILABLE, "the key \"%s\" in redis is not what it should be: "
		    "delete or rename it", ask->key_in);
	ask_over(ask, NULL, &err);
}

static void
on_asked(void *arg, const struct redisReply *reply, const struct err *err)
{
	struct ask *ask = arg;
	const char *code = "";
	size_t len;

	(void)err;
	(void)reply_str(reply_at(reply, 0), &code, &len, NULL);
	/* no reply: it may have been taken, and an answer may come */
	if (!ask->over && reply && strcmp(code, "OK") != 0)
		refused(ask, code, reply);
	ask->sending = false;
	if (ask->over)
		ask_free(ask);
}

static int
send_ask(struct ask *ask)
{
	const struct command *command = ask->command;
	struct orchestrator *orch = command->orch;
	const char *argv[2 + 2 * FIELDS] = { ask->key_in, ask->limit, "v", "1", "id", ask->id, "kind",
		command->kind->name, "actor", command->actor->name, "role", command->actor->role, "via",
		command->actor->via, "from", orch->home, "body", ask->body };

	return redis_script_call(command->kind->when == COMMAND_URGENT ? &orch->askfull_script : &orch->ask_script,
	    orchestrator_queries(orch), 1, (int)ARRAY_LEN(argv), argv, NULL, TIMEOUT_MS,
	    on_asked, ask);
}

void
command_pass(struct command *command)
{
	struct orchestrator *orch = command->orch;
	struct ask *ask = xcalloc(1, sizeof *ask);
	struct err err = { 0 };

	ask->command = command;
	ask->body = json_dumps(command->body, JSON_COMPACT);
	ask->key_in = key_make(&partition_store(command->partition)->keys, "in", NULL);
	ask->since_ms = mono_ms();
	token_format(rng_u64(&orch->rng), ask->id);
	snprintf(ask->limit, sizeof ask->limit, "%d", COMMANDS_WAITING_MAX);
	if (strlen(ask->body) > COMMAND_BYTES_MAX)
		err_set(&err, ERR_LIMIT, "another daemon owns the partition, and what is passed on to "
		    "it has at most %d bytes: ask that daemon, or ask for less at once",
		    COMMAND_BYTES_MAX);
	else if (send_ask(ask) < 0)
		err_set(&err, ERR_UNAVAILABLE, "redis does not answer: %s",
		    redis_conn_error(orch->queries));
	if (err.code < 0) {
		ask_over(ask, NULL, &err);
		return;
	}
	ask->sending = true;
	metrics_add(orch->config.metrics, METRIC_COMMANDS_PASSED, 1);
	ask->next = orch->asks;
	orch->asks = ask;
	look_again(orch);
}

void
passing_stop(struct orchestrator *orch)
{
	struct err err;

	loop_timer_stop(&orch->ask_timer);
	err_set(&err, ERR_UNAVAILABLE, "the daemon stops: whether the change was made is not known; "
	    "look, or ask again with the same idempotency key");
	while (orch->asks)
		ask_over(orch->asks, NULL, &err);
}

int
passing_init(struct orchestrator *orch, struct err *err)
{
	int rc = partition_script(&orch->ask_script, "ask", err);

	loop_timer_init(&orch->ask_timer, orch->loop, on_look, orch);
	return rc < 0 ? rc : partition_script(&orch->askfull_script, "askfull", err);
}
