/* SPDX-License-Identifier: MIT */
/* Replays dead letters of agent types that ask for it, a batch at a time. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "orchestrator/command.h"
#include "orchestrator/letters.h"
#include "orchestrator/types.h"

#define REPLAYS_MAX 3       /* of one task, by whomever */
#define GROWTH 4            /* of the delay, from one to the next */
#define TRIED_PER_BATCH 4   /* letters that are tried for each that a batch may hold */
#define LOOK_MAX_MS 30000

/* An agent type whose letters are looked at. */
struct job {
	char type[65];
	uint32_t categories, batch;
};

struct letters_auto {
	struct orchestrator *orch;
	struct loop_timer timer;
	struct job *jobs;
	size_t n_jobs, cap_jobs, at; /* of this look */
	unsigned partition;
	char (*ids)[LETTER_ID_SIZE]; /* that are due, the oldest first */
	size_t n_ids, cap_ids, at_id;
	uint32_t replayed;
};

static void look_next(struct letters_auto *autos);
static void arm(struct letters_auto *autos);

/* --- one stream of letters ------------------------------------------------------------------ */

static void
batch_end(struct letters_auto *autos)
{
	if (autos->replayed > 0)
		log_info("dead letters replayed without being asked",
		    KV_S("type", autos->jobs[autos->at].type), KV_I("letters", autos->replayed));
	metrics_add(autos->orch->config.metrics, METRIC_DEAD_LETTERS_AUTO, autos->replayed);
	autos->n_ids = autos->at_id = 0;
	autos->replayed = 0;
	if (++autos->partition >= autos->orch->n_parts) {
		autos->partition = 0;
		autos->at++;
	}
	look_next(autos);
}

static void replay_next(struct letters_auto *autos);

static void
on_replayed(void *arg, json_t *body, const struct err *err)
{
	struct letters_auto *autos = arg;

	json_decref(body);
	autos->replayed += err->code == 0;
	if (err->code == ERR_UNAVAILABLE || err->code == ERR_SHED)
		autos->at_id = autos->n_ids;
	replay_next(autos);
}

static void
replay_next(struct letters_auto *autos)
{
	const struct facade_actor actor = { "auto_replay", "operate", "daemon" };
	struct partition *p = orchestrator_partition(autos->orch, autos->partition);
	const char *id = autos->ids ? autos->ids[autos->at_id] : "";

	if (autos->at_id == autos->n_ids || !command_is_here(p) ||
	    autos->replayed >= autos->jobs[autos->at].batch) {
		batch_end(autos);
		return;
	}
	autos->at_id++;
	command_go(command_new(autos->orch, p, "dlq_replay",
	    json_pack("{s:s, s:b}", "letter", id, "auto", 1), &actor, on_replayed, autos));
}

static bool
is_due(const struct letters_auto *autos, const struct letter *letter)
{
	int64_t delay = autos->orch->config.letters_replay_ms;
	enum category category;

	for (int64_t i = 0; i < letter->replays && i < REPLAYS_MAX; i++)
		delay *= GROWTH;
	return letter->replays < REPLAYS_MAX && letter->index >= 0 &&
	    category_parse(letter->category, strlen(letter->category), &category) &&
	    (autos->jobs[autos->at].categories & CATEGORY_BIT(category)) &&
	    clock_wall_ms() - letter->failed_ms >= delay;
}

static enum letters_next
take_letter(void *arg, const struct letter *letter)
{
	struct letters_auto *autos = arg;

	if (!is_due(autos, letter))
		return LETTERS_GO_ON;
	GROW(autos->ids, autos->n_ids, autos->cap_ids);
	letter_id(letter, autos->ids[autos->n_ids++]);
	return autos->n_ids < (size_t)autos->jobs[autos->at].batch * TRIED_PER_BATCH
	    ? LETTERS_GO_ON
	    : LETTERS_STOP;
}

static void
taken(void *arg, const struct err *err)
{
	struct letters_auto *autos = arg;

	if (err->code < 0) {
		autos->n_ids = 0;
		arm(autos);
		return;
	}
	replay_next(autos);
}

/* --- looks ----------------------------------------------------------------------------------- */

static void
arm(struct letters_auto *autos)
{
	int64_t delay = autos->orch->config.letters_replay_ms;

	loop_timer_start(&autos->timer, (delay < LOOK_MAX_MS ? delay : LOOK_MAX_MS) * CLOCK_MS);
}

static void
look_next(struct letters_auto *autos)
{
	struct letters_walk walk = { .one_partition = true, .partition = autos->partition,
		.on_letter = take_letter, .done = taken, .arg = autos };

	if (autos->at >= autos->n_jobs) {
		arm(autos);
		return;
	}
	if (!command_is_here(orchestrator_partition(autos->orch, autos->partition))) {
		replay_next(autos);
		return;
	}
	walk.filter.type = autos->jobs[autos->at].type;
	letters_walk(autos->orch, &walk);
}

static void
add_job(void *arg, const char *name, const struct agent_type *type)
{
	struct letters_auto *autos = arg;

	if (!type || !type->auto_replay)
		return;
	GROW(autos->jobs, autos->n_jobs, autos->cap_jobs);
	autos->jobs[autos->n_jobs] = (struct job){ .categories = type->replay_categories,
		.batch = type->replay_batch };
	snprintf(autos->jobs[autos->n_jobs++].type, sizeof autos->jobs->type, "%s", name);
}

static void
look(void *arg)
{
	struct letters_auto *autos = arg;

	autos->n_jobs = autos->at = 0;
	autos->partition = 0;
	if (autos->orch->types)
		types_each(autos->orch->types, add_job, autos);
	look_next(autos);
}

struct letters_auto *
letters_auto_new(struct orchestrator *orch)
{
	struct letters_auto *autos = xcalloc(1, sizeof *autos);

	autos->orch = orch;
	loop_timer_init(&autos->timer, orch->loop, look, autos);
	arm(autos);
	return autos;
}

void
letters_auto_free(struct letters_auto *autos)
{
	if (!autos)
		return;
	loop_timer_stop(&autos->timer);
	free(autos->jobs);
	free(autos->ids);
	free(autos);
}
