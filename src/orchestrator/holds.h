/* SPDX-License-Identifier: MIT */
/*
 * Ended runs that somebody reads in order to take them up again; retention leaves them.
 *
 * A look of retention at Redis is answered later: what was held at any moment since it
 * was sent is not removed because of it, also if it has been let go meanwhile (the run
 * may have been live, and have ended again with a dead letter).
 */
#ifndef REEVE_ORCHESTRATOR_HOLDS_H
#define REEVE_ORCHESTRATOR_HOLDS_H

#include <stdbool.h>
#include <stddef.h>

struct held_run;

struct holds {
	struct held_run *runs;
	size_t n, cap;
	bool looking; /* the answer to a look is under way */
};

void holds_release(struct holds *holds);

void holds_add(struct holds *holds, const char *run);
/* One who held it lets it go; of several first one whose reading is stale. */
void holds_let_go(struct holds *holds, const char *run);
bool holds_has(const struct holds *holds, const char *run); /* or had, since the look */

/* One of them has taken the run up: what the others read before is stale. */
void holds_taken_up(struct holds *holds, const char *run);
bool holds_is_stale(const struct holds *holds, const char *run);

void holds_look_begun(struct holds *holds);
void holds_look_ended(struct holds *holds);

#endif
