/* SPDX-License-Identifier: MIT */
/* Keeps as many local agents as are wanted: starts, adopts, drains them. */
#include "orchestrator/local_agents.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <uthash.h>

#include "base/backoff.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/rand.h"
#include "base/str.h"
#include "orchestrator/local_record.h"
#include "orchestrator/local_start.h"

#define FOLDER "scaled"
#define HOME_SHOWN 8       /* digits of it in an id */
#define STARTS_A_TURN 8    /* a burst of forks and sign-ons is nobody's friend */
#define HANGS_MS 60000     /* past its own limits */
#define BACKOFF_MS 1000
#define BACKOFF_MAX_MS 300000
#define BACKOFF_JITTER 0.2
#define WHY_SIZE 400
#define STATUS_SIZE 100

struct local_type {
	UT_hash_handle hh;
	char *name;
	uint32_t working, draining;
	unsigned failures;
	int64_t again_at; /* mono_ms: not started before */
	char why[WHY_SIZE];
};

struct local_agent {
	UT_hash_handle hh; /* by id */
	struct local_agents *all;
	struct local_type *type;
	struct local_record record;
	struct child *child;
	int64_t began_at; /* mono_ms; adopted ones count as old */
	int64_t hangs_at; /* mono_ms: killed then; INT64_MAX: it works */
	bool killed;
};

struct local_agents {
	struct local_config config;
	struct local_start start;
	struct loop *loop;
	int dir_fd;
	char boot[LOCAL_BOOT_SIZE];
	char *texts[6]; /* the configuration's, copied */
	struct local_agent *agents;
	struct local_type *types;
};

static int64_t
mono_ms(void)
{
	return clock_mono_us() / CLOCK_MS;
}

static void
tell(const struct local_agents *all, enum local_news news, const struct local_agent *agent,
    const char *why, int64_t again_ms)
{
	const struct local_event event = { news, agent->record.type, agent->record.id,
		agent->record.pid, why, again_ms };

	if (all->config.on_event)
		all->config.on_event(all->config.arg, &event);
}

static struct local_type *
type_of(struct local_agents *all, const char *name)
{
	struct local_type *type;

	HASH_FIND_STR(all->types, name, type);
	if (!type) {
		type = xcalloc(1, sizeof *type);
		type->name = xstrdup(name);
		HASH_ADD_KEYPTR(hh, all->types, type->name, strlen(type->name), type);
	}
	return type;
}

/* --- the end of one --- */

static void
agent_remove(struct local_agent *agent)
{
	struct local_agents *all = agent->all;

	HASH_DEL(all->agents, agent);
	if (agent->record.drain_wall_ms)
		agent->type->draining--;
	else
		agent->type->working--;
	child_free(agent->child);
	free(agent);
}

static void
say_status(int status, int64_t lived_ms, char *text, size_t size)
{
	char lived[DURATION_SIZE];

	duration_format(lived_ms > 1000 ? lived_ms / 1000 * 1000 : lived_ms, lived);
	if (status == -1)
		snprintf(text, size, "it ended");
	else if (WIFSIGNALED(status))
		snprintf(text, size, "signal %d (%s) after %s", WTERMSIG(status),
		    strsignal(WTERMSIG(status)), lived);
	else
		snprintf(text, size, "exit %d after %s", WEXITSTATUS(status), lived);
}

static void
back_off(struct local_agents *all, struct local_type *type, const char *why)
{
	int64_t delay;

	type->failures++;
	delay = backoff_delay(BACKOFF_EXPONENTIAL, BACKOFF_MS, 2, BACKOFF_MAX_MS, BACKOFF_JITTER,
	    type->failures, rng_unit(loop_rng(all->loop)));
	type->again_at = mono_ms() + delay;
	snprintf(type->why, sizeof type->why, "%s", why);
}

static void
ended_early(struct local_agent *agent, const char status[STATUS_SIZE])
{
	char line[WHY_SIZE - STATUS_SIZE - 32], why[WHY_SIZE];

	local_last_line(agent->all->dir_fd, agent->record.id, line, sizeof line);
	snprintf(why, sizeof why, "%s%s%s", status, *line ? "; it said last: " : "", line);
	back_off(agent->all, agent->type, why);
	tell(agent->all, LOCAL_FAILED, agent, why, agent->type->again_at - mono_ms());
}

static void
agent_ended(void *arg, int status, const struct rusage *usage)
{
	struct local_agent *agent = arg;
	int64_t lived = mono_ms() - agent->began_at;
	char text[STATUS_SIZE];

	(void)usage;
	say_status(status, lived, text, sizeof text);
	local_record_remove(agent->all->dir_fd, agent->record.id);
	if (!agent->record.drain_wall_ms && lived < LOCAL_EARLY_MS)
		ended_early(agent, text);
	else if (!agent->killed)
		tell(agent->all, LOCAL_ENDED, agent, text, 0);
	agent_remove(agent);
}

/* --- the beginning of one --- */

static struct local_agent *
agent_new(struct local_agents *all, const struct local_record *record)
{
	struct local_agent *agent = xcalloc(1, sizeof *agent);

	agent->all = all;
	agent->record = *record;
	agent->type = type_of(all, record->type);
	agent->hangs_at = INT64_MAX;
	agent->began_at = mono_ms();
	if (record->drain_wall_ms)
		agent->type->draining++;
	else
		agent->type->working++;
	HASH_ADD_STR(all->agents, record.id, agent);
	return agent;
}

static bool
is_barred(const struct local_agents *all, const char *id)
{
	return all->config.barred && all->config.barred(all->config.arg, id);
}

/* The lowest id of the type that is free. */
static void
name_agent(const struct local_agents *all, const char *type, struct local_record *record)
{
	for (record->slot = 0;; record->slot++) {
		snprintf(record->id, sizeof record->id, "%s-%.*s-%u", type, HOME_SHOWN,
		    all->config.home, record->slot);
		if (!local_agents_has(all, record->id) && !is_barred(all, record->id))
			return;
	}
}

/* ERR_FAILED: what it is cannot be written down, so it is not to be. */
static int
agent_start(struct local_agents *all, const struct agent_type *type, struct local_agent *agent,
    struct err *err)
{
	struct local_record *record = &agent->record;
	int rc = local_record_write(all->dir_fd, record, err);

	if (rc == 0)
		rc = local_start(&all->start, type, record->id, agent_ended, agent,
		    &agent->child, err);
	if (rc < 0)
		return rc;
	record->pid = child_pid(agent->child);
	(void)local_process_start(record->pid, &record->start);
	/* without it the next daemon finds it by its arguments */
	if (local_record_write(all->dir_fd, record, err) < 0)
		log_warn("what a local agent is was not written down",
		    KV_S("agent", record->id), KV_S("why", err->text));
	return 0;
}

/* false: not now. */
static bool
start_one(struct local_agents *all, const struct agent_type *type)
{
	struct local_record record = { .limit_ms = type->scale.drain_timeout_ms +
		type->grace_ms + HANGS_MS };
	struct local_agent *agent;
	struct err err = { 0 };

	snprintf(record.type, sizeof record.type, "%s", type->type);
	snprintf(record.where, sizeof record.where, "%s", all->config.where);
	snprintf(record.boot, sizeof record.boot, "%s", all->boot);
	name_agent(all, type->type, &record);
	agent = agent_new(all, &record);
	if (agent_start(all, type, agent, &err) == 0) {
		tell(all, LOCAL_STARTED, agent, "", 0);
		return true;
	}
	local_record_remove(all->dir_fd, record.id);
	back_off(all, agent->type, err.text);
	tell(all, LOCAL_FAILED, agent, err.text, agent->type->again_at - mono_ms());
	agent_remove(agent);
	return false;
}

/* --- draining --- */

static void
set_draining(struct local_agent *agent)
{
	struct err err = { 0 };

	agent->record.drain_wall_ms = clock_wall_ms();
	agent->hangs_at = mono_ms() + agent->record.limit_ms;
	agent->type->working--;
	agent->type->draining++;
	if (local_record_write(agent->all->dir_fd, &agent->record, &err) < 0)
		log_warn("what a local agent is was not written down",
		    KV_S("agent", agent->record.id), KV_S("why", err.text));
}

static void
drain(struct local_agent *agent)
{
	/* signal first: one that was told twice would give up what it works on */
	if (!child_kill(agent->child, SIGTERM))
		return;
	set_draining(agent);
	tell(agent->all, LOCAL_DRAINING, agent, "", 0);
}

/* Those that take nothing any more go first, then the idle, then the youngest. */
struct candidate {
	struct local_agent *agent;
	bool barred;
	size_t held;
};

static int
by_loss(const void *a, const void *b)
{
	const struct candidate *x = a, *y = b;

	if (x->barred != y->barred)
		return x->barred ? -1 : 1;
	if (x->held != y->held)
		return x->held < y->held ? -1 : 1;
	return x->agent->record.slot > y->agent->record.slot ? -1 : 1;
}

static void
drain_some(struct local_agents *all, struct local_type *type, uint32_t n)
{
	struct candidate *list = xcalloc(type->working + 1u, sizeof *list);
	struct local_agent *agent, *next;
	size_t len = 0;

	HASH_ITER(hh, all->agents, agent, next) {
		if (agent->type != type || agent->record.drain_wall_ms)
			continue;
		list[len++] = (struct candidate){ agent, is_barred(all, agent->record.id),
			all->config.held ? all->config.held(all->config.arg, agent->record.id) : 0 };
	}
	qsort(list, len, sizeof *list, by_loss);
	for (size_t i = 0; i < len && i < n; i++)
		drain(list[i].agent);
	free(list);
}

/* --- what is wanted --- */

void
local_agents_want(struct local_agents *all, const struct agent_type *file, uint32_t wanted,
    uint32_t most)
{
	struct local_type *type = type_of(all, file->type);

	if (type->working > wanted) {
		drain_some(all, type, type->working - wanted);
		return;
	}
	if (mono_ms() < type->again_at)
		return;
	for (int i = 0; i < STARTS_A_TURN && type->working < wanted &&
	     type->working + type->draining < most; i++)
		if (!start_one(all, file))
			return;
}

void
local_agents_dismiss(struct local_agents *all, const char *name)
{
	struct local_type *type = type_of(all, name);

	if (type->working > 0)
		drain_some(all, type, type->working);
}

void
local_agents_note_draining(struct local_agents *all, const char *id)
{
	struct local_agent *agent;

	HASH_FIND_STR(all->agents, id, agent);
	if (agent && !agent->record.drain_wall_ms)
		set_draining(agent);
}

void
local_agents_turn(struct local_agents *all)
{
	struct local_agent *agent, *next;
	int64_t now = mono_ms();

	HASH_ITER(hh, all->agents, agent, next) {
		if (!agent->record.drain_wall_ms && now - agent->began_at >= LOCAL_EARLY_MS)
			agent->type->failures = 0;
		if (agent->killed || now < agent->hangs_at || !child_kill(agent->child, SIGKILL))
			continue;
		agent->killed = true;
		tell(all, LOCAL_KILLED, agent, "it was to finish its tasks and leave, and hung", 0);
	}
}

/* --- questions --- */

void
local_agents_count(const struct local_agents *all, const char *name,
    struct local_counts *ret_counts)
{
	const struct local_type *type;
	int64_t now = mono_ms();

	HASH_FIND_STR(all->types, name, type);
	*ret_counts = (struct local_counts){ .why = "" };
	if (!type)
		return;
	ret_counts->working = type->working;
	ret_counts->draining = type->draining;
	ret_counts->failures = type->failures;
	ret_counts->again_ms = type->again_at > now ? type->again_at - now : 0;
	ret_counts->why = type->why;
}

bool
local_agents_is_ours(const struct local_agents *all, const char *id)
{
	const char *slot = strrchr(id, '-');

	return slot && slot - id > HOME_SHOWN && slot[-1 - HOME_SHOWN] == '-' &&
	    memcmp(slot - HOME_SHOWN, all->config.home, HOME_SHOWN) == 0;
}

bool
local_agents_has(const struct local_agents *all, const char *id)
{
	const struct local_agent *agent;

	HASH_FIND_STR(all->agents, id, agent);
	return agent != NULL;
}

void
local_agents_each_type(struct local_agents *all, void (*fn)(void *arg, const char *type),
    void *arg)
{
	struct local_type *type, *next;

	HASH_ITER(hh, all->types, type, next)
		if (type->working + type->draining > 0)
			fn(arg, type->name);
}

/* --- those of an earlier daemon --- */

/* false: it is not the process that the record speaks of. */
static bool
watch(struct local_agent *agent)
{
	struct local_record *record = &agent->record;
	struct err err = { 0 };
	uint64_t start = 0;

	if (child_adopt(agent->all->loop, record->pid, agent_ended, agent, &agent->child, &err) < 0)
		return false;
	/* looked at behind the pidfd: what is watched now cannot become another process */
	if (local_process_start(record->pid, &start) && start == record->start)
		return true;
	child_free(agent->child);
	agent->child = NULL;
	return false;
}

static void
take_up(struct local_agents *all, struct local_record *record)
{
	struct local_agent *agent;
	struct err err = { 0 };
	int64_t since = clock_wall_ms() - record->drain_wall_ms;

	if (record->pid == 0) {
		record->pid = local_process_find(record->id);
		if (record->pid == 0 || !local_process_start(record->pid, &record->start)) {
			local_record_remove(all->dir_fd, record->id);
			return;
		}
		(void)local_record_write(all->dir_fd, record, &err);
	}
	agent = agent_new(all, record);
	agent->began_at = mono_ms() - LOCAL_EARLY_MS;
	if (strcmp(record->boot, all->boot) != 0 || !watch(agent)) {
		local_record_remove(all->dir_fd, record->id);
		agent_remove(agent);
		return;
	}
	if (record->drain_wall_ms)
		agent->hangs_at = mono_ms() + record->limit_ms -
		    (since < 0 ? 0 : since < record->limit_ms ? since : record->limit_ms);
	tell(all, LOCAL_ADOPTED, agent, "", 0);
	if (!record->drain_wall_ms && strcmp(record->where, all->config.where) != 0)
		drain(agent);
}

static void
adopt_all(struct local_agents *all)
{
	int fd = openat(all->dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	struct local_record record;
	struct dirent *entry;

	while (dir && (entry = readdir(dir)) != NULL) {
		if (entry->d_name[0] == '.' || strstr(entry->d_name, ".log"))
			continue;
		if (local_record_read(all->dir_fd, entry->d_name, &record))
			take_up(all, &record);
	}
	if (dir)
		closedir(dir);
	else if (fd >= 0)
		close(fd);
}

/* --- making --- */

static int
open_folder(struct local_agents *all, struct err *err)
{
	if (mkdirat(all->config.state_fd, FOLDER, 0700) != 0 && errno != EEXIST)
		return err_set(err, ERR_FAILED, "cannot make '" FOLDER "' in the state folder: %s",
		    strerror(errno));
	all->dir_fd = openat(all->config.state_fd, FOLDER,
	    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (all->dir_fd < 0)
		return err_set(err, ERR_FAILED, "cannot open '" FOLDER "' in the state folder: %s",
		    strerror(errno));
	(void)fchmod(all->dir_fd, 0700);
	return 0;
}

static const char *
keep(struct local_agents *all, size_t i, const char *text)
{
	all->texts[i] = text ? xstrdup(text) : NULL;
	return all->texts[i];
}

int
local_agents_new(struct loop *loop, const struct local_config *config,
    struct local_agents **ret_agents, struct err *err)
{
	struct local_agents *all = xcalloc(1, sizeof *all);

	all->loop = loop;
	all->dir_fd = -1;
	all->config = *config;
	all->config.state_dir = keep(all, 0, config->state_dir);
	all->config.home = keep(all, 1, config->home);
	all->config.redis_url = keep(all, 2, config->redis_url);
	all->config.where = keep(all, 3, config->where);
	all->config.prefix = keep(all, 4, config->prefix);
	all->texts[5] = config->program ? xstrdup(config->program) : local_program();
	local_boot(all->boot);
	if (open_folder(all, err) < 0) {
		local_agents_free(all);
		return err->code;
	}
	all->start = (struct local_start){ loop, all->dir_fd, all->config.state_dir, all->texts[5],
		all->config.redis_url, all->config.prefix };
	adopt_all(all);
	*ret_agents = all;
	return 0;
}

void
local_agents_free(struct local_agents *all)
{
	struct local_agent *agent, *next_agent;
	struct local_type *type, *next_type;

	if (!all)
		return;
	HASH_ITER(hh, all->agents, agent, next_agent)
		agent_remove(agent);
	HASH_ITER(hh, all->types, type, next_type) {
		HASH_DEL(all->types, type);
		free(type->name);
		free(type);
	}
	if (all->dir_fd >= 0)
		close(all->dir_fd);
	for (size_t i = 0; i < ARRAY_LEN(all->texts); i++)
		free(all->texts[i]);
	free(all);
}
