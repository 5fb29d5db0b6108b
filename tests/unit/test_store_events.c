/* SPDX-License-Identifier: MIT */
/* Packed events come apart as they went in. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "test.h"

#include "base/mem.h"
#include "engine_harness.h"
#include "store/events.h"

static bool
part_is(const char *part, size_t len, const char *text)
{
	return len == strlen(text) && memcmp(part, text, len) == 0;
}

static void
lines_come_apart(void **state)
{
	struct builder builder = builder_begin(3, "a");
	struct run_id id = { "01kaj2m4c3v9w8x7e6d-0" };
	struct run *run = run_new(builder.wf, &id, "{}");
	struct event_packer packer = { 0 };
	struct effects effects = { 0 };
	struct event_view view = { 0 };
	struct effect *effect;
	const char *at, *stop;

	(void)state;
	effects_add(&effects, EFFECT_RUN_NEW, run, TASK_NONE);
	effect = effects_add(&effects, EFFECT_DISPATCH, run, 1);
	effect->u.dispatch.attempt = 4;
	effect = effects_add(&effects, EFFECT_TASK, run, 2);
	effect->u.task.record.state = TASK_FAILED;
	effect->u.task.record.attempt = 2;
	effect->u.task.agent = xstrdup("me\tor\nyou");
	effect->u.task.error = xstrdup("{\"category\":\"exit\"}");
	effects_add(&effects, EFFECT_SETTLE, run, 2);
	effect = effects_add(&effects, EFFECT_NOTE, NULL, TASK_NONE);
	effect->u.note.type = "alert.thing";
	effect->u.note.data = xstrdup("{}");
	effect = effects_add(&effects, EFFECT_RUN_END, run, TASK_NONE);
	effect->u.run.record.state = RUN_TIMED_OUT;
	for (size_t i = 0; i < effects.len; i++)
		event_pack(&packer, &effects.items[i]);
	at = packer.text.data;
	stop = at + packer.text.len;
	assert_true(event_unpack(&at, stop, &view));
	assert_string_equal(view.type, "run.created");
	assert_string_equal(view.run, id.text);
	assert_int_equal(view.task_len, 0);
	assert_true(event_unpack(&at, stop, &view));
	assert_string_equal(view.type, "task.queued");
	assert_string_equal(view.run, id.text); /* that of the line before */
	assert_true(part_is(view.task, view.task_len, "t000001"));
	assert_true(part_is(view.attempt, view.attempt_len, "4"));
	assert_true(event_unpack(&at, stop, &view));
	assert_string_equal(view.type, "task.failed");
	assert_true(part_is(view.agent, view.agent_len, "me_or_you"));
	assert_true(part_is(view.data, view.data_len, "{\"category\":\"exit\"}"));
	assert_true(event_unpack(&at, stop, &view)); /* a settled entry is no event */
	assert_string_equal(view.type, "alert.thing");
	assert_true(part_is(view.data, view.data_len, "{}"));
	assert_true(event_unpack(&at, stop, &view));
	assert_string_equal(view.type, "run.timed_out");
	assert_false(event_unpack(&at, stop, &view));
	effects_release(&effects);
	buf_release(&packer.text);
	run_unref(run);
	workflow_unref(builder.wf);
}

static void
anything_is_taken_apart_without_a_crash(void **state)
{
	struct rng rng;

	(void)state;
	rng_init(&rng, 9);
	for (int i = 0; i < 20000; i++) {
		static const char letters[] = "rct\t\n\t\nx1{\"";
		size_t len = rng_below(&rng, 200), lines = 0, breaks = 0;
		char *text = xmalloc(len + 1);
		const char *at = text;
		struct event_view view = { 0 };

		for (size_t k = 0; k < len; k++) {
			text[k] = letters[rng_below(&rng, sizeof letters - 1)];
			breaks += text[k] == '\n';
		}
		while (event_unpack(&at, text + len, &view)) {
			assert_non_null(view.type);
			lines++;
		}
		assert_int_equal(lines, breaks + (len > 0 && text[len - 1] != '\n'));
		free(text);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_come_apart),
		cmocka_unit_test(anything_is_taken_apart_without_a_crash),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
