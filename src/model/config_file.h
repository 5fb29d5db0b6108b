/* SPDX-License-Identifier: MIT */
/*
 * reeve.yaml as key and text: {redis: {url: X}} is "redis.url" with text X.
 *
 * Keys come in snake_case whatever their spelling.  A list of scalars is one
 * text with commas; of maps and lists, item i of key is "key.i".  An empty map
 * gives nothing; null is an empty text.  Below the keys of `named` stand names of the
 * user's, which are kept as they are.
 */
#ifndef REEVE_MODEL_CONFIG_FILE_H
#define REEVE_MODEL_CONFIG_FILE_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "model/faults.h"
#include "model/limits.h"

struct config_value {
	const char *key;  /* "redis.url" */
	const char *text;
	uint32_t line;
	uint32_t column;
};

/* Takes one value; an error becomes a fault at the value's place. */
typedef int config_value_fn(void *ctx, const struct config_value *value, struct err *err);

/* Returns 0, or ERR_INVALID with faults added.  A file of comments alone is lawful. */
int config_file_read(const char *text, size_t len, const struct model_limits *limits,
    const char *const *named, struct faults *faults, config_value_fn *take, void *ctx);

#endif
