/* SPDX-License-Identifier: MIT */
/*
 * Programs that a measurement starts: in a private folder, killed when the
 * measuring process ends however it ends, and asked what they used.
 */
#ifndef REEVE_BENCH_PROCESS_H
#define REEVE_BENCH_PROCESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

struct process {
	pid_t pid; /* 0: none */
	const char *name;
	char *log; /* path */
};

/* Beside this program, in ../sbin of that, in PATH.  The caller frees; NULL: none. */
char *process_find(const char *name);

/*
 * argv[0] is the path.  Output goes to DIR/NAME.log; REEVE_* variables are left out of
 * its environment.  name must outlive the process.
 */
int process_start(struct process *process, const char *name, const char *dir,
    const char *const argv[], struct err *err);
/* SIGTERM, after 6 s SIGKILL; NULL-safe for one that was never started. */
void process_stop(struct process *process);
void process_kill(struct process *process); /* SIGKILL, and waits for its end */
/* ERR_FAILED with the last line of its log if it has ended. */
int process_check(struct process *process, struct err *err);

int64_t process_cpu_ns(const struct process *process);     /* of all its threads */
int64_t process_anon_bytes(const struct process *process); /* RssAnon */
int64_t process_peak_bytes(const struct process *process); /* VmHWM */

/* True once somebody asked this program to end (the signals are blocked, see bench.c). */
bool process_interrupted(void);

/* Sees to it that so many files may be open at once, here and in what is started. */
int process_need_files(unsigned files, struct err *err);

/* A TCP port on 127.0.0.1 that is free now; 0: none. */
uint16_t process_free_port(void);

#endif
