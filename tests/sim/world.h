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
#define AGENTS 6
#define DAEMONS 2
#define FLOWS 4
#define SLOTS 2
#define TRACE 80
#define TRACE_LINE 200

struct world;

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
	int64_t turn_at; /* the turn that is scheduled; INT64_MAX: none */
	unsigned spins;
	int64_t spun_at;
	int64_t serving_since;
	unsigned server; /* the life of Redis that it was connected to last */
};

void daemon_init(struct daemon *daemon, struct world *world, size_t i);
void daemon_start(struct daemon *daemon);
void daemon_crash(struct daemon *daemon);
void daemon_stop(struct daemon *daemon); /* SIGTERM */
void daemon_wake(struct daemon *daemon); /* a turn soon */
bool daemon_serves(const struct daemon *daemon);

/* --- agents.c --------------------------------------------------------------------------- */

struct held {
	bool used, started, finished;
	char entry[STREAM_ID_SIZE], run[RUN_ID_SIZE], task[80], token[TOKEN_SIZE], attempt[12];
	unsigned kind;
	int64_t until;
};

struct agent {
	struct world *world;
	char id[16], instance[20];
	unsigned type;
	bool alive, beats, recover;
	unsigned life, number;
	int64_t beat_at;
	struct held held[SLOTS];
};

void agent_init(struct agent *agent, struct world *world, size_t i);
void agent_start(struct agent *agent);
void agent_release(struct agent *agent);

/* What was ever reported about a token. */
struct told {
	char token[TOKEN_SIZE];
	unsigned kinds; /* bits of TOLD_ */
	UT_hash_handle hh;
};
enum { TOLD_DONE = 1, TOLD_FAILED = 2, TOLD_RELEASED = 4, TOLD_THROTTLED = 8, TOLD_BAD = 16 };
void world_garbage(struct world *world);

/* --- world.c ------------------------------------------------------------------------------ */

/* A run that was asked for. */
struct asked {
	struct world *world;
	struct run_id id;
	struct workflow *wf;
	bool accepted, refused;
};

struct shape {
	bool standby, power_cuts, garbage, clock_jumps;
	unsigned fault;  /* one in so many */
	uint32_t window;
	size_t outputs; /* bytes of outputs that memory may hold */
	unsigned runs;
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
	unsigned servers; /* lives of Redis: its run_id changes with each */
	struct shape shape;
	struct fake_redis *redis;
	size_t writes_seen;
	struct daemon daemons[DAEMONS];
	struct agent agents[AGENTS];
	struct workflow *flows[FLOWS];
	size_t n_flows;
	struct asked **asked;
	size_t n_asked, cap_asked;
	struct told *told;
	char trace[TRACE][TRACE_LINE];
	size_t n_trace;
};

/* Plays one world to its end; returns the steps that it took. */
size_t world_play(uint64_t seed, size_t budget, bool verbose);

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
/* Killed and started again; power: the last writes are lost. */
void world_restart_redis(struct world *world, bool power);
const char *type_name(unsigned type);

/* --- flows.c: random definitions --------------------------------------------------------------- */
struct workflow *flow_random(struct world *world, size_t i);

/* --- check.c: invariants ------------------------------------------------------------------------- */
void check_commit(struct world *world, int argc, const char *const *argv);
void check_same_load(struct world *world, struct daemon *daemon);
void check_end(struct world *world);
bool check_all_ended(struct world *world);

#endif
