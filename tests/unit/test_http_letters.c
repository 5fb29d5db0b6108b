/* SPDX-License-Identifier: MIT */
/* The routes of dead letters: what they pass on, and what they refuse. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "http_world.h"

static int
begin(void **state)
{
	*state = world_new(NULL);
	return 0;
}

static int
end(void **state)
{
	world_free(*state);
	return 0;
}

struct example {
	const char *method, *path, *body; /* body NULL: none */
	unsigned status;
	const char *part; /* of the answer */
};

static const struct example examples[] = {
	{ "GET", "/api/v1/dlq", NULL, 200, "\"limit\":50" },
	{ "GET", "/api/v1/dlq?limit=7&type=qa&state=replayed", NULL, 200,
	    "\"type\":\"qa\",\"state\":\"replayed\",\"limit\":7" },
	{ "GET", "/api/v1/dlq?older_than=2026-11-21T00:00:00Z", NULL, 200,
	    "\"before\":1795219200000" },
	{ "GET", "/api/v1/dlq?older_than=soon", NULL, 400, "older_than=soon" },
	{ "GET", "/api/v1/dlq?limit=0", NULL, 400, "limit" },
	{ "GET", "/api/v1/dlq?colour=red", NULL, 400, "colour" },
	{ "GET", "/api/v1/dlq/a:1-1", NULL, 200, "\"id\":\"a:1-1\"" },
	{ "GET", "/api/v1/dlq/statistics", NULL, 200, "\"type\":null" },
	{ "GET", "/api/v1/consumer-groups/dlq/statistics", NULL, 200, "\"type\":null" },
	{ "GET", "/api/v1/consumer-groups/qa_consumers/dlq/statistics", NULL, 200, "qa_consumers" },
	{ "GET", "/api/v1/consumer-groups/qa/dlq/analyze", NULL, 200, "\"type\":\"qa\"" },
	{ "GET", "/api/v1/stats?name=qa", NULL, 200, "\"name\":\"qa\"" },
	{ "DELETE", "/api/v1/dlq/a:1-1", NULL, 200, "\"by\":\"uid:" },
	{ "POST", "/api/v1/dlq/purge", "{}", 400, "say which" },
	{ "POST", "/api/v1/dlq/purge", "[]", 400, "not a JSON object" },
	{ "POST", "/api/v1/dlq/purge", "{\"all\":true}", 200, "\"dry_run\":false" },
	{ "POST", "/api/v1/dlq/purge", "{\"category\":\"exit\",\"dry_run\":true}", 200,
	    "\"category\":\"exit\",\"dry_run\":true" },
	{ "POST", "/api/v1/dlq/purge", "{\"category\":7}", 400, "category" },
	{ "POST", "/api/v1/dlq/purge", "{\"everything\":true}", 400, "everything" },
	{ "POST", "/api/v1/dlq/a:1-1/replay", "", 200, "\"boost\":false,\"dry_run\":false" },
	{ "POST", "/api/v1/dlq/a:1-1/replay?priority_boost=true", "{\"payload\":[1]}", 200,
	    "\"boost\":true,\"dry_run\":false,\"payload\":[1]" },
	{ "POST", "/api/v1/dlq/a:1-1/replay?priority_boost=maybe", "", 400, "maybe" },
	{ "POST", "/api/v1/dlq/a:1-1/replay", "{\"rate\":1}", 400, "rate" },
	{ "POST", "/api/v1/consumer-groups/dlq/replay/a:1-1", "", 200, "\"letter\":\"a:1-1\"" },
	{ "POST", "/api/v1/consumer-groups/qa_consumers/dlq/replay/1-1", "", 200,
	    "\"letter\":\"qa:1-1\"" },
	{ "POST", "/api/v1/consumer-groups/qa/dlq/replay/b:1-1", "", 200, "\"letter\":\"b:1-1\"" },
	{ "POST", "/api/v1/dlq/replay", "{\"all\":true}", 200, "\"limit\":100,\"rate\":20" },
	{ "POST", "/api/v1/dlq/replay", "", 400, "say which" },
	{ "POST", "/api/v1/dlq/replay", "{\"all\":true,\"rate\":0}", 400, "rate" },
	{ "POST", "/api/v1/dlq/replay", "{\"all\":true,\"limit\":1001}", 400, "limit" },
	{ "POST", "/api/v1/consumer-groups/dlq/replay/batch",
	    "{\"filter_criteria\":{\"failure_category\":\"timeout\"},\"max_messages\":10,"
	    "\"priority_boost\":true}",
	    200, "\"category\":\"timeout\",\"limit\":10,\"rate\":20,\"boost\":true" },
	{ "POST", "/api/v1/consumer-groups/dlq/replay/batch",
	    "{\"filter_criteria\":{\"mood\":\"bad\"},\"all\":true}", 400, "filter_criteria" },
	{ "POST", "/api/v1/consumer-groups/qa/dlq/replay/batch", "{}", 200, "\"type\":\"qa\"" },
};

static unsigned
send_example(struct world *world, const struct example *example, bool local, struct buf *got)
{
	char text[1024];
	const char *body = example->body ? example->body : "";

	snprintf(text, sizeof text, "%s %s HTTP/1.1\r\n" H "Connection: close\r\n%s"
	    "Content-Length: %zu\r\n\r\n%s", example->method, example->path,
	    example->body ? JSON : "", strlen(body), body);
	return ask(world, local, text, got);
}

static void
routes_pass_on(void **state)
{
	for (size_t i = 0; i < sizeof examples / sizeof *examples; i++) {
		struct buf got = { 0 };
		unsigned status = send_example(*state, &examples[i], true, &got);

		if (status != examples[i].status || !strstr(buf_text(&got), examples[i].part))
			fail_msg("%s %s: %u\n%s", examples[i].method, examples[i].path, status,
			    buf_text(&got));
		buf_release(&got);
	}
}

/* Beyond the socket nothing is changed. */
static void
writes_need_an_identity(void **state)
{
	for (size_t i = 0; i < sizeof examples / sizeof *examples; i++) {
		struct buf got = { 0 };
		unsigned status = send_example(*state, &examples[i], false, &got);

		if (strcmp(examples[i].method, "GET") != 0 && status != 401 && status != 403)
			fail_msg("%s %s: %u", examples[i].method, examples[i].path, status);
		buf_release(&got);
	}
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, begin, end)
	const struct CMUnitTest tests[] = { T(routes_pass_on), T(writes_need_an_identity) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
