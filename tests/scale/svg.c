/* SPDX-License-Identifier: MIT */
/* Line plots as SVG. */
#include "svg.h"

#include <math.h>
#include <stdio.h>

#define WIDTH 720
#define LEFT 52
#define RIGHT 12
#define TOP 34
#define PANEL 118 /* with its title */
#define GRAPH 84
#define BOTTOM 30
#define INK "#7d7d7d"
#define TICKS 3

/* 1, 2 or 5 times a power of ten, so that about n of them make most. */
static double
nice_step(double most, double n)
{
	double raw = most / n, power = pow(10, floor(log10(raw)));

	for (double factor = 1; factor < 10; factor = factor < 2 ? 2 : factor < 5 ? 5 : 10)
		if (factor * power >= raw)
			return factor * power;
	return 10 * power;
}

/* Of the time axis: whole minutes, quarters, hours. */
static double
time_step(double seconds)
{
	static const double steps[] = {60, 300, 600, 900, 1800, 3600, 7200, 21600, 86400};

	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
		if (seconds / steps[i] <= 9)
			return steps[i];
	return seconds / 8;
}

static double
most_of(const struct panel *panel, size_t n)
{
	double most = 0;

	for (size_t s = 0; s < panel->n_series; s++)
		for (size_t i = 0; i < n; i++)
			most = fmax(most, panel->series[s].values[i]);
	return most > 0 ? most : 1;
}

static double
x_of(double part)
{
	return LEFT + part * (WIDTH - LEFT - RIGHT);
}

static void
text(struct buf *out, double x, double y, const char *anchor, const char *what)
{
	buf_printf(out, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\">%s</text>\n", x, y, anchor,
	    what);
}

static void
line(struct buf *out, double x1, double y1, double x2, double y2, const char *opacity)
{
	buf_printf(out,
	    "<path d=\"M%.1f %.1fL%.1f %.1f\" stroke=\"" INK "\" stroke-opacity=\"%s\"/>\n", x1, y1,
	    x2, y2, opacity);
}

static void
draw_series(const struct plot *plot, const struct series *series, double base, double most,
    struct buf *out)
{
	buf_printf(out, "<path d=\"");
	for (size_t i = 0; i < plot->n_points; i++)
		buf_printf(out, "%c%.1f %.1f", i == 0 ? 'M' : 'L',
		    x_of((double)i / (double)plot->n_points),
		    base - series->values[i] / most * GRAPH);
	if (series->area)
		buf_printf(out, "L%d %.1fL%d %.1fZ\" fill=\"%s\" fill-opacity=\"0.3\"", WIDTH - RIGHT,
		    base, LEFT, base, series->color);
	else
		buf_printf(out, "\" fill=\"none\" stroke=\"%s\" stroke-width=\"1.6\"%s",
		    series->color, series->dashed ? " stroke-dasharray=\"5 3\"" : "");
	buf_adds(out, "/>\n");
}

/* Names with their colours, from the right. */
static void
draw_legend(const struct panel *panel, double y, struct buf *out)
{
	double x = WIDTH - RIGHT;

	for (size_t s = panel->n_series; s-- > 0;) {
		const struct series *series = &panel->series[s];
		size_t letters = 0;

		while (series->name[letters] != '\0')
			letters++;
		text(out, x, y, "end", series->name);
		x -= 7.2 * (double)letters + 22;
		buf_printf(out,
		    "<path d=\"M%.1f %.1fh16\" stroke=\"%s\" stroke-width=\"%s\"%s%s/>\n", x, y - 4,
		    series->color, series->area ? "8" : "2",
		    series->area ? " stroke-opacity=\"0.3\"" : "",
		    series->dashed ? " stroke-dasharray=\"5 3\"" : "");
		x -= 14;
	}
}

static void
draw_panel(const struct plot *plot, const struct panel *panel, double top, struct buf *out)
{
	double base = top + (PANEL - GRAPH) / 2.0 + GRAPH;
	double most = most_of(panel, plot->n_points), step = nice_step(most, TICKS);
	char label[32];

	most = ceil(most / step - 1e-9) * step;
	buf_printf(out, "<text x=\"%d\" y=\"%.1f\" font-weight=\"bold\">%s</text>\n", LEFT,
	    base - GRAPH - 7, panel->title);
	draw_legend(panel, base - GRAPH - 7, out);
	for (double tick = 0; tick <= most + step / 2; tick += step) {
		double y = base - tick / most * GRAPH;

		snprintf(label, sizeof(label), "%g", tick);
		text(out, LEFT - 6, y + 4, "end", label);
		line(out, LEFT, y, WIDTH - RIGHT, y, tick > 0 ? "0.25" : "0.8");
	}
	for (size_t s = 0; s < panel->n_series; s++)
		draw_series(plot, &panel->series[s], base, most, out);
}

static void
draw_time(const struct plot *plot, double top, struct buf *out)
{
	double step = time_step(plot->seconds), y = top - (PANEL - GRAPH) / 2.0;
	char label[32];

	for (double at = 0; at <= plot->seconds; at += step) {
		double x = x_of(at / plot->seconds);

		if (step < 3600)
			snprintf(label, sizeof(label), "%g min", at / 60);
		else
			snprintf(label, sizeof(label), "%g h", at / 3600);
		line(out, x, y, x, y + 4, "0.8");
		text(out, x, y + 17, x > WIDTH - 30 ? "end" : "middle", label);
	}
}

void
svg_draw(const struct plot *plot, struct buf *out)
{
	int height = TOP + PANEL * (int)plot->n_panels + BOTTOM;

	buf_printf(out,
	    "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" width=\"%d\" "
	    "height=\"%d\" font-family=\"sans-serif\" font-size=\"12\" fill=\"" INK "\">\n",
	    WIDTH, height, WIDTH, height);
	buf_printf(out, "<title>%s</title>\n", plot->title);
	buf_printf(out, "<text x=\"%d\" y=\"18\" font-size=\"14\" font-weight=\"bold\">%s</text>\n",
	    LEFT, plot->title);
	for (size_t i = 0; i < plot->n_panels; i++)
		draw_panel(plot, &plot->panels[i], TOP + PANEL * (double)i, out);
	draw_time(plot, TOP + PANEL * (double)plot->n_panels, out);
	buf_adds(out, "</svg>\n");
}
