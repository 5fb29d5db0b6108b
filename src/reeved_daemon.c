/* SPDX-License-Identifier: MIT */
/* The parts of the running daemon: made in order, stopped in reverse. */
#include "reeved_daemon.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "http/server.h"
#include "loop/loop.h"
#include "orchestrator/embedded.h"
#include "orchestrator/facade.h"
#include "orchestrator/notify.h"
#include "orchestrator/orchestrator.h"
#include "orchestrator/pooling.h"
#include "orchestrator/registry.h"
#include "orchestrator/statedir.h"
#include "orchestrator/types.h"

/* Together less than 5 s. */
enum { STOP_HTTP_MS = 800, STOP_ORCHESTRATOR_MS = 2000, STOP_REDIS_MS = 1700 };

struct reeved {
	struct settings *settings;
	struct statedir statedir;
	struct metrics metrics;
	struct loop *loop;
	struct embedded *embedded; /* NULL: an external Redis */
	struct registry *registry;
	struct types *types;
	struct orchestrator *orch;
	struct http_server *http;
	const char *socket;
	bool running; /* the orchestrator was started */
	bool ready;   /* and said so */
};

static void
log_fault(void *arg, const char *line)
{
	(void)arg;
	log_error(line);
}

/* --- news of the parts --- */

static void
on_state(void *arg, enum orchestrator_state state, const char *why)
{
	struct reeved *d = arg;
	char addr[SETTINGS_ADDR_SIZE], http[SETTINGS_ADDR_SIZE + 16] = "off";
	uint16_t port;

	(void)why;
	if (d->ready || state == ORCHESTRATOR_WAITING)
		return;
	d->ready = true;
	if (settings_http(d->settings->config, addr, &port) && *addr)
		snprintf(http, sizeof http, strchr(addr, ':') ? "[%s]:%u" : "%s:%u", addr,
		    (unsigned)http_server_port(d->http));
	printf("ready http=%s socket=%s redis=%s partitions=%u\n", http, d->socket,
	    orchestrator_redis(d->orch), orchestrator_partitions(d->orch));
	fflush(stdout);
	notify_manager("READY=1");
}

static void
on_redis_up(void *arg)
{
	struct reeved *d = arg;

	if (!d->running)
		orchestrator_start(d->orch);
	d->running = true;
}

static void
on_drop(void *arg, const char *path, struct workflow *workflow)
{
	struct reeved *d = arg;

	/* What is not taken now is looked at again once the daemon serves. */
	(void)orchestrator_drop(d->orch, path, workflow);
}

static bool
on_forget(void *arg, const char *path)
{
	struct reeved *d = arg;

	return orchestrator_forget(d->orch, path);
}

static void
on_scanned(void *arg)
{
	struct reeved *d = arg;

	orchestrator_catalog_changed(d->orch);
}

static void
on_type(void *arg, const char *name, const struct agent_type *type)
{
	struct reeved *d = arg;

	(void)name;
	(void)type;
	orchestrator_catalog_changed(d->orch);
}

static void
set_pools(struct reeved *d)
{
	struct pool_setting *pools;
	size_t n = settings_pools(d->settings->config, &pools);

	orchestrator_set_pools(d->orch, pools, n);
	free(pools);
}

static void
on_hup(void *arg)
{
	struct reeved *d = arg;

	struct steward_config steward;
	struct keep_limits keep;
	struct shed_config shed;
	struct budget_def budget;
	uint64_t memory;

	if (settings_reload(d->settings, log_fault, NULL) < 0) {
		log_error("the configuration is broken; nothing was changed");
		return;
	}
	settings_keep(d->settings->config, &keep);
	settings_steward(d->settings->config, &steward);
	orchestrator_set_steward(d->orch, &steward);
	orchestrator_set_keep(d->orch, &keep);
	settings_budget(d->settings->config, &budget);
	orchestrator_set_budget(d->orch, &budget);
	settings_door(d->settings->config, &shed, &memory);
	orchestrator_set_door(d->orch, &shed, memory);
	set_pools(d);
	log_info("configuration read anew");
}

/* --- the stop: API, then the partition, then Redis --- */

static void
redis_stopped(void *arg, const struct err *err)
{
	struct reeved *d = arg;

	if (err)
		log_warn(err->text);
	log_info("stopped");
	loop_break(d->loop);
}

static void
orchestrator_stopped(void *arg)
{
	struct reeved *d = arg;

	if (d->embedded)
		embedded_stop(d->embedded, STOP_REDIS_MS * CLOCK_MS, redis_stopped, d);
	else
		redis_stopped(d, NULL);
}

static void
http_stopped(void *arg)
{
	struct reeved *d = arg;

	if (d->running)
		orchestrator_stop(d->orch, STOP_ORCHESTRATOR_MS, orchestrator_stopped, d);
	else
		orchestrator_stopped(d);
}

static void
on_phase(void *arg, enum loop_phase phase)
{
	struct reeved *d = arg;

	if (phase != LOOP_STOPPING)
		return;
	log_info("stopping; a second signal ends at once");
	notify_manager("STOPPING=1");
	http_server_stop(d->http, STOP_HTTP_MS, http_stopped, d);
}

/* --- making the parts --- */

static int
open_redis(struct reeved *d, struct err *err)
{
	const struct config *config = d->settings->config;
	struct embedded_config embedded = {
		.dir = d->statedir.redis_dir,
		.socket = d->statedir.redis_socket,
		.binary = config_get_string(config, "redis.binary"),
		.appendfsync = config_get_shown(config, "redis.appendfsync"),
		.metrics = &d->metrics,
		.on_up = on_redis_up,
		.arg = d,
	};

	if (*config_get_string(config, "redis.url"))
		return 0;
	return embedded_new(d->loop, &embedded, &d->embedded, err);
}

static int
open_folders(struct reeved *d, struct err *err)
{
	const struct config *config = d->settings->config;
	struct model_limits limits;
	struct registry_config registry = {
		.folder = config_get_string(config, "workflows"),
		.limits = &limits,
		.metrics = &d->metrics,
		.fns = { on_drop, on_forget, NULL, on_scanned, d },
	};
	int code;

	settings_limits(config, &limits);
	code = registry_new(d->loop, &registry, &d->registry, err);
	if (!code)
		code = types_new(d->loop, config_get_string(config, "agents"), on_type, d,
		    &d->types, err);
	return code;
}

static int
open_orchestrator(struct reeved *d, struct err *err)
{
	const struct config *config = d->settings->config;
	struct orchestrator_config orch = {
		.redis_url = d->embedded ? embedded_url(d->embedded) :
		    config_get_string(config, "redis.url"),
		.prefix = config_get_string(config, "redis.prefix"),
		.home = d->statedir.home_text,
		.partitions = (unsigned)config_get_i64(config, "partitions"),
		.metrics = &d->metrics,
		.on_state = on_state,
		.arg = d,
	};
	int code;

	settings_engine(config, &orch.engine);
	orch.audit_ms = config_get_duration(config, "audit.interval");
	orch.on_loss = config_get_enum(config, "on_state_loss") == 0 ? LOSS_HOLD : LOSS_RESTORE;
	orch.state_fd = d->statedir.dir_fd;
	settings_door(config, &orch.shed, &orch.memory_cap);
	orch.state_dir = d->statedir.path;
	settings_budget(config, &orch.budget);
	settings_keep(config, &orch.keep);
	settings_steward(config, &orch.steward);
	orch.letters_max_age_ms = config_get_duration(config, "dead_letters.max_age");
	orch.letters_replay_ms = config_get_duration(config, "dead_letters.auto_replay_delay");
	orch.letters_max = config_get_i64(config, "dead_letters.max");
	code = orchestrator_new(d->loop, &orch, &d->orch, err);
	if (!code) {
		orchestrator_set_catalog(d->orch, d->registry, d->types);
		set_pools(d);
	}
	return code;
}

static int
open_http(struct reeved *d, struct err *err)
{
	const char *path = config_get_string(d->settings->config, "http.socket");
	char addr[SETTINGS_ADDR_SIZE];
	struct http_config http = { 0 };

	d->socket = *path ? path : d->statedir.http_socket;
	http.socket_path = d->socket;
	(void)settings_http(d->settings->config, addr, &http.port);
	http.addr = *addr ? addr : NULL;
	http.count_cpu = config_get_bool(d->settings->config, "http.count_cpu");
	d->http = http_server_new(d->loop, d->orch, &http, err);
	return d->http ? 0 : ERR_FAILED;
}

static int
open_all(struct reeved *d, struct err *err)
{
	const struct loop_signal_fns signals = { on_phase, on_hup, d };
	int code = statedir_open(&d->statedir,
	    config_get_string(d->settings->config, "state_dir"), err);

	if (!code && !(d->loop = loop_new(err)))
		code = ERR_FAILED;
	if (!code)
		code = open_redis(d, err);
	if (!code)
		code = open_folders(d, err);
	if (!code)
		code = open_orchestrator(d, err);
	if (!code)
		code = open_http(d, err);
	if (!code)
		loop_watch_signals(d->loop, &signals);
	return code;
}

static void
close_all(struct reeved *d)
{
	http_server_free(d->http);
	orchestrator_free(d->orch);
	types_free(d->types);
	registry_free(d->registry);
	embedded_free(d->embedded);
	loop_free(d->loop);
	statedir_release(&d->statedir);
}

int
reeved_run(struct settings *settings)
{
	struct reeved d = { .settings = settings };
	const char *node = config_get_string(settings->config, "node_id");
	struct err err = { 0 };
	int code = open_all(&d, &err);

	if (code) {
		log_error("cannot start", KV_S("error", err.text));
	} else {
		log_info("reeved starts", KV_S("version", facade_version()),
		    KV_S("node", *node ? node : d.statedir.home_text),
		    KV_S("state_dir", d.statedir.path),
		    KV_S("config", settings->file));
		http_server_start(d.http);
		if (d.embedded)
			embedded_start(d.embedded);
		else
			on_redis_up(&d);
		loop_run(d.loop);
	}
	close_all(&d);
	return code;
}
