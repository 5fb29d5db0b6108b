/* SPDX-License-Identifier: MIT */
/* Reeve with real reeve-agents that start a process for each task. */
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "bench/meter.h"
#include "bench/place.h"
#include "bench/spawn.h"
#include "bench/submit.h"
#include "bench/wait.h"
#include "wire/keys.h"

#define READY_US (20 * CLOCK_S)
#define LIMIT_US (600 * CLOCK_S)
#define POLL_NS 5000000 /* of some seconds: what asking costs must not count */

struct gang {
	struct process agents[SETTING_AGENTS_MAX];
	char names[SETTING_AGENTS_MAX][20];
	unsigned n;
	double child_us, agent_us; /* at the beginning */
};

static void
nap(void)
{
	const struct timespec tick = { .tv_nsec = POLL_NS };

	(void)nanosleep(&tick, NULL);
}

/* --- the agents --- */

static int
gang_start(struct gang *gang, const struct place *place, unsigned slots, struct err *err)
{
	char *program = process_find("reeve-agent"), *url, *state, count[16];
	int rc = 0;

	if (!program)
		return err_set(err, ERR_NOT_FOUND,
		    "no reeve-agent beside this program nor in PATH: build or install it");
	url = place->redis_socket ? xasprintf("unix://%s", place->redis_socket)
				  : xasprintf("redis://127.0.0.1:%u", place->redis_port);
	state = xasprintf("%s/work", place->dir);
	(void)snprintf(count, sizeof count, "%u", slots);
	for (unsigned i = 0; i < place->setting.agents && rc == 0; i++) {
		(void)snprintf(gang->names[i], sizeof gang->names[i], "agent-%u", i);
		rc = process_start(&gang->agents[i], gang->names[i], place->dir,
		    (const char *const[]){ program, "--type", SHAPE_AGENT, "--id",
			gang->names[i], "--concurrency", count, "--redis", url,
			"--state-dir", state, "--", SPAWN_COMMAND, NULL },
		    err);
		gang->n += rc == 0;
	}
	free(program);
	free(url);
	free(state);
	return rc;
}

static void
gang_stop(struct gang *gang)
{
	while (gang->n > 0)
		process_stop(&gang->agents[--gang->n]);
}

static int
gang_check(struct gang *gang, struct err *err)
{
	int rc = 0;

	for (unsigned i = 0; i < gang->n && rc == 0; i++)
		rc = process_check(&gang->agents[i], err);
	return rc;
}

/* Fields 16 and 17 of /proc/PID/stat: children that it has waited for. */
static double
waited_us(pid_t pid)
{
	char path[64], text[1024];
	unsigned long long ticks[2] = { 0, 0 };
	const char *at = NULL;
	FILE *file;

	(void)snprintf(path, sizeof path, "/proc/%ld/stat", (long)pid);
	file = fopen(path, "re");
	if (file && fgets(text, sizeof text, file))
		at = strrchr(text, ')');
	for (int field = 2; at && field < 16; field++)
		at = strchr(at + 1, ' ');
	for (int i = 0; at && i < 2; i++) {
		char *end;

		ticks[i] = strtoull(at, &end, 10);
		at = end;
	}
	if (file)
		(void)fclose(file);
	return (double)(ticks[0] + ticks[1]) * 1e6 / (double)sysconf(_SC_CLK_TCK);
}

/* The keeper, while no task runs. */
static double
kept_us(pid_t pid)
{
	char path[96], text[256] = "";
	struct process keeper = { 0 };
	FILE *file;

	(void)snprintf(
	    path, sizeof path, "/proc/%ld/task/%ld/children", (long)pid, (long)pid);
	file = fopen(path, "re");
	if (file && fgets(text, sizeof text, file))
		keeper.pid = (pid_t)strtol(text, NULL, 10);
	if (file)
		(void)fclose(file);
	return keeper.pid > 0 ? (double)process_cpu_ns(&keeper) / 1e3 : 0;
}

static void
gang_clock(const struct gang *gang, double *ret_children, double *ret_agents)
{
	*ret_children = *ret_agents = 0;
	for (unsigned i = 0; i < gang->n; i++) {
		pid_t pid = gang->agents[i].pid;

		*ret_children += waited_us(pid);
		*ret_agents +=
		    (double)process_cpu_ns(&gang->agents[i]) / 1e3 + kept_us(pid);
	}
}

/* --- waiting --- */

static int
wait_signed_on(
    struct gang *gang, struct place *place, struct http_line *line, struct err *err)
{
	int64_t deadline = clock_mono_us() + READY_US;
	size_t there = 0;
	int rc = 0;

	for (;;) {
		json_t *body = NULL;

		rc = http_line_get(line, "/api/v1/agents", &body, err);
		there = json_array_size(json_object_get(body, "items"));
		json_decref(body);
		if (rc < 0 || there >= place->setting.agents ||
		    (rc = gang_check(gang, err)) < 0)
			return rc;
		if (process_interrupted())
			return err_set(err, ERR_CONFLICT, "stopped");
		if (clock_mono_us() > deadline)
			return err_set(
			    err, ERR_FAILED, "the agents do not sign on within 20 s");
		nap();
	}
}

/* A field of XINFO STREAM, as text; "" where there is none. */
static void
field_of(struct resp *conn, const char *name, char *ret_text, size_t size)
{
	size_t i;

	*ret_text = '\0';
	for (i = 1; i + 1 < conn->n_nodes; i++) {
		const struct resp_node *key = &conn->nodes[i], *value = key + 1;

		if (key->type != '$' || key->len != strlen(name) ||
		    memcmp(resp_data(conn, key), name, key->len) != 0)
			continue;
		if (value->type == ':')
			(void)snprintf(ret_text, size, "%lld", (long long)value->number);
		else
			(void)snprintf(ret_text, size, "%.*s", (int)value->len,
			    resp_data(conn, value));
		return;
	}
}

/* Before the first completion there is no stream to ask about. */
static int
key_exists(struct resp *conn, const char *key, bool *ret_there, struct err *err)
{
	int rc;

	resp_command(conn, "EXISTS", key, NULL);
	rc = resp_call(conn, err);
	*ret_there = rc == 0 && conn->nodes[0].number == 1;
	return rc;
}

/* So many completions were added to `done`, and its owner has recorded the last one. */
static int
all_recorded(struct place *place, const struct keys *keys, size_t total, bool *ret_done,
    struct err *err)
{
	char *done = key_make(keys, "done", NULL), *cursor = key_make(keys, "cursor", NULL);
	struct resp *conn = &place->conn;
	char added[32] = "0", last[48] = "", at[48] = "";
	bool there;
	int rc = key_exists(conn, done, &there, err);

	*ret_done = false;
	if (rc == 0 && there) {
		resp_command(conn, "XINFO", "STREAM", done, NULL);
		rc = resp_call(conn, err);
	}
	if (rc == 0 && there) {
		field_of(conn, "entries-added", added, sizeof added);
		field_of(conn, "last-generated-id", last, sizeof last);
		if (!*added)
			rc = err_set(err, ERR_FAILED, "this needs Redis 7");
	}
	if (rc == 0 && strtoull(added, NULL, 10) >= total) {
		resp_command(conn, "GET", cursor, NULL);
		rc = resp_call(conn, err);
		if (rc == 0 && conn->nodes[0].type == '$' && conn->nodes[0].len < sizeof at)
			memcpy(at, resp_data(conn, &conn->nodes[0]), conn->nodes[0].len);
		*ret_done = rc == 0 && strcmp(at, last) == 0;
	}
	free(done);
	free(cursor);
	return rc;
}

static int
wait_all(struct gang *gang, struct place *place, size_t total, struct err *err)
{
	int64_t deadline = clock_mono_us() + LIMIT_US;
	bool done = false;
	struct keys keys;
	int rc = 0;

	(void)keys_init(&keys, NULL, 0);
	while (rc == 0 && !done) {
		nap();
		rc = all_recorded(place, &keys, total, &done, err);
		if (rc == 0)
			rc = gang_check(gang, err);
		if (rc == 0)
			rc = process_check(&place->daemon, err);
		if (rc == 0 && process_interrupted())
			rc = err_set(err, ERR_CONFLICT, "stopped");
		if (rc == 0 && clock_mono_us() > deadline)
			rc = err_set(err, ERR_FAILED, "not done within 600 s");
	}
	return rc;
}

/* --- the measurement --- */

static int
hand_out(struct gang *gang, struct place *place, struct submitter *sub,
    const struct shape *shape, struct spawn_sample *sample, struct err *err)
{
	double n = (double)shape_total(shape), children, agents;
	struct sample base = { 0 };
	struct meter meter;
	int64_t ended;
	int rc = meter_begin(&meter, place, err);

	gang_clock(gang, &gang->child_us, &gang->agent_us);
	if (rc == 0)
		rc = submit_all(sub, shape->runs, err);
	if (rc == 0)
		rc = wait_all(gang, place, shape_total(shape), err);
	ended = clock_mono_us();
	if (rc == 0)
		rc = meter_end(&meter, ended, shape_total(shape), &base, err);
	gang_clock(gang, &children, &agents);
	*sample = (struct spawn_sample){ .seconds = base.seconds,
		.child_us = (children - gang->child_us) / n,
		.agent_us = (agents - gang->agent_us) / n,
		.redis_us = base.redis_us,
		.daemon_us = base.daemon_us,
		.calls = base.calls };
	return rc;
}

int
spawn_reeve(const struct spawn_options *options, const struct shape *shape,
    struct spawn_sample *ret_sample, struct err *err)
{
	struct http_line line = { .fd = -1 };
	struct spawn_sample sample = { 0 };
	struct submitter sub;
	struct gang gang = { 0 };
	struct place place;
	int rc = place_open(&place, &options->setting, err);

	if (rc < 0)
		return rc;
	submitter_init(&sub);
	if ((rc = place_serve(&place, shape, &line, err)) < 0 ||
	    (rc = submitter_open(&sub, &place, shape, err)) < 0 ||
	    (rc = gang_start(&gang, &place, options->slots, err)) < 0 ||
	    (rc = wait_signed_on(&gang, &place, &line, err)) < 0)
		goto out;
	rc = hand_out(&gang, &place, &sub, shape, &sample, err);
	if (rc == 0)
		rc = wait_succeeded(&line, shape->runs, err);
out:
	submitter_close(&sub);
	http_line_close(&line);
	gang_stop(&gang);
	place_close(&place);
	if (rc == 0)
		*ret_sample = sample;
	return rc;
}
