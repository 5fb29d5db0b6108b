/* SPDX-License-Identifier: MIT */
/* Templates of each kind on any text: a shell line never holds a value's text. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "model/jread.h"
#include "model/template.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MARK "q7Zmark"

static const char *
object(void *ctx)
{
	(void)ctx;
	return "{\"a\":\"" MARK "\",\"b\":[1,null]}";
}

static const char *
text(void *ctx, const char *name)
{
	(void)ctx;
	(void)name;
	return MARK;
}

static const char *
outputs(void *ctx, uint32_t task)
{
	(void)task;
	return object(ctx);
}

static const char *
status(void *ctx, uint32_t task)
{
	(void)ctx;
	(void)task;
	return MARK;
}

static void
variable(void *ctx, const char *name, const char *value, size_t len)
{
	(void)ctx;
	if (strncmp(name, "REEVE_V", 7) != 0 || strlen(value) != len)
		abort();
}

static void
try_kind(enum template_kind kind, const char *source, size_t len)
{
	struct scope scope = { NULL, object, text, text, outputs, status, 0 };
	struct arena arena = { 0 };
	struct template *tpl = NULL;
	struct buf out = { 0 };

	if (template_parse(&arena, kind, source, len, NULL, NULL, &tpl) == 0 &&
	    template_render(tpl, &scope, &out, NULL) == 0) {
		if (kind == TEMPLATE_JSON && !jread_valid(buf_text(&out), out.len))
			abort();
		if (kind == TEMPLATE_SHELL && strstr(source, MARK) == NULL &&
		    strstr(buf_text(&out), MARK) != NULL)
			abort();
		template_render_env(tpl, &scope, variable, NULL, NULL);
	}
	arena_release(&arena);
	buf_release(&out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *source;
	struct buf json = { 0 };

	if (size > 0 && memchr(data, '\0', size) != NULL)
		return 0;
	if (!str_is_utf8((const char *)data, size))
		return 0;
	source = calloc(1, size + 1);
	if (size > 0)
		memcpy(source, data, size);
	try_kind(TEMPLATE_TEXT, source, size);
	try_kind(TEMPLATE_SHELL, source, size);
	if (jread_valid(source, size) && size < 4096)
		try_kind(TEMPLATE_JSON, source, size);
	buf_addc(&json, '[');
	buf_add_json(&json, source, size);
	buf_addc(&json, ']');
	try_kind(TEMPLATE_JSON, json.data, json.len);
	buf_release(&json);
	free(source);
	return 0;
}
