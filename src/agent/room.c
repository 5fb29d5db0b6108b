/* SPDX-License-Identifier: MIT */
/*
 * Makes rooms for attempts, and keeps those that are clean for the next ones.
 */
#include "agent/room.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"

static void
room_free(struct room *room)
{
	agent_socket_close(room->socket);
	workspace_remove(&room->ws);
	free(room);
}

/* The list is in the order of leaving, the last one first: behind an old one all are. */
static void
free_idle(struct agent *agent, int64_t before_us)
{
	struct room **at = &agent->rooms.free, *room;

	while (*at != NULL && (*at)->left_us > before_us)
		at = &(*at)->next;
	while ((room = *at) != NULL) {
		*at = room->next;
		room_free(room);
	}
}

static void
look_for_idle(void *arg)
{
	struct agent *agent = arg;

	free_idle(agent, clock_mono_us() - ROOM_IDLE_US);
	if (agent->rooms.free != NULL)
		loop_timer_start(&agent->rooms.timer, ROOM_IDLE_US);
}

void
rooms_init(struct agent *agent)
{
	loop_timer_init(&agent->rooms.timer, agent->loop, look_for_idle, agent);
}

void
rooms_release(struct agent *agent)
{
	loop_timer_stop(&agent->rooms.timer);
	free_idle(agent, INT64_MAX);
}

/* A task does without, where the path of its folder is too long. */
static void
open_socket(struct agent *agent, struct room *room)
{
	struct err err = { 0 };

	if (agent_socket_open(agent->loop, room->ws.socket, &room->socket, &err) == 0)
		workspace_note_socket(&room->ws);
	else
		log_warn("a task gets no REEVE_AGENT_SOCKET", KV_S("why", err.text));
}

int
room_take(struct agent *agent, struct room **ret_room, struct err *err)
{
	struct room *room = agent->rooms.free;
	char name[24];
	int rc;

	if (room != NULL) {
		agent->rooms.free = room->next;
		*ret_room = room;
		return 0;
	}
	room = xcalloc(1, sizeof *room);
	(void)snprintf(name, sizeof name, "%llu", (unsigned long long)++agent->rooms.made);
	rc = workspace_make(&room->ws, agent->root, name, err);
	if (rc != 0) {
		free(room);
		return rc;
	}
	open_socket(agent, room);
	*ret_room = room;
	return 0;
}

void
room_leave(struct agent *agent, struct room *room, bool alone)
{
	if (room->socket != NULL)
		agent_socket_rest(room->socket);
	if (agent->left || !alone || !workspace_clear(&room->ws)) {
		room_free(room);
		return;
	}
	room->left_us = clock_mono_us();
	room->next = agent->rooms.free;
	agent->rooms.free = room;
	if (!loop_timer_active(&agent->rooms.timer))
		loop_timer_start(&agent->rooms.timer, ROOM_IDLE_US);
}
