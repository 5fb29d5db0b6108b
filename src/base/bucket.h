/* SPDX-License-Identifier: MIT */
/*
 * A token bucket (Turner 1986): tokens flow in at a rate, up to a burst, and every
 * start takes some.  Over any span of t seconds at most burst + rate * t are taken.
 *
 * Pure: time is an argument, in ms of a clock that does not go back (one that does is
 * taken as standing still).  The level is not summed up from call to call but worked
 * out from where the bucket was full last (or its rate changed), so it does not drift:
 * a bucket of 3 a second gives 3,000 in 1,000 s, in whatever steps it is asked.
 *
 * A plain struct, to be embedded; nothing to free.  Rates and bursts are checked by
 * whoever reads them; here negative ones and NaN count as 0.
 */
#ifndef REEVE_BASE_BUCKET_H
#define REEVE_BASE_BUCKET_H

#include <stdbool.h>
#include <stdint.h>

#define BUCKET_NEVER INT64_MAX

struct bucket {
	double rate;	  /* tokens a second; 0: nothing flows in */
	double burst;	  /* tokens at most */
	double level;	  /* what was there at since_ms */
	double taken;	  /* taken since then */
	int64_t since_ms; /* ms */
};

/* A full bucket. */
void bucket_init(struct bucket *bucket, double per_second, double burst, int64_t now_ms);

/* From now on another rate and burst; the level stays, cut to the new burst. */
void bucket_change(struct bucket *bucket, double per_second, double burst, int64_t now_ms);

/* Sets the level (0: empty, as after a restart), cut to the burst. */
void bucket_fill(struct bucket *bucket, double level, int64_t now_ms);

double bucket_level(const struct bucket *bucket, int64_t now_ms);

/* Takes n tokens, or none and false if fewer are there. */
bool bucket_take(struct bucket *bucket, double n, int64_t now_ms);

/* Puts back what was taken and not used, at most to the burst. */
void bucket_give(struct bucket *bucket, double n, int64_t now_ms);

/*
 * ms until bucket_take() of n succeeds if nobody takes meanwhile: 0 now; BUCKET_NEVER
 * where n is more than the burst, or nothing flows in.
 */
int64_t bucket_wait(const struct bucket *bucket, double n, int64_t now_ms);

#endif
