/* SPDX-License-Identifier: MIT */
/* Keys with a name of the user's: pools.NAME.units. */
#include "base/config_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"

#define NAME_MARK "NAME" /* in a key: stands for the name */

/* Where the name stands in such a key; NULL: the key is a plain one. */
const char *
config_name_place(const struct config_option *option)
{
	const char *dot = strstr(option->key, "." NAME_MARK ".");

	return dot ? dot + 1 : NULL;
}

/* How long the name in key is if key is one of the option's; 0: it is not. */
size_t
config_name_len(const struct config_option *option, const char *key)
{
	const char *place = config_name_place(option);
	size_t before = place ? (size_t)(place - option->key) : 0, len;

	if (!place || strncmp(option->key, key, before) != 0)
		return 0;
	len = strcspn(key + before, ".");
	return strcmp(key + before + len, place + strlen(NAME_MARK)) == 0 ? len : 0;
}

struct named *
config_named_find(const struct config *config, const char *key)
{
	for (size_t i = 0; i < config->n_named; i++)
		if (strcmp(config->named[i].key, key) == 0)
			return &config->named[i];
	return NULL;
}

/* As long as nothing was set there, the row's default. */
const struct value *
config_value_of(const struct config *config, const struct config_option *option,
    const char *key)
{
	const struct named *named = NULL;

	if (config_name_place(option))
		named = config_named_find(config, key);
	return named ? &named->value : &config->values[option - config->table];
}

static bool
name_seen(const struct config *config, size_t end, const char *start, size_t len)
{
	for (size_t i = 0; i < end; i++)
		if (strncmp(config->named[i].key, start, len) == 0)
			return true;
	return false;
}

bool
config_name_at(const struct config *config, const char *group, size_t i,
    char ret_name[CONFIG_NAME_SIZE])
{
	size_t before = strlen(group) + 1;

	for (size_t k = 0; k < config->n_named; k++) {
		const char *key = config->named[k].key;
		size_t len;

		if (strncmp(key, group, before - 1) != 0 || key[before - 1] != '.')
			continue;
		len = strcspn(key + before, ".");
		if (name_seen(config, k, key, before + len + 1) || i-- > 0)
			continue;
		memcpy(ret_name, key + before, len);
		ret_name[len] = '\0';
		return true;
	}
	return false;
}

int
config_check_name(const struct config *config, const struct config_option *option,
    const char *key, struct err *err)
{
	size_t before = (size_t)(config_name_place(option) - option->key);
	size_t len = config_name_len(option, key);
	char group[64], name[CONFIG_NAME_SIZE];

	snprintf(group, sizeof group, "%.*s", (int)before - 1, key);
	if (!str_is_name(key + before, len))
		return err_set(err, ERR_INVALID, "'%s': '%.*s' is not a name: a letter or _, then "
		    "letters, digits, _ and -, at most 64", group, (int)(len < 64 ? len : 64),
		    key + before);
	if (!name_seen(config, config->n_named, key, before + len + 1) &&
	    config_name_at(config, group, CONFIG_NAMES_MAX - 1, name))
		return err_set(err, ERR_INVALID, "'%s': more than %d of them", group,
		    CONFIG_NAMES_MAX);
	return 0;
}

struct named *
config_named_add(struct config *config, const struct config_option *option,
    const char *key)
{
	struct named *named;

	GROW(config->named, config->n_named, config->cap_named);
	named = &config->named[config->n_named++];
	*named = (struct named){ .key = xstrdup(key), .option = option };
	config_value_replace(&named->value, config_initial(option),
	    config->values[option - config->table].number, CONFIG_DEFAULT);
	return named;
}

void
config_value_release(struct value *value)
{
	explicit_bzero(value->text, strlen(value->text));
	free(value->text);
}

void
config_named_clear(struct config *config)
{
	for (size_t i = 0; i < config->n_named; i++) {
		config_value_release(&config->named[i].value);
		free(config->named[i].key);
	}
	free(config->named);
	config->named = NULL;
	config->n_named = config->cap_named = 0;
}

/* The option's key, with the name that stands in its place in key. */
char *
config_likely_key(const struct config_option *option, const char *key)
{
	const char *place = config_name_place(option);
	size_t before = place ? (size_t)(place - option->key) : 0;

	if (!place || strncmp(option->key, key, before) != 0)
		return xstrdup(option->key);
	return xasprintf("%.*s%s", (int)(before + strcspn(key + before, ".")), key,
	    place + strlen(NAME_MARK));
}

/* What the user's names hold: all of it is reloadable. */
void
config_adopt_named(struct config *config, const struct config *fresh, config_change_fn *fn,
    void *arg)
{
	struct config old = *config;

	config->named = NULL;
	config->n_named = config->cap_named = 0;
	for (size_t i = 0; i < fresh->n_named; i++) {
		const struct named *named = &fresh->named[i];
		struct named *mine = config_named_add(config, named->option, named->key);
		const struct named *before = config_named_find(&old, named->key);

		config_value_replace(&mine->value, named->value.text, named->value.number,
		    named->value.rank);
		if (fn && (!before || !config_same(named->option, &before->value, &named->value)))
			fn(arg, named->key, true);
	}
	for (size_t i = 0; fn && i < old.n_named; i++)
		if (!config_named_find(config, old.named[i].key))
			fn(arg, old.named[i].key, true);
	config_named_clear(&old);
}

