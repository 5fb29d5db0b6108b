/* SPDX-License-Identifier: MIT */
/* Decides which new runs are refused while the machine is nearly full. */
#include "engine/shed.h"

#define SAMPLE_MS 1000
#define NEWEST 0.3 /* what the newest sample counts: a burst of ends fades in some seconds */

static const int REFUSED[SHED_LEVELS + 1] = { -1, 2, 5, 9 };
/* Where nothing is known of how the load falls: the fuller, the longer. */
static const unsigned WAIT_S[SHED_LEVELS + 1] = { 1, 5, 10, 20 };
static const char *const NAMES[SHED_REASONS] = { "tasks", "memory", "redis" };

void
shed_config_defaults(struct shed_config *config)
{
	*config = (struct shed_config){ { 80, 90, 95 } };
}

void
shed_init(struct shed *shed, const struct shed_config *config)
{
	*shed = (struct shed){ .config = *config };
}

void
shed_configure(struct shed *shed, const struct shed_config *config)
{
	shed->config = *config;
}

/* used / cap >= percent / 100, without overflow below 2^64 / 128 bytes. */
static bool
reaches(const struct shed_load *load, unsigned percent)
{
	return load->cap > 0 && load->used * 100 >= load->cap * percent;
}

/* Up as far as the load is, down only as far as the margin allows. */
static unsigned
next_level(const struct shed *shed, const struct shed_load *load)
{
	unsigned level = 0;

	while (level < SHED_LEVELS) {
		unsigned percent = shed->config.percent[level];
		unsigned margin = level < load->level ? SHED_MARGIN : 0;

		if (!reaches(load, percent > margin ? percent - margin : 1))
			break;
		level++;
	}
	return level;
}

static void
sample(struct shed_load *load, int64_t now_ms)
{
	double seconds = (double)(now_ms - load->sampled_ms) / 1000.0, fell = 0;

	if (load->sampled_ms > 0 && now_ms - load->sampled_ms < SAMPLE_MS)
		return;
	if (load->sampled_ms > 0) {
		if (load->sampled_used > load->used)
			fell = (double)(load->sampled_used - load->used) / seconds;
		load->falls += NEWEST * (fell - load->falls);
	}
	load->sampled_ms = now_ms > 0 ? now_ms : 1;
	load->sampled_used = load->used;
}

bool
shed_look(struct shed *shed, enum shed_reason reason, uint64_t used, uint64_t cap,
    int64_t now_ms)
{
	struct shed_load *load = &shed->loads[reason];
	unsigned was = load->level;

	load->used = used;
	load->cap = cap;
	sample(load, now_ms);
	load->level = next_level(shed, load);
	return load->level != was;
}

enum shed_reason
shed_fullest(const struct shed *shed)
{
	unsigned fullest = 0;

	for (unsigned i = 1; i < SHED_REASONS; i++) {
		const struct shed_load *load = &shed->loads[i], *most = &shed->loads[fullest];

		if (load->level > most->level ||
		    (load->level == most->level && shed_percent(load) > shed_percent(most)))
			fullest = i;
	}
	return (enum shed_reason)fullest;
}

unsigned
shed_level(const struct shed *shed)
{
	return shed->loads[shed_fullest(shed)].level;
}

int
shed_refused_up_to(unsigned level)
{
	return REFUSED[level];
}

bool
shed_refuses(const struct shed *shed, int priority)
{
	return priority <= REFUSED[shed_level(shed)];
}

unsigned
shed_percent(const struct shed_load *load)
{
	return load->cap > 0 ? (unsigned)(load->used * 100 / load->cap) : 0;
}

/* Where the load must be so that the priority is not refused any more. */
static uint64_t
opens_at(const struct shed *shed, const struct shed_load *load, int priority)
{
	unsigned level = 0, percent;

	while (level < SHED_LEVELS - 1 && priority > REFUSED[level + 1])
		level++;
	percent = shed->config.percent[level];
	return load->cap * (percent > SHED_MARGIN ? percent - SHED_MARGIN : 1) / 100;
}

unsigned
shed_wait_s(const struct shed *shed, int priority)
{
	const struct shed_load *load = &shed->loads[shed_fullest(shed)];
	uint64_t open = opens_at(shed, load, priority);
	double seconds = WAIT_S[load->level];

	if (load->used > open && load->falls * SHED_WAIT_MAX_S > 1)
		seconds = (double)(load->used - open) / load->falls + 1;
	return seconds < 1 ? 1 : seconds > SHED_WAIT_MAX_S ? SHED_WAIT_MAX_S : (unsigned)seconds;
}

const char *
shed_reason_name(enum shed_reason reason)
{
	return NAMES[reason];
}
