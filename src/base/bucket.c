/* SPDX-License-Identifier: MIT */
/* Tokens that flow in at a rate, up to a burst. */
#include "base/bucket.h"

/* What a product of two doubles may be off by: far less than a token is worth. */
#define SLACK 1e-9

/* After so many the reckoning starts anew, while a double still holds it to 1e-9. */
#define RECKON_MAX 1e6

/* Beyond this many ms nothing is waited for; it keeps the cast below defined. */
#define WAIT_MAX 9e15

static double
at_least_zero(double number)
{
	return number > 0 ? number : 0;
}

static double
flowed_in(const struct bucket *bucket, int64_t now_ms)
{
	if (now_ms <= bucket->since_ms)
		return 0;
	return bucket->rate * (double)(now_ms - bucket->since_ms) / 1000;
}

double
bucket_level(const struct bucket *bucket, int64_t now_ms)
{
	double level = bucket->level + flowed_in(bucket, now_ms) - bucket->taken;

	return level < bucket->burst ? at_least_zero(level) : bucket->burst;
}

void
bucket_fill(struct bucket *bucket, double level, int64_t now_ms)
{
	level = at_least_zero(level);
	bucket->level = level < bucket->burst ? level : bucket->burst;
	bucket->taken = 0;
	if (now_ms > bucket->since_ms)
		bucket->since_ms = now_ms;
}

void
bucket_init(struct bucket *bucket, double per_second, double burst, int64_t now_ms)
{
	*bucket = (struct bucket){ .rate = at_least_zero(per_second),
		.burst = at_least_zero(burst),
		.since_ms = now_ms };
	bucket_fill(bucket, bucket->burst, now_ms);
}

void
bucket_change(struct bucket *bucket, double per_second, double burst, int64_t now_ms)
{
	double level = bucket_level(bucket, now_ms);

	bucket->rate = at_least_zero(per_second);
	bucket->burst = at_least_zero(burst);
	bucket_fill(bucket, level, now_ms);
}

bool
bucket_take(struct bucket *bucket, double n, int64_t now_ms)
{
	double level = bucket_level(bucket, now_ms);

	if (!(level + SLACK >= n))
		return false;
	/* What flowed over is lost: reckon from the full bucket. */
	if (level >= bucket->burst || bucket->taken > RECKON_MAX)
		bucket_fill(bucket, level, now_ms);
	bucket->taken += at_least_zero(n);
	return true;
}

void
bucket_give(struct bucket *bucket, double n, int64_t now_ms)
{
	double level = bucket_level(bucket, now_ms) + at_least_zero(n);

	if (level >= bucket->burst)
		bucket_fill(bucket, level, now_ms);
	else
		bucket->taken -= at_least_zero(n);
}

int64_t
bucket_wait(const struct bucket *bucket, double n, int64_t now_ms)
{
	double level = bucket_level(bucket, now_ms);
	double ms;
	int64_t wait;

	if (level + SLACK >= n)
		return 0;
	if (n > bucket->burst + SLACK || bucket->rate <= 0)
		return BUCKET_NEVER;
	ms = (n - level) * 1000 / bucket->rate;
	if (!(ms < WAIT_MAX))
		return BUCKET_NEVER;
	wait = (int64_t)ms;
	if (now_ms < bucket->since_ms)
		wait += bucket->since_ms - now_ms;
	/* The division may have rounded either way: the promise is that the take succeeds. */
	if (bucket_level(bucket, now_ms + wait) + SLACK < n)
		wait++;
	return wait;
}
