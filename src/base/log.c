/* SPDX-License-Identifier: MIT */
/* logfmt lines on standard error. */
#include "base/log.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/str.h"

#define LINE_SIZE 8192
#define LEVEL_COUNT 4

static const char *const level_names[LEVEL_COUNT] = { "error", "warn", "info", "debug" };

static enum log_level current_level = LOG_LEVEL_INFO;

/* A line in the making: on the stack, for memory may be what has run out. */
struct line {
	size_t len;
	char text[LINE_SIZE];
};

void
log_set_level(enum log_level level)
{
	current_level = level;
}

enum log_level
log_get_level(void)
{
	return current_level;
}

bool
log_level_parse(const char *name, enum log_level *ret_level)
{
	int i;

	for (i = 0; i < LEVEL_COUNT; i++)
		if (strcmp(name, level_names[i]) == 0) {
			*ret_level = (enum log_level)i;
			return true;
		}
	return false;
}

const char *
log_level_name(enum log_level level)
{
	return (unsigned)level < LEVEL_COUNT ? level_names[level] : "unknown";
}

/* Whole or not at all, so that no character or escape is cut; 2 bytes stay for `"\n`. */
static void
add(struct line *line, const char *text, size_t len)
{
	if (line->len + len > LINE_SIZE - 2)
		return;
	memcpy(line->text + line->len, text, len);
	line->len += len;
}

static void
adds(struct line *line, const char *text)
{
	add(line, text, strlen(text));
}

static bool
is_plain(const char *text)
{
	if (*text == '\0')
		return false;
	for (; *text; text++)
		if ((unsigned char)*text <= ' ' || (unsigned char)*text >= 0x7F ||
		    strchr("\"=\\", *text))
			return false;
	return true;
}

static void
add_escaped(struct line *line, char c)
{
	static const char names[] = "\n\r\t\"\\", letters[] = "nrt\"\\";
	const char *found = strchr(names, c);
	char text[8];

	if (found)
		snprintf(text, sizeof text, "\\%c", letters[found - names]);
	else
		snprintf(text, sizeof text, "\\x%02x", (unsigned)(unsigned char)c);
	adds(line, text);
}

/* Bytes at text that go as they are: a printable character, whole; 0: to be escaped. */
static size_t
printable_len(const char *text, size_t len)
{
	size_t size = 1;

	if ((unsigned char)*text < 0x80)
		return (unsigned char)*text >= ' ' && *text != 0x7F && !strchr("\"\\", *text);
	while (size < len && ((unsigned char)text[size] & 0xC0) == 0x80)
		size++;
	/* C1 controls (C2 80 to C2 9F) would act on a terminal. */
	if (*text == '\xC2' && (unsigned char)text[1] < 0xA0)
		return 0;
	return str_is_utf8(text, size) ? size : 0;
}

static void
add_value(struct line *line, const char *text)
{
	size_t left = strlen(text), size;

	if (is_plain(text)) {
		/* An over-long value is cut, not dropped. */
		size = LINE_SIZE - 2 - line->len;
		add(line, text, left < size ? left : size);
		return;
	}
	adds(line, "\"");
	for (; left > 0; text += size, left -= size) {
		size = printable_len(text, left);
		if (size > 0) {
			add(line, text, size);
		} else {
			add_escaped(line, *text);
			size = 1;
		}
		if (line->len >= LINE_SIZE - 8)
			break;
	}
	line->text[line->len++] = '"'; /* kept free by add() */
}

static void
add_pair(struct line *line, const struct log_kv *kv)
{
	char number[24];

	if (line->len + strlen(kv->key) + 8 > LINE_SIZE - 2)
		return;
	adds(line, " ");
	adds(line, kv->key);
	adds(line, "=");
	if (kv->text) {
		add_value(line, kv->text);
	} else {
		snprintf(number, sizeof number, "%lld", (long long)kv->number);
		adds(line, number);
	}
}

/* In pieces that a pipe with room takes at once; a full one loses the rest. */
static void
write_out(const char *text, size_t len)
{
	struct pollfd out = { .fd = STDERR_FILENO, .events = POLLOUT };
	size_t piece;
	ssize_t wrote;

	while (len > 0) {
		if (poll(&out, 1, 0) != 1 || !(out.revents & POLLOUT))
			return;
		piece = len < PIPE_BUF ? len : PIPE_BUF;
		wrote = write(STDERR_FILENO, text, piece);
		if (wrote < 0 && errno == EINTR)
			continue;
		if (wrote <= 0)
			return;
		text += wrote;
		len -= (size_t)wrote;
	}
}

void
log_line(enum log_level level, const char *msg, const struct log_kv *kv)
{
	int saved = errno;
	struct line line;
	char at[RFC3339_SIZE];

	line.len = 0;
	adds(&line, "at=");
	adds(&line, rfc3339_format(clock_wall_ms(), at));
	adds(&line, " level=");
	adds(&line, log_level_name(level));
	add_pair(&line, &(struct log_kv){ "msg", msg, 0 });
	for (kv++; kv->key; kv++)
		add_pair(&line, kv);
	line.text[line.len++] = '\n';
	write_out(line.text, line.len);
	errno = saved;
}
