/* SPDX-License-Identifier: MIT */
/* A state that Redis lost: what is remembered of it, and how people go on. */
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "orchestrator/known.h"
#include "orchestrator/orchestrator_private.h"

/* Another Redis, or another prefix, holds another state. */
static char *
where_of(const struct orchestrator *orch)
{
	return xasprintf("%s %s", redis_conn_address(orch->commands),
	    orch->prefix ? orch->prefix : "");
}

void
recover_read_known(const struct orchestrator *orch, unsigned partition, struct known *ret_known)
{
	char *where = where_of(orch);

	memset(ret_known, 0, sizeof *ret_known);
	if (orch->config.state_fd > 0)
		(void)known_read(orch->config.state_fd, partition, where, ret_known);
	free(where);
}

void
recover_write_known(void *arg, unsigned partition, const char *nonce, uint64_t beat)
{
	const struct orchestrator *orch = arg;
	struct known known = { .beat = beat };
	char *where;

	if (orch->config.state_fd <= 0)
		return;
	where = where_of(orch);
	snprintf(known.nonce, sizeof known.nonce, "%s", nonce);
	known_write(orch->config.state_fd, partition, where, &known);
	free(where);
}

static bool
is_held(const struct orchestrator *orch, unsigned i)
{
	return partition_state(orchestrator_partition(orch, i)) == PARTITION_HELD;
}

void
facade_recover(struct orchestrator *orch, bool restore, const struct facade_actor *actor,
    facade_reply_fn *fn, void *arg)
{
	json_t *done = json_array();
	struct err err = { 0 };

	for (unsigned i = 0; i < orchestrator_partitions(orch); i++) {
		struct err one = { 0 };
		bool held = is_held(orch, i);

		if (partition_recover(orchestrator_partition(orch, i), restore, actor, &one) == 0)
			json_array_append_new(done, json_integer(i));
		else if (held || err.code == 0)
			err = one;
	}
	if (json_array_size(done) == 0) {
		json_decref(done);
		fn(arg, NULL, &err);
		return;
	}
	log_warn("a lost state is recovered from", KV_S("how", restore ? "restore" : "accept"),
	    KV_S("by", actor->name));
	err = (struct err){ 0 };
	fn(arg, json_pack("{s:s, s:o}", "how", restore ? "restore" : "accept", "partitions", done),
	    &err);
}
