/* SPDX-License-Identifier: MIT */
/* Meters what agents send that ends nothing, and quarantines those that flood. */
#include "orchestrator/flood.h"

#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "orchestrator/command.h"
#include "orchestrator/drain.h"

#define LOOK_US (2 * CLOCK_S)
#define HOLDS_S 10        /* seconds at the limit that a bucket holds */
#define REPORT_LEAST 1024 /* what a report counts at least: reading it costs as much */
#define REPORT_MOST (1024 * 1024) /* and at most: one that is huge is no flood */
#define SAID_MAX 500      /* odd reports of an agent that are told of one by one, a look */
#define QUIET_MS 60000    /* a bucket that got nothing for so long is forgotten */
#define SOURCES_MAX 10000
#define TIMEOUT_MS 5000

static const char REPORTS[] = "reports that end nothing", OUTPUT[] = "output";

/* A leaky bucket. */
struct bucket {
	double level;
	int64_t at; /* mono_ms */
};

struct source {
	char *key;        /* "PARTITION AGENT" */
	const char *agent;
	unsigned partition;
	struct bucket reports, logs;
	unsigned said, hushed; /* since the last look */
	int64_t last_at;  /* mono_ms */
	const char *floods; /* with what its bucket ran over; NULL: it did not */
	bool told;        /* and it is quarantined */
	UT_hash_handle hh;
};

struct flood {
	struct orchestrator *orch;
	struct redis_script script;
	struct loop_timer timer;
	struct source *sources, *last;
};

static int64_t
now_of(const struct flood *flood)
{
	struct moment now;

	orchestrator_moment(flood->orch, &now);
	return now.mono_ms;
}

/* --- buckets ---------------------------------------------------------------------------- */

/* true: it runs over. */
static bool
pour(struct bucket *bucket, uint64_t limit, double bytes, int64_t now)
{
	double gone = (double)limit * (double)(now - bucket->at) / 1000;

	if (limit == 0)
		return false;
	bucket->level = (bucket->level > gone ? bucket->level - gone : 0) + bytes;
	bucket->at = now;
	return bucket->level > (double)limit * HOLDS_S;
}

static struct source *
source_of(struct flood *flood, unsigned partition, const char *agent)
{
	struct source *source = flood->last;
	char key[300];

	if (source && source->partition == partition && strcmp(source->agent, agent) == 0)
		return source;
	snprintf(key, sizeof key, "%u %.256s", partition, agent);
	HASH_FIND_STR(flood->sources, key, source);
	if (!source && HASH_COUNT(flood->sources) < SOURCES_MAX) {
		source = xcalloc(1, sizeof *source);
		source->key = xstrdup(key);
		source->agent = strchr(source->key, ' ') + 1;
		source->partition = partition;
		HASH_ADD_KEYPTR(hh, flood->sources, source->key, strlen(source->key), source);
	}
	if (source)
		source->last_at = now_of(flood);
	return flood->last = source;
}

static void
source_free(struct flood *flood, struct source *source)
{
	if (flood->last == source)
		flood->last = NULL;
	HASH_DEL(flood->sources, source);
	free(source->key);
	free(source);
}

void
flood_forgive(struct flood *flood, const char *agent)
{
	struct source *source, *next;

	HASH_ITER(hh, flood->sources, source, next) {
		if (strcmp(source->agent, agent) == 0)
			source_free(flood, source);
	}
}

/* --- quarantine ---------------------------------------------------------------------------- */

static void
quarantine(struct flood *flood, struct source *source, uint64_t limit)
{
	static const struct facade_actor meter = { "reeved", "", "judge" };
	char *why = xasprintf("%s: more than %llu bytes a second for %d s",
	    source->floods, (unsigned long long)limit, HOLDS_S);
	struct drain_order order = { .agent = source->agent, .on = true, .kind = DRAIN_FLOOD,
		.why = why, .event = "agent.quarantined" };

	source->told = true;
	log_warn("an agent floods", KV_S("agent", source->agent), KV_S("why", why),
	    KV_S("then", *source->agent ? "it is quarantined until reeve undrain"
	                                : "it does not say who it is: reports are not told of"));
	if (*source->agent) {
		order.numbers = json_pack("{s:s, s:I, s:i}", "of", source->floods, "limit",
		    (json_int_t)limit, "seconds", HOLDS_S);
		metrics_add(flood->orch->config.metrics, METRIC_AGENTS_QUARANTINED, 1);
		drain_go(flood->orch, &order, &meter, NULL, NULL);
		json_decref(order.numbers);
	}
	free(why);
}

bool
flood_report(struct flood *flood, unsigned partition, const char *agent, size_t bytes)
{
	uint64_t limit = flood->orch->config.steward.flood_reports;
	struct source *source = limit > 0 ? source_of(flood, partition, agent) : NULL;
	size_t weight = bytes < REPORT_LEAST ? REPORT_LEAST : bytes;

	if (!source)
		return false;
	source->last_at = now_of(flood);
	weight = weight < REPORT_MOST ? weight : REPORT_MOST;
	if (pour(&source->reports, limit, (double)weight, source->last_at))
		source->floods = REPORTS;
	if (!source->floods && source->said < SAID_MAX) {
		source->said++;
		return false;
	}
	source->hushed++;
	return true;
}

/* --- logs --------------------------------------------------------------------------------- */

struct call {
	struct flood *flood;
	unsigned partition;
	char *fence, *logged;
	char nonce[TOKEN_SIZE];
};

static void
call_free(struct call *call)
{
	free(call->fence);
	free(call->logged);
	free(call);
}

static void
see_logged(struct flood *flood, unsigned partition, const char *agent, uint64_t bytes)
{
	uint64_t limit = flood->orch->config.steward.flood_logs;
	struct source *source = source_of(flood, partition, agent);

	if (source && pour(&source->logs, limit, (double)bytes, now_of(flood)))
		source->floods = OUTPUT;
}

static void
on_logged(void *arg, const struct redisReply *reply, const struct err *err)
{
	struct call *call = arg;
	const char *agent;
	size_t n = 0, len;
	uint64_t bytes;

	(void)err;
	reply_array(reply, &n, NULL);
	for (size_t i = 1; i + 1 < n; i += 2)
		if (reply_str(reply_at(reply, i), &agent, &len, NULL) == 0 &&
		    reply_u64(reply_at(reply, i + 1), &bytes, NULL) == 0)
			see_logged(call->flood, call->partition, agent, bytes);
	call_free(call);
}

static void
ask_logged(struct flood *flood, unsigned partition)
{
	struct partition *p = orchestrator_partition(flood->orch, partition);
	struct call *call = xcalloc(1, sizeof *call);

	call->flood = flood;
	call->partition = partition;
	call->fence = key_make(&partition_store(p)->keys, "fence", NULL);
	call->logged = key_make(&partition_store(p)->keys, "logged", NULL);
	token_format(partition_nonce(p), call->nonce);
	if (redis_script_call(&flood->script, partition_commands(p), 2, 3,
		(const char *const[]){ call->fence, call->logged, call->nonce }, NULL, TIMEOUT_MS,
		on_logged, call) < 0)
		call_free(call);
}

/* --- looks -------------------------------------------------------------------------------- */

/* What was not told one by one is told as a number. */
static void
tell_hushed(struct flood *flood, const struct source *source)
{
	struct partition *p = orchestrator_partition(flood->orch, source->partition);
	struct effect *note;
	json_t *data;

	log_warn("many reports that end nothing", KV_S("agent", source->agent),
	    KV_I("reports", source->hushed));
	if (!command_is_here(p) || !orchestrator_engine(p))
		return;
	data = json_pack("{s:s, s:i, s:s}", "agent", source->agent, "reports", (int)source->hushed,
	    "reason", "so many more that end nothing");
	note = effects_add(partition_effects(p), EFFECT_NOTE, NULL, TASK_NONE);
	note->u.note.type = "alert.completion";
	note->u.note.agent = *source->agent ? xstrdup(source->agent) : NULL;
	note->u.note.data = data ? json_dumps(data, JSON_COMPACT) : NULL;
	partition_mark(p);
	json_decref(data);
}

static void
look(void *arg)
{
	struct flood *flood = arg;
	const struct steward_config *config = &flood->orch->config.steward;
	struct source *source, *next;
	int64_t now = now_of(flood);

	HASH_ITER(hh, flood->sources, source, next) {
		if (source->floods && !source->told)
			quarantine(flood, source, source->floods == OUTPUT ? config->flood_logs
			                                               : config->flood_reports);
		if (source->hushed > 0)
			tell_hushed(flood, source);
		source->said = source->hushed = 0;
		if (now - source->last_at > QUIET_MS)
			source_free(flood, source);
	}
	for (unsigned i = 0; i < orchestrator_partitions(flood->orch); i++) {
		const struct partition *p = orchestrator_partition(flood->orch, i);

		if (flood->orch->config.steward.flood_logs > 0 && command_is_here(p) &&
		    partition_nonce(p))
			ask_logged(flood, i);
	}
	loop_timer_start(&flood->timer, LOOK_US);
}

struct flood *
flood_new(struct orchestrator *orch, struct err *err)
{
	struct flood *flood = xcalloc(1, sizeof *flood);

	flood->orch = orch;
	if (partition_script(&flood->script, "logged", err) < 0) {
		free(flood);
		return NULL;
	}
	loop_timer_init(&flood->timer, orch->loop, look, flood);
	loop_timer_start(&flood->timer, LOOK_US);
	return flood;
}

void
flood_free(struct flood *flood)
{
	struct source *source, *next;

	if (!flood)
		return;
	loop_timer_stop(&flood->timer);
	HASH_ITER(hh, flood->sources, source, next)
		source_free(flood, source);
	free(flood);
}
