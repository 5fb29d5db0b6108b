/* SPDX-License-Identifier: MIT */
/* The start of a process, below loop/child.c: see loop/child.h for what it promises. */
#ifndef REEVE_LOOP_SPAWN_H
#define REEVE_LOOP_SPAWN_H

#include <sys/types.h>

#include "base/err.h"
#include "loop/child.h"

/* ret_pidfd is close-on-exec and the caller's.  Codes as child_spawn(). */
int spawn_process(const struct child_options *options, pid_t *ret_pid, int *ret_pidfd,
    struct err *err);

#endif
