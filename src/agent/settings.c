/* SPDX-License-Identifier: MIT */
/*
 * Reads an agent type's settings from JSON.
 */
#include "agent/settings.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "agent/options.h"
#include "base/mem.h"

void
type_settings_init(struct type_settings *settings)
{
	*settings = (struct type_settings){ .lease_ms = -1, .grace_ms = -1 };
	settings->success[0] = true;
}

void
type_settings_release(struct type_settings *settings)
{
	char **arg;

	for (arg = settings->command; arg != NULL && *arg != NULL; arg++)
		free(*arg);
	free(settings->command);
	free(settings->workdir);
	type_settings_init(settings);
}

static int
read_command(const json_t *list, struct type_settings *settings, struct err *err)
{
	size_t i, n = json_array_size(list);

	if (list == NULL)
		return 0;
	for (i = 0; i < n; i++)
		if (!json_is_string(json_array_get(list, i)))
			n = 0;
	if (n == 0)
		return err_set(err, ERR_INVALID, "\"command\" is not a list of texts");
	settings->command = xcalloc(n + 1, sizeof *settings->command);
	for (i = 0; i < n; i++)
		settings->command[i] =
		    xstrdup(json_string_value(json_array_get(list, i)));
	return 0;
}

static int
read_number(const json_t *object, const char *key, int64_t min, int64_t max,
    int64_t *number, struct err *err)
{
	const json_t *value = json_object_get(object, key);

	if (value == NULL)
		return 0;
	if (!json_is_integer(value) || json_integer_value(value) < min ||
	    json_integer_value(value) > max)
		return err_set(err, ERR_INVALID, "\"%s\" is not a number in range", key);
	*number = json_integer_value(value);
	return 0;
}

static int
read_success(const json_t *success, struct type_settings *settings, struct err *err)
{
	const json_t *codes = json_object_get(success, "exit_codes");
	const json_t *code;
	size_t i;

	if (codes == NULL)
		return 0;
	if (!json_is_array(codes))
		return err_set(err, ERR_INVALID, "\"exit_codes\" is not a list");
	memset(settings->success, 0, sizeof settings->success);
	json_array_foreach (codes, i, code) {
		json_int_t number = json_is_integer(code) ? json_integer_value(code) : -1;

		if (number < 0 || number > 255)
			return err_set(err, ERR_INVALID,
			    "\"exit_codes\" holds what is no number from 0 to 255");
		settings->success[number] = true;
	}
	return 0;
}

static bool
says_kill(const json_t *word)
{
	return json_is_string(word) && strcmp(json_string_value(word), "kill") == 0;
}

static int
read_object(const json_t *object, struct type_settings *settings, struct err *err)
{
	const json_t *workdir = json_object_get(object, "workdir");
	int64_t concurrency = 0;
	int rc;

	if (!json_is_object(object))
		return err_set(err, ERR_INVALID, "not a JSON object");
	rc = read_command(json_object_get(object, "command"), settings, err);
	if (rc == 0)
		rc = read_number(
		    object, "concurrency", 1, AGENT_CONCURRENCY_MAX, &concurrency, err);
	if (rc == 0)
		rc = read_number(
		    object, "lease_ms", 300, 86400000, &settings->lease_ms, err);
	if (rc == 0)
		rc = read_number(
		    object, "grace_ms", 0, 86400000, &settings->grace_ms, err);
	if (rc == 0)
		rc = read_number(object, "stall_timeout_ms", 1, INT64_MAX / 1000,
		    &settings->stall_timeout_ms, err);
	if (rc == 0)
		rc = read_number(object, "start_timeout_ms", 1, INT64_MAX / 1000,
		    &settings->start_timeout_ms, err);
	if (rc == 0)
		rc = read_success(json_object_get(object, "success"), settings, err);
	settings->concurrency = (unsigned)concurrency;
	settings->kill_on_disconnect = says_kill(json_object_get(object, "on_disconnect"));
	if (rc == 0 && json_is_string(workdir) && *json_string_value(workdir) != '\0')
		settings->workdir = xstrdup(json_string_value(workdir));
	return rc;
}

int
type_settings_parse(
    const char *json, size_t len, struct type_settings *settings, struct err *err)
{
	json_error_t where;
	json_t *object = json_loadb(json, len, 0, &where);
	int rc;

	if (object == NULL)
		return err_set(err, ERR_INVALID, "not JSON: %s", where.text);
	rc = read_object(object, settings, err);
	json_decref(object);
	if (rc != 0)
		type_settings_release(settings);
	return rc;
}
