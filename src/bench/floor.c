/* SPDX-License-Identifier: MIT */
/* The floors: what they are, and whether they are met. */
#include "bench/floor.h"

#include "base/mem.h"
#include "bench/bench.h"
#include "bench/process.h"

static const struct floor {
	const char *name, *about, *unit;
	double limit;
	bool least;       /* at least the limit, else below it */
	const char *from; /* the documents that ask for it */
} floors_of[FLOORS] = {
	[FLOOR_THROUGHPUT] = { "throughput", "messages handed out and done", "/s", 10000,
	    true, "000 001 004" },
	[FLOOR_LATENCY] = { "latency", "from sending to reading, half load, P95", "ms",
	    10, false, "004" },
	[FLOOR_END_TO_END] = { "end_to_end", "two tasks in turn, half load, P95", "ms",
	    200, false, "000" },
	[FLOOR_LAG] = { "lag", "longest wait of a message, half load", "s", 5, false,
	    "001" },
	[FLOOR_JOIN] = { "join", "a new agent has its first task", "s", 1, false, "001" },
	[FLOOR_DEAD_LETTER] = { "dead_letter", "a failed task is listed", "s", 10, false,
	    "001" },
	[FLOOR_RECOVERY] = { "recovery", "reeved killed: tasks are handed out again", "s",
	    30, false, "000" },
	[FLOOR_REDIS] = { "redis", "Redis killed: a run under way is done", "s", 30,
	    false, "003" },
	[FLOOR_REASSIGNED] = { "reassigned", "agents killed: all they held is done", "s",
	    30, false, "001" },
	[FLOOR_DELIVERED] = { "delivered", "of the messages, with agents killed", "%",
	    99.9, true, "000 002 004" },
	[FLOOR_KEPT] = { "kept", "runs, dead letters, unread messages", "h", 24, true,
	    "000 001" },
};

static bool
met(const struct floors *floors, size_t kind)
{
	double value = floors->values[kind], limit = floors_of[kind].limit;

	return floors->measured[kind] &&
	       (floors_of[kind].least ? value >= limit : value < limit);
}

void
floors_set(struct floors *floors, enum floor_kind kind, double value)
{
	floors->measured[kind] = true;
	floors->values[kind] = value;
}

int
floors_run(struct floors *floors, const struct bench_options *options, FILE *progress,
    struct err *err)
{
	static const struct {
		const char *name;
		int (*fn)(struct floors *, const struct bench_options *, struct err *);
	} tests[] = { { "throughput", floor_speed },
		{ "latency under half load", floor_steady },
		{ "a new agent", floor_join }, { "a dead letter", floor_dead_letter },
		{ "reeved is killed", floor_recovery },
		{ "redis is killed", floor_redis },
		{ "agents are killed", floor_deaths } };
	int rc = 0;

	for (size_t i = 0; i < ARRAY_LEN(tests) && rc == 0; i++) {
		if (process_interrupted())
			return err_set(err, ERR_CONFLICT, "stopped");
		if (progress)
			fprintf(progress, "floors %zu/%zu %s\n", i + 1, ARRAY_LEN(tests),
			    tests[i].name);
		if ((rc = tests[i].fn(floors, options, err)) < 0)
			(void)err_prefix(err, "floors, %s", tests[i].name);
	}
	return rc;
}

static bool
asked(const struct floors *floors)
{
	return floors->measured[0];
}

bool
floors_met(const struct floors *floors)
{
	bool all = true;

	for (size_t i = 0; i < FLOORS && asked(floors); i++)
		all = all && met(floors, i);
	return all;
}

json_t *
floors_json(const struct floors *floors)
{
	json_t *items = json_array();

	for (size_t i = 0; i < FLOORS && asked(floors); i++)
		(void)json_array_append_new(
		    items, json_pack("{s:s, s:s, s:s, s:f, s:f, s:s, s:s, s:b}", "floor",
			       floors_of[i].name, "about", floors_of[i].about, "from",
			       floors_of[i].from, "value", floors->values[i], "limit",
			       floors_of[i].limit, "unit", floors_of[i].unit, "bound",
			       floors_of[i].least ? "least" : "below", "met",
			       met(floors, i) ? 1 : 0));
	return items;
}

void
floors_print(const struct floors *floors, FILE *out)
{
	if (asked(floors))
		fputc('\n', out);
	for (size_t i = 0; i < FLOORS && asked(floors); i++) {
		const struct floor *floor = &floors_of[i];
		char value[32];

		(void)snprintf(value, sizeof value, "%.*f %s",
		    floor->limit >= 1000 ? 0 : 2, floors->values[i], floor->unit);
		fprintf(out, "%-7s%-13s%14s  (%s %g %s)  %s\n",
		    met(floors, i) ? "met" : "missed", floor->name, value,
		    floor->least ? ">=" : "<", floor->limit, floor->unit, floor->about);
	}
}
