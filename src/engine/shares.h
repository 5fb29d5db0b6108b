/* SPDX-License-Identifier: MIT */
/*
 * A limit that holds over several partitions: who may use how much of it.
 *
 * The owner of the limit's home partition deals out grants; the owner of each partition
 * says what it holds, and what it wants.  Both are stored, each in its own partition
 * and fenced there; nobody acts on anything that is not stored.
 *
 *   home       granted (units, version)     ──▶ read by the partition
 *   partition  held (units, version seen)   ──▶ read by the home
 *
 *   - A grant changes only when the partition has seen the last one (held.version ==
 *     granted.version), and gets a new version then.
 *   - What is counted as a partition's is the greater of both.  A grant is raised only by
 *     what the sum of these leaves free: what one loses goes to another after it was
 *     seen to be gone.
 *   - Under one version `held` only falls; a higher grant is used after `held` was stored
 *     with it.
 *
 * So the sum of what is used never passes the limit, whatever dies, and whatever is
 * read late: what was read late says more than is, never less.  A partition that takes
 * over uses what is stored for it.
 *
 * Dealt is by demand: first in turn what each next task needs at least (one that
 * needs much gets its turn), then evenly what each wants (max-min fairness, Bertsekas &
 * Gallager 1992), then what is left, so that a first task need not wait for a grant.
 * Nothing is taken away that nobody lacks.
 *
 * Rates are dealt in the same way, in parts of SHARE_WHOLE.
 */
#ifndef REEVE_ENGINE_SHARES_H
#define REEVE_ENGINE_SHARES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SHARE_WHOLE 10000 /* of a rate */

struct share_part {
	uint32_t units;
	uint32_t rate; /* of SHARE_WHOLE */
	uint64_t version;
};

struct share {
	struct share_part granted, held;
	uint32_t wanted; /* units that it could use now, those in use among them */
	uint32_t must;   /* units that its next task needs; 0: none waits */
};

/*
 * Deals anew; limit: units in all (0: they have none).  turn: changes now and then, and
 * with it who comes first.  Returns whether a grant changed.
 */
bool shares_deal(struct share *shares, size_t n, uint32_t limit, uint64_t turn);

/* What a partition that uses in_use is to store as held; whether that is something new. */
bool share_hold(struct share_part *held, const struct share_part *granted, uint32_t in_use);

/* What it may use, with both as they are stored. */
struct share_part share_cap(const struct share_part *held, const struct share_part *granted);

#endif
