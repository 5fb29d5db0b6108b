/* SPDX-License-Identifier: MIT */
/* reeve doctor's look at memory, state and streams: the auditor's checks, without repairs. */
#include <stdlib.h>

#include "base/mem.h"
#include "orchestrator/auditor.h"
#include "orchestrator/orchestrator_private.h"

#define FINDINGS_MAX 200

struct checkup {
	struct orchestrator *orch;
	json_t *findings;
	size_t more;
	unsigned left; /* partitions that still look */
	unsigned looked;
	struct err err;
	facade_reply_fn *fn;
	void *arg;
};

static void
found(void *arg, enum audit_kind kind, const char *what)
{
	struct checkup *checkup = arg;

	if (json_array_size(checkup->findings) >= FINDINGS_MAX) {
		checkup->more++;
		return;
	}
	json_array_append_new(checkup->findings,
	    json_pack("{s:s, s:s, s:s, s:s, s:s}", "severity", "warning", "kind",
	        audit_kind_name(kind), "what", what, "text", audit_kind_meaning(kind), "cure",
	        audit_kind_cure(kind)));
}

static void
finish(struct checkup *checkup)
{
	if (checkup->looked == 0 && checkup->err.code < 0) {
		checkup->fn(checkup->arg, NULL, &checkup->err);
		json_decref(checkup->findings);
	} else {
		checkup->err = (struct err){ 0 };
		checkup->fn(checkup->arg,
		    json_pack("{s:o, s:I, s:i}", "findings", checkup->findings, "more",
		        (json_int_t)checkup->more, "partitions", (int)checkup->looked),
		    &checkup->err);
	}
	free(checkup);
}

static void
done(void *arg, const struct err *err)
{
	struct checkup *checkup = arg;

	if (err->code < 0)
		checkup->err = *err;
	else
		checkup->looked++;
	if (--checkup->left == 0)
		finish(checkup);
}

void
facade_checkup(struct orchestrator *orch, facade_reply_fn *fn, void *arg)
{
	struct checkup *checkup = xcalloc(1, sizeof *checkup);
	const struct audit_look look = { found, done, checkup };

	*checkup = (struct checkup){ .orch = orch, .findings = json_array(), .left = 1, .fn = fn,
		.arg = arg };
	err_set(&checkup->err, ERR_UNAVAILABLE, "this daemon owns no partition: ask the owner");
	for (unsigned i = 0; i < orchestrator_partitions(orch); i++) {
		struct partition *p = orchestrator_partition(orch, i);

		if (partition_state(p) != PARTITION_SERVING)
			continue;
		if (partition_refused(p)) { /* what waits in memory is no fault */
			err_set(&checkup->err, ERR_UNAVAILABLE, "%s", partition_why(p));
			continue;
		}
		if (auditor_look(partition_auditor(p), &look, &checkup->err) == 0)
			checkup->left++;
	}
	if (--checkup->left == 0)
		finish(checkup);
}
