/* SPDX-License-Identifier: MIT */
/*
 * Collects the fields of a completion.
 */
#include "agent/report.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

static void
push(struct report *report, char *text)
{
	GROW(report->items, report->len, report->cap);
	report->items[report->len++] = text;
	report->bytes += strlen(text);
}

void
report_add(struct report *report, const char *name, const char *value)
{
	push(report, xstrdup(name));
	push(report, xstrdup(value));
}

void
report_add_number(struct report *report, const char *name, int64_t number)
{
	push(report, xstrdup(name));
	push(report, xasprintf("%lld", (long long)number));
}

void
report_begin(struct report *report, const struct agent_task *task, const char *agent,
    enum done_status status)
{
	report_add(report, "run", task->run);
	report_add(report, "task", task->id);
	report_add(report, "token", task->token);
	report_add(report, "status", done_status_name(status));
	report_add_number(report, "attempt", task->attempt);
	report_add(report, "agent", agent);
}

const char *
report_get(const struct report *report, const char *name)
{
	size_t i;

	for (i = 0; i + 1 < report->len; i += 2)
		if (strcmp(report->items[i], name) == 0)
			return report->items[i + 1];
	return NULL;
}

void
report_release(struct report *report)
{
	size_t i;

	for (i = 0; i < report->len; i++)
		free(report->items[i]);
	free(report->items);
	*report = (struct report){ 0 };
}
