/* SPDX-License-Identifier: MIT */
/* How long to wait before the next try. */
#include "base/backoff.h"

/* number^power by squaring; overflows to infinity, which every caller clamps. */
static double
power_of(double number, unsigned power)
{
	double result = 1;

	for (; power > 0; power >>= 1, number *= number)
		if (power & 1)
			result *= number;
	return result;
}

/* To whole ms within [0, max]. */
static int64_t
clamp(double ms, int64_t max_ms)
{
	if (!(ms > 0) || max_ms <= 0)
		return 0;
	return ms < (double)max_ms ? (int64_t)ms : max_ms;
}

int64_t
backoff_delay(enum backoff_kind kind, int64_t delay_ms, double factor, int64_t max_ms,
    double jitter, unsigned failures, double unit)
{
	double delay = (double)delay_ms;

	if (failures == 0 || delay_ms <= 0)
		return 0;
	if (kind == BACKOFF_EXPONENTIAL || kind == BACKOFF_ADAPTIVE)
		delay *= power_of(factor, failures - 1);
	else if (kind == BACKOFF_LINEAR)
		delay *= failures;
	delay = (double)clamp(delay, max_ms);
	if (jitter >= BACKOFF_FULL_JITTER)
		return clamp(delay * unit, max_ms);
	return clamp(delay * (1 - jitter + 2 * jitter * unit), max_ms);
}

int64_t
backoff_full_jitter(int64_t base_ms, int64_t max_ms, unsigned failures, double unit)
{
	double limit;

	if (base_ms <= 0)
		return 0;
	limit = (double)base_ms * power_of(2, failures);
	return (int64_t)((double)clamp(limit, max_ms) * unit);
}
