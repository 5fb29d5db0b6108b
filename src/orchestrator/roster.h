/* SPDX-License-Identifier: MIT */
/*
 * The fleet as Redis shows it: agents and groups of all partitions, whoever owns them.
 *
 * Read from what everybody can see, so that a standby tells the same as an owner:
 *
 *   agents ─▶ agent:ID     cards            queues ─▶ XINFO CONSUMERS   who holds how much
 *   drains                 who is drained   fleet                       what owners count
 *
 * A partition costs four commands, one a card and one a queue.
 */
#ifndef REEVE_ORCHESTRATOR_ROSTER_H
#define REEVE_ORCHESTRATOR_ROSTER_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <uthash.h>

#include "base/breaker.h"
#include "base/err.h"
#include "engine/fitness.h"

struct orchestrator;

struct roster_agent {
	char *id;
	char **types;          /* of its card, else of the groups that it reads */
	size_t n_types, cap_types;
	char *capabilities, *host; /* as on the card, or "" */
	int64_t pid, slots, lease_ms; /* 0 = not said */
	int64_t seen_ms;       /* wall: its last sign of life; 0 = none is known */
	bool card, beats, card_draining;
	uint64_t running;      /* entries that it holds */
	json_t *drain;         /* {at, by, kind, why}, or NULL */
	UT_hash_handle hh;
};

/* What owners count of an agent type, summed; the rest is of its queues. */
struct roster_group {
	char *type, *name, *stream; /* stream: of the first partition */
	uint64_t held;              /* entries that agents have */
	uint64_t ready, outstanding;
	int64_t waiting_since;      /* wall; 0 = nothing waits */
	double rate;                /* completions a second */
	enum breaker_state circuit; /* the worst of its partitions */
	int64_t desired;            /* agents that are wanted; -1 = it does not scale */
	UT_hash_handle hh;
};

/* What became of an agent's attempts at tasks of a type, in all partitions. */
struct roster_fitness {
	char *key; /* "TYPE AGENT" */
	struct fitness fitness;
	UT_hash_handle hh;
};

struct roster {
	struct roster_agent *agents; /* by id, sorted */
	struct roster_group *groups; /* by type, sorted */
	struct roster_fitness *fitness;
};

/* roster: the callback's to look at, gone when it returns; NULL: err says why. */
typedef void roster_fn(void *arg, const struct roster *roster, const struct err *err);
void roster_read(struct orchestrator *orch, roster_fn *fn, void *arg);

/* An agent that beats and has been silent for two leases is lost. */
enum roster_status { ROSTER_ACTIVE, ROSTER_DRAINING, ROSTER_LOST };
enum roster_status roster_status(const struct roster_agent *agent, int64_t wall_ms);
const char *roster_status_name(enum roster_status status);

const struct roster_agent *roster_agent(const struct roster *roster, const char *id);
/* By the name of the group or of its type. */
const struct roster_group *roster_group(const struct roster *roster, const char *name);
/* NULL: nothing is known. */
const struct fitness *roster_fitness(const struct roster *roster, const char *type,
    const char *agent);
bool roster_serves(const struct roster_agent *agent, const char *type);

#endif
