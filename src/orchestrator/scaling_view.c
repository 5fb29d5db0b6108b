/* SPDX-License-Identifier: MIT */
/* What is told of scaling: lists for people, numbers for /metrics. */
#include <string.h>

#include "base/mem.h"
#include "orchestrator/scaling_private.h"
#include "orchestrator/types.h"
#include "orchestrator/view.h"

static const char *
mode_of(const struct scaled *scaled, const struct agent_type *type)
{
	if (scaled->manual != SCALE_AUTO)
		return "manual";
	return type->scale.enabled ? "auto" : "fixed";
}

/* What this daemon's own agents of the type do. */
static void
count_local(const struct scaled *scaled, struct local_counts *ret_counts)
{
	*ret_counts = (struct local_counts){ .why = "" };
	if (scaled->scaling->local)
		local_agents_count(scaled->scaling->local, scaled->type, ret_counts);
}

static const char *
trouble_of(const struct scaled *scaled, const struct local_counts *counts)
{
	if (scaled->exec && scale_exec_trouble(scaled->exec)[0])
		return scale_exec_trouble(scaled->exec);
	return counts->failures > 0 && counts->why[0] ? counts->why : NULL;
}

json_t *
scaling_view(const struct scaled *scaled, const struct agent_type *type)
{
	const struct scale_decision *last = &scaled->last;
	struct local_counts counts;
	json_t *view;

	count_local(scaled, &counts);
	view = json_pack("{s:s, s:s, s:s, s:o, s:I, s:I, s:I, s:I, s:I, s:s?}", "type", scaled->type,
	    "backend", scale_backend_name(type->scale.backend), "mode", mode_of(scaled, type),
	    "desired_agents",
	    scaled->decided ? json_integer(last->desired)
	        : scaled->published >= 0 ? json_integer(scaled->published) : json_null(),
	    "min_agents", (json_int_t)type->scale.min_agents, "max_agents",
	    (json_int_t)type->scale.max_agents, "agents",
	    (json_int_t)(scaled->foreign + counts.working), "draining",
	    (json_int_t)(scaled->foreign_draining + counts.draining), "local_agents",
	    (json_int_t)(counts.working + counts.draining), "trouble", trouble_of(scaled, &counts));
	json_object_set_new(view, "set_by",
	    scaled->manual != SCALE_AUTO ? json_string(scaled->manual_by) : json_null());
	json_object_set_new(view, "changed_at", view_time(scaled->decided_ms));
	json_object_set_new(view, "decided_here", json_boolean(scaled->decided));
	if (!scaled->decided)
		return view;
	json_object_set_new(view, "reason", json_string(scale_reason_name(last->reason)));
	json_object_set_new(view, "text", json_string(scale_reason_text(last->reason)));
	json_object_set_new(view, "waiting", json_integer((json_int_t)last->waiting));
	json_object_set_new(view, "running", json_integer((json_int_t)last->running));
	json_object_set_new(view, "starting", json_integer(last->starting));
	json_object_set_new(view, "arrivals_per_s", json_real(last->arrivals_per_s));
	json_object_set_new(view, "forecast_per_s", json_real(last->forecast_per_s));
	json_object_set_new(view, "service_ms", json_real(last->service_ms));
	json_object_set_new(view, "wait_ms", json_integer(last->wait_ms));
	return view;
}

void
facade_scales(struct orchestrator *orch, facade_reply_fn *fn, void *arg)
{
	const struct scaled *scaled = orch->scaling ? orch->scaling->types : NULL;
	json_t *items = json_array();
	struct err none = { 0 };

	for (; scaled; scaled = scaled->hh.next) {
		const struct agent_type *type = types_find(orch->types, scaled->type);

		if (type)
			json_array_append_new(items, scaling_view(scaled, type));
	}
	fn(arg, json_pack("{s:o, s:n}", "items", items, "next_cursor"), &none);
}

/* --- /metrics ------------------------------------------------------------------------ */

static double
desired(const struct scaled *scaled)
{
	return scaled->last.desired;
}

static double
active(const struct scaled *scaled)
{
	return scaled->last.agents;
}

static double
starting(const struct scaled *scaled)
{
	return scaled->last.starting;
}

static double
draining(const struct scaled *scaled)
{
	struct local_counts counts;

	count_local(scaled, &counts);
	return scaled->foreign_draining + counts.draining;
}

static double
backlog(const struct scaled *scaled)
{
	return (double)scaled->last.waiting;
}

static double
arrivals(const struct scaled *scaled)
{
	return scaled->last.arrivals_per_s;
}

static double
service(const struct scaled *scaled)
{
	return scaled->last.service_ms / 1000;
}

static const struct {
	const char *name, *label, *help;
	double (*value)(const struct scaled *scaled);
} GAUGES[] = {
	{ "reeve_desired_agents", "", "Agents that a type shall have", desired },
	{ "reeve_agents", ",status=\"active\"", "Living agents of a type that scales", active },
	{ "reeve_agents", ",status=\"starting\"", "", starting },
	{ "reeve_agents", ",status=\"draining\"", "", draining },
	{ "reeve_backlog", "", "Tasks of a type that scales which no agent has begun", backlog },
	{ "reeve_arrivals_per_second", "", "Tasks of a type that scales that become ready", arrivals },
	{ "reeve_service_seconds", "", "How long an attempt of a type that scales takes", service },
};

void
scaling_metrics(const struct scaling *scaling, struct buf *out)
{
	for (size_t i = 0; scaling && scaling->types && i < ARRAY_LEN(GAUGES); i++) {
		if (GAUGES[i].help[0])
			buf_printf(out, "# HELP %s %s\n# TYPE %s gauge\n", GAUGES[i].name,
			    GAUGES[i].help, GAUGES[i].name);
		for (const struct scaled *at = scaling->types; at; at = at->hh.next)
			if (at->decided)
				buf_printf(out, "%s{type=\"%s\"%s} %.6g\n", GAUGES[i].name, at->type,
				    GAUGES[i].label, GAUGES[i].value(at));
	}
}
