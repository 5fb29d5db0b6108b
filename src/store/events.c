/* SPDX-License-Identifier: MIT */
/* Packs what happened into one stream entry a commit, and takes it apart. */
#include "store/events.h"

#include <string.h>

#include "engine/state.h"

/* clang-format off */
static const struct {
	char code[3];
	const char *type;
} CODES[] = {
	{ "rc", "run.created" },
	{ "ru", "run.updated" },
	{ "ro", "run.reopened" },
	{ "rs", "run.succeeded" },
	{ "rf", "run.failed" },
	{ "rx", "run.cancelled" },
	{ "rt", "run.timed_out" },
	{ "tp", "task.pending" },
	{ "tr", "task.ready" },
	{ "tq", "task.queued" },
	{ "tb", "task.started" },
	{ "tw", "task.waiting" },
	{ "ts", "task.succeeded" },
	{ "tf", "task.failed" },
	{ "tk", "task.skipped" },
	{ "tx", "task.cancelled" },
	{ "dl", "dlq.added" },
	{ "dr", "dlq.replayed" },
};
/* clang-format on */

static const char *const TASK_CODES[TASK_STATE_COUNT] = {
	[TASK_PENDING] = "tp",
	[TASK_READY] = "tr",
	[TASK_QUEUED] = "tq",
	[TASK_RUNNING] = "tb",
	[TASK_WAITING] = "tw",
	[TASK_SUCCEEDED] = "ts",
	[TASK_FAILED] = "tf",
	[TASK_SKIPPED] = "tk",
	[TASK_CANCELLED] = "tx",
};

static const char *const RUN_END_CODES[RUN_STATE_COUNT] = {
	[RUN_QUEUED] = "ru",
	[RUN_RUNNING] = "ru",
	[RUN_SUCCEEDED] = "rs",
	[RUN_FAILED] = "rf",
	[RUN_CANCELLED] = "rx",
	[RUN_TIMED_OUT] = "rt",
};

static void
put_line(struct buf *out, const char *code, const struct run *last_run,
    const struct effect *effect, uint32_t attempt, const char *agent, const char *data)
{
	buf_adds(out, code);
	buf_addc(out, '\t');
	if (!effect->run)
		buf_addc(out, '-');
	else if (effect->run != last_run)
		buf_adds(out, effect->run->id.text);
	if (effect->task != TASK_NONE || attempt || agent || data) {
		buf_addc(out, '\t');
		if (effect->task != TASK_NONE)
			buf_adds(out, effect->run->wf->tasks[effect->task].id);
	}
	if (attempt || agent || data) {
		buf_addc(out, '\t');
		buf_addu(out, attempt);
	}
	if (agent || data) {
		buf_addc(out, '\t');
		for (; agent && *agent; agent++)
			buf_addc(out, (unsigned char)*agent < ' ' ? '_' : *agent);
	}
	if (data) {
		buf_addc(out, '\t');
		buf_adds(out, data);
	}
	buf_addc(out, '\n');
}

static void
add_line(struct event_packer *packer, const char *code, const struct effect *effect,
    uint32_t attempt, const char *agent, const char *data)
{
	put_line(&packer->text, code, packer->last_run, effect, attempt, agent, data);
	packer->last_run = effect->run;
}

static void
add_note(struct event_packer *packer, const struct effect *effect)
{
	const char *type = effect->u.note.type;

	add_line(packer, type, effect, 0, effect->u.note.agent, effect->u.note.data);
	if (strncmp(type, "audit.", 6) == 0)
		put_line(&packer->audit, type, NULL, effect, 0, NULL, effect->u.note.data);
}

/* Who or what asked for a run. */
static void
add_new_run(struct event_packer *packer, const struct effect *effect)
{
	const struct submission *from = effect->u.run.submission;
	struct buf data = { 0 };

	if (from && from->actor) {
		buf_adds(&data, "{\"by\":");
		buf_add_json(&data, from->actor, strlen(from->actor));
		if (from->drop_field) {
			buf_adds(&data, ",\"file\":");
			buf_add_json(&data, from->drop_field, strlen(from->drop_field));
		}
		buf_addc(&data, '}');
	}
	add_line(packer, "rc", effect, 0, NULL, data.len > 0 ? buf_text(&data) : NULL);
	buf_release(&data);
}

void
event_pack(struct event_packer *packer, const struct effect *effect)
{
	switch (effect->kind) {
	case EFFECT_RUN_NEW:
		add_new_run(packer, effect);
		break;
	case EFFECT_RUN_UPDATE:
		if (!effect->u.run.quiet)
			add_line(packer, "ru", effect, 0, NULL, NULL);
		break;
	case EFFECT_RUN_OPEN:
		add_line(packer, "ro", effect, 0, NULL, NULL);
		break;
	case EFFECT_RUN_END:
		add_line(packer, RUN_END_CODES[effect->u.run.record.state], effect, 0, NULL, NULL);
		break;
	case EFFECT_TASK:
		if (!effect->u.task.quiet)
			add_line(packer, TASK_CODES[effect->u.task.record.state], effect,
			    effect->u.task.record.attempt, effect->u.task.agent,
			    effect->u.task.error);
		break;
	case EFFECT_DISPATCH:
		add_line(packer, "tq", effect, effect->u.dispatch.attempt, NULL, NULL);
		break;
	case EFFECT_DEAD:
		add_line(packer, "dl", effect, effect->u.dead.attempts, NULL, NULL);
		break;
	case EFFECT_DEAD_CLOSED:
		add_line(packer, "dr", effect, 0, NULL, NULL);
		break;
	case EFFECT_NOTE:
		add_note(packer, effect);
		break;
	case EFFECT_PAUSE:
	case EFFECT_SPENT:
	case EFFECT_UNDROP:
	case EFFECT_DRAIN:
	case EFFECT_SCALE:
	case EFFECT_LIMIT:
	case EFFECT_RUN_REPAIR:
	case EFFECT_SETTLE:
	case EFFECT_CANCEL:
	case EFFECT_WITHDRAW:
	case EFFECT_PURGE:
	case EFFECT_FETCH:
	case EFFECT_ANSWER:
	case EFFECT_MARK:
		break;
	}
}

static void
set_type(struct event_view *view, const char *code, size_t len)
{
	for (size_t i = 0; i < sizeof CODES / sizeof *CODES; i++) {
		if (len == 2 && memcmp(code, CODES[i].code, 2) == 0) {
			view->type = CODES[i].type;
			return;
		}
	}
	len = len < sizeof view->type_text ? len : sizeof view->type_text - 1;
	memcpy(view->type_text, code, len);
	view->type_text[len] = '\0';
	view->type = view->type_text;
}

static const char *
next_part(const char **at, const char *end, size_t *ret_len)
{
	const char *start = *at;
	const char *tab;

	if (start >= end) {
		*ret_len = 0;
		return "";
	}
	tab = memchr(start, '\t', (size_t)(end - start));
	*ret_len = (size_t)((tab ? tab : end) - start);
	*at = tab ? tab + 1 : end;
	return start;
}

bool
event_unpack(const char **at, const char *end, struct event_view *view)
{
	const char *line = *at;
	const char *stop, *part;
	size_t len;

	if (line >= end)
		return false;
	stop = memchr(line, '\n', (size_t)(end - line));
	if (!stop)
		stop = end;
	*at = stop < end ? stop + 1 : end;
	part = next_part(&line, stop, &len);
	set_type(view, part, len);
	part = next_part(&line, stop, &len);
	if (len == 1 && *part == '-') {
		view->run[0] = '\0';
	} else if (len > 0 && len < sizeof view->run) {
		memcpy(view->run, part, len);
		view->run[len] = '\0';
	}
	view->task = next_part(&line, stop, &view->task_len);
	view->attempt = next_part(&line, stop, &view->attempt_len);
	view->agent = next_part(&line, stop, &view->agent_len);
	view->data = next_part(&line, stop, &view->data_len);
	return true;
}
