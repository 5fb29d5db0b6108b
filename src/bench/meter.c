/* SPDX-License-Identifier: MIT */
/* Reads the clocks of the programs and the counters of Redis. */
#include "bench/meter.h"

#include "base/clock.h"

int
meter_begin(struct meter *meter, struct place *place, struct err *err)
{
	int rc = usage_read(&place->conn, &meter->usage, err);

	meter->place = place;
	meter->redis_ns = process_cpu_ns(&place->redis);
	meter->daemon_ns = place->daemon.pid ? process_cpu_ns(&place->daemon) : 0;
	meter->began_us = clock_mono_us();
	return rc;
}

int
meter_end(const struct meter *meter, int64_t ended_us, size_t tasks,
    struct sample *sample, struct err *err)
{
	struct place *place = meter->place;
	double n = (double)tasks;
	int rc;

	sample->tasks = tasks;
	sample->seconds = (double)(ended_us - meter->began_us) / 1e6;
	sample->redis_us =
	    (double)(process_cpu_ns(&place->redis) - meter->redis_ns) / 1e3 / n;
	if (place->daemon.pid) {
		sample->daemon_us =
		    (double)(process_cpu_ns(&place->daemon) - meter->daemon_ns) / 1e3 / n;
		sample->anon_bytes = process_anon_bytes(&place->daemon);
	}
	rc = usage_read(&place->conn, &sample->usage, err);
	usage_subtract(&sample->usage, &meter->usage);
	sample->calls = (double)usage_calls(&sample->usage) / n;
	return rc;
}
