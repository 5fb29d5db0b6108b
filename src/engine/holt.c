/* SPDX-License-Identifier: MIT */
/* Level and trend of a series. */
#include "engine/holt.h"

#include <math.h>

#define HOLT_MOST 1e15 /* beyond this a reading is nonsense; squares stay finite */

static double
weight(double dt_s, double tau_s)
{
	return tau_s > 0 ? -expm1(-dt_s / tau_s) : 1;
}

static double
within(double value, double least)
{
	if (!(value > least))
		return least;
	return value < HOLT_MOST ? value : HOLT_MOST;
}

void
holt_add(struct holt *holt, double reading, double dt_s, double tau_s, double tau_trend_s)
{
	double before = holt->level;

	reading = within(reading, 0);
	if (!holt->begun) {
		*holt = (struct holt){.level = reading, .begun = true};
		return;
	}
	if (!(dt_s > 0) || !isfinite(dt_s))
		return;
	holt->level = holt_at(holt, dt_s);
	holt->level = within(holt->level + weight(dt_s, tau_s) * (reading - holt->level), 0);
	holt->trend += weight(dt_s, tau_trend_s) * ((holt->level - before) / dt_s - holt->trend);
	holt->trend = within(holt->trend, -HOLT_MOST);
}

double
holt_at(const struct holt *holt, double ahead_s)
{
	return within(holt->level + holt->trend * ahead_s, 0);
}

double
holt_reaches(const struct holt *holt, double reading)
{
	if (holt->level >= reading)
		return 0;
	return holt->trend > 0 ? within((reading - holt->level) / holt->trend, 0) : -1;
}
