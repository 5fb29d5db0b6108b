/* SPDX-License-Identifier: MIT */
/* Writes a run as JSON text, for answers that show hundreds of runs. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "orchestrator/view.h"

static void
add_text(struct buf *out, const char *key, const char *text)
{
	buf_adds(out, key);
	if (text && *text)
		buf_add_json(out, text, strlen(text));
	else
		buf_adds(out, "null");
}

/* For what needs no escapes. */
static void
add_word(struct buf *out, const char *key, const char *word)
{
	buf_adds(out, key);
	buf_addc(out, '"');
	buf_adds(out, word);
	buf_addc(out, '"');
}

static void
add_number(struct buf *out, const char *key, int64_t number)
{
	buf_adds(out, key);
	buf_addi(out, number);
}

static void
add_time(struct buf *out, const char *key, int64_t wall_ms)
{
	char text[RFC3339_SIZE];

	if (wall_ms > 0)
		add_word(out, key, rfc3339_format(wall_ms, text));
	else
		add_text(out, key, NULL);
}

/* Takes value over. */
static void
add_value(struct buf *out, const char *key, json_t *value)
{
	char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);

	buf_adds(out, key);
	buf_adds(out, text ? text : "null");
	free(text);
	json_decref(value);
}

static void
add_money(struct buf *out, const struct run *run)
{
	if (budget_limits(&run->wf->budget))
		add_value(out, ",\"budget\":",
		    view_budget(&run->wf->budget, &run->spent, &run->since, run->over));
	else
		add_text(out, ",\"budget\":", NULL);
	if (run->spent.micro_usd > 0 || run->spent.tokens > 0)
		add_value(out, ",\"spent\":", view_spend(&run->spent));
	else
		buf_adds(out, ",\"spent\":{\"usd\":0.0,\"tokens\":0}");
}

void
view_run_text(const struct run *run, struct buf *out)
{
	enum run_state state = (enum run_state)run->state;
	bool ended = run_state_ended(state);

	add_word(out, "{\"id\":", run->id.text);
	add_text(out, ",\"workflow\":", run->wf->name);
	add_word(out, ",\"definition\":", run->wf->sha256);
	add_word(out, ",\"status\":", run_state_name(state));
	buf_adds(out, ",\"params\":");
	buf_adds(out, run->params ? run->params : "null");
	add_number(out, ",\"priority\":", run->priority);
	add_time(out, ",\"created_at\":", run->created_ms);
	add_time(out, ",\"started_at\":", run->started_ms);
	add_time(out, ",\"finished_at\":", run->finished_ms);
	add_number(out, ",\"tasks_total\":", run->wf->n_tasks);
	add_number(out, ",\"tasks_done\":", (int64_t)run->wf->n_tasks - run->open);
	add_number(out, ",\"tasks_failed\":", run->failed);
	add_text(out, ",\"error\":", run->error);
	buf_adds(out, run_paused(run) ? ",\"paused\":true" : ",\"paused\":false");
	add_time(out, ",\"paused_at\":", run->paused_ms);
	add_money(out, run);
	add_time(out, ",\"reopened_at\":", run->reopened_ms);
	add_text(out, ",\"replay_of\":", run->replay_of);
	add_number(out, ",\"version\":", ended ? run->finished_ms : (int64_t)run->version);
	buf_addc(out, '}');
}
