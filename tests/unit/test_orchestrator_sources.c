/* SPDX-License-Identifier: MIT */
/* Texts that were submitted lately are known by all their bytes, few of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "orchestrator/sources.h"

static struct workflow *
find(struct sources *sources, const char *text)
{
	return sources_find(sources, "request", text, strlen(text));
}

static void
keep(struct sources *sources, const char *text, struct workflow *wf)
{
	sources_keep(sources, "request", text, strlen(text), wf);
}

/* One that only counts who holds it. */
static struct workflow *
definition(void)
{
	struct workflow *wf = xcalloc(1, sizeof *wf);

	wf->refs = 1;
	return wf;
}

static void
test_same(void **state)
{
	struct sources *sources = sources_new();
	struct workflow *a = definition(), *b = definition();

	(void)state;
	assert_null(find(sources, "a"));
	keep(sources, "a", a);
	assert_ptr_equal(find(sources, "a"), a);
	assert_null(find(sources, "ab"));
	assert_null(find(sources, "b"));
	assert_null(sources_find(sources, "other", "a", 1));
	sources_keep(sources, "request", "x\0y", 3, b);
	assert_ptr_equal(sources_find(sources, "request", "x\0y", 3), b);
	assert_null(sources_find(sources, "request", "x\0z", 3));
	assert_int_equal(a->refs, 2);
	sources_free(sources);
	assert_int_equal(a->refs, 1);
	workflow_unref(a);
	workflow_unref(b);
}

/* What was not used for longest goes. */
static void
test_few(void **state)
{
	struct sources *sources = sources_new();
	struct workflow *wf = definition();
	char text[16];

	(void)state;
	keep(sources, "first", wf);
	keep(sources, "second", wf);
	for (unsigned i = 2; i < SOURCES_MAX; i++) {
		snprintf(text, sizeof text, "%u", i);
		keep(sources, text, wf);
	}
	assert_non_null(find(sources, "first"));
	keep(sources, "one more", wf);
	assert_null(find(sources, "second"));
	assert_non_null(find(sources, "first"));
	assert_non_null(find(sources, "2"));
	assert_int_equal(wf->refs, 1 + SOURCES_MAX);
	sources_free(sources);
	workflow_unref(wf);
}

static void
test_small(void **state)
{
	struct sources *sources = sources_new();
	struct workflow *wf = definition();
	char *text = xcalloc(1, SOURCES_BYTES + 1);

	(void)state;
	keep(sources, "small", wf);
	sources_keep(sources, "request", text, SOURCES_BYTES + 1, wf);
	assert_non_null(find(sources, "small"));
	assert_int_equal(wf->refs, 2);
	sources_keep(sources, "request", text, SOURCES_BYTES - 4, wf);
	assert_null(find(sources, "small"));
	sources_keep(sources, "request", text, SOURCES_BYTES, wf);
	assert_int_equal(wf->refs, 2);
	assert_non_null(sources_find(sources, "request", text, SOURCES_BYTES));
	sources_free(sources);
	free(text);
	workflow_unref(wf);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_same),
		cmocka_unit_test(test_few),
		cmocka_unit_test(test_small),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
