/* SPDX-License-Identifier: MIT */
/*
 * What is written down of an agent that the daemon started, so that the next daemon knows
 * it again: one file an agent in STATE/scaled (0600), named by the agent's id.
 *
 * A number of a process is used again sooner or later; with the time of its start and the
 * boot that this counts from it is not.  A record with pid 0 was written before the start:
 * where the daemon died in between, the process is found by its arguments.
 */
#ifndef REEVE_ORCHESTRATOR_LOCAL_RECORD_H
#define REEVE_ORCHESTRATOR_LOCAL_RECORD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

#define LOCAL_ID_SIZE 96
#define LOCAL_TYPE_SIZE 65
#define LOCAL_WHERE_SIZE 400
#define LOCAL_BOOT_SIZE 40

struct local_record {
	char id[LOCAL_ID_SIZE];
	char type[LOCAL_TYPE_SIZE];
	char where[LOCAL_WHERE_SIZE]; /* the Redis that it works for, without secrets, and the prefix */
	char boot[LOCAL_BOOT_SIZE];
	unsigned slot;          /* which of its type */
	pid_t pid;              /* 0: it is about to be started */
	uint64_t start;         /* of the process, as /proc/PID/stat has it */
	int64_t drain_wall_ms;  /* it was told to go at that time; 0: it was not */
	int64_t limit_ms;       /* so long after that it must be gone */
};

/* Whole or not at all.  ERR_FAILED: the state folder cannot be written to. */
int local_record_write(int dir_fd, const struct local_record *record, struct err *err);
/* false: there is none, or it is none of ours. */
bool local_record_read(int dir_fd, const char *id, struct local_record *ret_record);
void local_record_remove(int dir_fd, const char *id);

/* Of this boot of the machine; "" where the system does not say. */
void local_boot(char boot[LOCAL_BOOT_SIZE]);
/* When the process started; false: there is none. */
bool local_process_start(pid_t pid, uint64_t *ret_start);
/* The process of ours that was started with --id ID; 0: none. */
pid_t local_process_find(const char *id);

#endif
