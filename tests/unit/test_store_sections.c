/* SPDX-License-Identifier: MIT */
/* What a commit says: each thing once, in its turn, and when it is time for it. */
#include <string.h>

#include "test.h"

#include "base/mem.h"
#include "commit_bench.h"

static void
an_answer_goes_with_its_command(void **state)
{
	struct bench *bench = *state;
	struct effect *answer = effects_add(&bench->effects, EFFECT_ANSWER, NULL, TASK_NONE);
	struct commit *commit;
	int key;

	answer->u.answer.entry_ms = 12;
	answer->u.answer.entry_seq = 34;
	answer->u.answer.id = xstrdup("0123456789abcdef");
	answer->u.answer.text = xstrdup("{}");
	effects_mark(&bench->effects, 0, 0);
	commit = bench_build(bench);
	key = bench_find(commit, "test:{3}:in:0123456789abcdef");
	assert_true(key > 0);
	assert_true(bench_find(commit, "12-34") > key);
	assert_true(bench_find(commit, "XDEL") > 0);
	assert_true(bench_find(commit, STORE_ANSWER_S) == key + 3);
	commit_free(commit);
	/* nobody asked: only the entry goes */
	effects_add(&bench->effects, EFFECT_ANSWER, NULL, TASK_NONE)->u.answer.entry_ms = 13;
	effects_mark(&bench->effects, 0, 0);
	commit = bench_build(bench);
	assert_true(bench_find(commit, "13-0") > 0);
	assert_true(bench_find(commit, STORE_ANSWER_S) < 0);
	commit_free(commit);
}

#define FILE_FIELD "folder/file.yaml"

static void
forget_file(struct bench *bench)
{
	effects_add(&bench->effects, EFFECT_UNDROP, NULL, TASK_NONE)->u.undrop.field =
	    xstrdup(FILE_FIELD);
	effects_mark(&bench->effects, 0, 0);
}

static void
accept_file(struct bench *bench)
{
	struct builder builder = builder_begin(1, "alpha");
	struct run_spec spec = { .wf = builder.wf, .params = "{}", .priority = -1 };
	struct run *run;

	spec.id = run_id_make(bench->now.wall_ms, 3, &bench->rng);
	spec.submission = xcalloc(1, sizeof *spec.submission);
	spec.submission->drop_field = xstrdup(FILE_FIELD);
	spec.submission->drop_sha = xstrdup("sha");
	assert_int_equal(engine_submit(bench->engine, &bench->now, &spec, &bench->effects, &run, NULL),
	    0);
	effects_mark(&bench->effects, 0, 0);
	workflow_unref(builder.wf);
}

/* Where the field stands last behind `name KEY`; -1: nowhere. */
static int
find_field(struct commit *commit, const char *name)
{
	struct unpacked args = bench_args(commit);
	int found = -1;

	for (size_t i = 2; i < args.len; i++) {
		if (strcmp(args.v[i], FILE_FIELD) == 0 && strcmp(args.v[i - 2], name) == 0)
			found = (int)i;
	}
	unpacked_release(&args);
	return found;
}

/* One that goes and comes again, or comes and goes, within one commit: the last counts. */
static void
a_file_is_forgotten_in_its_turn(void **state)
{
	struct bench *bench = *state;
	struct commit *commit;

	forget_file(bench);
	accept_file(bench);
	commit = bench_build(bench);
	assert_true(find_field(commit, "HDEL") > 0);
	assert_true(find_field(commit, "HSET") > find_field(commit, "HDEL"));
	commit_free(commit);
	accept_file(bench);
	forget_file(bench);
	commit = bench_build(bench);
	assert_true(find_field(commit, "HDEL") > 0);
	assert_int_equal(find_field(commit, "HSET"), -1);
	commit_free(commit);
}

/* Whether the commit of an entry of the audit trail drops those that are too old. */
static bool
audit_trims(struct bench *bench, int64_t later_ms)
{
	struct commit *commit;
	bool trims;

	bench->now.wall_ms += later_ms;
	effects_add(&bench->effects, EFFECT_NOTE, NULL, TASK_NONE)->u.note.type = "audit.x";
	effects_mark(&bench->effects, 0, 0);
	commit = bench_build(bench);
	trims = bench_find(commit, "XTRIM") > 0;
	commit_free(commit);
	return trims;
}

static void
the_audit_trail_is_trimmed_once_a_minute(void **state)
{
	struct bench *bench = *state;

	assert_true(audit_trims(bench, 0));
	assert_false(audit_trims(bench, 0));
	assert_false(audit_trims(bench, 59999));
	assert_true(audit_trims(bench, 1));
	assert_false(audit_trims(bench, 1));
	assert_true(audit_trims(bench, -3600000)); /* the clock was set back */
	assert_false(audit_trims(bench, 1));
}

/* Whether the next commit trims completions, up to which one is in *ret_to. */
static bool
done_trims(struct bench *bench, uint64_t *ret_to)
{
	struct commit *commit = bench_build(bench);
	struct unpacked args = bench_args(commit);
	struct stream_id id = { 0 };
	int at = bench_find(commit, "test:{3}:done");

	if (at > 0) {
		assert_string_equal(args.v[at - 1], "XTRIM");
		assert_true(stream_id_parse(args.v[at + 3], strlen(args.v[at + 3]), &id));
		assert_int_equal(id.ms, 7);
	}
	*ret_to = id.seq;
	unpacked_release(&args);
	commit_free(commit);
	return at > 0;
}

/* Whether a commit that read a completion of so many bytes trims up to it. */
static bool
read_trims(struct bench *bench, size_t bytes, bool hands_out)
{
	uint64_t read = (uint64_t)++bench->now.wall_ms, to;

	if (hands_out)
		(void)bench_submit(bench, 1, NULL);
	effects_mark_read(&bench->effects, 7, read, bytes);
	if (!done_trims(bench, &to))
		return false;
	assert_true(to == read + 1);
	return true;
}

/* The same, of one that read nothing and hands nothing out. */
static bool
note_trims(struct bench *bench, uint64_t *ret_to)
{
	effects_add(&bench->effects, EFFECT_NOTE, NULL, TASK_NONE)->u.note.type = "audit.x";
	effects_mark(&bench->effects, 0, 0);
	return done_trims(bench, ret_to);
}

/* Behind a hand-out others come, whose trim does for those before: a few small ones. */
static void
a_few_completions_wait_for_a_trim(void **state)
{
	struct bench *bench = *state;

	assert_true(read_trims(bench, 10, false));
	for (int i = 0; i < 32; i++)
		assert_false(read_trims(bench, 10, true));
	assert_true(read_trims(bench, 10, true));
	assert_false(read_trims(bench, 16 * 1024, true));
	assert_true(read_trims(bench, 1, true)); /* too much together */
	assert_true(read_trims(bench, 16 * 1024 + 1, true));
	assert_false(read_trims(bench, 10, true));
	assert_true(read_trims(bench, 10, false));
}

/* What was handed out last may be cancelled: then no other completion comes. */
static void
no_completion_waits_for_the_next_one(void **state)
{
	struct bench *bench = *state;
	uint64_t to;

	assert_false(note_trims(bench, &to));
	assert_false(read_trims(bench, 10, true));
	assert_true(note_trims(bench, &to));
	assert_true(to == (uint64_t)bench->now.wall_ms + 1);
	assert_false(note_trims(bench, &to));
	store_set_cursor(&bench->store, (struct stream_id){ 7, 5 }); /* of the owner before */
	assert_true(note_trims(bench, &to));
	assert_true(to == 6);
	store_set_cursor(&bench->store, (struct stream_id){ 0 });
	assert_false(note_trims(bench, &to));
}

/* A run that begins and one that ends in the same commit: `live` is asked for once. */
static void
a_key_is_asked_for_once(void **state)
{
	struct bench *bench = *state;
	struct run *first = bench_submit(bench, 1, NULL);
	struct completion said = { .kind = COMPLETION_SUCCEEDED, .exit_code = -1,
		.retryable = -1, .retry_after_ms = -1, .run = first->id.text, .task = "t000000" };
	struct commit *commit = bench_build(bench);
	redisReply *reply = bench_reply(2, 0);
	struct unpacked args;
	struct err err;
	int asked = 0;

	assert_int_equal(commit_confirm(commit, &bench->store, reply, &err), 0);
	freeReplyObject(reply);
	commit_free(commit);
	(void)bench_submit(bench, 2, NULL);
	said.token = first->tasks[0].token;
	(void)engine_complete(bench->engine, &bench->now, &said, &bench->effects);
	effects_mark(&bench->effects, 7, 7);
	commit = bench_build(bench);
	args = bench_args(commit);
	for (size_t i = 0; i + 1 < args.len; i++)
		asked += strcmp(args.v[i], "HLEN") == 0 &&
		    strcmp(args.v[i + 1], "test:{3}:live") == 0;
	unpacked_release(&args);
	assert_true(bench_find(commit, "HDEL") > 0);
	assert_int_equal(asked, 1);
	commit_free(commit);
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, bench_begin, bench_end)
	const struct CMUnitTest tests[] = {
		T(an_answer_goes_with_its_command),
		T(a_file_is_forgotten_in_its_turn),
		T(the_audit_trail_is_trimmed_once_a_minute),
		T(a_few_completions_wait_for_a_trim),
		T(no_completion_waits_for_the_next_one),
		T(a_key_is_asked_for_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
