/* SPDX-License-Identifier: MIT */
/*
 * Checks what a command says of its progress and makes it small.
 */
#include "agent/progress.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"

static int
add_line(json_t *out, const json_t *value, struct err *err)
{
	const char *text = json_string_value(value);
	size_t len;

	if (value == NULL)
		return 0;
	if (text == NULL)
		return err_set(err, ERR_INVALID, "\"text\" is not a text");
	len = strcspn(text, "\r\n");
	if (len > PROGRESS_TEXT_MAX)
		len = str_utf8_prefix(text, PROGRESS_TEXT_MAX);
	json_object_set_new(out, "text", json_stringn(text, len));
	return 0;
}

static int
add_percent(json_t *out, const json_t *value, struct err *err)
{
	double percent = json_number_value(value);

	if (value == NULL)
		return 0;
	if (!json_is_number(value) || !(percent >= 0 && percent <= 100))
		return err_set(err, ERR_INVALID, "\"percent\" is not a number from 0 to 100");
	json_object_set(out, "percent", (json_t *)(uintptr_t)value);
	return 0;
}

static int
add_usage(json_t *out, const json_t *value, struct err *err)
{
	const char *name;
	json_t *number;

	if (value == NULL)
		return 0;
	if (!json_is_object(value) || json_object_size(value) > PROGRESS_USAGE_MAX)
		return err_set(err, ERR_INVALID, "\"usage\" is not an object of at most %d numbers",
		    PROGRESS_USAGE_MAX);
	json_object_foreach ((json_t *)(uintptr_t)value, name, number)
		if (!json_is_number(number) || !str_is_name(name, strlen(name)))
			return err_set(err, ERR_INVALID,
			    "\"usage\" has a member that is no name or no number");
	json_object_set(out, "usage", (json_t *)(uintptr_t)value);
	return 0;
}

int
progress_text(const json_t *said, char **ret_text, struct err *err)
{
	json_t *out = json_object();
	int rc = add_line(out, json_object_get(said, "text"), err);

	if (rc == 0)
		rc = add_percent(out, json_object_get(said, "percent"), err);
	if (rc == 0)
		rc = add_usage(out, json_object_get(said, "usage"), err);
	if (rc == 0 && json_object_size(out) == 0)
		rc = err_set(err, ERR_INVALID,
		    "nothing said: give \"text\", \"percent\" or \"usage\"");
	if (rc == 0)
		*ret_text = json_dumps(out, JSON_COMPACT);
	json_decref(out);
	return rc;
}
