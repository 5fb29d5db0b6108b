/* SPDX-License-Identifier: MIT */
/*
 * logfmt lines on standard error:
 *   at=2026-11-21T03:34:13.123Z level=info msg="run accepted" run=01k… tasks=4
 *
 * Libraries return errors; programs (and the orchestrator's own story of what
 * it does) log, once.  Values are quoted and escaped as needed; a line is cut
 * at 8 KiB.  errno is kept.  A write that fails is dropped, never waited for.
 * The level is the only global of the whole project.
 */
#ifndef REEVE_BASE_LOG_H
#define REEVE_BASE_LOG_H

#include <stdbool.h>
#include <stdint.h>

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

struct log_kv {
	const char *key;   /* NULL ends the list (the macros add both ends) */
	const char *text;  /* value, or NULL: number counts */
	int64_t number;
};

/* A missing text is logged as an empty one. */
static inline const char *
log_text(const char *text)
{
	return text ? text : "";
}

#define KV_S(k, v) { (k), log_text(v), 0 }
#define KV_I(k, v) { (k), 0, (int64_t)(v) }

void log_set_level(enum log_level level);
enum log_level log_get_level(void);
bool log_level_parse(const char *name, enum log_level *ret_level); /* error warn info debug */
const char *log_level_name(enum log_level level);

/* kv: pairs between two entries whose key is NULL; used through the macros below. */
void log_line(enum log_level level, const char *msg, const struct log_kv *kv);

/* log_info("run accepted", KV_S("run", id), KV_I("tasks", n)); */
#define log_error(msg, ...) LOG_AT(LOG_LEVEL_ERROR, msg, ##__VA_ARGS__)
#define log_warn(msg, ...) LOG_AT(LOG_LEVEL_WARN, msg, ##__VA_ARGS__)
#define log_info(msg, ...) LOG_AT(LOG_LEVEL_INFO, msg, ##__VA_ARGS__)
#define log_debug(msg, ...) LOG_AT(LOG_LEVEL_DEBUG, msg, ##__VA_ARGS__)
#define LOG_AT(level, msg, ...)                                                        \
	do {                                                                           \
		if ((level) <= log_get_level())                                        \
			log_line((level), (msg),                                       \
			    (const struct log_kv[]){ { 0, 0, 0 }, ##__VA_ARGS__,       \
			        { 0, 0, 0 } });                                        \
	} while (0)

#endif
