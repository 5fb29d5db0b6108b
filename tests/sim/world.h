/* SPDX-License-Identifier: MIT */
/*
 * One simulated world: a virtual clock, events in its order, a fake Redis,
 * daemons with the real partition, engine and store, agents, and a people that
 * submits runs.  All chance comes from one seed, so a world can be played
 * again.
 */
#ifndef REEVE_TESTS_SIM_WORLD_H
#define REEVE_TESTS_SIM_WORLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <uthash.h>

#include "base/metrics.h"
#include "base/rand.h"
#include "engine/engine.h"
#include "fake_redis.h"
#include "model/workflow.h"
#include "orchestrator/partition.h"
#include "redis/port.h"

#define TYPES 3
#define AGENTS 7
#define DAEMONS 3
#define FLOWS 4
#define SLOTS 2
#define POOLS 2
#define TRACE 80
#define TRACE_LINE 200

struct world;
struct redisReply;

typedef void event_fn(void *arg, uint64_t n);

struct event {
	int64_t at;
	uint64_t order;
	event_fn *fn;
	void *arg;
	uint64_t n;
};

/* --- link.c: one connection with faults ------------------------------------------ */

struct sent;

struct link {
	struct redis_port port; /* first */
	struct world *world;
	const char *name;
	bool up, open;
	uint64_t generation;
	struct sent *first, **last; /* sent and not answered */
	struct sent *lost;          /* their callbacks get NULL */
	struct err why;
	int64_t stalled_until, exec_at, deliver_at;
	size_t max_reply;
	struct sent *parked; /* a blocking read that found nothing yet */
	void (*on_up)(void *arg);
	void (*on_down)(void *arg, const struct err *err);
	void (*on_sent)(void *arg, const char *command); /* before a command leaves */
	void (*on_called)(void *arg);                    /* a callback ran */
	int64_t (*held_until)(void *arg);                /* the program stands still */
	void *arg;
};

void link_init(struct link *link, struct world *world, const char *name);
void link_open(struct link *link);  /* begins to connect */
void link_close(struct link *link); /* calls what is pending with NULL, at once */
void link_cut(struct link *link, int code, const char *why);
void link_stall(struct link *link, int64_t ms);
void link_poll(struct link *link);  /* Redis was written to */

/* --- daemon.c ------------------------------------------------------------------------ */

struct daemon {
	struct world *world;
	const char *name, *home;
	bool alive, stopping;
	unsigned life;
	struct partition *partition;
	struct link commands, reads;
	struct rng rng;
	struct metrics metrics;
	int64_t paused_until, boot, skew;
	int64_t away_ms; /* at least so long until it is started again; 0 = soon */
	int64_t turn_at; /* the turn that is scheduled; INT64_MAX: none */
	unsigned spins;
	int64_t spun_at;
	int64_t serving_since;
	unsigned server; /* the life of Redis that it was connected to last */
	/* in its state folder */
	char known_nonce[40];
	uint64_t known_beat;
	bool restoring; /* it writes back what its memory holds */
};

void daemon_init(struct daemon *daemon, struct world *world, size_t i);
void daemon_start(struct daemon *daemon);
void daemon_crash(struct daemon *daemon);
void daemon_stop(struct daemon *daemon); /* SIGTERM */
void daemon_pause(struct daemon *daemon, int64_t ms); /* SIGSTOP, SIGCONT */
void daemon_sleep(struct daemon *daemon, int64_t ms); /* its machine's: mono stands still */
void daemon_wake(struct daemon *daemon); /* a turn soon */
bool daemon_serves(const struct daemon *daemon);

/* --- agents.c --------------------------------------------------------------------------- */

#define AGENT_LEASE_MS 3000 /* of those that beat */
#define AGENT_BEAT_MS 700
#define SAID 16

struct held {
	bool used, started;
	bool finished;  /* what came of it is known; not reported yet */
	char entry[STREAM_ID_SIZE], run[RUN_ID_SIZE], task[80], token[TOKEN_SIZE], attempt[12];
	unsigned kind;
	int64_t taken_at, until;
	int64_t unowned_at; /* since when beats say so; 0: they do not */
};

/* A report that Redis confirmed: kept, and sent again where its entry is still pending. */
struct said {
	struct held held;
	int64_t at;
};

struct agent {
	struct world *world;
	char id[16], instance[20];
	unsigned type;
	bool alive;
	bool beats;     /* has a card and beats; the others work by two commands */
	bool kills;     /* on_disconnect: kill */
	bool recover;   /* looks at its own pending list next */
	bool resend;    /* after a reconnect: also what was confirmed */
	bool away;      /* it was out of reach since it last spoke to Redis */
	bool signed_on; /* in this life */
	bool looked;    /* at its pending list, in this life */
	bool sure;      /* a beat was answered since it was last out of reach */
	unsigned life, number;
	unsigned server; /* the life of Redis that it was connected to last */
	int64_t beat_at, beaten_at, look_at;
	int64_t beaten_away; /* world_away_ms() then */
	int64_t cut_until, paused_until;
	struct held held[SLOTS];
	struct held spool[SLOTS]; /* of its last life: finished and not reported */
	struct said said[SAID];
	size_t n_said;
};

void agent_init(struct agent *agent, struct world *world, size_t i);
void agent_start(struct agent *agent);
void agent_die(struct agent *agent);
void agent_cut(struct agent *agent, int64_t ms);   /* from Redis; it goes on working */
void agent_pause(struct agent *agent, int64_t ms); /* SIGSTOP */
void agent_leave(struct agent *agent);             /* signs off */
const char *agent_queue(const struct agent *agent);
const char *agent_group(const struct agent *agent);

/* --- reports.c --------------------------------------------------------------------------- */

enum { R_DONE, R_FAILED, R_FINAL, R_LOST, R_RELEASED, R_THROTTLED, R_BLOCKED, R_BAD, R_TIMEOUT,
	R_COUNT };

/* What was ever reported about a token. */
struct told {
	char token[TOKEN_SIZE];
	unsigned kinds; /* bits of TOLD_ */
	UT_hash_handle hh;
};
enum { TOLD_DONE = 1, TOLD_FAILED = 2, TOLD_RELEASED = 4, TOLD_THROTTLED = 8, TOLD_BAD = 16 };

unsigned report_kind(struct world *world); /* a random end of an attempt */
/* false: Redis refused it. */
bool report_send(struct agent *agent, const struct held *held);
bool report_started(struct agent *agent, const struct held *held);
void report_garbage(struct world *world);

/* --- what can happen ------------------------------------------------------------------------- */

/* Each is counted; a long run in which one never happened fails. */
#define TALLY(X)                                                                       \
	X(CUT, "connections cut")                                                      \
	X(CUT_AFTER, "replies lost behind their execution")                            \
	X(CUT_BEFORE, "commands lost before their execution")                          \
	X(LATE, "commands of dead connections executed late")                          \
	X(SEVERAL, "turns that leave several commits in flight")                       \
	X(SEVERAL_CUT, "connections lost with several commits in flight")              \
	X(SEVERAL_PART, "answers heard while some of several commits were applied")    \
	X(SEVERAL_REFUSED, "answers heard while the first of several commits waits")   \
	X(SEVERAL_CRASH, "daemons killed with several commits in flight")              \
	X(REFUSED, "error replies of Redis")                                           \
	X(LINK_STALL, "connections stalled")                                           \
	X(REDIS_STALL, "stalls of Redis")                                              \
	X(REDIS_RESTART, "restarts of Redis")                                          \
	X(FAILOVER, "failovers that lost a suffix")                                    \
	X(POWER_CUT, "power cuts that lost a suffix")                                  \
	X(WIPED, "wiped states of Redis")                                              \
	X(LOSS_HELD, "daemons that hold because of that")                              \
	X(LOSS_ACCEPTED, "losses that people accepted")                                \
	X(LOSS_RESTORED, "states that were written back from memory")                  \
	X(RUN_RESTORED, "runs that were written back")                                 \
	X(SCRIPT_FLUSH, "scripts forgotten")                                           \
	X(CRASH, "daemons killed")                                                     \
	X(STOP, "daemons stopped")                                                     \
	X(PAUSE, "daemons paused")                                                     \
	X(SLEEP, "machines asleep")                                                    \
	X(WALL_JUMP, "wall clocks of daemons set")                                     \
	X(REDIS_JUMP, "wall clocks of Redis set")                                      \
	X(TAKEN, "ownerships taken over")                                              \
	X(FREED, "ownerships taken that were given up")                                \
	X(HOME, "ownerships taken by the same home")                                   \
	X(FENCED, "commits of ex-owners refused")                                      \
	X(AGENT_DEATH, "agents killed")                                                \
	X(AGENT_CUT, "agents cut off")                                                 \
	X(AGENT_PAUSE, "agents paused")                                                \
	X(AGENT_LEAVE, "agents signed off")                                            \
	X(AGENT_KILL, "attempts ended by agents that were cut off")                    \
	X(SPOOLED, "reports spooled")                                                  \
	X(SPOOL_OF_DEAD, "reports from the spool of an agent that died")               \
	X(RESENT, "confirmed reports sent again")                                      \
	X(ECHO, "reports repeated late")                                               \
	X(LOST, "agents that learned LOST")                                            \
	X(UNOWNED, "beats for entries that were pending for nobody")                   \
	X(CANCELLED, "agents that learned CANCEL")                                     \
	X(REAPED, "entries of silent agents taken back")                               \
	X(SLOW, "slow attempts")                                                       \
	X(GARBAGE, "garbage among the completions")                                    \
	X(RUN_CANCEL, "runs cancelled")                                                \
	X(TASK_CANCEL, "tasks cancelled")                                              \
	X(RETRY_LIVE, "live runs of which something ran again")                        \
	X(RETRY_ENDED, "ended runs that were reopened")                                \
	X(REPLAY, "tasks replayed with another body or priority")                      \
	X(RUN_PAUSE, "runs paused")                                                    \
	X(NAME_PAUSE, "workflows and agent types paused")                              \
	X(LETTER, "open dead letters seen")                                           \
	X(LETTER_DROP, "dead letters dropped by people")                               \
	X(POOL_FULL, "commits that leave a pool full")                                 \
	X(PASSED, "commands passed on and applied")                                    \
	X(PASSED_BAD, "garbage among the commands")                                    \
	X(PURGED, "ended runs removed")                                                \
	X(KEEP_ORDER, "removals that people asked for")                                \
	X(RATED, "commits that start what a rate limits")                              \
	X(CIRCUIT_OPEN, "circuits opened")                                             \
	X(CIRCUIT_AGAIN, "circuits opened again by a probe")                           \
	X(CIRCUIT_CLOSED, "circuits closed by a probe")                                \
	X(BIG, "runs of hundreds of tasks")                                            \
	X(DRILL_KILL, "drills: the owner killed, another takes over")                  \
	X(DRILL_STOP, "drills: the owner stopped, another takes over")                 \
	X(DRILL_STALL, "drills: Redis stalls for 3 s, again and again")                \
	X(NO_GROUP, "consumer groups destroyed")                                       \
	X(NO_STREAM, "task streams deleted")                                           \
	X(NO_CONSUMER, "consumers deleted with what was pending")                      \
	X(NO_ENTRY, "task entries deleted")                                            \
	X(FOREIGN_ACK, "task entries acknowledged by others")                          \
	X(NO_DONE, "completions deleted")                                              \
	X(NO_CARD, "cards of agents deleted")                                          \
	X(NO_KEY, "keys of the owner deleted")                                         \
	X(WRONG_TYPE, "keys of a wrong type")

#define TALLY_ENUM(name, text) TALLY_##name,
enum tally { TALLY(TALLY_ENUM) TALLIES };
#undef TALLY_ENUM

void world_count(struct world *world, enum tally what);
const char *tally_text(enum tally what);

/* fate.c: what befalls daemons, connections, Redis, agents */
void fate_begin(struct world *world);
/* drill.c: one thing goes wrong in a world without other faults; bounds are checked */
void drill(struct world *world);
/* operators.c: what people do to Redis by hand */
void operator_harm(struct world *world);
/* people.c: who submits and cancels */
void people_begin(struct world *world);
void people_release(struct world *world);

/* An operation of a table, drawn by its weight. */
struct chance_row {
	unsigned weight;
	void (*fn)(struct world *world);
};
void chance_draw(struct world *world, const struct chance_row *rows, size_t n);

/* --- world.c ------------------------------------------------------------------------------ */

/* A run that was asked for. */
struct asked {
	struct world *world;
	struct run_id id;
	struct workflow *wf;
	bool accepted, refused;
	bool again; /* something of it ran again */
	size_t number;
	bool restored; /* written back from memory, which may have held no outputs of it */
	const struct daemon *restored_by; /* it is being written back by that one */
	/* check_keep.c: as the last commit left it */
	bool stored, ended, letters;
	bool purged;         /* retention took it */
	int64_t finished_ms; /* wall */
	bool logs_seen;      /* retention saw logs, and has not removed them yet */
	int64_t logged_at, unlogged_at; /* -1: never */
};

struct shape {
	unsigned daemons; /* 1 to DAEMONS */
	bool losses;      /* failovers and power cuts that lose a suffix of the writes */
	bool garbage, clock_jumps, operators, big;
	bool wipes; /* somebody empties Redis */
	enum loss_policy on_loss;
	unsigned fault;  /* one in so many */
	unsigned latency; /* ms that a command or a reply of a daemon travels, less than that */
	uint32_t window;
	size_t outputs; /* bytes of outputs that memory may hold */
	unsigned runs;
	int64_t audit_ms; /* between two audits; 0: none */
	struct keep_limits keep;
	struct pool_limits pools[POOLS];
};

#define LIMIT_TEXT 120

/* Of an agent type, and what was seen of it. */
struct limit_watch {
	struct type_limits rule;
	char circuit[LIMIT_TEXT]; /* as it stood behind the last commit */
	int64_t *starts;          /* wall, from when on they may have been decided on */
	size_t n_starts, cap_starts;
};

struct world {
	uint64_t seed;
	struct rng rng;
	int64_t now, redis_skew;
	uint64_t order;
	struct event *heap;
	size_t n_heap, cap_heap;
	size_t steps, budget;
	bool faults, verbose, redis_up, over;
	int64_t redis_stalled_until;
	int64_t away_since, away_until; /* when Redis answers nobody */
	int64_t away_ms;                /* and how long, before that */
	int64_t lost_at;   /* a suffix of the writes was lost; -1: never */
	int64_t harmed_at; /* somebody meddled with Redis; -1: never */
	bool events_lost;  /* the stream of events is not whole */
	bool letters_harmed; /* somebody deleted dead letters */
	bool overwritten; /* memory was written over an older state */
	bool keep_ordered; /* somebody asked for runs to be removed, whatever their age */
	unsigned keep_orders; /* that were not answered yet */
	bool withdrawn;    /* an entry was taken back, and perhaps nobody heard of it */
	uint64_t *tally;
	unsigned servers; /* lives of Redis: its run_id changes with each */
	struct shape shape;
	struct limit_watch limits[TYPES];
	int64_t committed_at; /* wall: when the last commit was built; 0 = none yet */
	struct fake_redis *redis;
	size_t writes_seen;
	struct daemon daemons[DAEMONS];
	struct agent agents[AGENTS];
	struct workflow *flows[FLOWS];
	size_t n_flows;
	struct asked **asked;
	size_t n_asked, cap_asked;
	struct told *told;
	struct dropped *dropped;
	struct passed *passed;
	char trace[TRACE][TRACE_LINE];
	size_t n_trace;
};

/* Plays one world to its end; returns the steps that it took.  tally: TALLIES counts. */
size_t world_play(uint64_t seed, size_t budget, bool verbose, uint64_t *tally);

void world_step(struct world *world);
void world_at(struct world *world, int64_t at, event_fn *fn, void *arg, uint64_t n);
void world_in(struct world *world, int64_t ms, event_fn *fn, void *arg, uint64_t n);
uint64_t chance(struct world *world, uint64_t n); /* below n */
bool one_in(struct world *world, uint64_t n);
bool fault_in(struct world *world, uint64_t n); /* as above, while faults happen */
void world_trace(struct world *world, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Prints seed, step and the last events, and ends the program. */
void world_fail(struct world *world, const char *fmt, ...)
    __attribute__((format(printf, 2, 3), noreturn));
/* Redis was perhaps written to: blocking reads look again. */
void world_ran(struct world *world);
/* Gone, and there again after down_ms; lost writes are forgotten, and so are scripts. */
void world_restart_redis(struct world *world, size_t lost, int64_t down_ms);
/* Redis holds nothing any more; down_ms >= 0: and is another one, so much later. */
void world_wipe_redis(struct world *world, int64_t down_ms);
/* Redis answers nobody for so long. */
void world_stall_redis(struct world *world, int64_t ms);
/* How long Redis has answered nobody, all in all. */
int64_t world_away_ms(const struct world *world);
/* Redis answers those that it can be reached by. */
bool world_answers(const struct world *world);
const char *type_name(unsigned type);

/* --- flows.c: random definitions --------------------------------------------------------------- */
struct workflow *flow_random(struct world *world, size_t i);

/* --- control.c: what people do to runs that exist --------------------------------------------- */
void control_cancel_task(struct world *world);
void control_retry(struct world *world);
void control_rerun(struct world *world, struct daemon *daemon, struct asked *asked,
    struct run *live);
void control_pause(struct world *world);
void control_resume(struct world *world);
void control_begin(struct world *world);
/* people.c: a run that somebody wants; NULL: enough is wanted.  And its submission. */
struct asked *people_want(struct world *world, struct daemon *daemon);
void people_submit(struct world *world, struct daemon *daemon, struct asked *asked);
/* pools.c: what tasks share */
struct buf;
struct entry;
void pools_draw(struct world *world);
void pools_apply(struct daemon *daemon); /* it serves now */
void pools_add(struct world *world, struct buf *out); /* of a task's definition */
void pools_count(const struct world *world, const struct entry *entry, uint32_t used[POOLS]);
void pools_check(struct world *world, const uint32_t used[POOLS]);
/* passing.c: commands that a standby passes on */
void passing_ask(struct world *world);
void passing_garbage(struct world *world);
void passing_hooks(struct partition_config *config);
void passing_release(struct world *world);
void check_passed(struct world *world);      /* after each commit */
void check_passed_anew(struct world *world); /* history was lost */
void check_passing(struct world *world);     /* when all is idle */
/* loss.c: daemons that find another state than the one they knew */
void loss_begin(struct world *world);
void loss_hooks(struct partition_config *config); /* of a daemon (its arg) */
void loss_state(struct daemon *daemon, enum partition_state state);
/* keeping.c: people who drop dead letters, and who have ended runs removed */
void keeping_drop_letters(struct world *world);
void keeping_purge(struct world *world);
/* An agent writes to the log of its attempt. */
void keeping_log(struct agent *agent, const struct held *held);
struct daemon *people_serving(struct world *world); /* some daemon that serves, or NULL */

/* --- limits.c: what holds agent types back ------------------------------------------------------ */
void limits_draw(struct world *world);
void limits_apply(struct daemon *daemon); /* it serves now */
void check_limits(struct world *world, const char *const *argv); /* of a commit */
void limits_release(struct world *world);

/* --- check.c: invariants ------------------------------------------------------------------------- */
void check_commit(struct world *world, int argc, const char *const *argv);

/* What a commit adds to one stream, by its arguments (wire/lua/commit.lua). */
struct commit_add {
	const char *key;
	long n_words, n_places, entries;
	const char *const *words, *const *places, *const *values;
};

/* A walk over these: of n streams from `at` on, and of so many sections behind them. */
struct commit_walk {
	const char *const *at;
	long n;
	int sections;
};
struct commit_walk check_adds(const char *const *argv);
bool check_next_add(struct commit_walk *walk, struct commit_add *ret_add);
/* A field of the last entry. */
const char *check_added(const struct commit_add *add, const char *field);
/* An entry of the type's stream with this token is not settled. */
bool check_is_outstanding(struct world *world, unsigned type, const char *token);
void check_same_load(struct world *world, struct daemon *daemon);
void check_same_engine(struct world *world, const struct engine *memory,
    const struct engine *loaded);
void check_end(struct world *world);
void check_audit(struct world *world, const struct daemon *daemon);
void check_history(struct world *world); /* check_history.c */
struct object;
struct object *check_find(struct world *world, const char *name); /* a key; NULL: none */
/* A run's record, from the list of live runs or its own hash; false: there is none. */
struct run_head;
bool check_head(struct world *world, const char *run, struct run_head *ret_head);
void check_key(struct world *world, const struct asked *asked);
/* It owns, and nothing that it sent is under way. */
bool check_owns(struct world *world, const struct daemon *daemon);
/* A run as Redis has it, in an engine of its own; a reference, or NULL. */
struct run *check_read_run(struct world *world, struct daemon *daemon, struct engine *engine,
    const char *id);
/* check_keep.c: what retention removes */
void check_kept(struct world *world);      /* after each change of runs */
/* Answers of the scripts ended and unlog. */
void check_looked(struct world *world, const struct redisReply *reply);
void check_unlogged(struct world *world, int argc, const char *const *argv);
void check_kept_anew(struct world *world); /* history was lost */
void check_keep(struct world *world);      /* when all is idle */
/* check_letters.c: dead letters and the tasks that they are about */
struct entry;
void check_letters(struct world *world);
void check_may_drop(struct world *world, const struct entry *letter); /* from now on */
void check_letters_release(struct world *world);
/* An agent begins with an attempt: nobody else who must not may be at the same task. */
void check_alone(struct world *world, const struct agent *agent, const struct held *held);
/* An answer of wire/lua/reap.lua: nothing is taken from an agent that lives. */
void check_reap(struct world *world, const char *const *argv, const struct redisReply *reply);
bool check_all_ended(struct world *world);

#endif
