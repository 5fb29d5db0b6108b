/* SPDX-License-Identifier: MIT */
/* Prints an option table as a commented YAML file and as the options of --help. */
#include "base/config.h"

#include <string.h>

#include "base/clock.h"

#define WIDTH 78
#define HELP_COLUMN 30

static const char *const type_names[] = {
	[CONFIG_STRING] = "text",
	[CONFIG_BOOL] = "true or false",
	[CONFIG_I64] = "number",
	[CONFIG_DURATION] = "duration",
	[CONFIG_SIZE] = "size",
	[CONFIG_ENUM] = "one of",
	[CONFIG_COUNT] = "number, also as 500K or 2M",
	[CONFIG_DECIMAL] = "number, also with a fraction",
};

static const char *const arg_names[] = {
	[CONFIG_STRING] = "TEXT",
	[CONFIG_BOOL] = "",
	[CONFIG_I64] = "N",
	[CONFIG_DURATION] = "DURATION",
	[CONFIG_SIZE] = "SIZE",
	[CONFIG_ENUM] = "NAME",
	[CONFIG_COUNT] = "N",
	[CONFIG_DECIMAL] = "N",
};

/* Words of text in lines of at most WIDTH columns; the first line is at `column`. */
static void
add_wrapped(struct buf *out, const char *text, const char *indent, size_t column)
{
	bool first = true; /* in its line */
	size_t len;

	for (text += strspn(text, " "); *text; text += len, text += strspn(text, " ")) {
		len = strcspn(text, " ");
		if (!first && column + 1 + len > WIDTH) {
			buf_printf(out, "\n%s", indent);
			column = strlen(indent);
			first = true;
		}
		if (!first) {
			buf_addc(out, ' ');
			column++;
		}
		buf_add(out, text, len);
		column += len;
		first = false;
	}
	buf_addc(out, '\n');
}

static void
add_bound(struct buf *out, const struct config_option *option, const char *word, int64_t bound)
{
	char text[DURATION_SIZE];

	buf_adds(out, word);
	if (option->type == CONFIG_DURATION)
		buf_adds(out, duration_format(bound, text));
	else if (option->type == CONFIG_DECIMAL)
		buf_printf(out, "%.10g", (double)bound / 1000);
	else
		buf_addi(out, bound);
	if (option->type == CONFIG_SIZE)
		buf_adds(out, " bytes");
}

/* "duration, 1s to 10m; --poll, REEVE_POLL; reloadable" */
static void
add_facts(struct buf *out, const struct config_option *option)
{
	bool number = option->type == CONFIG_I64 || option->type == CONFIG_DURATION ||
	    option->type == CONFIG_SIZE || option->type == CONFIG_COUNT ||
	    option->type == CONFIG_DECIMAL;
	size_t i;

	buf_adds(out, type_names[option->type]);
	for (i = 0; option->type == CONFIG_ENUM && option->values[i]; i++)
		buf_printf(out, "%s %s", i > 0 ? "," : "", option->values[i]);
	if (number && (option->min != 0 || option->max != 0))
		add_bound(out, option, ", from ", option->min);
	if (number && option->max != 0)
		add_bound(out, option, " to ", option->max);
	if (option->flag)
		buf_printf(out, "; --%s", option->flag);
	if (option->env)
		buf_printf(out, "; %s", option->env);
	if (option->flags & CONFIG_RELOADABLE)
		buf_adds(out, "; reloadable");
	if (option->flags & CONFIG_SECRET)
		buf_adds(out, "; secret");
}

static void
add_comment(struct buf *out, const char *indent, const char *text)
{
	struct buf lead = { 0 };

	buf_printf(&lead, "%s# ", indent);
	buf_adds(out, buf_text(&lead));
	add_wrapped(out, text, buf_text(&lead), lead.len);
	buf_release(&lead);
}

/* It stands for a name that the user gives: there is none by default. */
static bool
is_name(const char *part, size_t len)
{
	return len == strlen("NAME") && memcmp(part, "NAME", len) == 0;
}

/*
 * Opens the maps that key is in and last was not, as "redis:" lines; returns how
 * deep the key stands and where its last part begins.
 */
static size_t
add_parents(struct buf *out, const char *last, const char *key, const char **ret_name)
{
	size_t depth = 0, len;
	bool same = true, named = false;

	for (; (len = strcspn(key, ".")), key[len] == '.'; key += len + 1, depth++) {
		same = same && strncmp(last, key, len + 1) == 0;
		named = named || is_name(key, len); /* and all that stands below it */
		if (!same)
			buf_printf(out, "%*s%s%.*s:\n", (int)(2 * depth), "",
			    named ? "# " : "", (int)len, key);
		else
			last += len + 1;
	}
	*ret_name = key;
	return depth;
}

static void
add_setting(struct buf *out, const struct config_option *option, const char *last)
{
	struct buf indent = { 0 }, facts = { 0 };
	const char *name, *text = option->initial ? option->initial : "";
	size_t depth = add_parents(out, last, option->key, &name);

	buf_printf(&indent, "%*s", (int)(2 * depth), "");
	add_comment(out, buf_text(&indent), option->help ? option->help : "");
	add_facts(&facts, option);
	buf_addc(&facts, '.');
	add_comment(out, buf_text(&indent), buf_text(&facts));
	buf_printf(out, "%s%s%s: ", buf_text(&indent), strstr(option->key, ".NAME.") ? "# " : "",
	    name);
	if (option->type == CONFIG_STRING)
		buf_add_json(out, text, strlen(text));
	else
		buf_adds(out, text);
	buf_addc(out, '\n');
	buf_release(&indent);
	buf_release(&facts);
}

void
config_print_yaml(const struct config_option *table, struct buf *out)
{
	const struct config_option *option;

	for (option = table; option->key; option++) {
		if (option > table)
			buf_addc(out, '\n');
		add_setting(out, option, option > table ? option[-1].key : "");
	}
}

static void
add_help(struct buf *out, const struct config_option *option)
{
	const char *arg = option->arg ? option->arg : arg_names[option->type];
	struct buf head = { 0 }, text = { 0 }, indent = { 0 };

	buf_printf(&indent, "%*s", HELP_COLUMN, "");
	if (option->letter)
		buf_printf(&head, "  -%c, --%s", option->letter, option->flag);
	else
		buf_printf(&head, "      --%s", option->flag);
	if (*arg)
		buf_printf(&head, " %s", arg);
	buf_adds(&text, option->help ? option->help : "");
	if (option->initial && *option->initial && option->type != CONFIG_BOOL)
		buf_printf(&text, " (default %s)", option->initial);
	if (option->env)
		buf_printf(&text, " [%s]", option->env);
	buf_adds(out, buf_text(&head));
	if (head.len + 2 > HELP_COLUMN)
		buf_printf(out, "\n%s", buf_text(&indent));
	else
		buf_printf(out, "%*s", (int)(HELP_COLUMN - head.len), "");
	add_wrapped(out, buf_text(&text), buf_text(&indent), HELP_COLUMN);
	buf_release(&head);
	buf_release(&text);
	buf_release(&indent);
}

void
config_print_help(const struct config_option *table, struct buf *out)
{
	const struct config_option *option;

	for (option = table; option->key; option++)
		if (option->flag)
			add_help(out, option);
}
