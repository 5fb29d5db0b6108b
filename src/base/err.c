/* SPDX-License-Identifier: MIT */
/* Fills and prefixes the one fault that a failing call hands back. */
#include "base/err.h"

#include <stdio.h>
#include <string.h>

/* Copies text into *err; what does not fit is cut before a whole character. */
static void
store(struct err *err, const char *text)
{
	size_t len = strlen(text);

	if (len >= sizeof err->text) {
		len = sizeof err->text - 1;
		while (len > 0 && ((unsigned char)text[len] & 0xC0) == 0x80)
			len--;
	}
	memmove(err->text, text, len);
	err->text[len] = '\0';
}

int
err_set(struct err *err, int code, const char *fmt, ...)
{
	/* A buffer of its own: the arguments may point into err->text. */
	char text[2 * sizeof err->text];
	va_list args;

	if (!err)
		return code;
	va_start(args, fmt);
	vsnprintf(text, sizeof text, fmt, args);
	va_end(args);
	err->code = code;
	store(err, text);
	return code;
}

int
err_prefix(struct err *err, const char *fmt, ...)
{
	char text[2 * sizeof err->text];
	va_list args;
	size_t len;

	if (!err)
		return 0;
	va_start(args, fmt);
	vsnprintf(text, sizeof err->text, fmt, args);
	va_end(args);
	len = strlen(text);
	snprintf(text + len, sizeof text - len, ": %s", err->text);
	store(err, text);
	return err->code;
}
