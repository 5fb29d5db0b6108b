/* SPDX-License-Identifier: MIT */
/* The bench on which commits are built and taken apart. */
#include "commit_bench.h"

#include <stdlib.h>
#include <string.h>

#include "test.h"

#include "base/buf.h"
#include "base/mem.h"
#include "model/canonical.h"

int
bench_begin(void **state)
{
	struct bench *bench = xcalloc(1, sizeof *bench);
	struct engine_config config;

	engine_config_defaults(&config);
	config.high_water_min = config.window = 100000;
	rng_init(&bench->rng, 3);
	bench->engine = engine_new(&config, &bench->rng);
	bench->now = (struct moment){ 10, 1700000000000 };
	store_init(&bench->store, "test:", 3);
	*state = bench;
	return 0;
}

int
bench_end(void **state)
{
	struct bench *bench = *state;

	for (size_t i = bench->taken; i < bench->effects.len; i++)
		effect_release(&bench->effects.items[i]);
	bench->effects.len = 0;
	effects_release(&bench->effects);
	engine_free(bench->engine);
	store_release(&bench->store);
	free(bench);
	return 0;
}

struct run *
bench_submit(struct bench *bench, uint32_t n_tasks, const char *prompt)
{
	struct builder builder = builder_begin(n_tasks, "alpha");
	struct run_spec spec = { .wf = builder.wf, .params = "{}", .priority = -1 };
	struct run *run;

	memset(builder.wf->sha256, n_tasks == 1 ? 'c' : 'd', SHA256_HEX_SIZE - 1);
	for (uint32_t i = 0; prompt && i < n_tasks; i++)
		builder_body(&builder, i, TASK_PROMPT, prompt);
	spec.id = run_id_make(bench->now.wall_ms, 3, &bench->rng);
	assert_int_equal(engine_submit(bench->engine, &bench->now, &spec, &bench->effects, &run, NULL),
	    0);
	effects_mark(&bench->effects, 0, 0);
	(void)engine_dispatch(bench->engine, &bench->now, SIZE_MAX, &bench->effects);
	workflow_unref(builder.wf);
	return run;
}

struct commit *
bench_build(struct bench *bench)
{
	return commit_build(&bench->store, &bench->effects, &bench->taken, bench->now.wall_ms);
}

struct unpacked
bench_args(struct commit *commit)
{
	const size_t *lens;
	int argc;
	const char *const *argv = commit_argv(commit, 1, 1, &argc, &lens);

	return unpack_args(argc, argv, lens, BENCH_PLAIN);
}

int
bench_find(struct commit *commit, const char *text)
{
	struct unpacked args = bench_args(commit);
	int found = -1;

	for (size_t i = 0; i < args.len && found < 0; i++) {
		if (args.n[i] == strlen(text) && memcmp(args.v[i], text, args.n[i]) == 0)
			found = (int)i;
	}
	unpacked_release(&args);
	return found;
}

static redisReply *
bench_text(const char *text)
{
	redisReply *item = xcalloc(1, sizeof *item);

	item->type = REDIS_REPLY_STRING;
	item->str = xstrdup(text);
	item->len = strlen(text);
	return item;
}

redisReply *
bench_reply(size_t n, unsigned first)
{
	redisReply *reply = xcalloc(1, sizeof *reply);
	struct buf ids = { 0 };

	for (size_t i = 0; i < n; i++)
		buf_printf(&ids, "%s5-%zu", i ? " " : "", first + i);
	reply->type = REDIS_REPLY_ARRAY;
	reply->elements = 3;
	reply->element = xcalloc(3, sizeof(redisReply *));
	reply->element[0] = bench_text("OK");
	reply->element[1] = bench_text(buf_text(&ids));
	reply->element[2] = bench_text("");
	buf_release(&ids);
	return reply;
}
