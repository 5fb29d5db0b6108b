/* SPDX-License-Identifier: MIT */
/*
 * Streams that a commit could not write to: a key of another type stands in
 * their place, or their last id is the largest there is.
 *
 * A task stream's agent type gets no tasks meanwhile; dead letters of a type
 * whose stream is bad stand in the log and in the runs alone.  Nothing else
 * stops.  Every few seconds one of the keys is looked at, and what is mended
 * goes on.
 */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "orchestrator/partition_private.h"

#define PROBE_MS 5000
#define LAST_ID "18446744073709551615-18446744073709551615"

/* "q:TYPE" or "q:TYPE:dlq" behind the prefix, or NULL. */
static const char *
stream_name(const struct partition *p, const char *key)
{
	const struct keys *keys = &p->store.keys;

	if (strncmp(key, keys->prefix, keys->prefix_len) != 0 ||
	    !str_starts(key + keys->prefix_len, "q:"))
		return NULL;
	return key + keys->prefix_len + 2;
}

static void
apply(struct partition *p, const char *key, bool bad)
{
	const char *name = stream_name(p, key);

	struct queue *queue;

	store_set_bad(&p->store, key, bad);
	if (!p->engine || str_ends(name, ":dlq"))
		return;
	queue = engine_queue(p->engine, name);
	queue_quarantine(queue, bad);
	if (!bad && ledger_key(p->store.ledger, queue_index(queue)))
		ledger_mark_lost(p->store.ledger, queue_index(queue));
}

bool
badkeys_add(struct partition *p, const char *key)
{
	if (!stream_name(p, key))
		return false;
	apply(p, key, true);
	p->probe_at = partition_mono(p) + PROBE_MS;
	return true;
}

void
badkeys_loaded(struct partition *p)
{
	struct queue *queue;

	for (size_t i = 0; (queue = engine_queue_at(p->engine, i)) != NULL; i++) {
		char *key = key_queue(&p->store.keys, queue_type(queue));

		if (queue_quarantined(queue))
			(void)badkeys_add(p, key);
		free(key);
	}
	for (size_t i = 0; i < p->store.n_bad; i++)
		apply(p, p->store.bad[i], true);
}

/* --- looking again -------------------------------------------------------------- */

struct probe {
	struct partition *p;
	unsigned generation;
	char *key;
};

static bool
is_mended(const struct redisReply *reply)
{
	struct reply_text last;

	if (reply_is_error(reply))
		return strstr(reply_error_text(reply), "no such key") != NULL;
	return reply_get(reply, "last-generated-id", &last) && strcmp(last.text, LAST_ID) != 0;
}

static void
on_probe(void *arg, const struct redisReply *reply, const struct err *err)
{
	struct probe *probe = arg;
	struct partition *p = probe->p;

	(void)err;
	p->probing = false;
	p->probe_at = partition_mono(p) + PROBE_MS;
	if (reply && probe->generation == p->generation && is_mended(reply)) {
		log_info("a key in redis is as it should be again", KV_S("key", probe->key));
		apply(p, probe->key, false);
	}
	free(probe->key);
	free(probe);
}

void
badkeys_turn(struct partition *p)
{
	struct probe *probe;

	if (p->store.n_bad == 0 || p->probing || partition_mono(p) < p->probe_at)
		return;
	probe = xcalloc(1, sizeof *probe);
	*probe = (struct probe){ p, p->generation,
		xstrdup(p->store.bad[p->probe_next++ % p->store.n_bad]) };
	if (redis_port_send(p->commands, 3,
		(const char *const[]){ "XINFO", "STREAM", probe->key }, NULL, COMMAND_TIMEOUT_MS,
		on_probe, probe) < 0) {
		p->probe_at = partition_mono(p) + PROBE_MS;
		free(probe->key);
		free(probe);
		return;
	}
	p->probing = true;
}

int64_t
badkeys_next(const struct partition *p)
{
	return p->store.n_bad > 0 && !p->probing ? p->probe_at : INT64_MAX;
}
