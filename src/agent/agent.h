/* SPDX-License-Identifier: MIT */
/*
 * The agent: what its parts share.
 *
 *            commands up            script says OK
 *   AWAY ------------------> ASKING ---------------> SIGNED ON
 *    ^                          |                        |
 *    +------ commands down -----+------------------------+
 *
 *   signed on:  pull  ->  attempt  ->  outbox
 *               (reads)   (a child)    (reports until confirmed)
 *               beat: tells of attempts, hears CANCEL and LOST
 *
 *   SIGTERM: draining, nothing is pulled; when nothing runs and all is reported,
 *   sign off and leave.  A second SIGTERM ends what runs and hands it back.
 */
#ifndef REEVE_AGENT_AGENT_H
#define REEVE_AGENT_AGENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/childenv.h"
#include "agent/command.h"
#include "agent/keeper.h"
#include "agent/ledger.h"
#include "agent/options.h"
#include "agent/settings.h"
#include "agent/strays.h"
#include "base/id.h"
#include "loop/loop.h"
#include "redis/conn.h"
#include "redis/script.h"
#include "wire/keys.h"

#define AGENT_CALL_MS 10000      /* deadline of a command */
#define AGENT_RETRY_US 1000000LL /* after a refusal that may pass */
#define AGENT_LEASE_MS 15000
#define TOLD_MAX 16
#define PROGRESS_US 1000000LL /* told so soon, with all that comes until then */
#define AGENT_GRACE_MS 10000
#define PLACES_MAX 256
#define AGENT_SCRATCH (32 * 1024)

struct agent;
struct room;
struct spool;
struct tasklog;

/* A partition of the state, with the keys that all agents use there. */
struct place {
	struct agent *agent;
	unsigned number;
	struct keys keys;
	char *card, *beats, *cancel, *done, *meta, *agents;
	bool drained; /* its owner wants us to take nothing new */
};

/* An agent type that we work for, in a partition. */
struct queue {
	struct agent *agent;
	struct place *place;
	char *type, *key, *group;
	struct type_settings settings;
};

struct puller {
	struct loop_timer timer; /* the next look at the pending list, or a retry */
	bool busy;               /* a command is under way on the reading connection */
	bool looked;             /* this instance has looked at its pending list */
	bool look_now;           /* a look is due */
	bool looking;            /* one is under way */
	bool resend;       /* it sends reports again that were confirmed before signed_on_us */
	char after[48];    /* a look goes on behind this entry */
	size_t queue;      /* of the look, or of the rotation */
	size_t empty;      /* queues in a row that had nothing */
	uint64_t look;     /* number of the look */
	uint64_t complete; /* of the last one that was finished */
	int64_t client;    /* of the reading connection, for CLIENT UNBLOCK */
	bool careful;      /* a reply was too large: looks weigh each entry first */
	bool oversized;    /* this look has found one that is */
	char told[TOLD_MAX][48]; /* entries that nobody can report, as told last */
	size_t next_told;
};

struct beater {
	struct loop_timer timer;
	struct loop_timer cut; /* attempts that must not overlap end when it fires */
	unsigned busy; /* calls under way: one for each partition */
	bool good;     /* those that were answered were answered OK */
	bool owed; /* after a reconnect: nothing is read before a beat was answered */
	int64_t sent_us;  /* when the beat under way was sent */
	int64_t alive_us; /* when the last one that was answered was sent */
};

struct sweeper {
	struct brood brood;
	struct pids strangers; /* children that we had before our time as an agent */
	unsigned leaders;      /* of attempts, not yet waited for */
	struct held_row **ending; /* of attempts that wait for what they left behind */
	size_t n_ending, cap_ending;
	bool alone; /* while attempt_swept() is called: nothing but what we know is alive */
	bool blind_told;
};

/* See agent/room.h. */
struct rooms {
	struct room *free;
	uint64_t made; /* the name of the last one */
	struct loop_timer timer;
};

/* Reports that go with the end of this turn. */
struct outbox {
	struct held_row **due;
	size_t n_due, cap_due;
};

/* The scripts of wire/lua. */
struct agent_scripts {
	struct redis_script *list;
	size_t len;
};

struct agent {
	const struct agent_options *options;
	struct loop *loop;
	struct keeper *keeper;
	struct redis_conn *commands, *reads;
	struct agent_scripts scripts;
	struct place **places;  /* partitions of the state, as far as they are known */
	size_t n_places, cap_places;
	bool counted;           /* Redis has said how many there are */
	unsigned cards_due;     /* of the sign-on under way */
	bool card_failed;
	char *id;
	char instance[TOKEN_SIZE];
	char *host, *root, *cwd;
	struct childenv env;
	struct queue **queues;  /* each type in each partition */
	size_t n_queues, cap_queues;
	unsigned slots, running;
	struct tasklog *logs; /* of attempts, not yet wholly sent */
	struct spool *spool;
	int64_t lease_ms;
	int64_t signed_on_us; /* when the last sign-on was answered */
	struct ledger ledger;
	struct puller puller;
	struct beater beater;
	struct sweeper sweeper;
	struct rooms rooms;
	struct outbox outbox;
	int null_fd; /* the usual standard input */
	bool turn_due; /* agent_go_on() was called in this turn */
	struct loop_timer sign_timer, drain_timer, leave_timer, resend_timer, spool_timer;
	bool asking, signed_on, was_signed_on;
	bool draining, stopping, leaving, left;
	bool away_told, taker_told;
	bool durable; /* the spool outlives us */
	int exit_code;
	char scratch[AGENT_SCRATCH]; /* for one read at a time */
};

/* --- agent.c --- */
int agent_new(const struct agent_options *options, const char *url, struct keeper *keeper,
    struct agent **ret_agent, struct err *err);
/* Runs to its end; the program's exit code. */
int agent_run(struct agent *agent);
void agent_free(struct agent *agent);
unsigned agent_free_slots(const struct agent *agent);
/* Nothing new is taken: it stops, or an owner wants it so. */
bool agent_is_draining(const struct agent *agent);
/*
 * Something ended: at the end of this turn of the loop, when all is known that ended in it,
 * reports it, reads on, or leaves if that was the last.
 */
void agent_go_on(struct agent *agent);
/* Ends everything at once and leaves with exit_code: this id is another's now. */
void agent_abandon(struct agent *agent, int exit_code);
struct redis_port *agent_port(const struct agent *agent); /* of commands; NULL: down */
void agent_ignore_reply(void *arg, const struct redisReply *reply, const struct err *err);

/* --- partitions.c --- */
/* Makes keys and queues of the partitions up to n; false: the prefix is none. */
bool places_grow(struct agent *agent, size_t n);
/* The partition of a run; the first one where that is not known. */
struct place *places_of(const struct agent *agent, const char *run);
/*
 * What its owner said at a sign-on or beat: whether nothing new is to be taken.  One
 * partition's word holds for all; what was delivered and does not run is handed back.
 */
void places_set_drained(struct place *place, bool drained);
void places_release(struct agent *agent);

/* --- script.c --- */
int agent_scripts_init(struct agent_scripts *scripts, struct err *err);
void agent_scripts_release(struct agent_scripts *scripts);
/* Calls a script of wire/lua; keys and arguments stand in `command` already. */
int agent_script(struct agent *agent, const char *name, size_t n_keys,
    struct command *command, redis_reply_fn *fn, void *arg);

/* --- signon.c --- */
/* As long as nobody said how many partitions there are: asks again. */
void signon_count(struct agent *agent);
void signon_begin(struct agent *agent);
void signon_lost(struct agent *agent);          /* the connection went */
void signon_tell_draining(struct agent *agent); /* on the card */
void signoff_begin(struct agent *agent);

/* --- pull.c --- */
void pull_init(struct agent *agent);
void pull_go(struct agent *agent); /* reads if it may and is not reading */
void pull_reconnected(struct agent *agent);
void pull_too_large(struct agent *agent); /* the reading connection broke over a reply */
void pull_look_again(struct agent *agent); /* confirmed reports may be forgotten */
void pull_wake(struct agent *agent); /* ends a blocking read: we drain */
void pull_release(struct agent *agent);

/* --- beat.c --- */
void beat_init(struct agent *agent);
void beat_soon(struct agent *agent, int64_t after_us); /* at the latest then */
/* again: one beat now, and nothing is read before it is answered. */
void beat_signed_on(struct agent *agent, bool again);
/*
 * May a task of this type start?  Not one that must not overlap, when no beat was answered
 * for so long that somebody else may have it already: then one is sent, and the pending
 * list is looked at after its answer.
 */
bool beat_allows(struct agent *agent, const struct queue *queue);
void beat_guard(struct agent *agent, const struct held_row *row); /* it has started */
void beat_release(struct agent *agent);

/* --- sweep.c --- */
void sweep_init(struct agent *agent);
/* The leader of its attempt has ended; and: nothing of it is left, or it is given up. */
void sweep_begin(struct agent *agent, struct held_row *row);
void sweep_end(struct agent *agent, struct held_row *row);
/* Looks for orphans of attempts that have ended; calls attempt_swept(). */
void sweep_look(struct agent *agent);
/* All attempts are given up: kills whatever shows their tokens. */
void sweep_abandoned(struct agent *agent);
void sweep_release(struct agent *agent);

/* --- outbox.c --- */
/* row->report is complete: sends it now or when Redis is back. */
void outbox_put(struct agent *agent, struct held_row *row);
/* The end of an attempt's output has arrived: its report follows. */
void outbox_log_sent(struct agent *agent, const char *token);
void outbox_flush(struct agent *agent); /* the end of a turn: what was put goes */
void outbox_resend(struct agent *agent); /* what is unconfirmed and not under way */
void outbox_away(struct agent *agent);   /* Redis went: what is unconfirmed is spooled */
void outbox_load(struct agent *agent);   /* takes up what an earlier agent spooled */
void outbox_sync_soon(struct agent *agent);
void outbox_spool_due(struct agent *agent); /* spool_timer */
void outbox_release(struct agent *agent);

#endif
