/* SPDX-License-Identifier: MIT */
/* What the auditor compares: streams, pending lists, sets, the cursor, runs, tasks, keys. */
#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "orchestrator/auditor_private.h"
#include "store/record.h"

#define PAGE 200
#define PAGE_TEXT "200"
#define RUNS 10        /* a slice */
#define TASKS 500      /* of one run, a slice */
#define TRIES 250      /* slices that may wait for a quiet moment */

static bool
text_at(const struct redisReply *reply, size_t i, const char **ret_text, size_t *ret_len)
{
	return reply_str(reply_at(reply, i), ret_text, ret_len, NULL) == 0;
}

static bool
id_at(const struct redisReply *reply, size_t i, struct stream_id *ret_id)
{
	const char *text;
	size_t len;

	return text_at(reply, i, &text, &len) && stream_id_parse(text, len, ret_id);
}

/* QUEUE-KEY ID */
static char *
entry_name(const struct auditor *auditor, size_t queue, struct stream_id id)
{
	char text[STREAM_ID_SIZE];

	return xasprintf("%s %s", ledger_key(auditor->p->store.ledger, queue),
	    stream_id_format(id, text));
}

/* --- the fence --------------------------------------------------------------------- */

/* Redis may be another one by now, or another's: then nothing here is ours to judge. */
static void
got_fence(struct auditor *auditor, const struct audit_ask *ask, const struct redisReply *reply)
{
	char nonce[TOKEN_SIZE];
	const char *text;
	size_t len;

	(void)ask;
	token_format(auditor->p->nonce, nonce);
	if (reply_str(reply, &text, &len, NULL) < 0 || strncmp(text, nonce, strlen(nonce)) != 0)
		auditor->broken = true;
}

static bool
check_fence(struct auditor *auditor)
{
	const struct audit_ask ask = { .answer = got_fence };

	return auditor->at++ == 0 &&
	    audit_send(auditor, &ask, 2, (const char *const[]){ "GET", auditor->p->key_fence });
}

/* --- streams ------------------------------------------------------------------------ */

/* The entries of one answer, and what the ledger holds of the same stretch. */
struct stretch {
	struct auditor *auditor;
	const struct redisReply *reply;
	size_t queue, at, n_gone;
	struct stream_id from, to; /* behind from, up to to */
	uint64_t gone[PAGE];
};

/* Open entries of the ledger, ascending like those of the answer. */
static void
look_for(void *arg, uint64_t token, struct stream_id id)
{
	struct stretch *stretch = arg;
	struct stream_id there = { 0 };

	if (stream_id_cmp(id, stretch->from) <= 0 || stream_id_cmp(id, stretch->to) > 0)
		return;
	while (stretch->at < stretch->reply->elements &&
	    id_at(stretch->reply, stretch->at, &there) && stream_id_cmp(there, id) < 0)
		stretch->at += 2;
	if (stretch->at < stretch->reply->elements && stream_id_cmp(there, id) == 0)
		return;
	if (stretch->n_gone < PAGE)
		stretch->gone[stretch->n_gone++] = token;
}

static void
lose_gone(struct auditor *auditor, const struct stretch *stretch)
{
	struct partition *p = auditor->p;
	struct moment now;

	partition_moment(p, &now);
	for (size_t i = 0; i < stretch->n_gone; i++) {
		struct stream_id id;
		size_t queue;
		char *name;

		if (!ledger_find(p->store.ledger, stretch->gone[i], &queue, &id) ||
		    withdrawals_unsure(p, stretch->gone[i]))
			continue;
		name = entry_name(auditor, queue, id);
		if (audit_finds(auditor, AUDIT_ENTRY_GONE, name)) {
			engine_entry_lost(p->engine, &now, stretch->gone[i], &p->effects);
			partition_mark(p);
			metrics_add(p->config.metrics, METRIC_ATTEMPTS_LOST, 1);
		}
		free(name);
	}
}

static void
drop_unknown(struct auditor *auditor, enum audit_kind kind, size_t queue, struct stream_id id)
{
	char *name;

	if (ledger_knows(auditor->p->store.ledger, queue, id))
		return;
	name = entry_name(auditor, queue, id);
	if (audit_finds(auditor, kind, name))
		store_add_orphan(&auditor->p->store, queue, id);
	free(name);
}

static void
got_stream(struct auditor *auditor, const struct audit_ask *ask, const struct redisReply *reply)
{
	struct stretch stretch = { .auditor = auditor, .reply = reply, .queue = ask->queue,
		.at = 1, .from = ask->from, .to = { UINT64_MAX, UINT64_MAX } };
	const char *code = "";
	struct stream_id id = { 0 };
	size_t len;

	(void)text_at(reply, 0, &code, &len);
	if (strcmp(code, "BROKEN") == 0 || reply_is_error(reply)) {
		auditor->at++; /* tended by its own (badkeys.c) */
		return;
	}
	for (size_t i = 1; i + 1 < reply->elements; i += 2)
		if (id_at(reply, i, &id))
			drop_unknown(auditor, AUDIT_ENTRY_UNKNOWN, ask->queue, id);
	if (reply->elements >= 1 + 2 * PAGE)
		stretch.to = id;
	ledger_walk(auditor->p->store.ledger, ask->queue, look_for, &stretch);
	lose_gone(auditor, &stretch);
	if (strcmp(code, "NOGROUP") == 0 && ledger_made(auditor->p->store.ledger, ask->queue) &&
	    audit_finds(auditor, AUDIT_GROUP, ledger_key(auditor->p->store.ledger, ask->queue)))
		tend_make_group(auditor->p->tend, ask->queue);
	auditor->from = id;
	if (reply->elements < 1 + 2 * PAGE) {
		auditor->from = (struct stream_id){ 0 };
		auditor->at++;
	}
}

/* Queues that dispatched something, or were loaded. */
static bool
next_queue(struct auditor *auditor)
{
	struct ledger *ledger = auditor->p->store.ledger;

	while (auditor->at < ledger_queues(ledger) && !ledger_key(ledger, auditor->at))
		auditor->at++;
	return auditor->at < ledger_queues(ledger);
}

static const char *
from_text(const struct auditor *auditor, char text[STREAM_ID_SIZE + 1])
{
	if (auditor->from.ms == 0 && auditor->from.seq == 0)
		return "-";
	text[0] = '(';
	stream_id_format(auditor->from, text + 1);
	return text;
}

static bool
check_streams(struct auditor *auditor)
{
	struct ledger *ledger = auditor->p->store.ledger;
	struct audit_ask ask = { .answer = got_stream, .from = auditor->from };
	char from[STREAM_ID_SIZE + 1];

	if (!next_queue(auditor))
		return false;
	ask.queue = auditor->at;
	return audit_call(auditor, &ask, &auditor->inspect_script, 1, 4,
	    (const char *const[]){ ledger_key(ledger, ask.queue), ledger_group(ledger, ask.queue),
	        from_text(auditor, from), PAGE_TEXT });
}

static void
got_pending(struct auditor *auditor, const struct audit_ask *ask,
    const struct redisReply *reply)
{
	struct stream_id id = { 0 };
	size_t n = 0;

	if (!reply_is_error(reply))
		reply_array(reply, &n, NULL);
	for (size_t i = 0; i < n; i++)
		if (id_at(reply_at(reply, i), 0, &id))
			drop_unknown(auditor, AUDIT_PENDING_UNKNOWN, ask->queue, id);
	auditor->from = id;
	if (n < PAGE) {
		auditor->from = (struct stream_id){ 0 };
		auditor->at++;
	}
}

static bool
check_pending(struct auditor *auditor)
{
	struct ledger *ledger = auditor->p->store.ledger;
	struct audit_ask ask = { .answer = got_pending };
	char from[STREAM_ID_SIZE + 1];

	while (next_queue(auditor) && !ledger_made(ledger, auditor->at))
		auditor->at++;
	if (!next_queue(auditor))
		return false;
	ask.queue = auditor->at;
	return audit_send(auditor, &ask, 6,
	    (const char *const[]){ "XPENDING", ledger_key(ledger, ask.queue),
	        ledger_group(ledger, ask.queue), from_text(auditor, from), "+", PAGE_TEXT });
}

/* --- sets -------------------------------------------------------------------------------- */

/* The members of a page; the phase is through when the cursor is back at 0. */
static const struct redisReply *
scanned(struct auditor *auditor, const struct redisReply *reply, size_t *ret_n)
{
	const char *cursor = "0";
	size_t len;

	*ret_n = 0;
	if (reply_is_error(reply) || !text_at(reply, 0, &cursor, &len))
		cursor = "0";
	snprintf(auditor->scan, sizeof auditor->scan, "%s", cursor);
	auditor->at = strcmp(cursor, "0") == 0;
	if (!reply_is_error(reply))
		reply_array(reply_at(reply, 1), ret_n, NULL);
	return reply_at(reply, 1);
}

static bool
scan(struct auditor *auditor, const char *command, const char *kind, const struct audit_ask *ask)
{
	char *key;
	bool sent;

	if (auditor->at > 0)
		return false;
	key = key_make(&auditor->p->store.keys, kind, NULL);
	sent = audit_send(auditor, ask, 5,
	    (const char *const[]){ command, key, auditor->scan, "COUNT", PAGE_TEXT });
	free(key);
	return sent;
}

/* Still there behind the record that says it has ended: an end takes it out at once. */
static void
got_member(struct auditor *auditor, const struct audit_ask *ask, const struct redisReply *reply)
{
	const char *record;
	size_t len;

	if (engine_find(auditor->p->engine, ask->run) ||
	    reply_str(reply, &record, &len, NULL) < 0 || len > 0)
		return;
	if (audit_finds(auditor, AUDIT_LIVE_UNKNOWN, ask->run))
		store_add_stale(&auditor->p->store, STALE_LIVE, ask->run);
}

/* Not in memory: is there a live run of that name all the same?  Then it is left alone. */
static void
got_record(struct auditor *auditor, const struct audit_ask *ask, const struct redisReply *reply)
{
	struct audit_ask member = { .answer = got_member };
	struct run_head head;
	const char *text;
	char *key;
	size_t len;

	if (engine_find(auditor->p->engine, ask->run) || reply_is_error(reply))
		return;
	if (!reply_is_nil(reply) && (reply_str(reply, &text, &len, NULL) < 0 ||
	    !run_record_read(text, len, &head) || !run_state_ended(head.record.state)))
		return;
	memcpy(member.run, ask->run, sizeof member.run);
	key = key_make(&auditor->p->store.keys, "live", NULL);
	audit_send(auditor, &member, 3, (const char *const[]){ "HGET", key, ask->run });
	free(key);
}

static void
got_live(struct auditor *auditor, const struct audit_ask *ask, const struct redisReply *reply)
{
	size_t n, len;
	const struct redisReply *page = scanned(auditor, reply, &n);

	(void)ask;
	for (size_t i = 0; i + 1 < n; i += 2) {
		struct audit_ask head = { .answer = got_record };
		const char *id, *record;
		size_t record_len;
		char *key;

		if (!text_at(page, i, &id, &len) || !run_id_valid(id, len) ||
		    engine_find(auditor->p->engine, id))
			continue;
		if (text_at(page, i + 1, &record, &record_len) && record_len > 0)
			continue; /* it has not ended */
		memcpy(head.run, id, len + 1);
		key = key_make(&auditor->p->store.keys, "run:", id);
		audit_send(auditor, &head, 3, (const char *const[]){ "HGET", key, "r" });
		free(key);
	}
}

static bool
check_live(struct auditor *auditor)
{
	const struct audit_ask ask = { .answer = got_live };

	return scan(auditor, "HSCAN", "live", &ask);
}

static void
got_cancel(struct auditor *auditor, const struct audit_ask *ask, const struct redisReply *reply)
{
	size_t n, len;
	const struct redisReply *page = scanned(auditor, reply, &n);

	(void)ask;
	for (size_t i = 0; i < n; i++) {
		const char *token;
		uint64_t number;

		if (!text_at(page, i, &token, &len))
			continue;
		if (token_parse(token, len, &number) &&
		    engine_outstanding(auditor->p->engine, number))
			continue;
		if (audit_finds(auditor, AUDIT_CANCEL_UNKNOWN, token))
			store_add_stale(&auditor->p->store, STALE_CANCEL, token);
	}
}

static bool
check_cancel(struct auditor *auditor)
{
	const struct audit_ask ask = { .answer = got_cancel };

	return scan(auditor, "SSCAN", "cancel", &ask);
}

/* --- the cursor ------------------------------------------------------------------------------ */

/* false: a slice waited.  After many the phase is left out of this pass. */
static bool
wait_for_quiet(struct auditor *auditor)
{
	if (audit_quiet(auditor))
		return false;
	return ++auditor->tries < TRIES;
}

static void
got_cursor(struct auditor *auditor, const struct audit_ask *ask, const struct redisReply *reply)
{
	struct partition *p = auditor->p;
	struct stream_id stored = { 0 };
	const char *text;
	size_t len;

	if (stream_id_cmp(ask->cursor, p->cursor) != 0 || !audit_quiet(auditor))
		return;
	if (reply_str(reply, &text, &len, NULL) == 0)
		(void)stream_id_parse(text, len, &stored);
	if (stream_id_cmp(stored, p->cursor) != 0 && audit_finds(auditor, AUDIT_CURSOR, "cursor"))
		effects_mark(&p->effects, p->cursor.ms, p->cursor.seq);
}

static bool
check_cursor(struct auditor *auditor)
{
	struct partition *p = auditor->p;
	struct audit_ask ask = { .answer = got_cursor, .cursor = p->cursor };

	if (auditor->at > 0 || (p->cursor.ms == 0 && p->cursor.seq == 0))
		return false;
	if (wait_for_quiet(auditor))
		return true;
	auditor->at = 1;
	return audit_quiet(auditor) &&
	    audit_send(auditor, &ask, 2, (const char *const[]){ "GET", p->key_cursor });
}

/* --- runs -------------------------------------------------------------------------------------- */

/* Unchanged since the question left, when everything was confirmed. */
static struct run *
same_run(const struct auditor *auditor, const struct audit_ask *ask)
{
	struct run *run = engine_find(auditor->p->engine, ask->run);

	return run && run->version == ask->version ? run : NULL;
}

static void
repair_run(struct auditor *auditor, struct run *run)
{
	struct moment now;

	partition_moment(auditor->p, &now);
	engine_repair_run(auditor->p->engine, &now, run, &auditor->p->effects);
}

static bool
head_is_good(const struct run *run, const char *text, size_t len)
{
	struct run_head head;

	return run_record_read(text, len, &head) && strcmp(head.sha256, run->wf->sha256) == 0 &&
	    head.record.intent == run->intent && !run_state_ended(head.record.state);
}

/* Its record as long as it stands there, and nothing from then on. */
static bool
listed_is_good(const struct run *run, const char *text, size_t len)
{
	struct run_listed listed = run_listed_read(text, len);

	return run->home == HOME_LISTED ? head_is_good(run, listed.record, listed.record_len)
	                                : len == 0;
}

static void
got_membership(struct auditor *auditor, const struct audit_ask *ask,
    const struct redisReply *reply)
{
	struct run *run = same_run(auditor, ask);
	const char *text;
	size_t len;

	if (!run || reply_is_error(reply))
		return;
	if (reply_str(reply, &text, &len, NULL) < 0) {
		if (audit_finds(auditor, AUDIT_LIVE_MISSING, ask->run))
			repair_run(auditor, run);
	} else if (!listed_is_good(run, text, len)) {
		if (audit_finds(auditor, AUDIT_RUN_RECORD, ask->run))
			repair_run(auditor, run);
	}
}

static void
got_definition(struct auditor *auditor, const struct audit_ask *ask,
    const struct redisReply *reply)
{
	struct run *run = same_run(auditor, ask);

	if (!run || !reply_is_nil(reply) || !audit_finds(auditor, AUDIT_DEFINITION, run->wf->sha256))
		return;
	store_lose_def(&auditor->p->store, run->wf->sha256);
	repair_run(auditor, run);
}

static bool
task_is_good(const struct run *run, uint32_t task, const struct redisReply *reply)
{
	struct task_record record;
	const char *text, *tail;
	char *agent;
	size_t len;

	if (reply_str(reply, &text, &len, NULL) < 0)
		return engine_stored_as(run, task, NULL);
	if (!task_record_read(text, len, &record, &agent, &tail))
		return false;
	free(agent);
	return engine_stored_as(run, task, &record);
}

static void
check_task(struct auditor *auditor, struct run *run, uint32_t task,
    const struct redisReply *reply)
{
	struct moment now;
	char *name;

	if (task_is_good(run, task, reply))
		return;
	name = xasprintf("%s/%s", run->id.text, run->wf->tasks[task].id);
	if (audit_finds(auditor, AUDIT_TASK_RECORD, name)) {
		partition_moment(auditor->p, &now);
		engine_repair_task(auditor->p->engine, &now, run, task, &auditor->p->effects);
	}
	free(name);
}

static void
got_run(struct auditor *auditor, const struct audit_ask *ask, const struct redisReply *reply)
{
	struct run *run = same_run(auditor, ask);
	const char *text = "";
	size_t len = 0;

	if (!run || reply_is_error(reply))
		return; /* a key of another type is told by the next commit */
	(void)text_at(reply, 0, &text, &len);
	if (run->home == HOME_OWN && !head_is_good(run, text, len)) {
		if (audit_finds(auditor, AUDIT_RUN_RECORD, ask->run))
			repair_run(auditor, run);
		return;
	}
	for (uint32_t i = 0; i < ask->n; i++)
		check_task(auditor, run, ask->task + i, reply_at(reply, 1 + i));
}

static void
ask_tasks(struct auditor *auditor, struct run *run, uint32_t first, uint32_t n)
{
	struct audit_ask ask = { .answer = got_run, .version = run->version, .task = first, .n = n };
	const char **argv = xcalloc(3 + (size_t)n, sizeof *argv);
	char (*fields)[12] = xcalloc(n ? n : 1, sizeof *fields);
	char *key = key_make(&auditor->p->store.keys, "run:", run->id.text);

	memcpy(ask.run, run->id.text, sizeof ask.run);
	argv[0] = "HMGET";
	argv[1] = key;
	argv[2] = "r";
	for (uint32_t i = 0; i < n; i++) {
		snprintf(fields[i], sizeof fields[i], "%u", first + i);
		argv[3 + i] = fields[i];
	}
	audit_send(auditor, &ask, 3 + (int)n, argv);
	free(argv);
	free(fields);
	free(key);
}

/* What is asked once a run. */
static void
ask_frame(struct auditor *auditor, struct run *run)
{
	struct audit_ask ask = { .answer = got_membership, .version = run->version };
	char *live = key_make(&auditor->p->store.keys, "live", NULL);
	char *def = key_make(&auditor->p->store.keys, "def:", run->wf->sha256);

	memcpy(ask.run, run->id.text, sizeof ask.run);
	audit_send(auditor, &ask, 3, (const char *const[]){ "HGET", live, run->id.text });
	ask.answer = got_definition;
	audit_send(auditor, &ask, 3, (const char *const[]){ "HGET", def, "n" });
	free(live);
	free(def);
}

static void
check_moves(struct auditor *auditor, const struct run *run)
{
	if (!engine_run_stuck(run) || auditor->reloaded ||
	    !audit_finds(auditor, AUDIT_STUCK, run->id.text))
		return;
	auditor->reloaded = true;
}

static bool
check_runs(struct auditor *auditor)
{
	bool reloaded = auditor->reloaded;

	if (auditor->at >= auditor->n_runs)
		return false;
	if (wait_for_quiet(auditor))
		return true;
	for (int i = 0; i < RUNS && auditor->at < auditor->n_runs && audit_quiet(auditor); i++) {
		struct run *run = engine_find(auditor->p->engine, auditor->runs[auditor->at]);
		uint32_t left = run ? run->wf->n_tasks - auditor->task : 0;

		if (run && auditor->task == 0) {
			check_moves(auditor, run);
			ask_frame(auditor, run);
		}
		if (run)
			ask_tasks(auditor, run, auditor->task, left < TASKS ? left : TASKS);
		auditor->task += TASKS;
		if (left > TASKS)
			break;
		auditor->task = 0;
		auditor->at++;
	}
	if (auditor->reloaded && !reloaded)
		partition_reload(auditor->p, "a run had nothing that could move it");
	return auditor->tries < TRIES;
}

/* --- keys, in a look alone -------------------------------------------------------------------- */

static void
got_score(struct auditor *auditor, const struct audit_ask *ask, const struct redisReply *reply)
{
	char *key;

	if (!reply_is_nil(reply) || engine_find(auditor->p->engine, ask->run))
		return;
	key = key_make(&auditor->p->store.keys, "run:", ask->run);
	(void)audit_finds(auditor, AUDIT_ORPHAN_RUN, key);
	free(key);
}

static void
got_keys(struct auditor *auditor, const struct audit_ask *ask, const struct redisReply *reply)
{
	size_t n, len, prefix = auditor->p->store.keys.prefix_len + strlen("run:");
	const struct redisReply *page = scanned(auditor, reply, &n);
	char *fin = key_make(&auditor->p->store.keys, "fin", NULL);

	(void)ask;
	for (size_t i = 0; i < n; i++) {
		struct audit_ask score = { .answer = got_score };
		const char *key;

		if (!text_at(page, i, &key, &len) || len <= prefix ||
		    !run_id_valid(key + prefix, len - prefix) ||
		    engine_find(auditor->p->engine, key + prefix))
			continue;
		memcpy(score.run, key + prefix, len - prefix + 1);
		audit_send(auditor, &score, 3, (const char *const[]){ "ZSCORE", fin, score.run });
	}
	free(fin);
}

static bool
check_keys(struct auditor *auditor)
{
	const struct audit_ask ask = { .answer = got_keys };
	struct buf pattern = { 0 };
	bool sent;

	if (auditor->looking == 0 || auditor->at > 0)
		return false;
	for (const char *at = auditor->p->store.keys.prefix; *at; at++)
		buf_printf(&pattern, strchr("*?[]\\", *at) ? "\\%c" : "%c", *at);
	buf_adds(&pattern, "run:*");
	sent = audit_send(auditor, &ask, 6, (const char *const[]){ "SCAN", auditor->scan, "MATCH",
	    buf_text(&pattern), "COUNT", "1000" });
	buf_release(&pattern);
	return sent;
}

audit_phase_fn *const audit_phases[] = { check_fence, check_streams, check_pending, check_live,
	check_cancel, check_cursor, check_runs, check_keys };
const size_t audit_n_phases = ARRAY_LEN(audit_phases);
