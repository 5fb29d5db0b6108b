/* SPDX-License-Identifier: MIT */
/*
 * The deterministic simulation: plays worlds until enough steps are done.
 *
 *   sim [--seed N] [--steps N] [--worlds N] [--verbose]
 *
 * World i of a run has the seed N + i, so that a world that failed can be played
 * alone.  REEVE_SIM_STEPS stands for --steps.  Unless told otherwise it plays the same
 * worlds every time: a change is judged by itself, not by luck.  --seed 0 takes new ones.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/log.h"
#include "base/str.h"
#include "world.h"

#define STEPS 4000000
#define SEED 1000
#define LONG_RUN 4000000 /* steps in which everything that can happen does */

struct options {
	uint64_t seed, steps, worlds;
	bool verbose;
};

static int
usage(void)
{
	fputs("usage: sim [--seed N] [--steps N] [--worlds N] [--verbose]\n", stderr);
	return 2;
}

static int
read_options(struct options *options, int argc, char **argv)
{
	const char *steps = getenv("REEVE_SIM_STEPS");

	if (steps && !str_to_u64(steps, &options->steps))
		return usage();
	for (int i = 1; i < argc; i++) {
		const struct {
			const char *name;
			uint64_t *number;
		} numbers[] = { { "--seed", &options->seed }, { "--steps", &options->steps },
			{ "--worlds", &options->worlds } };
		size_t k = 0;

		if (strcmp(argv[i], "--verbose") == 0) {
			options->verbose = true;
			continue;
		}
		while (k < 3 && strcmp(argv[i], numbers[k].name) != 0)
			k++;
		if (k == 3 || i + 1 >= argc || !str_to_u64(argv[++i], numbers[k].number))
			return usage();
	}
	return 0;
}

/*
 * Stands for base/log.c: what the daemons log is of use only to whoever looks at
 * one world.
 */
static bool loud;

enum log_level
log_get_level(void)
{
	return loud ? LOG_LEVEL_INFO : LOG_LEVEL_ERROR;
}

void
log_line(enum log_level level, const char *msg, const struct log_kv *kv)
{
	if (!loud)
		return;
	printf("         %s %s", level == LOG_LEVEL_ERROR ? "error" : "log", msg);
	for (kv++; kv->key; kv++) {
		if (kv->text)
			printf(" %s=%s", kv->key, kv->text);
		else
			printf(" %s=%lld", kv->key, (long long)kv->number);
	}
	putchar('\n');
}

/* false: something that a world can meet was not met in a long run. */
static bool
show_tally(const uint64_t *tally, uint64_t steps)
{
	bool all = true;

	for (size_t i = 0; i < TALLIES; i++) {
		printf("# %8llu %s\n", (unsigned long long)tally[i], tally_text((enum tally)i));
		if (tally[i] == 0 && steps >= LONG_RUN)
			all = false;
	}
	return all;
}

int
main(int argc, char **argv)
{
	struct options options = { .seed = SEED, .steps = STEPS,
		.worlds = UINT64_MAX };
	uint64_t steps = 0, worlds = 0, tally[TALLIES] = { 0 };
	bool all;

	if (read_options(&options, argc, argv) != 0)
		return 2;
	if (options.seed == 0)
		options.seed = (uint64_t)time(NULL) * 100000;
	printf("1..1\n# seed %llu\n", (unsigned long long)options.seed);
	fflush(stdout);
	loud = options.verbose;
	while (steps < options.steps && worlds < options.worlds) {
		uint64_t seed = options.seed + worlds;

		steps += world_play(seed, 500 + seed % 7 * 500, options.verbose, tally);
		worlds++;
	}
	all = show_tally(tally, steps);
	printf("%sok 1 - %llu worlds, %llu steps%s\n", all ? "" : "not ", (unsigned long long)worlds,
	    (unsigned long long)steps, all ? "" : ": something never happened");
	fflush(stdout);
	return all ? 0 : 1;
}
