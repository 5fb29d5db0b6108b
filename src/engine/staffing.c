/* SPDX-License-Identifier: MIT */
/* How many slots a load needs, by queueing theory. */
#include "engine/staffing.h"

#include <math.h>

#define HALVINGS 40 /* of the interval in which the answer lies */

/* The part of the tasks that waits at all. */
static double
waits(double load, double extra)
{
	double b = extra / sqrt(load);
	double normal = 0.5 * erfc(-b * M_SQRT1_2);
	double density = exp(-0.5 * b * b) / sqrt(2 * M_PI);

	return density / (density + b * normal);
}

double
staffing_late(double load, double extra, double service_s, double spread, double wait_s)
{
	if (!(load > 0) || !(service_s > 0))
		return 0;
	if (!(extra > 0))
		return 1;
	return waits(load, extra) * exp(-2 * extra * wait_s / (service_s * (1 + spread)));
}

double
staffing_extra(double load, double service_s, double spread, double wait_s, double part)
{
	double low = 0, high = load + 10;

	if (!(load > 0) || !isfinite(load))
		return 0;
	for (int i = 0; i < HALVINGS; i++) {
		double middle = (low + high) / 2;

		if (staffing_late(load, middle, service_s, spread, wait_s) > part)
			low = middle;
		else
			high = middle;
	}
	return high;
}
