/* SPDX-License-Identifier: MIT */
/*
 * Dead letters inside the daemon: walking over them, dropping them.  What people may ask
 * stands in facade.h.
 *
 * A walk looks at the letters of one agent type after the other, a page at a time, on the
 * connection for questions; what fails meanwhile may or may not be in it.
 */
#ifndef REEVE_ORCHESTRATOR_LETTERS_H
#define REEVE_ORCHESTRATOR_LETTERS_H

#include <jansson.h>

#include "orchestrator/facade.h"
#include "store/letter.h"

struct command;
struct partition;
struct letters_auto;
struct letters_keeper;

enum letters_next { LETTERS_GO_ON, LETTERS_NEXT_TYPE, LETTERS_STOP };

/* Asked of each letter that fits the filter; it lives until this returns. */
typedef enum letters_next letters_fn(void *arg, const struct letter *letter);
/* Called once, at the end. */
typedef void letters_done_fn(void *arg, const struct err *err);

struct letters_walk {
	struct letter_filter filter; /* copied */
	bool one_partition;          /* only of this: */
	unsigned partition;
	bool newest_first;           /* within a type */
	const char *cursor;          /* id of a letter: only those behind it; or NULL */
	letters_fn *on_letter;
	letters_done_fn *done;
	void *arg;
};

/* ERR_INVALID (in done): a cursor that is none; ERR_UNAVAILABLE: Redis does not answer. */
void letters_walk(struct orchestrator *orch, const struct letters_walk *walk);

/* The same after everything that is decided until now is confirmed. */
void letters_walk_confirmed(struct orchestrator *orch, const struct letters_walk *walk);

/* One letter by its id, or NULL (ERR_NOT_FOUND, ERR_INVALID, ERR_UNAVAILABLE). */
typedef void letters_one_fn(void *arg, const struct letter *letter, const struct err *err);
void letters_read(struct orchestrator *orch, const char *id, letters_one_fn *fn, void *arg);

/* A stream of letters. */
struct letters_place {
	char type[65];
	unsigned partition;
};

/*
 * Places of types that had letters, and of those that have a queue (others may write there
 * too), sorted; they live until the function returns.
 */
typedef void letters_places_fn(void *arg, const struct letters_place *places, size_t n,
    const struct err *err);
void letters_places(struct orchestrator *orch, letters_places_fn *fn, void *arg);

/* One letter in the order of lists over all places: by time, then by type and partition. */
struct letters_at {
	struct letters_place place;
	struct stream_id entry;
};
struct letters_at letters_at(const struct letter *letter);
int letters_compare(const struct letters_at *a, const struct letters_at *b);
bool letters_same_place(const struct letters_place *a, const struct letters_place *b);

/* The partition of a letter by its id; the first one where the id is none. */
struct partition *letters_home(const struct orchestrator *orch, const char *id);

/* As the API shows it. */
json_t *letters_view(const struct letter *letter);

/*
 * What facade.h calls a filter; borrows its texts.  otherwise: the state where none is said.
 * ERR_INVALID: a state that is none.  type: needs 65 bytes, the filter's type stands there.
 */
int letters_filter(const struct facade_letter_filter *filter, enum letter_state otherwise,
    char *type, struct letter_filter *ret_filter, struct err *err);

/* A filter as it travels in the body of a command; unpack borrows the body's texts. */
json_t *letters_filter_pack(const struct facade_letter_filter *filter);
void letters_filter_unpack(const json_t *body, struct facade_letter_filter *ret_filter);

/* Commands: letters_drop.c, letters_replay.c */
void letters_purge(struct command *command);
void letters_replay(struct command *command);

/* The daemon stops: whoever replays many hears of it. */
void letters_stop(struct orchestrator *orch);

/* letters_drop.c: age and number are kept in bounds while this daemon owns the partition. */
struct letters_keeper *letters_keeper_new(struct orchestrator *orch, struct err *err);
void letters_keeper_free(struct letters_keeper *keeper);

/*
 * letters_auto.c: letters of types with auto_replay are replayed without being asked, in
 * batches: a task at most three times, each time after four times as long.  One whose run
 * has expired is left to people.
 */
struct letters_auto *letters_auto_new(struct orchestrator *orch);
void letters_auto_free(struct letters_auto *autos);

#endif
