/* SPDX-License-Identifier: MIT */
/* Remembers what the texts that were submitted lately mean. */
#include "orchestrator/sources.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

struct source {
	char *file, *text;
	size_t len;
	struct workflow *wf;
};

/* The one that was used last comes first. */
struct sources {
	struct source items[SOURCES_MAX];
	size_t n;
	size_t bytes;
};

struct sources *
sources_new(void)
{
	return xcalloc(1, sizeof(struct sources));
}

static void
drop_last(struct sources *sources)
{
	struct source *last = &sources->items[--sources->n];

	sources->bytes -= last->len;
	workflow_unref(last->wf);
	free(last->file);
	free(last->text);
}

void
sources_free(struct sources *sources)
{
	if (!sources)
		return;
	while (sources->n > 0)
		drop_last(sources);
	free(sources);
}

static void
put_first(struct sources *sources, size_t i)
{
	struct source used = sources->items[i];

	memmove(&sources->items[1], &sources->items[0], i * sizeof used);
	sources->items[0] = used;
}

struct workflow *
sources_find(struct sources *sources, const char *file, const char *text, size_t len)
{
	for (size_t i = 0; i < sources->n; i++) {
		const struct source *source = &sources->items[i];

		if (source->len != len || memcmp(source->text, text, len) != 0 ||
		    strcmp(source->file, file) != 0)
			continue;
		put_first(sources, i);
		return sources->items[0].wf;
	}
	return NULL;
}

void
sources_keep(struct sources *sources, const char *file, const char *text, size_t len,
    struct workflow *wf)
{
	if (len > SOURCES_BYTES)
		return;
	while (sources->n == SOURCES_MAX || sources->bytes + len > SOURCES_BYTES)
		drop_last(sources);
	sources->items[sources->n] = (struct source){ .file = xstrdup(file),
		.text = xmemdup(text, len), .len = len, .wf = workflow_ref(wf) };
	sources->bytes += len;
	put_first(sources, sources->n++);
}
