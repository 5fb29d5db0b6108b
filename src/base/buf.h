/* SPDX-License-Identifier: MIT */
/*
 * Growable bytes.  A zero-initialised struct buf is empty and owns nothing.
 * data is always followed by a NUL that len does not count (once anything was
 * added), so text may be used as a C string.
 */
#ifndef REEVE_BASE_BUF_H
#define REEVE_BASE_BUF_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct buf {
	char *data;
	size_t len;
	size_t cap;
};

void buf_release(struct buf *buf);        /* frees; leaves it empty and usable */
void buf_clear(struct buf *buf);          /* len = 0, keeps the memory */
void buf_reserve(struct buf *buf, size_t more); /* room for more bytes (and the NUL) */

/* These three are in the header for speed: most calls add some bytes where there is room. */
static inline void
buf_add(struct buf *buf, const void *bytes, size_t len)
{
	if (len >= buf->cap - buf->len) /* never more than cap */
		buf_reserve(buf, len);
	if (len > 0)
		memcpy(buf->data + buf->len, bytes, len);
	buf->len += len;
	buf->data[buf->len] = '\0';
}

static inline void
buf_adds(struct buf *buf, const char *text)
{
	buf_add(buf, text, strlen(text));
}

static inline void
buf_addc(struct buf *buf, char c)
{
	if (buf->cap - buf->len < 2)
		buf_reserve(buf, 1);
	buf->data[buf->len++] = c;
	buf->data[buf->len] = '\0';
}

void buf_addu(struct buf *buf, uint64_t number); /* decimal, fast */
void buf_addi(struct buf *buf, int64_t number);
void buf_printf(struct buf *buf, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void buf_vprintf(struct buf *buf, const char *fmt, va_list args)
    __attribute__((format(printf, 2, 0)));
void buf_drop_front(struct buf *buf, size_t len); /* removes the first len bytes */
char *buf_steal(struct buf *buf);         /* the caller frees; "" when empty, never NULL */
const char *buf_text(const struct buf *buf); /* "" when empty */

/* Adds text as a JSON string with its quotes; bytes that are not UTF-8 become U+FFFD. */
void buf_add_json(struct buf *buf, const char *text, size_t len);

#endif
