/* SPDX-License-Identifier: MIT */
/*
 * Reads a result file and checks each field.
 */
#include "agent/result.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"

void
result_init(struct result *result)
{
	*result = (struct result){ .status = -1, .retryable = -1, .retry_after_ms = -1 };
}

void
result_release(struct result *result)
{
	free(result->summary);
	free(result->usage);
	result_init(result);
}

static int
refuse(struct err *err, const char *field, const char *why)
{
	return err_set(err, ERR_INVALID, "result file: \"%s\" %s", field, why);
}

static int
read_status(const json_t *value, struct result *result, struct err *err)
{
	static const enum done_status allowed[] = { DONE_DONE, DONE_FAILED, DONE_BLOCKED,
		DONE_THROTTLED };
	const char *text = json_string_value(value);
	size_t i;

	for (i = 0; text != NULL && i < ARRAY_LEN(allowed); i++) {
		if (strcmp(text, done_status_name(allowed[i])) == 0) {
			result->status = (int)allowed[i];
			return 0;
		}
	}
	return refuse(err, "status", "is none of done, failed, blocked, throttled");
}

static int
read_summary(const json_t *value, struct result *result, struct err *err)
{
	if (!json_is_string(value) ||
	    strlen(json_string_value(value)) != json_string_length(value))
		return refuse(err, "summary", "is not a text");
	result->summary = xstrndup(
	    json_string_value(value), str_utf8_prefix(json_string_value(value),
					  json_string_length(value) > DONE_LIMIT_MESSAGE
					      ? DONE_LIMIT_MESSAGE
					      : json_string_length(value)));
	return 0;
}

static int
read_usage(const json_t *value, struct result *result, struct err *err)
{
	char *text;
	bool fits;

	if (!json_is_object(value))
		return refuse(err, "usage", "is not an object");
	text = json_dumps(value, JSON_COMPACT);
	fits = text != NULL && strlen(text) <= DONE_LIMIT_USAGE;
	if (fits)
		result->usage = xstrdup(text);
	free(text);
	return fits ? 0 : refuse(err, "usage", "is longer than 4 KiB");
}

static int
read_retryable(const json_t *value, struct result *result, struct err *err)
{
	if (!json_is_boolean(value))
		return refuse(err, "retryable", "is neither true nor false");
	result->retryable = json_is_true(value);
	return 0;
}

static int
read_retry_after(const json_t *value, struct result *result, struct err *err)
{
	double seconds = json_number_value(value);

	if (json_is_string(value) &&
	    duration_parse(json_string_value(value), &result->retry_after_ms))
		return 0;
	if (!json_is_number(value) || seconds < 0 || seconds > 3650. * 86400.)
		return refuse(err, "retry_after", "is neither seconds nor a duration");
	result->retry_after_ms = (int64_t)(seconds * 1000.);
	return 0;
}

typedef int result_field_fn(const json_t *value, struct result *result, struct err *err);

static const struct {
	const char *name;
	result_field_fn *read;
} fields[] = {
	{ "status", read_status },
	{ "summary", read_summary },
	{ "usage", read_usage },
	{ "retryable", read_retryable },
	{ "retry_after", read_retry_after },
};

static int
add_outputs(const json_t *object, json_t *outputs, struct err *err)
{
	json_t *output = json_object_get(object, "output");
	json_t *artifacts = json_object_get(object, "artifacts");
	const char *key;
	json_t *value;

	if (artifacts != NULL && !json_is_array(artifacts))
		return refuse(err, "artifacts", "is not a list");
	if (json_array_size(artifacts) > 0)
		json_object_set(outputs, "artifacts", artifacts);
	if (output == NULL || json_is_null(output))
		return 0;
	if (!json_is_object(output)) {
		json_object_set(outputs, "output", output);
		return 0;
	}
	json_object_foreach (output, key, value) {
		if (!str_is_name(key, strlen(key)))
			return refuse(err, "output", "holds a key that is not a name");
		json_object_set(outputs, key, value);
	}
	return 0;
}

static int
read_object(const json_t *object, struct result *result, json_t *outputs, struct err *err)
{
	const json_t *value;
	size_t i;
	int rc = 0;

	if (!json_is_object(object))
		return err_set(err, ERR_INVALID, "result file: not a JSON object");
	for (i = 0; rc == 0 && i < ARRAY_LEN(fields); i++) {
		value = json_object_get(object, fields[i].name);
		if (value != NULL && !json_is_null(value))
			rc = fields[i].read(value, result, err);
	}
	return rc == 0 ? add_outputs(object, outputs, err) : rc;
}

int
result_parse(
    const char *text, size_t len, struct result *result, json_t *outputs, struct err *err)
{
	json_error_t where;
	json_t *object;
	int rc;

	if (len > RESULT_LIMIT)
		return err_set(err, ERR_LIMIT, "the result file is larger than 1 MiB");
	object = json_loadb(text, len, JSON_REJECT_DUPLICATES, &where);
	if (object == NULL)
		return err_set(err, ERR_INVALID, "result file, line %d: not JSON: %s",
		    where.line, where.text);
	rc = read_object(object, result, outputs, err);
	json_decref(object);
	if (rc != 0)
		result_release(result);
	return rc;
}
