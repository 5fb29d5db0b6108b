/* SPDX-License-Identifier: MIT */
/* Sets up and clears away the folder and the programs of a measurement. */
#include "bench/place.h"

#include <errno.h>
#include <ftw.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "bench/worker.h"

#define START_US (20 * CLOCK_S)
#define FILES 128 /* open in one of the programs at once, agents aside */

static void
nap(void)
{
	const struct timespec tick = { .tv_nsec = 5000000 };

	(void)nanosleep(&tick, NULL);
}

/* After each failed try: whether to try again. */
static int
may_wait(struct process *process, int64_t deadline, struct err *err)
{
	if (process_interrupted())
		return err_set(err, ERR_CONFLICT, "stopped");
	if (clock_mono_us() > deadline)
		return err_prefix(err, "%s did not start within 20 s", process->name);
	nap();
	return process_check(process, err);
}

/* --- redis --- */

static int
start_redis(struct place *place, const char *appendfsync, struct err *err)
{
	char *program = process_find("redis-server");
	char port[8] = "0";
	int rc;

	if (!program)
		program = process_find("valkey-server");
	if (!program)
		return err_set(err, ERR_NOT_FOUND,
		    "no redis-server in PATH: install the package redis-server");
	if (place->redis_port)
		(void)snprintf(port, sizeof port, "%u", place->redis_port);
	rc = process_start(&place->redis, "redis", place->dir,
	    (const char *const[]){ program, "--port", port, "--bind", "127.0.0.1",
		"--unixsocket", place->redis_socket ? place->redis_socket : "", "--dir",
		place->dir, "--appendonly", "yes", "--appendfsync", appendfsync, "--save",
		"", "--maxmemory-policy", "noeviction", "--proto-max-bulk-len", "1mb",
		"--stream-node-max-entries", "50",
		/* a rewrite would fall into the window of the side that writes more */
		"--auto-aof-rewrite-percentage", "0", NULL },
	    err);
	free(program);
	return rc;
}

static int
connect_redis(struct place *place, struct err *err)
{
	int64_t deadline = clock_mono_us() + START_US;
	int rc;

	for (;;) {
		rc = resp_connect(
		    &place->conn, place->redis_socket, place->redis_port, err);
		if (rc == 0) {
			resp_command(&place->conn, "PING", NULL);
			rc = resp_call(&place->conn, err);
		}
		if (rc == 0)
			return 0;
		resp_close(&place->conn);
		if ((rc = may_wait(&place->redis, deadline, err)) < 0)
			return rc;
	}
}

int
place_open(struct place *place, const struct bench_setting *setting, struct err *err)
{
	const char *tmp = getenv("TMPDIR");
	int rc;

	*place = (struct place){ .conn.fd = -1, .setting = *setting };
	if ((rc = process_need_files(FILES + setting->agents, err)) < 0)
		return rc;
	place->dir = xasprintf("%s/reeve-bench-XXXXXX", tmp && *tmp ? tmp : "/tmp");
	if (!mkdtemp(place->dir)) {
		rc = err_set(err, ERR_FAILED, "cannot make \"%s\": %s", place->dir,
		    strerror(errno));
		free(place->dir);
		place->dir = NULL;
		return rc;
	}
	if (setting->tcp)
		place->redis_port = process_free_port();
	else
		place->redis_socket = xasprintf("%s/redis.sock", place->dir);
	rc = start_redis(place, setting->appendfsync, err);
	if (rc == 0)
		rc = connect_redis(place, err);
	if (rc < 0)
		place_close(place);
	return rc;
}

int
place_restart_redis(struct place *place, struct err *err)
{
	int rc;

	resp_close(&place->conn);
	process_kill(&place->redis);
	if ((rc = start_redis(place, place->setting.appendfsync, err)) < 0)
		return rc;
	return connect_redis(place, err);
}

/* --- reeved --- */

static int
write_file(const char *dir, const char *name, const struct buf *text, struct err *err)
{
	char *path = xasprintf("%s/%s", dir, name);
	FILE *file = fopen(path, "we");
	int rc = 0;

	if (!file || fwrite(buf_text(text), 1, text->len, file) != text->len)
		rc = err_set(
		    err, ERR_FAILED, "cannot write \"%s\": %s", path, strerror(errno));
	if (file && fclose(file) != 0 && rc == 0)
		rc = err_set(
		    err, ERR_FAILED, "cannot write \"%s\": %s", path, strerror(errno));
	free(path);
	return rc;
}

int
place_make_folders(struct place *place, struct err *err)
{
	static const char *const names[] = { "workflows", "agents", "state" };
	struct buf text = { 0 };
	int rc = 0;

	for (size_t i = 0; i < ARRAY_LEN(names) && rc == 0; i++) {
		char *path = xasprintf("%s/%s", place->dir, names[i]);

		if (mkdir(path, 0700) != 0)
			rc = err_set(err, ERR_FAILED, "cannot make \"%s\": %s", path,
			    strerror(errno));
		free(path);
	}
	buf_printf(&text, "http: {listen: \"off\", count_cpu: %s}\n",
	    place->setting.count_http ? "true" : "false");
	if (rc == 0)
		rc = write_file(place->dir, "reeve.yaml", &text, err);
	/* its agent takes WORKER_BATCH tasks at once, and has no card that says so */
	buf_clear(&text);
	buf_printf(&text, "high_water: %d\n", 4 * WORKER_BATCH);
	if (rc == 0)
		rc = write_file(place->dir, "agents/" SHAPE_AGENT ".yaml", &text, err);
	buf_release(&text);
	return rc;
}

int
place_add_workflow(struct place *place, const struct shape *shape, struct err *err)
{
	char *name = xasprintf("workflows/%s.yaml", shape->kind->workflow);
	struct buf text = { 0 };
	int rc;

	shape_add_yaml(shape, &text);
	rc = write_file(place->dir, name, &text, err);
	buf_release(&text);
	free(name);
	return rc;
}

int
place_start_daemon(struct place *place, struct err *err)
{
	char *program = process_find("reeved"), *redis, *config, *workflows, *agents,
	     *state;
	char partitions[16];
	int rc;

	if (!program)
		return err_set(err, ERR_NOT_FOUND,
		    "no reeved beside this program nor in PATH: build or install it");
	redis = place->redis_socket
		    ? xasprintf("unix://%s", place->redis_socket)
		    : xasprintf("redis://127.0.0.1:%u", place->redis_port);
	config = xasprintf("%s/reeve.yaml", place->dir);
	workflows = xasprintf("%s/workflows", place->dir);
	agents = xasprintf("%s/agents", place->dir);
	state = xasprintf("%s/state", place->dir);
	if (!place->http_socket)
		place->http_socket = xasprintf("%s/reeve.sock", state);
	(void)snprintf(partitions, sizeof partitions, "%u", place->setting.partitions);
	rc = process_start(&place->daemon, "reeved", place->dir,
	    (const char *const[]){ program, "--foreground", "-c", config, "--workflows",
		workflows, "--agents", agents, "--state-dir", state, "--redis", redis,
		"--http-socket", place->http_socket, "--http", "off", "--partitions",
		partitions, NULL },
	    err);
	free(program);
	free(redis);
	free(config);
	free(workflows);
	free(agents);
	free(state);
	return rc;
}

/* It serves once it knows the workflow: the folder is read only then. */
int
place_connect(struct place *place, const struct shape *shape, struct http_line *ret_line,
    struct err *err)
{
	char *path = xasprintf("/api/v1/workflows/%s", shape->kind->workflow);
	int64_t deadline = clock_mono_us() + START_US;
	int rc;

	for (;;) {
		struct http_line line = { .fd = -1 };

		rc = http_line_connect(&line, place->http_socket, err);
		if (rc == 0)
			rc = http_line_get(&line, "/ready", NULL, err);
		if (rc == 0)
			rc = http_line_get(&line, path, NULL, err);
		if (rc == 0) {
			*ret_line = line;
			break;
		}
		http_line_close(&line);
		if ((rc = may_wait(&place->daemon, deadline, err)) < 0)
			break;
	}
	free(path);
	return rc;
}

int
place_serve(struct place *place, const struct shape *shape, struct http_line *ret_line,
    struct err *err)
{
	int rc = place_make_folders(place, err);

	if (rc == 0)
		rc = place_add_workflow(place, shape, err);
	if (rc == 0)
		rc = place_start_daemon(place, err);
	return rc < 0 ? rc : place_connect(place, shape, ret_line, err);
}

static int
remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

void
place_close(struct place *place)
{
	resp_close(&place->conn);
	process_stop(&place->daemon);
	process_stop(&place->redis);
	if (place->dir && !place->setting.keep)
		(void)nftw(place->dir, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
	free(place->dir);
	free(place->redis_socket);
	free(place->http_socket);
	*place = (struct place){ .conn.fd = -1 };
}
