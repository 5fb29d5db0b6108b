/* SPDX-License-Identifier: MIT */
/* Draws the graph of a workflow as DOT, Mermaid or SVG text. */
#include <stdlib.h>
#include <string.h>

#include "model/graph.h"

static const char *const need_labels[] = {
	[NEED_SUCCESS] = "",
	[NEED_FAILURE] = "failure",
	[NEED_DONE] = "done",
	[NEED_SKIPPED] = "skipped",
};

typedef void edge_fn(struct buf *out, const struct workflow *wf, uint32_t from, uint32_t to,
    const char *label);

static void
each_edge(const struct workflow *wf, struct buf *out, edge_fn *edge)
{
	for (uint32_t i = 0; i < wf->n_tasks; i++)
		for (uint32_t k = 0; k < wf->tasks[i].n_needs; k++) {
			const struct need *need = &wf->tasks[i].needs[k];

			edge(out, wf, need->task, i, need_labels[need->on]);
		}
}

static void
dot_edge(struct buf *out, const struct workflow *wf, uint32_t from, uint32_t to,
    const char *label)
{
	buf_printf(out, "\t\"%s\" -> \"%s\"", wf->tasks[from].id, wf->tasks[to].id);
	if (*label != '\0')
		buf_printf(out, " [label=\"%s\"]", label);
	buf_adds(out, ";\n");
}

/* Ids and types are names: nothing in them needs escaping, here or below. */
void
graph_dot(const struct workflow *wf, struct buf *out)
{
	buf_printf(out, "digraph \"%s\" {\n\trankdir=LR;\n\tnode [shape=box];\n", wf->name);
	for (uint32_t i = 0; i < wf->n_tasks; i++)
		buf_printf(out, "\t\"%s\" [label=\"%s\\n%s\"];\n", wf->tasks[i].id,
		    wf->tasks[i].id, wf->tasks[i].agent);
	each_edge(wf, out, dot_edge);
	buf_adds(out, "}\n");
}

static void
mermaid_edge(struct buf *out, const struct workflow *wf, uint32_t from, uint32_t to,
    const char *label)
{
	(void)wf;
	if (*label != '\0')
		buf_printf(out, "    t%u -->|%s| t%u\n", from, label, to);
	else
		buf_printf(out, "    t%u --> t%u\n", from, to);
}

void
graph_mermaid(const struct workflow *wf, struct buf *out)
{
	buf_adds(out, "flowchart LR\n");
	for (uint32_t i = 0; i < wf->n_tasks; i++)
		buf_printf(out, "    t%u[\"%s<br/>%s\"]\n", i, wf->tasks[i].id,
		    wf->tasks[i].agent);
	each_edge(wf, out, mermaid_edge);
}

/* A box a task: a column a level, rows in the order of the file. */
#define BOX_W 180
#define BOX_H 40
#define GAP_X 60
#define GAP_Y 16
#define MARGIN 16

struct layout {
	uint32_t *order;
	uint32_t *level;
	uint32_t *row;
	uint32_t *filled; /* of each level: rows used */
	uint32_t columns;
	uint32_t rows;
};

static void
layout_init(struct layout *lay, const struct workflow *wf)
{
	size_t n = wf->n_tasks + 1u;

	lay->order = xcalloc(n, sizeof *lay->order);
	lay->level = xcalloc(n, sizeof *lay->level);
	lay->row = xcalloc(n, sizeof *lay->row);
	lay->filled = xcalloc(n, sizeof *lay->filled);
	lay->columns = lay->rows = 0;
	workflow_levels(wf, lay->order, lay->level);
	for (uint32_t i = 0; i < wf->n_tasks; i++) {
		uint32_t level = lay->level[i];

		lay->row[i] = lay->filled[level]++;
		if (lay->filled[level] > lay->rows)
			lay->rows = lay->filled[level];
		if (level + 1 > lay->columns)
			lay->columns = level + 1;
	}
}

static void
layout_release(struct layout *lay)
{
	free(lay->order);
	free(lay->level);
	free(lay->row);
	free(lay->filled);
}

static uint64_t
left_of(const struct layout *lay, uint32_t task)
{
	return MARGIN + (uint64_t)lay->level[task] * (BOX_W + GAP_X);
}

static uint64_t
top_of(const struct layout *lay, uint32_t task)
{
	return MARGIN + (uint64_t)lay->row[task] * (BOX_H + GAP_Y);
}

static void
svg_edge(struct buf *out, const struct layout *lay, const struct need *need, uint32_t to)
{
	unsigned long long x1 = left_of(lay, need->task) + BOX_W, x2 = left_of(lay, to);
	unsigned long long y1 = top_of(lay, need->task) + BOX_H / 2;
	unsigned long long y2 = top_of(lay, to) + BOX_H / 2;

	buf_printf(out,
	    "<path class=\"need%s%s\" d=\"M%llu %lluC%llu %llu %llu %llu %llu %llu\"/>\n",
	    need->on != NEED_SUCCESS ? " " : "", need_labels[need->on], x1, y1,
	    x1 + GAP_X / 2, y1, x2 - GAP_X / 2, y2, x2, y2);
}

static void
svg_box(struct buf *out, const struct layout *lay, const struct workflow *wf, uint32_t task)
{
	unsigned long long x = left_of(lay, task), y = top_of(lay, task);

	buf_printf(out,
	    "<g><title>%s (%s)</title><rect x=\"%llu\" y=\"%llu\" width=\"%d\" "
	    "height=\"%d\" rx=\"6\"/><text x=\"%llu\" y=\"%llu\">%.22s</text></g>\n",
	    wf->tasks[task].id, wf->tasks[task].agent, x, y, BOX_W, BOX_H, x + BOX_W / 2,
	    y + BOX_H / 2 + 4, wf->tasks[task].id);
}

void
graph_svg(const struct workflow *wf, struct buf *out)
{
	struct layout lay;
	unsigned long long width, height;

	layout_init(&lay, wf);
	width = 2ull * MARGIN + (uint64_t)lay.columns * (BOX_W + GAP_X) - GAP_X;
	height = 2ull * MARGIN + (uint64_t)lay.rows * (BOX_H + GAP_Y) - GAP_Y;
	buf_printf(out,
	    "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %llu %llu\" "
	    "width=\"%llu\" height=\"%llu\" role=\"img\">\n<title>%s</title>\n"
	    "<style>rect{fill:#eef3fa;stroke:#35506e}text{font:13px sans-serif;"
	    "text-anchor:middle;fill:#16283b}path{fill:none;stroke:#7a8ba0}"
	    ".failure{stroke:#b3261e;stroke-dasharray:4}.done,.skipped{stroke-dasharray:4}"
	    "</style>\n", width, height, width, height, wf->name);
	for (uint32_t i = 0; i < wf->n_tasks; i++)
		for (uint32_t k = 0; k < wf->tasks[i].n_needs; k++)
			svg_edge(out, &lay, &wf->tasks[i].needs[k], i);
	for (uint32_t i = 0; i < wf->n_tasks; i++)
		svg_box(out, &lay, wf, i);
	buf_adds(out, "</svg>\n");
	layout_release(&lay);
}
