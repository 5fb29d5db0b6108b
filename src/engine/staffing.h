/* SPDX-License-Identifier: MIT */
/*
 * How many slots a load needs, by queueing theory.  Pure; finite for any finite input.
 *
 * A load of a erlangs (arrivals a second times service time; Little 1961) keeps a slots
 * busy on average.  With x more of them a task waits longer than t with probability
 *
 *   P(W > t) = P(W > 0) * exp(-2 x t / (service * (1 + spread)))
 *
 * P(W > 0) = 1 / (1 + b * Phi(b) / phi(b)) with b = x / sqrt(a), the limit of Erlang's C
 * formula (Erlang 1917) by Halfin and Whitt (1981); Phi and phi are the normal
 * distribution and its density.  The exponent is that of M/M/n with the mean wait
 * stretched by (1 + spread) / 2 for service times that are not exponential (Allen and
 * Cunneen); spread is their squared coefficient of variation.
 */
#ifndef REEVE_ENGINE_STAFFING_H
#define REEVE_ENGINE_STAFFING_H

/* The part of the tasks that waits longer than wait_s, 0..1. */
double staffing_late(double load, double extra, double service_s, double spread,
    double wait_s);
/* The least extra with which no more than `part` of them do; at most load + 10. */
double staffing_extra(double load, double service_s, double spread, double wait_s,
    double part);

#endif
