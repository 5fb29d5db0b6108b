/* SPDX-License-Identifier: MIT */
/* Stores large definitions in chunks before the commit that starts their run. */
#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "model/canonical.h"
#include "orchestrator/orchestrator_private.h"

#define CHUNK (256 * 1024)
#define TIMEOUT_MS 10000
#define EXPIRY_S "86400" /* of what no run came for */

struct upload {
	struct orchestrator *orch;
	struct workflow *wf;
	size_t left;       /* answers that are due */
	uint64_t gone;     /* definitions that commits had removed when it began */
	char *key;
	const char *argv[2]; /* of the script, until it answers */
	struct err err;
	partition_fn *fn;
	void *arg;
};

static void
upload_end(struct upload *upload)
{
	struct store *store = partition_store(upload->orch->partition);

	/* a commit may have removed what was written meanwhile: the run's commit brings it */
	if (upload->err.code == 0 && store->defs_gone == upload->gone)
		store_add_uploaded_def(store, upload->wf->sha256);
	upload->fn(upload->arg, &upload->err);
	workflow_unref(upload->wf);
	free(upload->key);
	free(upload);
}

static void
on_stored(void *arg, const struct redisReply *reply, const struct err *err)
{
	struct upload *upload = arg;

	if (!reply)
		upload->err = *err;
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

/* It expires unless a commit counts a run of it. */
static void
lend(struct upload *upload, const char *key)
{
	struct orchestrator *orch = upload->orch;

	upload->argv[0] = upload->key = xstrdup(key);
	upload->argv[1] = EXPIRY_S;
	sent(upload,
	    redis_script_call(&orch->lend_script, partition_commands(orch->partition), 1, 2,
	        upload->argv, NULL, TIMEOUT_MS, on_stored, upload));
}

static void
send_field(struct upload *upload, const char *key, const char *field, const char *bytes,
    size_t len)
{
	const char *argv[] = { "HSET", key, field, bytes };
	const size_t lens[] = { 4, strlen(key), strlen(field), len };

	sent(upload, redis_port_send(partition_commands(upload->orch->partition), 4, argv, lens,
	    TIMEOUT_MS, on_stored, upload));
}

/* Chunks first, their number last: a definition is whole or is not there. */
static void
send_chunks(struct upload *upload, const struct buf *json)
{
	char *key = key_make(&partition_store(upload->orch->partition)->keys, "def:",
	    upload->wf->sha256);
	char field[24];
	size_t n = 0;

	for (size_t at = 0; at < json->len; at += CHUNK, n++) {
		snprintf(field, sizeof field, "%zu", n);
		send_field(upload, key, field, json->data + at,
		    json->len - at < CHUNK ? json->len - at : CHUNK);
	}
	snprintf(field, sizeof field, "%zu", n);
	send_field(upload, key, "n", field, strlen(field));
	lend(upload, key);
	free(key);
}

void
orchestrator_with_definition(struct orchestrator *orch, struct workflow *wf, partition_fn *fn,
    void *arg)
{
	struct store *store = partition_store(orch->partition);
	struct err none = { 0 };
	struct buf json = { 0 };
	struct upload *upload;

	if (store_has_def(store, wf->sha256) && !store_def_may_expire(store, wf->sha256)) {
		fn(arg, &none);
		return;
	}
	workflow_canonical(wf, &json);
	if (json.len <= COMMIT_DEF_INLINE) {
		buf_release(&json);
		fn(arg, &none);
		return;
	}
	upload = xcalloc(1, sizeof *upload);
	*upload = (struct upload){ .orch = orch, .wf = workflow_ref(wf), .gone = store->defs_gone,
		.fn = fn, .arg = arg };
	send_chunks(upload, &json);
	buf_release(&json);
	if (upload->left == 0)
		upload_end(upload);
}
