/* SPDX-License-Identifier: MIT */
/* Whether what an agent reports as outputs is what the protocol and the task allow. */
#include <jansson.h>
#include <string.h>

#include "base/str.h"
#include "engine/internal.h"

#define OUTPUTS_MAX (64u * 1024)

static int
check_names(const json_t *object, struct err *err)
{
	const char *name;
	json_t *value;

	json_object_foreach((json_t *)(uintptr_t)object, name, value)
		if (!str_is_name(name, strlen(name)))
			return err_set(err, ERR_INVALID,
			    "output \"%.80s\" is not a name ([A-Za-z_][A-Za-z0-9_-]{0,63})",
			    name);
	return 0;
}

static int
check_declared(const struct task_def *def, const json_t *object, struct err *err)
{
	for (uint32_t i = 0; i < def->n_outputs; i++)
		if (def->outputs[i].required &&
		    !(object && json_object_get(object, def->outputs[i].name)))
			return err_set(err, ERR_INVALID, "required output \"%s\" is missing",
			    def->outputs[i].name);
	return 0;
}

static int
parse_object(const char *text, size_t len, json_t **ret_object, struct err *err)
{
	json_error_t fault;
	json_t *object;

	if (len > OUTPUTS_MAX)
		return err_set(err, ERR_LIMIT, "outputs are %zu bytes, more than 64 KiB", len);
	object = json_loadb(text, len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &fault);
	if (!object)
		return err_set(err, ERR_INVALID, "outputs are not JSON: %s", fault.text);
	if (!json_is_object(object)) {
		json_decref(object);
		return err_set(err, ERR_INVALID, "outputs are not a JSON object");
	}
	*ret_object = object;
	return 0;
}

/* text NULL: none.  malformed: not what the protocol allows, whatever the task says. */
int
outputs_check(const struct task_def *def, const char *text, size_t len, bool *ret_malformed,
    struct err *err)
{
	json_t *object = NULL;
	int rc = 0;

	if (text) {
		rc = parse_object(text, len, &object, err);
		if (rc == 0)
			rc = check_names(object, err);
	}
	*ret_malformed = rc != 0;
	if (rc == 0)
		rc = check_declared(def, object, err);
	json_decref(object);
	return rc;
}

bool
outputs_are_object(const char *text, size_t len)
{
	json_t *object = NULL;
	bool is_object = text && parse_object(text, len, &object, NULL) == 0;

	json_decref(object);
	return is_object;
}
