/* SPDX-License-Identifier: MIT */
/*
 * The agent's life: made, run, drained, left.
 */
#include "agent/agent.h"

#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/attempt.h"
#include "agent/logs.h"
#include "agent/room.h"
#include "agent/spool.h"
#include "agent/workspace.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"

#define LEAVE_US (10 * CLOCK_S) /* how long the last reports may take without Redis */

unsigned
agent_free_slots(const struct agent *agent)
{
	return agent->slots > agent->running ? agent->slots - agent->running : 0;
}

bool
agent_is_draining(const struct agent *agent)
{
	size_t i;

	for (i = 0; i < agent->n_places && !agent->places[i]->drained; i++)
		;
	return agent->draining || i < agent->n_places;
}

struct redis_port *
agent_port(const struct agent *agent)
{
	if (agent->commands == NULL || !redis_conn_is_up(agent->commands))
		return NULL;
	return redis_conn_port(agent->commands);
}

void
agent_ignore_reply(void *arg, const struct redisReply *reply, const struct err *err)
{
	(void)arg;
	(void)reply;
	(void)err;
}

/* --- leaving --- */

static void
leave(struct agent *agent)
{
	agent->leaving = true;
	loop_timer_stop(&agent->drain_timer);
	if (agent->signed_on) {
		signoff_begin(agent);
		return;
	}
	agent->left = true;
	loop_break(agent->loop);
}

static void
leave_over(void *arg)
{
	struct agent *agent = arg;

	outbox_away(agent);
	log_error("leaving with reports or output that Redis did not take",
	    KV_I("reports", ledger_count(&agent->ledger, HELD_REPORTED)),
	    KV_S("then", agent->durable ? "the next agent of this id delivers them"
					: "they are lost; --state-dir would keep them"));
	agent->exit_code = 1;
	agent->left = true;
	loop_break(agent->loop);
}

static void
maybe_leave(struct agent *agent)
{
	if (!agent->draining || agent->leaving || agent->running > 0)
		return;
	if (!loop_timer_active(&agent->leave_timer))
		loop_timer_start(&agent->leave_timer, LEAVE_US);
	if (agent->signed_on && agent->puller.busy)
		return; /* it may still bring tasks */
	if (agent->logs == NULL && ledger_count(&agent->ledger, HELD_REPORTED) == 0)
		leave(agent);
}

static void
turn_ends(void *arg)
{
	struct agent *agent = arg;

	agent->turn_due = false;
	if (agent->left)
		return;
	outbox_flush(agent);
	pull_go(agent);
	maybe_leave(agent);
}

void
agent_go_on(struct agent *agent)
{
	if (agent->left || agent->turn_due)
		return;
	agent->turn_due = true;
	loop_defer(agent->loop, turn_ends, agent);
}

static void
end_all(struct agent *agent, enum end_cause cause)
{
	struct held_row *row = NULL;

	while ((row = ledger_next(&agent->ledger, row)) != NULL)
		if (row->attempt != NULL)
			attempt_end(row->attempt, cause);
}

static void
drain_over(void *arg)
{
	log_warn("the drain's time is over: handing back what runs");
	end_all(arg, END_RELEASED);
}

static void
drain(struct agent *agent)
{
	log_info("draining: no new tasks", KV_I("running", agent->running));
	agent->draining = true;
	loop_timer_start(&agent->drain_timer, agent->options->drain_ms * CLOCK_MS);
	if (agent->running > 0)
		signon_tell_draining(agent);
	pull_wake(agent);
	agent_go_on(agent);
}

static void
on_phase(void *arg, enum loop_phase phase)
{
	struct agent *agent = arg;

	if (phase == LOOP_STOPPING) {
		drain(agent);
		return;
	}
	log_info("stopping now", KV_I("running", agent->running));
	end_all(agent, END_RELEASED);
}

static void
abandon_all(struct agent *agent)
{
	struct held_row *row = NULL;

	while ((row = ledger_next(&agent->ledger, row)) != NULL)
		if (row->attempt != NULL)
			attempt_abandon(row->attempt);
	sweep_abandoned(agent);
}

void
agent_abandon(struct agent *agent, int exit_code)
{
	abandon_all(agent);
	agent->exit_code = exit_code;
	agent->signed_on = false;
	agent->leaving = agent->left = true;
	loop_break(agent->loop);
}

/* --- connections --- */

static void
commands_up(void *arg, struct redis_conn *conn)
{
	struct agent *agent = arg;

	(void)conn;
	if (agent->away_told)
		log_info("Redis is back", KV_S("redis", redis_conn_address(conn)));
	agent->away_told = false;
	signon_begin(agent);
}

static void
commands_down(void *arg, struct redis_conn *conn, const struct err *err)
{
	struct agent *agent = arg;

	signon_lost(agent);
	if (agent->left)
		return;
	if (!agent->away_told)
		log_warn("Redis is away; running tasks go on, trying again",
		    KV_S("redis", redis_conn_address(conn)), KV_S("why", err->text));
	agent->away_told = true;
	outbox_away(agent);
	maybe_leave(agent);
}

static void
reads_up(void *arg, struct redis_conn *conn)
{
	(void)conn;
	pull_reconnected(arg);
}

static void
reads_down(void *arg, struct redis_conn *conn, const struct err *err)
{
	(void)conn;
	if (err->code == ERR_LIMIT)
		pull_too_large(arg);
}

static int
connect_redis(struct agent *agent, const char *url, struct err *err)
{
	struct redis_conn_config config = { .url = url,
		.name = "reeve-agent",
		.role = "commands",
		.on_up = commands_up,
		.on_down = commands_down,
		.arg = agent };
	int rc = redis_conn_new(agent->loop, &config, &agent->commands, err);

	if (rc != 0)
		return rc;
	config.role = "reads";
	config.ping_interval_ms = -1; /* it would wait behind a blocking read */
	config.on_up = reads_up;
	config.on_down = reads_down;
	return redis_conn_new(agent->loop, &config, &agent->reads, err);
}

/* --- making --- */

static void
name_agent(struct agent *agent)
{
	char host[256] = "localhost";
	struct rng *rng = loop_rng(agent->loop);

	(void)gethostname(host, sizeof host - 1);
	agent->host = xstrdup(host);
	agent->id = agent->options->id != NULL
			? xstrdup(agent->options->id)
			: xasprintf("%.100s:%ld", host, (long)getpid());
	token_format(rng_u64(rng), agent->instance);
}

static void
resend(void *arg)
{
	outbox_resend(arg);
}

static void
spool_due(void *arg)
{
	outbox_spool_due(arg);
}

static void
sign_again(void *arg)
{
	signon_begin(arg);
}

static void
make_timers(struct agent *agent)
{
	loop_timer_init(&agent->sign_timer, agent->loop, sign_again, agent);
	loop_timer_init(&agent->resend_timer, agent->loop, resend, agent);
	loop_timer_init(&agent->spool_timer, agent->loop, spool_due, agent);
	loop_timer_init(&agent->drain_timer, agent->loop, drain_over, agent);
	loop_timer_init(&agent->leave_timer, agent->loop, leave_over, agent);
	pull_init(agent);
	beat_init(agent);
}

/* Without a state folder it goes with the agent. */
static int
make_spool(struct agent *agent, const char *state_dir, struct err *err)
{
	char *path = NULL;
	int rc = 0;

	agent->durable = state_dir != NULL;
	if (agent->durable)
		rc = workspace_folder(state_dir, "spool", agent->id, &path, err);
	else
		path = xasprintf("%s/spool", agent->root);
	if (rc != 0)
		return rc;
	agent->spool = spool_new(path, agent->options->spool_bytes);
	outbox_load(agent);
	return 0;
}

static int
agent_init(struct agent *agent, const char *url, struct err *err)
{
	const struct agent_options *options = agent->options;
	const char *state_dir = options->state_dir;
	char cwd[PATH_MAX];
	int rc;

	if (getcwd(cwd, sizeof cwd) == NULL)
		return err_set(err, ERR_FAILED, "cannot tell the working directory");
	agent->loop = loop_new(err);
	if (agent->loop == NULL)
		return ERR_FAILED;
	agent->cwd = xstrdup(cwd);
	agent->null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (agent->null_fd < 0)
		return err_set(err, ERR_FAILED, "cannot open /dev/null");
	name_agent(agent);
	if (!places_grow(agent, 1))
		return err_set(err, ERR_INVALID,
		    "--prefix takes at most %d characters and no braces", KEY_PREFIX_MAX);
	make_timers(agent);
	rooms_init(agent);
	sweep_init(agent);
	childenv_init(&agent->env, (const char *const *)environ);
	if (state_dir == NULL)
		state_dir = getenv("REEVE_STATE_DIR");
	rc = workspace_root(state_dir, agent->id, &agent->root, err);
	if (rc == 0)
		rc = make_spool(agent, state_dir, err);
	if (rc == 0)
		rc = agent_scripts_init(&agent->scripts, err);
	return rc == 0 ? connect_redis(agent, url, err) : rc;
}

int
agent_new(const struct agent_options *options, const char *url, struct keeper *keeper,
    struct agent **ret_agent, struct err *err)
{
	struct agent *agent = xcalloc(1, sizeof *agent);
	int rc;

	agent->options = options;
	agent->keeper = keeper;
	agent->lease_ms = AGENT_LEASE_MS;
	agent->slots = 1;
	agent->null_fd = -1;
	agent->sweeper.brood = (struct brood){ -1, -1 };
	rc = agent_init(agent, url, err);
	if (rc == 0)
		*ret_agent = agent;
	else
		agent_free(agent);
	return rc;
}

int
agent_run(struct agent *agent)
{
	const struct loop_signal_fns fns = { .on_phase = on_phase, .arg = agent };

	loop_watch_signals(agent->loop, &fns);
	/* the second SIGTERM breaks the loop, but children still have to end */
	while (!agent->left)
		loop_run(agent->loop);
	return agent->exit_code;
}

static void
names_release(struct agent *agent)
{
	char *const names[] = { agent->id, agent->host, agent->root, agent->cwd };
	size_t i;

	for (i = 0; i < ARRAY_LEN(names); i++)
		free(names[i]);
}

void
agent_free(struct agent *agent)
{
	agent->left = true;
	abandon_all(agent);
	redis_conn_free(agent->commands);
	agent->commands = NULL;
	redis_conn_free(agent->reads);
	if (agent->loop != NULL) {
		pull_release(agent);
		beat_release(agent);
		sweep_release(agent);
		rooms_release(agent);
		loop_timer_stop(&agent->sign_timer);
		loop_timer_stop(&agent->resend_timer);
		loop_timer_stop(&agent->spool_timer);
		loop_timer_stop(&agent->drain_timer);
		loop_timer_stop(&agent->leave_timer);
	}
	tasklog_release(agent);
	spool_free(agent->spool);
	outbox_release(agent);
	ledger_release(&agent->ledger);
	places_release(agent);
	agent_scripts_release(&agent->scripts);
	childenv_release(&agent->env);
	loop_free(agent->loop);
	if (agent->root != NULL)
		workspace_sweep(agent->root);
	if (agent->null_fd >= 0)
		(void)close(agent->null_fd);
	names_release(agent);
	free(agent);
}
