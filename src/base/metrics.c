/* SPDX-License-Identifier: MIT */
/* The metrics table as a Prometheus page. */
#include "base/metrics.h"

#include <string.h>

static const struct row {
	const char *kind, *name, *label, *help;
} rows[METRIC_COUNT] = {
#define METRIC(id, kind, name, label, help) { #kind, name, label, help },
#include "base/metrics.def"
#undef METRIC
};

void
metrics_render(const struct metrics *metrics, struct buf *out)
{
	const struct row *row;
	size_t i;

	for (i = 0; i < METRIC_COUNT; i++) {
		row = &rows[i];
		if (i == 0 || strcmp(row->name, rows[i - 1].name) != 0)
			buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", row->name, row->help,
			    row->name, row->kind);
		buf_adds(out, row->name);
		if (row->label[0])
			buf_printf(out, "{%s}", row->label);
		buf_addc(out, ' ');
		buf_addu(out, metrics->value[i]);
		buf_addc(out, '\n');
	}
}
