/* SPDX-License-Identifier: MIT */
/* Lets new runs in, or says why not and when to come again. */
#include "orchestrator/door.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/meminfo.h"
#include "orchestrator/view.h"

#define PRIORITIES 10
#define TRIM_MS 10000 /* at most so often freed memory is given back */
#define NAME_SIZE 65

/* What was refused, the same requests in a row as one. */
struct refusal {
	char workflow[NAME_SIZE], actor[NAME_SIZE];
	int priority;
	enum shed_reason reason;
	uint64_t count;
	int64_t at_ms; /* wall, the last one */
};

/* Files that wait, by priority. */
struct line {
	size_t n;
	size_t tasks; /* of the first one */
};

struct door {
	struct orchestrator *orch;
	struct shed shed;
	struct line lines[PRIORITIES];
	bool sweeping;
	int blocked;         /* the highest priority that was told to wait in this sweep, or -1 */
	int64_t trimmed_ms;
	unsigned told_level; /* by the last event */
	uint64_t refused, told_refused;
	struct refusal last[DOOR_REMEMBERED];
	size_t n_last, at_last; /* a ring; at_last: the newest */
};

struct door *
door_new(struct orchestrator *orch)
{
	struct door *door = xcalloc(1, sizeof *door);

	door->orch = orch;
	door->blocked = -1;
	shed_init(&door->shed, &orch->config.shed);
	return door;
}

void
door_free(struct door *door)
{
	free(door);
}

static int64_t
mono_ms(void)
{
	return clock_mono_us() / CLOCK_MS;
}

static size_t
live_tasks(const struct orchestrator *orch)
{
	size_t tasks = 0;

	for (unsigned i = 0; i < orchestrator_partitions(orch); i++) {
		const struct engine *engine = partition_engine(orchestrator_partition(orch, i));

		tasks += engine ? engine_tasks_live(engine) : 0;
	}
	return tasks;
}

/* --- words ------------------------------------------------------------------------------ */

static const char *
which(unsigned level)
{
	static const char *const WORDS[SHED_LEVELS + 1] = { "none", "of priority 2 and less",
		"of priority 5 and less", "of any priority" };

	return WORDS[level];
}

static void
say_load(const struct door *door, enum shed_reason reason, char *text, size_t size)
{
	const struct shed_load *load = &door->shed.loads[reason];
	unsigned percent = shed_percent(load);

	if (reason == SHED_TASKS)
		snprintf(text, size, "%llu of %llu live tasks (dispatch.max_tasks), %u %%",
		    (unsigned long long)load->used, (unsigned long long)load->cap, percent);
	else if (reason == SHED_MEMORY)
		snprintf(text, size, "reeved uses %llu MiB of %llu MiB (limits.memory), %u %%",
		    (unsigned long long)(load->used >> 20), (unsigned long long)(load->cap >> 20),
		    percent);
	else
		snprintf(text, size, "redis is nearly full, %u %% of its maxmemory of %llu MiB", percent,
		    (unsigned long long)(load->cap >> 20));
}

static const char *
cure(enum shed_reason reason)
{
	static const char *const CURES[SHED_REASONS] = {
		[SHED_TASKS] = "runs that end make room: 'reeve runs --status running' lists them",
		[SHED_MEMORY] = "runs that end make room: 'reeve runs --status running' lists them; or "
		    "raise limits.memory",
		[SHED_REDIS] = "'reeve doctor' tells what takes the room and what frees it; or raise "
		    "maxmemory",
	};

	return CURES[reason];
}

/* --- looking ---------------------------------------------------------------------------- */

static void
tell_level(struct door *door)
{
	enum shed_reason reason = shed_fullest(&door->shed);
	const struct shed_load *load = &door->shed.loads[reason];
	unsigned level = shed_level(&door->shed);
	struct partition *p = NULL;
	struct effect *note;
	char text[200];

	say_load(door, reason, text, sizeof text);
	if (level > door->told_level)
		log_warn("new runs are refused", KV_S("which", which(level)), KV_S("why", text));
	else
		log_info("new runs are taken again", KV_S("refused", which(level)),
		    KV_S("load", text), KV_I("refused_meanwhile", door->refused - door->told_refused));
	for (unsigned i = 0; i < door->orch->n_parts && !p; i++)
		p = orchestrator_engine(door->orch->parts[i]->partition)
		    ? door->orch->parts[i]->partition
		    : NULL;
	if (p) {
		note = effects_add(partition_effects(p), EFFECT_NOTE, NULL, TASK_NONE);
		note->u.note.type = "alert.shed";
		note->u.note.data = xasprintf("{\"level\":%u,\"was\":%u,\"refused_up_to\":%d,"
		    "\"reason\":\"%s\",\"used\":%llu,\"cap\":%llu,\"percent\":%u,\"refused\":%llu}",
		    level, door->told_level, shed_refused_up_to(level), shed_reason_name(reason),
		    (unsigned long long)load->used, (unsigned long long)load->cap,
		    shed_percent(load), (unsigned long long)(door->refused - door->told_refused));
		partition_mark(p);
	}
	door->told_level = level;
	door->told_refused = door->refused;
	metrics_set(door->orch->config.metrics, METRIC_SHED_LEVEL, level);
}

static void
look_at_tasks(struct door *door)
{
	(void)shed_look(&door->shed, SHED_TASKS, live_tasks(door->orch),
	    door->orch->config.engine.max_tasks, mono_ms());
	if (shed_level(&door->shed) != door->told_level)
		tell_level(door);
}

/* Memory that was freed but not given back is not in use. */
static void
look_at_memory(struct door *door)
{
	uint64_t used = meminfo_used(), cap = door->orch->config.memory_cap;
	int64_t now = mono_ms();

	if (cap > 0 && used * 100 >= cap * door->shed.config.percent[0] &&
	    now - door->trimmed_ms >= TRIM_MS) {
		door->trimmed_ms = now;
		meminfo_trim();
		used = meminfo_used();
	}
	metrics_set(door->orch->config.metrics, METRIC_MEMORY, used);
	metrics_set(door->orch->config.metrics, METRIC_MEMORY_CAP, cap);
	(void)shed_look(&door->shed, SHED_MEMORY, used, cap, now);
}

void
door_set_redis(struct door *door, uint64_t used, uint64_t maxmemory)
{
	(void)shed_look(&door->shed, SHED_REDIS, used, maxmemory, mono_ms());
}

/* Whether the first file of a line would be let in. */
static bool
may_sweep(const struct door *door)
{
	const struct shed_load *tasks = &door->shed.loads[SHED_TASKS];

	for (int i = PRIORITIES - 1; i >= 0; i--) {
		const struct line *line = &door->lines[i];

		if (line->n > 0)
			return !shed_refuses(&door->shed, i) && tasks->used + line->tasks <= tasks->cap;
	}
	return false;
}

void
door_look(struct door *door)
{
	if (memcmp(&door->shed.config, &door->orch->config.shed, sizeof door->shed.config) != 0)
		shed_configure(&door->shed, &door->orch->config.shed);
	look_at_memory(door);
	look_at_tasks(door);
	if (may_sweep(door))
		orchestrator_catalog_changed(door->orch);
}

/* --- asking ----------------------------------------------------------------------------- */

static json_t *
details_of(const struct door *door, const struct door_ask *ask, enum shed_reason reason,
    unsigned wait_s)
{
	const struct shed_load *load = &door->shed.loads[reason];
	unsigned level = shed_level(&door->shed);

	return json_pack("{s:s, s:I, s:I, s:i, s:i, s:i, s:i, s:i}", "reason",
	    shed_reason_name(reason), "used", (json_int_t)load->used, "cap",
	    (json_int_t)load->cap, "percent", (int)shed_percent(load), "level", (int)level,
	    "refused_up_to", shed_refused_up_to(level), "priority", ask->priority,
	    "retry_after_ms", (int)wait_s * 1000);
}

/* The level allows it, but its tasks would pass the cap. */
static int
check_room(const struct door *door, const struct door_ask *ask, struct err *err)
{
	const struct shed_load *load = &door->shed.loads[SHED_TASKS];
	unsigned long long tasks = ask->tasks, used = load->used, cap = load->cap;

	if (tasks > cap)
		return err_set(err, ERR_LIMIT, "%llu tasks are more than may ever live "
		    "(dispatch.max_tasks is %llu): start less at once, or raise it", tasks, cap);
	if (used + tasks > cap)
		return err_set(err, ERR_SHED, "too full: %llu tasks more would pass the limit of %llu "
		    "live tasks (dispatch.max_tasks; %llu live now): try again in %u s; %s", tasks,
		    cap, used, shed_wait_s(&door->shed, ask->priority), cure(SHED_TASKS));
	return 0;
}

int
door_admit(struct door *door, const struct door_ask *ask, struct err *err, json_t **ret_details)
{
	enum shed_reason reason = SHED_TASKS;
	char load[200];
	int code;

	look_at_tasks(door);
	code = check_room(door, ask, err);
	if (code == 0 && shed_refuses(&door->shed, ask->priority)) {
		reason = shed_fullest(&door->shed);
		say_load(door, reason, load, sizeof load);
		code = err_set(err, ERR_SHED, "too full: %s: new runs %s are refused, and this one "
		    "has priority %d: try again in %u s; %s", load,
		    which(shed_level(&door->shed)), ask->priority,
		    shed_wait_s(&door->shed, ask->priority), cure(reason));
	}
	if (code == ERR_SHED && ret_details)
		*ret_details = details_of(door, ask, reason, shed_wait_s(&door->shed, ask->priority));
	return code;
}

void
door_count(struct door *door, const struct door_ask *ask)
{
	static const enum metric FIRST[SHED_REASONS] = { METRIC_SHED_TASKS_0,
		METRIC_SHED_MEMORY_0, METRIC_SHED_REDIS_0 };
	bool refuses = shed_refuses(&door->shed, ask->priority);
	enum shed_reason reason = refuses ? shed_fullest(&door->shed) : SHED_TASKS;
	struct refusal *last = &door->last[door->at_last];

	metrics_add(door->orch->config.metrics, (enum metric)((int)FIRST[reason] + ask->priority), 1);
	door->refused++;
	if (door->n_last == 0 || last->priority != ask->priority || last->reason != reason ||
	    strncmp(last->workflow, ask->workflow, NAME_SIZE - 1) != 0 ||
	    strncmp(last->actor, ask->actor, NAME_SIZE - 1) != 0) {
		door->at_last = door->n_last == 0 ? 0 : (door->at_last + 1) % DOOR_REMEMBERED;
		door->n_last += door->n_last < DOOR_REMEMBERED;
		last = &door->last[door->at_last];
		*last = (struct refusal){ .priority = ask->priority, .reason = reason };
		snprintf(last->workflow, sizeof last->workflow, "%.64s", ask->workflow);
		snprintf(last->actor, sizeof last->actor, "%.64s", ask->actor);
	}
	last->count++;
	last->at_ms = clock_wall_ms();
}

/* --- files ------------------------------------------------------------------------------ */

/* Somebody of at least this priority came earlier and waits. */
static bool
is_behind(const struct door *door, int priority, int mine)
{
	size_t n = 0;

	if (door->sweeping)
		return door->blocked >= priority;
	for (int i = priority; i < PRIORITIES; i++)
		n += door->lines[i].n - (mine == i + 1);
	return n > 0;
}

int
door_admit_file_again(struct door *door, const struct workflow *wf, struct err *err)
{
	const struct door_ask ask = { wf->name, "drop", wf->priority, wf->n_tasks };

	return door_admit(door, &ask, err, NULL);
}

int
door_admit_file(struct door *door, const struct workflow *wf, int mine, struct err *err)
{
	int code = door_admit_file_again(door, wf, err);

	if (code == 0 && is_behind(door, wf->priority, mine))
		code = err_set(err, ERR_SHED, "other files came earlier and wait");
	if (code == ERR_SHED && door->sweeping && wf->priority > door->blocked) {
		door->blocked = wf->priority;
		door->lines[wf->priority].tasks = wf->n_tasks;
	}
	return code;
}

static void
count_waiting(struct door *door)
{
	size_t n = 0;

	for (int i = 0; i < PRIORITIES; i++)
		n += door->lines[i].n;
	metrics_set(door->orch->config.metrics, METRIC_DROPS_WAITING, n);
}

int
door_wait(struct door *door, const struct workflow *wf)
{
	struct line *line = &door->lines[wf->priority];

	if (line->n++ == 0)
		line->tasks = wf->n_tasks;
	count_waiting(door);
	return wf->priority + 1;
}

void
door_leave(struct door *door, int place)
{
	if (place == 0)
		return;
	door->lines[place - 1].n--;
	door->lines[place - 1].tasks = 0; /* whose the first is now, the next sweep tells */
	count_waiting(door);
}

void
door_sweep_begin(struct door *door)
{
	door->sweeping = true;
	door->blocked = -1;
}

void
door_sweep_end(struct door *door)
{
	door->sweeping = false;
}

void
door_why(struct door *door, int place, struct err *ret_why)
{
	const struct door_ask ask = { "", "", place - 1, 0 };

	if (door_admit(door, &ask, ret_why, NULL) == 0)
		err_set(ret_why, ERR_SHED, "it waits for its turn: files that came earlier, or tasks "
		    "that take up its room");
}

/* --- questions -------------------------------------------------------------------------- */

static json_t *
view_load(const struct shed_load *load)
{
	return json_pack("{s:I, s:I, s:i, s:i}", "used", (json_int_t)load->used, "cap",
	    (json_int_t)load->cap, "percent", (int)shed_percent(load), "level",
	    (int)load->level);
}

static json_t *
view_last(const struct door *door)
{
	json_t *items = json_array();

	for (size_t i = 0; i < door->n_last; i++) {
		const struct refusal *last =
		    &door->last[(door->at_last + DOOR_REMEMBERED - i) % DOOR_REMEMBERED];

		json_array_append_new(items,
		    json_pack("{s:o, s:s, s:s, s:i, s:s, s:I}", "at", view_time(last->at_ms),
		        "workflow", last->workflow, "actor", last->actor, "priority", last->priority,
		        "reason", shed_reason_name(last->reason), "count", (json_int_t)last->count));
	}
	return items;
}

json_t *
door_view(struct door *door)
{
	json_t *loads = json_object();
	unsigned level;
	size_t waiting = 0;

	look_at_tasks(door);
	level = shed_level(&door->shed);
	for (int i = 0; i < SHED_REASONS; i++)
		json_object_set_new(loads, shed_reason_name((enum shed_reason)i),
		    view_load(&door->shed.loads[i]));
	for (int i = 0; i < PRIORITIES; i++)
		waiting += door->lines[i].n;
	return json_pack("{s:i, s:i, s:s, s:o, s:I, s:I, s:o}", "level", (int)level,
	    "refused_up_to", shed_refused_up_to(level), "reason",
	    level > 0 ? shed_reason_name(shed_fullest(&door->shed)) : "", "loads", loads,
	    "refused", (json_int_t)door->refused, "waiting_files", (json_int_t)waiting, "last",
	    view_last(door));
}

bool
door_finding(struct door *door, struct err *ret_text)
{
	enum shed_reason reason;
	char load[200];

	look_at_tasks(door);
	if (shed_level(&door->shed) == 0)
		return false;
	reason = shed_fullest(&door->shed);
	say_load(door, reason, load, sizeof load);
	err_set(ret_text, ERR_SHED, "%s: new runs %s are refused (%llu since the start); %s", load,
	    which(shed_level(&door->shed)), (unsigned long long)door->refused, cure(reason));
	return true;
}
