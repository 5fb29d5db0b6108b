/* SPDX-License-Identifier: MIT */
/* Signs agents on, beats for them, and does their work. */
#include "bench/fleet.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/mem.h"
#include "bench/crew.h"
#include "wire/keys.h"
#include "wire/lua_scripts.h"

#define LEASE_MS 15000 /* what reeve-agent has unless it is told otherwise */
#define SIGN_ONS 500   /* a write */
#define BEATS 500      /* most a write */
#define COPIED 4       /* the first fields of a task go back: run, task, attempt, token */
#define SILENCE_US (60 * CLOCK_S)
#define INSTANCE "00000000000000f1"

static void
nap(long nanoseconds)
{
	const struct timespec tick = { .tv_nsec = nanoseconds };

	(void)nanosleep(&tick, NULL);
}

/* --- signing on, and beats --- */

static int
load_script(struct resp *conn, const char *name, char **ret_sha, struct err *err)
{
	const struct lua_script *script = lua_scripts;
	int rc;

	while (strcmp(script->name, name) != 0)
		script++;
	resp_command(conn, "SCRIPT", "LOAD", script->text, NULL);
	if ((rc = resp_call(conn, err)) == 0)
		*ret_sha = xstrndup(resp_data(conn, &conn->nodes[0]), conn->nodes[0].len);
	return rc;
}

/* reeve:{0}:KIND, and the agent's name behind it where there is one. */
static void
add_key(struct resp *conn, const char *kind, const char *name)
{
	struct keys keys;
	char *key;

	(void)keys_init(&keys, NULL, 0);
	key = key_make(&keys, kind, name);
	resp_text(conn, key);
	free(key);
}

static void
add_signon(struct resp *conn, const char *sha, const char *name)
{
	static const char *const card[] = { "v", "1", "types", SHAPE_AGENT,
		"capabilities", "", "slots", "1", "host", "bench", "pid", "1", "lease_ms",
		"15000", "beat_ms", "5000", "beats", "1", "status", "active" };

	resp_begin(conn, 10 + ARRAY_LEN(card));
	resp_text(conn, "EVALSHA");
	resp_text(conn, sha);
	resp_text(conn, "3");
	add_key(conn, "meta", NULL);
	add_key(conn, "agent:", name);
	add_key(conn, "agents", NULL);
	resp_text(conn, name);
	resp_text(conn, INSTANCE);
	resp_text(conn, "0");
	resp_text(conn, "1");
	for (size_t i = 0; i < ARRAY_LEN(card); i++)
		resp_text(conn, card[i]);
}

static void
agent_name(size_t i, char name[24])
{
	(void)snprintf(name, 24, "a%zu", i);
}

static int
sign_on(struct fleet *fleet, struct err *err)
{
	struct resp *conn = &fleet->conn;
	char *sha = NULL, name[24];
	int rc = load_script(conn, "signon", &sha, err);

	for (size_t i = 0; i < fleet->agents && rc == 0;) {
		size_t n = 0;

		for (; n < SIGN_ONS && i < fleet->agents; n++, i++) {
			agent_name(i, name);
			add_signon(conn, sha, name);
		}
		if ((rc = resp_send(conn, err)) == 0)
			rc = resp_skip(conn, n, err);
	}
	free(sha);
	if (rc == 0)
		rc = load_script(conn, "beat", &fleet->beat_sha, err);
	fleet->began_us = clock_mono_us();
	return rc;
}

static void
add_beat(struct fleet *fleet, const char *now)
{
	struct resp *conn = &fleet->conn;
	char name[24];

	agent_name(fleet->beats++ % fleet->agents, name);
	resp_begin(conn, 10);
	resp_text(conn, "EVALSHA");
	resp_text(conn, fleet->beat_sha);
	resp_text(conn, "4");
	add_key(conn, "agent:", name);
	add_key(conn, "beats", NULL);
	add_key(conn, "cancel", NULL);
	add_key(conn, "done", NULL);
	resp_text(conn, name);
	resp_text(conn, INSTANCE);
	resp_text(conn, now);
}

/* Each agent's turn comes once in a third of the lease.  Returns how many replies. */
static size_t
add_beats(struct fleet *fleet)
{
	uint64_t due = (uint64_t)(clock_mono_us() - fleet->began_us) * fleet->agents /
		       (LEASE_MS / 3 * CLOCK_MS);
	char now[RFC3339_SIZE];
	size_t n = 0;

	if (fleet->beats < due)
		(void)rfc3339_format(clock_wall_ms(), now);
	for (; fleet->beats < due && n < BEATS; n++)
		add_beat(fleet, now);
	return n;
}

int
fleet_open(struct fleet *fleet, struct crowd *crowd, size_t agents, struct err *err)
{
	struct place *place = &crowd->place;
	int rc;

	*fleet = (struct fleet){ .crowd = crowd, .agents = agents, .conn.fd = -1 };
	rc = resp_connect(&fleet->conn, place->redis_socket, place->redis_port, err);
	if (rc < 0)
		return rc;
	resp_command(&fleet->conn, "XGROUP", "CREATE", crowd->queue, crowd->group, "$",
	    "MKSTREAM", NULL);
	if (resp_call(&fleet->conn, err) < 0 && !strstr(err->text, "BUSYGROUP"))
		return err->code;
	return agents ? sign_on(fleet, err) : 0;
}

void
fleet_close(struct fleet *fleet)
{
	resp_close(&fleet->conn);
	free(fleet->beat_sha);
	*fleet = (struct fleet){ .conn.fd = -1 };
}

/* --- work --- */

static void
ask(struct fleet *fleet, size_t most)
{
	struct resp *conn = &fleet->conn;
	char name[24] = "w";

	if (fleet->agents)
		agent_name(fleet->turns++ % fleet->agents, name);
	resp_begin(conn, 11);
	resp_text(conn, "XREADGROUP");
	resp_text(conn, "GROUP");
	resp_text(conn, fleet->crowd->group);
	resp_text(conn, name);
	resp_text(conn, "COUNT");
	resp_number(conn, most < FLEET_BATCH ? most : FLEET_BATCH);
	resp_text(conn, "BLOCK");
	resp_text(conn, "20");
	resp_text(conn, "STREAMS");
	resp_text(conn, fleet->crowd->queue);
	resp_text(conn, ">");
}

/* The reply to ask() is read: how many entries it has.  They begin at node 4. */
static size_t
entries(const struct fleet *fleet)
{
	const struct resp *conn = &fleet->conn;

	return conn->nodes[0].type == '*' ? (size_t)conn->nodes[3].number : 0;
}

static void
complete(struct fleet *fleet, size_t n)
{
	struct resp *conn = &fleet->conn;
	const struct resp_node *node = &conn->nodes[4];

	for (size_t i = 0; i < n; i++) {
		size_t fields = (size_t)node[2].number;
		size_t words = fields < COPIED * 2 ? fields : COPIED * 2;

		resp_begin(conn, 5 + words);
		resp_text(conn, "XADD");
		resp_text(conn, fleet->crowd->done);
		resp_text(conn, "*");
		for (size_t k = 0; k < words; k++)
			resp_word(conn, resp_data(conn, &node[3 + k]), node[3 + k].len);
		resp_text(conn, "status");
		resp_text(conn, "done");
		node += 3 + fields;
	}
}

static void
take_last(struct fleet *fleet)
{
	const struct resp_node *node = &fleet->conn.nodes[0];

	if (node->type != '$' || node->len >= sizeof fleet->last)
		return;
	memcpy(fleet->last, resp_data(&fleet->conn, node), node->len);
	fleet->last[node->len] = '\0';
}

/* Completes the first n tasks of the last read, beats, and reads on for at most `most`.
 */
static int
turn(struct fleet *fleet, size_t n, size_t most, struct err *err)
{
	struct resp *conn = &fleet->conn;
	size_t beats;
	int rc;

	complete(fleet, n);
	beats = fleet->agents ? add_beats(fleet) : 0;
	if (most)
		ask(fleet, most);
	if ((rc = resp_send(conn, err)) < 0 || (rc = resp_skip(conn, n, err)) < 0)
		return rc;
	if (n)
		take_last(fleet);
	fleet->answered += n;
	fleet->held = 0;
	rc = resp_skip(conn, beats, err);
	if (rc == 0 && most && (rc = resp_read(conn, err)) == 0)
		fleet->taken += fleet->held = entries(fleet);
	return rc;
}

/* Whether to go on after a read that brought nothing. */
static int
go_on(struct fleet *fleet, int64_t since_us, struct err *err)
{
	if (process_interrupted())
		return err_set(err, ERR_CONFLICT, "stopped");
	if (clock_mono_us() - since_us > SILENCE_US)
		return err_set(err, ERR_FAILED, "no task came for 60 s: %zu are done",
		    fleet->answered);
	return process_check(&fleet->crowd->place.daemon, err);
}

int
fleet_work(struct fleet *fleet, size_t total, struct err *err)
{
	int64_t since = clock_mono_us();
	int rc = 0;

	while (rc == 0 && fleet->answered < total) {
		rc = turn(fleet, fleet->held, total - fleet->taken, err);
		if (fleet->held)
			since = clock_mono_us();
		else if (rc == 0 && fleet->answered < total)
			rc = go_on(fleet, since, err);
	}
	return rc;
}

int
fleet_hold(struct fleet *fleet, size_t n, struct err *err)
{
	int64_t since = clock_mono_us();
	size_t wanted = fleet->taken + n;
	int rc = 0;

	while (rc == 0 && fleet->taken < wanted) {
		rc = turn(fleet, 0, wanted - fleet->taken, err);
		if (rc == 0 && !fleet->held)
			rc = go_on(fleet, since, err);
	}
	return rc;
}

int
fleet_answer(struct fleet *fleet, struct err *err)
{
	return turn(fleet, fleet->held, 0, err);
}

/* --- what reeved has made of it --- */

int
fleet_recorded(struct fleet *fleet, struct err *err)
{
	struct resp *conn = &fleet->conn;
	int64_t since = clock_mono_us();
	char cursor[FLEET_ID_SIZE];
	int rc;

	for (;;) {
		resp_command(conn, "GET", fleet->crowd->cursor, NULL);
		if ((rc = resp_call(conn, err)) < 0)
			return rc;
		if (conn->nodes[0].type == '$' && conn->nodes[0].len < sizeof cursor) {
			memcpy(
			    cursor, resp_data(conn, &conn->nodes[0]), conn->nodes[0].len);
			cursor[conn->nodes[0].len] = '\0';
			if (entry_reached(cursor, fleet->last))
				return 0;
		}
		if ((rc = go_on(fleet, since, err)) < 0)
			return rc;
		nap(100000);
	}
}
