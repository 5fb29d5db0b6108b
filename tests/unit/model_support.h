/* SPDX-License-Identifier: MIT */
/* Shared by the unit tests of the model. */
#ifndef REEVE_TESTS_MODEL_SUPPORT_H
#define REEVE_TESTS_MODEL_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "model/faults.h"
#include "model/load.h"

/* All faults of a text as printed, "" if none; the caller frees. */
static inline char *
load_faults(const char *file, const char *text, size_t len, const struct model_limits *limits)
{
	struct faults faults = { 0 };
	struct workflow **list = NULL;
	struct buf out = { 0 };
	size_t n = 0;
	int rc = workflow_load(file, text, len, limits, &faults, &list, &n);

	faults_render(&faults, file, &out);
	assert_true((rc == 0) == (faults.n_errors == 0));
	workflow_list_free(list, n);
	faults_release(&faults);
	return buf_steal(&out);
}

/* The one workflow of a text that must be faultless. */
static inline struct workflow *
load_one(const char *text)
{
	struct faults faults = { 0 };
	struct workflow **list = NULL, *wf;
	struct buf out = { 0 };
	size_t n = 0;

	if (workflow_load("test.yaml", text, strlen(text), NULL, &faults, &list, &n) != 0) {
		faults_render(&faults, "test.yaml", &out);
		fail_msg("%s", buf_text(&out));
	}
	assert_int_equal(n, 1);
	wf = workflow_ref(list[0]);
	workflow_list_free(list, n);
	faults_release(&faults);
	return wf;
}

/* A file below tests/data/model; the caller frees. */
static inline char *
read_data(const char *name, size_t *ret_len)
{
	const char *top = getenv("srcdir");
	char path[1024];
	char *text = calloc(1, 1 << 20);
	FILE *file;

	snprintf(path, sizeof path, "%s/tests/data/model/%s", top != NULL ? top : ".", name);
	file = fopen(path, "rb");
	if (file == NULL)
		fail_msg("%s is missing", path);
	*ret_len = fread(text, 1, (1 << 20) - 1, file);
	fclose(file);
	return text;
}

#endif
