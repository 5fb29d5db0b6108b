/* SPDX-License-Identifier: MIT */
/* Draws for people: colours, marks, bars and tables. */
#include "cli/term.h"

#include <langinfo.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"

static const char *const escapes[] = { "", "\033[1m", "\033[2m", "\033[31m", "\033[32m",
	"\033[33m", "\033[34m", "\033[36m", "\033[35m" };

void
term_init(struct term *term, FILE *file)
{
	const char *no_color = getenv("NO_COLOR");
	const char *kind = getenv("TERM");
	struct winsize size = { 0 };

	*term = (struct term){ .file = file, .width = 80, .height = 24 };
	term->tty = isatty(fileno(file)) && kind && strcmp(kind, "dumb") != 0;
	term->color = term->tty && !(no_color && *no_color);
	term->utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
	if (term->tty && ioctl(fileno(file), TIOCGWINSZ, &size) == 0 && size.ws_col > 0) {
		term->width = size.ws_col;
		term->height = size.ws_row;
	}
}

unsigned
term_columns(const char *text)
{
	unsigned n = 0;

	for (; *text; text++)
		n += ((unsigned char)*text & 0xc0) != 0x80;
	return n;
}

void
term_cell(const struct term *term, struct buf *out, enum term_style style,
    const char *text, unsigned width)
{
	char *safe = xstrdup(text);
	unsigned used;

	safe[str_strip_controls(safe, strlen(safe))] = '\0';
	for (char *at = safe; *at; at++) {
		if (*at == '\n' || *at == '\t')
			*at = ' ';
	}
	if (term->color && style != STYLE_NONE)
		buf_adds(out, escapes[style]);
	buf_adds(out, safe);
	if (term->color && style != STYLE_NONE)
		buf_adds(out, "\033[0m");
	for (used = term_columns(safe); used < width; used++)
		buf_addc(out, ' ');
	free(safe);
}

void
term_text(
    const struct term *term, struct buf *out, enum term_style style, const char *text)
{
	term_cell(term, out, style, text, 0);
}

void
term_write(const struct term *term, const struct buf *text)
{
	fwrite(buf_text(text), 1, text->len, term->file);
	fflush(term->file);
}

/* --- states --- */

static const struct {
	const char *state;
	const char *mark, *ascii;
	enum term_style style;
} states[] = {
	{ "pending", "·", ".", STYLE_DIM },
	{ "ready", "○", "o", STYLE_CYAN },
	{ "queued", "○", "o", STYLE_CYAN },
	{ "running", "●", ">", STYLE_BLUE },
	{ "waiting", "◔", "~", STYLE_YELLOW },
	{ "succeeded", "✔", "+", STYLE_GREEN },
	{ "failed", "✘", "x", STYLE_RED },
	{ "timed_out", "✘", "x", STYLE_RED },
	{ "skipped", "−", "-", STYLE_DIM },
	{ "cancelled", "⊘", "/", STYLE_MAGENTA },
};

enum term_style
term_state_style(const char *state)
{
	for (size_t i = 0; i < ARRAY_LEN(states); i++) {
		if (strcmp(states[i].state, state) == 0)
			return states[i].style;
	}
	return STYLE_NONE;
}

const char *
term_state_mark(const struct term *term, const char *state)
{
	for (size_t i = 0; i < ARRAY_LEN(states); i++) {
		if (strcmp(states[i].state, state) == 0)
			return term->utf8 ? states[i].mark : states[i].ascii;
	}
	return "?";
}

void
term_bar(const struct term *term, struct buf *out, size_t done, size_t failed,
    size_t total, unsigned width)
{
	size_t full = total ? done * width / total : 0;
	size_t bad = total ? (failed * width + total - 1) / total : 0;

	if (full > width)
		full = width;
	if (bad > full)
		bad = full;
	for (size_t i = 0; i < width; i++) {
		enum term_style style = i < full - bad ? STYLE_GREEN : STYLE_RED;

		if (i < full)
			term_text(term, out, style, term->utf8 ? "█" : "#");
		else
			term_text(term, out, STYLE_DIM, term->utf8 ? "░" : ".");
	}
}

/* --- times --- */

char *
term_duration(int64_t ms, char out[SHORT_SIZE])
{
	int64_t s = ms / 1000;

	if (ms < 0)
		snprintf(out, SHORT_SIZE, "0ms");
	else if (ms < 1000)
		snprintf(out, SHORT_SIZE, "%dms", (int)ms);
	else if (s < 60)
		snprintf(out, SHORT_SIZE, "%d.%ds", (int)s, (int)(ms % 1000 / 100));
	else if (s < 3600)
		snprintf(out, SHORT_SIZE, "%dm%02ds", (int)(s / 60), (int)(s % 60));
	else if (s < 86400)
		snprintf(
		    out, SHORT_SIZE, "%dh%02dm", (int)(s / 3600), (int)(s / 60 % 60));
	else
		snprintf(
		    out, SHORT_SIZE, "%dd%dh", (int)(s / 86400), (int)(s / 3600 % 24));
	return out;
}

static bool
time_of(const json_t *object, const char *key, int64_t *ret_ms)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text && rfc3339_parse(text, ret_ms);
}

char *
term_span(const json_t *object, int64_t now_ms, char out[SHORT_SIZE])
{
	int64_t begin, end = now_ms;

	out[0] = '\0';
	if (!time_of(object, "started_at", &begin))
		return out;
	(void)time_of(object, "finished_at", &end);
	return term_duration(end - begin, out);
}

char *
term_ago(const char *rfc3339, int64_t now_ms, char out[SHORT_SIZE])
{
	int64_t at;

	out[0] = '\0';
	return rfc3339_parse(rfc3339, &at) ? term_duration(now_ms - at, out) : out;
}

char *
term_bytes(int64_t bytes, char out[SHORT_SIZE])
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB" };
	double size = (double)bytes;
	size_t i = 0;

	while (size >= 1000 && i + 1 < ARRAY_LEN(units)) {
		size /= 1024;
		i++;
	}
	(void)snprintf(out, SHORT_SIZE, i > 0 && size < 10 ? "%.1f %s" : "%.0f %s", size, units[i]);
	return out;
}

/* --- tables --- */

void
table_init(struct table *table, size_t n_columns, const char *const *heads)
{
	*table = (struct table){ .n_columns = n_columns };
	for (size_t i = 0; i < n_columns; i++)
		table_add(table, STYLE_DIM, heads[i]);
}

void
table_add(struct table *table, enum term_style style, const char *text)
{
	if (table->n_cells >= table->cap) {
		table->cap = table->cap ? table->cap * 2 : 64;
		table->cells =
		    xreallocarray(table->cells, table->cap, sizeof *table->cells);
		table->styles =
		    xreallocarray(table->styles, table->cap, sizeof *table->styles);
	}
	table->cells[table->n_cells] = xstrdup(text);
	table->styles[table->n_cells++] = style;
}

void
table_print(struct table *table, const struct term *term)
{
	unsigned widths[TABLE_COLUMNS] = { 0 };
	struct buf out = { 0 };

	for (size_t i = 0; i < table->n_cells; i++) {
		unsigned width = term_columns(table->cells[i]);

		if (width > widths[i % table->n_columns])
			widths[i % table->n_columns] = width;
	}
	for (size_t i = 0; i < table->n_cells; i++) {
		size_t column = i % table->n_columns;
		bool last = column + 1 == table->n_columns;

		term_cell(term, &out, table->styles[i], table->cells[i],
		    last ? 0 : widths[column] + 2);
		if (last)
			buf_addc(&out, '\n');
		free(table->cells[i]);
	}
	term_write(term, &out);
	buf_release(&out);
	free(table->cells);
	free(table->styles);
}
