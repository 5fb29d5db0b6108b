/* SPDX-License-Identifier: MIT */
/* Reads reeve.yaml: nested maps become dotted keys of the option table. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "model/yaml.h"
#include "orchestrator/readfile.h"
#include "orchestrator/settings.h"

#define FILE_MAX ((size_t)1 << 20)

struct reader {
	struct config *config;
	const char *path;
	settings_fault_fn *fn;
	void *arg;
	int faults;
};

static void
fault(struct reader *reader, const struct yaml_node *node, const char *text)
{
	char *line = xasprintf("%s:%u:%u: error: %s", reader->path, node ? node->line : 1,
	    node ? node->column : 1, text);

	reader->fn(reader->arg, line);
	reader->faults++;
	free(line);
}

static void
set(struct reader *reader, const char *key, const struct yaml_node *node)
{
	bool null = node->style == YAML_PLAIN &&
	    (node->len == 0 || strcmp(node->text, "~") == 0 || strcmp(node->text, "null") == 0);
	struct err err = { 0 };

	/* A key without a value is one that somebody left to its default. */
	if (!null && config_set(reader->config, key, node->text, CONFIG_FILE, NULL, &err) != 0)
		fault(reader, node, err.text);
}

/* Depth is bounded by the reader of YAML. */
static void
walk(struct reader *reader, const char *prefix, const struct yaml_node *map)
{
	const struct yaml_node *name, *value;
	char *key, *text;

	for (name = map->first; name; name = value->next) {
		value = name->next;
		key = xasprintf("%s%s%s", prefix, *prefix ? "." : "", name->text);
		if (value->kind == YAML_MAP) {
			walk(reader, key, value);
		} else if (value->kind == YAML_SCALAR) {
			set(reader, key, value);
		} else {
			text = xasprintf("'%s' takes one value, not a list", key);
			fault(reader, value, text);
			free(text);
		}
		free(key);
	}
}

static void
read_tree(struct reader *reader, const struct yaml_file *file)
{
	const struct yaml_node *root = file->n_documents > 0 ? file->documents[0] : NULL;

	if (file->n_documents > 1)
		fault(reader, file->documents[1], "a configuration file has one document");
	else if (root && root->kind == YAML_MAP)
		walk(reader, "", root);
	else if (root && !(root->kind == YAML_SCALAR && root->len == 0))
		fault(reader, root, "a configuration file holds a map of keys");
}

/* Faults of the YAML itself come one a line. */
static void
tell_lines(struct reader *reader, char *lines)
{
	char *rest = lines, *line;

	while ((line = strsep(&rest, "\n")))
		if (*line) {
			reader->fn(reader->arg, line);
			reader->faults++;
		}
}

int
settings_read_file(struct config *config, const char *path, settings_fault_fn *fn, void *arg)
{
	struct reader reader = { config, path, fn, arg, 0 };
	struct yaml_file file = { 0 };
	struct faults faults = { 0 };
	struct buf text = { 0 }, lines = { 0 };
	struct err err = { 0 };

	if (readfile(path, FILE_MAX, true, &text, NULL, &err) != 0) {
		fault(&reader, NULL, err.text);
	} else if (text.len > 0 && yaml_parse(text.data, text.len, NULL, &faults, &file) != 0) {
		faults_render(&faults, path, &lines);
		tell_lines(&reader, lines.data);
	} else {
		read_tree(&reader, &file);
	}
	yaml_file_release(&file);
	faults_release(&faults);
	buf_release(&lines);
	buf_release(&text);
	return reader.faults;
}
