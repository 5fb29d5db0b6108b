/* SPDX-License-Identifier: MIT */
/*
 * Where one measurement takes place: a temporary folder with a redis-server
 * and, if wanted, a reeved.
 */
#ifndef REEVE_BENCH_PLACE_H
#define REEVE_BENCH_PLACE_H

#include "bench/http.h"
#include "bench/process.h"
#include "bench/resp.h"
#include "bench/setting.h"
#include "bench/shape.h"

struct place {
	char *dir;
	char *redis_socket; /* NULL with --tcp */
	uint16_t redis_port;
	char *http_socket;
	struct process redis, daemon;
	struct resp conn;
	struct bench_setting setting;
};

/* Starts Redis and connects. */
int place_open(struct place *place, const struct bench_setting *setting, struct err *err);
/* Kills Redis, starts it again on what it had on disk, and connects. */
int place_restart_redis(struct place *place, struct err *err);
/* Starts reeved with the one workflow and connects once it serves. */
int place_serve(struct place *place, const struct shape *shape,
    struct http_line *ret_line, struct err *err);

/* The same in steps, for several workflows and for starting again. */
int place_make_folders(struct place *place, struct err *err);
int place_add_workflow(struct place *place, const struct shape *shape, struct err *err);
int place_start_daemon(struct place *place, struct err *err);
/* Waits until it is ready and knows the workflow. */
int place_connect(struct place *place, const struct shape *shape,
    struct http_line *ret_line, struct err *err);
void place_close(struct place *place);

#endif
