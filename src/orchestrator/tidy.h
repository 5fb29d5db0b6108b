/* SPDX-License-Identifier: MIT */
/*
 * Tidies up behind agents that are gone for long, now and then, one bounded step at a
 * time:
 *
 *   cards, beats and consumers of silent agents ─▶ consumers without a card, a stream at a
 *   time ─▶ cancels that nobody is to be told any more
 *
 * Whatever something is pending for stays.  An agent that was only away signs on again.
 */
#ifndef REEVE_ORCHESTRATOR_TIDY_H
#define REEVE_ORCHESTRATOR_TIDY_H

#include <stdint.h>

#include "base/err.h"

struct partition;
struct tidy;

struct tidy *tidy_new(struct partition *p, struct err *err);
void tidy_free(struct tidy *tidy);
/* How long an agent may be silent; 0: nothing is tidied. */
void tidy_set_silence(struct tidy *tidy, int64_t silence_ms);
void tidy_forget(struct tidy *tidy); /* memory is dropped */
void tidy_turn(struct tidy *tidy);
int64_t tidy_next(const struct tidy *tidy); /* mono_ms */

#endif
