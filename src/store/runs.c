/* SPDX-License-Identifier: MIT */
/* Writes the hashes of runs: neighbours that change in the same fields name these once. */
#include <stdlib.h>
#include <string.h>

#include "store/encode_private.h"

static const char *const MODES[] = { [RUN_OLD] = "old", [RUN_SURE] = "sure",
	[RUN_FRESH] = "new" };

#define RUNS_MAX 400 /* a group: Lua's unpack is limited */

/* Runs in a row that change in the same fields. */
struct group {
	enum run_mode mode;
	const char **names; /* every other one: of a run's fields */
	size_t n_names, n_runs;
	struct args values; /* for each run its id and a value a field */
};

static bool
fits(const struct group *group, enum run_mode mode, const struct args *fields)
{
	if (group->n_runs == 0 || group->n_runs == RUNS_MAX || group->mode != mode ||
	    2 * group->n_names != fields->len)
		return false;
	for (size_t i = 0; i < group->n_names; i++) {
		if (strcmp(group->names[2 * i], fields->v[2 * i]) != 0)
			return false;
	}
	return true;
}

/* Names, and then id and values of each run. */
static void
add_table(struct args *section, const struct group *group)
{
	for (size_t i = 0; i < group->n_names; i++)
		args_adds(section, group->names[2 * i]);
	args_append(section, &group->values);
}

/* The id, and then names and values, as HSET takes them. */
static void
add_pairs(struct args *section, const struct group *group)
{
	const struct args *values = &group->values;

	args_add(section, values->v[0], values->n[0]);
	for (size_t i = 0; i < group->n_names; i++) {
		args_adds(section, group->names[2 * i]);
		args_add(section, values->v[1 + i], values->n[1 + i]);
	}
}

static void
end_group(struct encoder *enc, struct group *group)
{
	struct args *section = &enc->runs_section;

	if (group->n_runs > 0) {
		args_adds(section, MODES[group->mode]);
		args_num(section, enc->arena, group->n_runs);
		args_num(section, enc->arena, group->n_names);
		if (group->n_runs == 1)
			add_pairs(section, group);
		else
			add_table(section, group);
		enc->n_runs++;
	}
	group->n_runs = 0;
	group->values.len = 0;
}

/* fields outlive the group. */
static void
add_run(struct encoder *enc, struct group *group, const struct run_bucket *bucket,
    const struct args *fields)
{
	if (!fits(group, bucket->mode, fields)) {
		end_group(enc, group);
		group->mode = bucket->mode;
		group->names = fields->v;
		group->n_names = fields->len / 2;
	}
	args_adds(&group->values, bucket->run->id.text);
	for (size_t i = 1; i < fields->len; i += 2)
		args_add(&group->values, fields->v[i], fields->n[i]);
	group->n_runs++;
}

void
enc_runs(struct encoder *enc)
{
	struct run_bucket *bucket, *next;
	struct group group = { 0 };

	for (bucket = enc->runs; bucket; bucket = bucket->hh.next) {
		for (size_t at = 0; at < bucket->fields.len; at += HSET_FIELDS) {
			size_t left = bucket->fields.len - at;
			size_t n = left < HSET_FIELDS ? left : HSET_FIELDS;
			struct args part = { bucket->fields.v + at, bucket->fields.n + at, n, n };

			add_run(enc, &group, bucket, &part);
		}
	}
	end_group(enc, &group);
	args_release(&group.values);
	HASH_ITER(hh, enc->runs, bucket, next) {
		HASH_DEL(enc->runs, bucket);
		args_release(&bucket->fields);
		free(bucket);
	}
}
