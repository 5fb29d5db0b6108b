/* SPDX-License-Identifier: MIT */
/*
 * Plays scaling scenarios: scale [--seeds N] [--out FOLDER] FILE...
 *
 * Prints a table, one row a scenario; with --out also writes FOLDER/NAME.csv and NAME.svg
 * (of seed 1) and the table as FOLDER/results.md.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/str.h"
#include "play.h"
#include "report.h"

#define SEEDS 10

static int
write_file(const char *folder, const char *name, const char *ending, const struct buf *text)
{
	struct buf path = {0};
	FILE *file;
	int rc = 0;

	buf_printf(&path, "%s/%s%s", folder, name, ending);
	file = fopen(buf_text(&path), "we");
	if (file == NULL || fwrite(text->data, 1, text->len, file) != text->len)
		rc = 1;
	if (file != NULL && fclose(file) != 0)
		rc = 1;
	if (rc != 0)
		fprintf(stderr, "scale: cannot write '%s'\n", buf_text(&path));
	buf_release(&path);
	return rc;
}

static int
write_play(const struct play *play, const char *folder)
{
	struct buf csv = {0}, svg = {0};
	int rc;

	report_csv(play, &csv);
	report_svg(play, &svg);
	rc = write_file(folder, play->scenario.name, ".csv", &csv) |
	    write_file(folder, play->scenario.name, ".svg", &svg);
	buf_release(&csv);
	buf_release(&svg);
	return rc;
}

static int
play_file(const char *path, uint64_t seeds, const char *folder, struct buf *table)
{
	struct scenario scenario;
	struct tally tally = {0};
	struct play play;
	struct err err;
	int rc = 0;

	if (scenario_read(path, &scenario, &err) != 0) {
		fprintf(stderr, "scale: %s\n", err.text);
		return 1;
	}
	for (uint64_t seed = 1; seed <= seeds; seed++) {
		play_run(&scenario, seed, &play);
		tally_play(&tally, &play);
		if (seed == 1 && folder != NULL)
			rc = write_play(&play, folder);
		play_release(&play);
	}
	report_row(&scenario, &tally, table);
	return rc;
}

static int
usage(void)
{
	fputs("usage: scale [--seeds N] [--out FOLDER] FILE...\n", stderr);
	return 2;
}

int
main(int argc, char **argv)
{
	uint64_t seeds = SEEDS;
	const char *folder = NULL;
	struct buf table = {0};
	int i, rc = 0;

	for (i = 1; i + 1 < argc && argv[i][0] == '-'; i += 2) {
		if (strcmp(argv[i], "--out") == 0)
			folder = argv[i + 1];
		else if (strcmp(argv[i], "--seeds") != 0 || !str_to_u64(argv[i + 1], &seeds) ||
		    seeds == 0)
			return usage();
	}
	if (i >= argc)
		return usage();
	report_head(&table);
	for (; i < argc; i++)
		rc |= play_file(argv[i], seeds, folder, &table);
	fputs(buf_text(&table), stdout);
	if (folder != NULL)
		rc |= write_file(folder, "results", ".md", &table);
	buf_release(&table);
	return rc;
}
