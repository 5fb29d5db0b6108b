/* SPDX-License-Identifier: MIT */
/* Reads the clocks of the programs and the counters of Redis. */
#include "bench/meter.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

/* What HTTP took of reeved's CPU so far; that of this question counts behind it. */
static int
read_http_us(const struct place *place, int64_t *ret_us, struct err *err)
{
	static const char name[] = "\nreeve_http_cpu_microseconds_total ";
	struct http_line line;
	struct buf page = { 0 };
	const char *found;
	int rc = http_line_connect(&line, place->http_socket, err);

	if (rc < 0)
		return rc;
	rc = http_line_text(&line, "/metrics", &page, err);
	found = rc == 0 ? strstr(buf_text(&page), name) : NULL;
	if (found)
		*ret_us = strtoll(found + sizeof name - 1, NULL, 10);
	else if (rc == 0)
		rc = err_set(err, ERR_INVALID, "reeved does not count the CPU of HTTP");
	buf_release(&page);
	http_line_close(&line);
	return rc;
}

int
meter_begin(struct meter *meter, struct place *place, struct err *err)
{
	int rc = usage_read(&place->conn, &meter->usage, err);

	if (rc == 0 && place->daemon.pid)
		rc = read_http_us(place, &meter->http_us, err);
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
	int64_t http_us = 0;
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
	if (rc == 0 && place->daemon.pid && (rc = read_http_us(place, &http_us, err)) == 0)
		sample->http_us = (double)(http_us - meter->http_us) / n;
	usage_subtract(&sample->usage, &meter->usage);
	sample->calls = (double)usage_calls(&sample->usage) / n;
	return rc;
}
