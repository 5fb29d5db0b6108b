/* SPDX-License-Identifier: MIT */
/*
 * Writes that people ask for.  A command is applied by the owner of its
 * partition, in whichever daemon that is:
 *
 *   facade_…() ─▶ command_go() ─┬─ owned here ──▶ apply() ─▶ effects ─▶ commit ─▶ reply
 *                               │
 *                               └─ else: XADD `in` ─▶ owner: apply() ─▶ effects, answer ─▶ commit
 *                                  reply ◀────── the answer is read here ◀──────────────────┘
 *
 * The entry on `in` goes in the commit that holds what the command changed, so an owner that
 * dies applies it wholly or leaves it to its successor.
 *
 * A new kind of command: a row in command_kinds, and a facade function that makes the body,
 * finds the partition (of a run: orchestrator_home()) and calls command_go().  Everything else
 * happens in apply(), which only ever runs where the partition is owned:
 * - it may ask Redis first, and must then take the engine anew by command_engine();
 * - it ends with exactly one of command_refuse() and command_done(), which free the command.
 */
#ifndef REEVE_ORCHESTRATOR_COMMAND_H
#define REEVE_ORCHESTRATOR_COMMAND_H

#include <jansson.h>

#include "base/id.h"
#include "orchestrator/orchestrator_private.h"
#include "redis/reply.h"

#define COMMAND_BYTES_MAX (512 * 1024) /* of a body that is passed on */
#define COMMANDS_WAITING_MAX 256       /* on `in` of one partition */
#define COMMAND_WAIT_MS 15000          /* for an answer; longer than a take-over lasts */

struct command;

struct command_kind {
	const char *name; /* on the wire */
	enum {
		COMMAND_PLAIN,
		COMMAND_URGENT, /* is taken also while Redis is nearly full: it frees more than it takes */
		COMMAND_DOOR    /* door.h judges it, also then */
	} when;
	bool again; /* all that it changes is in one commit: what came to nothing is asked again */
	void (*apply)(struct command *command);
};

extern const struct command_kind command_kinds[]; /* ends with a NULL name */
const struct command_kind *command_kind(const char *name); /* NULL: none */

struct command {
	struct orchestrator *orch;
	struct partition *partition;
	const struct command_kind *kind;
	struct facade_actor *actor; /* who asks */
	json_t *body;             /* what is asked, an object, as it travels */
	void *native;             /* the same as structs of this process; NULL where it was passed on */
	void (*free_native)(void *native);
	/* Makes the body as it travels, and ends with command_pass(); NULL: it is there. */
	void (*travel)(struct command *command);
	/* command.c's own */
	unsigned generation;
	bool again;               /* it came to nothing here, and is passed on */
	char id[TOKEN_SIZE];      /* "": asked for here */
	struct stream_id entry;   /* on `in` */
	json_t *answer, *shown;
	facade_reply_fn *fn;
	void *arg;
};

/* Takes body over; actor may be NULL. */
struct command *command_new(struct orchestrator *orch, struct partition *p, const char *kind,
    json_t *body, const struct facade_actor *actor, facade_reply_fn *fn, void *arg);
void command_go(struct command *command);

/*
 * The same for a command about one run: id may be a unique prefix or "@last"; the body gets
 * "run", its whole id.
 */
void command_go_run(struct orchestrator *orch, const char *id, const char *kind, json_t *body,
    const struct facade_actor *actor, facade_reply_fn *fn, void *arg);

/* true: commands of this partition are applied here. */
bool command_is_here(const struct partition *p);

/* --- for apply() --- */

/* NULL: memory changed or was lost since the command began; end by command_unavailable(). */
struct engine *command_engine(const struct command *command);
void command_unavailable(struct command *command);

/* A text of the body; "": it is missing. */
const char *command_text(const struct command *command, const char *key);

/*
 * Nothing was changed, for err, which may pass.  What was asked for here is passed on, once:
 * the partition has another owner, perhaps; else as command_refuse().
 */
void command_again(struct command *command, const struct err *err);

/* Nothing was changed.  details: taken over, may be NULL. */
void command_refuse(struct command *command, const struct err *err, json_t *details);

/*
 * The effects of the change were appended (partition_effects(), not yet marked; there may be
 * none): closes the event, and replies once it is confirmed.
 * answer (taken over): {"run": ID}: that run with its tasks; {"runs": [ID…]}: these runs
 * without them; {"body": …}: that.
 * shown (taken over): the reply to an asker in this process, where it is known; or NULL: as
 * answer says.  Both NULL: the asker has it already, and fn is called without a body (never
 * for a command that was passed on).
 */
void command_done(struct command *command, json_t *answer, json_t *shown);

/* --- daemon's own --- */

void control_cancel(struct command *command);  /* control.c */
void control_retry(struct command *command);
void control_pause(struct command *command);   /* pause.c */
void control_scale(struct command *command);   /* scale.c */
void control_drain(struct command *command);   /* drain.c */
void control_rebalance(struct command *command); /* rebalance.c */
void purge_apply(struct command *command);     /* purge.c */
void noting_apply(struct command *command);    /* noting.c */

/* An entry of `in` (partition_config.on_command; arg: the daemon). */
void command_passed(void *arg, struct partition *p, const struct stream_entry *entry);

/* What an answer stands for, to its asker; answer is borrowed. */
void command_reply(struct orchestrator *orch, const json_t *answer, facade_reply_fn *fn,
    void *arg);

/* passing.c: takes the command over. */
void command_pass(struct command *command);
void command_free(struct command *command);
/* Whoever still waits hears that the daemon stops. */
void passing_stop(struct orchestrator *orch);
int passing_init(struct orchestrator *orch, struct err *err);

#endif
