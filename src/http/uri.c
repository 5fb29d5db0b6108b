/* SPDX-License-Identifier: MIT */
/* Takes a request target apart into path segments and query parameters. */
#include "http/uri.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* Decodes in place; plus_is_space holds for queries alone. */
static int
decode(char *text, bool plus_is_space, struct err *err)
{
	char *out = text;

	for (const char *in = text; *in; in++) {
		int high, low;
		char c = *in;

		if (c == '%') {
			high = hex_digit(in[1]);
			low = high < 0 ? -1 : hex_digit(in[2]);
			if (low < 0)
				return err_set(err, ERR_INVALID,
				    "bad %% escape in the request target");
			c = (char)(high * 16 + low);
			in += 2;
		} else if (c == '+' && plus_is_space) {
			c = ' ';
		}
		if ((unsigned char)c < 0x20 || c == 0x7f)
			return err_set(
			    err, ERR_INVALID, "control character in the request target");
		*out++ = c;
	}
	*out = '\0';
	if (!str_is_utf8(text, strlen(text)))
		return err_set(err, ERR_INVALID, "the request target is not UTF-8");
	return 0;
}

static int
add_segment(struct http_uri *uri, char *text, bool last, struct err *err)
{
	int rc = decode(text, false, err);

	if (rc < 0)
		return rc;
	if (!*text && last)
		return 0;
	if (!*text || strcmp(text, ".") == 0 || strcmp(text, "..") == 0)
		return err_set(err, ERR_INVALID,
		    "empty, '.' and '..' segments are not allowed in a path");
	if (uri->n_segments == HTTP_SEGMENTS_MAX)
		return err_set(err, ERR_INVALID, "too many path segments");
	uri->segments[uri->n_segments++] = text;
	return 0;
}

static int
parse_path(struct http_uri *uri, char *path, struct err *err)
{
	int rc = 0;

	for (char *next = path + 1; next && rc == 0;) {
		char *text = next;

		next = strchr(text, '/');
		if (next)
			*next++ = '\0';
		rc = add_segment(uri, text, !next, err);
	}
	return rc;
}

static int
add_param(struct http_uri *uri, char *text, struct err *err)
{
	char *value = strchr(text, '=');
	int rc;

	if (value)
		*value++ = '\0';
	else
		value = text + strlen(text);
	if ((rc = decode(text, true, err)) < 0 || (rc = decode(value, true, err)) < 0)
		return rc;
	if (http_uri_param(uri, text))
		return err_set(err, ERR_INVALID, "parameter \"%s\" is given twice", text);
	if (uri->n_params == HTTP_PARAMS_MAX)
		return err_set(err, ERR_INVALID, "too many query parameters");
	uri->params[uri->n_params++] = (struct http_param){ text, value };
	return 0;
}

static int
parse_query(struct http_uri *uri, char *query, struct err *err)
{
	int rc = 0;

	for (char *next = query; next && rc == 0;) {
		char *text = next;

		next = strchr(text, '&');
		if (next)
			*next++ = '\0';
		if (*text)
			rc = add_param(uri, text, err);
	}
	return rc;
}

int
http_uri_parse(struct http_uri *uri, const char *target, struct err *err)
{
	char *query;
	int rc;

	*uri = (struct http_uri){ 0 };
	if (target[0] != '/')
		return err_set(err, ERR_INVALID, "the request target must be a path");
	uri->mem = xstrdup(target);
	query = strchr(uri->mem, '?');
	if (query)
		*query++ = '\0';
	rc = parse_path(uri, uri->mem, err);
	if (rc == 0 && query)
		rc = parse_query(uri, query, err);
	if (rc < 0)
		http_uri_release(uri);
	return rc;
}

void
http_uri_release(struct http_uri *uri)
{
	free(uri->mem);
	*uri = (struct http_uri){ 0 };
}

const char *
http_uri_param(const struct http_uri *uri, const char *key)
{
	for (size_t i = 0; i < uri->n_params; i++) {
		if (strcmp(uri->params[i].key, key) == 0)
			return uri->params[i].value;
	}
	return NULL;
}
