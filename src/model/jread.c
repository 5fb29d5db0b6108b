/* SPDX-License-Identifier: MIT */
/* Reads JSON text in place, value by value. */
#include "model/jread.h"

#include <string.h>

#include "base/str.h"

void
jread_init(struct jread *r, const char *text, size_t len)
{
	*r = (struct jread){ text, text + len, false, false };
}

bool
jread_failed(const struct jread *r)
{
	return r->bad;
}

static bool
fail(struct jread *r)
{
	r->bad = true;
	return false;
}

static void
skip_space(struct jread *r)
{
	while (r->at < r->end &&
	    (*r->at == ' ' || *r->at == '\n' || *r->at == '\t' || *r->at == '\r'))
		r->at++;
}

bool
jread_done(struct jread *r)
{
	skip_space(r);
	return !r->bad && r->at == r->end;
}

static bool
digit(const char *at, const char *end)
{
	return at < end && *at >= '0' && *at <= '9';
}

char
jread_peek(struct jread *r)
{
	skip_space(r);
	if (r->bad || r->at == r->end)
		return 0;
	if (*r->at == '-' || digit(r->at, r->end))
		return '0';
	return *r->at;
}

bool
jread_enter(struct jread *r, char open)
{
	if (jread_peek(r) != open)
		return fail(r);
	r->at++;
	r->fresh = true;
	return true;
}

bool
jread_next(struct jread *r, char close)
{
	bool fresh = r->fresh;

	r->fresh = false;
	skip_space(r);
	if (r->bad || r->at == r->end)
		return fail(r);
	if (*r->at == close) {
		r->at++;
		return false;
	}
	if (fresh)
		return true;
	if (*r->at != ',')
		return fail(r);
	r->at++;
	skip_space(r);
	if (r->at < r->end && *r->at == close)
		return fail(r);
	return true;
}

static int
hex4(const char *at)
{
	int value = 0;

	for (int i = 0; i < 4; i++) {
		char c = at[i];

		value *= 16;
		if (c >= '0' && c <= '9')
			value += c - '0';
		else if (c >= 'a' && c <= 'f')
			value += c - 'a' + 10;
		else if (c >= 'A' && c <= 'F')
			value += c - 'A' + 10;
		else
			return -1;
	}
	return value;
}

static void
add_utf8(struct buf *out, int code)
{
	if (code < 0x80) {
		buf_addc(out, (char)code);
		return;
	}
	if (code < 0x800) {
		buf_addc(out, (char)(0xc0 | code >> 6));
	} else if (code < 0x10000) {
		buf_addc(out, (char)(0xe0 | code >> 12));
		buf_addc(out, (char)(0x80 | (code >> 6 & 0x3f)));
	} else {
		buf_addc(out, (char)(0xf0 | code >> 18));
		buf_addc(out, (char)(0x80 | (code >> 12 & 0x3f)));
		buf_addc(out, (char)(0x80 | (code >> 6 & 0x3f)));
	}
	buf_addc(out, (char)(0x80 | (code & 0x3f)));
}

/* The digits behind \u, with the second half of a surrogate pair. */
static bool
read_unicode(struct jread *r, struct buf *out)
{
	int code, low;

	if (r->end - r->at < 4 || (code = hex4(r->at)) < 0)
		return fail(r);
	r->at += 4;
	if (code >= 0xdc00 && code <= 0xdfff)
		return fail(r);
	if (code >= 0xd800 && code <= 0xdbff) {
		if (r->end - r->at < 6 || r->at[0] != '\\' || r->at[1] != 'u' ||
		    (low = hex4(r->at + 2)) < 0xdc00 || low > 0xdfff)
			return fail(r);
		r->at += 6;
		code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
	}
	if (out != NULL)
		add_utf8(out, code);
	return true;
}

static bool
read_escape(struct jread *r, struct buf *out)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	const char *found;
	char c;

	if (r->at == r->end)
		return fail(r);
	c = *r->at++;
	if (c == 'u')
		return read_unicode(r, out);
	found = c != '\0' ? strchr(from, c) : NULL;
	if (found == NULL)
		return fail(r);
	if (out != NULL)
		buf_addc(out, to[found - from]);
	return true;
}

/* out may be NULL: then the string is only checked. */
static bool
read_string(struct jread *r, struct buf *out)
{
	r->at++;
	for (;;) {
		const char *start = r->at;

		while (r->at < r->end && *r->at != '"' && *r->at != '\\' &&
		    (unsigned char)*r->at >= 0x20)
			r->at++;
		if (out != NULL && r->at > start)
			buf_add(out, start, (size_t)(r->at - start));
		if (r->at == r->end || (unsigned char)*r->at < 0x20)
			return fail(r);
		if (*r->at++ == '"')
			return true;
		if (!read_escape(r, out))
			return false;
	}
}

bool
jread_string(struct jread *r, struct buf *out)
{
	return jread_peek(r) == '"' ? read_string(r, out) : fail(r);
}

static bool
read_colon(struct jread *r)
{
	skip_space(r);
	if (r->at == r->end || *r->at != ':')
		return fail(r);
	r->at++;
	return true;
}

bool
jread_key(struct jread *r, struct buf *ret_key)
{
	buf_clear(ret_key);
	return jread_string(r, ret_key) && read_colon(r);
}

/* Steps over a number by JSON's grammar. */
static bool
skip_number(struct jread *r)
{
	if (*r->at == '-')
		r->at++;
	if (!digit(r->at, r->end))
		return fail(r);
	if (*r->at == '0')
		r->at++;
	else
		while (digit(r->at, r->end))
			r->at++;
	if (r->at < r->end && *r->at == '.') {
		r->at++;
		if (!digit(r->at, r->end))
			return fail(r);
		while (digit(r->at, r->end))
			r->at++;
	}
	if (r->at < r->end && (*r->at == 'e' || *r->at == 'E')) {
		r->at++;
		if (r->at < r->end && (*r->at == '+' || *r->at == '-'))
			r->at++;
		if (!digit(r->at, r->end))
			return fail(r);
		while (digit(r->at, r->end))
			r->at++;
	}
	return true;
}

/* A number as a C string; longer ones than any we write are faults. */
static bool
number_text(struct jread *r, char out[64])
{
	const char *start;
	size_t len;

	if (jread_peek(r) != '0')
		return fail(r);
	start = r->at;
	if (!skip_number(r))
		return false;
	len = (size_t)(r->at - start);
	if (len >= 64)
		return fail(r);
	memcpy(out, start, len);
	out[len] = '\0';
	return true;
}

bool
jread_i64(struct jread *r, int64_t *ret_number)
{
	char text[64];

	if (!number_text(r, text))
		return false;
	return str_to_i64(text, INT64_MIN, INT64_MAX, ret_number) || fail(r);
}

bool
jread_double(struct jread *r, double *ret_number)
{
	char text[64];

	if (!number_text(r, text))
		return false;
	return str_to_double(text, ret_number) || fail(r);
}

static bool
skip_word(struct jread *r, const char *word)
{
	size_t len = strlen(word);

	if ((size_t)(r->end - r->at) < len || memcmp(r->at, word, len) != 0)
		return fail(r);
	r->at += len;
	return true;
}

bool
jread_bool(struct jread *r, bool *ret_value)
{
	bool value = jread_peek(r) == 't';

	if (!skip_word(r, value ? "true" : "false"))
		return false;
	*ret_value = value;
	return true;
}

bool
jread_null(struct jread *r)
{
	return jread_peek(r) == 'n' ? skip_word(r, "null") : fail(r);
}

static bool
skip_plain(struct jread *r)
{
	switch (jread_peek(r)) {
	case '"':
		return read_string(r, NULL);
	case '0':
		return skip_number(r);
	case 't':
		return skip_word(r, "true");
	case 'f':
		return skip_word(r, "false");
	case 'n':
		return skip_word(r, "null");
	default:
		return fail(r);
	}
}

/* Skips one value with an explicit stack of closing brackets. */
static bool
skip_value(struct jread *r)
{
	char close[JREAD_DEPTH];
	size_t depth = 0;

	for (;;) {
		char c = jread_peek(r);

		if (c == '{' || c == '[') {
			if (depth == JREAD_DEPTH || !jread_enter(r, c))
				return fail(r);
			close[depth++] = c == '{' ? '}' : ']';
		} else if (!skip_plain(r)) {
			return false;
		}
		while (depth > 0 && !jread_next(r, close[depth - 1])) {
			if (r->bad)
				return false;
			depth--;
		}
		if (depth == 0)
			return true;
		if (close[depth - 1] == '}' &&
		    (jread_peek(r) != '"' || !read_string(r, NULL) || !read_colon(r)))
			return fail(r);
	}
}

bool
jread_raw(struct jread *r, const char **ret_text, size_t *ret_len)
{
	const char *start;

	skip_space(r);
	start = r->at;
	if (!skip_value(r))
		return false;
	*ret_text = start;
	*ret_len = (size_t)(r->at - start);
	return true;
}

bool
jread_member(const char *json, size_t len, const char *name, const char **ret_text,
    size_t *ret_len)
{
	struct jread r;
	struct buf key = { 0 };
	bool found = false;
	const char *text = NULL;
	size_t text_len = 0;

	jread_init(&r, json, len);
	if (jread_enter(&r, '{')) {
		while (!found && jread_next(&r, '}') && jread_key(&r, &key))
			found = jread_raw(&r, &text, &text_len) &&
			    key.len == strlen(name) && memcmp(buf_text(&key), name, key.len) == 0;
	}
	buf_release(&key);
	if (!found || r.bad)
		return false;
	*ret_text = text;
	*ret_len = text_len;
	return true;
}

bool
jread_valid(const char *json, size_t len)
{
	struct jread r;

	jread_init(&r, json, len);
	return skip_value(&r) && jread_done(&r);
}
