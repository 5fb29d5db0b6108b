/* SPDX-License-Identifier: MIT */
/*
 * Events as they stand in the stream `ev`: one packed entry a commit.
 *
 * Field `at` is the wall time in ms; field `e` holds one line an event, fields
 * parted by tabs:  CODE RUN TASK ATTEMPT AGENT DATA.  CODE is two letters for a
 * type of the table in events.c, or the type itself; RUN is empty when it is
 * that of the line before and "-" when it belongs to none; trailing empty fields are left out; DATA is a compact
 * JSON object.  The id of an event is ENTRY:INDEX, INDEX from 0.
 */
#ifndef REEVE_STORE_EVENTS_H
#define REEVE_STORE_EVENTS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "engine/effect.h"

/*
 * Events "audit.*" (who asked for what) stand in the stream `audit` too, in the same
 * packing: that one is kept by age.
 */
struct event_packer {
	struct buf text;
	struct buf audit;
	const struct run *last_run;
};

/* Adds the events that an effect stands for (most are one, some none). */
void event_pack(struct event_packer *packer, const struct effect *effect);

/* A line taken apart; the parts are not terminated. */
struct event_view {
	const char *type; /* terminated, static when known, else points into type_text */
	char type_text[64];
	char run[32];
	const char *task, *attempt, *agent, *data;
	size_t task_len, attempt_len, agent_len, data_len;
};

/*
 * Walks the lines of a packed entry: *at starts at text and ends at text + len.
 * view carries the run from line to line: zero it before the first.
 */
bool event_unpack(const char **at, const char *end, struct event_view *view);

#endif
