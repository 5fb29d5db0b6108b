/* SPDX-License-Identifier: MIT */
/* The list of what the engine wants done. */
#include "engine/effect.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

struct effect *
effects_add(struct effects *effects, enum effect_kind kind, struct run *run, uint32_t task)
{
	struct effect *effect;

	GROW(effects->items, effects->len, effects->cap);
	effect = &effects->items[effects->len++];
	memset(effect, 0, sizeof *effect);
	effect->kind = kind;
	effect->task = task;
	effect->run = run ? run_ref(run) : NULL;
	return effect;
}

void
effects_mark(struct effects *effects, uint64_t cursor_ms, uint64_t cursor_seq)
{
	struct effect *mark;

	if (cursor_ms == 0 && cursor_seq == 0 &&
	    (effects->len == 0 || effects->items[effects->len - 1].kind == EFFECT_MARK))
		return;
	mark = effects_add(effects, EFFECT_MARK, NULL, TASK_NONE);
	mark->u.mark.cursor_ms = cursor_ms;
	mark->u.mark.cursor_seq = cursor_seq;
}

void
effects_mark_read(struct effects *effects, uint64_t cursor_ms, uint64_t cursor_seq, size_t bytes)
{
	effects_mark(effects, cursor_ms, cursor_seq);
	effects->items[effects->len - 1].u.mark.bytes = bytes;
}

void
effect_release(struct effect *effect)
{
	switch (effect->kind) {
	case EFFECT_RUN_NEW:
		submission_free(effect->u.run.submission);
		break;
	case EFFECT_TASK:
		free(effect->u.task.agent);
		free(effect->u.task.outputs);
		free(effect->u.task.error);
		free(effect->u.task.usage);
		free(effect->u.task.given);
		break;
	case EFFECT_DISPATCH:
		free(effect->u.dispatch.body_owned);
		free(effect->u.dispatch.meta);
		break;
	case EFFECT_DEAD:
		free(effect->u.dead.reason);
		free(effect->u.dead.agent);
		free(effect->u.dead.body_owned);
		free(effect->u.dead.meta);
		break;
	case EFFECT_DEAD_CLOSED:
		free(effect->u.closed.as);
		free(effect->u.closed.type);
		free(effect->u.closed.entry);
		break;
	case EFFECT_PAUSE:
		free(effect->u.pause.what);
		free(effect->u.pause.value);
		break;
	case EFFECT_SPENT:
		free(effect->u.spent.name);
		free(effect->u.spent.value);
		break;
	case EFFECT_UNDROP:
		free(effect->u.undrop.field);
		break;
	case EFFECT_DRAIN:
		free(effect->u.drain.agent);
		free(effect->u.drain.value);
		break;
	case EFFECT_SCALE:
		free(effect->u.scale.type);
		free(effect->u.scale.value);
		break;
	case EFFECT_LIMIT:
		free(effect->u.limit.what);
		free(effect->u.limit.value);
		break;
	case EFFECT_NOTE:
		free(effect->u.note.agent);
		free(effect->u.note.data);
		break;
	case EFFECT_FETCH:
		free(effect->u.fetch.tasks);
		break;
	case EFFECT_ANSWER:
		free(effect->u.answer.id);
		free(effect->u.answer.text);
		break;
	case EFFECT_RUN_REPAIR:
	case EFFECT_RUN_UPDATE:
	case EFFECT_RUN_END:
	case EFFECT_RUN_OPEN:
	case EFFECT_SETTLE:
	case EFFECT_CANCEL:
	case EFFECT_WITHDRAW:
	case EFFECT_PURGE:
	case EFFECT_MARK:
		break;
	}
	run_unref(effect->run);
	memset(effect, 0, sizeof *effect);
}

void
effects_drop_front(struct effects *effects, size_t n)
{
	for (size_t i = 0; i < n; i++)
		effect_release(&effects->items[i]);
	effects->len -= n;
	if (effects->len > 0)
		memmove(effects->items, effects->items + n,
		    effects->len * sizeof *effects->items);
}

void
effects_release(struct effects *effects)
{
	effects_drop_front(effects, effects->len);
	free(effects->items);
	*effects = (struct effects){ 0 };
}

void
submission_free(struct submission *submission)
{
	if (!submission)
		return;
	free(submission->key);
	free(submission->drop_field);
	free(submission->drop_sha);
	free(submission->actor);
	free(submission);
}
