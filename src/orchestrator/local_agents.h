/* SPDX-License-Identifier: MIT */
/*
 * Agents that the daemon starts on its own machine: the back end `process` of scaling.
 *
 *            start              SIGTERM                 its tasks are done
 *   (none) ────────▶ WORKING ────────────▶ DRAINING ─────────────────────────▶ gone
 *     ▲                 │                      │ drain_timeout, grace and a minute
 *     └── back-off ◀────┘ ends unasked         └──▶ hangs: SIGKILL ──────────▶ gone
 *
 * Each is a reeve-agent in a session of its own: it outlives the daemon, and the next one
 * adopts it (orchestrator/local_record.h).  Ids are TYPE-HOME-N, with the lowest free N:
 * one that is started again takes up what the one before it left in its spool.  What an
 * agent says goes to STATE/scaled/ID.log (and .log.1, from 1 MiB on).
 *
 * The URL of Redis, which may hold a password, comes to the agent by its standard input:
 * neither its arguments nor its environment, which its tasks may read, show it.
 *
 * One that ends within EARLY without being asked counts as a failure: the next start waits
 * 1 s, 2 s, 4 s … 5 minutes (base/backoff.h, jitter 0.2) until one lives longer.
 *
 * Pure of Redis and of engines: told what is wanted, once a second.  All on the loop.
 */
#ifndef REEVE_ORCHESTRATOR_LOCAL_AGENTS_H
#define REEVE_ORCHESTRATOR_LOCAL_AGENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "loop/loop.h"
#include "model/agent_type.h"

#define LOCAL_EARLY_MS 30000 /* twice a lease: it has signed on and beaten */

struct local_agents;

enum local_news {
	LOCAL_STARTED,
	LOCAL_ADOPTED,
	LOCAL_DRAINING,
	LOCAL_ENDED,  /* asked for, or after a good while */
	LOCAL_FAILED, /* could not be started, or ended early: again in again_ms */
	LOCAL_KILLED  /* it hung past its limit */
};

/* Texts live until the callback returns. */
struct local_event {
	enum local_news news;
	const char *type, *agent;
	pid_t pid;        /* 0: none */
	const char *why;  /* "" where there is nothing to say */
	int64_t again_ms; /* LOCAL_FAILED */
};

/* Texts are copied. */
struct local_config {
	const char *state_dir;
	int state_fd;
	const char *home;      /* 16 hexadecimal digits */
	const char *redis_url;
	const char *where;     /* address without secrets and prefix: agents of another one go */
	const char *prefix;    /* NULL: the default */
	const char *program;   /* NULL: reeve-agent beside our own program, else in PATH */
	void (*on_event)(void *arg, const struct local_event *event);
	/* The id is one that takes nothing: it goes first, and is not given again.  May be NULL. */
	bool (*barred)(void *arg, const char *agent);
	/* How many tasks it holds: the idle go first.  May be NULL. */
	size_t (*held)(void *arg, const char *agent);
	void *arg;
};

/* Adopts at once.  ERR_FAILED: the state folder does not bear it. */
int local_agents_new(struct loop *loop, const struct local_config *config,
    struct local_agents **ret_agents, struct err *err);
/* Forgets them; they live on.  NULL allowed. */
void local_agents_free(struct local_agents *agents);

/* Of a type: `wanted` are to work, and never more than `most` are to be there in all. */
void local_agents_want(struct local_agents *agents, const struct agent_type *type,
    uint32_t wanted, uint32_t most);
/* All of the type are to go. */
void local_agents_dismiss(struct local_agents *agents, const char *type);
/* Somebody else has told it to go. */
void local_agents_note_draining(struct local_agents *agents, const char *id);
/* Kills what hangs; forgives failures. */
void local_agents_turn(struct local_agents *agents);

struct local_counts {
	uint32_t working, draining;
	unsigned failures;  /* in a row */
	int64_t again_ms;   /* until the next start; 0: no wait */
	const char *why;    /* of the last failure, or "" */
};

void local_agents_count(const struct local_agents *agents, const char *type,
    struct local_counts *ret_counts);
/* The id is one that only this state folder gives, whether such an agent lives or not. */
bool local_agents_is_ours(const struct local_agents *agents, const char *id);
bool local_agents_has(const struct local_agents *agents, const char *id);
/* Each type that has an agent here, once. */
void local_agents_each_type(struct local_agents *agents,
    void (*fn)(void *arg, const char *type), void *arg);

#endif
