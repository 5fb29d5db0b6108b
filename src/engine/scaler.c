/* SPDX-License-Identifier: MIT */
/* How many agents a type should have. */
#include "engine/scaler.h"

#include <math.h>

#define SECOND_MS 1000.0
#define LONG_S 1e9          /* a service time beyond this is nonsense */
#define MOST_TASKS 1e12     /* a count beyond this as well */
#define MEMORY_TASKS 128.0  /* so many of the last tasks give the service time */
#define TREND_SLOWER 4.0    /* the trend remembers so many times longer than the level */
#define AIM 0.5             /* of target_wait: the rest is for what is not foreseen */
#define STEP_S 1.0          /* about how often one looks */

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

/* Into [least, most]; what is no number is the least. */
static double
within(double value, double least, double most)
{
	if (!(value > least))
		return least;
	return value < most ? value : most;
}

static uint32_t
to_limits(const struct scale_policy *policy, double agents)
{
	double most = policy->max_agents;

	return (uint32_t)within(agents, within(policy->min_agents, 0, most), most);
}

static double
slots_of(const struct scale_policy *policy)
{
	return policy->slots > 0 ? policy->slots : 1;
}

static double
target_s(const struct scale_policy *policy)
{
	return within((double)policy->target_wait_ms / SECOND_MS, 0.1, LONG_S);
}

static double
cooldown_s(const struct scale_policy *policy)
{
	return within((double)policy->cooldown_ms / SECOND_MS, 1, LONG_S);
}

/* --- what is learnt ---------------------------------------------------------- */

/* Seconds; 0: no task was ever seen at work. */
static double
service_s(const struct scaler *scaler)
{
	return within(scaler->busy_s / (scaler->ended > 1 ? scaler->ended : 1), 0, LONG_S);
}

/* Slot-seconds spent and tasks that ended, of which the oldest are forgotten. */
static void
learn_service(struct scaler *scaler, double dt_s, const struct scale_input *input)
{
	double slots = (double)input->agents * slots_of(&scaler->policy);
	double busy = within((double)input->running, 0, slots > 0 ? slots : MOST_TASKS);

	scaler->busy_s = within(scaler->busy_s + busy * dt_s, 0, LONG_S * MEMORY_TASKS);
	scaler->ended += within((double)input->ended, 0, MOST_TASKS);
	if (scaler->ended > MEMORY_TASKS) {
		scaler->busy_s *= MEMORY_TASKS / scaler->ended;
		scaler->ended = MEMORY_TASKS;
	}
}

/* As long as a task takes, at least a cool-down: see doc/scaling.md. */
static double
memory_s(const struct scaler *scaler)
{
	double cooldown = cooldown_s(&scaler->policy), service = service_s(scaler);

	return service > cooldown ? service : cooldown;
}

static void
learn_arrivals(struct scaler *scaler, double dt_s, const struct scale_input *input)
{
	double present = (double)input->waiting + (double)input->running;
	double came = present - (double)scaler->present + (double)input->ended;
	double tau = memory_s(scaler);

	if (dt_s > 0)
		holt_add(&scaler->arrivals, within(came, 0, MOST_TASKS) / dt_s, dt_s, tau,
		    tau * TREND_SLOWER);
}

static void
learn(struct scaler *scaler, int64_t now_ms, const struct scale_input *input)
{
	double dt_s = now_ms > scaler->at_ms ? (double)(now_ms - scaler->at_ms) / SECOND_MS : 0;

	if (scaler->begun) {
		learn_service(scaler, dt_s, input);
		learn_arrivals(scaler, dt_s, input);
	}
	scaler->present = input->waiting + input->running;
	if (scaler->present > 0 || !scaler->begun)
		scaler->came_ms = now_ms;
	if (!scaler->begun || now_ms > scaler->at_ms)
		scaler->at_ms = now_ms;
	scaler->begun = true;
}

/* --- what is wanted ---------------------------------------------------------- */

static double
ahead_s(const struct scaler *scaler, const struct scale_input *input)
{
	int64_t ms = input->start_ms > 0 ? input->start_ms : scaler->policy.start_ms;

	return within((double)ms / SECOND_MS, 0, LONG_S) + STEP_S;
}

static double
forecast_per_s(const struct scaler *scaler, double ahead)
{
	double level = scaler->arrivals.level;

	return within(holt_at(&scaler->arrivals, ahead), 0, 2 * level);
}

/* Slots, before limits; which of the three it is goes to *ret_reason. */
static double
wanted_slots(const struct scaler *scaler, const struct scale_input *input,
    enum scale_reason *ret_reason)
{
	double service = service_s(scaler), ahead = ahead_s(scaler, input);
	double now = scaler->arrivals.level * service;
	double later = forecast_per_s(scaler, ahead) * service;
	double backlog = (double)input->waiting * service / (target_s(&scaler->policy) * AIM);
	double work = (double)input->waiting + (double)input->running +
	    scaler->arrivals.level * ahead;
	double wanted = now;

	*ret_reason = SCALE_LOAD;
	if (later > wanted) {
		wanted = later;
		*ret_reason = SCALE_FORECAST;
	}
	if (backlog > wanted) {
		wanted = backlog;
		*ret_reason = SCALE_BACKLOG;
	}
	return within(wanted, 0, work);
}

static bool
quiet(const struct scaler *scaler, int64_t now_ms)
{
	if (scaler->present > 0)
		return false;
	return scaler->desired == 0 || now_ms - scaler->came_ms >= scaler->policy.cooldown_ms;
}

/* Agents; while no task ever ended, at most twice those that live (slow start). */
static double
wanted_agents(const struct scaler *scaler, int64_t now_ms, const struct scale_input *input,
    enum scale_reason *ret_reason)
{
	double slots = slots_of(&scaler->policy), wanted;

	*ret_reason = SCALE_IDLE;
	if (quiet(scaler, now_ms))
		return 0;
	wanted = ceil(wanted_slots(scaler, input, ret_reason) / slots);
	if (scaler->ended < 1 && wanted > 2.0 * (double)input->agents)
		wanted = 2.0 * (double)input->agents;
	if (input->held)
		wanted = within(wanted, 0, ceil((double)input->running / slots));
	return within(wanted, 1, MOST_TASKS);
}

/* --- how fast ---------------------------------------------------------------- */

/* The most that was wanted within the last cool-down, with this. */
static uint32_t
peak(struct scaler *scaler, int64_t now_ms, uint32_t wanted)
{
	int64_t width = (int64_t)(cooldown_s(&scaler->policy) * SECOND_MS) / SCALE_PEAKS;
	int64_t at = now_ms / width;
	uint32_t most = 0;

	if (at - scaler->peak_at > SCALE_PEAKS)
		scaler->peak_at = at - SCALE_PEAKS;
	while (scaler->peak_at < at)
		scaler->peaks[++scaler->peak_at % SCALE_PEAKS] = 0;
	if (wanted > scaler->peaks[scaler->peak_at % SCALE_PEAKS])
		scaler->peaks[scaler->peak_at % SCALE_PEAKS] = wanted;
	for (int i = 0; i < SCALE_PEAKS; i++)
		if (scaler->peaks[i] > most)
			most = scaler->peaks[i];
	return most;
}

/* The number that follows from what is wanted, and what is to be said about it. */
static void
judge(struct scaler *scaler, int64_t now_ms, const struct scale_input *input,
    struct scale_decision *decision)
{
	const struct scale_policy *policy = &scaler->policy;
	enum scale_reason why = SCALE_LOAD;
	double wanted = wanted_agents(scaler, now_ms, input, &why);
	uint32_t limited = to_limits(policy, wanted), most;

	decision->wanted = (uint32_t)within(wanted, 0, UINT32_MAX);
	most = peak(scaler, now_ms, limited);
	decision->reason = SCALE_STEADY;
	if (limited > decision->previous) {
		decision->desired = limited;
		decision->reason = decision->previous == 0 ? SCALE_WAKE : why;
	} else if (most < decision->previous) {
		decision->desired = most;
		decision->reason = wanted <= 0 ? SCALE_IDLE : SCALE_LESS;
	} else if (input->held) {
		decision->reason = SCALE_HELD;
	} else if (limited < decision->previous) {
		decision->reason = SCALE_HOLD;
	}
	if (wanted > limited)
		decision->reason = SCALE_CAPPED;
}

/* Without a thought: what the file or a person says. */
static bool
is_fixed(const struct scaler *scaler, const struct scale_input *input,
    struct scale_decision *decision)
{
	const struct scale_policy *policy = &scaler->policy;

	if (input->manual >= 0) {
		decision->desired = to_limits(policy, (double)input->manual);
		decision->reason = SCALE_MANUAL;
	} else if (!policy->enabled) {
		decision->desired = to_limits(policy, 0);
		decision->reason = SCALE_OFF;
	}
	return input->manual >= 0 || !policy->enabled;
}

/* --- a step ------------------------------------------------------------------ */

static uint64_t
count_of(uint64_t count)
{
	return count < (uint64_t)MOST_TASKS ? count : (uint64_t)MOST_TASKS;
}

/* How long a task that comes now would wait; -1: nobody works. */
static int64_t
wait_ms(const struct scaler *scaler, const struct scale_input *input)
{
	double slots = (double)input->agents * slots_of(&scaler->policy);

	if (input->waiting == 0)
		return 0;
	if (slots <= 0)
		return -1;
	return (int64_t)(within((double)input->waiting * service_s(scaler) / slots, 0, LONG_S) *
	    SECOND_MS);
}

static void
describe(const struct scaler *scaler, const struct scale_input *input,
    struct scale_decision *decision)
{
	double service = service_s(scaler);

	decision->waiting = input->waiting;
	decision->running = input->running;
	decision->agents = input->agents;
	decision->starting = input->starting;
	decision->arrivals_per_s = scaler->arrivals.level;
	decision->forecast_per_s = forecast_per_s(scaler, ahead_s(scaler, input));
	decision->service_ms = service * SECOND_MS;
	decision->load = scaler->arrivals.level * service;
	decision->wait_ms = wait_ms(scaler, input);
}

void
scaler_step(struct scaler *scaler, int64_t now_ms, const struct scale_input *input,
    struct scale_decision *ret_decision)
{
	struct scale_input seen = *input;
	struct scale_decision decision = {.desired = scaler->desired, .previous = scaler->desired};
	uint32_t limited;

	seen.waiting = count_of(seen.waiting);
	seen.running = count_of(seen.running);
	seen.ended = count_of(seen.ended);
	now_ms = (int64_t)within((double)now_ms, 0, MOST_TASKS * SECOND_MS);
	if (scaler->begun && now_ms < scaler->at_ms)
		now_ms = scaler->at_ms;
	learn(scaler, now_ms, &seen);
	if (!is_fixed(scaler, &seen, &decision))
		judge(scaler, now_ms, &seen, &decision);
	limited = to_limits(&scaler->policy, decision.desired);
	if (limited != decision.desired) {
		decision.desired = limited;
		decision.reason = SCALE_LIMITS;
	}
	scaler->desired = decision.desired;
	describe(scaler, &seen, &decision);
	*ret_decision = decision;
}

void
scaler_init(struct scaler *scaler, const struct scale_policy *policy)
{
	*scaler = (struct scaler){.policy = *policy, .desired = to_limits(policy, 0)};
}

void
scaler_set_policy(struct scaler *scaler, const struct scale_policy *policy)
{
	if (policy->cooldown_ms != scaler->policy.cooldown_ms) {
		for (int i = 0; i < SCALE_PEAKS; i++)
			scaler->peaks[i] = scaler->desired;
		scaler->peak_at = 0;
	}
	scaler->policy = *policy;
}

void
scaler_remember(const struct scaler *scaler, struct scale_memory *ret_memory)
{
	*ret_memory = (struct scale_memory){
		.desired = scaler->desired,
		.arrivals_per_s = scaler->arrivals.level,
		.service_ms = service_s(scaler) * SECOND_MS,
	};
}

void
scaler_resume(struct scaler *scaler, int64_t now_ms, const struct scale_memory *memory)
{
	scaler->desired = to_limits(&scaler->policy, memory->desired);
	scaler->arrivals = (struct holt){0};
	holt_add(&scaler->arrivals, memory->arrivals_per_s, 0, 1, 1);
	scaler->ended = memory->service_ms > 0 ? MEMORY_TASKS / 8 : 0;
	scaler->busy_s = within(memory->service_ms / SECOND_MS, 0, LONG_S) * scaler->ended;
	now_ms = (int64_t)within((double)now_ms, 0, MOST_TASKS * SECOND_MS);
	(void)peak(scaler, now_ms, scaler->desired);
}
