/* SPDX-License-Identifier: MIT */
/* Prints help from the table of commands. */
#include "cli/help.h"

#include "base/buf.h"

static void
add_head(const struct term *term, struct buf *out, const char *text)
{
	buf_addc(out, '\n');
	term_text(term, out, STYLE_BOLD, text);
	buf_addc(out, '\n');
}

static void
add_options(const struct term *term, struct buf *out, const struct cli_option *options)
{
	for (; options && options->name; options++) {
		struct buf name = { 0 };

		if (options->letter)
			buf_printf(&name, "-%c, ", options->letter);
		buf_printf(&name, "--%s%s%s", options->name, options->arg ? " " : "",
		    options->arg ? options->arg : "");
		buf_adds(out, "  ");
		term_cell(term, out, STYLE_CYAN, buf_text(&name), 26);
		buf_printf(out, " %s\n", options->help);
		buf_release(&name);
	}
}

void
help_overview(const struct term *term)
{
	struct buf out = { 0 };

	term_text(term, &out, STYLE_BOLD, "reeve");
	buf_adds(&out,
	    ": runs workflows on fleets of agents\n\n"
	    "usage: reeve [--url URL | --socket PATH] [--token-file F] [--json] "
	    "COMMAND\n");
	add_head(term, &out, "commands");
	for (const struct cli_command *c = cli_commands; c->name; c++) {
		buf_adds(&out, "  ");
		term_cell(term, &out, STYLE_CYAN, c->name, 12);
		buf_printf(&out, " %s\n", c->summary);
	}
	add_head(term, &out, "options");
	add_options(term, &out, cli_globals);
	buf_adds(&out, "\nreeve COMMAND --help tells more, with examples.\n");
	term_write(term, &out);
	buf_release(&out);
}

static void
add_usage(struct buf *out, const struct cli_command *command)
{
	buf_printf(out, "usage: reeve %s%s%s%s\n", command->name,
	    command->options ? " [OPTIONS]" : "", *command->args ? " " : "",
	    command->args);
}

void
help_command(const struct term *term, const struct cli_command *command)
{
	struct buf out = { 0 };

	term_text(term, &out, STYLE_BOLD, command->name);
	buf_printf(&out, ": %s\n\n", command->summary);
	add_usage(&out, command);
	if (command->about)
		buf_printf(&out, "\n%s\n", command->about);
	if (command->options) {
		add_head(term, &out, "options");
		add_options(term, &out, command->options);
	}
	add_head(term, &out, "everywhere");
	add_options(term, &out, cli_globals);
	add_head(term, &out, "examples");
	buf_adds(&out, command->examples);
	term_write(term, &out);
	buf_release(&out);
}

void
help_usage(const struct term *term, const struct cli_command *command)
{
	struct buf out = { 0 };

	if (command) {
		add_usage(&out, command);
		buf_printf(&out, "reeve %s --help tells more\n", command->name);
	} else {
		buf_adds(&out, "usage: reeve COMMAND; reeve --help lists the commands\n");
	}
	term_write(term, &out);
	buf_release(&out);
}

int
cmd_help(struct cli *cli, const struct cli_args *args)
{
	const struct cli_command *command;

	if (args->n_words == 0) {
		help_overview(&cli->out);
		return EXIT_DONE;
	}
	command = cli_command_find(args->words[0]);
	if (!command)
		return cli_fail(cli, EXIT_USAGE,
		    "there is no command \"%s\": reeve help lists them", args->words[0]);
	help_command(&cli->out, command);
	return EXIT_DONE;
}
