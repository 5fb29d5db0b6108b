/* SPDX-License-Identifier: MIT */
/* Holds the values of an option table and sets them from a file, the environment and flags. */
#include "base/config_private.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"

#define STRING_MAX 4096

static void defect(const char *what, const char *key) __attribute__((noreturn));

static void
defect(const char *what, const char *key)
{
	log_error("defect in an option table or its use", KV_S("what", what), KV_S("key", key));
	abort();
}

const char *
config_initial(const struct config_option *option)
{
	return option->initial ? option->initial : "";
}

/* ---- Text to value ------------------------------------------------------------ */

static bool
parse_string(const struct config_option *option, const char *text, int64_t *ret_number)
{
	size_t len = strlen(text), max = option->max > 0 ? (size_t)option->max : STRING_MAX;

	*ret_number = 0;
	return len <= max && len >= (size_t)option->min && str_is_utf8(text, len);
}

static bool
parse_bool(const struct config_option *option, const char *text, int64_t *ret_number)
{
	bool value;

	(void)option;
	if (!str_to_bool(text, &value))
		return false;
	*ret_number = value;
	return true;
}

static bool
parse_i64(const struct config_option *option, const char *text, int64_t *ret_number)
{
	(void)option;
	return str_to_i64(text, INT64_MIN, INT64_MAX, ret_number);
}

static bool
parse_duration(const struct config_option *option, const char *text, int64_t *ret_number)
{
	(void)option;
	return duration_parse(text, ret_number);
}

static bool
parse_size(const struct config_option *option, const char *text, int64_t *ret_number)
{
	uint64_t bytes;

	(void)option;
	if (!str_to_size(text, &bytes) || bytes > INT64_MAX)
		return false;
	*ret_number = (int64_t)bytes;
	return true;
}

static bool
parse_count(const struct config_option *option, const char *text, int64_t *ret_number)
{
	uint64_t count;

	(void)option;
	if (!str_to_count(text, &count) || count > INT64_MAX)
		return false;
	*ret_number = (int64_t)count;
	return true;
}

static bool
parse_decimal(const struct config_option *option, const char *text, int64_t *ret_number)
{
	double number;

	(void)option;
	if (!str_to_double(text, &number) || number > 1e12 || number < -1e12)
		return false;
	*ret_number = (int64_t)(number * 1000 + (number < 0 ? -0.5 : 0.5));
	return true;
}

static bool
parse_enum(const struct config_option *option, const char *text, int64_t *ret_number)
{
	int64_t i;

	for (i = 0; option->values[i]; i++)
		if (strcmp(option->values[i], text) == 0) {
			*ret_number = i;
			return true;
		}
	return false;
}

static const struct {
	bool (*parse)(const struct config_option *, const char *, int64_t *);
	const char *wanted;
	bool bounded; /* min and max hold for the number */
} types[] = {
	[CONFIG_STRING] = { parse_string, "is not text of a lawful length", false },
	[CONFIG_BOOL] = { parse_bool, "is neither true nor false", false },
	[CONFIG_I64] = { parse_i64, "is not a whole number", true },
	[CONFIG_DURATION] = { parse_duration, "is not a duration (such as 250ms, 30s, 1h30m)", true },
	[CONFIG_SIZE] = { parse_size, "is not a size (such as 512, 64K, 16M)", true },
	[CONFIG_COUNT] = { parse_count, "is not a number (such as 500000, 500K, 2M, 1.5M)", true },
	[CONFIG_ENUM] = { parse_enum, "is none of the lawful values", false },
	[CONFIG_DECIMAL] = { parse_decimal, "is not a number (such as 2, 0.5)", true },
};

/* Why text is no value of the option. */
static int
refuse(const struct config_option *option, const char *text, const char *why, struct err *err)
{
	if (option->flags & CONFIG_SECRET)
		return err_set(err, ERR_INVALID, "'%s': the value (a secret, not shown) %s",
		    option->key, why);
	return err_set(err, ERR_INVALID, "'%s': '%.200s' %s", option->key, text, why);
}

static int
refuse_enum(const struct config_option *option, const char *text, struct err *err)
{
	struct buf why = { 0 };
	const char *near = str_nearest(text, option->values);
	size_t i;
	int code;

	buf_adds(&why, "is none of");
	for (i = 0; option->values[i]; i++)
		buf_printf(&why, "%s %s", i > 0 ? "," : "", option->values[i]);
	if (near)
		buf_printf(&why, "; did you mean '%s'?", near);
	code = refuse(option, text, buf_text(&why), err);
	buf_release(&why);
	return code;
}

/* A number as people write the option's values; in *out. */
static const char *
number_text(const struct config_option *option, int64_t number, struct buf *out)
{
	static const char letters[] = "KMGT";
	char text[DURATION_SIZE];
	int power = 0;

	if (option->type == CONFIG_DURATION) {
		buf_adds(out, duration_format(number, text));
		return buf_text(out);
	}
	for (; option->type == CONFIG_SIZE && power < 4 && number >= 1024 && number % 1024 == 0;
	    power++)
		number /= 1024;
	if (option->type == CONFIG_DECIMAL)
		buf_printf(out, "%.10g", (double)number / 1000);
	else
		buf_addi(out, number);
	if (power > 0)
		buf_addc(out, letters[power - 1]);
	return buf_text(out);
}

static int
check_bounds(const struct config_option *option, const char *text, int64_t number,
    struct err *err)
{
	bool low = number < option->min, high = option->max != 0 && number > option->max;
	struct buf bound = { 0 }, why = { 0 };
	int code = 0;

	if (types[option->type].bounded && (low || high)) {
		buf_printf(&why, low ? "is less than %s" : "is more than %s",
		    number_text(option, low ? option->min : option->max, &bound));
		code = refuse(option, text, buf_text(&why), err);
	}
	buf_release(&bound);
	buf_release(&why);
	return code;
}

static int
parse(const struct config_option *option, const char *text, int64_t *ret_number,
    struct err *err)
{
	int64_t number;
	int code;

	if (!types[option->type].parse(option, text, &number)) {
		if (option->type == CONFIG_ENUM)
			return refuse_enum(option, text, err);
		return refuse(option, text, types[option->type].wanted, err);
	}
	code = check_bounds(option, text, number, err);
	if (code == 0)
		*ret_number = number;
	return code;
}

/* ---- The values --------------------------------------------------------------- */

void
config_value_replace(struct value *value, const char *text, int64_t number,
    enum config_rank rank)
{
	char *copy = xstrdup(text);

	if (value->text) {
		explicit_bzero(value->text, strlen(value->text));
		free(value->text);
	}
	value->text = copy;
	value->number = number;
	value->rank = rank;
}

struct config *
config_new(const struct config_option *table)
{
	struct config *config = xcalloc(1, sizeof *config);
	const struct config_option *option;
	struct err err;
	int64_t number;

	config->table = table;
	while (table[config->count].key)
		config->count++;
	config->values = xcalloc(config->count, sizeof *config->values);
	for (option = table; option->key; option++) {
		if (parse(option, config_initial(option), &number, &err) != 0)
			defect(err.text, option->key);
		config_value_replace(&config->values[option - table], config_initial(option), number,
		    CONFIG_DEFAULT);
	}
	return config;
}

void
config_free(struct config *config)
{
	size_t i;

	if (!config)
		return;
	for (i = 0; i < config->count; i++)
		config_value_release(&config->values[i]);
	config_named_clear(config);
	free(config->values);
	free(config);
}

static const struct config_option *
find(const struct config *config, const char *key)
{
	const struct config_option *option;

	for (option = config->table; option->key; option++)
		if (strcmp(option->key, key) == 0 || config_name_len(option, key) > 0)
			return option;
	return NULL;
}

/* 'Did you mean' over one text of each row; unknown is the text as the user wrote it. */
static int
unknown(const struct config *config, const char *what, const char *name, bool flags,
    struct err *err)
{
	char **names = xcalloc(config->count + 1, sizeof *names);
	const struct config_option *option;
	const char *near;
	size_t count = 0;
	int code;

	for (option = config->table; option->key; option++)
		if (!flags || option->flag)
			names[count++] =
			    flags ? xstrdup(option->flag) : config_likely_key(option, name);
	near = str_nearest(name, (const char *const *)names);
	if (near)
		code = err_set(err, ERR_NOT_FOUND, "unknown %s '%s%.200s'; did you mean '%s%s'?",
		    what, flags ? "--" : "", name, flags ? "--" : "", near);
	else
		code = err_set(err, ERR_NOT_FOUND, "unknown %s '%s%.200s'", what,
		    flags ? "--" : "", name);
	while (count > 0)
		free(names[--count]);
	free(names);
	return code;
}

static int
set_option(struct config *config, const struct config_option *option, const char *text,
    enum config_rank rank, struct err *err)
{
	struct value *value = &config->values[option - config->table];
	int64_t number;
	int code = parse(option, text, &number, err);

	if (code == 0 && rank >= value->rank)
		config_value_replace(value, text, number, rank);
	return code;
}

static int
set_named(struct config *config, const struct config_option *option, const char *key,
    const char *text, enum config_rank rank, struct err *err)
{
	struct named *named = config_named_find(config, key);
	int64_t number;
	int code = config_check_name(config, option, key, err);

	if (code == 0)
		code = parse(option, text, &number, err);
	if (code != 0)
		return code;
	if (!named)
		named = config_named_add(config, option, key);
	if (rank >= named->value.rank)
		config_value_replace(&named->value, text, number, rank);
	return 0;
}

int
config_set(struct config *config, const char *key, const char *text, enum config_rank rank,
    const char *where, struct err *err)
{
	const struct config_option *option = find(config, key);
	int code;

	if (option && config_name_place(option))
		code = set_named(config, option, key, text, rank, err);
	else if (option)
		code = set_option(config, option, text, rank, err);
	else
		code = unknown(config, "key", key, false, err);
	if (code != 0 && where)
		err_prefix(err, "%s", where);
	return code;
}

int
config_set_env(struct config *config, config_fault_fn *fn, void *arg)
{
	const struct config_option *option;
	const char *text;
	struct err err;
	int faults = 0;

	for (option = config->table; option->key; option++) {
		text = option->env ? getenv(option->env) : NULL;
		if (!text || !*text || set_option(config, option, text, CONFIG_ENV, &err) == 0)
			continue;
		err_prefix(&err, "%s", option->env);
		fn(arg, &err);
		faults++;
	}
	return faults;
}

/* ---- Flags -------------------------------------------------------------------- */

/* One flag as it was found in argv. */
struct found {
	const struct config_option *option;
	const char *text; /* behind '=' or the letter; NULL: none there */
	bool negated;     /* --no-flag */
};

static const struct config_option *
find_flag(const struct config *config, const char *name, size_t len)
{
	const struct config_option *option;

	for (option = config->table; option->key; option++)
		if (option->flag && strlen(option->flag) == len &&
		    memcmp(option->flag, name, len) == 0)
			return option;
	return NULL;
}

static int
find_long(const struct config *config, const char *word, struct found *ret_found,
    struct err *err)
{
	const char *name = word + 2;
	size_t len = strcspn(name, "=");
	struct found found = { 0 };
	char *copy;
	int code;

	found.option = find_flag(config, name, len);
	found.text = name[len] == '=' ? name + len + 1 : NULL;
	if (!found.option && !found.text && str_starts(name, "no-")) {
		found.option = find_flag(config, name + 3, len - 3);
		found.negated = found.option && found.option->type == CONFIG_BOOL;
		if (!found.negated)
			found.option = NULL;
	}
	if (!found.option) {
		copy = xstrndup(name, len);
		code = unknown(config, "flag", copy, true, err);
		free(copy);
		return code;
	}
	*ret_found = found;
	return 0;
}

static int
find_short(const struct config *config, const char *word, struct found *ret_found,
    struct err *err)
{
	const struct config_option *option;

	for (option = config->table; option->key; option++)
		if (option->letter != 0 && option->letter == word[1]) {
			*ret_found = (struct found){ option, word[2] ? word + 2 : NULL, false };
			return 0;
		}
	return err_set(err, ERR_NOT_FOUND, "unknown flag '%.200s'", word);
}

/* Sets the flag at argv[*at] and moves *at behind it and its value. */
static int
set_flag(struct config *config, int argc, char *const *argv, int *at, struct err *err)
{
	const char *word = argv[(*at)++];
	struct found found = { 0 };
	int code;

	if (word[1] == '-')
		code = find_long(config, word, &found, err);
	else
		code = find_short(config, word, &found, err);
	if (!found.option)
		return code;
	if (!found.text && found.option->type == CONFIG_BOOL)
		found.text = found.negated ? "false" : "true";
	else if (!found.text && *at < argc)
		found.text = argv[(*at)++];
	if (!found.text)
		return err_set(err, ERR_INVALID, "%s needs a value", word);
	code = set_option(config, found.option, found.text, CONFIG_FLAG, err);
	if (code != 0)
		err_prefix(err, "%.*s", (int)(word[1] == '-' ? strcspn(word, "=") : 2), word);
	return code;
}

int
config_set_flags(struct config *config, int argc, char *const *argv, int *ret_next,
    config_fault_fn *fn, void *arg)
{
	struct err err;
	int at = 1, faults = 0;

	while (at < argc && argv[at][0] == '-' && argv[at][1] != '\0') {
		if (strcmp(argv[at], "--") == 0) {
			at++;
			break;
		}
		if (set_flag(config, argc, argv, &at, &err) != 0) {
			fn(arg, &err);
			faults++;
		}
	}
	*ret_next = at;
	return faults;
}

/* ---- Reading ------------------------------------------------------------------ */

static const struct value *
get(const struct config *config, const char *key, const enum config_type *type)
{
	const struct config_option *option = find(config, key);

	if (!option)
		defect("no such key", key);
	if (type && option->type != *type)
		defect("read as another type", key);
	return config_value_of(config, option, key);
}

const char *
config_get_string(const struct config *config, const char *key)
{
	return get(config, key, &(enum config_type){ CONFIG_STRING })->text;
}

bool
config_get_bool(const struct config *config, const char *key)
{
	return get(config, key, &(enum config_type){ CONFIG_BOOL })->number != 0;
}

int64_t
config_get_i64(const struct config *config, const char *key)
{
	return get(config, key, &(enum config_type){ CONFIG_I64 })->number;
}

int64_t
config_get_duration(const struct config *config, const char *key)
{
	return get(config, key, &(enum config_type){ CONFIG_DURATION })->number;
}

uint64_t
config_get_size(const struct config *config, const char *key)
{
	return (uint64_t)get(config, key, &(enum config_type){ CONFIG_SIZE })->number;
}

uint64_t
config_get_count(const struct config *config, const char *key)
{
	return (uint64_t)get(config, key, &(enum config_type){ CONFIG_COUNT })->number;
}

double
config_get_decimal(const struct config *config, const char *key)
{
	return (double)get(config, key, &(enum config_type){ CONFIG_DECIMAL })->number / 1000;
}

int
config_get_enum(const struct config *config, const char *key)
{
	return (int)get(config, key, &(enum config_type){ CONFIG_ENUM })->number;
}

enum config_rank
config_get_rank(const struct config *config, const char *key)
{
	return get(config, key, NULL)->rank;
}

const char *
config_get_shown(const struct config *config, const char *key)
{
	const struct value *value = get(config, key, NULL);
	const struct config_option *option = find(config, key);

	return option && (option->flags & CONFIG_SECRET) && *value->text ? "***" : value->text;
}

/* ---- Reload ------------------------------------------------------------------- */

bool
config_same(const struct config_option *option, const struct value *a, const struct value *b)
{
	return a->number == b->number &&
	    (types[option->type].bounded || strcmp(a->text, b->text) == 0);
}

void
config_adopt(struct config *config, const struct config *fresh, config_change_fn *fn,
    void *arg)
{
	const struct value *value;
	struct value *mine;
	bool taken;
	size_t i;

	if (fresh->table != config->table)
		defect("two tables", "");
	for (i = 0; i < config->count; i++) {
		mine = &config->values[i];
		value = &fresh->values[i];
		if (config_same(&config->table[i], mine, value))
			continue;
		taken = (config->table[i].flags & CONFIG_RELOADABLE) != 0;
		if (taken)
			config_value_replace(mine, value->text, value->number, value->rank);
		if (fn)
			fn(arg, config->table[i].key, taken);
	}
	config_adopt_named(config, fresh, fn, arg);
}
