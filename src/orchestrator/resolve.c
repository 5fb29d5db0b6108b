/* SPDX-License-Identifier: MIT */
/* Finds the run that people mean: a whole id, a unique prefix, or @last. */
#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "orchestrator/orchestrator_private.h"

#define TIME_CHARS 9 /* of an id */
#define CANDIDATES "200"
#define TIMEOUT_MS 5000

struct question {
	struct orchestrator *orch;
	char text[RUN_ID_SIZE];
	bool last;
	char found[RUN_ID_SIZE];
	unsigned n; /* different runs that fit */
	unsigned left; /* answers that are due */
	resolved_fn *fn;
	void *arg;
};

static void
consider(struct question *question, const char *id)
{
	if (question->last) {
		if (strcmp(id, question->found) > 0)
			snprintf(question->found, sizeof question->found, "%s", id);
		question->n = 1;
		return;
	}
	if (strncmp(id, question->text, strlen(question->text)) != 0 ||
	    strcmp(id, question->found) == 0)
		return;
	snprintf(question->found, sizeof question->found, "%s", id);
	question->n++;
}

static void
consider_live(struct question *question, const struct partition *p)
{
	struct engine *engine = partition_engine(p);
	const struct run *run = engine ? engine_first(engine) : NULL;

	for (; run; run = run->hh.next)
		consider(question, run->id.text);
}

static void
answer(struct question *question)
{
	struct err err = { 0 };

	if (--question->left > 0)
		return;
	if (question->n == 0 && question->last)
		err_set(&err, ERR_NOT_FOUND, "there is no run yet");
	else if (question->n == 0)
		err_set(&err, ERR_NOT_FOUND, "no run '%s'", question->text);
	else if (question->n > 1)
		err_set(&err, ERR_INVALID, "'%s' fits %u runs: write more of the id",
		    question->text, question->n);
	question->fn(question->arg, question->found, &err);
	free(question);
}

static void
on_ids(void *arg, const struct redisReply *reply, const struct err *err)
{
	struct question *question = arg;
	size_t n = 0, len;

	(void)err;
	reply_array(reply, &n, NULL);
	for (size_t i = 0; i < n; i++) {
		const char *id;

		if (reply_str(reply_at(reply, i), &id, &len, NULL) == 0 && run_id_valid(id, len))
			consider(question, id);
	}
	answer(question);
}

/* The prefix with its time filled up by the lowest or highest digit. */
static int64_t
bound(const char *prefix, char fill)
{
	char id[RUN_ID_SIZE];
	size_t len = strlen(prefix);

	snprintf(id, sizeof id, "0000000000000000000-0");
	for (size_t i = 0; i < TIME_CHARS; i++)
		id[i] = i < len ? prefix[i] : fill;
	return run_id_valid(id, strlen(id)) ? run_id_time(id) : -1;
}

static void
ask(struct question *question, int argc, const char *const *argv)
{
	if (redis_port_send(orchestrator_queries(question->orch), argc, argv, NULL, TIMEOUT_MS, on_ids,
		question) == 0)
		question->left++; /* redis is away: what memory knows */
}

static void
ask_fin(struct question *question, struct partition *p)
{
	char *key = key_make(&partition_store(p)->keys, "fin", NULL);
	char low[24], high[24];

	snprintf(low, sizeof low, "%lld", (long long)bound(question->text, '0'));
	snprintf(high, sizeof high, "%lld", (long long)bound(question->text, 'z'));
	if (question->last)
		ask(question, 4, (const char *const[]){ "ZREVRANGE", key, "0", "20" });
	else
		ask(question, 7, (const char *const[]){ "ZRANGEBYSCORE", key, low, high, "LIMIT", "0",
		        CANDIDATES });
	free(key);
}

/* Live runs are in memory, or in that of another owner. */
static void
ask_live(struct question *question, struct partition *p)
{
	char *key = key_make(&partition_store(p)->keys, "live", NULL);

	if (partition_engine(p))
		consider_live(question, p);
	else
		ask(question, 2, (const char *const[]){ "HKEYS", key });
	free(key);
}

void
orchestrator_resolve(struct orchestrator *orch, const char *text, resolved_fn *fn, void *arg)
{
	struct question *question;
	struct err err = { 0 };

	if (run_id_valid(text, strlen(text)) &&
	    run_id_partition(text) < orchestrator_partitions(orch)) {
		fn(arg, text, &err);
		return;
	}
	if (strlen(text) >= RUN_ID_SIZE || (*text != '@' && bound(text, '0') < 0)) {
		err_set(&err, ERR_NOT_FOUND, "no run '%s'", text);
		fn(arg, "", &err);
		return;
	}
	question = xcalloc(1, sizeof *question);
	*question = (struct question){ .orch = orch, .fn = fn, .arg = arg };
	snprintf(question->text, sizeof question->text, "%s", text);
	question->last = strcmp(text, "@last") == 0;
	question->left = 1;
	for (unsigned i = 0; i < orchestrator_partitions(orch); i++) {
		ask_fin(question, orchestrator_partition(orch, i));
		ask_live(question, orchestrator_partition(orch, i));
	}
	answer(question);
}
