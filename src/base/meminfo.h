/* SPDX-License-Identifier: MIT */
/*
 * How much memory this process uses, and how much it may use (Linux: /proc, cgroup v2 and v1).
 */
#ifndef REEVE_BASE_MEMINFO_H
#define REEVE_BASE_MEMINFO_H

#include <stdint.h>

/* Bytes in memory that belong to this process alone (resident, without files); 0: unknown. */
uint64_t meminfo_used(void);

/*
 * Gives freed memory back to the system, so that meminfo_used() tells what is in use.  Takes
 * some milliseconds a GiB.
 */
void meminfo_trim(void);

/*
 * For a program that makes and frees many small things between large ones: the allocator
 * gives up the lists that it would walk at each large one, and keeps a MiB of what was freed.
 * Call it first of all.
 */
void meminfo_tune(void);

/*
 * Bytes that the machine has, or the smallest limit of the control groups that this process
 * is in; 0: unknown.  root: where proc and sys stand, "" but in tests.
 */
uint64_t meminfo_limit(const char *root);

#endif
