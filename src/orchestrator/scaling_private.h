/* SPDX-License-Identifier: MIT */
/* Scaling from inside: scaling.c decides, scaling_look.c reads, scale.c is the command. */
#ifndef REEVE_ORCHESTRATOR_SCALING_PRIVATE_H
#define REEVE_ORCHESTRATOR_SCALING_PRIVATE_H

#include <uthash.h>

#include "engine/scaler.h"
#include "orchestrator/local_agents.h"
#include "orchestrator/orchestrator_private.h"
#include "orchestrator/scale_exec.h"
#include "orchestrator/scaling.h"

#define SCALE_BY_SIZE 80

/* An agent type that scales, or that has local agents. */
struct scaled {
	UT_hash_handle hh;
	struct scaling *scaling;
	char *type;
	struct scaler scaler;
	struct scale_policy policy;    /* of the scaler */
	struct scale_decision last;
	bool decided;                  /* last is one of this daemon's */
	int64_t decided_ms;            /* wall: last change of the number */
	/* memory of it: read from Redis while its home is owned here */
	bool read, reading;
	bool stored;                   /* it was there once */
	bool forgotten;                /* freed when the answer comes */
	int64_t manual;                /* or SCALE_AUTO */
	char manual_by[SCALE_BY_SIZE];
	/* agents of others, as their cards say */
	uint32_t foreign, foreign_draining;
	uint32_t signed_on;            /* of ours: with a card */
	uint32_t drained;              /* of ours: somebody wants nothing new handed to them */
	/* of all partitions, as their owners tell */
	uint64_t all_held, all_present;
	double all_rate;               /* completions a second */
	double all_ended;              /* by that rate, what is not counted yet */
	int64_t published;             /* wanted by the owner, where that is another daemon; -1 */
	struct scale_exec *exec;       /* NULL: another back end */
	uint64_t *ended;               /* of each partition's queue, at the last step */
	unsigned n_ended;
};

struct scaling {
	struct orchestrator *orch;
	struct loop_timer timer;
	struct scaled *types;
	struct local_agents *local;    /* NULL: no type needs it yet */
	bool local_failed;             /* the state folder does not bear it; told once */
	bool looked, looking, gone;    /* at the cards */
	unsigned ticks;
	json_t *barred;                /* ids that are drained by order: not to be used again */
	struct scale_note *notes;      /* events that wait for a commit to go with */
	size_t n_notes, cap_notes;
};

struct scale_note {
	const char *event; /* static */
	char *type;        /* whose home partition it goes through */
	json_t *data;
};

/* Of the type's home; NULL: another daemon decides, or nobody may act now. */
struct partition *scaling_home(const struct scaling *scaling, const char *type);
struct scaled *scaling_find(const struct scaling *scaling, const char *type);
struct scaled *scaling_get(struct scaling *scaling, const char *type);

/* An event, with the next commit of the type's home; data is taken over. */
void scaling_note(struct scaling *scaling, const char *event, const char *type, json_t *data);
/* What is to be known of it after a restart, into the commit that is being made. */
void scaling_store(struct scaled *scaled, struct partition *home);

void scaled_free(struct scaled *scaled); /* later, where an answer is due */

/* One decision now, and what follows from it; its home is owned here. */
void scaling_step(struct scaled *scaled, const struct agent_type *type);
json_t *scaling_view(const struct scaled *scaled, const struct agent_type *type);

/* scaling_look.c: the cards, and what is stored. */
void scaling_look(struct scaling *scaling);
void scaling_read(struct scaled *scaled);

#endif
