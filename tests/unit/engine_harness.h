/* SPDX-License-Identifier: MIT */
/*
 * Drives an engine without Redis: carries its effects out on a store of plain
 * arrays, keeps the open entries, and loads a new engine from that store.
 * Checks on the way that no task is handed out twice at once, nothing is
 * settled that is not open, and nothing goes out for a run that has ended.
 */
#ifndef REEVE_TESTS_UNIT_ENGINE_HARNESS_H
#define REEVE_TESTS_UNIT_ENGINE_HARNESS_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/engine.h"
#include "model/workflow.h"

/* --- definitions built by hand; tasks are called t000000, t000001 … ---------- */

struct builder {
	struct workflow *wf;
	struct task_def *tasks;
	struct retry_policy *retry; /* shared by all tasks; one attempt, no jitter */
};

struct builder builder_begin(uint32_t n_tasks, const char *agent);
void builder_need(struct builder *builder, uint32_t task, uint32_t needed, enum need_on on);
void builder_body(struct builder *builder, uint32_t task, enum task_kind kind,
    const char *text);
void builder_output(struct builder *builder, uint32_t task, const char *name);

/* --- the store ---------------------------------------------------------------- */

struct stored_task {
	bool there;
	struct task_record record;
	char *outputs, *error, *agent, *usage, *given;
	unsigned dispatched, dead;
	char *reason; /* of the dead letter */
	enum category dead_category;
	char *dead_body; /* NULL: none */
	uint64_t dead_token; /* whose entry holds it; or 0 */
};

struct stored_run {
	struct run_id id;
	struct workflow *wf;
	struct run_record record;
	int priority;
	bool live;
	bool again;  /* something of it ran again */
	char *error; /* at the end of the run */
	struct stored_task *tasks;
	struct run *run; /* in the engine, also once it has ended */
};

struct entry {
	uint64_t token;
	char run[RUN_ID_SIZE];
	struct stored_run *stored;
	struct queue *queue;
	char type[65];
	uint32_t task, attempt;
	bool open, cancelled;
	bool withdraw; /* it is to be withdrawn */
	bool gone;     /* it was, and nobody heard of it */
	bool foreign;  /* open, but in nobody's pending list: somebody meddled */
	char *body, *meta;
};

struct stored_limit {
	char *what, *value;
};

struct harness {
	struct rng rng;
	struct engine_config config;
	struct engine *engine;
	struct moment now;
	struct effects effects;
	struct stored_run **runs;
	size_t n_runs, cap_runs;
	struct entry *entries; /* all, in order of dispatch */
	size_t n_entries, cap_entries;
	size_t n_open, first_open;
	char *spent[2]; /* what a day has cost, as it is stored: of all, of pool llm; or NULL */
	struct effects fetches; /* to be answered */
	struct stored_limit *limits;
	size_t n_limits, cap_limits;
	const char *noted; /* type of the last event of no run */
	size_t fetched; /* answers */
	bool withhold;  /* fetches are not answered */
	struct {
		const char *name;
		struct pool_limits limits;
	} pools[4]; /* as configured */
	size_t n_pools;
	size_t notes, skip_notes, folded, marks, cancels, dead, updates, closed, pauses;
};

void harness_init(struct harness *h, uint64_t seed);
void harness_release(struct harness *h);
struct stored_run *harness_submit(struct harness *h, struct workflow *wf, int priority);
void harness_apply(struct harness *h);    /* carries the effects out, answers fetches */
size_t harness_dispatch(struct harness *h);
/* Configures a pool, also of the engines after a crash. */
void harness_pool(struct harness *h, const char *name, uint32_t units, double per_second,
    double burst);
void harness_advance(struct harness *h, int64_t ms); /* time passes, timers fire */
void harness_reload(struct harness *h);   /* a crash: a new engine from the store */
void harness_wipe(struct harness *h);     /* the store is lost, and written back from memory */

/* As the daemon does it: an ended run is read back from the store first. */
int harness_rerun(struct harness *h, struct stored_run *run, const struct rerun *what,
    size_t *ret_n, struct err *err);

/* The same, but a crash comes behind the first keep marks: reload next. */
int harness_rerun_cut(struct harness *h, struct stored_run *run, const struct rerun *what,
    unsigned keep, unsigned *ret_marks);

/* The open entry of a task; the test fails if there is none. */
struct entry *harness_entry(struct harness *h, struct stored_run *run, uint32_t task);
struct completion harness_report(const struct entry *entry, enum completion_kind kind);
enum completion_result harness_tell(struct harness *h, const struct completion *said);
enum completion_result harness_end(struct harness *h, struct stored_run *run, uint32_t task,
    enum completion_kind kind);
/* A failure of category, with everything else left unsaid. */
enum completion_result harness_fail(struct harness *h, struct stored_run *run, uint32_t task,
    enum category category);

/* The answer to what was asked: nobody had the entry, or somebody had. */
void harness_withdrawn(struct harness *h, struct stored_run *run, uint32_t task,
    bool withdrawn);

/* A task's state in the engine; only of live runs. */
enum task_state harness_state(struct harness *h, struct stored_run *run, uint32_t task);
void harness_check(struct harness *h); /* counters of live runs are what the tasks say */

#endif
