/* SPDX-License-Identifier: MIT */
/* Stores large definitions in chunks before the commit that starts their run. */
#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "model/canonical.h"
#include "orchestrator/orchestrator_private.h"

#define CHUNK (256 * 1024)
#define TIMEOUT_MS 10000

struct upload {
	struct orchestrator *orch;
	struct workflow *wf;
	size_t left;       /* answers that are due */
	struct err err;
	partition_fn *fn;
	void *arg;
};

static void
upload_end(struct upload *upload)
{
	if (upload->err.code == 0)
		store_add_def(partition_store(upload->orch->partition), upload->wf->sha256);
	upload->fn(upload->arg, &upload->err);
	workflow_unref(upload->wf);
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
send_field(struct upload *upload, const char *key, const char *field, const char *bytes,
    size_t len)
{
	const char *argv[] = { "HSET", key, field, bytes };
	const size_t lens[] = { 4, strlen(key), strlen(field), len };
	struct redis_port *port = partition_commands(upload->orch->partition);

	if (redis_port_send(port, 4, argv, lens, TIMEOUT_MS, on_stored, upload) < 0)
		err_set(&upload->err, ERR_UNAVAILABLE, "redis takes no commands");
	else
		upload->left++;
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
	free(key);
}

void
orchestrator_with_definition(struct orchestrator *orch, struct workflow *wf, partition_fn *fn,
    void *arg)
{
	struct err none = { 0 };
	struct buf json = { 0 };
	struct upload *upload;

	if (store_has_def(partition_store(orch->partition), wf->sha256)) {
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
	*upload = (struct upload){ .orch = orch, .wf = workflow_ref(wf), .fn = fn, .arg = arg };
	send_chunks(upload, &json);
	buf_release(&json);
	if (upload->left == 0)
		upload_end(upload);
}
