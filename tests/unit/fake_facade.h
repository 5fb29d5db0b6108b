/* SPDX-License-Identifier: MIT */
/*
 * Stands in for the daemon behind the API server: answers at once, or keeps the
 * question until the test answers it.
 */
#ifndef REEVE_TESTS_FAKE_FACADE_H
#define REEVE_TESTS_FAKE_FACADE_H

#include <jansson.h>
#include <stdbool.h>

#include "orchestrator/facade.h"

struct orchestrator {
	bool not_ready, stale;
	bool hold;             /* keep questions about one run and submissions */
	facade_reply_fn *fn;   /* the question that is kept */
	facade_started_fn *started_fn; /* or the submission */
	void *arg;
	unsigned submitted;    /* runs */
	char last_key[256], last_actor[64], last_source[64];
	int last_priority;
	unsigned log_asks;     /* the first answers of logs are empty */
	unsigned counted;
	unsigned burn_ms; /* of CPU, that a submission takes */
	int64_t http_us; /* CPU of HTTP, as it was told last */
	size_t big;            /* bytes of text in the run */
};

/* Answers the question that is kept. */
void fake_answer(struct orchestrator *orch, json_t *body, const struct err *err);

#endif
