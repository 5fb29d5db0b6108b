/* SPDX-License-Identifier: MIT */
/* Reads reeve.yaml into the option table. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "model/config_file.h"
#include "orchestrator/readfile.h"
#include "orchestrator/settings.h"

#define FILE_MAX ((size_t)1 << 20)

/* Groups that the user names. */
static const char *const named[] = { "pools", NULL };

/* A key without a value is one that somebody left to its default. */
static int
take(void *arg, const struct config_value *value, struct err *err)
{
	if (!*value->text)
		return 0;
	return config_set(arg, value->key, value->text, CONFIG_FILE, NULL, err);
}

static int
tell_lines(char *lines, settings_fault_fn *fn, void *arg)
{
	char *rest = lines, *line;
	int n = 0;

	while ((line = strsep(&rest, "\n")))
		if (*line) {
			fn(arg, line);
			n++;
		}
	return n;
}

int
settings_read_file(struct config *config, const char *path, settings_fault_fn *fn, void *arg)
{
	struct faults faults = { 0 };
	struct buf text = { 0 }, lines = { 0 };
	struct err err = { 0 };
	int n = 0;

	if (readfile(path, FILE_MAX, true, &text, NULL, &err) != 0)
		buf_printf(&lines, "%s:1:1: error: %s", path, err.text);
	else if (config_file_read(buf_text(&text), text.len, NULL, named, &faults, take, config) != 0)
		faults_render(&faults, path, &lines);
	if (lines.len > 0)
		n = tell_lines(lines.data, fn, arg);
	faults_release(&faults);
	buf_release(&lines);
	buf_release(&text);
	return n;
}
