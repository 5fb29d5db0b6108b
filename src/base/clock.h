/* SPDX-License-Identifier: MIT */
/*
 * Time.  Deadlines use the monotonic clock in microseconds; what people read
 * and what is stored uses wall time in milliseconds since 1970.  Pure modules
 * never call the clocks: they take `now` as an argument.
 */
#ifndef REEVE_BASE_CLOCK_H
#define REEVE_BASE_CLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CLOCK_MS 1000LL          /* microseconds in a millisecond */
#define CLOCK_S 1000000LL        /* microseconds in a second */

int64_t clock_mono_us(void);     /* CLOCK_MONOTONIC */
int64_t clock_wall_ms(void);     /* CLOCK_REALTIME */

#define RFC3339_SIZE 32
/* "2026-11-21T03:34:13.123Z"; returns out. */
char *rfc3339_format(int64_t wall_ms, char out[RFC3339_SIZE]);
bool rfc3339_parse(const char *text, int64_t *ret_wall_ms); /* Z or +hh:mm, fraction optional */

/*
 * Durations: 250ms 30s 10m 1h30m 1d, or plain seconds (30, 1.5).  Units in
 * falling order, each at most once.  Returns false on anything else, and on
 * more than 3,650 days.
 */
bool duration_parse(const char *text, int64_t *ret_ms);
#define DURATION_SIZE 48
char *duration_format(int64_t ms, char out[DURATION_SIZE]); /* exact: "1h30m", "250ms", "0s" */

#endif
