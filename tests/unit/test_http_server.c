/* SPDX-License-Identifier: MIT */
/* The API server over real sockets: answers, identity, hostile peers, stop. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "http_world.h"

static int
setup(void **state)
{
	*state = world_new(NULL);
	return 0;
}

static int
teardown(void **state)
{
	world_free(*state);
	return 0;
}

#define assert_has(buf, text) assert_non_null(strstr(buf_text(buf), text))

/* --- answers --- */

struct row {
	bool local;
	unsigned status;
	const char *request, *has;
};

static const struct row rows[] = {
	{ false, 200, "GET /health HTTP/1.1\r\n" H "\r\n", "\"version\":\"1.2.3\"" },
	{ false, 200, "GET /ready HTTP/1.1\r\n" H "\r\n", "\"ready\":true" },
	{ false, 200, "GET /metrics HTTP/1.1\r\n" H "\r\n", "reeve_http_requests_total" },
	{ false, 200, "GET /health/comprehensive HTTP/1.1\r\n" H "\r\n", "\"ok\"" },
	{ false, 200, "GET /api/v1/runs HTTP/1.1\r\n" H "\r\n", "\"limit\":100" },
	{ false, 200, "GET /api/v1/runs?limit=7&since=1h HTTP/1.1\r\n" H "\r\n", "\"limit\":7" },
	{ false, 200, "GET /api/v1/runs/r1 HTTP/1.1\r\n" H "\r\n", "\"id\":\"r1\"" },
	{ false, 200, "GET /api/v1/runs/r1/graph HTTP/1.1\r\n" H "\r\n", "\"tasks\":[]" },
	{ false, 200, "GET /api/v1/runs/r1/tasks HTTP/1.1\r\n" H "\r\n", "\"items\":[" },
	{ false, 200, "GET /api/v1/runs/r1/tasks/build HTTP/1.1\r\n" H "\r\n",
	    "{\"id\":\"build\"}" },
	{ false, 200, "GET /api/v1/workflows HTTP/1.1\r\n" H "\r\n", "items" },
	{ false, 200, "GET /api/v1/agents HTTP/1.1\r\n" H "\r\n", "items" },
	{ false, 200, "GET /api/v1/agents?limit=3&status=lost&type=x HTTP/1.1\r\n" H "\r\n",
	    "\"limit\":3,\"status\":\"lost\",\"type\":\"x\"" },
	{ false, 200, "GET /api/v1/consumer-groups/ HTTP/1.1\r\n" H "\r\n", "\"limit\":1000" },
	{ false, 200, "GET /api/v1/version HTTP/1.1\r\n" H "\r\n", "1.2.3" },
	{ false, 200, "GET /api/v1/log-level HTTP/1.1\r\n" H "\r\n", "\"level\"" },
	{ true, 200, "GET /health HTTP/1.1\r\nHost: anything\r\n\r\n", "ok" },
	{ true, 201, "POST /api/v1/runs HTTP/1.1\r\n" H JSON "Content-Length: 17\r\n\r\n"
	             "{\"workflow\":\"wf\"}", "Location: /api/v1/runs/r1" },
	{ true, 201, "POST /api/v1/runs HTTP/1.1\r\n" H JSON "Transfer-Encoding: chunked\r\n\r\n"
	             "8\r\n[{\"workf\r\n0b\r\nlow\":\"wf\"}]\r\n0\r\n\r\n", "[{\"id\":\"r1\"}]" },
	/* not there, not so */
	{ false, 404, "GET /nothing HTTP/1.1\r\n" H "\r\n", "\"code\":\"not_found\"" },
	{ false, 404, "GET /api/v1/runs/no HTTP/1.1\r\n" H "\r\n", "there is no \\\"no\\\"" },
	{ false, 404, "GET /api/v1/runs/r1/tasks/buid HTTP/1.1\r\n" H "\r\n",
	    "did you mean \\\"build\\\"?" },
	{ false, 404, "GET /api/v1/workflows/x HTTP/1.1\r\n" H "\r\n", "not_found" },
	{ false, 405, "DELETE /api/v1/runs HTTP/1.1\r\n" H "\r\n", "Allow: POST, GET, HEAD" },
	{ false, 400, "GET /api/v1/runs?statsu=x HTTP/1.1\r\n" H "\r\n",
	    "unknown query parameter \\\"statsu\\\": did you mean \\\"status\\\"?" },
	{ false, 400, "GET /health?x=1 HTTP/1.1\r\n" H "\r\n", "this path takes none" },
	{ false, 400, "GET /api/v1/runs?status=runing HTTP/1.1\r\n" H "\r\n",
	    "did you mean running?" },
	{ false, 400, "GET /api/v1/runs?limit=0 HTTP/1.1\r\n" H "\r\n", "from 1 to 1000" },
	{ false, 400, "GET /api/v1/runs?since=soon HTTP/1.1\r\n" H "\r\n", "since=soon" },
	{ false, 400, "GET /api/v1/runs/r1?wait=5s HTTP/1.1\r\n" H "\r\n", "wait needs version" },
	{ false, 400, "GET /api/v1/runs/r1?version=1&wait=2h HTTP/1.1\r\n" H "\r\n",
	    "at most 1m" },
	{ true, 415, "POST /api/v1/runs HTTP/1.1\r\n" H "Content-Length: 2\r\n\r\n{}",
	    "unsupported_media_type" },
	{ true, 400, "POST /api/v1/runs HTTP/1.1\r\n" H JSON "Content-Length: 3\r\n\r\n{x}",
	    "line 1" },
	{ true, 400, "POST /api/v1/runs HTTP/1.1\r\n" H JSON "Content-Length: 33\r\n\r\n"
	             "{\"workflow\":\"a\", \"workflow\": \"b\"}", "duplicate" },
	{ true, 400, "POST /api/v1/runs HTTP/1.1\r\n" H JSON "Content-Length: 17\r\n\r\n"
	             "{\"workflow\":\"\xff\xfe\"}", "\"invalid\"" },
	{ true, 422, "POST /api/v1/runs HTTP/1.1\r\n" H JSON "Content-Length: 2\r\n\r\n[]",
	    "1 to 256" },
	{ true, 422, "POST /api/v1/runs HTTP/1.1\r\n" H JSON "Content-Length: 2\r\n\r\n{}",
	    "either" },
	{ true, 422, "POST /api/v1/runs HTTP/1.1\r\n" H JSON "Content-Length: 14\r\n\r\n"
	             "{\"worklow\":\"\"}", "did you mean" },
	{ true, 422, "PUT /api/v1/log-level HTTP/1.1\r\n" H JSON "Content-Length: 16\r\n\r\n"
	             "{\"level\":\"loud\"}", "error, warn, info, debug" },
	{ true, 413, "PUT /api/v1/log-level HTTP/1.1\r\n" H JSON "Content-Length: 1048577\r\n\r\n",
	    "too_large" },
	/* what exists is changed */
	{ true, 200, "POST /api/v1/runs/r1/cancel HTTP/1.1\r\n" H JSON "Content-Length: 2\r\n\r\n"
	  "{}",
	  "\"status\":\"cancelled\"" },
	{ true, 200, "POST /api/v1/runs/r1/cancel HTTP/1.1\r\n" H JSON "Content-Length: 16\r\n\r\n"
	  "{\"task\":\"build\"}",
	  "\"task\":\"build\"" },
	{ true, 200, "POST /api/v1/runs/r1/tasks/build/cancel HTTP/1.1\r\n" H JSON "Content-Length: 2\r\n\r\n"
	  "{}",
	  "\"task\":\"build\"" },
	{ true, 422, "POST /api/v1/runs/r1/tasks/build/cancel HTTP/1.1\r\n" H JSON "Content-Length: 12\r\n\r\n"
	  "{\"task\":\"x\"}",
	  "unknown key" },
	{ true, 200, "POST /api/v1/runs/r1/retry HTTP/1.1\r\n" H JSON "Content-Length: 34\r\n\r\n"
	  "{\"task\":\"build\",\"downstream\":true}",
	  "\"downstream\":true" },
	{ true, 200, "POST /api/v1/runs/r1/retry HTTP/1.1\r\n" H JSON "Content-Length: 34\r\n\r\n"
	  "{\"category\":\"lost\",\"dry_run\":true}",
	  "\"category\":\"lost\"" },
	{ true, 422, "POST /api/v1/runs/r1/retry HTTP/1.1\r\n" H JSON "Content-Length: 19\r\n\r\n"
	  "{\"downstraem\":true}",
	  "did you mean \\\"downstream\\\"" },
	{ true, 422, "POST /api/v1/runs/r1/retry HTTP/1.1\r\n" H JSON "Content-Length: 20\r\n\r\n"
	  "{\"downstream\":\"yes\"}",
	  "must be true or false" },
	{ true, 422, "POST /api/v1/runs/r1/retry HTTP/1.1\r\n" H JSON "Content-Length: 11\r\n\r\n"
	  "{\"task\":17}",
	  "must be a text" },
	{ true, 422, "POST /api/v1/runs/r1/retry HTTP/1.1\r\n" H JSON "Content-Length: 2\r\n\r\n"
	  "[]",
	  "must be an object" },
	{ true, 200, "POST /api/v1/pause HTTP/1.1\r\n" H JSON "Content-Length: 21\r\n\r\n"
	  "{\"name\":\"type:build\"}",
	  "\"paused\":true" },
	{ true, 200, "POST /api/v1/resume HTTP/1.1\r\n" H JSON "Content-Length: 17\r\n\r\n"
	  "{\"name\":\"deploy\"}",
	  "\"paused\":false" },
	{ true, 422, "POST /api/v1/pause HTTP/1.1\r\n" H JSON "Content-Length: 2\r\n\r\n"
	  "{}",
	  "give \\\"name\\\"" },
	{ false, 401, "POST /api/v1/runs/r1/retry HTTP/1.1\r\n" H JSON "Content-Length: 2\r\n\r\n"
	  "{}",
	  "" },
	{ false, 401, "POST /api/v1/pause HTTP/1.1\r\n" H JSON "Content-Length: 12\r\n\r\n"
	  "{\"name\":\"x\"}",
	  "" },
	{ true, 200, "POST /api/v1/agents/h%3A1/drain HTTP/1.1\r\n" H JSON
	             "Content-Length: 11\r\n\r\n{\"why\":\"x\"}",
	    "{\"agent\":\"h:1\",\"group\":null,\"on\":true,\"why\":\"x\"" },
	{ true, 200, "DELETE /api/v1/consumer-groups/g/consumers/a HTTP/1.1\r\n" H "\r\n",
	    "{\"agent\":\"a\",\"group\":\"g\",\"on\":true" },
	{ true, 200, "GET /api/v1/paused HTTP/1.1\r\n" H "\r\n", "\"items\"" },
	{ false, 401, "POST /api/v1/runs HTTP/1.1\r\n" H JSON "Content-Length: 2\r\n\r\n{}",
	    "writes need an identity: use the unix socket" },
	{ false, 401, "PUT /api/v1/log-level HTTP/1.1\r\n" H JSON "Content-Length: 2\r\n\r\n{}",
	    "WWW-Authenticate: Bearer" },
	{ false, 401, "GET /health HTTP/1.1\r\n" H "Authorization: Bearer x\r\n\r\n",
	    "tokens are not supported yet" },
	{ true, 401, "GET /health HTTP/1.1\r\n" H "Authorization: Basic eA==\r\n\r\n",
	    "unauthorized" },
	{ false, 403, "GET /health HTTP/1.1\r\nHost: evil.example\r\n\r\n", "forbidden" },
	{ false, 403, "GET /health HTTP/1.1\r\n" H "Origin: http://evil.example\r\n\r\n",
	    "origins" },
	{ true, 403, "GET /health HTTP/1.1\r\n" H "Origin: null\r\n\r\n", "origins" },
	{ false, 200, "GET /health HTTP/1.1\r\n" H "Origin: http://localhost\r\n\r\n", "ok" },
	/* hostile */
	{ false, 400, "GET /../../etc/passwd HTTP/1.1\r\n" H "\r\n", "'..'" },
	{ false, 400, "GET /%2e%2e/x HTTP/1.1\r\n" H "\r\n", "'..'" },
	{ false, 400, "GET /health%00x HTTP/1.1\r\n" H "\r\n", "control character" },
	{ false, 400, "GET /\xff\xfe HTTP/1.1\r\n" H "\r\n", "UTF-8" },
	{ false, 400, "GET http://localhost/health HTTP/1.1\r\n" H "\r\n", "must be a path" },
	{ false, 400, "GET /health HTTP/1.1\r\n\r\n", "" },
	{ false, 400, "GET /health HTTP/1.1\r\n" H "Host: evil\r\n\r\n", "exactly one Host" },
	{ false, 400, "GET /health HTTP/1.1\r\n" H "Content-Length: 3\r\n\r\nabc", "no body" },
	{ true, 400, "POST /api/v1/runs HTTP/1.1\r\n" H JSON "Content-Length: 2\r\n"
	             "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "not both" },
	{ true, 400, "POST /api/v1/runs HTTP/1.1\r\n" H JSON "Content-Length: 2\r\n"
	             "Content-Length: 3\r\n\r\n{}", "not both" },
	{ true, 400, "POST /api/v1/runs HTTP/1.1\r\n" H JSON "Transfer-Encoding: gzip\r\n\r\n",
	    "chunked" },
	{ true, 400, "POST /api/v1/runs HTTP/1.1\r\n" H JSON "Content-Length: -1\r\n\r\n", "" },
};

static void
each_row_is_answered(void **state)
{
	struct world *world = *state;
	struct buf got = { 0 };

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		unsigned status = ask(world, rows[i].local, rows[i].request, &got);

		if (status != rows[i].status || !strstr(buf_text(&got), rows[i].has))
			fail_msg("row %zu: %s\n--> wanted %u %s\n--> got %s", i, rows[i].request,
			    rows[i].status, rows[i].has, buf_text(&got));
		if (status >= 400 && *rows[i].has)
			assert_has(&got, "{\"error\":{\"code\":");
	}
	assert_int_equal(world->orch.submitted, 2);
	buf_release(&got);
}

static void
head_has_no_body(void **state)
{
	struct buf got = { 0 };

	assert_int_equal(ask(*state, false, "HEAD /health HTTP/1.1\r\n" H "\r\n", &got), 200);
	assert_has(&got, "Content-Length: ");
	assert_null(strstr(buf_text(&got), "version"));
	buf_release(&got);
}

static void
submissions_carry_identity_and_key(void **state)
{
	struct world *world = *state;
	char actor[64];

	snprintf(actor, sizeof actor, "uid:%u/admin/socket", (unsigned)geteuid());
	assert_int_equal(ask(world, true, "POST /api/v1/runs HTTP/1.1\r\n" H JSON
	    "Idempotency-Key: k1\r\nContent-Length: 37\r\n\r\n"
	    "{\"source\":\"a: b\", \"priority\": \"high\"}", NULL), 201);
	assert_string_equal(world->orch.last_actor, actor);
	assert_string_equal(world->orch.last_key, "k1");
	assert_string_equal(world->orch.last_source, "a: b");
	assert_int_equal(world->orch.last_priority, 7);
	assert_int_equal(ask(world, true, "POST /api/v1/runs HTTP/1.1\r\n" H JSON
	    "Idempotency-Key: k1\r\nContent-Length: 34\r\n\r\n"
	    "[{\"workflow\":\"a\"},{\"workflow\":\"b\"}]"
	    , NULL) == 201, false); /* the length is one short: not JSON */
	assert_int_equal(ask(world, true, "POST /api/v1/runs HTTP/1.1\r\n" H JSON
	    "Idempotency-Key: k1\r\nContent-Length: 35\r\n\r\n"
	    "[{\"workflow\":\"a\"},{\"workflow\":\"b\"}]", NULL), 201);
	assert_string_equal(world->orch.last_key, "k1.1");
	assert_int_equal(ask(world, true, "POST /api/v1/runs HTTP/1.1\r\n" H JSON
	    "Idempotency-Key: a b\r\nContent-Length: 16\r\n\r\n{\"workflow\":\"a\"}", NULL), 422);
}

#define OTHER_UID 65534

/* Asks as another user; needs root. */
static unsigned
ask_as_other(struct world *world, const char *text, struct buf *got)
{
	struct peer peer;
	unsigned status = 0;

	assert_int_equal(seteuid(OTHER_UID), 0);
	peer_open(world, &peer, true);
	assert_int_equal(seteuid(0), 0);
	peer_says(&peer, text);
	shutdown(peer.fd, SHUT_WR);
	(void)sscanf(peer_read(&peer, NULL), "HTTP/1.1 %u", &status);
	buf_clear(got);
	buf_add(got, peer.got.data, peer.got.len);
	peer_close(&peer);
	return status;
}

static void
other_users_have_no_rights_unless_configured(void **state)
{
	const uid_t uids[] = { OTHER_UID };
	const struct http_config config = { .uids = uids, .n_uids = 1 };
	struct world *worlds[2];
	struct buf got = { 0 };

	(void)state;
	if (geteuid() != 0)
		skip();
	worlds[0] = world_new(NULL);
	worlds[1] = world_new(&config);
	for (int i = 0; i < 2; i++)
		assert_int_equal(chmod(worlds[i]->dir, 0755), 0);
	assert_int_equal(chmod(worlds[0]->path, 0666), 0);
	assert_int_equal(ask_as_other(worlds[0], "GET /health HTTP/1.1\r\n" H "\r\n", &got), 403);
	assert_has(&got, "user 65534 has role none and this needs metrics: run it as root");
	assert_int_equal(ask_as_other(worlds[1], "GET /health HTTP/1.1\r\n" H "\r\n", &got), 200);
	assert_int_equal(ask_as_other(worlds[1], "POST /api/v1/runs HTTP/1.1\r\n" H JSON
	    "Content-Length: 16\r\n\r\n{\"workflow\":\"a\"}", &got), 201);
	assert_string_equal(worlds[1]->orch.last_actor, "uid:65534/operate/socket");
	assert_int_equal(ask_as_other(worlds[1], "PUT /api/v1/log-level HTTP/1.1\r\n" H JSON
	    "Content-Length: 2\r\n\r\n{}", &got), 403);
	buf_release(&got);
	world_free(worlds[0]);
	world_free(worlds[1]);
}

static void
a_daemon_that_is_not_ready_says_why(void **state)
{
	struct world *world = *state;
	struct buf got = { 0 };

	world->orch.not_ready = world->orch.stale = true;
	assert_int_equal(ask(world, false, "GET /ready HTTP/1.1\r\n" H "\r\n", &got), 503);
	assert_has(&got, "redis is away");
	assert_has(&got, "Reeve-Stale: true");
	buf_release(&got);
}

static void
an_answer_may_come_later(void **state)
{
	struct world *world = *state;
	struct peer peer;
	struct err err;

	world->orch.hold = true;
	peer_open(world, &peer, true);
	peer_says(&peer, "GET /api/v1/runs/r1 HTTP/1.1\r\n" H "\r\n");
	while (!world->orch.fn)
		turn(world, CLOCK_MS);
	assert_int_equal(peer.got.len, 0);
	fake_answer(&world->orch, json_pack("{s:i}", "version", 2), NULL);
	/* it goes out by itself, not with the next tick: few turns, 1 ms each at most */
	for (int turns = 0; turns < 10 && peer.got.len == 0; turns++)
		turn(world, CLOCK_MS);
	assert_int_not_equal(peer.got.len, 0);
	peer_read(&peer, "{\"version\":2}");
	/* the same connection again, now a failure */
	buf_clear(&peer.got);
	peer_says(&peer, "GET /api/v1/runs/r1 HTTP/1.1\r\n" H "\r\n");
	while (!world->orch.fn)
		turn(world, CLOCK_MS);
	err_set(&err, ERR_UNAVAILABLE, "redis is away");
	fake_answer(&world->orch, NULL, &err);
	peer_read(&peer, "\"unavailable\"");
	assert_has(&peer.got, "HTTP/1.1 503");
	peer_close(&peer);
}

static void
logs_are_waited_for(void **state)
{
	struct world *world = *state;
	struct buf got = { 0 };

	assert_int_equal(ask(world, false,
	    "GET /api/v1/runs/r1/tasks/build/logs?wait=10s HTTP/1.1\r\n" H "\r\n", &got), 200);
	assert_has(&got, "\"late\"");
	assert_int_equal(world->orch.log_asks, 3);
	buf_release(&got);
}

static void
a_large_answer_arrives_whole(void **state)
{
	struct world *world = *state;
	struct buf got = { 0 };

	world->orch.big = 4 << 20;
	assert_int_equal(ask(world, true, "GET /api/v1/runs/r1 HTTP/1.1\r\n" H "\r\n", &got), 200);
	assert_true(got.len > world->orch.big);
	buf_release(&got);
}

/* --- hostile peers --- */

static void
a_huge_head_is_refused(void **state)
{
	struct buf head = { 0 };
	unsigned status;

	buf_adds(&head, "GET /health HTTP/1.1\r\n" H "X: ");
	for (int i = 0; i < 1024 * 1024; i++)
		buf_addc(&head, 'x');
	buf_adds(&head, "\r\n\r\n");
	status = ask_bytes(*state, false, head.data, head.len, NULL);
	/* the answer may be lost when the peer is still writing as we close */
	assert_true(status == 431 || status == 400 || status == 413 || status == 0);
	assert_int_equal(ask(*state, false, "GET /health HTTP/1.1\r\n" H "\r\n", NULL), 200);
	buf_release(&head);
}

static void
an_endless_body_is_cut(void **state)
{
	struct world *world = *state;
	char chunk[16384 + 16];
	struct peer peer;
	size_t sent = 0;
	int head;

	peer_open(world, &peer, true);
	peer_says(&peer, "PUT /api/v1/log-level HTTP/1.1\r\n" H JSON
	    "Transfer-Encoding: chunked\r\n\r\n");
	head = snprintf(chunk, sizeof chunk, "4000\r\n");
	memset(chunk + head, ' ', 16384);
	memcpy(chunk + head + 16384, "\r\n", 2);
	while (sent < 64u << 20 && peer_send(&peer, chunk, (size_t)head + 16386))
		sent += 16384;
	assert_true(sent < 32u << 20);
	peer_read(&peer, NULL);
	assert_has(&peer.got, "413");
	peer_close(&peer);
}

static void
bad_chunks_are_refused(void **state)
{
	static const char *const bad[] = { "fffffffffffffffff\r\n", "-1\r\n", "zz\r\n", "5 5\r\nx" };

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct buf text = { 0 };
		unsigned status;

		buf_printf(&text, "POST /api/v1/runs HTTP/1.1\r\n" H JSON
		    "Transfer-Encoding: chunked\r\n\r\n%s", bad[i]);
		status = ask_bytes(*state, true, text.data, text.len, NULL);
		if (status != 0 && (status < 400 || status >= 500))
			fail_msg("chunk %s: %u", bad[i], status);
		buf_release(&text);
	}
	assert_int_equal(((struct world *)*state)->orch.submitted, 0);
}

static void
garbage_does_no_harm(void **state)
{
	static const char *const bad[] = { "\r\n\r\n\r\n", "\x16\x03\x01\x02", "GET\r\n\r\n",
		"GET / HTTP/9.9\r\n\r\n", "GET /health\r\n\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
		"GET /health HTTP/1.1\nHost: localhost\n: x\n\n", "", "GET /health HTT" };

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		unsigned status = ask(*state, i % 2, bad[i], NULL);

		if (status >= 500 && status != 505)
			fail_msg("%s: %u", bad[i], status);
	}
	assert_int_equal(ask(*state, false, "GET /health HTTP/1.1\r\n" H "\r\n", NULL), 200);
}

static void
pipelined_requests_are_answered_in_order(void **state)
{
	struct world *world = *state;
	struct buf text = { 0 };
	struct peer peer;
	size_t answers = 0;
	const int n = 10000;

	for (int i = 0; i < n - 1; i++)
		buf_adds(&text, "GET /health HTTP/1.1\r\n" H "\r\n");
	buf_adds(&text, "GET /health HTTP/1.1\r\n" H "Connection: close\r\n\r\n");
	peer_open(world, &peer, false);
	assert_true(peer_send(&peer, text.data, text.len));
	peer_read(&peer, NULL);
	for (const char *at = buf_text(&peer.got); (at = strstr(at, "HTTP/1.1 200")); at++)
		answers++;
	assert_int_equal(answers, n);
	assert_int_equal(world->orch.counted, n);
	peer_close(&peer);
	buf_release(&text);
}

static void
slow_peers_are_cut_off(void **state)
{
	const struct http_config config = { .head_ms = 300, .body_ms = 300, .send_ms = 300 };
	struct world *world = world_new(&config);
	struct peer head, body, idle;
	int64_t began = clock_mono_us();

	(void)state;
	peer_open(world, &head, false);
	peer_open(world, &body, true);
	peer_open(world, &idle, true);
	peer_says(&body, "POST /api/v1/runs HTTP/1.1\r\n" H JSON "Content-Length: 9\r\n\r\n{");
	/* one byte at a time would please an inactivity timeout for ever */
	while (!head.closed && clock_mono_us() - began < DEADLINE) {
		if (!peer_send(&head, "G", 1))
			break;
		turn(world, 20 * CLOCK_MS);
	}
	peer_read(&head, NULL);
	peer_read(&body, NULL);
	peer_read(&idle, NULL);
	assert_has(&body.got, "408");
	assert_has(&idle.got, "408");
	assert_true(clock_mono_us() - began < 5 * CLOCK_S);
	peer_close(&head);
	peer_close(&body);
	peer_close(&idle);
	world_free(world);
}

static void
a_half_closed_peer_gets_its_answer(void **state)
{
	struct world *world = *state;
	struct peer peer;

	world->orch.hold = true;
	peer_open(world, &peer, true);
	peer_says(&peer, "GET /api/v1/runs/r1 HTTP/1.1\r\n" H "\r\n");
	shutdown(peer.fd, SHUT_WR);
	while (!world->orch.fn)
		turn(world, CLOCK_MS);
	fake_answer(&world->orch, json_pack("{s:i}", "version", 2), NULL);
	peer_read(&peer, NULL);
	assert_has(&peer.got, "\"version\":2");
	peer_close(&peer);
}

static void
a_peer_may_vanish_while_it_waits(void **state)
{
	struct world *world = *state;
	struct peer peer;

	world->orch.hold = true;
	peer_open(world, &peer, true);
	peer_says(&peer, "GET /api/v1/runs/r1 HTTP/1.1\r\n" H "\r\n");
	while (!world->orch.fn)
		turn(world, CLOCK_MS);
	peer_close(&peer);
	fake_answer(&world->orch, json_pack("{s:i}", "version", 2), NULL);
	world->orch.hold = false;
	assert_int_equal(ask(world, true, "GET /health HTTP/1.1\r\n" H "\r\n", NULL), 200);
}

static bool
no_connections(void *arg)
{
	struct world *world = arg;

	return http_server_connections(world->server) == 0;
}

static void
connections_are_limited_a_listener(void **state)
{
	const struct http_config config = { .max_connections = 8 };
	struct world *world = world_new(&config);
	struct peer peers[20];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(peers); i++)
		peer_open(world, &peers[i], false);
	/* the socket is served although TCP is full */
	assert_int_equal(ask(world, true, "GET /health HTTP/1.1\r\n" H "\r\n", NULL), 200);
	assert_int_equal(http_server_connections(world->server), 8);
	for (size_t i = 0; i < ARRAY_LEN(peers); i++)
		peer_close(&peers[i]);
	assert_int_equal(ask(world, false, "GET /health HTTP/1.1\r\n" H "\r\n", NULL), 200);
	assert_true(loop_run_until(world->loop, no_connections, world, DEADLINE));
	world_free(world);
}

static void
accepting_pauses_without_descriptors(void **state)
{
	struct world *world = *state;
	struct rlimit old, low;
	struct peer peer;

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
	peer_open(world, &peer, true);
	low = old;
	low.rlim_cur = (rlim_t)peer.fd + 1; /* all below are in use */
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
	peer_says(&peer, "GET /health HTTP/1.1\r\n" H "\r\n");
	turn(world, 250 * CLOCK_MS);
	assert_int_equal(http_server_connections(world->server), 0);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
	peer_read(&peer, "\"status\":\"ok\"");
	peer_close(&peer);
}

/* --- starting and stopping --- */

static void
stop_answers_what_is_open(void **state)
{
	struct world *world = *state;
	struct peer waiting, idle;

	world->orch.hold = true;
	peer_open(world, &waiting, true);
	peer_open(world, &idle, false);
	peer_says(&waiting, "GET /api/v1/runs/r1 HTTP/1.1\r\n" H "\r\n");
	while (!world->orch.fn)
		turn(world, CLOCK_MS);
	world_stop(world);
	assert_int_equal(http_server_connections(world->server), 0);
	peer_read(&waiting, NULL);
	peer_read(&idle, NULL);
	assert_has(&waiting.got, "HTTP/1.1 503");
	assert_has(&waiting.got, "stopping");
	fake_answer(&world->orch, json_object(), NULL); /* late: dropped */
	peer_close(&waiting);
	peer_close(&idle);
}

static void
free_without_stop_is_lawful(void **state)
{
	struct world *world = *state;
	struct peer waiting;

	world->orch.hold = true;
	peer_open(world, &waiting, true);
	peer_says(&waiting, "GET /api/v1/runs/r1 HTTP/1.1\r\n" H "\r\n");
	while (!world->orch.fn)
		turn(world, CLOCK_MS);
	http_server_free(world->server);
	world->server = NULL;
	fake_answer(&world->orch, json_object(), NULL);
	peer_close(&waiting);
}

static void
sockets_are_private_and_not_stolen(void **state)
{
	struct world *world = *state;
	struct http_config config = { .socket_path = world->path };
	struct err err = { 0 };
	struct stat st;
	char file[128];
	int fd;

	assert_int_equal(stat(world->path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_null(http_server_new(world->loop, &world->orch, &config, &err));
	assert_int_equal(err.code, ERR_CONFLICT);
	snprintf(file, sizeof file, "%s/file", world->dir);
	fd = open(file, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	close(fd);
	config.socket_path = file;
	assert_null(http_server_new(world->loop, &world->orch, &config, &err));
	assert_int_equal(err.code, ERR_INVALID);
	assert_int_equal(unlink(file), 0);
	assert_int_equal(stat(world->path, &st), 0);
}

static void
addresses_beyond_loopback_are_refused(void **state)
{
	static const struct {
		const char *addr;
		int code;
	} bad[] = { { "0.0.0.0", ERR_DENIED }, { "::", ERR_DENIED }, { "10.0.0.1", ERR_DENIED },
		{ "example.org", ERR_INVALID }, { "", ERR_INVALID } };
	struct world *world = *state;

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		const struct http_config config = { .addr = bad[i].addr };
		struct err err = { 0 };

		assert_null(http_server_new(world->loop, &world->orch, &config, &err));
		assert_int_equal(err.code, bad[i].code);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		T(each_row_is_answered),
		T(head_has_no_body),
		T(submissions_carry_identity_and_key),
		cmocka_unit_test(other_users_have_no_rights_unless_configured),
		T(a_daemon_that_is_not_ready_says_why),
		T(an_answer_may_come_later),
		T(logs_are_waited_for),
		T(a_large_answer_arrives_whole),
		T(a_huge_head_is_refused),
		T(an_endless_body_is_cut),
		T(bad_chunks_are_refused),
		T(garbage_does_no_harm),
		T(pipelined_requests_are_answered_in_order),
		cmocka_unit_test(slow_peers_are_cut_off),
		T(a_half_closed_peer_gets_its_answer),
		T(a_peer_may_vanish_while_it_waits),
		cmocka_unit_test(connections_are_limited_a_listener),
		T(accepting_pauses_without_descriptors),
		T(stop_answers_what_is_open),
		T(free_without_stop_is_lawful),
		T(sockets_are_private_and_not_stolen),
		T(addresses_beyond_loopback_are_refused),
	};

	log_set_level(LOG_LEVEL_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
