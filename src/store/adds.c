/* SPDX-License-Identifier: MIT */
/* Writes entries of streams: what all of a queue's have in common once, the rest each time. */
#include <stdlib.h>
#include <string.h>

#include "store/encode_private.h"

#define EVENTS_MIN 100
#define ENTRY_OVERHEAD 100 /* bytes of a stream's entry beside its text, about */
#define FIELDS_MAX 16
#define AUDIT_TRIM_MS 60000 /* by age: what was kept for 90 days may stay a minute more */

/* Every n-th value from the first on is the same. */
static bool
is_common(const struct args *values, size_t first, size_t n)
{
	for (size_t i = first + n; i < values->len; i += n) {
		if (values->n[i] != values->n[first] ||
		    (values->v[i] != values->v[first] &&
			memcmp(values->v[i], values->v[first], values->n[i]) != 0))
			return false;
	}
	return true;
}

/* What is not common, entry by entry. */
static void
add_values(struct args *section, const struct args *values, size_t n, const size_t *places,
    size_t n_places)
{
	for (size_t entry = 0; entry < values->len; entry += n) {
		for (size_t k = 0; k < n_places; k++)
			args_add(section, values->v[entry + places[k]],
			    values->n[entry + places[k]]);
	}
}

void
enc_entries(struct encoder *enc, struct args *section, const char *key, const char *minid,
    const struct args *options, const char *const *names, size_t n, const struct args *values)
{
	size_t entries = values->len / n, head = options ? options->len : 0;
	size_t places[FIELDS_MAX], n_places = 0;

	for (size_t i = 0; i < n; i++) {
		if (!is_common(values, i, n))
			places[n_places++] = i;
	}
	args_adds(section, key);
	args_adds(section, minid);
	args_count(section, head + 1 + 2 * n);
	args_count(section, n_places);
	args_count(section, entries);
	if (options)
		args_append(section, options);
	args_adds(section, "*");
	for (size_t i = 0, k = 0; i < n; i++) {
		bool common = k == n_places || places[k] != i;

		args_adds(section, names[i]);
		args_add(section, common ? values->v[i] : "", common ? values->n[i] : 0);
		k += common ? 0 : 1;
	}
	for (size_t k = 0; k < n_places; k++)
		args_count(section, head + 1 + 2 * (places[k] + 1));
	add_values(section, values, n, places, n_places);
	enc->commit->n_ids += entries;
}

/* One packed entry, and the stream is cut to about max entries; NULL: nothing to tell. */
static const char *
add_packed(struct encoder *enc, const char *kind, const struct buf *text, int64_t max)
{
	static const char *const NAMES[] = { "at", "e" };
	const char *key = enc_key(enc, kind, NULL);
	struct args options = { 0 }, values = { 0 };

	if (text->len == 0)
		return NULL;
	args_adds(&options, "MAXLEN");
	args_adds(&options, "~");
	args_num(&options, enc->arena, (uint64_t)max);
	args_num(&values, enc->arena, (uint64_t)enc->wall_ms);
	args_add(&values, text->data, text->len);
	enc_entries(enc, &enc->adds, key, "", &options, NAMES, ARRAY_LEN(NAMES), &values);
	enc->n_adds++;
	args_release(&options);
	args_release(&values);
	return key;
}

/* So many entries of about the size of the last ones take no more room than they may. */
static int64_t
events_bound(struct store *store, size_t len)
{
	int64_t bound;

	if (len > 0)
		store->event_size += ((int64_t)len - store->event_size) / 32;
	bound = store->events_bytes / (store->event_size + ENTRY_OVERHEAD);
	if (bound > store->events_max)
		return store->events_max;
	return bound > EVENTS_MIN ? bound : EVENTS_MIN;
}

/* A step back of the clock is no reason to wait. */
static bool
audit_trim_is_due(const struct store *store, int64_t now_ms)
{
	int64_t since = now_ms - store->audit_trimmed_ms;

	return now_ms > store->audit_keep_ms && (since < 0 || since >= AUDIT_TRIM_MS);
}

void
enc_events(struct encoder *enc)
{
	struct store *store = enc->store;
	const struct buf *text = &enc->commit->events.text;
	const char *key;

	(void)add_packed(enc, "ev", text, events_bound(store, text->len));
	key = add_packed(enc, "audit", &enc->commit->events.audit, store->audit_max);
	enc->commit->n_ahead = enc->commit->n_ids; /* and those of letters */
	if (!key || !audit_trim_is_due(store, enc->wall_ms))
		return;
	store->audit_trimmed_ms = enc->wall_ms;
	args_count(&enc->rest, 5);
	args_adds(&enc->rest, "XTRIM");
	args_adds(&enc->rest, key);
	args_adds(&enc->rest, "MINID");
	args_adds(&enc->rest, "~");
	args_num(&enc->rest, enc->arena, (uint64_t)(enc->wall_ms - store->audit_keep_ms));
	enc->n_rest++;
}
