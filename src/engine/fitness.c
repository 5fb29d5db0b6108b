/* SPDX-License-Identifier: MIT */
/* What is known of agents: windows of outcomes, as memory and as text. */
#include "engine/fitness.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"

static bool
was_counted(const struct fitness *fitness, uint32_t task)
{
	for (uint32_t i = 0; task && i < fitness->n; i++)
		if (fitness->ring[i].failed && fitness->ring[i].task == task)
			return true;
	return false;
}

static void
push(struct fitness *fitness, struct fitness_sample sample)
{
	fitness->ring[fitness->next] = sample;
	fitness->next = (fitness->next + 1) % FITNESS_WINDOW;
	if (fitness->n < FITNESS_WINDOW)
		fitness->n++;
}

void
fitness_add(struct fitness *fitness, bool failed, int64_t ms, uint32_t task, int64_t now_ms)
{
	uint32_t length = ms < 0 ? 0 : ms > UINT32_MAX ? UINT32_MAX : (uint32_t)ms;

	fitness->attempts++;
	fitness->failed += failed;
	fitness->last_ms = now_ms;
	if (failed && was_counted(fitness, task))
		return;
	push(fitness, (struct fitness_sample){ length, task, failed });
}

void
fitness_reset(struct fitness *fitness)
{
	fitness->n = fitness->next = 0;
	fitness->silent_ms = 0;
}

/* Sample i, the newest first. */
static struct fitness_sample
newest(const struct fitness *fitness, uint32_t i)
{
	return fitness->ring[(fitness->next + FITNESS_WINDOW - 1 - i) % FITNESS_WINDOW];
}

/* Half of what each has, where both have more than fits. */
void
fitness_merge(struct fitness *into, const struct fitness *from)
{
	struct fitness both = { 0 };
	uint32_t longer = into->n > from->n ? into->n : from->n;

	for (uint32_t i = 0; i < longer && both.n < FITNESS_WINDOW; i++) {
		if (i < into->n)
			push(&both, newest(into, i));
		if (i < from->n && both.n < FITNESS_WINDOW)
			push(&both, newest(from, i));
	}
	memcpy(into->ring, both.ring, sizeof both.ring);
	into->n = both.n;
	into->next = both.next;
	into->attempts += from->attempts;
	into->failed += from->failed;
	if (from->last_ms > into->last_ms)
		into->last_ms = from->last_ms;
	if (from->silent_ms > 0 && (into->silent_ms == 0 || from->silent_ms < into->silent_ms))
		into->silent_ms = from->silent_ms;
	if (from->spells > into->spells)
		into->spells = from->spells;
}

/*
 * "1 ATTEMPTS FAILED LAST SILENT SPELLS  MS MS- …": the oldest first, a minus behind one that
 * failed.
 */
void
fitness_write(const struct fitness *fitness, struct buf *out)
{
	buf_printf(out, "1 %" PRIu64 " %" PRIu64 " %" PRId64 " %" PRId64 " %" PRIu32,
	    fitness->attempts, fitness->failed, fitness->last_ms, fitness->silent_ms,
	    fitness->spells);
	for (uint32_t i = fitness->n; i > 0; i--) {
		struct fitness_sample sample = newest(fitness, i - 1);

		buf_printf(out, " %" PRIu32 "%s", sample.ms, sample.failed ? "-" : "");
	}
}

/* The number at *text, which moves behind it. */
static bool
take_number(const char **text, uint64_t most, uint64_t *ret_number)
{
	const char *at = *text;
	uint64_t number = 0;

	while (*at == ' ')
		at++;
	if (*at < '0' || *at > '9')
		return false;
	for (; *at >= '0' && *at <= '9'; at++) {
		if (number > (most - (uint64_t)(*at - '0')) / 10)
			return false;
		number = 10 * number + (uint64_t)(*at - '0');
	}
	*text = at;
	*ret_number = number;
	return true;
}

bool
fitness_read(const char *text, struct fitness *fitness)
{
	uint64_t version, attempts, failed, last, silent, spells, ms;
	struct fitness read = { 0 };

	if (!take_number(&text, UINT32_MAX, &version) || version != 1 ||
	    !take_number(&text, UINT64_MAX, &attempts) || !take_number(&text, UINT64_MAX, &failed) ||
	    !take_number(&text, INT64_MAX, &last) || !take_number(&text, INT64_MAX, &silent) ||
	    !take_number(&text, UINT32_MAX, &spells))
		return false;
	read.attempts = attempts;
	read.failed = failed;
	read.last_ms = (int64_t)last;
	read.silent_ms = (int64_t)silent;
	read.spells = (uint32_t)spells;
	while (take_number(&text, UINT32_MAX, &ms)) {
		bool minus = *text == '-';

		text += minus;
		push(&read, (struct fitness_sample){ (uint32_t)ms, 0, minus });
	}
	*fitness = read;
	return true;
}
