/* SPDX-License-Identifier: MIT */
/* All that was measured, as JSON. */
#include "bench/report.h"

json_t *
json_spread(struct spread spread)
{
	return json_pack("{s:f, s:f, s:f}", "median", spread.median, "min", spread.min,
	    "max", spread.max);
}

/* What a measurement was done with, into the object that tells of it. */
void
json_add_setting(json_t *item, const struct bench_setting *setting)
{
	(void)json_object_set_new(item, "agents", json_integer(setting->agents));
	(void)json_object_set_new(
	    item, "payload", json_integer((json_int_t)setting->payload));
	(void)json_object_set_new(item, "partitions", json_integer(setting->partitions));
	(void)json_object_set_new(
	    item, "transport", json_string(setting_transports[setting->tcp]));
	(void)json_object_set_new(item, "appendfsync", json_string(setting->appendfsync));
}

/* Of the last sample: {xadd: {calls, usec}}, both a task. */
static json_t *
json_commands(const struct bench_result *result, const struct sample *samples)
{
	const struct usage *usage = &samples[result->n - 1].usage;
	json_t *commands = json_object();

	for (size_t i = 0; i < usage->n; i++)
		(void)json_object_set_new(commands, usage->commands[i].name,
		    json_pack("{s:f, s:f}", "calls",
			(double)usage->commands[i].calls / (double)result->tasks, "usec",
			(double)usage->commands[i].usec / (double)result->tasks));
	return commands;
}

static json_t *
json_result(const struct bench_result *result)
{
	json_t *reeve = json_object(), *raw = json_object(), *ratio = json_object();
	json_t *item;

	for (size_t i = 0; i < FIGURES; i++) {
		if (figures[i].chain && !result->kind->chain)
			continue;
		(void)json_object_set_new(
		    reeve, figures[i].key, json_spread(spread_reeve(result, i)));
		if (figures[i].reeve_only)
			continue;
		(void)json_object_set_new(
		    raw, figures[i].key, json_spread(spread_raw(result, i)));
		(void)json_object_set_new(
		    ratio, figures[i].key, json_real(ratio_of(result, i)));
	}
	(void)json_object_set_new(
	    reeve, "commands", json_commands(result, result->reeve));
	(void)json_object_set_new(raw, "commands", json_commands(result, result->raw));
	item = json_pack("{s:s, s:s, s:I, s:I, s:o, s:o, s:o}", "workload",
	    result->kind->name, "about", result->kind->about, "tasks",
	    (json_int_t)result->tasks, "repeats", (json_int_t)result->n, "reeve", reeve,
	    "raw", raw, "ratio", ratio);
	json_add_setting(item, &result->setting);
	return item;
}

static json_t *
json_numbers(const struct setting_list *list)
{
	json_t *items = json_array();

	for (size_t i = 0; i < list->n; i++)
		(void)json_array_append_new(
		    items, json_integer((json_int_t)list->values[i]));
	return items;
}

static json_t *
json_words(const struct setting_list *list, const char *const words[])
{
	json_t *items = json_array();

	for (size_t i = 0; i < list->n; i++)
		(void)json_array_append_new(items, json_string(words[list->values[i]]));
	return items;
}

static json_t *
json_options(const struct bench_options *options)
{
	return json_pack("{s:I, s:f, s:s, s:b, s:o, s:o, s:o, s:o, s:o, s:o}", "repeat",
	    (json_int_t)options->repeat, "scale", options->scale, "submitted",
	    options->source ? "source" : "name", "awake", options->awake, "agents",
	    json_numbers(&options->agents), "payload", json_numbers(&options->payloads), "partitions",
	    json_numbers(&options->partitions), "transport",
	    json_words(&options->transports, setting_transports), "appendfsync",
	    json_words(&options->syncs, setting_syncs), "load",
	    json_numbers(&options->loads));
}

json_t *
bench_json(const struct bench *bench)
{
	json_t *items = json_array(), *root;

	for (size_t i = 0; i < bench->n_results; i++)
		(void)json_array_append_new(items, json_result(&bench->results[i]));
	root = json_pack("{s:o, s:o, s:o, s:o}", "options", json_options(&bench->options),
	    "workloads", items, "steady", bench_steady_json(bench), "floors",
	    floors_json(&bench->floors));
	(void)json_object_set_new(root, "growth", growth_json(&bench->growth));
	recovery_add_json(&bench->recovery, root);
	return root;
}
