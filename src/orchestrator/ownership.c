/* SPDX-License-Identifier: MIT */
/* Takes, renews, shows, and gives up the ownership of a partition. */
#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "orchestrator/partition_private.h"

static const char *
text_at(const struct redisReply *reply, size_t i)
{
	const char *text = "";
	size_t len;

	(void)reply_str(reply_at(reply, i), &text, &len, NULL);
	return text;
}

static uint64_t
number_at(const struct redisReply *reply, size_t i)
{
	uint64_t number = 0;
	(void)reply_u64(reply_at(reply, i), &number, NULL);
	return number;
}

/* An error reply leaves everything as it is: look again later. */
static void
again_later(struct partition *p, const char *why)
{
	p->fence_at = partition_mono(p) + WATCH_MS;
	partition_set_state(p, PARTITION_FENCING, why);
}

/* --- fence ------------------------------------------------------------------- */

/* Less than a loss: a failover, or a crash, took the newest changes. */
static void
compare_seq(const struct partition *p, const char *nonce, uint64_t seq)
{
	if (strcmp(p->meta_nonce, nonce) == 0 && seq < p->seq && !p->restore_due)
		log_error("redis lost the newest changes: they are done again",
		    KV_I("partition", p->config.partition), KV_I("commits", p->seq - seq));
}

static void
fenced(struct partition *p, uint64_t nonce, const struct redisReply *reply)
{
	const char *how = text_at(reply, 1), *meta = text_at(reply, 3);
	bool same = p->loaded && strcmp(how, "renewed") == 0 &&
	    strcmp(p->meta_nonce, meta) == 0 && !(p->history_changed && !p->restoring);
	uint64_t seq = 0, partitions = 0;

	if (!str_to_u64(text_at(reply, 2), &seq) || !str_to_u64(text_at(reply, 4), &partitions)) {
		again_later(p, "redis answered the fence with what is none");
		return;
	}
	if (partitions != p->config.partitions) {
		again_later(p, "this state was made with another number of partitions");
		return;
	}
	p->nonce = nonce;
	p->n_proposals = 0;
	p->restore_due = p->restore_due && !loss_is_undone(p, meta, seq);
	p->answered_at = partition_mono(p);
	p->beat_at = 0;
	p->beating = false;
	p->history_changed = false;
	p->seen_fence[0] = '\0';
	if (same && !p->restore_due && commits_resolve(p, seq)) {
		partition_set_state(p, p->restoring ? PARTITION_LOADING : PARTITION_SERVING,
		    p->restoring ? "writing live runs back" : "");
		if (!p->restoring)
			loss_over(p);
		return;
	}
	compare_seq(p, meta, seq);
	loss_know(p, meta, 0);
	log_info("partition owned", KV_I("partition", p->config.partition), KV_S("how", how),
	    KV_I("seq", seq));
	p->seq = seq;
	redis_script_load(&p->commit_script, p->commands, COMMAND_TIMEOUT_MS);
	if (p->restore_due && loss_has_memory(p))
		restore_begin(p);
	else
		partition_reload(p, "ownership was taken anew");
	p->restore_due = false;
}

/* Another owner: watch whether it moves. */
static void
held(struct partition *p, const char *fence, const char *beat, const char *meta)
{
	uint64_t number = 0;
	int64_t now = partition_mono(p);

	if (p->loaded)
		partition_drop_memory(p, "another daemon owns the partition");
	(void)str_to_u64(beat, &number);
	if (meta[0])
		loss_know(p, meta, number);
	p->loss[0] = '\0'; /* it is the owner's */
	if (strcmp(fence, p->seen_fence) != 0 || strcmp(beat, p->seen_beat) != 0) {
		snprintf(p->seen_fence, sizeof p->seen_fence, "%s", fence);
		snprintf(p->seen_beat, sizeof p->seen_beat, "%s", beat);
		p->seen_count = 0;
		p->seen_since = now;
	}
	p->seen_count++;
	p->nonce = 0;
	p->n_proposals = 0;
	p->fence_at = now + WATCH_MS;
	partition_set_state(p, PARTITION_STANDBY, "another daemon owns the partition");
}

static void
lost(struct partition *p, const char *meta, const char *beat)
{
	uint64_t number = 0;
	(void)str_to_u64(beat, &number);
	if (p->n_proposals > 0)
		p->n_proposals--; /* this one was not installed */
	loss_found(p, meta, number);
}

/* The nonce that a fence call proposed comes back to its answer this way. */
struct proposal {
	struct partition *p;
	uint64_t nonce;
	char nonce_text[TOKEN_SIZE], meta_text[TOKEN_SIZE];
	char partitions[12], wall[24];
	char own[MAX_PROPOSALS + 1][TOKEN_SIZE];
	char known_nonce[40], known_beat[24];
	char seen_fence[128], seen_beat[32];
};

static void
on_fence(void *arg, const struct redisReply *reply, const struct err *err)
{
	struct proposal *proposal = arg;
	struct partition *p = proposal->p;
	const char *code = text_at(reply, 0);

	p->fencing = false;
	if (p->state == PARTITION_STOPPED)
		log_debug("the fence was answered after the stop");
	else if (!reply)
		partition_set_state(p, PARTITION_FENCING, err->text);
	else if (reply_is_error(reply))
		again_later(p, reply_error_text(reply));
	else if (strcmp(code, "OK") == 0)
		fenced(p, proposal->nonce, reply);
	else if (strcmp(code, "HELD") == 0)
		held(p, text_at(reply, 1), text_at(reply, 2), text_at(reply, 3));
	else if (strcmp(code, "LOST") == 0)
		lost(p, text_at(reply, 1), text_at(reply, 2));
	else if (strcmp(code, "NEWER") == 0)
		again_later(p, "the state in redis was written by a newer reeved: install that "
			       "version here, or point this one at another redis");
	else
		again_later(p, "the fence in redis is not one: something else writes to this key");
	free(proposal);
}

/* A standby that saw owner and beat stand still for long enough may take over. */
static bool
may_take(const struct partition *p)
{
	return p->seen_count >= TAKE_READS && partition_mono(p) - p->seen_since >= TAKE_MS;
}

static struct proposal *
propose(struct partition *p)
{
	struct proposal *proposal = xcalloc(1, sizeof *proposal);
	struct moment now;

	partition_moment(p, &now);
	proposal->p = p;
	while (proposal->nonce == 0)
		proposal->nonce = rng_u64(p->config.rng);
	token_format(proposal->nonce, proposal->nonce_text);
	token_format(rng_u64(p->config.rng), proposal->meta_text);
	if (p->meta_nonce[0]) /* a key that was deleted is made again as it was */
		snprintf(proposal->meta_text, sizeof proposal->meta_text, "%.16s", p->meta_nonce);
	snprintf(proposal->known_nonce, sizeof proposal->known_nonce, "%s", loss_nonce(p));
	snprintf(proposal->known_beat, sizeof proposal->known_beat, "%llu",
	    (unsigned long long)loss_beat(p));
	snprintf(proposal->partitions, sizeof proposal->partitions, "%u", p->config.partitions);
	snprintf(proposal->wall, sizeof proposal->wall, "%lld", (long long)now.wall_ms);
	if (may_take(p)) {
		memcpy(proposal->seen_fence, p->seen_fence, sizeof p->seen_fence);
		memcpy(proposal->seen_beat, p->seen_beat, sizeof p->seen_beat);
	}
	return proposal;
}

/* --- only looking ---------------------------------------------------------------- */

static void
on_seen(void *arg, const struct redisReply *reply, const struct err *err)
{
	struct partition *p = arg;
	const char *fence = text_at(reply, 0);

	p->fencing = false;
	if (p->state != PARTITION_STANDBY)
		return;
	if (!reply || reply_is_error(reply)) {
		partition_set_state(p, PARTITION_FENCING,
		    reply ? reply_error_text(reply) : err->text);
		return;
	}
	held(p, fence, text_at(reply, 1), "");
	if (fence[0] != '\0' && strncmp(fence, "free:", 5) != 0)
		p->free_since = 0;
	else if (p->free_since == 0)
		p->free_since = partition_mono(p);
}

/* A free partition is for daemons below their share, unless none of them comes. */
static bool
leaves_it(const struct partition *p)
{
	return p->modest && p->state == PARTITION_STANDBY && p->nonce == 0 && !may_take(p) &&
	    (p->free_since == 0 || partition_mono(p) - p->free_since < MODEST_MS);
}

static void
look(struct partition *p)
{
	p->fencing = redis_port_send(p->commands, 3,
	    (const char *const[]){ "MGET", p->key_fence, p->key_beat }, NULL, COMMAND_TIMEOUT_MS,
	    on_seen, p) == 0;
	p->fence_at = partition_mono(p) + WATCH_MS;
}

void
ownership_fence(struct partition *p)
{
	const char *argv[3 + 9 + MAX_PROPOSALS + 1];
	struct proposal *proposal;
	int argc = 0;

	if (p->fencing)
		return;
	if (leaves_it(p)) {
		look(p);
		return;
	}
	if (p->n_proposals == MAX_PROPOSALS) {
		/* too many open questions to know who we are: memory is not worth it */
		partition_drop_memory(p, "the connection broke too often");
		p->n_proposals = 0;
		p->nonce = 0;
	}
	proposal = propose(p);
	argv[argc++] = p->key_fence;
	argv[argc++] = p->key_meta;
	argv[argc++] = p->key_beat;
	argv[argc++] = proposal->nonce_text;
	argv[argc++] = p->config.home;
	argv[argc++] = proposal->partitions;
	argv[argc++] = proposal->meta_text;
	argv[argc++] = proposal->wall;
	argv[argc++] = proposal->seen_fence;
	argv[argc++] = proposal->seen_beat;
	argv[argc++] = proposal->known_nonce;
	argv[argc++] = proposal->known_beat;
	if (p->nonce)
		argv[argc++] = token_format(p->nonce, proposal->own[MAX_PROPOSALS]);
	for (size_t i = 0; i < p->n_proposals; i++)
		argv[argc++] = token_format(p->proposals[i], proposal->own[i]);
	if (redis_script_call(&p->fence_script, p->commands, 3, argc, argv, NULL,
		COMMAND_TIMEOUT_MS, on_fence, proposal) < 0) {
		free(proposal);
		again_later(p, "redis takes no commands");
		return;
	}
	p->proposals[p->n_proposals++] = proposal->nonce;
	p->fencing = true;
}

void
ownership_lost(struct partition *p, const char *fence)
{
	p->fence_at = partition_mono(p);
	metrics_add(p->config.metrics, METRIC_COMMITS_REFUSED, 1);
	if (!*fence) {
		/* memory is kept until it is known what became of the state */
		partition_set_state(p, PARTITION_FENCING, "the fence in redis is gone");
		return;
	}
	log_warn("another daemon owns the partition", KV_I("partition", p->config.partition),
	    KV_S("fence", fence));
	partition_drop_refused(p, "another daemon owns the partition");
	p->nonce = 0;
	p->n_proposals = 0;
	partition_set_state(p, PARTITION_STANDBY, "another daemon owns the partition");
}

/* --- beat --------------------------------------------------------------------- */

struct beat {
	struct partition *p;
	unsigned generation;
	struct stream_id cursor; /* when it was sent: reads have a connection of their own */
	char nonce[TOKEN_SIZE];
};

/* Lives until the answer, as the arguments must. */
struct raise {
	char id[STREAM_ID_SIZE], nonce[TOKEN_SIZE];
};

static void
on_raised(void *arg, const struct redisReply *reply, const struct err *err)
{
	(void)reply;
	(void)err; /* the next beat sees whether it is still behind */
	free(arg);
}

/* New completions get ids behind the stored cursor, or a load would pass them over. */
static void
raise_ids(struct partition *p, struct stream_id cursor)
{
	struct raise *raise = xcalloc(1, sizeof *raise);
	const char *argv[4] = { p->key_fence, p->key_done, token_format(p->nonce, raise->nonce),
		stream_id_format(cursor, raise->id) };

	if (redis_script_call(&p->raise_script, p->commands, 2, 4, argv, NULL,
		COMMAND_TIMEOUT_MS, on_raised, raise) < 0)
		free(raise);
}

/* Completions must not be behind the cursor: a failover may have lost some. */
static void
check_cursor(struct partition *p, struct stream_id cursor, const char *last_id)
{
	struct stream_id last;

	if (!stream_id_parse(last_id, strlen(last_id), &last))
		return;
	p->done_last = last;
	if (stream_id_cmp(last, cursor) >= 0 || p->reread)
		return; /* or it is known, and the stream cannot be read yet */
	log_error("redis lost completions that were read: reading them all again",
	    KV_S("last", last_id));
	raise_ids(p, cursor);
	p->reread = true;
	p->done_read = (struct stream_id){ 0 };
}

static void
on_beat(void *arg, const struct redisReply *reply, const struct err *err)
{
	struct beat *beat = arg;
	struct partition *p = beat->p;
	struct stream_id cursor = beat->cursor;
	bool stale = beat->generation != p->generation || p->state != PARTITION_SERVING;

	(void)err;
	free(beat);
	p->beating = false;
	if (stale)
		return;
	p->beat_at = partition_mono(p) + BEAT_MS;
	if (reply && reply_is_error(reply))
		partition_written(p, reply);
	if (!reply || reply_is_error(reply))
		return;
	if (strcmp(text_at(reply, 0), "OK") != 0) {
		ownership_lost(p, text_at(reply, 1));
		return;
	}
	p->answered_at = partition_mono(p);
	partition_written(p, NULL);
	tend_answered(p->tend);
	if (strcmp(text_at(reply, 2), p->meta_nonce) == 0) {
		loss_know(p, p->meta_nonce, number_at(reply, 1));
		check_cursor(p, cursor, text_at(reply, 3));
		return;
	}
	/* the fence tells what it is, or describes it again where only that is gone */
	p->fence_at = 0;
	partition_set_state(p, PARTITION_FENCING, "reading the state again");
}

void
ownership_beat(struct partition *p)
{
	struct beat *beat;
	const char *argv[5];

	if (p->beating)
		return;
	beat = xcalloc(1, sizeof *beat);
	*beat = (struct beat){ p, p->generation, p->cursor, "" };
	argv[0] = p->key_fence;
	argv[1] = p->key_beat;
	argv[2] = p->key_meta;
	argv[3] = p->key_done;
	argv[4] = token_format(p->nonce, beat->nonce);
	if (redis_script_call(&p->beat_script, p->commands, 4, 5, argv, NULL, COMMAND_TIMEOUT_MS,
		on_beat, beat) < 0) {
		free(beat);
		p->beat_at = partition_mono(p) + BEAT_MS;
		return;
	}
	p->beating = true;
}

/* --- release ------------------------------------------------------------------ */

static void
on_release(void *arg, const struct redisReply *reply, const struct err *err)
{
	struct beat *beat = arg;
	struct partition *p = beat->p;
	struct err none = { 0 };

	free(beat);
	if (p->yielding && reply && !p->stopping)
		partition_yielded(p);
	else if (p->stopping && p->state != PARTITION_STOPPED)
		partition_finish_stop(p, reply ? &none : err);
}

void
ownership_release(struct partition *p)
{
	struct beat *beat = xcalloc(1, sizeof *beat);
	const char *argv[2] = { p->key_fence, token_format(p->nonce, beat->nonce) };

	beat->p = p;
	p->releasing = true;
	if (redis_script_call(&p->release_script, p->commands, 1, 2, argv, NULL,
		COMMAND_TIMEOUT_MS, on_release, beat) < 0)
		free(beat);
}

/* --- what an owner may do -------------------------------------------------------- */

bool
ownership_may_act(const struct partition *p, int64_t now)
{
	return !p->stopping && !p->yielding && now - p->answered_at < SILENT_MS;
}

bool
partition_may_act(const struct partition *p)
{
	return p->state == PARTITION_SERVING && ownership_may_act(p, partition_mono(p));
}
