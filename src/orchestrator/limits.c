/* SPDX-License-Identifier: MIT */
/* Limits of agent types: set from their files, logged, shown as numbers. */
#include "orchestrator/limits.h"

#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "orchestrator/orchestrator_private.h"
#include "orchestrator/types.h"

void
limits_set(struct part *part, const struct agent_type *type)
{
	struct type_limits limits = { type->high_water, type->rate_limit, type->circuit };
	struct moment now;

	orchestrator_moment(part->orch, &now);
	engine_set_limits(orchestrator_engine(part->partition), &now, type->type, &limits,
	    partition_effects(part->partition));
}

/* --- events -------------------------------------------------------------------------- */

void
limits_note(struct orchestrator *orch, const struct effect *note)
{
	static const struct {
		const char *type, *text;
		enum metric metric;
		enum log_level level;
	} NOTES[] = {
		{ "circuit.opened", "circuit opened: attempts of an agent type failed in a row",
		    METRIC_CIRCUITS_OPENED, LOG_LEVEL_WARN },
		{ "circuit.half_open", "circuit half-open: one task is tried",
		    METRIC_CIRCUIT_PROBES, LOG_LEVEL_INFO },
		{ "circuit.closed", "circuit closed", METRIC_CIRCUITS_CLOSED, LOG_LEVEL_INFO },
		{ "alert.rate_limit", "rate limit of an agent type changed",
		    METRIC_RATE_CHANGES, LOG_LEVEL_INFO },
	};
	const char *type = note->u.note.type;

	for (size_t i = 0; !note->run && i < ARRAY_LEN(NOTES); i++) {
		if (strcmp(type, NOTES[i].type) != 0)
			continue;
		metrics_add(orch->config.metrics, NOTES[i].metric, 1);
		LOG_AT(NOTES[i].level, NOTES[i].text, KV_S("data", note->u.note.data));
	}
}

/* --- numbers ------------------------------------------------------------------------- */

static double
ready(const struct queue *queue)
{
	return queue_ready(queue);
}

static double
outstanding(const struct queue *queue)
{
	return queue_outstanding(queue);
}

static double
high_water(const struct queue *queue)
{
	return queue_window(queue);
}

static double
circuit(const struct queue *queue)
{
	return queue_circuit(queue) == BREAKER_CLOSED ? 0 : 1;
}

/* Summed over the partitions. */
static const struct {
	const char *name, *help;
	double (*value)(const struct queue *queue);
} NUMBERS[] = {
	{ "reeve_type_ready", "Ready tasks of an agent type that wait to be handed out", ready },
	{ "reeve_type_outstanding", "Tasks of an agent type that are handed out and not done",
	    outstanding },
	{ "reeve_type_high_water", "Tasks of an agent type that may be handed out at once",
	    high_water },
	{ "reeve_type_rate_limit", "Starts a second that an agent type may have now; 0: any",
	    queue_rate },
	{ "reeve_type_circuit_open",
	    "Partitions in which the circuit of an agent type is open or half-open", circuit },
};

static struct queue *
queue_in(const struct orchestrator *orch, unsigned part, const char *type)
{
	const struct engine *engine = partition_engine(orchestrator_partition(orch, part));

	return engine ? engine_queue_find(engine, type) : NULL;
}

/* The first partition that has the type shows the sum of all. */
static bool
is_shown_before(const struct orchestrator *orch, unsigned part, const char *type)
{
	for (unsigned i = 0; i < part; i++)
		if (queue_in(orch, i, type))
			return true;
	return false;
}

static void
add_number(const struct orchestrator *orch, struct buf *out, size_t number, const char *type)
{
	double sum = 0;

	for (unsigned i = 0; i < orchestrator_partitions(orch); i++) {
		const struct queue *queue = queue_in(orch, i, type);

		sum += queue ? NUMBERS[number].value(queue) : 0;
	}
	buf_printf(out, "%s{agent_type=\"%s\"} %.10g\n", NUMBERS[number].name, type, sum);
}

void
limits_metrics(const struct orchestrator *orch, struct buf *out)
{
	for (size_t number = 0; number < ARRAY_LEN(NUMBERS); number++) {
		buf_printf(out, "# HELP %s %s\n# TYPE %s gauge\n", NUMBERS[number].name,
		    NUMBERS[number].help, NUMBERS[number].name);
		for (unsigned i = 0; i < orchestrator_partitions(orch); i++) {
			const struct engine *engine =
			    partition_engine(orchestrator_partition(orch, i));
			const struct queue *queue;

			for (size_t k = 0; engine && (queue = engine_queue_at(engine, k)); k++)
				if (!is_shown_before(orch, i, queue_type(queue)))
					add_number(orch, out, number, queue_type(queue));
		}
	}
}
