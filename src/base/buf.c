/* SPDX-License-Identifier: MIT */
/* Growable bytes. */
#include "base/buf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"

#define BUF_FIRST 64
#define REPLACEMENT "\xEF\xBF\xBD" /* U+FFFD */

void
buf_release(struct buf *buf)
{
	free(buf->data);
	*buf = (struct buf){ 0 };
}

void
buf_clear(struct buf *buf)
{
	buf->len = 0;
	if (buf->data)
		buf->data[0] = '\0';
}

void
buf_reserve(struct buf *buf, size_t more)
{
	size_t need, cap = buf->cap ? buf->cap : BUF_FIRST;

	if (__builtin_add_overflow(buf->len, more, &need) ||
	    __builtin_add_overflow(need, 1, &need))
		need = SIZE_MAX; /* xrealloc() says so and ends the program */
	if (need <= buf->cap)
		return;
	while (cap < need && cap <= SIZE_MAX / 2)
		cap *= 2;
	if (cap < need)
		cap = need;
	buf->data = xrealloc(buf->data, cap);
	buf->data[buf->len] = '\0';
	buf->cap = cap;
}

void
buf_addu(struct buf *buf, uint64_t number)
{
	char *end;

	buf_reserve(buf, STR_U64_SIZE);
	end = str_put_u64(buf->data + buf->len, number);
	*end = '\0';
	buf->len = (size_t)(end - buf->data);
}

void
buf_addi(struct buf *buf, int64_t number)
{
	if (number >= 0) {
		buf_addu(buf, (uint64_t)number);
		return;
	}
	buf_addc(buf, '-');
	buf_addu(buf, -(uint64_t)number);
}

void
buf_printf(struct buf *buf, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	buf_vprintf(buf, fmt, args);
	va_end(args);
}

void
buf_vprintf(struct buf *buf, const char *fmt, va_list args)
{
	va_list again;
	int len;

	va_copy(again, args);
	len = vsnprintf(NULL, 0, fmt, args);
	if (len >= 0) {
		buf_reserve(buf, (size_t)len);
		vsnprintf(buf->data + buf->len, (size_t)len + 1, fmt, again);
		buf->len += (size_t)len;
	}
	va_end(again);
}

void
buf_drop_front(struct buf *buf, size_t len)
{
	if (len >= buf->len) {
		buf_clear(buf);
		return;
	}
	buf->len -= len;
	memmove(buf->data, buf->data + len, buf->len + 1);
}

char *
buf_steal(struct buf *buf)
{
	char *text = buf->data ? buf->data : xstrdup("");

	*buf = (struct buf){ 0 };
	return text;
}

const char *
buf_text(const struct buf *buf)
{
	return buf->data ? buf->data : "";
}

/* One byte that JSON does not let stand for itself. */
static void
add_escape(struct buf *buf, char c)
{
	static const char names[] = "\b\f\n\r\t\"\\", letters[] = "bfnrt\"\\";
	const char *found = c ? strchr(names, c) : NULL;

	if (found)
		buf_add(buf, (char[]){ '\\', letters[found - names] }, 2);
	else
		buf_printf(buf, "\\u%04x", (unsigned)c);
}

/* Bytes of valid UTF-8: those that stand for themselves go in one piece. */
static void
add_json_chars(struct buf *buf, const char *text, size_t len)
{
	size_t from = 0, i;

	for (i = 0; i < len; i++) {
		if ((unsigned char)text[i] >= 0x20 && text[i] != '"' && text[i] != '\\')
			continue;
		buf_add(buf, text + from, i - from);
		add_escape(buf, text[i]);
		from = i + 1;
	}
	buf_add(buf, text + from, len - from);
}

void
buf_add_json(struct buf *buf, const char *text, size_t len)
{
	size_t valid;

	buf_reserve(buf, len + 2);
	buf_addc(buf, '"');
	while (len > 0) {
		valid = str_utf8_prefix(text, len);
		add_json_chars(buf, text, valid);
		if (valid < len) {
			buf_adds(buf, REPLACEMENT);
			valid++;
		}
		text += valid;
		len -= valid;
	}
	buf_addc(buf, '"');
}
