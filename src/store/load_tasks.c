/* SPDX-License-Identifier: MIT */
/* Reads the tasks of runs back: their records, and their texts for who looks at a run. */
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "store/load_private.h"

/* What is read of a task: its record; who looks at one run, all. */
static const char *const RECORD_ONLY[] = { "" };
static const char *const WITH_GIVEN[] = { "", "b" };
static const char *const WITH_TEXTS[] = { "", "b", "o", "e", "u" };

struct kinds {
	const char *const *prefix;
	size_t n;
	uint32_t page; /* tasks a question: texts may be 64 KiB each */
};

static struct kinds
kinds_of(const struct load *load, const struct run_item *item)
{
	if (load->fns.on_text)
		return (struct kinds){ WITH_TEXTS, ARRAY_LEN(WITH_TEXTS), 100 };
	return item->run->given ? (struct kinds){ WITH_GIVEN, ARRAY_LEN(WITH_GIVEN), 100 }
	                        : (struct kinds){ RECORD_ONLY, ARRAY_LEN(RECORD_ONLY), 500 };
}

static void
load_record(struct load *load, const struct run_item *item, uint32_t task, const char *text,
    size_t len)
{
	struct task_record record;
	const char *tail;
	char *agent;

	if (!task_record_read(text, len, &record, &agent, &tail)) {
		load_bad(load, item->id, "a task record that this version cannot read");
		return;
	}
	engine_load_task(item->run, task, &record, agent);
	if (tail)
		task_texts(&item->run->tasks[task])->tail = xstrdup(tail);
	free(agent);
}

static void
load_given(struct load *load, const struct run_item *item, uint32_t task, const char *text,
    size_t len)
{
	if (!engine_load_given(load->engine, item->run, task, text, len))
		load_bad(load, item->id, "what a replay gave to a task cannot be read");
}

static void
load_field(struct load *load, const struct run_item *item, char kind, uint32_t task,
    const struct redisReply *value)
{
	const char *text;
	size_t len;

	if (!value || reply_is_nil(value) || reply_str(value, &text, &len, NULL) < 0)
		return;
	if (kind == '\0')
		load_record(load, item, task, text, len);
	else if (len == 0)
		return; /* it was there, and is no more */
	else if (kind == 'b')
		load_given(load, item, task, text, len);
	else
		load->fns.on_text(load->fns.arg, kind, task, text, len);
}

/* Small runs whose records alone are wanted: no question more. */
bool
load_early_tasks(struct load *load, struct run_item *item)
{
	uint32_t n = item->run->wf->n_tasks;

	if (n > EARLY_TASKS || load->fns.on_text || item->run->given)
		return false;
	for (uint32_t task = 0; task < n; task++) {
		const struct early *early = &item->head->early[task];

		if (early->text)
			load_record(load, item, task, early->text, early->len);
	}
	return true;
}

static void ask_page(struct load *load, size_t i);

static void
got_tasks(struct load *load, struct load_ask *from, const struct redisReply *reply)
{
	struct run_item *item = &load->runs[from->item];
	struct kinds kinds = kinds_of(load, item);
	size_t at = 0;

	if (!load_good(load, reply, item->id))
		return;
	for (uint32_t task = item->first; task < item->next; task++)
		for (size_t k = 0; k < kinds.n; k++)
			load_field(load, item, *kinds.prefix[k], task, reply_at(reply, at++));
	if (item->next < item->run->wf->n_tasks)
		ask_page(load, from->item);
}

/* One page of a run's tasks; the next is asked for when it is there. */
static void
ask_page(struct load *load, size_t i)
{
	struct run_item *item = &load->runs[i];
	struct kinds kinds = kinds_of(load, item);
	uint32_t left = item->run->wf->n_tasks - item->next, n = left;
	struct arena arena = { 0 };
	const char **argv;
	char field[16], *key;
	int argc = 0;

	if (n > kinds.page)
		n = kinds.page;
	argv = xcalloc(2 + n * kinds.n, sizeof *argv);
	key = key_make(&load->store->keys, "run:", item->id);
	argv[argc++] = "HMGET";
	argv[argc++] = key;
	for (uint32_t task = item->next; task < item->next + n; task++)
		for (size_t k = 0; k < kinds.n; k++) {
			snprintf(field, sizeof field, "%s%u", kinds.prefix[k], task);
			argv[argc++] = arena_strdup(&arena, field);
		}
	item->first = item->next;
	item->next += n;
	load_question(load, got_tasks, i, NULL, argc, argv);
	arena_release(&arena);
	free(argv);
	free(key);
}

/* Why the run failed: only for who looks at it. */
static void
got_error(struct load *load, struct load_ask *from, const struct redisReply *reply)
{
	if (load_good(load, reply, load->runs[from->item].id))
		load_field(load, &load->runs[from->item], 'x', 0, reply);
}

void
load_run_tasks(struct load *load, size_t i)
{
	char *key;

	if (!load->runs[i].run || load->runs[i].next > 0)
		return;
	ask_page(load, i);
	if (!load->fns.on_text)
		return;
	key = key_make(&load->store->keys, "run:", load->runs[i].id);
	load_question(load, got_error, i, NULL, 3, (const char *const[]){ "HGET", key, "x" });
	free(key);
}
