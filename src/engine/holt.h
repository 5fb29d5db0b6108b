/* SPDX-License-Identifier: MIT */
/*
 * A series' level and trend by double exponential smoothing (Holt 1957), for readings that
 * come at uneven times (Wright 1986): the weight of a reading that comes dt after the one
 * before is 1 - exp(-dt / tau), so that tau says how long the past is remembered, however
 * often one looks.
 *
 *   forecast = level + trend * dt
 *   level    = forecast + a * (reading - forecast)                   a = 1 - exp(-dt / tau)
 *   trend    = trend + b * ((level - level before) / dt - trend)     b likewise, tau_trend
 *
 * Pure.  Times are seconds.  The first reading is the level.  Whatever is given, level
 * and trend stay finite and the level is never below 0: it counts something.
 */
#ifndef REEVE_ENGINE_HOLT_H
#define REEVE_ENGINE_HOLT_H

#include <stdbool.h>

/* Zero-initialised: nothing was read yet. */
struct holt {
	double level;
	double trend; /* a second */
	bool begun;
};

/* dt_s: since the last reading; 0 or less changes nothing but the first time. */
void holt_add(struct holt *holt, double reading, double dt_s, double tau_s, double tau_trend_s);
double holt_at(const struct holt *holt, double ahead_s); /* never below 0 */
/* Seconds until the series is at `reading`; 0: it is there; -1: by its trend never. */
double holt_reaches(const struct holt *holt, double reading);

#endif
