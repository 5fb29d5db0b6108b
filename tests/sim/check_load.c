/* SPDX-License-Identifier: MIT */
/* What a load makes of Redis is what memory knows. */
#include <string.h>

#include "base/buf.h"
#include "world.h"

/* What a replay gave. */
static bool
same_given(const struct task_texts *x, const struct task_texts *y)
{
	const char *a = x && x->body ? x->body : "", *b = y && y->body ? y->body : "";

	return strcmp(a, b) == 0 && (x && x->boosted) == (y && y->boosted);
}

/* What is paused is taken back again by each load, so that this need not be the same. */
static enum time_out
limit_of(const struct task *task)
{
	return task->timed_out == TIME_OUT_HELD ? TIME_OUT_NONE : (enum time_out)task->timed_out;
}

static void
same_task(struct world *world, const struct run *a, const struct run *b, uint32_t i)
{
	const struct task *x = &a->tasks[i], *y = &b->tasks[i];

	/* that a wait is over follows from its time, and is not stored */
	bool same = x->state == y->state || (x->state == TASK_READY && y->state == TASK_WAITING);

	if (!same || x->attempt != y->attempt || x->token != y->token ||
	    x->failures != y->failures || x->crashes != y->crashes ||
	    x->outstanding != y->outstanding || limit_of(x) != limit_of(y) || x->stored != y->stored ||
	    !same_given(x->texts, y->texts))
		world_fail(world,
		    "%s/%s: memory has %s attempt %u token %llx failures %u crashes %u %s, loaded is "
		    "%s %u %llx %u %u %s",
		    a->id.text, a->wf->tasks[i].id, task_state_name(x->state), x->attempt,
		    (unsigned long long)x->token, x->failures, x->crashes,
		    x->outstanding ? "outstanding" : "", task_state_name(y->state), y->attempt,
		    (unsigned long long)y->token, y->failures, y->crashes,
		    y->outstanding ? "outstanding" : "");
}

static void
fail_missing(struct world *world, const struct run *run)
{
	struct buf text = { 0 };

	for (uint32_t i = 0; i < run->wf->n_tasks; i++)
		buf_printf(&text, " %s=%s%s", run->wf->tasks[i].id,
		    task_state_name((enum task_state)run->tasks[i].state),
		    run->tasks[i].outstanding ? "*" : "");
	world_fail(world, "run %s is not loaded:%s", run->id.text, buf_text(&text));
}

static void
same_key(struct world *world, const struct run *run, const struct run *loaded)
{
	const char *a = run->key ? run->key : "none", *b = loaded->key ? loaded->key : "none";

	if (strcmp(a, b) != 0)
		world_fail(world, "run %s: its key is %s, %s loaded", run->id.text, a, b);
}

void
check_same_engine(struct world *world, const struct engine *memory, const struct engine *loaded)
{
	for (const struct run *run = engine_first(memory); run; run = run->hh.next) {
		const struct run *other = engine_find(loaded, run->id.text);

		if (!other)
			fail_missing(world, run);
		for (uint32_t i = 0; i < run->wf->n_tasks; i++)
			same_task(world, run, other, i);
		if (run->voids != other->voids || run->paused_ms != other->paused_ms ||
		    run->held != other->held)
			world_fail(world, "run %s: %u void attempts, %s%s in memory; %u, %s%s loaded",
			    run->id.text, run->voids, run->paused_ms ? "paused" : "",
			    run->held ? "held" : "", other->voids,
			    other->paused_ms ? "paused" : "", other->held ? "held" : "");
		same_key(world, run, other);
		if (run->intent != other->intent || run->open != other->open ||
		    run->outstanding != other->outstanding || run->broken != other->broken)
			world_fail(world, "run %s: counters differ", run->id.text);
	}
	if (engine_runs_live(memory) != engine_runs_live(loaded))
		world_fail(world, "memory has %zu runs, loaded are %zu", engine_runs_live(memory),
		    engine_runs_live(loaded));
	for (size_t i = 0; engine_queue_at(memory, i); i++) {
		struct queue *queue = engine_queue_at(memory, i);
		struct queue *other = engine_queue((struct engine *)(uintptr_t)loaded, queue_type(queue));

		if (queue_outstanding(queue) != queue_outstanding(other))
			world_fail(world, "queue %s: %u outstanding in memory, %u loaded",
			    queue_type(queue), queue_outstanding(queue), queue_outstanding(other));
		if (queue_circuit(queue) != queue_circuit(other))
			world_fail(world, "queue %s: its circuit is %s in memory, %s loaded",
			    queue_type(queue), breaker_state_name(queue_circuit(queue)),
			    breaker_state_name(queue_circuit(other)));
	}
}
