/* SPDX-License-Identifier: MIT */
/* How each floor is measured. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/mem.h"
#include "bench/bench.h"
#include "bench/figure.h"
#include "bench/measure.h"
#include "bench/side.h"
#include "bench/wait.h"

#define SPEED_REPEATS 3
#define LOAD_SECONDS 5.0
#define JOINS 5
#define LETTER_US (30 * CLOCK_S)
#define RECOVERY_TASKS 10000
#define DEATH_RUNS 5000
#define DEATH_AGENTS 4
#define DEATH_US (60 * CLOCK_S) /* until all must be done */
#define HOUR_MS 3600000.0

static void
nap(long nanoseconds)
{
	const struct timespec tick = { .tv_nsec = nanoseconds };

	(void)nanosleep(&tick, NULL);
}

static size_t
scaled(size_t n, double scale, size_t least)
{
	size_t count = (size_t)((double)n * scale);

	return count < least ? least : count;
}

/* --- full and half load --- */

int
floor_speed(struct floors *floors, const struct bench_options *options, struct err *err)
{
	struct bench_setting setting = bench_point(options, 0);
	double rates[SPEED_REPEATS];
	struct shape shape;
	int rc = 0;

	shape_init(&shape, 0, options->scale);
	for (size_t i = 0; i < SPEED_REPEATS && rc == 0; i++) {
		struct sample sample;

		rc = measure_reeve(&setting, &shape, &sample, err);
		if (rc == 0)
			rates[i] = (double)sample.tasks / sample.seconds;
	}
	shape_release(&shape);
	if (rc == 0)
		floors_set(floors, FLOOR_THROUGHPUT,
		    spread_of_values(rates, SPEED_REPEATS).median);
	return rc;
}

int
floor_steady(struct floors *floors, const struct bench_options *options, struct err *err)
{
	struct bench_setting setting = bench_point(options, 0);
	struct schedule schedule;
	struct steady_sample sample;
	double capacity;
	int rc = steady_capacity(&setting, options->scale, &capacity, err);

	if (rc < 0)
		return rc;
	schedule_init(
	    &schedule, capacity / 2 * 0.5, LOAD_SECONDS * options->scale + 0.2, 1);
	rc = steady_reeve(&setting, &schedule, &sample, err);
	schedule_release(&schedule);
	if (rc < 0)
		return rc;
	floors_set(floors, FLOOR_LATENCY, sample.us[LATENCY_WAIT][PERCENTILE_95] / 1e3);
	floors_set(
	    floors, FLOOR_END_TO_END, sample.us[LATENCY_WHOLE][PERCENTILE_95] / 1e3);
	floors_set(floors, FLOOR_LAG, sample.us[LATENCY_WAIT][PERCENTILE_MAX] / 1e6);
	return 0;
}

/* --- one task --- */

/* A run of two tasks, traced; appendfsync NULL: as the options say. */
static int
open_pair(struct side *side, const struct bench_options *options, const char *appendfsync,
    struct err *err)
{
	struct bench_setting setting = bench_point(options, 0);
	struct shape shape;
	int rc;

	setting.agents = 1;
	if (appendfsync)
		setting.appendfsync = appendfsync;
	shape_init_pairs(&shape, 1);
	rc = side_open(side, &setting, &shape, err);
	shape_release(&shape);
	if (rc < 0)
		return rc;
	side->config.total = 1;
	side->config.traced = 1;
	side->config.traced_tasks = 2;
	side->config.run_field = 5;
	side->config.task_field = 1;
	return 0;
}

/* What is there for it first may be the second task of the run before. */
static int
join_once(struct side *side, double *ret_seconds, struct err *err)
{
	struct crew crew = { 0 };
	int64_t began = worker_now_ns(), first;
	int rc = crew_start(&crew, &side->config, &side->place.conn, err);

	if (rc == 0)
		rc = crew_wait(&crew, &side->place.daemon, err);
	if (rc == 0) {
		first = crew.board->read_ns[0] ? crew.board->read_ns[0]
					       : crew.board->read_ns[1];
		*ret_seconds = (double)(first - began) / 1e9;
	}
	crew_release(&crew);
	return rc;
}

int
floor_join(struct floors *floors, const struct bench_options *options, struct err *err)
{
	struct side side;
	double longest = 0, seconds;
	int rc = open_pair(&side, options, NULL, err);

	if (rc < 0)
		return rc;
	for (size_t i = 0; i < JOINS && rc == 0; i++) {
		if ((rc = submit_all(&side.sub, 1, err)) < 0 ||
		    (rc = join_once(&side, &seconds, err)) < 0)
			break;
		longest = seconds > longest ? seconds : longest;
	}
	side_close(&side);
	if (rc == 0)
		floors_set(floors, FLOOR_JOIN, longest);
	return rc;
}

static int
wait_letter(struct http_line *line, struct err *err)
{
	int64_t deadline = clock_mono_us() + LETTER_US;
	size_t letters = 0;
	int rc = 0;

	while (rc == 0 && letters == 0) {
		json_t *body = NULL;

		rc = http_line_get(line, "/api/v1/dlq", &body, err);
		letters = json_array_size(json_object_get(body, "items"));
		json_decref(body);
		if (process_interrupted())
			return err_set(err, ERR_CONFLICT, "stopped");
		if (letters == 0 && clock_mono_us() > deadline)
			break;
		nap(1000000);
	}
	return rc;
}

int
floor_dead_letter(
    struct floors *floors, const struct bench_options *options, struct err *err)
{
	struct side side;
	struct crew crew = { 0 };
	int rc = open_pair(&side, options, NULL, err);

	if (rc < 0)
		return rc;
	side.config.status[1] = "failed";
	if ((rc = crew_start(&crew, &side.config, &side.place.conn, err)) < 0 ||
	    (rc = submit_all(&side.sub, 1, err)) < 0 ||
	    (rc = crew_wait(&crew, &side.place.daemon, err)) < 0)
		goto out;
	rc = wait_letter(&side.line, err);
	if (rc == 0)
		floors_set(floors, FLOOR_DEAD_LETTER,
		    (double)(worker_now_ns() - crew.board->answered_ns[0]) / 1e9);
out:
	crew_release(&crew);
	side_close(&side);
	return rc;
}

/* --- deaths --- */

int
floor_recovery(
    struct floors *floors, const struct bench_options *options, struct err *err)
{
	double found[RECOVERY_FIGURES] = { 0 };
	size_t n = scaled(RECOVERY_TASKS, options->scale, 100), runs;
	int rc = recovery_measure(options, n, n, found, &runs, err);

	if (rc == 0)
		floors_set(floors, FLOOR_RECOVERY, found[RECOVERY_FIRST_S]);
	return rc;
}

/*
 * The first task is there as soon as Redis is, the second one when reeved is too.  With
 * appendfsync everysec a killed Redis may lose what it has confirmed, and reeved then
 * holds until somebody decides (on_state_loss).
 */
int
floor_redis(struct floors *floors, const struct bench_options *options, struct err *err)
{
	struct side side;
	struct crew crew = { 0 };
	int64_t began;
	double seconds;
	int rc = open_pair(&side, options, "always", err);

	if (rc < 0)
		return rc;
	/* the group and one task done */
	if ((rc = submit_all(&side.sub, 1, err)) < 0 ||
	    (rc = join_once(&side, &seconds, err)) < 0 ||
	    (rc = submit_all(&side.sub, 1, err)) < 0)
		goto out;
	side.config.total = 3; /* one of the first run is left */
	began = worker_now_ns();
	if ((rc = place_restart_redis(&side.place, err)) < 0 ||
	    (rc = crew_start(&crew, &side.config, &side.place.conn, err)) < 0)
		goto out;
	rc = crew_wait(&crew, &side.place.daemon, err);
	if (rc == 0)
		floors_set(floors, FLOOR_REDIS, (double)(worker_now_ns() - began) / 1e9);
out:
	crew_release(&crew);
	side_close(&side);
	return rc;
}

/* How many runs have succeeded when all have, or when the time is over. */
static int
await_runs(struct side *side, size_t runs, size_t *ret_count, struct err *err)
{
	int64_t deadline = clock_mono_us() + DEATH_US;
	int rc;

	for (;;) {
		if ((rc = wait_count_succeeded(&side->line, ret_count, err)) < 0)
			return rc;
		if (*ret_count >= runs || clock_mono_us() > deadline)
			return 0;
		if (process_interrupted())
			return err_set(err, ERR_CONFLICT, "stopped");
		nap(100000000);
	}
}

/* A third of the way the first crew dies, some of it with tasks in hand. */
static int
change_crews(struct side *side, size_t runs, int64_t *ret_died_ns, size_t *ret_count,
    struct err *err)
{
	struct crew first = { 0 }, second = { 0 };
	int rc;

	side->config.dies_after = side->config.total / 3;
	if ((rc = crew_start(&first, &side->config, &side->place.conn, err)) < 0 ||
	    (rc = submit_all(&side->sub, runs, err)) < 0 ||
	    (rc = crew_wait_death(&first, &side->place.daemon, err)) < 0)
		goto out;
	crew_stop(&first);
	*ret_died_ns = atomic_load(&first.board->died_ns);
	side->config.dies_after = SIZE_MAX; /* none of them */
	side->config.name = "x";
	rc = crew_start(&second, &side->config, &side->place.conn, err);
	if (rc == 0)
		rc = crew_fault(&second, await_runs(side, runs, ret_count, err), err);
out:
	crew_release(&first);
	crew_release(&second);
	return rc;
}

/* The shortest life of a key, in hours; a huge number where none expires. */
static int
shortest_expiry(struct resp *conn, double *ret_hours, struct err *err)
{
	static const char script[] =
	    "local least, at = -1, '0' "
	    "repeat local page = redis.call('SCAN', at, 'COUNT', 1000) at = page[1] "
	    "for _, key in ipairs(page[2]) do local ms = redis.call('PTTL', key) "
	    "if ms >= 0 and (least < 0 or ms < least) then least = ms end end "
	    "until at == '0' return least";
	int rc;

	resp_command(conn, "EVAL", script, "0", NULL);
	if ((rc = resp_call(conn, err)) == 0)
		*ret_hours = conn->nodes[0].number < 0
				 ? 1e9
				 : (double)conn->nodes[0].number / HOUR_MS;
	return rc;
}

static double
hours_of(const json_t *retention, const char *key)
{
	return json_number_value(json_object_get(retention, key)) / HOUR_MS;
}

/*
 * An ended run goes by age, and by number not before its least age.  A dead letter goes
 * by age.  What no agent has read goes never, unless its key expires or is evicted.
 */
static int
measure_kept(struct side *side, double *ret_hours, struct err *err)
{
	struct resp *conn = &side->place.conn;
	json_t *body = NULL, *retention;
	double expiry = 0, age, least, letters;
	int rc = shortest_expiry(conn, &expiry, err);

	if (rc < 0)
		return rc;
	resp_command(conn, "CONFIG", "GET", "maxmemory-policy", NULL);
	if ((rc = resp_call(conn, err)) < 0)
		return rc;
	if (conn->n_nodes < 3 || conn->nodes[2].len != strlen("noeviction") ||
	    memcmp(resp_data(conn, &conn->nodes[2]), "noeviction", 10) != 0)
		expiry = 0;
	if ((rc = http_line_get(&side->line, "/health/comprehensive", &body, err)) < 0)
		return rc;
	retention = json_object_get(json_object_get(body, "parts"), "retention");
	age = hours_of(retention, "age_ms");
	least = hours_of(retention, "min_age_ms");
	letters = hours_of(retention, "letters_ms");
	if (json_integer_value(json_object_get(retention, "runs")) == 0 || least > age)
		least = age > 0 ? age : 1e9;
	*ret_hours = least < letters ? least : letters;
	*ret_hours = expiry < *ret_hours ? expiry : *ret_hours;
	json_decref(body);
	return 0;
}

int
floor_deaths(struct floors *floors, const struct bench_options *options, struct err *err)
{
	struct bench_setting setting = bench_point(options, 0);
	size_t runs = scaled(DEATH_RUNS, options->scale, 100), count = 0;
	struct side side;
	struct shape shape;
	int64_t died = 0;
	double hours = 0;
	int rc;

	setting.agents = DEATH_AGENTS;
	shape_init_pairs(&shape, runs);
	/* without a card an agent's lease is the longer of 15 s and this */
	shape.timeout_s = 5;
	rc = side_open(&side, &setting, &shape, err);
	shape_release(&shape);
	if (rc < 0)
		return rc;
	rc = change_crews(&side, runs, &died, &count, err);
	if (rc == 0) {
		floors_set(
		    floors, FLOOR_REASSIGNED, (double)(worker_now_ns() - died) / 1e9);
		floors_set(floors, FLOOR_DELIVERED, 100.0 * (double)count / (double)runs);
		rc = measure_kept(&side, &hours, err);
	}
	if (rc == 0)
		floors_set(floors, FLOOR_KEPT, hours);
	side_close(&side);
	return rc;
}
