/* SPDX-License-Identifier: MIT */
/*
 * Load shedding: which new runs are refused at the door, so that what was accepted ends.
 *
 *   load of its cap   level   refused are new runs of priority
 *        < 80 %         0     none
 *       >= 80 %         1     0..2 (low)
 *       >= 90 %         2     0..5 (normal)
 *       >= 95 %         3     all
 *
 * Loads: live tasks, the daemon's memory, the memory of Redis; the fullest one counts.  A
 * level ends only SHED_MARGIN points below where it began, so that it does not flap.
 *
 * Pure: no clock, no Redis.  Somebody looks from time to time and says what is used; how
 * fast a load falls (smoothed exponentially: Brown 1956) gives the time to come again.
 * Nothing but new runs asks here: completions, cancels and retries never do.
 */
#ifndef REEVE_ENGINE_SHED_H
#define REEVE_ENGINE_SHED_H

#include <stdbool.h>
#include <stdint.h>

#define SHED_LEVELS 3
#define SHED_MARGIN 5      /* points of percent */
#define SHED_WAIT_MAX_S 60 /* nobody is told to wait longer */

enum shed_reason { SHED_TASKS, SHED_MEMORY, SHED_REDIS, SHED_REASONS };

/* Percent at which each level begins; ascending, 1..100. */
struct shed_config {
	unsigned percent[SHED_LEVELS];
};

struct shed_load {
	uint64_t used, cap;  /* cap 0: there is none */
	unsigned level;
	int64_t sampled_ms;  /* when sampled_used was; 0: never */
	uint64_t sampled_used;
	double falls;        /* per second, >= 0 */
};

struct shed {
	struct shed_config config;
	struct shed_load loads[SHED_REASONS];
};

void shed_config_defaults(struct shed_config *config);
void shed_init(struct shed *shed, const struct shed_config *config);
/* From the next look on. */
void shed_configure(struct shed *shed, const struct shed_config *config);

/* What is used now; as often as wanted.  true: the level of that load is another one. */
bool shed_look(struct shed *shed, enum shed_reason reason, uint64_t used, uint64_t cap,
    int64_t now_ms);

unsigned shed_level(const struct shed *shed);           /* the highest, 0..3 */
enum shed_reason shed_fullest(const struct shed *shed); /* whose level that is */
/* New runs up to this priority are refused; -1: none. */
int shed_refused_up_to(unsigned level);
bool shed_refuses(const struct shed *shed, int priority);

unsigned shed_percent(const struct shed_load *load); /* 0 where there is no cap */
/* Seconds after which to ask again for a run of that priority: 1..60. */
unsigned shed_wait_s(const struct shed *shed, int priority);
const char *shed_reason_name(enum shed_reason reason);

#endif
