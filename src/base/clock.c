/* SPDX-License-Identifier: MIT */
/* The two clocks, and how instants and durations are written. */
#include "base/clock.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"

#define DAY_MS 86400000LL
#define DURATION_MAX_MS (3650 * DAY_MS)
#define YEAR_0 (-62167219200LL)     /* 0000-01-01T00:00:00Z */
#define YEAR_9999_END 253402300799LL /* 9999-12-31T23:59:59Z */

static const struct unit {
	const char *name;
	int64_t ms;
} units[] = {
	{ "d", DAY_MS },
	{ "h", 3600000 },
	{ "m", 60000 },
	{ "s", 1000 },
	{ "ms", 1 },
};

static int64_t
read_clock(clockid_t id, int64_t per_second)
{
	struct timespec now;

	clock_gettime(id, &now);
	return now.tv_sec * per_second + now.tv_nsec / (1000000000 / per_second);
}

int64_t
clock_mono_us(void)
{
	return read_clock(CLOCK_MONOTONIC, 1000000);
}

int64_t
clock_wall_ms(void)
{
	return read_clock(CLOCK_REALTIME, 1000);
}

static char *
put_digits(char *out, int number, int width)
{
	int i;

	for (i = width - 1; i >= 0; i--) {
		out[i] = (char)('0' + number % 10);
		number /= 10;
	}
	return out + width;
}

char *
rfc3339_format(int64_t wall_ms, char out[RFC3339_SIZE])
{
	int64_t seconds = wall_ms / 1000 - (wall_ms % 1000 < 0);
	int ms = (int)((wall_ms % 1000 + 1000) % 1000);
	time_t when;
	struct tm tm;
	char *p = out;

	/* Years of four digits; what lies beyond is shown as the nearest one. */
	if (seconds < YEAR_0)
		seconds = YEAR_0;
	if (seconds > YEAR_9999_END)
		seconds = YEAR_9999_END;
	when = (time_t)seconds;
	gmtime_r(&when, &tm);
	p = put_digits(p, tm.tm_year + 1900, 4);
	*p++ = '-';
	p = put_digits(p, tm.tm_mon + 1, 2);
	*p++ = '-';
	p = put_digits(p, tm.tm_mday, 2);
	*p++ = 'T';
	p = put_digits(p, tm.tm_hour, 2);
	*p++ = ':';
	p = put_digits(p, tm.tm_min, 2);
	*p++ = ':';
	p = put_digits(p, tm.tm_sec, 2);
	*p++ = '.';
	p = put_digits(p, ms, 3);
	*p++ = 'Z';
	*p = '\0';
	return out;
}

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Exactly width digits within [min, max]. */
static bool
get_digits(const char **text, int width, int min, int max, int *ret_number)
{
	int i, number = 0;

	for (i = 0; i < width; i++) {
		if (!is_digit((*text)[i]))
			return false;
		number = number * 10 + ((*text)[i] - '0');
	}
	if (number < min || number > max)
		return false;
	*text += width;
	*ret_number = number;
	return true;
}

static bool
get_char(const char **text, const char *allowed)
{
	if (**text == '\0' || !strchr(allowed, **text))
		return false;
	(*text)++;
	return true;
}

static int
days_in_month(int year, int month)
{
	static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return month == 2 && leap ? 29 : days[month - 1];
}

static bool
get_date(const char **text, struct tm *ret_tm)
{
	int year, month, day;

	if (!get_digits(text, 4, 0, 9999, &year) || !get_char(text, "-") ||
	    !get_digits(text, 2, 1, 12, &month) || !get_char(text, "-") ||
	    !get_digits(text, 2, 1, days_in_month(year, month), &day))
		return false;
	ret_tm->tm_year = year - 1900;
	ret_tm->tm_mon = month - 1;
	ret_tm->tm_mday = day;
	return true;
}

static bool
get_time(const char **text, struct tm *ret_tm, int *ret_ms)
{
	int digit, unit = 100, ms = 0;

	if (!get_digits(text, 2, 0, 23, &ret_tm->tm_hour) || !get_char(text, ":") ||
	    !get_digits(text, 2, 0, 59, &ret_tm->tm_min) || !get_char(text, ":") ||
	    !get_digits(text, 2, 0, 60, &ret_tm->tm_sec))
		return false;
	if (get_char(text, ".")) {
		if (!is_digit(**text))
			return false;
		for (; get_digits(text, 1, 0, 9, &digit); unit /= 10)
			ms += digit * unit;
	}
	*ret_ms = ms;
	return true;
}

static bool
get_offset(const char **text, int *ret_seconds)
{
	bool west = **text == '-';
	int hours, minutes;

	if (get_char(text, "Zz")) {
		*ret_seconds = 0;
		return true;
	}
	if (!get_char(text, "+-") || !get_digits(text, 2, 0, 23, &hours) ||
	    !get_char(text, ":") || !get_digits(text, 2, 0, 59, &minutes))
		return false;
	*ret_seconds = (hours * 3600 + minutes * 60) * (west ? -1 : 1);
	return true;
}

bool
rfc3339_parse(const char *text, int64_t *ret_wall_ms)
{
	struct tm tm = { 0 };
	int ms, offset;

	if (!get_date(&text, &tm) || !get_char(&text, "Tt") || !get_time(&text, &tm, &ms) ||
	    !get_offset(&text, &offset) || *text != '\0')
		return false;
	*ret_wall_ms = ((int64_t)timegm(&tm) - offset) * 1000 + ms;
	return true;
}

/* Digits up to the first other byte; false if none or beyond the largest duration. */
static bool
get_count(const char **text, int64_t *ret_number)
{
	int64_t number = 0;

	if (!is_digit(**text))
		return false;
	for (; is_digit(**text); (*text)++) {
		number = number * 10 + (**text - '0');
		if (number > DURATION_MAX_MS)
			return false;
	}
	*ret_number = number;
	return true;
}

/* The fraction of a second behind the point, in ms, rounded up: no wait becomes none. */
static bool
get_fraction(const char *text, int64_t *ret_ms)
{
	int64_t ms = 0, unit = 100;
	bool rest = false;

	if (!is_digit(*text))
		return false;
	for (; is_digit(*text); text++, unit /= 10) {
		ms += (*text - '0') * unit;
		rest = rest || (unit == 0 && *text != '0');
	}
	*ret_ms = ms + rest;
	return *text == '\0';
}

static const struct unit *
get_unit(const char **text, const struct unit *from)
{
	const struct unit *unit;
	size_t len = strspn(*text, "dhms");

	for (unit = from; unit < units + ARRAY_LEN(units); unit++)
		if (strlen(unit->name) == len && memcmp(unit->name, *text, len) == 0) {
			*text += len;
			return unit;
		}
	return NULL;
}

bool
duration_parse(const char *text, int64_t *ret_ms)
{
	const struct unit *unit, *next = units;
	int64_t count, fraction = 0, ms = 0;

	do {
		if (!get_count(&text, &count))
			return false;
		if (next == units && (*text == '\0' || *text == '.')) {
			if (*text == '.' && !get_fraction(text + 1, &fraction))
				return false;
			ms = count * 1000 + fraction;
			break;
		}
		unit = get_unit(&text, next);
		if (!unit || count > DURATION_MAX_MS / unit->ms)
			return false;
		ms += count * unit->ms;
		next = unit + 1;
	} while (*text != '\0');
	if (ms > DURATION_MAX_MS)
		return false;
	*ret_ms = ms;
	return true;
}

char *
duration_format(int64_t ms, char out[DURATION_SIZE])
{
	uint64_t left = ms < 0 ? -(uint64_t)ms : (uint64_t)ms, count;
	size_t i, len = 0;

	out[0] = '\0';
	if (ms < 0)
		out[len++] = '-';
	for (i = 0; i < ARRAY_LEN(units); i++) {
		count = left / (uint64_t)units[i].ms;
		left %= (uint64_t)units[i].ms;
		if (count > 0)
			len += (size_t)snprintf(out + len, DURATION_SIZE - len, "%llu%s",
			    (unsigned long long)count, units[i].name);
	}
	if (ms == 0)
		memcpy(out, "0s", 3);
	return out;
}
