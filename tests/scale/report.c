/* SPDX-License-Identifier: MIT */
/* What came of a play, for people. */
#include "report.h"

#include <math.h>

#include "svg.h"

#define BLUE "#3b82c4"
#define ORANGE "#d9760a"
#define GREEN "#2f9e6e"
#define RED "#cf4a4a"

/* --- a table ----------------------------------------------------------------------- */

void
tally_play(struct tally *tally, const struct play *play)
{
	double seconds = scenario_seconds(&play->scenario);
	double p95 = play_wait(play, 0, seconds, 0.95);

	tally->seeds++;
	tally->p50 += play_wait(play, 0, seconds, 0.5);
	tally->p95 += p95;
	tally->most_p95 = fmax(tally->most_p95, p95);
	tally->cost += play->cost_s;
	tally->oracle += play->oracle_cost_s;
	tally->worst = fmax(tally->worst, play->cost_s / play->oracle_cost_s);
	tally->changes += (double)play->changes * 3600 / seconds;
	if (play_most(play) > tally->most)
		tally->most = play_most(play);
}

void
report_head(struct buf *out)
{
	buf_adds(out, "| scenario | target wait | wait p50 | p95 | most agents | changes an hour "
	              "| agent-hours | oracle | ratio | worst seed |\n"
	              "|---|---|---|---|---|---|---|---|---|---|\n");
}

void
report_row(const struct scenario *scenario, const struct tally *tally, struct buf *out)
{
	double n = (double)tally->seeds;

	buf_printf(out,
	    "| [%s](%s.svg) | %g s | %.1f s | %.1f s | %u | %.0f | %.1f | %.1f | %.2f | %.2f |\n",
	    scenario->name, scenario->name, (double)scenario->policy.target_wait_ms / 1000,
	    tally->p50 / n, tally->p95 / n, tally->most, tally->changes / n,
	    tally->cost / n / 3600, tally->oracle / n / 3600, tally->cost / tally->oracle,
	    tally->worst);
}

/* --- over time --------------------------------------------------------------------- */

enum { RATE, WAITING, RUNNING, DESIRED, UP, ORACLE, WAIT, TARGET, COLUMNS };

static const char *const names[COLUMNS] = {"tasks_per_s", "waiting", "running", "desired", "up",
	"oracle", "wait_p95_s", "target_s"};

struct columns {
	size_t n;
	double width_s;
	double at[COLUMNS][REPORT_POINTS];
};

/* Means over even times; the wait is the p95 of the tasks that came then. */
static void
columns_make(const struct play *play, struct columns *ret_columns)
{
	struct columns *c = ret_columns;
	double seconds = scenario_seconds(&play->scenario);

	c->n = seconds < REPORT_POINTS ? (size_t)seconds : REPORT_POINTS;
	c->width_s = seconds / (double)c->n;
	for (size_t i = 0; i < c->n; i++) {
		size_t first = (size_t)((double)i * c->width_s);
		size_t last = (size_t)((double)(i + 1) * c->width_s);
		double n = (double)(last - first);

		for (size_t k = 0; k < COLUMNS; k++)
			c->at[k][i] = 0;
		for (size_t k = first; k < last && k < play->n; k++) {
			const struct sample *sample = &play->samples[k];

			c->at[RATE][i] += sample->rate / n;
			c->at[WAITING][i] += (double)sample->waiting / n;
			c->at[RUNNING][i] += (double)sample->running / n;
			c->at[DESIRED][i] += sample->desired / n;
			c->at[UP][i] += sample->up / n;
			c->at[ORACLE][i] += sample->oracle / n;
		}
		c->at[WAIT][i] = play_wait(play, (double)first, (double)last, 0.95);
		c->at[TARGET][i] = (double)play->scenario.policy.target_wait_ms / 1000;
	}
}

void
report_csv(const struct play *play, struct buf *out)
{
	struct columns columns;

	columns_make(play, &columns);
	buf_adds(out, "seconds");
	for (size_t k = 0; k < COLUMNS; k++)
		buf_printf(out, ",%s", names[k]);
	buf_adds(out, "\n");
	for (size_t i = 0; i < columns.n; i++) {
		buf_printf(out, "%.0f", (double)i * columns.width_s);
		for (size_t k = 0; k < COLUMNS; k++)
			buf_printf(out, ",%.4g", columns.at[k][i]);
		buf_adds(out, "\n");
	}
}

void
report_svg(const struct play *play, struct buf *out)
{
	struct columns c;
	struct panel panels[] = {
		{"load (tasks/s)", {{"arrivals", BLUE, c.at[RATE], false, false}}, 1},
		{"agents",
		    {{"at work", GREEN, c.at[RUNNING], true, false},
		        {"wanted", ORANGE, c.at[DESIRED], false, false},
		        {"oracle", BLUE, c.at[ORACLE], false, true}},
		    3},
		{"backlog (tasks)", {{"waiting", RED, c.at[WAITING], false, false}}, 1},
		{"wait p95 (s)",
		    {{"wait", RED, c.at[WAIT], false, false},
		        {"target", BLUE, c.at[TARGET], false, true}},
		    2},
	};
	struct plot plot = {.title = play->scenario.text, .panels = panels, .n_panels = 4,
		.seconds = scenario_seconds(&play->scenario)};
	double slots = play->scenario.policy.slots;

	columns_make(play, &c);
	plot.n_points = c.n;
	for (size_t i = 0; i < c.n; i++)
		c.at[RUNNING][i] /= slots;
	svg_draw(&plot, out);
}
