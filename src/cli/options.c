/* SPDX-License-Identifier: MIT */
/* Reads the command line by the tables of commands and options. */
#include "cli/options.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"

#define NAMES_MAX 64

struct parser {
	char **argv;
	int argc, at;
	const struct cli_command *command;
	struct cli_args args;
};

const struct cli_command *
cli_command_find(const char *name)
{
	for (const struct cli_command *c = cli_commands; c->name; c++) {
		if (strcmp(c->name, name) == 0)
			return c;
	}
	return NULL;
}

const char *
cli_get(const struct cli_args *args, const char *option)
{
	for (size_t i = args->n_given; i > 0; i--) {
		const struct cli_given *given = &args->given[i - 1];

		if (strcmp(given->option->name, option) == 0)
			return given->value ? given->value : "";
	}
	return NULL;
}

static const struct cli_option *
find_in(const struct cli_option *options, const char *name, size_t len, char letter)
{
	for (; options && options->name; options++) {
		if (letter ? options->letter == letter
			   : strlen(options->name) == len &&
				 strncmp(options->name, name, len) == 0)
			return options;
	}
	return NULL;
}

static const struct cli_option *
find_option(const struct parser *parser, const char *name, size_t len, char letter)
{
	const struct cli_option *option =
	    parser->command ? find_in(parser->command->options, name, len, letter) : NULL;

	return option ? option : find_in(cli_globals, name, len, letter);
}

static size_t
add_names(const char **names, size_t n, const struct cli_option *options)
{
	for (; options && options->name && n + 1 < NAMES_MAX; options++)
		names[n++] = options->name;
	return n;
}

static int
unknown_option(const struct parser *parser, const char *text, struct err *err)
{
	const char *names[NAMES_MAX] = { NULL };
	const char *near;
	char *name = xstrndup(text + 2, strcspn(text + 2, "="));
	size_t n = add_names(names, 0, cli_globals);

	if (parser->command)
		(void)add_names(names, n, parser->command->options);
	near = text[1] == '-' ? str_nearest(name, names) : NULL;
	free(name);
	return err_set(err, ERR_INVALID, "unknown option \"%s\"%s%s%s", text,
	    near ? ": did you mean \"--" : "", near ? near : "", near ? "\"?" : "");
}

static int
add_given(struct parser *parser, const struct cli_option *option, const char *attached,
    struct err *err)
{
	struct cli_args *args = &parser->args;
	const char *value = attached;

	if (!option->arg && attached)
		return err_set(
		    err, ERR_INVALID, "option \"--%s\" takes no value", option->name);
	if (option->arg && *option->arg == '[' && !attached &&
	    (parser->at + 1 >= parser->argc || *parser->argv[parser->at + 1] == '-')) {
		value = "";
	} else if (option->arg && !attached) {
		if (parser->at + 1 >= parser->argc)
			return err_set(err, ERR_INVALID,
			    "option \"--%s\" needs a value: --%s %s", option->name,
			    option->name, option->arg);
		value = parser->argv[++parser->at];
	}
	args->given[args->n_given++] = (struct cli_given){ option, value };
	return 0;
}

static int
take_option(struct parser *parser, const char *text, struct err *err)
{
	const struct cli_option *option;
	const char *attached;

	if (text[1] == '-') {
		size_t len = strcspn(text + 2, "=");

		option = find_option(parser, text + 2, len, '\0');
		attached = text[2 + len] ? text + 2 + len + 1 : NULL;
	} else {
		option = find_option(parser, NULL, 0, text[1]);
		attached = text[2] ? text + 2 : NULL;
	}
	if (!option)
		return unknown_option(parser, text, err);
	return add_given(parser, option, attached, err);
}

static int
unknown_command(const char *name, struct err *err)
{
	const char *names[NAMES_MAX] = { NULL };
	const char *near;
	size_t n = 0;

	for (const char *const *later = cli_later; *later; later++) {
		if (strcmp(*later, name) == 0)
			return err_set(err, ERR_INVALID,
			    "command \"%s\" is not supported yet", name);
	}
	for (const struct cli_command *c = cli_commands; c->name && n + 1 < NAMES_MAX;
	     c++)
		names[n++] = c->name;
	near = str_nearest(name, names);
	return err_set(err, ERR_INVALID, "unknown command \"%s\"%s%s%s", name,
	    near ? ": did you mean \"" : "", near ? near : "", near ? "\"?" : "");
}

static int
take_word(struct parser *parser, const char *text, struct err *err)
{
	if (parser->command) {
		parser->args.words[parser->args.n_words++] = text;
		return 0;
	}
	parser->command = cli_command_find(text);
	return parser->command ? 0 : unknown_command(text, err);
}

static int
check_words(const struct parser *parser, struct err *err)
{
	const struct cli_command *command = parser->command;
	size_t n = parser->args.n_words;

	if (!command || cli_get(&parser->args, "help"))
		return 0;
	if (n < command->min_words)
		return err_set(err, ERR_INVALID, "\"%s\" needs more: reeve %s %s",
		    command->name, command->name, command->args);
	if (n > command->max_words)
		return err_set(err, ERR_INVALID, "\"%s\" is too much for \"%s\"",
		    parser->args.words[command->max_words], command->name);
	return 0;
}

int
options_parse(int argc, char **argv, const struct cli_command **ret_command,
    struct cli_args *ret_args, struct err *err)
{
	struct parser parser = { .argv = argv, .argc = argc };
	bool words_only = false;
	int rc = 0;

	parser.args.words = xcalloc((size_t)argc + 1, sizeof *parser.args.words);
	parser.args.given = xcalloc((size_t)argc + 1, sizeof *parser.args.given);
	for (parser.at = 1; parser.at < argc && rc == 0; parser.at++) {
		const char *text = argv[parser.at];

		if (!words_only && strcmp(text, "--") == 0)
			words_only = true;
		else if (!words_only && text[0] == '-' && text[1])
			rc = take_option(&parser, text, err);
		else
			rc = take_word(&parser, text, err);
	}
	if (rc == 0)
		rc = check_words(&parser, err);
	*ret_command = parser.command;
	*ret_args = parser.args;
	return rc;
}

void
options_release(struct cli_args *args)
{
	free(args->words);
	free(args->given);
	*args = (struct cli_args){ 0 };
}
