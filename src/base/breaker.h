/* SPDX-License-Identifier: MIT */
/*
 * A circuit breaker (Nygard, Release It!, 2007): who fails again and again is left alone
 * for a while, then tried once.
 *
 *             failures in a row           reset is over
 *   CLOSED ───────────────────▶ OPEN ───────────────────▶ HALF_OPEN
 *      ▲                         ▲                           │  │
 *      │                         └──── the probe failed ─────┘  │
 *      └────────────────── the probe succeeded ─────────────────┘
 *
 * Each probe that fails doubles the time until the next one, up to BREAKER_GROWTH times
 * the reset: what stays broken is asked less and less, and still found whole again by
 * itself.
 *
 * Pure: time is an argument, in ms of a clock that does not go back.  Who lets the one
 * probe through, and which outcomes count, is the caller's.
 */
#ifndef REEVE_BASE_BREAKER_H
#define REEVE_BASE_BREAKER_H

#include <stdbool.h>
#include <stdint.h>

#define BREAKER_FAILURES 5     /* by default */
#define BREAKER_RESET_MS 60000 /* by default */
#define BREAKER_GROWTH 8       /* times the reset at most */

enum breaker_state { BREAKER_CLOSED, BREAKER_OPEN, BREAKER_HALF_OPEN, BREAKER_STATE_COUNT };

struct breaker_rule {
	uint32_t failures; /* in a row that open it; 0: it never opens */
	int64_t reset_ms;  /* until the first probe */
};

struct breaker {
	enum breaker_state state;
	uint32_t failures; /* in a row, the probes' included */
	uint32_t opened;   /* times since it was closed last */
	int64_t until_ms;  /* OPEN: no probe before this */
};

/* An outcome while it is closed; true: it has opened. */
bool breaker_note(struct breaker *breaker, const struct breaker_rule *rule, bool failed,
    int64_t now_ms);

/* What became of the probe: it closes, or opens for longer. */
void breaker_probed(struct breaker *breaker, const struct breaker_rule *rule, bool failed,
    int64_t now_ms);

/* OPEN becomes HALF_OPEN once its time is over; true: it just did. */
bool breaker_due(struct breaker *breaker, int64_t now_ms);

void breaker_close(struct breaker *breaker);

/* How long it stays open for the nth time in a row. */
int64_t breaker_length(const struct breaker_rule *rule, uint32_t nth);

const char *breaker_state_name(enum breaker_state state); /* closed open half_open */

#endif
