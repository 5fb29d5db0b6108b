/* SPDX-License-Identifier: MIT */
/* What a partition is told while it runs: its share, its limits. */
#include "orchestrator/partition_private.h"

void
partition_set_count(struct partition *p, unsigned partitions)
{
	p->config.partitions = partitions;
}

void
partition_set_budget(struct partition *p, const struct budget_def *budget)
{
	struct moment now;

	p->config.engine.budget = *budget;
	if (!p->loaded)
		return; /* the next engine begins with it */
	partition_moment(p, &now);
	engine_set_budget(p->engine, &now, budget, &p->effects);
}

void
partition_set_modest(struct partition *p, bool modest)
{
	p->modest = modest;
}
