/* SPDX-License-Identifier: MIT */
/*
 * The command "submit": starts runs in one partition, all or none in one commit.
 *
 * Its body, where it is passed on: {"items": [{"def": SHA-256, "workflow": name, "params":
 * JSON text, "priority": 0..9 or -1, "hash": of what is asked, "key": idempotency key}]}; the
 * definitions were stored before (orchestrator_send_definition()).
 */
#ifndef REEVE_ORCHESTRATOR_STARTING_H
#define REEVE_ORCHESTRATOR_STARTING_H

#include "model/canonical.h"
#include "orchestrator/command.h"

/* A run that was started, or was there already: how its asker is shown it. */
struct start_shown {
	char id[RUN_ID_SIZE];
	char *json; /* NULL: not known yet */
};

/* One run that is asked for. */
struct start_item {
	struct workflow *wf; /* a reference; NULL until it is read: passed on */
	char def[SHA256_HEX_SIZE];
	char *name;          /* of the workflow, to look for it in the registry */
	char *params;        /* resolved */
	int priority;
	char *key;           /* idempotency key, or NULL */
	char hash[SHA256_HEX_SIZE]; /* where there is a key, or it travels; else "" */
	struct start_shown shown;
};

/* The native form of the command. */
struct start_job {
	struct orchestrator *orch;
	struct command *command; /* while it is applied */
	struct start_item *items;
	size_t n;
	size_t left;             /* answers that are due in this step */
	bool failed;
	struct err err;
	json_t *details;         /* of err, or NULL */
	/* Where an asker of this process finds the runs, one an item; NULL: no such asker. */
	struct start_shown *answer;
};

/* n items, all zero. */
struct start_job *start_job_new(struct orchestrator *orch, size_t n);
void start_job_free(void *job);
/* Nothing of it was done: forgets what was found out on the way. */
void start_job_reset(struct start_job *job);
/* As it travels. */
json_t *start_job_body(const struct start_job *job);

void start_shown_set(struct start_shown *shown, const json_t *run);
void start_shown_release(struct start_shown *shown);

/* What was asked, as a hash: the same key with another question is a conflict. */
void start_item_hash(struct start_item *item);

void starting_apply(struct command *command);

#endif
