/* SPDX-License-Identifier: MIT */
/* How many agents a type should have: how fast the number follows what is wanted. */
#include "engine/scaler.h"

#include <math.h>

#include "engine/scaler_private.h"

/* A change of less is not worth it; Kubernetes' autoscaler has the same. */
#define TOLERANCE 0.1

void
scale_policy_defaults(struct scale_policy *policy)
{
	*policy = (struct scale_policy){
		.min_agents = SCALE_MIN_AGENTS_DEFAULT,
		.max_agents = SCALE_MAX_AGENTS_DEFAULT,
		.slots = 1,
		.target_wait_ms = SCALE_TARGET_WAIT_DEFAULT_MS,
		.cooldown_ms = SCALE_COOLDOWN_DEFAULT_MS,
		.start_ms = SCALE_START_DEFAULT_MS,
	};
}

static const struct {
	const char *name, *text;
} reasons[SCALE_REASONS] = {
	[SCALE_STEADY] = {"steady", "nothing to change"},
	[SCALE_BACKLOG] = {"backlog", "what waits would wait too long"},
	[SCALE_LOAD] = {"load", "as much comes as keeps so many busy"},
	[SCALE_FORECAST] = {"forecast", "as much will come by the time that a new agent is up"},
	[SCALE_WAKE] = {"wake", "a task came and there was no agent"},
	[SCALE_LESS] = {"less", "less was wanted for a whole cool-down"},
	[SCALE_IDLE] = {"idle", "nothing came for a whole cool-down"},
	[SCALE_HOLD] = {"hold", "less is wanted, the cool-down is not over"},
	[SCALE_CAPPED] = {"capped", "more is wanted than max_agents"},
	[SCALE_HELD] = {"held", "nothing is handed out now"},
	[SCALE_MANUAL] = {"manual", "somebody asked for it"},
	[SCALE_LIMITS] = {"limits", "min_agents and max_agents say so"},
	[SCALE_OFF] = {"off", "the type does not scale"},
};

const char *
scale_reason_name(enum scale_reason reason)
{
	return (unsigned)reason < SCALE_REASONS ? reasons[reason].name : "steady";
}

const char *
scale_reason_text(enum scale_reason reason)
{
	return (unsigned)reason < SCALE_REASONS ? reasons[reason].text : "nothing to change";
}

static uint32_t
to_limits(const struct scale_policy *policy, double agents)
{
	double most = policy->max_agents;
	double least = policy->min_agents < policy->max_agents ? policy->min_agents : most;

	return (uint32_t)scaler_within(agents, least, most);
}

/* --- the pace -------------------------------------------------------------------- */

/* The most that was wanted within the last cool-down, with this. */
static uint32_t
peak(struct scaler *scaler, int64_t now_ms, uint32_t wanted)
{
	double cooldown = scaler_within((double)scaler->policy.cooldown_ms, SCALE_PEAKS,
	    SCALER_LONGEST_S * SCALER_MS);
	int64_t width = (int64_t)cooldown / SCALE_PEAKS, at = now_ms / width;
	uint32_t most = 0;

	if (width != scaler->peak_width_ms) { /* as if the number had always been wanted */
		for (int i = 0; i < SCALE_PEAKS; i++)
			scaler->peaks[i] = scaler->desired;
		scaler->peak_at = at;
		scaler->peak_width_ms = width;
	}
	if (at - scaler->peak_at > SCALE_PEAKS)
		scaler->peak_at = at - SCALE_PEAKS;
	while (scaler->peak_at < at)
		scaler->peaks[++scaler->peak_at % SCALE_PEAKS] = 0;
	if (wanted > scaler->peaks[at % SCALE_PEAKS])
		scaler->peaks[at % SCALE_PEAKS] = wanted;
	for (int i = 0; i < SCALE_PEAKS; i++)
		if (scaler->peaks[i] > most)
			most = scaler->peaks[i];
	return most;
}

/* More is wanted, and not only a little that can wait. */
static bool
is_up(const struct want *want, uint32_t wanted, uint32_t previous)
{
	if (wanted <= previous)
		return false;
	return want->reason == SCALE_BACKLOG ||
	    wanted > previous * (1 + TOLERANCE * want->patience);
}

static enum scale_reason
why_steady(const struct scale_input *input, double wanted, uint32_t limited, uint32_t previous)
{
	if (wanted > limited)
		return SCALE_CAPPED;
	if (input->held)
		return SCALE_HELD;
	return limited < previous ? SCALE_HOLD : SCALE_STEADY;
}

/* The number that follows from what is wanted. */
static void
follow(struct scaler *scaler, int64_t now_ms, const struct scale_input *input,
    const struct want *want, struct scale_decision *decision)
{
	uint32_t limited = to_limits(&scaler->policy, want->agents);
	uint32_t most = peak(scaler, now_ms, limited), previous = decision->previous;

	if (is_up(want, limited, previous)) {
		decision->desired = limited;
		decision->reason = want->agents <= limited ? want->reason : SCALE_LIMITS;
		if (want->agents > 0)
			decision->reason = previous == 0 ? SCALE_WAKE : want->reason;
	} else if (most < previous * (1 - TOLERANCE)) {
		decision->desired = most;
		decision->reason = want->agents > 0 ? SCALE_LESS : SCALE_IDLE;
	} else {
		decision->reason = why_steady(input, want->agents, limited, previous);
	}
}

/* Without a thought: what the file or a person says; false: neither does. */
static bool
is_fixed(struct scaler *scaler, int64_t now_ms, const struct scale_input *input,
    struct scale_decision *decision)
{
	if (scaler->policy.enabled && input->manual < 0)
		return false;
	decision->desired = to_limits(&scaler->policy,
	    input->manual >= 0 ? (double)input->manual : 0);
	decision->reason = input->manual >= 0 ? SCALE_MANUAL : SCALE_OFF;
	(void)peak(scaler, now_ms, decision->desired);
	return true;
}

/* --- a step ------------------------------------------------------------------------ */

/* How long a task that comes now would wait; -1: nobody works. */
static int64_t
wait_ms(const struct scaler *scaler, const struct scale_input *input)
{
	double slots = (double)input->agents * scaler_slots(&scaler->policy), wait;

	if (input->waiting == 0)
		return 0;
	if (slots <= 0)
		return -1;
	wait = (double)input->waiting * scaler_service_s(scaler) / slots;
	return (int64_t)(scaler_within(wait, 0, SCALER_LONGEST_S) * SCALER_MS);
}

static void
describe(const struct scaler *scaler, const struct scale_input *input,
    const struct want *want, struct scale_decision *decision)
{
	double service = scaler_service_s(scaler);

	decision->wanted = (uint32_t)scaler_within(want->agents, 0, UINT32_MAX);
	decision->waiting = input->waiting;
	decision->running = input->running;
	decision->agents = input->agents;
	decision->starting = input->starting;
	decision->arrivals_per_s = scaler->arrivals.level;
	decision->forecast_per_s = want->forecast_per_s;
	decision->service_ms = service * SCALER_MS;
	decision->load = scaler->arrivals.level * service;
	decision->wait_ms = wait_ms(scaler, input);
}

static uint64_t
count_of(uint64_t count)
{
	return count < (uint64_t)SCALER_MOST_TASKS ? count : (uint64_t)SCALER_MOST_TASKS;
}

static int64_t
time_of(const struct scaler *scaler, int64_t now_ms)
{
	int64_t most = (int64_t)(SCALER_LONGEST_S * SCALER_MS), least = scaler->at_ms;

	if (now_ms < least)
		return least;
	return now_ms < most ? now_ms : most;
}

void
scaler_step(struct scaler *scaler, int64_t now_ms, const struct scale_input *input,
    struct scale_decision *ret_decision)
{
	struct scale_input seen = *input;
	struct scale_decision decision = {.desired = scaler->desired, .previous = scaler->desired};
	struct want want;
	uint32_t limited;

	seen.waiting = count_of(seen.waiting);
	seen.running = count_of(seen.running);
	seen.ended = count_of(seen.ended);
	now_ms = time_of(scaler, now_ms);
	scaler_learn(scaler, now_ms, &seen);
	scaler_want(scaler, now_ms, &seen, &want);
	if (!is_fixed(scaler, now_ms, &seen, &decision))
		follow(scaler, now_ms, &seen, &want, &decision);
	limited = to_limits(&scaler->policy, decision.desired);
	if (limited != decision.desired) {
		decision.desired = limited;
		decision.reason = SCALE_LIMITS;
	}
	scaler->desired = decision.desired;
	describe(scaler, &seen, &want, &decision);
	*ret_decision = decision;
}

void
scaler_init(struct scaler *scaler, const struct scale_policy *policy)
{
	*scaler = (struct scaler){
		.policy = *policy,
		.desired = to_limits(policy, 0),
		.arrivals = {.begun = true}, /* nothing came so far */
	};
}

void
scaler_set_policy(struct scaler *scaler, const struct scale_policy *policy)
{
	scaler->policy = *policy;
}

void
scaler_remember(const struct scaler *scaler, struct scale_memory *ret_memory)
{
	*ret_memory = (struct scale_memory){
		.desired = scaler->desired,
		.arrivals_per_s = scaler->arrivals.level,
		.service_ms = scaler_service_s(scaler) * SCALER_MS,
	};
}

/* What was known counts like so many tasks seen: what comes now may soon say otherwise. */
#define REMEMBERED_TASKS 32.0

void
scaler_resume(struct scaler *scaler, int64_t now_ms, const struct scale_memory *memory)
{
	double service = scaler_within(memory->service_ms / SCALER_MS, 0, SCALER_LONGEST_S);

	scaler->desired = to_limits(&scaler->policy, memory->desired);
	scaler->arrivals = (struct holt){0};
	holt_add(&scaler->arrivals, memory->arrivals_per_s, 0, 1, 1);
	scaler->quick = scaler->arrivals.level;
	scaler->ended = service > 0 ? REMEMBERED_TASKS : 0;
	scaler->busy_s = service * scaler->ended;
	scaler->peak_width_ms = 0;
	(void)peak(scaler, time_of(scaler, now_ms), scaler->desired);
}
