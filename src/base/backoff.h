/* SPDX-License-Identifier: MIT */
/*
 * How long to wait before try n + 1.  Pure: chance is an argument.
 */
#ifndef REEVE_BASE_BACKOFF_H
#define REEVE_BASE_BACKOFF_H

#include <stdint.h>

/* Stored as numbers in definitions: new ones go to the end. */
enum backoff_kind { BACKOFF_EXPONENTIAL, BACKOFF_LINEAR, BACKOFF_FIXED, BACKOFF_ADAPTIVE };

#define BACKOFF_FULL_JITTER 2.0 /* as jitter: anywhere in [0, d) */

/*
 * Delay in ms after `failures` failures (1 = the first): exponential
 * delay * factor^(failures - 1), linear delay * failures, fixed delay, adaptive
 * as exponential (the caller has stretched delay_ms); then at most max_ms; then
 * spread over [d * (1 - jitter), d * (1 + jitter)] by unit in [0, 1), again at
 * most max_ms; or, with full jitter, over [0, d).
 */
int64_t backoff_delay(enum backoff_kind kind, int64_t delay_ms, double factor,
    int64_t max_ms, double jitter, unsigned failures, double unit);

/* Full jitter for reconnects (Brooker, AWS 2015): uniform in [0, min(max, base * 2^n)). */
int64_t backoff_full_jitter(int64_t base_ms, int64_t max_ms, unsigned failures, double unit);

#endif
