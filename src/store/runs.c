/* SPDX-License-Identifier: MIT */
/* Writes the hashes of runs: neighbours that change in the same fields name these once. */
#include <stdlib.h>
#include <string.h>

#include "store/encode_private.h"

#define RUNS_MAX 400 /* a group: Lua's unpack is limited */

/* Runs in a row that change in the same fields. */
struct group {
	bool fresh;
	const char **names; /* every other one: of a run's fields */
	size_t n_names, n_runs;
	struct args values; /* for each run its id and a value a field */
};

static bool
fits(const struct group *group, bool fresh, const struct args *fields)
{
	if (group->n_runs == 0 || group->n_runs == RUNS_MAX || group->fresh != fresh ||
	    2 * group->n_names != fields->len)
		return false;
	for (size_t i = 0; i < group->n_names; i++) {
		if (strcmp(group->names[2 * i], fields->v[2 * i]) != 0)
			return false;
	}
	return true;
}

static void
end_group(struct encoder *enc, struct group *group)
{
	if (group->n_runs > 0) {
		args_adds(&enc->runs_section, group->fresh ? "new" : "old");
		args_num(&enc->runs_section, enc->arena, group->n_runs);
		args_num(&enc->runs_section, enc->arena, group->n_names);
		for (size_t i = 0; i < group->n_names; i++)
			args_adds(&enc->runs_section, group->names[2 * i]);
		args_append(&enc->runs_section, &group->values);
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
	if (!fits(group, bucket->fresh, fields)) {
		end_group(enc, group);
		group->fresh = bucket->fresh;
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
