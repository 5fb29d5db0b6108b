/* SPDX-License-Identifier: MIT */
/*
 * Under what circumstances something is measured, and how people write them:
 * "1,8,64" agents, "0,1k" of payload.
 */
#ifndef REEVE_BENCH_SETTING_H
#define REEVE_BENCH_SETTING_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

#define SETTING_VALUES 8 /* of one option, at most */
#define SETTING_AGENTS_MAX 64
#define SETTING_PARTITIONS_MAX 16
#define SETTING_PAYLOAD_MAX (256 * 1024)

struct bench_setting {
	unsigned agents;         /* processes that read tasks */
	unsigned partitions;     /* of reeved's state */
	size_t payload;          /* bytes of text that each task carries */
	bool tcp;                /* else unix sockets */
	const char *appendfsync; /* no everysec always */
	bool source;             /* submissions carry the YAML text, not a name */
	bool keep;               /* the folder stays */
	bool count_http;         /* reeved counts the CPU that HTTP takes of it */
};

/* A list of numbers, or of indices of words. */
struct setting_list {
	size_t values[SETTING_VALUES];
	size_t n;
};

extern const char *const setting_transports[]; /* unix tcp; NULL ends */
extern const char *const setting_syncs[];      /* no everysec always; NULL ends */

/*
 * "1,8,64" with min <= each <= max; bytes: also 16k.  ERR_INVALID names the
 * option and says what it takes.
 */
int setting_parse_numbers(const char *option, const char *text, size_t min, size_t max,
    bool bytes, struct setting_list *ret_list, struct err *err);
/* "no,everysec": indices into words. */
int setting_parse_words(const char *option, const char *text, const char *const words[],
    struct setting_list *ret_list, struct err *err);

/* "8 agents, 1 KiB, 2 partitions, tcp, always": what differs from one agent, no payload,
 * …, unix, everysec; "" if nothing. */
void setting_describe(const struct bench_setting *setting, char *text, size_t size);

#endif
