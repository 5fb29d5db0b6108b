/* SPDX-License-Identifier: MIT */
/*
 * Judges a command that says nothing: no first word within the start time, no further one
 * within the stall time.  A word is any output, and any progress told.
 *
 *   silence_begin() -> WAITING --heard--> TALKING --heard--> TALKING …
 *                         |                  |
 *                      start time         stall time       (the stall time also counts
 *                         v                  v              before the first word)
 *                     on_silence(SILENCE_START)   on_silence(SILENCE_STALL)
 */
#ifndef REEVE_AGENT_SILENCE_H
#define REEVE_AGENT_SILENCE_H

#include <stdbool.h>
#include <stdint.h>

#include "loop/loop.h"

enum silence_kind { SILENCE_START, SILENCE_STALL };

typedef void silence_fn(void *arg, enum silence_kind kind);

/* Embedded in its owner; all zero: watches nothing. */
struct silence {
	struct loop_timer timer;
	int64_t start_us, stall_us; /* 0: none */
	int64_t began_us, heard_us;
	bool heard;
	silence_fn *on_silence;
	void *arg;
};

/* Times of 0 are not judged.  on_silence is called from the loop, once unless excused. */
void silence_begin(struct silence *silence, struct loop *loop, int64_t start_ms,
    int64_t stall_ms, silence_fn *on_silence, void *arg);
/* It said something.  Costs no more than reading the clock. */
void silence_heard(struct silence *silence);
/* Nobody listened: the time until now does not count, and it is watched again. */
void silence_excuse(struct silence *silence);
void silence_end(struct silence *silence);

#endif
