/* SPDX-License-Identifier: MIT */
/*
 * How many agents a type should have.  Pure: what is seen, the time -> a number, and why.
 *
 * Call scaler_step() about once a second for each type that scales; uneven steps are fine.
 * What it is told are gauges and one count; it works out the rest:
 *
 *   arrivals      = change of (waiting + running) + ended           (flow balance)
 *   service time  = slot-seconds spent on tasks / tasks that ended  (total time on test)
 *   start-up time = agent-seconds of those ordered and not there / those that came
 *   load          = arrivals a second * service time                (Little 1961)
 *
 * So an agent that reports nonsense about its times changes nothing.  The number is at
 * least what the load takes now and what it will take when an agent that is ordered now
 * is up (Holt's forecast), and what begins with all that will wait then within half of
 * target_wait; never more slots than there is and will be work for; always min_agents to
 * max_agents.  It goes up at once.  It goes down to the most that was wanted in the last
 * cool-down.  doc/scaling.md has the formulas with their reasons, and what they give.
 */
#ifndef REEVE_ENGINE_SCALER_H
#define REEVE_ENGINE_SCALER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/holt.h"

/* Why these: doc/scaling.md. */
#define SCALE_MIN_AGENTS_DEFAULT 0
#define SCALE_MAX_AGENTS_DEFAULT 10
#define SCALE_TARGET_WAIT_DEFAULT_MS 30000
#define SCALE_COOLDOWN_DEFAULT_MS 60000
#define SCALE_START_DEFAULT_MS 5000
#define SCALE_AUTO (-1)
#define SCALE_PEAKS 16

struct scale_policy {
	bool enabled; /* false: the number stays at min_agents, or what somebody asked for */
	uint32_t min_agents;
	uint32_t max_agents; /* counts before min_agents where it is less */
	uint32_t slots;      /* tasks that one agent does at once; 0 counts as 1 */
	int64_t target_wait_ms; /* how long 95 of 100 ready tasks may wait for an agent */
	int64_t cooldown_ms;
	int64_t start_ms; /* from an order to a working agent, until it was learnt */
};

/* min 0, max 10, 1 slot, 30 s, 60 s, 5 s; not enabled. */
void scale_policy_defaults(struct scale_policy *policy);

/* What is seen of a type at a step; of all its partitions together. */
struct scale_input {
	uint64_t waiting; /* tasks that no agent has begun: ready, or in the stream */
	uint64_t running; /* tasks that agents work on */
	uint64_t ended;   /* attempts that ended since the last step, however */
	uint32_t agents;  /* living, not draining */
	uint32_t starting;  /* ordered and not signed on yet, as far as it is known */
	double most_per_s;  /* a rate limit on the type: more agents are of no use; 0: none */
	bool held;          /* nothing is handed out now: paused, throttled, breaker open */
	int64_t manual;     /* what somebody asked for, or SCALE_AUTO */
};

enum scale_reason {
	SCALE_STEADY,   /* nothing to change */
	SCALE_BACKLOG,  /* up: what waits would wait too long */
	SCALE_LOAD,     /* up: as much comes as takes so many */
	SCALE_FORECAST, /* up: as much will come when an agent ordered now is up */
	SCALE_WAKE,     /* up: there were none, and a task came */
	SCALE_LESS,     /* down: less was wanted for a whole cool-down */
	SCALE_IDLE,     /* down: nothing came for a whole cool-down */
	SCALE_HOLD,     /* less is wanted, the cool-down is not over */
	SCALE_CAPPED,   /* more is wanted than max_agents */
	SCALE_HELD,     /* nothing is handed out: nothing is added */
	SCALE_MANUAL,   /* somebody asked for this number */
	SCALE_LIMITS,   /* min_agents or max_agents made it so */
	SCALE_OFF,      /* the type does not scale */
	SCALE_REASONS
};

/* "backlog", "load" …, as in events; static. */
const char *scale_reason_name(enum scale_reason reason);
/* The same as a sentence without subject: "what waits would wait too long"; static. */
const char *scale_reason_text(enum scale_reason reason);

/* The number and what it was made of.  It is an event when desired != previous. */
struct scale_decision {
	uint32_t desired;
	uint32_t previous;
	uint32_t wanted; /* before the cool-down and the limits */
	enum scale_reason reason;
	uint64_t waiting, running;
	uint32_t agents, starting;
	double arrivals_per_s;
	double forecast_per_s; /* when an agent ordered now is up */
	double service_ms;     /* 0: not known yet */
	double load;           /* slots that what comes now keeps busy */
	int64_t wait_ms;       /* of a task that comes now, if nothing is changed; -1: no end */
};

/* Begin with scaler_init(); no pointers: copy it, throw it away. */
struct scaler {
	struct scale_policy policy;
	uint32_t desired;
	bool begun;
	int64_t at_ms;      /* of the last step */
	int64_t busy_at_ms; /* of the last step with a task in sight */
	uint64_t present;   /* tasks in sight then */
	uint32_t agents;
	struct holt arrivals;
	double quick;        /* arrivals a second of late, to see that something has changed */
	double busy_s, ended;        /* slot-seconds and tasks: service time */
	double starting_s, started;  /* agent-seconds and agents: start-up time */
	uint32_t peaks[SCALE_PEAKS]; /* most wanted, by sixteenths of the cool-down */
	int64_t peak_at;             /* number of the newest sixteenth */
	int64_t peak_width_ms;
};

/* What a restart should know; store it with each decision that changes the number. */
struct scale_memory {
	uint32_t desired;
	double arrivals_per_s;
	double service_ms;
};

void scaler_init(struct scaler *scaler, const struct scale_policy *policy);
/* The file was edited; what was learnt stays. */
void scaler_set_policy(struct scaler *scaler, const struct scale_policy *policy);

/* now_ms: of a clock that never goes back; if it does, the step counts as 0 ms long. */
void scaler_step(struct scaler *scaler, int64_t now_ms, const struct scale_input *input,
    struct scale_decision *ret_decision);

void scaler_remember(const struct scaler *scaler, struct scale_memory *ret_memory);
/* After scaler_init(): goes on from there, with a full cool-down before it. */
void scaler_resume(struct scaler *scaler, int64_t now_ms, const struct scale_memory *memory);

#endif
