/* SPDX-License-Identifier: MIT */
/*
 * Sends reports, and keeps them until Redis has confirmed them.
 */
#include <string.h>

#include "agent/agent.h"
#include "base/clock.h"
#include "base/log.h"
#include "redis/reply.h"

static void
report_done(void *arg, const struct redisReply *reply, const struct err *err)
{
	struct held_row *row = arg; /* lives while it is marked as sent */
	struct agent *agent = row->queue->agent;
	const char *answer = "";
	size_t len;

	(void)err;
	row->sent = false;
	if (reply == NULL)
		return; /* unknown: sent again when Redis is back */
	(void)reply_str(reply, &answer, &len, NULL);
	if (reply_is_error(reply) || strcmp(answer, "BROKEN") == 0) {
		log_warn("Redis refuses a report; trying again",
		    KV_S(
			"why", reply_is_error(reply) ? reply_error_text(reply) : answer));
		if (!loop_timer_active(&agent->resend_timer))
			loop_timer_start(&agent->resend_timer, AGENT_RETRY_US);
		return;
	}
	if (strcmp(answer, "LOST") == 0)
		log_debug("a report came late", KV_S("run", row->task.run),
		    KV_S("task", row->task.id));
	ledger_confirm(&agent->ledger, row, clock_mono_us());
	/* in strides: a trim walks over all rows */
	if (agent->ledger.confirmed % 256 == 0)
		ledger_trim(&agent->ledger, agent->puller.complete);
	agent_go_on(agent);
}

static void
outbox_send(struct agent *agent, struct held_row *row)
{
	const struct queue *queue = row->queue;
	struct command command = { 0 };
	size_t i;

	if (row->sent || !agent->signed_on)
		return;
	command_add_all(&command, agent->key_done, queue->key, queue->group, row->entry,
	    agent->id, row->task.token, (char *)NULL);
	for (i = 0; i < row->report.len; i++)
		command_add(&command, row->report.items[i]);
	if (agent_script(agent, "report", 2, &command, report_done, row) == 0)
		row->sent = true;
	else if (!loop_timer_active(&agent->resend_timer))
		loop_timer_start(&agent->resend_timer, AGENT_RETRY_US);
}

void
outbox_put(struct agent *agent, struct held_row *row)
{
	ledger_report(&agent->ledger, row);
	outbox_send(agent, row);
}

void
outbox_resend(struct agent *agent)
{
	struct held_row *row = NULL;

	while ((row = ledger_next(&agent->ledger, row)) != NULL)
		if (row->state == HELD_REPORTED)
			outbox_send(agent, row);
}
