/* SPDX-License-Identifier: MIT */
/* RESP 2: the writer of commands and the guard that checks lengths before the parser. */
#include "redis/resp.h"

#include <stdbool.h>
#include <string.h>

#include "base/str.h"

#define QUICK_DIGITS 9
#define DIGITS 21 /* "$18446744073709551615\r\n" and the like, rounded up */

static size_t
arg_len(const char *const *argv, const size_t *lens, int i)
{
	return lens ? lens[i] : strlen(argv[i]);
}

static char *
put_end(char *at)
{
	*at++ = '\r';
	*at++ = '\n';
	return at;
}

static char *
put_head(char *at, char type, size_t number)
{
	*at++ = type;
	return put_end(str_put_u64(at, number));
}

size_t
resp_command_size(int argc, const char *const *argv, const size_t *lens)
{
	size_t size = DIGITS;

	for (int i = 0; i < argc; i++)
		size += arg_len(argv, lens, i) + DIGITS + 4;
	return size;
}

void
resp_add_command(struct buf *out, int argc, const char *const *argv, const size_t *lens)
{
	char *at;

	/* room for all is made once: commands have thousands of short arguments */
	buf_reserve(out, resp_command_size(argc, argv, lens));
	at = put_head(out->data + out->len, '*', (size_t)argc);
	for (int i = 0; i < argc; i++) {
		size_t len = arg_len(argv, lens, i);

		at = put_head(at, '$', len);
		if (len > 0)
			memcpy(at, argv[i], len);
		at = put_end(at + len);
	}
	*at = '\0';
	out->len = (size_t)(at - out->data);
}

void
resp_guard_init(struct resp_guard *guard, size_t max_reply)
{
	*guard = (struct resp_guard){ .max_reply = max_reply };
}

static int
too_large(const struct resp_guard *guard, struct err *err)
{
	return err_set(err, ERR_LIMIT, "redis sent a reply of more than %zu MiB; ask for less",
	    guard->max_reply >> 20);
}

static int
not_resp(struct err *err)
{
	return err_set(err, ERR_INVALID,
	    "what answers is not speaking the protocol of Redis; check host and port");
}

/* One value is complete: so may be the arrays around it. */
static void
value_done(struct resp_guard *guard)
{
	while (guard->depth > 0 && --guard->left[guard->depth - 1] == 0)
		guard->depth--;
	if (guard->depth == 0) {
		guard->reply_bytes = 0;
		guard->total = 0;
	}
}

static int
array_begins(struct resp_guard *guard, struct err *err)
{
	if (guard->number <= 0) {
		value_done(guard);
		return 0;
	}
	guard->total += guard->number;
	if (guard->number > RESP_MAX_ELEMENTS || guard->total > RESP_MAX_TOTAL)
		return err_set(err, ERR_LIMIT, "redis sent an array of more than %d elements",
		    guard->number > RESP_MAX_ELEMENTS ? RESP_MAX_ELEMENTS : RESP_MAX_TOTAL);
	if (guard->depth == RESP_MAX_DEPTH)
		return err_set(err, ERR_LIMIT, "redis sent arrays nested deeper than %d",
		    RESP_MAX_DEPTH);
	guard->left[guard->depth++] = guard->number;
	return 0;
}

static int
bulk_begins(struct resp_guard *guard, struct err *err)
{
	if (guard->negative) {
		value_done(guard);
		return 0;
	}
	if ((uint64_t)guard->number > guard->max_reply)
		return too_large(guard, err);
	guard->body_left = (size_t)guard->number + 2;
	return 0;
}

static int
line_ends(struct resp_guard *guard, struct err *err)
{
	char type = guard->type;

	guard->type = 0;
	guard->line_bytes = 0;
	if (type == '+' || type == '-') {
		value_done(guard);
		return 0;
	}
	/* Of the negative lengths only -1 (nil) is lawful. */
	if (!guard->digits || (type != ':' && guard->negative && guard->number != 1))
		return not_resp(err);
	if (guard->negative)
		guard->number = -guard->number;
	if (type == '*')
		return array_begins(guard, err);
	if (type == '$')
		return bulk_begins(guard, err);
	value_done(guard);
	return 0;
}

static int
line_starts(struct resp_guard *guard, char type, struct err *err)
{
	if (!memchr("+-:$*", type, 5))
		return not_resp(err);
	guard->type = type;
	guard->last = type;
	guard->line_bytes = 1;
	guard->number = 0;
	guard->negative = 0;
	guard->digits = 0;
	return 0;
}

static int
number_byte(struct resp_guard *guard, char c, struct err *err)
{
	if (c == '-' && guard->line_bytes == 2) {
		guard->negative = 1;
		return 0;
	}
	if (c < '0' || c > '9' || ++guard->digits > 19)
		return not_resp(err);
	/* The largest negative integer wraps; only lengths are looked at, and those fit. */
	guard->number = (int64_t)((uint64_t)guard->number * 10 + (uint64_t)(c - '0'));
	return 0;
}

static int
line_byte(struct resp_guard *guard, char c, struct err *err)
{
	bool text = guard->type == '+' || guard->type == '-';
	char last = guard->last;

	guard->last = c;
	if (++guard->line_bytes > RESP_MAX_LINE)
		return not_resp(err);
	if (last == '\r')
		return c == '\n' ? line_ends(guard, err) : not_resp(err);
	if (c == '\r' || text)
		return 0;
	return number_byte(guard, c, err);
}

/*
 * The line of a length or a number that is here as a whole, as nearly all are, at once: bytes
 * of it; 0: byte by byte.
 */
static size_t
whole_line(struct resp_guard *guard, const char *bytes, size_t len)
{
	int64_t number = 0;
	size_t at = 1;

	if (*bytes != '$' && *bytes != '*' && *bytes != ':')
		return 0;
	for (; at < len && at <= QUICK_DIGITS && bytes[at] >= '0' && bytes[at] <= '9'; at++)
		number = number * 10 + (bytes[at] - '0');
	if (at == 1 || at + 2 > len || bytes[at] != '\r' || bytes[at + 1] != '\n')
		return 0;
	guard->type = *bytes;
	guard->number = number;
	guard->negative = 0;
	guard->digits = (int)at - 1;
	return at + 2;
}

static size_t
skip_body(struct resp_guard *guard, size_t len)
{
	size_t skip = len < guard->body_left ? len : guard->body_left;

	guard->body_left -= skip;
	return skip;
}

int
resp_guard_check(struct resp_guard *guard, const char *bytes, size_t len, struct err *err)
{
	for (size_t i = 0; i < len;) {
		bool body = guard->body_left > 0;
		size_t line = body || guard->type ? 0 : whole_line(guard, bytes + i, len - i);
		size_t step = body ? skip_body(guard, len - i) : line ? line : 1;
		int code = 0;

		guard->reply_bytes += step;
		if (guard->reply_bytes > guard->max_reply)
			return too_large(guard, err);
		if (body && !guard->body_left)
			value_done(guard);
		else if (line)
			code = line_ends(guard, err);
		else if (!body && guard->type)
			code = line_byte(guard, bytes[i], err);
		else if (!body)
			code = line_starts(guard, bytes[i], err);
		if (code)
			return code;
		i += step;
	}
	return 0;
}
