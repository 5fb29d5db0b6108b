/* SPDX-License-Identifier: MIT */
/*
 * An agent that does nothing: a thread with a connection of its own that reads
 * tasks, at most 256 at a time, and answers each with a completion, all of a
 * read in one write.  Both sides of a comparison are served by this code.
 */
#ifndef REEVE_BENCH_WORKER_H
#define REEVE_BENCH_WORKER_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "bench/resp.h"

#define WORKER_BATCH 256
#define WORKER_FIELDS 8
#define ENTRY_ID_SIZE 48

/* Texts must outlive the worker. */
struct worker_config {
	const char *socket; /* or NULL: port */
	uint16_t port;
	const char *queue, *group, *done;
	size_t copied;         /* so many first fields of a task go back … */
	const char *status[2]; /* … and this one, where there is a name */
	bool acks;             /* acknowledges and trims its stream (nobody else does) */
	size_t total;          /* tasks that it will get */
	bool chain;            /* measures the time from a completion to the next task */
};

struct worker {
	struct worker_config config;
	pthread_t thread;
	atomic_bool stop, reading, ended; /* reading: its first read was sent */
	struct resp conn;
	atomic_size_t done; /* tasks read, also those whose answer is on its way */
	int64_t sent_ns;
	uint32_t *handoff_ns; /* chain: total - 1 of them */
	size_t n_handoffs;
	char last[ENTRY_ID_SIZE]; /* id of the last completion */
	int rc;
	struct err err;
};

/* Connects, makes the group, starts the thread; all that follows is in worker->rc. */
int worker_start(
    struct worker *worker, const struct worker_config *config, struct err *err);
/* Waits for the end of the thread (after setting stop, it comes within half a second). */
void worker_join(struct worker *worker);
void worker_release(struct worker *worker);

#endif
