/* SPDX-License-Identifier: MIT */
/* Publishes the agent types' settings to agents on other machines. */
#include <hiredis/hiredis.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "orchestrator/catalog.h"
#include "orchestrator/limits.h"
#include "orchestrator/types.h"

#define TIMEOUT_MS 5000

/* One call of the script; it lives until the answer. */
struct publishing {
	struct part *part;
	struct arena arena;
	const char **argv;
	size_t n, cap;
};

static void
publishing_free(struct publishing *publishing)
{
	arena_release(&publishing->arena);
	free(publishing->argv);
	free(publishing);
}

static void
add(struct publishing *publishing, const char *text)
{
	GROW(publishing->argv, publishing->n, publishing->cap);
	publishing->argv[publishing->n++] = arena_strdup(&publishing->arena, text);
}

static void
add_key(struct publishing *publishing, const char *kind)
{
	char *key = key_make(&partition_store(publishing->part->partition)->keys, kind, NULL);

	add(publishing, key);
	free(key);
}

static void
add_type(void *arg, const char *name, const struct agent_type *type)
{
	struct publishing *publishing = arg;
	struct engine *engine = orchestrator_engine(publishing->part->partition);
	struct buf json = { 0 };

	if (!type)
		return;
	if (type->retry)
		queue_set_retry(engine_queue(engine, name), type->retry);
	limits_set(publishing->part, type);
	agent_type_json(type, &json);
	add(publishing, name);
	add(publishing, buf_text(&json));
	buf_release(&json);
}

static void
on_published(void *arg, const struct redisReply *reply, const struct err *err)
{
	struct publishing *publishing = arg;

	/* without an answer, or refused: it is done again when the partition serves again */
	if (!reply || reply_is_error(reply))
		log_warn("agent types are not published",
		    KV_S("why", reply ? reply_error_text(reply) : err->text));
	publishing_free(publishing);
}

void
published_compare(struct part *part)
{
	struct orchestrator *orch = part->orch;
	struct publishing *publishing = xcalloc(1, sizeof *publishing);
	char nonce[TOKEN_SIZE];

	publishing->part = part;
	add_key(publishing, "fence");
	add_key(publishing, "types");
	add(publishing, token_format(partition_nonce(part->partition), nonce));
	types_each(orch->types, add_type, publishing);
	if (redis_script_call(&orch->publish_script, partition_commands(part->partition), 2,
		(int)publishing->n, publishing->argv, NULL, TIMEOUT_MS, on_published,
		publishing) < 0)
		publishing_free(publishing);
}
