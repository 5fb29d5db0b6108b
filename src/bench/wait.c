/* SPDX-License-Identifier: MIT */
/* Asks Redis and reeved until all is recorded. */
#include "bench/wait.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/mem.h"
#include "wire/keys.h"

#define RECORD_US (60 * CLOCK_S)

static void
nap(long nanoseconds)
{
	const struct timespec tick = { .tv_nsec = nanoseconds };

	(void)nanosleep(&tick, NULL);
}

/* The owner stores how far it has recorded completions. */
static int
wait_cursor(struct place *place, const char *key, const char *last, struct err *err)
{
	int64_t deadline = clock_mono_us() + RECORD_US;
	struct resp *conn = &place->conn;
	char cursor[ENTRY_ID_SIZE];
	int rc;

	for (;;) {
		resp_command(conn, "GET", key, NULL);
		if ((rc = resp_call(conn, err)) < 0)
			return rc;
		if (conn->nodes[0].type == '$' && conn->nodes[0].len < sizeof cursor) {
			memcpy(
			    cursor, resp_data(conn, &conn->nodes[0]), conn->nodes[0].len);
			cursor[conn->nodes[0].len] = '\0';
			if (entry_reached(cursor, last))
				return 0;
		}
		if (process_interrupted())
			return err_set(err, ERR_CONFLICT, "stopped");
		if (clock_mono_us() > deadline)
			return err_set(
			    err, ERR_FAILED, "completions are not recorded within 60 s");
		nap(100000);
	}
}

int
wait_recorded(struct place *place, const struct crew *crew, struct err *err)
{
	int rc = 0;

	for (unsigned i = 0; i < crew->config.parts && rc == 0; i++) {
		const char *last = crew_last(crew, i);
		struct keys keys;
		char *key;

		(void)keys_init(&keys, NULL, i);
		key = key_make(&keys, "cursor", NULL);
		if (*last)
			rc = wait_cursor(place, key, last, err);
		free(key);
	}
	return rc;
}

/* Counts runs that succeeded; a page's cursor leads to the next. */
int
wait_count_succeeded(struct http_line *line, size_t *ret_count, struct err *err)
{
	char *path = xstrdup("/api/v1/runs?status=succeeded&limit=1000");
	size_t count = 0;
	int rc = 0;

	while (path && rc == 0) {
		json_t *body = NULL;
		const char *next;

		rc = http_line_get(line, path, &body, err);
		count += json_array_size(json_object_get(body, "items"));
		next = json_string_value(json_object_get(body, "next_cursor"));
		free(path);
		path =
		    next ? xasprintf(
			       "/api/v1/runs?status=succeeded&limit=1000&cursor=%s", next)
			 : NULL;
		json_decref(body);
	}
	free(path);
	*ret_count = count;
	return rc;
}

int
wait_succeeded(struct http_line *line, size_t runs, struct err *err)
{
	int64_t deadline = clock_mono_us() + 10 * CLOCK_S;
	size_t count;
	int rc;

	while ((rc = wait_count_succeeded(line, &count, err)) == 0 && count < runs) {
		if (clock_mono_us() > deadline)
			return err_set(
			    err, ERR_FAILED, "%zu of %zu runs succeeded", count, runs);
		nap(5000000);
	}
	return rc;
}
