/* SPDX-License-Identifier: MIT */
/* Sets up and clears away Reeve's side. */
#include "bench/side.h"

#include "bench/measure.h"
#include "wire/keys.h"

static struct worker_config
config_of(const struct place *place, const struct shape *shape)
{
	struct worker_config config = { .socket = place->redis_socket,
		.port = place->redis_port,
		.group = key_group(SHAPE_AGENT),
		.parts = place->setting.partitions,
		.copied = 4,
		.status = { "status", "done" },
		.total = shape_total(shape),
		.chain = shape->kind->chain,
		.agents = place->setting.agents };

	for (unsigned i = 0; i < config.parts; i++) {
		struct keys keys;

		(void)keys_init(&keys, NULL, i);
		config.queues[i] = key_queue(&keys, SHAPE_AGENT);
		config.dones[i] = key_make(&keys, "done", NULL);
	}
	return config;
}

int
side_open(struct side *side, const struct bench_setting *setting,
    const struct shape *shape, struct err *err)
{
	int rc;

	*side = (struct side){ .line = { .fd = -1 } };
	submitter_init(&side->sub);
	if ((rc = place_open(&side->place, setting, err)) < 0)
		return rc;
	side->config = config_of(&side->place, shape);
	if ((rc = place_serve(&side->place, shape, &side->line, err)) < 0 ||
	    (rc = submitter_open(&side->sub, &side->place, shape, err)) < 0)
		side_close(side);
	return rc;
}

void
side_close(struct side *side)
{
	measure_config_release(&side->config);
	submitter_close(&side->sub);
	http_line_close(&side->line);
	place_close(&side->place);
}
