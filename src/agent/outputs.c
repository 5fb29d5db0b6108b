/* SPDX-License-Identifier: MIT */
/*
 * Reads key=value lines and key<<MARK blocks.
 */
#include "agent/outputs.h"

#include <stdbool.h>
#include <string.h>

#include "base/str.h"

struct lines {
	const char *at, *end;
	unsigned number; /* of the line taken last, from 1 */
};

static bool
next_line(struct lines *lines, const char **ret_line, size_t *ret_len)
{
	const char *stop;

	if (lines->at == lines->end)
		return false;
	stop = memchr(lines->at, '\n', (size_t)(lines->end - lines->at));
	if (stop == NULL)
		stop = lines->end;
	*ret_line = lines->at;
	*ret_len = (size_t)(stop - lines->at);
	lines->at = stop == lines->end ? stop : stop + 1;
	lines->number++;
	return true;
}

static int
refuse(struct err *err, unsigned line, const char *why)
{
	return err_set(err, ERR_INVALID, "output file, line %u: %s", line, why);
}

static int
put(json_t *object, const char *key, size_t key_len, const char *value, size_t len,
    unsigned line, struct err *err)
{
	char name[65];

	if (!str_is_name(key, key_len) || key_len >= sizeof name)
		return refuse(err, line,
		    "the key is not a name (letters, digits, _ and -, at most 64)");
	if (memchr(value, '\0', len) != NULL || !str_is_utf8(value, len))
		return refuse(err, line, "the value is not UTF-8 text");
	memcpy(name, key, key_len);
	name[key_len] = '\0';
	json_object_set_new(object, name, json_stringn_nocheck(value, len));
	return 0;
}

/* The lines up to the mark, without the last newline. */
static int
read_block(struct lines *lines, const char *head, size_t key_len, size_t head_len,
    json_t *object, struct err *err)
{
	const char *mark = head + key_len + 2, *body = lines->at, *line;
	size_t mark_len = head_len - key_len - 2, len;
	unsigned first = lines->number;

	if (mark_len == 0)
		return refuse(err, first, "no mark after <<");
	while (next_line(lines, &line, &len)) {
		if (len != mark_len || memcmp(line, mark, len) != 0)
			continue;
		len = line > body ? (size_t)(line - body) - 1 : 0;
		return put(object, head, key_len, body, len, first, err);
	}
	return refuse(err, first, "the block's mark never comes");
}

int
outputs_parse(const char *text, size_t len, json_t *object, struct err *err)
{
	struct lines lines = { text, text + len, 0 };
	const char *line;
	size_t size, at;
	int rc = 0;

	if (len > OUTPUTS_LIMIT)
		return err_set(err, ERR_LIMIT,
		    "the output file has %zu bytes; at most %d", len, OUTPUTS_LIMIT);
	while (rc == 0 && next_line(&lines, &line, &size)) {
		if (size == 0)
			continue;
		for (at = 0; at < size && line[at] != '='; at++)
			if (line[at] == '<' && at + 1 < size && line[at + 1] == '<')
				break;
		if (at == size)
			rc = refuse(err, lines.number, "neither key=value nor key<<MARK");
		else if (line[at] == '=')
			rc = put(object, line, at, line + at + 1, size - at - 1,
			    lines.number, err);
		else
			rc = read_block(&lines, line, at, size, object, err);
	}
	return rc;
}
