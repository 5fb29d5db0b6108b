/* SPDX-License-Identifier: MIT */
/*
 * Configuration from one table of options.
 *
 * A program describes its options once, in a table of struct config_option.
 * From it come: the values with their defaults, the checks of what a file, the
 * environment and the flags say, --help, and the commented sample file.
 *
 * A key such as "pools.NAME.units" is a row for each group that the user names there
 * ("pools.llm.units"): set by the file alone, reloadable, commented out in the sample.
 *
 * A value is set from text with the rank of its source.  The higher rank wins
 * whatever the order of the calls; within one rank the last one wins.  Each
 * text is checked even if a higher rank hides it.
 *
 * (Quoted "config.h" inside src/base would find this file, not configure's.)
 */
#ifndef REEVE_BASE_CONFIG_H
#define REEVE_BASE_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

enum config_type {
	CONFIG_STRING,
	CONFIG_BOOL,     /* true false yes no on off 1 0 */
	CONFIG_I64,
	CONFIG_DURATION, /* duration_parse(); kept in ms */
	CONFIG_SIZE,     /* str_to_size(); kept in bytes */
	CONFIG_ENUM,     /* one of values; kept as its index */
	CONFIG_COUNT,    /* str_to_count(): 500K, 2M */
	CONFIG_DECIMAL   /* 0.25; kept in thousandths, as are its bounds */
};

enum config_rank { CONFIG_DEFAULT, CONFIG_FILE, CONFIG_ENV, CONFIG_FLAG };

#define CONFIG_RELOADABLE 1u /* config_adopt() takes it over while running */
#define CONFIG_SECRET 2u     /* its value is never printed, not even in an error */

/*
 * One row.  min and max bound a number (ms, bytes); max 0: no bound but
 * min's.  A string's length is bounded by max (0: 4,096 bytes).
 */
struct config_option {
	const char *key;     /* "redis.url"; NULL ends the table; groups stand together */
	const char *flag;    /* "redis" for --redis, or NULL */
	char letter;         /* 'c' for -c, or 0 */
	const char *env;     /* "REEVE_REDIS_URL", or NULL */
	enum config_type type;
	const char *initial; /* the default, as text; NULL: "" (strings only) */
	int64_t min, max;
	const char *const *values; /* CONFIG_ENUM: the names, NULL at the end */
	unsigned flags;      /* CONFIG_RELOADABLE, CONFIG_SECRET */
	const char *arg;     /* what --help calls the value: "URL"; NULL: by type */
	const char *help;    /* sentences without a line end */
};

struct config;

/* Told once per fault; err lives until it returns. */
typedef void config_fault_fn(void *arg, const struct err *err);

/*
 * The table must outlive the config.  All values are the defaults; a default
 * that breaks its own row is a defect: logged, then abort().
 */
struct config *config_new(const struct config_option *table);
void config_free(struct config *config); /* NULL is fine; secrets are wiped */

/*
 * Sets one key.  where ("reeve.yaml:3:8", "REEVE_HTTP", "--http"; may be NULL)
 * stands before an error.  ERR_NOT_FOUND: no such key (with 'did you mean');
 * ERR_INVALID: text breaks a rule, the old value stays.
 */
int config_set(struct config *config, const char *key, const char *text,
    enum config_rank rank, const char *where, struct err *err);

/* Sets what the environment holds; an empty variable counts as absent.  Returns the
 * number of faults, each told to fn. */
int config_set_env(struct config *config, config_fault_fn *fn, void *arg);

/*
 * Reads flags from argv[1] on: --flag VALUE, --flag=VALUE, -c VALUE, -cVALUE; a bool
 * needs no value (--flag, --no-flag, --flag=no).  Stops at the first word that is no
 * flag, or behind "--"; *ret_next is its index (argc at the end).  Flags that are in
 * no row (--help, --version) are the caller's to take out first.  Returns the number
 * of faults, each told to fn.
 */
int config_set_flags(struct config *config, int argc, char *const *argv, int *ret_next,
    config_fault_fn *fn, void *arg);

/*
 * The i-th name under a group ("pools"), in the order of the file; false behind the last.
 * A key that the file does not give for it has its default.
 */
#define CONFIG_NAME_SIZE 65
#define CONFIG_NAMES_MAX 256 /* in one group */
bool config_name_at(const struct config *config, const char *group, size_t i,
    char ret_name[CONFIG_NAME_SIZE]);

/* Reading.  A key that is not in the table or has another type is a defect: abort(). */
const char *config_get_string(const struct config *config, const char *key); /* never NULL */
bool config_get_bool(const struct config *config, const char *key);
int64_t config_get_i64(const struct config *config, const char *key);
int64_t config_get_duration(const struct config *config, const char *key); /* ms */
uint64_t config_get_size(const struct config *config, const char *key);
uint64_t config_get_count(const struct config *config, const char *key);
double config_get_decimal(const struct config *config, const char *key);
int config_get_enum(const struct config *config, const char *key);   /* index in values */
enum config_rank config_get_rank(const struct config *config, const char *key);
/* The value as text, as it was set; "***" for a secret that is not empty. */
const char *config_get_shown(const struct config *config, const char *key);

/*
 * Reload: takes over from fresh each reloadable value that differs.  fn (may be NULL)
 * hears of every difference, and whether it was taken or waits for a restart.
 */
typedef void config_change_fn(void *arg, const char *key, bool taken);
void config_adopt(struct config *config, const struct config *fresh, config_change_fn *fn,
    void *arg);

/* The table as a YAML file of all defaults, commented; and as the options of --help. */
void config_print_yaml(const struct config_option *table, struct buf *out);
void config_print_help(const struct config_option *table, struct buf *out);

#endif
