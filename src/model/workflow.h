/* SPDX-License-Identifier: MIT */
/*
 * A checked workflow definition: what the engine runs.
 *
 * Made by the loader from YAML (workflow_load) or from the canonical form that
 * a run stores (workflow_from_canonical).  Immutable afterwards and shared by
 * reference count: a run keeps its definition for life.  All texts and arrays
 * live in the definition's arena.  Tasks are numbered 0..n_tasks-1 in file
 * order; needs and dependents are such numbers.
 */
#ifndef REEVE_MODEL_WORKFLOW_H
#define REEVE_MODEL_WORKFLOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/backoff.h"
#include "base/mem.h"
#include "base/spend.h"
#include "model/category.h"

struct template;  /* model/template.h */
struct json_t;

enum need_on { NEED_SUCCESS, NEED_FAILURE, NEED_DONE, NEED_SKIPPED };

struct need {
	uint32_t task;
	enum need_on on;
};

enum task_kind { TASK_PAYLOAD, TASK_PROMPT, TASK_RUN };

/* Which values a rule of `retry.rules` has; the others are the policy's. */
enum {
	RETRY_SAYS_MAX_ATTEMPTS = 1,
	RETRY_SAYS_BACKOFF = 2,
	RETRY_SAYS_DELAY = 4,
	RETRY_SAYS_MAX_DELAY = 8,
	RETRY_SAYS_FACTOR = 16,
	RETRY_SAYS_JITTER = 32
};

/*
 * Also one rule of a policy: of its failures (`on` or `exit_codes`) what it says
 * counts, whatever the policy's `on` says; the first rule that matches.
 */
struct retry_policy {
	uint32_t max_attempts; /* tries in all; 1 = no retry */
	enum backoff_kind backoff;
	int64_t delay_ms;
	int64_t max_delay_ms;
	double factor;
	double jitter;           /* 0..1, or BACKOFF_FULL_JITTER */
	uint32_t on;             /* CATEGORY_BIT()s that are tried again */
	const uint8_t *exit_codes; /* further exit codes that are tried again */
	size_t n_exit_codes;
	const struct retry_policy *rules;
	size_t n_rules;
	uint32_t says;           /* of a rule: RETRY_SAYS_ bits */
	uint32_t poison;         /* crash recoveries before the task is poison */
	bool given;              /* by the task or `defaults`; else the agent type's counts */
};

#define POOL_UNITS_MAX 1000000

struct output_decl {
	const char *name;
	bool required;
};

struct task_def {
	const char *id;
	const char *agent;        /* agent type */
	enum task_kind kind;
	bool continue_on_error;
	int8_t priority;          /* 0..9; the higher of task's and run's counts; -1 = the run's */
	const struct template *body; /* prompt text, shell line, or payload as JSON; never NULL */
	const struct need *needs;
	uint32_t n_needs;
	const uint32_t *dependents; /* ascending */
	uint32_t n_dependents;
	/*
	 * Tasks whose outputs or status the body or env names (ascending, ancestors only).
	 * Their outputs must be at hand when the body is rendered.
	 */
	const uint32_t *refs;
	uint32_t n_refs;
	int64_t timeout_ms;       /* one attempt; 0 = none */
	int64_t stall_timeout_ms; /* without output and progress; 0 = as the type says */
	int64_t queue_timeout_ms; /* from ready until an agent has it; 0 = none */
	int64_t total_timeout_ms; /* all attempts, from first ready; 0 = none */
	const struct retry_policy *retry; /* never NULL; shared between tasks */
	const char *pool;         /* whose units it takes while an attempt is outstanding, or NULL */
	uint32_t units;           /* how many; 0 without a pool */
	const struct output_decl *outputs;
	uint32_t n_outputs;
	uint32_t line;            /* in the file; 0 when it comes from the canonical form */
};

enum param_type { PARAM_STRING, PARAM_INTEGER, PARAM_NUMBER, PARAM_BOOLEAN, PARAM_JSON };

struct param_def {
	const char *name;
	enum param_type type;
	bool required;
	const char *default_json;     /* JSON text, or NULL */
	const char *const *choices;   /* enum: JSON texts, ends with NULL; or NULL */
	const char *pattern;          /* POSIX extended regular expression, or NULL */
	const char *description;
};

struct env_def {
	const char *name;
	const struct template *value;
};

/* What happens when a run has cost as much as it may. */
enum on_breach {
	BREACH_PAUSE, /* nothing new of it starts until somebody resumes it */
	BREACH_FAIL   /* what would start fails instead */
};

struct budget_def {
	struct spend limit; /* 0: no limit; both 0: no budget */
	enum on_breach on_breach;
};

enum fail_policy { FAIL_FINISH, FAIL_STOP, FAIL_CANCEL };

#define WORKFLOW_ON_DROP 1u
#define WORKFLOW_ON_MANUAL 2u

#define SHA256_HEX_SIZE 65

struct workflow {
	const char *name;
	const char *description;  /* "" if none */
	unsigned on;              /* WORKFLOW_ON_* bits */
	int8_t priority;          /* 0..9, default 5 */
	int64_t timeout_ms;       /* of a run; 0 = none */
	uint32_t max_parallel;    /* tasks of a run outstanding at once */
	enum fail_policy fail;
	struct budget_def budget; /* of a run */
	const struct param_def *params;
	uint32_t n_params;
	const struct env_def *env;
	uint32_t n_env;
	const struct task_def *tasks;
	uint32_t n_tasks;
	const uint32_t *by_id;    /* task numbers sorted by id, for workflow_find() */
	char sha256[SHA256_HEX_SIZE]; /* of the canonical form */

	/* the loader's and the reference counter's own */
	unsigned refs;
	struct arena arena;
};

struct workflow *workflow_ref(struct workflow *wf); /* NULL stays NULL */
void workflow_unref(struct workflow *wf);           /* NULL is allowed */

/* Number of the task with this id, or -1.  O(log n). */
int64_t workflow_find(const struct workflow *wf, const char *id);

#endif
