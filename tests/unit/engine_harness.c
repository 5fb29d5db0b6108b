/* SPDX-License-Identifier: MIT */
/* Drives an engine without Redis. */
#include "engine_harness.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "test.h"

#include "base/mem.h"
#include "model/template.h"

/* --- definitions ---------------------------------------------------------- */

static struct template *
parse(struct builder *builder, enum template_kind kind, const char *text)
{
	struct template *tpl = NULL;
	uint32_t n;

	assert_int_equal(template_parse(&builder->wf->arena, kind, text, strlen(text), NULL,
	                     NULL, &tpl), 0);
	struct expr *exprs = template_exprs(tpl, &n);
	for (uint32_t i = 0; i < n; i++)
		if (exprs[i].task_id)
			exprs[i].task = (uint32_t)workflow_find(builder->wf, exprs[i].task_id);
	return tpl;
}

struct builder
builder_begin(uint32_t n_tasks, const char *agent)
{
	struct builder b = { 0 };
	uint32_t *by_id;
	const struct template *body;

	b.wf = xcalloc(1, sizeof *b.wf);
	b.tasks = arena_alloc(&b.wf->arena, n_tasks * sizeof *b.tasks);
	by_id = arena_alloc(&b.wf->arena, n_tasks * sizeof *by_id);
	b.retry = arena_alloc(&b.wf->arena, sizeof *b.retry);
	memset(b.tasks, 0, n_tasks * sizeof *b.tasks);
	*b.retry = (struct retry_policy){ .max_attempts = 1,
		.backoff = BACKOFF_EXPONENTIAL,
		.delay_ms = 1000,
		.max_delay_ms = 60000,
		.factor = 2,
		.on = CATEGORY_FAILURE | CATEGORY_BIT(CATEGORY_TIMEOUT),
		.poison = 3 };
	snprintf(b.wf->sha256, sizeof b.wf->sha256, "%064zx", (size_t)b.wf); /* no other's */
	b.wf->name = "w", b.wf->description = "";
	b.wf->priority = 5;
	b.wf->tasks = b.tasks;
	b.wf->by_id = by_id;
	b.wf->n_tasks = n_tasks;
	b.wf->refs = 1;
	body = parse(&b, TEMPLATE_TEXT, "do it");
	for (uint32_t i = 0; i < n_tasks; i++) {
		char id[16];

		snprintf(id, sizeof id, "t%06u", i);
		by_id[i] = i;
		b.tasks[i] = (struct task_def){ .id = arena_strdup(&b.wf->arena, id),
			.agent = agent,
			.kind = TASK_PROMPT,
			.priority = -1,
			.body = body,
			.retry = b.retry };
	}
	return b;
}

void
builder_need(struct builder *b, uint32_t task, uint32_t needed, enum need_on on)
{
	struct task_def *def = &b->tasks[task];
	struct need *needs = (struct need *)(uintptr_t)def->needs;

	/* room doubles at each power of two */
	if ((def->n_needs & (def->n_needs - 1)) == 0) {
		needs = arena_alloc(&b->wf->arena,
		    (def->n_needs ? 2 * def->n_needs : 1) * sizeof *needs);
		if (def->n_needs)
			memcpy(needs, def->needs, def->n_needs * sizeof *needs);
		def->needs = needs;
	}
	needs[def->n_needs++] = (struct need){ needed, on };
}

void
builder_body(struct builder *b, uint32_t task, enum task_kind kind, const char *text)
{
	static const enum template_kind kinds[] = { [TASK_PAYLOAD] = TEMPLATE_JSON,
		[TASK_PROMPT] = TEMPLATE_TEXT, [TASK_RUN] = TEMPLATE_SHELL };

	b->tasks[task].kind = kind;
	b->tasks[task].body = parse(b, kinds[kind], text);
}

void
builder_output(struct builder *b, uint32_t task, const char *name)
{
	struct output_decl *decl = arena_alloc(&b->wf->arena, sizeof *decl);

	*decl = (struct output_decl){ name, true };
	b->tasks[task].outputs = decl;
	b->tasks[task].n_outputs = 1;
}

/* --- the store ------------------------------------------------------------ */

void
harness_init(struct harness *h, uint64_t seed)
{
	memset(h, 0, sizeof *h);
	rng_init(&h->rng, seed);
	engine_config_defaults(&h->config);
	h->config.high_water_min = UINT32_MAX; /* what is not told stays out of the way */
	h->now = (struct moment){ 1000, 1700000000000 };
	h->engine = engine_new(&h->config, &h->rng);
}

void
harness_release(struct harness *h)
{
	for (size_t i = 0; i < h->n_limits; i++) {
		free(h->limits[i].what);
		free(h->limits[i].value);
	}
	free(h->limits);
	effects_release(&h->effects);
	effects_release(&h->fetches);
	engine_free(h->engine);
	free(h->spent[0]);
	free(h->spent[1]);
	for (size_t i = 0; i < h->n_entries; i++) {
		free(h->entries[i].body);
		free(h->entries[i].meta);
	}
	free(h->entries);
	for (size_t i = 0; i < h->n_runs; i++) {
		struct stored_run *run = h->runs[i];

		for (uint32_t k = 0; k < run->wf->n_tasks; k++) {
			free(run->tasks[k].outputs);
			free(run->tasks[k].error);
			free(run->tasks[k].agent);
			free(run->tasks[k].usage);
			free(run->tasks[k].given);
			free(run->tasks[k].reason);
			free(run->tasks[k].dead_body);
		}
		free(run->tasks);
		run_unref(run->run);
		free(run->error);
		workflow_unref(run->wf);
		free(run);
	}
	free(h->runs);
}

static struct stored_run *
stored_find(struct harness *h, const char *id)
{
	for (size_t i = h->n_runs; i-- > 0;)
		if (strcmp(h->runs[i]->id.text, id) == 0)
			return h->runs[i];
	fail_msg("run %s is not stored", id);
	return NULL;
}

static struct entry *
entry_find(struct harness *h, uint64_t token)
{
	while (h->first_open < h->n_entries && !h->entries[h->first_open].open)
		h->first_open++;
	for (size_t i = h->first_open; i < h->n_entries; i++)
		if (h->entries[i].open && h->entries[i].token == token)
			return &h->entries[i];
	return NULL;
}

static void
replace(char **text, char **by)
{
	if (!*by)
		return;
	free(*text);
	*text = *by;
	*by = NULL;
}

static void
apply_task(struct stored_run *run, struct effect *effect)
{
	struct stored_task *task = &run->tasks[effect->task];

	assert_true(run->live);
	task->there = true;
	task->record = effect->u.task.record;
	replace(&task->outputs, &effect->u.task.outputs);
	replace(&task->error, &effect->u.task.error);
	replace(&task->agent, &effect->u.task.agent);
	replace(&task->usage, &effect->u.task.usage);
	replace(&task->given, &effect->u.task.given);
}

static void
apply_dispatch(struct harness *h, struct stored_run *run, const struct effect *effect)
{
	struct entry *entry;

	assert_true(run->live);
	for (size_t i = h->first_open; h->n_open < 64 && i < h->n_entries; i++)
		assert_false(h->entries[i].open && h->entries[i].stored == run &&
		    h->entries[i].task == effect->task);
	GROW(h->entries, h->n_entries, h->cap_entries);
	entry = &h->entries[h->n_entries++];
	*entry = (struct entry){ .token = effect->u.dispatch.token,
		.stored = run,
		.queue = effect->u.dispatch.queue,
		.task = effect->task,
		.attempt = effect->u.dispatch.attempt,
		.open = true,
		.body = xstrndup(effect->u.dispatch.body, effect->u.dispatch.body_len),
		.meta = xstrdup(effect->u.dispatch.meta) };
	memcpy(entry->run, run->id.text, sizeof entry->run);
	snprintf(entry->type, sizeof entry->type, "%s", queue_type(entry->queue));
	assert_int_equal(entry->attempt, ++run->tasks[effect->task].dispatched);
	h->n_open++;
}

static void
apply_entry(struct harness *h, const struct effect *effect)
{
	struct entry *entry = entry_find(h, effect->u.entry.token);

	assert_non_null(entry);
	if (effect->kind == EFFECT_CANCEL) {
		entry->cancelled = true;
		h->cancels++;
		return;
	}
	assert_int_equal(effect->u.entry.was_cancelled, entry->cancelled);
	entry->open = false;
	h->n_open--;
}

static void
apply_limit(struct harness *h, struct effect *effect)
{
	size_t i = 0;

	while (i < h->n_limits && strcmp(h->limits[i].what, effect->u.limit.what) != 0)
		i++;
	if (i == h->n_limits) {
		GROW(h->limits, h->n_limits, h->cap_limits);
		h->limits[h->n_limits++] = (struct stored_limit){ 0 };
	}
	replace(&h->limits[i].what, &effect->u.limit.what);
	free(h->limits[i].value);
	h->limits[i].value = effect->u.limit.value ? xstrdup(effect->u.limit.value) : NULL;
}

static void
apply(struct harness *h, struct effect *effect)
{
	struct stored_run *run = effect->run ? stored_find(h, effect->run->id.text) : NULL;

	switch (effect->kind) {
	case EFFECT_RUN_OPEN:
		assert_false(run->live);
		run->live = true;
		free(run->error);
		run->error = NULL;
		run->record = effect->u.run.record;
		break;
	case EFFECT_DEAD_CLOSED:
		assert_string_equal(effect->u.closed.as, run->id.text);
		h->closed++;
		break;
	case EFFECT_LIMIT:
		apply_limit(h, effect);
		break;
	case EFFECT_SPENT:
		replace(&h->spent[effect->u.spent.name[0] == 'p'], &effect->u.spent.value);
		break;
	case EFFECT_PAUSE:
	case EFFECT_UNDROP:
	case EFFECT_SCALE:
		h->pauses++;
		break;
	case EFFECT_RUN_UPDATE:
		h->updates++;
		/* fall through */
	case EFFECT_RUN_END:
		assert_true(run->live);
		run->live = effect->kind != EFFECT_RUN_END;
		if (!run->live && effect->run->error)
			run->error = xstrdup(effect->run->error);
		/* fall through */
	case EFFECT_RUN_NEW:
		run->record = effect->u.run.record;
		break;
	case EFFECT_TASK:
		apply_task(run, effect);
		break;
	case EFFECT_DISPATCH:
		apply_dispatch(h, run, effect);
		break;
	case EFFECT_SETTLE:
	case EFFECT_PURGE:
	case EFFECT_CANCEL:
		apply_entry(h, effect);
		break;
	case EFFECT_WITHDRAW:
		assert_non_null(entry_find(h, effect->u.entry.token));
		entry_find(h, effect->u.entry.token)->withdraw = true;
		break;
	case EFFECT_DEAD:
		h->dead++;
		run->tasks[effect->task].dead++;
		replace(&run->tasks[effect->task].reason, &effect->u.dead.reason);
		run->tasks[effect->task].dead_category = effect->u.dead.category;
		free(run->tasks[effect->task].dead_body);
		run->tasks[effect->task].dead_body = effect->u.dead.body
		    ? xstrndup(effect->u.dead.body, effect->u.dead.body_len)
		    : NULL;
		run->tasks[effect->task].dead_token = effect->u.dead.token;
		break;
	case EFFECT_DRAIN:
	case EFFECT_NOTE:
	case EFFECT_ANSWER:
		h->notes++;
		h->noted = effect->run ? h->noted : effect->u.note.type;
		h->skip_notes += strcmp(effect->u.note.type, "task.skipped") == 0;
		if (strcmp(effect->u.note.type, "run.tasks_skipped") == 0)
			h->folded += strtoul(strchr(effect->u.note.data, ':') + 1, NULL, 10);
		break;
	case EFFECT_RUN_REPAIR:
		assert_true(run->live);
		run->record = effect->u.run.record;
		break;
	case EFFECT_FETCH:
		GROW(h->fetches.items, h->fetches.len, h->fetches.cap);
		h->fetches.items[h->fetches.len++] = *effect;
		*effect = (struct effect){ .kind = EFFECT_MARK };
		break;
	case EFFECT_MARK:
		h->marks++;
		break;
	}
}

/* As stored now: a text that is missing there is missing in the answer. */
static void
answer(struct harness *h, const struct effect *effect)
{
	struct stored_run *run = stored_find(h, effect->run->id.text);
	const char **texts = xcalloc(effect->u.fetch.n, sizeof *texts);

	for (size_t i = 0; i < effect->u.fetch.n; i++)
		texts[i] = run->tasks[effect->u.fetch.tasks[i]].outputs;
	engine_fetched(h->engine, &h->now, effect->u.fetch.id, texts, &h->effects);
	h->fetched++;
	free(texts);
}

static void
apply_all(struct harness *h)
{
	for (size_t i = 0; i < h->effects.len; i++)
		apply(h, &h->effects.items[i]);
	effects_drop_front(&h->effects, h->effects.len);
}

void
harness_apply(struct harness *h)
{
	apply_all(h);
	while (h->fetches.len > 0 && !h->withhold) {
		answer(h, &h->fetches.items[0]);
		effects_drop_front(&h->fetches, 1);
		apply_all(h);
	}
}

struct stored_run *
harness_submit(struct harness *h, struct workflow *wf, int priority)
{
	struct stored_run *run = xcalloc(1, sizeof *run);
	struct run_spec spec = { .wf = wf, .params = "{}", .priority = priority };
	struct run *live = NULL;

	run->id = spec.id = run_id_make(h->now.wall_ms, 0, &h->rng);
	run->wf = workflow_ref(wf);
	run->live = true;
	run->tasks = xcalloc(wf->n_tasks, sizeof *run->tasks);
	GROW(h->runs, h->n_runs, h->cap_runs);
	h->runs[h->n_runs++] = run;
	assert_int_equal(engine_submit(h->engine, &h->now, &spec, &h->effects, &live, NULL), 0);
	run->priority = live->priority;
	run->run = run_ref(live);
	effects_mark(&h->effects, 0, 0);
	harness_apply(h);
	return run;
}

size_t
harness_dispatch(struct harness *h)
{
	size_t before = h->n_entries, asked;

	do {
		asked = h->fetched;
		engine_dispatch(h->engine, &h->now, SIZE_MAX, &h->effects);
		harness_apply(h);
	} while (h->fetched > asked);
	return h->n_entries - before;
}

void
harness_advance(struct harness *h, int64_t ms)
{
	h->now.mono_ms += ms;
	h->now.wall_ms += ms;
	while (engine_tick(h->engine, &h->now, 100, &h->effects))
		continue;
	harness_apply(h);
}

static void
load_run(struct engine *engine, struct stored_run *run)
{
	struct run *live =
	    engine_load_run(engine, &run->id, run->wf, "{}", &run->record, run->priority);

	run_unref(run->run);
	run->run = run_ref(live);
	for (uint32_t i = 0; i < run->wf->n_tasks; i++)
		if (run->tasks[i].there) {
			engine_load_task(live, i, &run->tasks[i].record, run->tasks[i].agent);
			if (run->tasks[i].given)
				assert_true(engine_load_given(engine, live, i,
				    run->tasks[i].given, strlen(run->tasks[i].given)));
		}
}

static struct run *
read_back(struct harness *h, struct stored_run *stored)
{
	struct engine *engine = engine_new(&h->config, &h->rng);
	struct effects effects = { 0 };

	load_run(engine, stored);
	engine_load_finish(engine, &h->now, &effects);
	engine_take(engine, stored->run);
	stored->run->finished_ms = stored->record.finished_ms;
	effects_release(&effects);
	engine_free(engine);
	return stored->run;
}

int
harness_rerun(struct harness *h, struct stored_run *stored, const struct rerun *what,
    size_t *ret_n, struct err *err)
{
	struct run *run = engine_find(h->engine, stored->id.text);
	int rc;

	if (!run)
		run = read_back(h, stored);
	rc = engine_rerun(h->engine, &h->now, run, what, &h->effects, ret_n, err);
	stored->again |= rc == 0;
	effects_mark(&h->effects, 0, 0);
	harness_apply(h);
	return rc;
}

static void
set_pools(struct harness *h)
{
	for (size_t i = 0; i < h->n_pools; i++)
		engine_set_pool(h->engine, &h->now, h->pools[i].name, &h->pools[i].limits);
}

void
harness_pool(struct harness *h, const char *name, uint32_t units, double per_second,
    double burst)
{
	size_t i = 0;

	while (i < h->n_pools && strcmp(h->pools[i].name, name) != 0)
		i++;
	assert_true(i < sizeof h->pools / sizeof *h->pools);
	h->n_pools += i == h->n_pools;
	h->pools[i].name = name;
	h->pools[i].limits = (struct pool_limits){ units, per_second, burst, { { 0, 0 }, 0 } };
	set_pools(h);
}

void
harness_reload(struct harness *h)
{
	effects_release(&h->effects);
	effects_release(&h->fetches);
	engine_free(h->engine);
	h->engine = engine_new(&h->config, &h->rng);
	h->now.mono_ms = 5; /* another boot */
	for (size_t i = 0; i < h->n_limits; i++)
		assert_true(!h->limits[i].value || engine_load_limit(h->engine, &h->now,
		    h->limits[i].what, h->limits[i].value));
	set_pools(h);
	for (size_t i = 0; i < ARRAY_LEN(h->spent); i++)
		assert_true(!h->spent[i] || engine_load_spent(h->engine,
		    i == 0 ? "day" : "pool:llm", h->spent[i]));
	for (size_t i = 0; i < h->n_runs; i++)
		if (h->runs[i]->live)
			load_run(h->engine, h->runs[i]);
	for (size_t i = 0; i < h->n_entries; i++) {
		struct entry *entry = &h->entries[i];

		entry->withdraw = false; /* who was to do so has forgotten it */
		if (entry->gone)
			continue;
		entry->queue = engine_queue(h->engine, entry->type);
		assert_int_equal(engine_load_entry(h->engine, entry->queue, entry->run,
		                     entry->stored->wf->tasks[entry->task].id, entry->attempt,
		                     entry->token,
		                     entry->open && !entry->foreign ? ENTRY_OPEN : ENTRY_SETTLED,
		                     &h->now),
		    entry->open);
		if (entry->open && entry->stored->wf->tasks[entry->task].pool)
			engine_load_units(h->engine, entry->token,
			    entry->stored->wf->tasks[entry->task].pool,
			    entry->stored->wf->tasks[entry->task].units);
	}
	engine_load_finish(h->engine, &h->now, &h->effects);
	harness_apply(h);
}

int
harness_rerun_cut(struct harness *h, struct stored_run *stored, const struct rerun *what,
    unsigned keep, unsigned *ret_marks)
{
	size_t n, at = 0;
	unsigned marks = 0;
	int rc = engine_rerun(h->engine, &h->now, read_back(h, stored), what, &h->effects, &n,
	    NULL);

	effects_mark(&h->effects, 0, 0);
	for (size_t i = 0; i < h->effects.len; i++) {
		if (h->effects.items[i].kind != EFFECT_MARK)
			continue;
		if (++marks == keep)
			at = i + 1;
	}
	for (size_t i = 0; i < at; i++)
		apply(h, &h->effects.items[i]);
	effects_release(&h->effects);
	*ret_marks = marks;
	return rc;
}

/* Entries are gone for good; what a run had stored is what memory writes back. */
void
harness_wipe(struct harness *h)
{
	struct effects dump = { 0 };

	engine_dump(h->engine, &h->now, &dump);
	for (size_t i = 0; i < h->n_runs; i++)
		for (uint32_t k = 0; h->runs[i]->live && k < h->runs[i]->wf->n_tasks; k++) {
			h->runs[i]->tasks[k].there = false;
			free(h->runs[i]->tasks[k].outputs);
			h->runs[i]->tasks[k].outputs = NULL;
		}
	for (size_t i = 0; i < h->n_entries; i++) {
		h->entries[i].open = false;
		h->entries[i].gone = true;
	}
	h->n_open = 0;
	effects_release(&h->fetches);
	effects_release(&h->effects);
	h->effects = dump;
	harness_apply(h);
	harness_reload(h);
}

/* --- reports ---------------------------------------------------------------- */

struct entry *
harness_entry(struct harness *h, struct stored_run *run, uint32_t task)
{
	for (size_t i = h->n_entries; i-- > 0;)
		if (h->entries[i].open && h->entries[i].stored == run &&
		    h->entries[i].task == task)
			return &h->entries[i];
	fail_msg("task %u has no open entry", task);
	return NULL;
}

struct completion
harness_report(const struct entry *entry, enum completion_kind kind)
{
	return (struct completion){ .kind = kind,
		.run = entry->run,
		.task = entry->stored->wf->tasks[entry->task].id,
		.token = entry->token,
		.agent = "a1",
		.exit_code = -1,
		.retryable = -1,
		.retry_after_ms = -1 };
}

enum completion_result
harness_tell(struct harness *h, const struct completion *said)
{
	enum completion_result result =
	    engine_complete(h->engine, &h->now, said, &h->effects);

	effects_mark(&h->effects, 1, 1);
	harness_apply(h);
	return result;
}

enum completion_result
harness_end(struct harness *h, struct stored_run *run, uint32_t task,
    enum completion_kind kind)
{
	struct completion said = harness_report(harness_entry(h, run, task), kind);

	return harness_tell(h, &said);
}

enum completion_result
harness_fail(struct harness *h, struct stored_run *run, uint32_t task,
    enum category category)
{
	struct completion said =
	    harness_report(harness_entry(h, run, task), COMPLETION_FAILED);

	said.category = category;
	return harness_tell(h, &said);
}

void
harness_withdrawn(struct harness *h, struct stored_run *run, uint32_t task, bool withdrawn)
{
	struct entry *entry = harness_entry(h, run, task);

	assert_true(entry->withdraw);
	entry->withdraw = false;
	engine_withdrawn(h->engine, &h->now, entry->token, withdrawn, &h->effects);
	effects_mark(&h->effects, 0, 0);
	harness_apply(h);
}

/* --- questions -------------------------------------------------------------- */

enum task_state
harness_state(struct harness *h, struct stored_run *run, uint32_t task)
{
	struct run *live = engine_find(h->engine, run->id.text);

	assert_non_null(live);
	return (enum task_state)live->tasks[task].state;
}

void
harness_check(struct harness *h)
{
	size_t tasks = 0;

	for (struct run *run = engine_first(h->engine); run; run = run->hh.next) {
		uint32_t by_state[TASK_STATE_COUNT] = { 0 }, outstanding = 0;

		for (uint32_t i = 0; i < run->wf->n_tasks; i++) {
			by_state[run->tasks[i].state]++;
			outstanding += run->tasks[i].outstanding;
			assert_int_equal(run->tasks[i].outstanding,
			    run->tasks[i].state == TASK_QUEUED ||
			        run->tasks[i].state == TASK_RUNNING);
			assert_true(run->tasks[i].state != TASK_WAITING ||
			    run->tasks[i].timer != TASK_NONE);
		}
		tasks += run->wf->n_tasks;
		assert_int_equal(run->succeeded, by_state[TASK_SUCCEEDED]);
		assert_int_equal(run->failed, by_state[TASK_FAILED]);
		assert_int_equal(run->skipped, by_state[TASK_SKIPPED]);
		assert_int_equal(run->cancelled, by_state[TASK_CANCELLED]);
		assert_int_equal(run->outstanding, outstanding);
		assert_int_equal(run->open, run->wf->n_tasks - run->succeeded - run->failed -
		        run->skipped - run->cancelled);
		assert_true(run->open > 0);
		assert_true(run->wf->max_parallel == 0 ||
		    run->outstanding + run->fetching + run->voids <= run->wf->max_parallel);
	}
	assert_int_equal(tasks, engine_tasks_live(h->engine));
}
