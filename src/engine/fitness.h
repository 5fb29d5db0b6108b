/* SPDX-License-Identifier: MIT */
/*
 * Judges agents by what became of their attempts, against their peers of the same type.
 *
 * Pure: windows of outcomes and a time in, marks out.  Whoever asks drains and recovers.
 *
 * FAILING  It fails more often than its peers do together, by at least `excess`, and Fisher's
 *          exact test (R. A. Fisher, 1922; one-sided: the tail of the hypergeometric
 *          distribution) says that chance alone does that in less than `chance` of all looks.
 *          So a type at which everything fails marks nobody, and a few failures neither.
 * SLOW     The median of its durations is `slow_ratio` times that of its peers and more than
 *          a second above, and a sign test (J. Arbuthnot, 1710: how many of n lie above a
 *          median is binomial with 1/2) gives that to chance in less than `chance`.  It asks
 *          nothing of the shape of durations, which have long tails.
 * STUCK    It beats, but what it holds longest has told nothing for `stuck_ms` and for
 *          `stuck_ratio` times the longest that any of the type lately took; meanwhile it
 *          ended nothing, and a peer did.
 *
 * The same failure of the same task is counted once an agent: a task that nobody can do says
 * nothing of who tries.
 */
#ifndef REEVE_ENGINE_FITNESS_H
#define REEVE_ENGINE_FITNESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

#define FITNESS_WINDOW 50 /* attempts that count; older ones are forgotten */

struct fitness_sample {
	uint32_t ms;   /* how long it took; of one that succeeded */
	uint32_t task; /* hash of run and task; 0 = not known */
	bool failed;
};

/* What is known of an agent as one of a type. */
struct fitness {
	struct fitness_sample ring[FITNESS_WINDOW];
	uint32_t n, next;
	uint64_t attempts, failed; /* in all */
	int64_t last_ms;  /* wall: it ended an attempt; 0 = never */
	int64_t silent_ms; /* wall: from then on its oldest attempt has told nothing; 0 = none runs */
	uint32_t spells;  /* how often it was drained by this judge */
};

void fitness_add(struct fitness *fitness, bool failed, int64_t ms, uint32_t task, int64_t now_ms);
/* Begins anew: what it did before counts no more. */
void fitness_reset(struct fitness *fitness);
/* Adds what another partition knows of the same agent. */
void fitness_merge(struct fitness *into, const struct fitness *from);
/* As one line, and back; false: it is none, *fitness is untouched. */
void fitness_write(const struct fitness *fitness, struct buf *out);
bool fitness_read(const char *text, struct fitness *fitness);

enum fitness_mark { FITNESS_OK, FITNESS_FAILING, FITNESS_SLOW, FITNESS_STUCK };
const char *fitness_mark_name(enum fitness_mark mark); /* "ok", "failing", … */

struct fitness_limits {
	uint32_t samples;    /* attempts that are needed of it, and of its peers together */
	double chance;       /* of marking a sound agent, a look */
	double excess;       /* of its failure rate above that of its peers */
	double slow_ratio;
	int64_t stuck_ms;
	double stuck_ratio;
	int64_t probation_ms; /* the first; twice as long each time, at most 64 times */
	double floor;        /* part of a type's slots that stays in work */
};

void fitness_defaults(struct fitness_limits *limits);

/* An agent of the type: what is known, and what the judge finds. */
struct fitness_case {
	const struct fitness *seen; /* NULL: nothing */
	uint32_t slots;
	bool living;
	bool drained;
	/* found */
	enum fitness_mark mark;
	uint32_t n, peers_n;        /* attempts that were compared */
	double rate, peers_rate;    /* of failures */
	double median_ms, peers_median_ms;
	int64_t silent_ms;          /* for so long; of one that is stuck */
	double chance;              /* that a sound agent looks so bad */
};

/* Fills what is found of each; drained and lost agents are no peers, and are not judged. */
void fitness_judge(const struct fitness_limits *limits, struct fitness_case *cases, size_t n,
    int64_t now_ms);
/* Enough is left of the type without that one: an agent, and the floor of the slots. */
bool fitness_may_drain(const struct fitness_limits *limits, const struct fitness_case *cases,
    size_t n, size_t which);
/* How long one that was drained `spells` times is kept out. */
int64_t fitness_probation(const struct fitness_limits *limits, uint32_t spells);

/* Of n1 attempts k1 failed, of n2 others k2: the chance of k1 or more if all are alike. */
double fitness_fisher(uint32_t k1, uint32_t n1, uint32_t k2, uint32_t n2);
/* k or more of n coin tosses. */
double fitness_sign(uint32_t k, uint32_t n);

#endif
