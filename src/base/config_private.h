/* SPDX-License-Identifier: MIT */
/* What config.c and config_named.c share. */
#ifndef REEVE_BASE_CONFIG_PRIVATE_H
#define REEVE_BASE_CONFIG_PRIVATE_H

#include <stddef.h>

#include "base/config.h"

struct value {
	char *text;     /* as it was set */
	int64_t number; /* by type; 0 for strings */
	enum config_rank rank;
};

/* What was set under a name of the user's. */
struct named {
	char *key;
	const struct config_option *option;
	struct value value;
};

struct config {
	const struct config_option *table;
	size_t count;
	struct value *values; /* one a row */
	struct named *named;
	size_t n_named, cap_named;
};

/* config.c */
const char *config_initial(const struct config_option *option);
void config_value_replace(struct value *value, const char *text, int64_t number,
    enum config_rank rank);
bool config_same(const struct config_option *option, const struct value *a,
    const struct value *b);

/* config_named.c */
void config_value_release(struct value *value);
/* Where the name stands in such a key; NULL: the key is a plain one. */
const char *config_name_place(const struct config_option *option);
/* How long the name in key is if key is one of the option's; 0: it is not. */
size_t config_name_len(const struct config_option *option, const char *key);
/* The name is one, and there is room for it. */
int config_check_name(const struct config *config, const struct config_option *option,
    const char *key, struct err *err);
struct named *config_named_find(const struct config *config, const char *key); /* or NULL */
struct named *config_named_add(struct config *config, const struct config_option *option,
    const char *key);
void config_named_clear(struct config *config);
const struct value *config_value_of(const struct config *config,
    const struct config_option *option, const char *key);
/* The option's key, with the name that stands in its place in key; the caller frees. */
char *config_likely_key(const struct config_option *option, const char *key);
void config_adopt_named(struct config *config, const struct config *fresh,
    config_change_fn *fn, void *arg);

#endif
