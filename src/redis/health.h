/* SPDX-License-Identifier: MIT */
/*
 * What kind of Redis this is, from INFO, and whether work may be entrusted to it.
 * Read once after each connect: run_id, replid and role also tell a failover.
 */
#ifndef REEVE_REDIS_HEALTH_H
#define REEVE_REDIS_HEALTH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "redis/port.h"

/* Empty text, 0 or -1 (flags): INFO did not say. */
struct redis_info {
	char version[32];
	int major, minor;    /* 0.0: unknown.  Valkey tells the Redis that it is compatible with */
	char server[16];     /* "redis" or "valkey" */
	char mode[16];       /* standalone, cluster, sentinel */
	char run_id[48];
	char replid[48];     /* master_replid */
	char role[16];       /* master, slave */
	char policy[32];     /* maxmemory_policy */
	uint64_t maxmemory;  /* 0: no limit */
	uint64_t used_memory;
	uint64_t not_counted; /* of it: buffers that maxmemory does not count */
	int aof_enabled;
	int aof_ok;          /* the last write to the AOF worked */
	int rdb_ok;          /* the last BGSAVE worked */
	int loading;
	int64_t rdb_changes; /* changes since the last RDB file; -1 unknown */
};

/* Reads the text of INFO; what is missing or broken stays unknown. */
void redis_info_parse(const char *text, size_t len, struct redis_info *ret_info);

enum redis_finding_level { REDIS_FINDING_FATAL, REDIS_FINDING_WARNING };

struct redis_finding {
	enum redis_finding_level level;
	char text[300]; /* what is wrong and what to do about it */
};

#define REDIS_FINDINGS_MAX 8

/* The fatal ones come first.  Returns their count; 0: all is well. */
size_t redis_health_check(const struct redis_info *info,
    struct redis_finding findings[REDIS_FINDINGS_MAX]);

/* info NULL: err tells (lost connection, or INFO is forbidden). */
typedef void redis_info_fn(void *arg, const struct redis_info *info, const struct err *err);

/* Only what INFO says of memory; everything else stays unknown.  As redis_info_read(). */
int redis_memory_read(struct redis_port *port, int64_t timeout_ms, redis_info_fn *fn,
    void *arg);

/* How full it is: 0 to 100 of maxmemory, 0 without a limit. */
unsigned redis_memory_percent(const struct redis_info *info);

/* Sends INFO.  Returns as redis_port_send(); fn is called once if it is 0. */
int redis_info_read(struct redis_port *port, int64_t timeout_ms, redis_info_fn *fn,
    void *arg);

#endif
