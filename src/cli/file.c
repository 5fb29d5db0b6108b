/* SPDX-License-Identifier: MIT */
/* Reads and checks workflow files for the commands that need no daemon. */
#include "cli/file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/str.h"
#include "model/faults.h"
#include "model/load.h"

#define FILE_MAX (17u << 20) /* the loader has the exact limit */

bool
file_is_path(const char *word)
{
	struct stat st;

	return strcmp(word, "-") == 0 || strchr(word, '/') || str_ends(word, ".yaml") ||
	       str_ends(word, ".yml") || (stat(word, &st) == 0 && S_ISREG(st.st_mode));
}

int
file_read(const char *path, struct buf *ret_text, struct err *err)
{
	char bytes[65536];
	bool is_stdin = strcmp(path, "-") == 0;
	ssize_t n = -1;
	int fd = is_stdin ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);

	while (fd >= 0 && ret_text->len < FILE_MAX &&
	       (n = read(fd, bytes, sizeof bytes)) > 0)
		buf_add(ret_text, bytes, (size_t)n);
	if (n < 0)
		err_set(err, errno == ENOENT ? ERR_NOT_FOUND : ERR_FAILED,
		    "cannot read \"%s\": %s", path, strerror(errno));
	if (fd >= 0 && !is_stdin)
		close(fd);
	if (n < 0)
		return errno == ENOENT ? ERR_NOT_FOUND : ERR_FAILED;
	return 0;
}

int
file_load(
    const struct cli *cli, const char *path, struct workflow ***ret_list, size_t *ret_n)
{
	struct buf text = { 0 }, said = { 0 };
	struct faults faults = { 0 };
	struct err err = { 0 };
	int rc = file_read(path, &text, &err);

	if (rc < 0) {
		rc = cli_fail(cli, rc == ERR_NOT_FOUND ? EXIT_NOT_FOUND : EXIT_FAILED,
		    "%s", err.text);
		goto out;
	}
	rc = workflow_load(
		 path, buf_text(&text), text.len, NULL, &faults, ret_list, ret_n) < 0
		 ? EXIT_FAILED
		 : EXIT_DONE;
	faults_render(&faults, path, &said);
	term_write(&cli->err, &said);
out:
	faults_release(&faults);
	buf_release(&said);
	buf_release(&text);
	return rc;
}
