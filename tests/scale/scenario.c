/* SPDX-License-Identifier: MIT */
/* Reads scenarios and makes the load that a seed gives. */
#include "scenario.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/rand.h"
#include "base/str.h"
#include "model/yaml.h"

/* --- reading ---------------------------------------------------------------------- */

struct reader {
	struct scenario *scenario;
	struct part *part; /* that is being read */
	struct faults faults;
};

enum kind { NUMBER, COUNT, SECONDS, MILLISECONDS };

/* A key and where its value goes. */
struct field {
	const char *name;
	enum kind kind;
	void *to;
};

static void
fault(struct reader *reader, const struct yaml_node *node, const char *text)
{
	faults_add(&reader->faults, FAULT_ERROR, node->line, node->column, "%s", text);
}

static void
read_value(struct reader *reader, const struct yaml_node *node, const struct field *field)
{
	int64_t ms;
	double number;

	if (node->kind != YAML_SCALAR) {
		fault(reader, node, "this must be a number or a duration");
	} else if (field->kind == NUMBER || field->kind == COUNT) {
		if (!str_to_double(node->text, &number) || number < 0 || number > 1e6)
			fault(reader, node, "this must be a number from 0 to 1000000");
		else if (field->kind == NUMBER)
			*(double *)field->to = number;
		else
			*(uint32_t *)field->to = (uint32_t)number;
	} else if (!duration_parse(node->text, &ms)) {
		fault(reader, node, "this must be a duration, such as 30s");
	} else if (field->kind == SECONDS) {
		*(double *)field->to = (double)ms / 1000;
	} else {
		*(int64_t *)field->to = ms;
	}
}

static void
read_map(struct reader *reader, const struct yaml_node *map, const struct field *fields)
{
	const struct field *field;

	if (map->kind != YAML_MAP) {
		fault(reader, map, "this must be a map");
		return;
	}
	for (const struct yaml_node *key = map->first; key != NULL; key = key->next->next) {
		for (field = fields; field->name != NULL && strcmp(field->name, key->text) != 0;)
			field++;
		if (field->name == NULL)
			fault(reader, key, "there is no such key");
		else
			read_value(reader, key->next, field);
	}
}

static void
read_part(struct reader *reader, const struct yaml_node *node)
{
	struct scenario *sc = reader->scenario;
	struct part *part = &sc->parts[sc->n_parts];
	double before = sc->n_parts > 0 ? part[-1].median_s : 0;
	const struct field fields[] = {
		{"for", SECONDS, &part->for_s}, {"rate", NUMBER, &part->rate},
		{"to", NUMBER, &part->to}, {"swing", NUMBER, &part->swing},
		{"period", SECONDS, &part->period_s}, {"median", SECONDS, &part->median_s},
		{"batch", COUNT, &part->batch}, {0},
	};

	*part = (struct part){.to = -1, .median_s = before};
	read_map(reader, node, fields);
	if (part->to < 0)
		part->to = part->rate;
	if (part->for_s <= 0)
		fault(reader, node, "a part needs for: how long it lasts");
	sc->n_parts++;
}

static void
read_load(struct reader *reader, const struct yaml_node *list)
{
	const struct yaml_node *node;

	if (list->kind != YAML_LIST || list->len == 0 || list->len > SCENARIO_PARTS) {
		fault(reader, list, "load must be a list of 1 to 32 parts");
		return;
	}
	for (node = list->first; node != NULL; node = node->next)
		read_part(reader, node);
}

static void
read_text(const struct yaml_node *node, char *text, size_t size)
{
	snprintf(text, size, "%s", node->kind == YAML_SCALAR ? node->text : "");
}

static void
read_key(struct reader *reader, const struct yaml_node *key, double *median_s)
{
	struct scenario *sc = reader->scenario;
	const struct yaml_node *value = key->next;
	const struct field service[] = {
		{"median", SECONDS, median_s}, {"sigma", NUMBER, &sc->sigma}, {0},
	};
	const struct field agents[] = {
		{"min", COUNT, &sc->policy.min_agents}, {"max", COUNT, &sc->policy.max_agents},
		{"slots", COUNT, &sc->policy.slots}, {"start", SECONDS, &sc->start_s},
		{"mtbf", SECONDS, &sc->mtbf_s}, {0},
	};
	const struct field target = {"target_wait", MILLISECONDS, &sc->policy.target_wait_ms};
	const struct field cooldown = {"cooldown", MILLISECONDS, &sc->policy.cooldown_ms};

	if (strcmp(key->text, "name") == 0)
		read_text(value, sc->name, sizeof(sc->name));
	else if (strcmp(key->text, "text") == 0)
		read_text(value, sc->text, sizeof(sc->text));
	else if (strcmp(key->text, "load") == 0)
		read_load(reader, value);
	else if (strcmp(key->text, "service") == 0)
		read_map(reader, value, service);
	else if (strcmp(key->text, "agents") == 0)
		read_map(reader, value, agents);
	else if (strcmp(key->text, "target_wait") == 0)
		read_value(reader, value, &target);
	else if (strcmp(key->text, "cooldown") == 0)
		read_value(reader, value, &cooldown);
	else
		fault(reader, key, "there is no such key");
}

static void
read_scenario(struct reader *reader, const struct yaml_node *root)
{
	double median_s = 10;

	if (root->kind != YAML_MAP) {
		fault(reader, root, "a scenario must be a map");
		return;
	}
	for (const struct yaml_node *key = root->first; key != NULL; key = key->next->next)
		read_key(reader, key, &median_s);
	for (size_t i = 0; i < reader->scenario->n_parts; i++)
		if (reader->scenario->parts[i].median_s <= 0)
			reader->scenario->parts[i].median_s = median_s;
	if (reader->scenario->n_parts == 0)
		fault(reader, root, "a scenario needs load");
}

static int
read_file(const char *path, struct buf *text, struct err *err)
{
	char part[4096];
	size_t got;
	FILE *file = fopen(path, "re");

	if (file == NULL)
		return err_set(err, ERR_NOT_FOUND, "cannot read '%s'", path);
	while ((got = fread(part, 1, sizeof(part), file)) > 0)
		buf_add(text, part, got);
	fclose(file);
	return 0;
}

int
scenario_read(const char *path, struct scenario *ret_scenario, struct err *err)
{
	struct scenario scenario = {.sigma = 0, .start_s = 5};
	struct reader reader = {.scenario = &scenario};
	struct buf text = {0}, first = {0};
	struct yaml_file yaml = {0};
	int rc = read_file(path, &text, err);

	scale_policy_defaults(&scenario.policy);
	scenario.policy.enabled = true;
	if (rc != 0)
		goto out;
	if (yaml_parse(buf_text(&text), text.len, NULL, &reader.faults, &yaml) == 0)
		read_scenario(&reader, yaml.documents[0]);
	if (reader.faults.n_errors > 0) {
		faults_first(&reader.faults, path, &first);
		rc = err_set(err, ERR_INVALID, "%s", buf_text(&first));
		goto out;
	}
	*ret_scenario = scenario;
out:
	yaml_file_release(&yaml);
	faults_release(&reader.faults);
	buf_release(&text);
	buf_release(&first);
	return rc;
}

/* --- the load --------------------------------------------------------------------- */

double
scenario_seconds(const struct scenario *scenario)
{
	return scenario_part_start(scenario, scenario->n_parts);
}

double
scenario_part_start(const struct scenario *scenario, size_t part)
{
	double sum = 0;

	for (size_t i = 0; i < part; i++)
		sum += scenario->parts[i].for_s;
	return sum;
}

static double
part_rate(const struct part *part, double at_s)
{
	double rate = part->rate + (part->to - part->rate) * at_s / part->for_s;

	if (part->period_s > 0)
		rate += part->swing * sin(2 * M_PI * at_s / part->period_s);
	return rate > 0 ? rate : 0;
}

double
scenario_rate(const struct scenario *scenario, double at_s)
{
	for (size_t i = 0; i < scenario->n_parts; i++) {
		if (at_s < scenario->parts[i].for_s)
			return part_rate(&scenario->parts[i], at_s);
		at_s -= scenario->parts[i].for_s;
	}
	return 0;
}

/* Of the standard normal distribution (Box and Muller 1958). */
static double
normal(struct rng *rng)
{
	double radius = sqrt(-2 * log(1 - rng_unit(rng)));

	return radius * cos(2 * M_PI * rng_unit(rng));
}

struct maker {
	struct load load;
	size_t cap;
	struct rng rng;
	double sigma;
};

static void
add_job(struct maker *maker, double at_s, double median_s)
{
	double service = median_s * exp(maker->sigma * normal(&maker->rng));

	GROW(maker->load.jobs, maker->load.n, maker->cap);
	maker->load.jobs[maker->load.n++] = (struct job){
		.arrived_s = at_s, .service_s = service, .begun_s = -1,
	};
}

/* A Poisson process whose rate moves, by thinning (Lewis and Shedler 1979). */
static void
make_part(struct maker *maker, const struct part *part, double start_s)
{
	double most = (part->to > part->rate ? part->to : part->rate) + part->swing, at = 0;

	for (uint32_t i = 0; i < part->batch; i++)
		add_job(maker, start_s, part->median_s);
	while (most > 0) {
		at -= log(1 - rng_unit(&maker->rng)) / most;
		if (at >= part->for_s)
			return;
		if (rng_unit(&maker->rng) * most < part_rate(part, at))
			add_job(maker, start_s + at, part->median_s);
	}
}

void
load_make(const struct scenario *scenario, uint64_t seed, struct load *ret_load)
{
	struct maker maker = {.sigma = scenario->sigma};

	rng_init(&maker.rng, seed);
	for (size_t i = 0; i < scenario->n_parts; i++)
		make_part(&maker, &scenario->parts[i], scenario_part_start(scenario, i));
	*ret_load = maker.load;
}

void
load_release(struct load *load)
{
	free(load->jobs);
	*load = (struct load){0};
}
