/* SPDX-License-Identifier: MIT */
/* The ledger against a plain list: places, trim bounds, stranded entries. */
#include <stdlib.h>
#include <string.h>

#include "test.h"

#include "base/mem.h"
#include "base/rand.h"
#include "store/ledger.h"
#include "store/places.h"

#define MANY 5000

struct model {
	uint64_t tokens[MANY];
	bool settled[MANY], gone[MANY];
	size_t len;
};

static struct stream_id
id_of(size_t i)
{
	return (struct stream_id){ 100 + i / 3, i % 3 };
}

static void
places_are_found(void **state)
{
	struct ledger *ledger = ledger_new();
	struct stream_id id, minid;
	size_t queue;

	(void)state;
	ledger_queue(ledger, 2, "key", "group");
	assert_string_equal(ledger_key(ledger, 2), "key");
	assert_string_equal(ledger_group(ledger, 2), "group");
	assert_null(ledger_key(ledger, 0));
	assert_null(ledger_key(ledger, 7));
	assert_false(ledger_made(ledger, 2));
	ledger_mark_made(ledger, 2);
	assert_true(ledger_made(ledger, 2));
	ledger_mark_lost(ledger, 2);
	assert_false(ledger_made(ledger, 2));
	ledger_add(ledger, 2, 11, id_of(0), false);
	ledger_add(ledger, 2, 12, id_of(1), false);
	assert_int_equal(ledger_open(ledger, 2), 2);
	assert_true(ledger_find(ledger, 12, &queue, &id));
	assert_int_equal(queue, 2);
	assert_int_equal(stream_id_cmp(id, id_of(1)), 0);
	assert_false(ledger_find(ledger, 13, &queue, &id));
	assert_false(ledger_trim(ledger, 2, &minid));
	assert_true(ledger_settle(ledger, 12)); /* behind the first: nothing to trim */
	assert_false(ledger_trim(ledger, 2, &minid));
	assert_false(ledger_settle(ledger, 12));
	assert_true(ledger_settle(ledger, 11));
	assert_true(ledger_trim(ledger, 2, &minid));
	assert_true(stream_id_cmp(minid, id_of(1)) > 0);
	assert_false(ledger_trim(ledger, 2, &minid)); /* told already */
	assert_int_equal(stream_id_cmp(ledger_last(ledger, 2), id_of(1)), 0);
	ledger_free(ledger);
}

/* Everything before the bound is settled, and the bound is the first that is not. */
static void
check_bound(const struct model *model, struct stream_id minid)
{
	for (size_t i = 0; i < model->len; i++) {
		if (stream_id_cmp(id_of(i), minid) < 0)
			assert_true(model->settled[i]);
		else if (stream_id_cmp(id_of(i), minid) == 0)
			assert_false(model->settled[i]);
	}
}

static void
random_lives(void **state)
{
	struct rng rng;

	(void)state;
	rng_init(&rng, 5);
	for (int round = 0; round < 30; round++) {
		struct model *model = calloc(1, sizeof *model);
		struct ledger *ledger = ledger_new();
		uint64_t eager = 1 + rng_below(&rng, 4);
		struct stream_id minid, last = { 0 };
		size_t open = 0;

		ledger_queue(ledger, 0, "k", "g");
		for (int i = 0; i < 4000; i++) {
			size_t at = model->len ? rng_below(&rng, model->len) : 0;

			if (model->len < MANY && rng_below(&rng, 1 + eager) == 0) {
				bool settled = rng_below(&rng, 10) == 0;

				model->tokens[model->len] = settled ? 0 : 1000 + model->len;
				model->settled[model->len] = settled;
				ledger_add(ledger, 0, model->tokens[model->len], id_of(model->len),
				    settled);
				open += !settled;
				model->len++;
			} else if (model->len > 0 && !model->settled[at]) {
				assert_true(ledger_settle(ledger, model->tokens[at]));
				model->settled[at] = true;
				open--;
			}
			assert_int_equal(ledger_open(ledger, 0), open);
			if (!ledger_trim(ledger, 0, &minid))
				continue;
			assert_true(stream_id_cmp(minid, last) > 0);
			last = minid;
			check_bound(model, minid);
		}
		ledger_free(ledger);
		free(model);
	}
}

static void
stranded_entries_go_one_by_one(void **state)
{
	struct ledger *ledger = ledger_new();
	struct stream_id ids[100], minid;
	size_t n, all = 0;

	(void)state;
	ledger_queue(ledger, 0, "k", "g");
	ledger_add(ledger, 0, 1, id_of(0), false); /* a long task */
	for (size_t i = 1; i <= 3 * LEDGER_STRANDED; i++) {
		ledger_add(ledger, 0, 1 + i, id_of(i), false);
		assert_true(ledger_settle(ledger, 1 + i));
		n = ledger_stranded(ledger, 0, ids, 100);
		for (size_t k = 0; k < n; k++)
			assert_true(stream_id_cmp(ids[k], id_of(0)) > 0 &&
			    stream_id_cmp(ids[k], id_of(i)) <= 0);
		all += n;
		assert_true(i - all <= LEDGER_STRANDED + 1);
	}
	assert_true(all >= 2 * LEDGER_STRANDED - 1);
	assert_false(ledger_trim(ledger, 0, &minid));
	assert_true(ledger_settle(ledger, 1));
	assert_true(ledger_trim(ledger, 0, &minid));
	assert_true(stream_id_cmp(minid, id_of(3 * LEDGER_STRANDED)) > 0);
	assert_int_equal(ledger_stranded(ledger, 0, ids, 100), 0);
	ledger_free(ledger);
}

/* Tokens that come and go, many of which want the same places. */
static void
tokens_come_and_go(void **state)
{
	struct places places = { 0 };
	bool there[512] = { false };
	struct rng rng;
	size_t n = 0, cap;

	(void)state;
	rng_init(&rng, 5);
	assert_null(places_find(&places, 1));
	for (int turn = 0; turn < 100000; turn++) {
		uint64_t i = rng_u64(&rng) % ARRAY_LEN(there);
		uint64_t token = i + 1;
		struct place *place = places_find(&places, token);

		assert_true((place != NULL) == there[i]);
		if (place) {
			assert_int_equal(place->position, i);
			places_remove(&places, place);
		} else {
			places_add(&places, &(struct place){ .token = token, .position = i });
		}
		there[i] = !there[i];
		n += there[i] ? 1 : -(size_t)1;
		assert_int_equal(places.len, n);
	}
	assert_true(places.cap <= 1024);
	for (size_t i = 0; i < ARRAY_LEN(there); i++) {
		struct place *place = places_find(&places, i + 1);

		assert_true((place != NULL) == there[i]);
		if (place)
			places_remove(&places, place);
	}
	cap = places.cap;
	for (size_t i = 0; i < cap; i++)
		assert_int_equal(places.items[i].token, 0);
	places_release(&places);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tokens_come_and_go),
		cmocka_unit_test(places_are_found),
		cmocka_unit_test(random_lives),
		cmocka_unit_test(stranded_entries_go_one_by_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
