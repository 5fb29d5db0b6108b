/* SPDX-License-Identifier: MIT */
/* Stores definitions in chunks before the commit that starts their run, and reads them back. */
#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "model/canonical.h"
#include "orchestrator/orchestrator_private.h"
#include "orchestrator/registry.h"

#define CHUNK (256 * 1024)
#define TIMEOUT_MS 10000
#define EXPIRY_S "86400" /* of what no run came for */

struct upload {
	struct orchestrator *orch;
	struct partition *partition;
	struct workflow *wf;
	size_t left;       /* answers that are due */
	uint64_t gone;     /* definitions that commits had removed when it began */
	char *key, *key_fence;
	char nonce[TOKEN_SIZE]; /* the owner's; "": another daemon is to start the run */
	struct err err;
	partition_fn *fn;
	void *arg;
};

static void
upload_end(struct upload *upload)
{
	struct store *store = partition_store(upload->partition);

	/* a commit may have removed what was written meanwhile: the run's commit brings it */
	if (upload->err.code == 0 && store->defs_gone == upload->gone)
		store_add_uploaded_def(store, upload->wf->sha256);
	upload->fn(upload->arg, &upload->err);
	workflow_unref(upload->wf);
	free(upload->key);
	free(upload->key_fence);
	free(upload);
}

static void
on_stored(void *arg, const struct redisReply *reply, const struct err *err)
{
	struct upload *upload = arg;
	const char *code = "";
	size_t len;

	(void)reply_str(reply_at(reply, 0), &code, &len, NULL);
	if (!reply)
		upload->err = *err;
	else if (strcmp(code, "FENCED") == 0)
		err_set(&upload->err, ERR_UNAVAILABLE, "another daemon owns the partition");
	else if (reply_is_error(reply))
		err_set(&upload->err, ERR_UNAVAILABLE, "the definition could not be stored: %s",
		    reply_error_text(reply));
	if (--upload->left == 0)
		upload_end(upload);
}

static void
sent(struct upload *upload, int code)
{
	if (code < 0)
		err_set(&upload->err, ERR_UNAVAILABLE, "redis takes no commands");
	else
		upload->left++;
}

static void
send_field(struct upload *upload, const char *field, const char *bytes, size_t len)
{
	const char *argv[] = { upload->key_fence, upload->key, upload->nonce, EXPIRY_S, field,
		bytes };
	size_t lens[ARRAY_LEN(argv)];

	for (size_t i = 0; i + 1 < ARRAY_LEN(argv); i++)
		lens[i] = strlen(argv[i]);
	lens[ARRAY_LEN(argv) - 1] = len;
	sent(upload, redis_script_call(&upload->orch->define_script,
	    partition_commands(upload->partition), 2, (int)ARRAY_LEN(argv), argv, lens, TIMEOUT_MS,
	    on_stored, upload));
}

/*
 * Chunks first, their number last: a definition is whole or is not there.  It expires unless
 * a commit counts a run of it.
 */
static void
send_chunks(struct upload *upload, const struct buf *json)
{
	char field[24];
	size_t n = 0;

	for (size_t at = 0; at < json->len; at += CHUNK, n++) {
		snprintf(field, sizeof field, "%zu", n);
		send_field(upload, field, json->data + at,
		    json->len - at < CHUNK ? json->len - at : CHUNK);
	}
	snprintf(field, sizeof field, "%zu", n);
	send_field(upload, "n", field, strlen(field));
}

/* nonce 0: as a daemon that does not own the partition. */
static void
upload(struct orchestrator *orch, struct partition *p, uint64_t nonce, struct workflow *wf,
    const struct buf *json, partition_fn *fn, void *arg)
{
	struct upload *upload = xcalloc(1, sizeof *upload);
	const struct keys *keys = &partition_store(p)->keys;

	*upload = (struct upload){ .orch = orch, .partition = p, .wf = workflow_ref(wf),
		.gone = partition_store(p)->defs_gone, .fn = fn, .arg = arg };
	upload->key = key_make(keys, "def:", wf->sha256);
	upload->key_fence = key_make(keys, "fence", NULL);
	if (nonce != 0)
		token_format(nonce, upload->nonce);
	send_chunks(upload, json);
	if (upload->left == 0)
		upload_end(upload);
}

void
orchestrator_with_definition(struct orchestrator *orch, struct partition *p, struct workflow *wf,
    partition_fn *fn, void *arg)
{
	struct store *store = partition_store(p);
	struct err none = { 0 };
	struct buf json = { 0 };

	if (store_has_def(store, wf->sha256) && !store_def_may_expire(store, wf->sha256)) {
		fn(arg, &none);
		return;
	}
	workflow_canonical(wf, &json);
	if (json.len <= COMMIT_DEF_INLINE)
		fn(arg, &none);
	else
		upload(orch, p, partition_nonce(p), wf, &json, fn, arg);
	buf_release(&json);
}

/* --- for another owner ------------------------------------------------------------- */

struct sending {
	size_t left;
	struct err err;
	partition_fn *fn;
	void *arg;
};

static void
on_uploaded(void *arg, const struct err *err)
{
	struct sending *sending = arg;

	if (err->code < 0)
		sending->err = *err;
	if (--sending->left > 0)
		return;
	sending->fn(sending->arg, &sending->err);
	free(sending);
}

static bool
is_among(struct workflow *const *wfs, size_t n, const struct workflow *wf)
{
	for (size_t i = 0; i < n; i++) {
		if (strcmp(wfs[i]->sha256, wf->sha256) == 0)
			return true;
	}
	return false;
}

void
orchestrator_send_definitions(struct orchestrator *orch, struct partition *p,
    struct workflow *const *wfs, size_t n, partition_fn *fn, void *arg)
{
	struct sending *sending = xcalloc(1, sizeof *sending);
	struct err none = { 0 };

	*sending = (struct sending){ .left = 1, .fn = fn, .arg = arg };
	for (size_t i = 0; i < n; i++) {
		struct buf json = { 0 };

		if (is_among(wfs, i, wfs[i]))
			continue;
		sending->left++;
		workflow_canonical(wfs[i], &json);
		upload(orch, p, 0, wfs[i], &json, on_uploaded, sending);
		buf_release(&json);
	}
	on_uploaded(sending, &none);
}

/* --- reading one back --------------------------------------------------------------- */

struct download {
	struct orchestrator *orch;
	char *key;
	struct buf text;
	uint64_t next;
	definition_fn *fn;
	void *arg;
};

static void ask_chunk(struct download *download);

static void
download_end(struct download *download, struct err *err)
{
	struct workflow *wf = NULL;

	if (err->code == 0)
		wf = workflow_from_canonical(download->text.data, download->text.len, err);
	download->fn(download->arg, wf, err);
	workflow_unref(wf);
	buf_release(&download->text);
	free(download->key);
	free(download);
}

static void
on_chunk(void *arg, const struct redisReply *reply, const struct err *err)
{
	struct download *download = arg;
	struct err missing = { 0 };
	uint64_t chunks = 0;
	const char *text;
	size_t len;

	if (!reply) {
		missing = *err;
	} else if (reply_str(reply_at(reply, 0), &text, &len, NULL) < 0 ||
	    reply_u64(reply_at(reply, 1), &chunks, NULL) < 0) {
		err_set(&missing, ERR_UNAVAILABLE,
		    "the workflow's definition is not in redis: ask again");
	} else {
		buf_add(&download->text, text, len);
		if (++download->next < chunks) {
			ask_chunk(download);
			return;
		}
	}
	download_end(download, &missing);
}

static void
ask_chunk(struct download *download)
{
	struct err away;
	char field[24];

	snprintf(field, sizeof field, "%llu", (unsigned long long)download->next);
	if (redis_port_send(orchestrator_queries(download->orch), 4,
		(const char *const[]){ "HMGET", download->key, field, "n" }, NULL, TIMEOUT_MS,
		on_chunk, download) == 0)
		return;
	err_set(&away, ERR_UNAVAILABLE, "redis does not answer: %s",
	    redis_conn_error(download->orch->queries));
	download_end(download, &away);
}

void
orchestrator_fetch_definition(struct orchestrator *orch, struct partition *p, const char *name,
    const char *sha256, definition_fn *fn, void *arg)
{
	const struct registry_entry *entry =
	    orch->registry ? registry_find(orch->registry, name) : NULL;
	struct download *download;
	struct err none = { 0 };

	if (entry && entry->workflow && strcmp(entry->workflow->sha256, sha256) == 0) {
		fn(arg, entry->workflow, &none);
		return;
	}
	download = xcalloc(1, sizeof *download);
	*download = (struct download){ .orch = orch, .fn = fn, .arg = arg };
	download->key = key_make(&partition_store(p)->keys, "def:", sha256);
	ask_chunk(download);
}
