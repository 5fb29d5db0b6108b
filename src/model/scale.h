/* SPDX-License-Identifier: MIT */
/*
 * How many agents of a type there shall be, as its file says:
 *
 *   min_agents: 0                # these are always there
 *   max_agents: 8                # never more; 10, or min_agents where that is more
 *   scale:
 *     enabled: true              # false: min_agents, or what reeve scale says
 *     backend: process           # process | exec | none
 *     target_wait: 30s           # so long may a task wait for an agent
 *     cooldown: 1m               # so long after a change nothing is taken away
 *     allow_run: false           # process: agents take run: lines (--allow-run)
 *     drain_timeout: 1h          # process: so long may one that goes finish its tasks
 *     command: [./scale, now]    # exec: what is called
 *     timeout: 30s               # exec: for so long
 *
 * Without `scale` nothing is started or decided.
 */
#ifndef REEVE_MODEL_SCALE_H
#define REEVE_MODEL_SCALE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/mem.h"
#include "model/faults.h"

struct yaml_node;

#define SCALE_AGENTS_MAX 10000          /* of one type */
#define SCALE_MAX_AGENTS 10             /* what a machine bears whose owner thought of nothing */
#define SCALE_TARGET_WAIT_MS 30000      /* what a person that looks on bears */
#define SCALE_COOLDOWN_MS 60000         /* longer than an agent takes to start and sign on */
#define SCALE_DRAIN_MS 3600000          /* as reeve-agent's own --drain-timeout */
#define SCALE_COMMAND_MS 30000          /* a call to a cluster's API with its retries */

enum scale_backend { SCALE_PROCESS, SCALE_EXEC, SCALE_NONE };

struct agent_scale {
	uint32_t min_agents, max_agents;
	bool given;   /* there is a `scale` */
	bool enabled;
	bool allow_run;
	enum scale_backend backend;
	int64_t target_wait_ms, cooldown_ms, drain_timeout_ms, timeout_ms;
	const char *const *command; /* ends with NULL; NULL if none is given */
	uint32_t n_command;
};

void agent_scale_init(struct agent_scale *policy);
/* Each node may be NULL: the key is not there.  Texts are copied into the arena. */
void agent_scale_load(struct arena *arena, struct faults *faults,
    const struct yaml_node *min_agents, const struct yaml_node *max_agents,
    const struct yaml_node *scale, struct agent_scale *policy);

const char *scale_backend_name(enum scale_backend backend);

#endif
