/* SPDX-License-Identifier: MIT */
/* Looks at the memory of Redis and holds new work back while there is little left. */
#include "orchestrator/pressure.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "orchestrator/door.h"

#define LOOK_US (1 * CLOCK_S)
#define TIMEOUT_MS 5000
#define FULL_PERCENT 90
#define ROOM_PERCENT 85

struct pressure {
	struct orchestrator *orch;
	struct loop_timer timer;
	bool asking, gone, full;
};

static void
set_full(struct pressure *pressure, const struct redis_info *info)
{
	char why[300] = "";

	pressure->full = !pressure->full;
	if (pressure->full) {
		snprintf(why, sizeof why, "redis is nearly full (%u %% of its maxmemory of %llu "
		    "MB): nothing new starts; 'reeve doctor' tells what takes the room and what "
		    "frees it, or raise maxmemory", redis_memory_percent(info),
		    (unsigned long long)(info->maxmemory >> 20));
		log_warn("new work waits", KV_S("why", why));
	} else {
		log_info("redis has room again: new work starts");
	}
	for (unsigned i = 0; i < orchestrator_partitions(pressure->orch); i++)
		partition_hold(orchestrator_partition(pressure->orch, i), why);
}

static void
on_memory(void *arg, const struct redis_info *info, const struct err *err)
{
	struct pressure *pressure = arg;
	struct orchestrator *orch = pressure->orch;
	unsigned percent;

	(void)err; /* what is not known stays as it was */
	pressure->asking = false;
	if (pressure->gone) {
		free(pressure);
		return;
	}
	if (!info)
		return;
	percent = redis_memory_percent(info);
	orch->info.used_memory = info->used_memory;
	orch->info.maxmemory = info->maxmemory;
	metrics_set(orch->config.metrics, METRIC_REDIS_MEMORY, info->used_memory);
	metrics_set(orch->config.metrics, METRIC_REDIS_MAXMEMORY, info->maxmemory);
	door_set_redis(orch->door, info->used_memory, info->maxmemory);
	if (pressure->full ? percent < ROOM_PERCENT : percent >= FULL_PERCENT)
		set_full(pressure, info);
}

static void
look(void *arg)
{
	struct pressure *pressure = arg;

	loop_timer_start(&pressure->timer, LOOK_US);
	door_look(pressure->orch->door);
	if (pressure->asking)
		return;
	pressure->asking = redis_memory_read(orchestrator_queries(pressure->orch), TIMEOUT_MS,
	    on_memory, pressure) == 0;
}

struct pressure *
pressure_new(struct orchestrator *orch)
{
	struct pressure *pressure = xcalloc(1, sizeof *pressure);

	pressure->orch = orch;
	loop_timer_init(&pressure->timer, orch->loop, look, pressure);
	loop_timer_start(&pressure->timer, 1);
	return pressure;
}

void
pressure_free(struct pressure *pressure)
{
	if (!pressure)
		return;
	loop_timer_stop(&pressure->timer);
	pressure->gone = true;
	if (!pressure->asking)
		free(pressure);
}
