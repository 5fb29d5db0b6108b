/* SPDX-License-Identifier: MIT */
/* Runs in arrays, some requests under way at a time. */
#include "bench/submit.h"

#include <string.h>

void
submitter_init(struct submitter *sub)
{
	*sub = (struct submitter){ 0 };
	for (size_t i = 0; i < SUBMIT_LINES; i++)
		sub->lines[i].fd = -1;
}

int
submitter_open(struct submitter *sub, const struct place *place,
    const struct shape *shape, struct err *err)
{
	struct buf yaml = { 0 };
	int rc = 0;

	if (place->setting.source)
		shape_add_yaml(shape, &yaml);
	buf_adds(&sub->item, place->setting.source ? "{\"source\":" : "{\"workflow\":");
	if (place->setting.source)
		buf_add_json(&sub->item, yaml.data, yaml.len);
	else
		buf_add_json(
		    &sub->item, shape->kind->workflow, strlen(shape->kind->workflow));
	sub->numbered = shape->numbered;
	for (size_t i = 0; i < SUBMIT_LINES && rc == 0; i++)
		rc = http_line_connect(&sub->lines[i], place->http_socket, err);
	buf_release(&yaml);
	return rc;
}

void
submitter_close(struct submitter *sub)
{
	for (size_t i = 0; i < SUBMIT_LINES; i++)
		http_line_close(&sub->lines[i]);
	buf_release(&sub->item);
}

int
submit_take(struct http_line *line, struct err *err)
{
	int rc = http_line_take(line, 201, err);

	return rc < 0 ? err_prefix(err, "a submission") : 0;
}

struct http_line *
submitter_idle(struct submitter *sub)
{
	for (size_t i = 0; i < SUBMIT_LINES; i++) {
		if (!sub->lines[i].open)
			return &sub->lines[i];
	}
	return NULL;
}

int
submit_some(struct submitter *sub, struct http_line *line, size_t first, size_t n,
    struct err *err)
{
	struct buf body = { 0 };
	int rc;

	for (size_t i = 0; i < n; i++) {
		buf_addc(&body, i ? ',' : '[');
		buf_add(&body, sub->item.data, sub->item.len);
		if (sub->numbered) {
			buf_adds(&body, ",\"params\":{\"i\":");
			buf_addu(&body, first + i);
			buf_addc(&body, '}');
		}
		buf_addc(&body, '}');
	}
	buf_addc(&body, ']');
	rc = http_line_send(line, "/api/v1/runs", &body, err);
	buf_release(&body);
	return rc;
}

int
submit_all(struct submitter *sub, size_t runs, struct err *err)
{
	int rc = 0;

	for (size_t sent = 0, slot = 0; sent < runs && rc == 0;
	     slot = (slot + 1) % SUBMIT_LINES) {
		struct http_line *line = &sub->lines[slot];
		size_t n = runs - sent < SUBMIT_RUNS ? runs - sent : SUBMIT_RUNS;

		if (line->open)
			rc = submit_take(line, err);
		if (rc == 0)
			rc = submit_some(sub, line, sent, n, err);
		sent += n;
	}
	for (size_t i = 0; i < SUBMIT_LINES && rc == 0; i++) {
		if (sub->lines[i].open)
			rc = submit_take(&sub->lines[i], err);
	}
	return rc;
}
