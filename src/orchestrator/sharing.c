/* SPDX-License-Identifier: MIT */
/* Counts the living daemons and sees to it that each owns its share of the partitions. */
#include "orchestrator/sharing.h"

#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"

#define TICK_US (2 * CLOCK_S)
#define STILL_US (6 * CLOCK_S)   /* such a daemon is not living */
#define FORGET_US (60 * CLOCK_S) /* and its field goes */
#define TIMEOUT_MS 5000

/* Another daemon, by its field. */
struct peer {
	char *id;
	char count[24];
	bool moved;        /* it was seen to count */
	int64_t since_us;  /* monotonic: it has stood still from then on */
	unsigned look;     /* the last one that saw the field */
	UT_hash_handle hh;
};

struct sharing {
	struct orchestrator *orch;
	struct loop_timer timer;
	struct peer *peers;
	char *key;
	uint64_t count;
	unsigned look, living;
};

static void
answered(void *arg, const struct redisReply *reply, const struct err *err)
{
	(void)arg;
	(void)reply;
	(void)err; /* the next tick says it again */
}

static void
send3(struct sharing *sharing, const char *command, const char *field)
{
	(void)redis_port_send(redis_conn_port(sharing->orch->commands), 3,
	    (const char *const[]){ command, sharing->key, field }, NULL, TIMEOUT_MS, answered, NULL);
}

/* --- the others ------------------------------------------------------------------------- */

static void
peer_free(struct sharing *sharing, struct peer *peer)
{
	HASH_DEL(sharing->peers, peer);
	free(peer->id);
	free(peer);
}

static struct peer *
find_peer(struct sharing *sharing, const char *id)
{
	struct peer *peer;

	HASH_FIND_STR(sharing->peers, id, peer);
	if (peer)
		return peer;
	peer = xcalloc(1, sizeof *peer);
	peer->id = xstrdup(id);
	peer->since_us = clock_mono_us();
	HASH_ADD_KEYPTR(hh, sharing->peers, peer->id, strlen(peer->id), peer);
	return peer;
}

static void
see_peer(struct sharing *sharing, const char *id, const char *count)
{
	struct peer *peer = find_peer(sharing, id);

	peer->look = sharing->look;
	if (strcmp(peer->count, count) == 0)
		return;
	peer->moved = peer->count[0] != '\0';
	peer->since_us = clock_mono_us();
	snprintf(peer->count, sizeof peer->count, "%s", count);
}

static bool
lives(const struct peer *peer)
{
	return peer->moved && clock_mono_us() - peer->since_us < STILL_US;
}

static unsigned
count_living(struct sharing *sharing)
{
	struct peer *peer, *next;
	unsigned n = 1;

	HASH_ITER(hh, sharing->peers, peer, next) {
		if (peer->look == sharing->look) {
			n += lives(peer);
			if (clock_mono_us() - peer->since_us < FORGET_US)
				continue;
			send3(sharing, "HDEL", peer->id);
		}
		peer_free(sharing, peer); /* it said that it goes, or is long dead */
	}
	return n;
}

/* --- this one's share ----------------------------------------------------------------------- */

static void
balance(struct sharing *sharing)
{
	struct orchestrator *orch = sharing->orch;
	unsigned share = (orch->n_parts + sharing->living - 1) / sharing->living;
	unsigned owned = 0;

	for (unsigned i = 0; i < orch->n_parts; i++) {
		struct partition *p = orch->parts[i]->partition;

		if (partition_state(p) != PARTITION_SERVING || partition_is_yielding(p))
			continue;
		if (++owned <= share)
			continue;
		log_info("giving a partition up: other daemons have less", KV_I("partition", i),
		    KV_I("share", share), KV_I("daemons", sharing->living));
		partition_yield(p);
	}
	for (unsigned i = 0; i < orch->n_parts; i++)
		partition_set_modest(orch->parts[i]->partition, owned >= share);
}

static void
on_daemons(void *arg, const struct redisReply *reply, const struct err *err)
{
	struct orchestrator *orch = arg;
	struct sharing *sharing = orch->sharing;
	struct reply_text id, count;
	unsigned living;

	(void)err;
	if (!sharing || !reply || reply_is_error(reply))
		return;
	sharing->look++;
	for (size_t i = 0; i < reply_pairs(reply); i++) {
		if (reply_pair(reply, i, &id, &count, NULL) == 0 && strcmp(id.text, orch->home) != 0)
			see_peer(sharing, id.text, count.text);
	}
	living = count_living(sharing);
	if (living != sharing->living)
		log_info("daemons", KV_I("living", living));
	sharing->living = living;
	metrics_set(orch->config.metrics, METRIC_DAEMONS, living);
	balance(sharing);
}

static void
tick(void *arg)
{
	struct sharing *sharing = arg;
	struct redis_port *port = redis_conn_port(sharing->orch->commands);
	char count[24];

	loop_timer_start(&sharing->timer, TICK_US);
	snprintf(count, sizeof count, "%llu", (unsigned long long)++sharing->count);
	if (redis_port_send(port, 4,
		(const char *const[]){ "HSET", sharing->key, sharing->orch->home, count }, NULL,
		TIMEOUT_MS, answered, NULL) == 0)
		(void)redis_port_send(port, 2, (const char *const[]){ "HGETALL", sharing->key }, NULL,
		    TIMEOUT_MS, on_daemons, sharing->orch);
}

void
sharing_start(struct orchestrator *orch)
{
	struct sharing *sharing;

	if (orch->sharing)
		return;
	sharing = orch->sharing = xcalloc(1, sizeof *sharing);
	sharing->orch = orch;
	sharing->living = 1;
	/* two lives of one daemon do not look alike */
	sharing->count = rng_u64(&orch->rng) >> 16;
	sharing->key = key_make(&partition_store(orch->parts[0]->partition)->keys, "daemons", NULL);
	metrics_set(orch->config.metrics, METRIC_DAEMONS, 1);
	loop_timer_init(&sharing->timer, orch->loop, tick, sharing);
	tick(sharing);
}

void
sharing_stop(struct orchestrator *orch)
{
	if (!orch->sharing)
		return;
	loop_timer_stop(&orch->sharing->timer);
	send3(orch->sharing, "HDEL", orch->home);
}

void
sharing_free(struct orchestrator *orch)
{
	struct sharing *sharing = orch->sharing;
	struct peer *peer, *next;

	if (!sharing)
		return;
	orch->sharing = NULL;
	loop_timer_stop(&sharing->timer);
	HASH_ITER(hh, sharing->peers, peer, next)
		peer_free(sharing, peer);
	free(sharing->key);
	free(sharing);
}

unsigned
sharing_living(const struct orchestrator *orch)
{
	return orch->sharing ? orch->sharing->living : 1;
}
