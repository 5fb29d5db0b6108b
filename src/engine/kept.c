/* SPDX-License-Identifier: MIT */
/* Which outputs memory holds, and which stand in Redis alone. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "engine/internal.h"

/* Outputs are at most 64 KiB: half their length fits into 16 bits. */
uint16_t
outputs_half(size_t len)
{
	return (uint16_t)((len + 1) / 2);
}

bool
outputs_far(const struct task *task)
{
	return task->stored > 0 && !(task->texts && task->texts->outputs);
}

bool
outputs_room(const struct engine *engine, size_t len)
{
	return engine->kept <= engine->config.max_outputs &&
	    len <= engine->config.max_outputs - engine->kept;
}

/* text: copied. */
void
outputs_keep(struct engine *engine, struct task *task, const char *text, size_t len)
{
	outputs_drop(engine, task);
	task_texts(task)->outputs = xstrndup(text, len);
	engine->kept += len;
}

void
outputs_drop(struct engine *engine, struct task *task)
{
	if (!task->texts || !task->texts->outputs)
		return;
	engine->kept -= strlen(task->texts->outputs);
	task_drop_outputs(task);
}

void
outputs_drop_all(struct engine *engine, struct run *run)
{
	for (uint32_t i = 0; engine->kept > 0 && i < run->wf->n_tasks; i++)
		outputs_drop(engine, &run->tasks[i]);
}

uint32_t
task_read_at(const struct run *run, uint32_t task, uint32_t i)
{
	const struct task_def *def = &run->wf->tasks[task];

	if (i < def->n_needs)
		return def->needs[i].task;
	i -= def->n_needs;
	return i < def->n_refs ? def->refs[i] : TASK_NONE;
}

uint32_t
task_next_far(const struct run *run, uint32_t task, uint32_t *i)
{
	uint32_t read;

	while ((read = task_read_at(run, task, (*i)++)) != TASK_NONE)
		if (outputs_far(&run->tasks[read]))
			return read;
	return TASK_NONE;
}

bool
task_reads_far(const struct run *run, uint32_t task)
{
	uint32_t i = 0;

	return task_next_far(run, task, &i) != TASK_NONE;
}

/* What its needs put out goes into its entry as a whole: half of the lengths is enough to tell. */
bool
task_inputs_fit(const struct engine *engine, const struct run *run, uint32_t task)
{
	const struct task_def *def = &run->wf->tasks[task];
	size_t bytes = 0;

	for (uint32_t i = 0; i < def->n_needs; i++)
		bytes += 2 * (size_t)run->tasks[def->needs[i].task].stored;
	return bytes <= engine->config.max_rendered + def->n_needs;
}

size_t
engine_outputs(const struct engine *engine)
{
	return engine->kept;
}
