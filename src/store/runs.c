/* SPDX-License-Identifier: MIT */
/* Writes the hashes of runs: neighbours that change in the same fields name these once. */
#include <stdlib.h>
#include <string.h>

#include "store/encode_private.h"
#include "store/record.h"

static const char *const MODES[] = { [RUN_OLD] = "old", [RUN_SURE] = "sure",
	[RUN_FRESH] = "new" };

#define RUNS_MAX 400 /* a group: Lua's unpack is limited */

/* Fields of a run that are written by one call. */
struct part {
	const struct run_field *first;
	size_t n;
};

/* Runs in a row that change in the same fields. */
struct group {
	enum run_mode mode;
	struct part names; /* the fields of the first of them */
	size_t n_runs;
	struct args values; /* for each run its id and a value a field */
};

static bool
fits(const struct group *group, enum run_mode mode, const struct part *part)
{
	const struct run_field *a = group->names.first, *b = part->first;

	if (group->n_runs == 0 || group->n_runs == RUNS_MAX || group->mode != mode ||
	    group->names.n != part->n)
		return false;
	for (size_t i = 0; i < part->n; i++, a = a->next, b = b->next) {
		if (strcmp(a->name, b->name) != 0)
			return false;
	}
	return true;
}

/* Names, and then id and values of each run. */
static void
add_table(struct args *section, const struct group *group)
{
	const struct run_field *field = group->names.first;

	for (size_t i = 0; i < group->names.n; i++, field = field->next)
		args_adds(section, field->name);
	args_append(section, &group->values);
}

/* The id, and then names and values, as HSET takes them. */
static void
add_pairs(struct args *section, const struct group *group)
{
	const struct run_field *field = group->names.first;

	args_add(section, group->values.v[0], group->values.n[0]);
	for (size_t i = 0; i < group->names.n; i++, field = field->next) {
		args_adds(section, field->name);
		args_add(section, field->value, field->len);
	}
}

static void
end_group(struct encoder *enc, struct group *group)
{
	struct args *section = &enc->runs_section;

	if (group->n_runs > 0) {
		args_adds(section, MODES[group->mode]);
		args_count(section, group->n_runs);
		args_count(section, group->names.n);
		if (group->n_runs == 1)
			add_pairs(section, group);
		else
			add_table(section, group);
		enc->n_runs++;
	}
	group->n_runs = 0;
	group->values.len = 0;
}

static void
add_run(struct encoder *enc, struct group *group, const struct run_bucket *bucket,
    const struct part *part)
{
	const struct run_field *field = part->first;

	if (!fits(group, bucket->mode, part)) {
		end_group(enc, group);
		group->mode = bucket->mode;
		group->names = *part;
	}
	args_adds(&group->values, bucket->run->id.text);
	for (size_t i = 0; i < part->n; i++, field = field->next)
		args_add(&group->values, field->value, field->len);
	group->n_runs++;
}

/* The next fields from *at on, as many as one call takes; *at moves behind them. */
static struct part
next_part(const struct run_field **at)
{
	struct part part = { *at, 0 };

	for (; *at && part.n < HSET_FIELDS / 2; *at = (*at)->next)
		part.n++;
	return part;
}

static void
write_head(struct encoder *enc, struct run_bucket *bucket)
{
	if (!bucket->head)
		return;
	run_record_write(&enc->text, bucket->run, bucket->record);
	bucket->head->value = arena_strndup(enc->arena, enc->text.data, enc->text.len);
	bucket->head->len = enc->text.len;
	buf_clear(&enc->text);
}

void
enc_runs(struct encoder *enc)
{
	struct run_bucket *bucket;
	struct group group = { 0 };

	for (bucket = enc->runs; bucket; bucket = bucket->hh.next) {
		const struct run_field *at = bucket->first;

		write_head(enc, bucket);
		if (bucket->moves)
			enc_list(enc, bucket->run);
		while (at) {
			struct part part = next_part(&at);

			add_run(enc, &group, bucket, &part);
		}
	}
	end_group(enc, &group);
	args_release(&group.values);
	HASH_CLEAR(hh, enc->runs); /* the buckets lie in the arena */
}
