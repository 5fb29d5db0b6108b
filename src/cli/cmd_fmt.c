/* SPDX-License-Identifier: MIT */
/* reeve fmt: rewrites workflow files to the canonical spelling. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "cli/file.h"
#include "model/faults.h"
#include "model/fmt.h"

struct formatted {
	struct buf before, after;
	bool comments;
};

/* Replaces the file in one step, so a reader never sees half of it. */
static int
replace_file(const struct cli *cli, const char *path, const struct buf *text)
{
	char *temporary = xasprintf("%s.XXXXXX~", path);
	struct stat st;
	int fd = mkostemps(temporary, 1, O_CLOEXEC);
	int rc = EXIT_DONE;

	if (fd < 0 || stat(path, &st) != 0 || fchmod(fd, st.st_mode & 0777) != 0 ||
	    write(fd, buf_text(text), text->len) != (ssize_t)text->len ||
	    fsync(fd) != 0 || rename(temporary, path) != 0) {
		rc = cli_fail(
		    cli, EXIT_FAILED, "cannot write \"%s\": %s", path, strerror(errno));
		if (fd >= 0)
			(void)unlink(temporary);
	}
	if (fd >= 0)
		close(fd);
	free(temporary);
	return rc;
}

static int
format_file(const struct cli *cli, const char *path, struct formatted *out)
{
	struct faults faults = { 0 };
	struct buf said = { 0 };
	struct err err = { 0 };
	int rc = EXIT_DONE;

	if (file_read(path, &out->before, &err) < 0)
		return cli_fail(cli,
		    err.code == ERR_NOT_FOUND ? EXIT_NOT_FOUND : EXIT_FAILED, "%s",
		    err.text);
	if (workflow_format(path, buf_text(&out->before), out->before.len, NULL, &faults,
		&out->after, &out->comments) < 0) {
		faults_render(&faults, path, &said);
		term_write(&cli->err, &said);
		rc = EXIT_FAILED;
	}
	buf_release(&said);
	faults_release(&faults);
	return rc;
}

static int
put(const struct cli *cli, const struct cli_args *args, const char *path,
    const struct formatted *text)
{
	bool same =
	    text->before.len == text->after.len &&
	    memcmp(buf_text(&text->before), buf_text(&text->after), text->after.len) == 0;

	if (cli_get(args, "check")) {
		if (!same)
			fprintf(cli->out.file, "%s: would change\n", path);
		return same ? EXIT_DONE : EXIT_FAILED;
	}
	if (!cli_get(args, "write")) {
		term_write(&cli->out, &text->after);
		return EXIT_DONE;
	}
	if (same)
		return EXIT_DONE;
	if (text->comments && !cli_get(args, "force"))
		return cli_fail(cli, EXIT_CONFLICT,
		    "\"%s\" has comments, which would be lost: --force rewrites it all "
		    "the same",
		    path);
	return replace_file(cli, path, &text->after);
}

int
cmd_fmt(struct cli *cli, const struct cli_args *args)
{
	int result = EXIT_DONE;

	if (cli_get(args, "check") && cli_get(args, "write"))
		return cli_fail(
		    cli, EXIT_USAGE, "--check and --write exclude each other");
	for (size_t i = 0; i < args->n_words; i++) {
		struct formatted text = { 0 };
		int rc = format_file(cli, args->words[i], &text);

		if (rc == EXIT_DONE)
			rc = put(cli, args, args->words[i], &text);
		if (result == EXIT_DONE)
			result = rc;
		buf_release(&text.before);
		buf_release(&text.after);
	}
	return result;
}
