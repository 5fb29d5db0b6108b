/* SPDX-License-Identifier: MIT */
/* Takes what differs from case to case out of error texts. */
#include <ctype.h>
#include <stdbool.h>
#include <string.h>

#include "store/letter_report.h"

#define QUOTED_MAX 400
#define ID_MIN 8        /* hexadecimal digits, or with other letters twice that */

static bool
is_word(unsigned char c)
{
	return isalnum(c) || c >= 0x80 || strchr("_-./:\\@~+%#", c) != NULL;
}

/* A quoted text's length with its quotes, or 0. */
static size_t
quoted(const char *text, bool inside_word)
{
	const char *end;

	if (inside_word || !*text || !strchr("'\"`", *text))
		return 0;
	end = strchr(text + 1, *text);
	return end && end - text < QUOTED_MAX ? (size_t)(end - text) + 1 : 0;
}

/* The word at text, without the punctuation that ends it. */
static size_t
word_len(const char *text)
{
	size_t len = 0;

	while (text[len] && is_word((unsigned char)text[len]))
		len++;
	while (len > 1 && strchr(".:-", text[len - 1]))
		len--;
	return len;
}

static size_t
count_if(const char *word, size_t len, int (*is)(int))
{
	size_t n = 0;

	for (size_t i = 0; i < len; i++)
		n += is((unsigned char)word[i]) != 0;
	return n;
}

static bool
contains(const char *word, size_t len, const char *part)
{
	size_t n = strlen(part);

	for (size_t i = 0; i + n <= len; i++) {
		if (memcmp(word + i, part, n) == 0)
			return true;
	}
	return false;
}

/* Hexadecimal with digits in it, a UUID, or a long mixture as ids and hashes are. */
static bool
is_id(const char *word, size_t len)
{
	size_t digits = count_if(word, len, isdigit), hex = count_if(word, len, isxdigit);
	size_t dashes = 0;

	for (size_t i = 0; i < len; i++)
		dashes += word[i] == '-';
	if (len > 2 && word[0] == '0' && (word[1] == 'x' || word[1] == 'X'))
		return hex == len - 1;
	if (digits == 0 || digits == len)
		return false;
	if (hex + dashes == len)
		return hex >= ID_MIN;
	return count_if(word, len, isalnum) + dashes == len && len >= 2 * ID_MIN &&
	    digits >= ID_MIN / 2;
}

static void
fold_digits(const char *word, size_t len, struct buf *out)
{
	for (size_t i = 0; i < len; i++) {
		if (!isdigit((unsigned char)word[i])) {
			buf_addc(out, word[i]);
			continue;
		}
		buf_adds(out, "<n>");
		while (i + 1 < len && (isdigit((unsigned char)word[i + 1]) ||
			(word[i + 1] == '.' && i + 2 < len && isdigit((unsigned char)word[i + 2]))))
			i++;
	}
}

static void
fold_word(const char *word, size_t len, struct buf *out)
{
	if (contains(word, len, "://"))
		buf_adds(out, "<url>");
	else if (len > 1 && (memchr(word, '/', len) || memchr(word, '\\', len)))
		buf_adds(out, "<path>");
	else if (is_id(word, len))
		buf_adds(out, "<id>");
	else
		fold_digits(word, len, out);
}

/* Not too long, at the beginning of a character, no blank at the end. */
static void
cut(struct buf *out, size_t start)
{
	size_t len = out->len;

	if (len - start > REPORT_ERROR_MAX) {
		len = start + REPORT_ERROR_MAX;
		while (len > start && ((unsigned char)out->data[len] & 0xC0) == 0x80)
			len--;
	}
	while (len > start && out->data[len - 1] == ' ')
		len--;
	if (len < out->len) {
		out->len = len;
		out->data[len] = '\0';
	}
}

void
fold_error(const char *text, struct buf *out)
{
	size_t start = out->len, len;
	bool inside = false;

	while (*text && out->len - start < REPORT_ERROR_MAX) {
		if (isspace((unsigned char)*text) || iscntrl((unsigned char)*text)) {
			if (out->len > start && out->data[out->len - 1] != ' ')
				buf_addc(out, ' ');
			text++;
			inside = false;
		} else if ((len = quoted(text, inside)) > 0) {
			buf_adds(out, "<text>");
			text += len;
		} else if ((len = word_len(text)) > 0) {
			fold_word(text, len, out);
			text += len;
			inside = true;
		} else {
			buf_addc(out, *text++);
			inside = false;
		}
	}
	cut(out, start);
}
