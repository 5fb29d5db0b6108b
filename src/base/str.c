/* SPDX-License-Identifier: MIT */
/* Questions about text from outside. */
#include "base/str.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"

#define NAME_MAX_LEN 64
#define NEAREST_MAX_LEN 128 /* longer words are no spelling of anything */

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool
is_alpha(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool
str_is_name(const char *text, size_t len)
{
	size_t i;

	if (len == 0 || len > NAME_MAX_LEN || !(is_alpha(text[0]) || text[0] == '_'))
		return false;
	for (i = 1; i < len; i++)
		if (!is_alpha(text[i]) && !is_digit(text[i]) && text[i] != '_' && text[i] != '-')
			return false;
	return true;
}

bool
str_is_word(const char *text)
{
	const char *at = text;

	while (*at > ' ' && *at <= '~')
		at++;
	return at > text && !*at;
}

/* Length of the valid character at text (left > 0), or 0. */
static size_t
utf8_len(const unsigned char *text, size_t left)
{
	/* Per first byte: length, and the range of the second byte. */
	static const struct {
		unsigned char from, to, len, low, high;
	} rows[] = {
		{ 0x00, 0x7F, 1, 0x00, 0x00 },
		{ 0xC2, 0xDF, 2, 0x80, 0xBF },
		{ 0xE0, 0xE0, 3, 0xA0, 0xBF },
		{ 0xE1, 0xEC, 3, 0x80, 0xBF },
		{ 0xED, 0xED, 3, 0x80, 0x9F },
		{ 0xEE, 0xEF, 3, 0x80, 0xBF },
		{ 0xF0, 0xF0, 4, 0x90, 0xBF },
		{ 0xF1, 0xF3, 4, 0x80, 0xBF },
		{ 0xF4, 0xF4, 4, 0x80, 0x8F },
	};
	size_t i, row = 0;

	while (row < ARRAY_LEN(rows) && text[0] > rows[row].to)
		row++;
	if (row == ARRAY_LEN(rows) || text[0] < rows[row].from || rows[row].len > left)
		return 0;
	if (rows[row].len > 1 && (text[1] < rows[row].low || text[1] > rows[row].high))
		return 0;
	for (i = 2; i < rows[row].len; i++)
		if ((text[i] & 0xC0) != 0x80)
			return 0;
	return rows[row].len;
}

size_t
str_utf8_prefix(const char *text, size_t len)
{
	const unsigned char *bytes = (const unsigned char *)text;
	size_t at = 0, step;

	while (at < len) {
		if (bytes[at] < 0x80) {
			at++;
			continue;
		}
		step = utf8_len(bytes + at, len - at);
		if (step == 0)
			break;
		at += step;
	}
	return at;
}

bool
str_is_utf8(const char *text, size_t len)
{
	return str_utf8_prefix(text, len) == len;
}

static size_t
min3(size_t a, size_t b, size_t c)
{
	size_t least = a < b ? a : b;

	return least < c ? least : c;
}

/* Damerau-Levenshtein, optimal string alignment; both at most NEAREST_MAX_LEN long. */
static size_t
distance(const char *a, size_t a_len, const char *b, size_t b_len)
{
	unsigned char store[3][NEAREST_MAX_LEN + 1];
	unsigned char *before = store[0], *last = store[1], *row = store[2], *spare;
	size_t i, j, cost, best;

	for (j = 0; j <= b_len; j++)
		last[j] = (unsigned char)j;
	memset(store[0], 0, sizeof store[0]);
	for (i = 1; i <= a_len; i++) {
		row[0] = (unsigned char)i;
		for (j = 1; j <= b_len; j++) {
			cost = a[i - 1] != b[j - 1];
			best = min3(last[j] + 1u, row[j - 1] + 1u, last[j - 1] + cost);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
			    before[j - 2] + 1u < best)
				best = before[j - 2] + 1u;
			row[j] = (unsigned char)best;
		}
		spare = before;
		before = last;
		last = row;
		row = spare;
	}
	return last[b_len];
}

const char *
str_nearest(const char *word, const char *const *candidates)
{
	const char *nearest = NULL;
	size_t len = strlen(word), other, edits;
	size_t best = (len / 3 > 1 ? len / 3 : 1) + 1;

	if (len > NEAREST_MAX_LEN)
		return NULL;
	for (; *candidates; candidates++) {
		other = strlen(*candidates);
		if (other > NEAREST_MAX_LEN)
			continue;
		edits = distance(word, len, *candidates, other);
		if (edits < best) {
			best = edits;
			nearest = *candidates;
		}
	}
	return nearest;
}

/* Reads digits from *text on; false if there are none or they overflow. */
static bool
read_digits(const char **text, uint64_t *ret_number)
{
	const char *p = *text;
	uint64_t number = 0;

	if (!is_digit(*p))
		return false;
	for (; is_digit(*p); p++)
		if (__builtin_mul_overflow(number, 10, &number) ||
		    __builtin_add_overflow(number, (uint64_t)(*p - '0'), &number))
			return false;
	*text = p;
	*ret_number = number;
	return true;
}

char *
str_put_u64(char *out, uint64_t number)
{
	char *at, *end = out + 1;

	for (uint64_t rest = number; rest >= 10; rest /= 10)
		end++;
	at = end;
	do {
		*--at = (char)('0' + number % 10);
		number /= 10;
	} while (number > 0);
	return end;
}

bool
str_to_u64(const char *text, uint64_t *ret_number)
{
	uint64_t number;

	if (!read_digits(&text, &number) || *text != '\0')
		return false;
	*ret_number = number;
	return true;
}

bool
str_to_i64(const char *text, int64_t min, int64_t max, int64_t *ret_number)
{
	bool negative = text[0] == '-';
	uint64_t size;
	int64_t number;

	if (!str_to_u64(text + negative, &size) || size > (uint64_t)INT64_MAX + negative)
		return false;
	number = (int64_t)(negative ? -size : size);
	if (number < min || number > max)
		return false;
	*ret_number = number;
	return true;
}

bool
str_to_double(const char *text, double *ret_number)
{
	double number;
	char *end;

	/* strtod() would take spaces, hexadecimal, inf and nan as well. */
	if (text[0] == '\0' || text[strspn(text, "0123456789+-.eE")] != '\0')
		return false;
	number = strtod(text, &end);
	if (*end != '\0' || !isfinite(number))
		return false;
	*ret_number = number;
	return true;
}

bool
str_to_size(const char *text, uint64_t *ret_bytes)
{
	static const char *const units[] = { "", "k", "m", "g", "t" };
	uint64_t bytes;
	size_t power, len;

	if (!read_digits(&text, &bytes))
		return false;
	len = strlen(text);
	if (len >= 2 && strcasecmp(text + len - 2, "ib") == 0 && len > 2)
		len -= 2;
	else if (len >= 1 && strcasecmp(text + len - 1, "b") == 0)
		len--;
	for (power = 0; power < ARRAY_LEN(units); power++)
		if (strlen(units[power]) == len && strncasecmp(units[power], text, len) == 0)
			break;
	if (power == ARRAY_LEN(units) ||
	    __builtin_mul_overflow(bytes, UINT64_C(1) << (10 * power), &bytes))
		return false;
	*ret_bytes = bytes;
	return true;
}

/* ".25" behind the whole part of a number of units of scale; false: it leaves a fraction. */
static bool
add_fraction(const char **text, uint64_t scale, uint64_t *count)
{
	uint64_t part = 0;

	while (is_digit(**text)) {
		if (scale % 10 != 0 && **text != '0')
			return false;
		scale /= 10;
		part += (uint64_t)(**text - '0') * scale;
		*text += 1;
	}
	return !__builtin_add_overflow(*count, part, count);
}

bool
str_to_count(const char *text, uint64_t *ret_count)
{
	static const char letters[] = "kmgb";
	static const uint64_t scales[] = { 1000, 1000000, 1000000000, 1000000000 };
	uint64_t count, scale = 1;
	const char *letter, *end = text + strlen(text);

	if (!read_digits(&text, &count))
		return false;
	letter = end[-1] && !is_digit(end[-1])
	    ? strchr(letters, end[-1] | 0x20) : NULL;
	if (letter) {
		scale = scales[letter - letters];
		end--;
	}
	if (__builtin_mul_overflow(count, scale, &count))
		return false;
	if (*text == '.' && is_digit(text[1])) {
		text++;
		if (!add_fraction(&text, scale, &count))
			return false;
	}
	if (text != end)
		return false;
	*ret_count = count;
	return true;
}

bool
str_to_bool(const char *text, bool *ret_value)
{
	static const char *const words[] = { "false", "true", "no", "yes", "off", "on", "0", "1" };
	size_t i;

	for (i = 0; i < ARRAY_LEN(words); i++)
		if (strcasecmp(text, words[i]) == 0) {
			*ret_value = i % 2 == 1;
			return true;
		}
	return false;
}

bool
str_starts(const char *text, const char *prefix)
{
	return strncmp(text, prefix, strlen(prefix)) == 0;
}

bool
str_ends(const char *text, const char *suffix)
{
	size_t len = strlen(text), tail = strlen(suffix);

	return len >= tail && memcmp(text + len - tail, suffix, tail) == 0;
}

bool
str_equal_secret(const char *a, const char *b)
{
	size_t i, a_len = strlen(a), b_len = strlen(b);
	unsigned char differs = a_len != b_len;

	for (i = 0; i < b_len; i++)
		differs |= (unsigned char)((i < a_len ? a[i] : 0) ^ b[i]);
	return differs == 0;
}

static bool
in_range(char c, unsigned char from, unsigned char to)
{
	return (unsigned char)c >= from && (unsigned char)c <= to;
}

/* End of a CSI sequence whose parameters begin at `at`. */
static size_t
skip_csi(const char *text, size_t len, size_t at)
{
	while (at < len && in_range(text[at], 0x20, 0x3F))
		at++;
	return at < len && in_range(text[at], 0x40, 0x7E) ? at + 1 : at;
}

/*
 * End of a control string (OSC, DCS, ...): BEL or ST.  A line end stops it too:
 * without its opening it is harmless, and swallowing the rest would hide it.
 */
static size_t
skip_string(const char *text, size_t len, size_t at)
{
	for (; at < len && text[at] != '\n'; at++) {
		if (text[at] == '\a')
			return at + 1;
		if (at + 1 < len && (memcmp(text + at, "\033\\", 2) == 0 ||
		    memcmp(text + at, "\xC2\x9C", 2) == 0))
			return at + 2;
	}
	return at;
}

/* End of the control sequence or character at `at`; `at` itself if there is none. */
static size_t
skip_control(const char *text, size_t len, size_t at)
{
	char kind;

	if (text[at] == '\033' && at + 1 < len) {
		kind = text[++at];
	} else if (text[at] == '\xC2' && at + 1 < len && in_range(text[at + 1], 0x80, 0x9F)) {
		kind = (char)(text[++at] - 0x40); /* C1 in UTF-8: ESC and a letter in one */
	} else {
		if (text[at] == '\n' || text[at] == '\t')
			return at;
		return (unsigned char)text[at] < 0x20 || text[at] == 0x7F ? at + 1 : at;
	}
	if (kind == '[')
		return skip_csi(text, len, at + 1);
	if (kind != '\0' && strchr("]PX^_", kind))
		return skip_string(text, len, at + 1);
	if ((unsigned char)text[at] >= 0x80 && in_range(kind, 0x40, 0x5F))
		return at + 1;
	while (at < len && in_range(text[at], 0x20, 0x2F))
		at++;
	return at < len && in_range(text[at], 0x30, 0x7E) ? at + 1 : at;
}

size_t
str_strip_controls(char *text, size_t len)
{
	size_t at = 0, out = 0, next;

	while (at < len) {
		next = skip_control(text, len, at);
		if (next == at)
			text[out++] = text[at++];
		else
			at = next;
	}
	if (out < len)
		text[out] = '\0';
	return out;
}

uint64_t
str_hash(const char *text, size_t len)
{
	uint64_t hash = UINT64_C(0xCBF29CE484222325);
	size_t i;

	for (i = 0; i < len; i++)
		hash = (hash ^ (unsigned char)text[i]) * UINT64_C(0x100000001B3);
	return hash;
}
