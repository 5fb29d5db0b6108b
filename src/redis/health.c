/* SPDX-License-Identifier: MIT */
/* INFO read into numbers, and the findings that follow from them. */
#include "redis/health.h"

#include <hiredis/hiredis.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "redis/policy.h"
#include "redis/reply.h"

#define MIN_MAJOR 7

enum field_kind { FIELD_TEXT, FIELD_U64, FIELD_FLAG, FIELD_OK, FIELD_COUNT };

static const struct field {
	const char *name;
	enum field_kind kind;
	size_t offset;
	size_t size; /* of a text */
} fields[] = {
#define TEXT(name, member)                                                             \
	{ (name), FIELD_TEXT, offsetof(struct redis_info, member),                     \
	    sizeof((struct redis_info *)0)->member }
#define OTHER(name, kind, member) { (name), (kind), offsetof(struct redis_info, member), 0 }
	TEXT("redis_version", version),
	TEXT("server_name", server),
	TEXT("redis_mode", mode),
	TEXT("run_id", run_id),
	TEXT("master_replid", replid),
	TEXT("role", role),
	TEXT("maxmemory_policy", policy),
	OTHER("maxmemory", FIELD_U64, maxmemory),
	OTHER("used_memory", FIELD_U64, used_memory),
	OTHER("mem_not_counted_for_evict", FIELD_U64, not_counted),
	OTHER("aof_enabled", FIELD_FLAG, aof_enabled),
	OTHER("aof_last_write_status", FIELD_OK, aof_ok),
	OTHER("rdb_last_bgsave_status", FIELD_OK, rdb_ok),
	OTHER("loading", FIELD_FLAG, loading),
	OTHER("rdb_changes_since_last_save", FIELD_COUNT, rdb_changes),
#undef TEXT
#undef OTHER
};

static void
set_field(struct redis_info *info, const struct field *field, const char *value)
{
	char *at = (char *)info + field->offset;
	uint64_t number = 0;
	bool is_number = str_to_u64(value, &number);

	switch (field->kind) {
	case FIELD_TEXT:
		(void)snprintf(at, field->size, "%s", value);
		break;
	case FIELD_U64:
		if (is_number)
			memcpy(at, &number, sizeof number);
		break;
	case FIELD_COUNT:
		if (is_number && number <= INT64_MAX)
			memcpy(at, &(int64_t){ (int64_t)number }, sizeof(int64_t));
		break;
	case FIELD_FLAG:
		if (is_number && number <= 1)
			memcpy(at, &(int){ (int)number }, sizeof(int));
		break;
	case FIELD_OK:
		memcpy(at, &(int){ strcmp(value, "ok") == 0 }, sizeof(int));
		break;
	}
}

static void
take_line(struct redis_info *info, char *line)
{
	char *colon = strchr(line, ':');

	if (!colon)
		return; /* a section or a blank line */
	*colon = '\0';
	for (size_t i = 0; i < ARRAY_LEN(fields); i++)
		if (strcmp(line, fields[i].name) == 0)
			set_field(info, &fields[i], colon + 1);
}

void
redis_info_parse(const char *text, size_t len, struct redis_info *ret_info)
{
	char *copy = xstrndup(text, len);
	char *rest = copy;
	char *line;
	struct redis_info info = { .aof_enabled = -1, .aof_ok = -1, .rdb_ok = -1,
		.loading = -1, .rdb_changes = -1 };

	(void)snprintf(info.server, sizeof info.server, "redis");
	while ((line = strsep(&rest, "\r\n")))
		take_line(&info, line);
	free(copy);
	if (sscanf(info.version, "%4d.%4d", &info.major, &info.minor) < 1)
		info.major = 0;
	*ret_info = info;
}

/* --- findings --- */

struct findings {
	struct redis_finding *list;
	size_t count;
};

static void add(struct findings *findings, enum redis_finding_level level, const char *fmt,
    ...) __attribute__((format(printf, 3, 4)));

static void
add(struct findings *findings, enum redis_finding_level level, const char *fmt, ...)
{
	struct redis_finding *finding;
	va_list args;

	if (findings->count == REDIS_FINDINGS_MAX)
		return;
	finding = &findings->list[findings->count++];
	finding->level = level;
	va_start(args, fmt);
	(void)vsnprintf(finding->text, sizeof finding->text, fmt, args);
	va_end(args);
}

static void
check_fatal(const struct redis_info *info, struct findings *out)
{
	if (info->major && info->major < MIN_MAJOR)
		add(out, REDIS_FINDING_FATAL,
		    "redis is version %s, but %d.0 or newer is needed: upgrade redis-server",
		    info->version, MIN_MAJOR);
	if (strcmp(info->role, "slave") == 0)
		add(out, REDIS_FINDING_FATAL, "%s",
		    redis_policy(REDIS_FAULT_READONLY)->sentence);
	if (strcmp(info->mode, "cluster") == 0)
		add(out, REDIS_FINDING_FATAL, "%s", redis_policy(REDIS_FAULT_MOVED)->sentence);
	if (*info->policy && strcmp(info->policy, "noeviction") != 0)
		add(out, REDIS_FINDING_FATAL,
		    "redis deletes keys when memory is short (maxmemory-policy %s): "
		    "CONFIG SET maxmemory-policy noeviction, also in redis.conf",
		    info->policy);
}

static void
check_warnings(const struct redis_info *info, struct findings *out)
{
	if (!info->major)
		add(out, REDIS_FINDING_WARNING,
		    "redis does not tell its version: make sure that it is %d.0 or newer, and "
		    "that the ACL allows INFO",
		    MIN_MAJOR);
	if (info->aof_enabled == 0)
		add(out, REDIS_FINDING_WARNING,
		    "redis keeps no append-only file: a crash of redis loses accepted work; "
		    "CONFIG SET appendonly yes, also in redis.conf");
	if (info->aof_enabled == 1 && info->aof_ok == 0)
		add(out, REDIS_FINDING_WARNING, "%s",
		    redis_policy(REDIS_FAULT_MISCONF)->sentence);
	if (info->rdb_ok == 0)
		add(out, REDIS_FINDING_WARNING,
		    "the last BGSAVE of redis failed: check its disk and log, or switch RDB off "
		    "with CONFIG SET save \"\"");
}

size_t
redis_health_check(const struct redis_info *info,
    struct redis_finding findings[REDIS_FINDINGS_MAX])
{
	struct findings out = { findings, 0 };

	check_fatal(info, &out);
	check_warnings(info, &out);
	return out.count;
}

/* --- reading --- */

struct info_read {
	redis_info_fn *fn;
	void *arg;
};

static void
on_info(void *arg, const struct redisReply *reply, const struct err *err)
{
	struct info_read read = *(struct info_read *)arg;
	struct redis_info info;
	struct err why = { 0 };
	const char *text = "";
	size_t len = 0;

	free(arg);
	if (!reply) {
		read.fn(read.arg, NULL, err);
		return;
	}
	if (reply_str(reply, &text, &len, &why) != 0) {
		err_prefix(&why, "cannot read INFO");
		read.fn(read.arg, NULL, &why);
		return;
	}
	redis_info_parse(text, len, &info);
	read.fn(read.arg, &info, NULL);
}

unsigned
redis_memory_percent(const struct redis_info *info)
{
	uint64_t used = info->used_memory;

	if (info->maxmemory == 0)
		return 0;
	used -= info->not_counted < used ? info->not_counted : used;
	return used >= info->maxmemory ? 100
	                               : (unsigned)(used / (info->maxmemory / 100 + 1));
}

static int
ask_info(struct redis_port *port, int argc, int64_t timeout_ms, redis_info_fn *fn, void *arg)
{
	static const char *const argv[] = { "INFO", "memory" };
	struct info_read *read = xmalloc(sizeof *read);
	int code;

	*read = (struct info_read){ fn, arg };
	code = redis_port_send(port, argc, argv, NULL, timeout_ms, on_info, read);
	if (code)
		free(read);
	return code;
}

int
redis_info_read(struct redis_port *port, int64_t timeout_ms, redis_info_fn *fn, void *arg)
{
	return ask_info(port, 1, timeout_ms, fn, arg);
}

int
redis_memory_read(struct redis_port *port, int64_t timeout_ms, redis_info_fn *fn, void *arg)
{
	return ask_info(port, 2, timeout_ms, fn, arg);
}
