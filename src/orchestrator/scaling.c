/* SPDX-License-Identifier: MIT */
/* Decides once a second how many agents each type shall have, and sees to it. */
#include "orchestrator/scaling.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "orchestrator/command.h"
#include "orchestrator/scaling_private.h"
#include "orchestrator/types.h"

#define STEP_US CLOCK_S
#define FIRST_US (CLOCK_S / 4) /* until the first look: a start keeps nobody waiting */
#define LOOK_TICKS 2   /* at cards: a sign-on is seen soon, and it costs a command an agent */
#define NOTES_MAX 200  /* while Redis is away the oldest give way: the log has them all */

/* --- types ------------------------------------------------------------------------ */

struct scaled *
scaling_find(const struct scaling *scaling, const char *type)
{
	struct scaled *scaled;

	HASH_FIND_STR(scaling->types, type, scaled);
	return scaled;
}

struct scaled *
scaling_get(struct scaling *scaling, const char *type)
{
	struct scaled *scaled = scaling_find(scaling, type);

	if (scaled)
		return scaled;
	scaled = xcalloc(1, sizeof *scaled);
	scaled->scaling = scaling;
	scaled->type = xstrdup(type);
	scaled->manual = SCALE_AUTO;
	scaled->published = -1;
	HASH_ADD_KEYPTR(hh, scaling->types, scaled->type, strlen(scaled->type), scaled);
	return scaled;
}

void
scaled_free(struct scaled *scaled)
{
	if (!scaled->forgotten)
		HASH_DEL(scaled->scaling->types, scaled);
	scaled->forgotten = true;
	if (scaled->reading)
		return;
	scale_exec_free(scaled->exec);
	free(scaled->type);
	free(scaled->ended);
	free(scaled);
}

struct partition *
scaling_home(const struct scaling *scaling, const char *type)
{
	struct partition *home = orchestrator_part_of(scaling->orch, type)->partition;

	return scaling->orch->counted && partition_may_act(home) ? home : NULL;
}

/* --- events ------------------------------------------------------------------------- */

void
scaling_note(struct scaling *scaling, const char *event, const char *type, json_t *data)
{
	if (scaling->n_notes == NOTES_MAX) {
		free(scaling->notes[0].type);
		json_decref(scaling->notes[0].data);
		memmove(scaling->notes, scaling->notes + 1,
		    --scaling->n_notes * sizeof *scaling->notes);
	}
	GROW(scaling->notes, scaling->n_notes, scaling->cap_notes);
	scaling->notes[scaling->n_notes++] =
	    (struct scale_note){ event, xstrdup(type), data };
}

static void
send_notes(struct scaling *scaling)
{
	size_t kept = 0;

	for (size_t i = 0; i < scaling->n_notes; i++) {
		struct scale_note *note = &scaling->notes[i];
		struct partition *home = scaling_home(scaling, note->type);
		struct effect *effect;
		char *text;

		if (!home || partition_refused(home)) {
			scaling->notes[kept++] = *note;
			continue;
		}
		effect = effects_add(partition_effects(home), EFFECT_NOTE, NULL, TASK_NONE);
		effect->u.note.type = note->event;
		text = json_dumps(note->data, JSON_COMPACT);
		effect->u.note.data = text ? xstrdup(text) : NULL;
		free(text);
		partition_mark(home);
		free(note->type);
		json_decref(note->data);
	}
	scaling->n_notes = kept;
}

static const struct {
	const char *event, *text;
	enum log_level level;
} NEWS[] = {
	[LOCAL_STARTED] = { "scale.started", "agent started", LOG_LEVEL_INFO },
	[LOCAL_ADOPTED] = { "scale.adopted", "agent of an earlier daemon taken up",
	    LOG_LEVEL_INFO },
	[LOCAL_DRAINING] = { "scale.draining", "agent is to finish its tasks and leave",
	    LOG_LEVEL_INFO },
	[LOCAL_ENDED] = { "scale.ended", "agent ended", LOG_LEVEL_INFO },
	[LOCAL_FAILED] = { "scale.failed", "agent does not stay", LOG_LEVEL_WARN },
	[LOCAL_KILLED] = { "scale.killed", "agent killed", LOG_LEVEL_WARN },
};

static void
on_local(void *arg, const struct local_event *event)
{
	struct scaling *scaling = arg;
	json_t *data = json_pack("{s:s, s:s, s:s, s:I}", "type", event->type, "backend", "process",
	    "agent", event->agent, "pid", (json_int_t)event->pid);

	if (event->why[0])
		json_object_set_new(data, "why", json_string(event->why));
	if (event->news == LOCAL_FAILED)
		json_object_set_new(data, "again_in_ms", json_integer(event->again_ms));
	LOG_AT(NEWS[event->news].level, NEWS[event->news].text, KV_S("type", event->type),
	    KV_S("agent", event->agent), KV_I("pid", event->pid), KV_S("why", event->why));
	scaling_note(scaling, NEWS[event->news].event, event->type, data);
}

static uint32_t
less(uint64_t a, uint64_t b)
{
	return a > b ? (uint32_t)(a - b) : 0;
}

/* --- what is seen ---------------------------------------------------------------------- */

static bool
is_held(const struct queue *queue, const struct moment *now)
{
	return queue_paused(queue) || queue_quarantined(queue) ||
	    queue_held_until(queue) > now->mono_ms || queue_circuit(queue) != BREAKER_CLOSED;
}

/* What ended since the last step; a memory that was made anew begins at 0. */
static uint64_t
count_ended(struct scaled *scaled, unsigned partition, uint64_t ended)
{
	uint64_t before;

	if (scaled->n_ended <= partition) {
		scaled->ended = xreallocarray(scaled->ended, partition + 1, sizeof *scaled->ended);
		while (scaled->n_ended <= partition)
			scaled->ended[scaled->n_ended++] = ended;
	}
	before = scaled->ended[partition];
	scaled->ended[partition] = ended;
	return ended > before ? ended - before : 0;
}

/* Of the partitions that are owned here, added up. */
static void
see_work(struct scaled *scaled, struct scale_input *input)
{
	const struct orchestrator *orch = scaled->scaling->orch;
	uint64_t outstanding = 0, slots;
	struct moment now;

	orchestrator_moment(orch, &now);
	for (unsigned i = 0; i < orchestrator_partitions(orch); i++) {
		const struct engine *engine = orchestrator_engine(orchestrator_partition(orch, i));
		const struct queue *queue = engine ? engine_queue_find(engine, scaled->type) : NULL;

		if (!queue)
			continue;
		input->waiting += queue_ready(queue);
		outstanding += queue_outstanding(queue);
		input->ended += count_ended(scaled, i, queue_ended(queue));
		input->held = input->held || is_held(queue, &now);
		input->most_per_s += queue_rate(queue);
	}
	/* an entry is with an agent as soon as one has room for it */
	slots = (uint64_t)input->agents * scaled->policy.slots;
	input->running = outstanding < slots ? outstanding : slots;
	input->waiting += outstanding - input->running;
}

/* Where other daemons own some of the partitions. */
static void
see_afar(struct scaled *scaled, struct scale_input *input)
{
	input->running = scaled->all_held;
	input->waiting = scaled->all_present > scaled->all_held
	    ? scaled->all_present - scaled->all_held : 0;
	scaled->all_ended += scaled->all_rate * ((double)STEP_US / CLOCK_S);
	input->ended = (uint64_t)scaled->all_ended;
	scaled->all_ended -= (double)input->ended;
}

static void
see(struct scaled *scaled, struct scale_input *input)
{
	struct local_counts counts = { 0 };

	*input = (struct scale_input){ .manual = scaled->manual };
	if (scaled->scaling->local)
		local_agents_count(scaled->scaling->local, scaled->type, &counts);
	counts.working = less(counts.working, scaled->drained);
	input->starting = less(counts.working, scaled->signed_on);
	input->agents = scaled->foreign + counts.working - input->starting;
	see_work(scaled, input);
	if (orchestrator_owned(scaled->scaling->orch) <
	    orchestrator_partitions(scaled->scaling->orch))
		see_afar(scaled, input);
}

/* --- decisions ---------------------------------------------------------------------------- */

static void
set_policy(struct scaled *scaled, const struct agent_type *type)
{
	const struct agent_scale *scale = &type->scale;
	struct scale_policy policy;

	scale_policy_defaults(&policy);
	policy.enabled = scale->enabled;
	policy.min_agents = scale->min_agents;
	policy.max_agents = scale->max_agents;
	policy.slots = type->concurrency;
	policy.target_wait_ms = scale->target_wait_ms;
	policy.cooldown_ms = scale->cooldown_ms;
	scaled->policy = policy;
	scaler_set_policy(&scaled->scaler, &policy);
}

void
scaling_store(struct scaled *scaled, struct partition *home)
{
	struct effect *effect =
	    effects_add(partition_effects(home), EFFECT_SCALE, NULL, TASK_NONE);
	struct scale_memory memory;
	json_t *value;
	char *text;

	scaled->stored = true;
	scaler_remember(&scaled->scaler, &memory);
	value = json_pack("{s:I, s:f, s:f, s:I}", "desired", (json_int_t)memory.desired,
	    "arrivals_per_s", memory.arrivals_per_s, "service_ms", memory.service_ms, "at",
	    (json_int_t)clock_wall_ms());
	if (scaled->manual != SCALE_AUTO) {
		json_object_set_new(value, "manual", json_integer(scaled->manual));
		json_object_set_new(value, "by", json_string(scaled->manual_by));
	}
	text = json_dumps(value, JSON_COMPACT);
	effect->u.scale.type = xstrdup(scaled->type);
	effect->u.scale.value = xstrdup(text);
	free(text);
	json_decref(value);
}

static json_t *
decision_view(const struct scaled *scaled, const struct scale_decision *decision)
{
	return json_pack("{s:s, s:I, s:I, s:s, s:s, s:I, s:I, s:I, s:I, s:f, s:f, s:f, s:I}", "type",
	    scaled->type, "desired", (json_int_t)decision->desired, "before",
	    (json_int_t)decision->previous, "reason", scale_reason_name(decision->reason), "text",
	    scale_reason_text(decision->reason), "waiting", (json_int_t)decision->waiting, "running",
	    (json_int_t)decision->running, "agents", (json_int_t)decision->agents, "starting",
	    (json_int_t)decision->starting, "arrivals_per_s", decision->arrivals_per_s,
	    "forecast_per_s", decision->forecast_per_s, "service_ms", decision->service_ms,
	    "wait_ms", (json_int_t)decision->wait_ms);
}

static bool
scaling_is_ready(const struct scaled *scaled)
{
	return scaled->read && scaled->scaling->looked;
}

static void
decide(struct scaled *scaled, struct partition *home)
{
	struct scale_decision decision;
	struct scale_input input;
	struct moment now;

	see(scaled, &input);
	orchestrator_moment(scaled->scaling->orch, &now);
	scaler_step(&scaled->scaler, now.mono_ms, &input, &decision);
	scaled->last = decision;
	if (scaled->decided && decision.desired == decision.previous)
		return;
	if (decision.desired != decision.previous) {
		scaled->decided_ms = now.wall_ms;
		scaling_store(scaled, home);
		partition_mark(home);
		scaling_note(scaled->scaling, "scale.decided", scaled->type,
		    decision_view(scaled, &decision));
		log_info("agents wanted", KV_S("type", scaled->type),
		    KV_I("desired", decision.desired), KV_I("before", decision.previous),
		    KV_S("reason", scale_reason_name(decision.reason)),
		    KV_I("waiting", (int64_t)decision.waiting),
		    KV_I("running", (int64_t)decision.running), KV_I("agents", decision.agents));
	}
	scaled->decided = true;
}

/* --- local agents --------------------------------------------------------------------------- */

static size_t
held_by(void *arg, const char *agent)
{
	const struct scaling *scaling = arg;
	size_t n = 0;

	for (unsigned i = 0; i < orchestrator_partitions(scaling->orch); i++)
		n += partition_held_by(orchestrator_partition(scaling->orch, i), agent);
	return n;
}

static bool
is_barred(void *arg, const char *agent)
{
	const struct scaling *scaling = arg;

	return json_object_get(scaling->barred, agent) != NULL;
}

/* Once a type needs them, or an earlier daemon has left some. */
static bool
open_local(struct scaling *scaling)
{
	struct orchestrator *orch = scaling->orch;
	struct local_config config = { .state_dir = orch->config.state_dir,
		.state_fd = orch->config.state_fd, .home = orch->home, .redis_url = orch->url,
		.prefix = orch->prefix, .on_event = on_local, .held = held_by, .barred = is_barred, .arg = scaling };
	struct err err = { 0 };
	char *where;

	if (scaling->local || scaling->local_failed || !orch->config.state_dir)
		return scaling->local != NULL;
	where = xasprintf("%s %s", orchestrator_redis(orch), orch->prefix ? orch->prefix : "");
	config.where = where;
	if (local_agents_new(orch->loop, &config, &scaling->local, &err) < 0) {
		scaling->local_failed = true;
		log_error("no agents can be started here", KV_S("why", err.text));
	}
	free(where);
	return scaling->local != NULL;
}

static void
adopt(struct scaling *scaling)
{
	struct stat st;

	if (scaling->orch->config.state_fd > 0 &&
	    fstatat(scaling->orch->config.state_fd, "scaled", &st, AT_SYMLINK_NOFOLLOW) == 0)
		(void)open_local(scaling);
}

static void
on_exec_done(void *arg, uint32_t wanted, int64_t took_ms)
{
	struct scaled *scaled = arg;

	log_info("command of scale was called", KV_S("type", scaled->type), KV_I("wanted", wanted),
	    KV_I("took_ms", took_ms));
	scaling_note(scaled->scaling, "scale.called", scaled->type,
	    json_pack("{s:s, s:s, s:I, s:I}", "type", scaled->type, "backend", "exec", "wanted",
	        (json_int_t)wanted, "took_ms", (json_int_t)took_ms));
}

static void
on_exec_failed(void *arg, const char *why, int64_t again_ms)
{
	struct scaled *scaled = arg;

	log_warn("command of scale failed", KV_S("type", scaled->type), KV_S("why", why),
	    KV_I("again_in_ms", again_ms));
	scaling_note(scaled->scaling, "scale.failed", scaled->type,
	    json_pack("{s:s, s:s, s:s, s:I}", "type", scaled->type, "backend", "exec", "why", why,
	        "again_in_ms", (json_int_t)again_ms));
}

static void
call_command(struct scaled *scaled, const struct agent_type *type, uint32_t current)
{
	if (!scaled->exec)
		scaled->exec = scale_exec_new(scaled->scaling->orch->loop, on_exec_done,
		    on_exec_failed, scaled);
	scale_exec_want(scaled->exec, type, scaled->last.desired, current);
}

static void
carry_out(struct scaled *scaled, const struct agent_type *type)
{
	uint32_t desired = scaled->last.desired;

	if (type->scale.backend == SCALE_EXEC)
		call_command(scaled, type, scaled->last.agents + scaled->last.starting);
	if (type->scale.backend == SCALE_PROCESS && open_local(scaled->scaling))
		local_agents_want(scaled->scaling->local, type,
		    less((uint64_t)desired + scaled->drained, scaled->foreign),
		    less(type->scale.max_agents, scaled->foreign + scaled->foreign_draining));
}

void
scaling_step(struct scaled *scaled, const struct agent_type *type)
{
	struct partition *home = scaling_home(scaled->scaling, scaled->type);

	if (home && scaling_is_ready(scaled) && !partition_refused(home))
		decide(scaled, home);
	if (home && scaled->decided)
		carry_out(scaled, type);
}

/* Another daemon decides: ours only become fewer. */
static void
follow(struct scaled *scaled, const struct agent_type *type)
{
	struct local_counts counts;

	scaled->read = scaled->decided = false;
	scaling_read(scaled);
	if (!scaled->scaling->local || scaled->published < 0)
		return;
	local_agents_count(scaled->scaling->local, scaled->type, &counts);
	if (counts.working > (uint64_t)scaled->published)
		local_agents_want(scaled->scaling->local, type, (uint32_t)scaled->published, 0);
}

/* --- the turn ---------------------------------------------------------------------------------- */

static void
turn_type(void *arg, const char *name, const struct agent_type *type)
{
	struct scaling *scaling = arg;
	struct partition *home;
	struct scaled *scaled;

	if (!type || !type->scale.given)
		return;
	scaled = scaling_get(scaling, name);
	home = scaling_home(scaling, name);
	set_policy(scaled, type);
	if (scaling->looked && !home &&
	    !command_is_here(orchestrator_part_of(scaling->orch, name)->partition))
		follow(scaled, type);
	if (home && !scaled->read)
		scaling_read(scaled);
	scaling_step(scaled, type);
}

/* A type whose file is gone, or does not let agents be started any more. */
static void
leave_type(void *arg, const char *name)
{
	struct scaling *scaling = arg;
	const struct agent_type *type = types_find(scaling->orch->types, name);

	if (type ? !type->scale.given || type->scale.backend != SCALE_PROCESS
	         : !types_has_faults(scaling->orch->types))
		local_agents_dismiss(scaling->local, name);
}

static void
forget_types(struct scaling *scaling)
{
	struct scaled *scaled, *next;

	HASH_ITER(hh, scaling->types, scaled, next) {
		const struct agent_type *type = types_find(scaling->orch->types, scaled->type);

		if (!type || !type->scale.given)
			scaled_free(scaled);
	}
}

static bool
wants_looks(const struct scaling *scaling)
{
	return scaling->types || scaling->local;
}

static void
turn(void *arg)
{
	struct scaling *scaling = arg;
	struct orchestrator *orch = scaling->orch;

	loop_timer_start(&scaling->timer, scaling->looked ? STEP_US : FIRST_US);
	if (!orch->types || !types_scanned(orch->types) || !orch->counted)
		return;
	types_each(orch->types, turn_type, scaling);
	if (wants_looks(scaling) && !scaling->looking && scaling->ticks++ % LOOK_TICKS == 0)
		scaling_look(scaling);
	forget_types(scaling);
	if (scaling->local) {
		local_agents_each_type(scaling->local, leave_type, scaling);
		local_agents_turn(scaling->local);
	}
	send_notes(scaling);
}

struct scaling *
scaling_new(struct orchestrator *orch)
{
	struct scaling *scaling = xcalloc(1, sizeof *scaling);

	scaling->orch = orch;
	scaling->barred = json_object();
	loop_timer_init(&scaling->timer, orch->loop, turn, scaling);
	loop_timer_start(&scaling->timer, FIRST_US);
	adopt(scaling);
	return scaling;
}

void
scaling_free(struct scaling *scaling)
{
	struct scaled *scaled, *next;

	if (!scaling)
		return;
	loop_timer_stop(&scaling->timer);
	local_agents_free(scaling->local);
	HASH_ITER(hh, scaling->types, scaled, next)
		scaled_free(scaled);
	for (size_t i = 0; i < scaling->n_notes; i++) {
		free(scaling->notes[i].type);
		json_decref(scaling->notes[i].data);
	}
	free(scaling->notes);
	json_decref(scaling->barred);
	scaling->notes = NULL;
	scaling->n_notes = 0;
	scaling->gone = true;
	if (!scaling->looking)
		free(scaling);
}

/* --- questions ------------------------------------------------------------------------------------ */

int64_t
scaling_desired(const struct scaling *scaling, const char *type)
{
	const struct scaled *scaled = scaling ? scaling_find(scaling, type) : NULL;

	return scaled && scaled->decided ? (int64_t)scaled->last.desired : -1;
}
