/* SPDX-License-Identifier: MIT */
/*
 * A room: the private folder of one attempt and the socket in it.
 *
 *   room_take() -> of one attempt -> room_leave() -> free -> of the next attempt
 *                                        |            |
 *                                        +------------+-> removed: it is not clean,
 *                                                         or nobody took it for a second
 *
 * To make and remove them costs more than all else that an agent does around a task.
 * The next attempt gets a room only if nothing of the last one lives (alone) and the
 * folder is as it was made (agent/workspace.h); what the last task was told goes with the
 * next, or after ROOM_IDLE_US.
 */
#ifndef REEVE_AGENT_ROOM_H
#define REEVE_AGENT_ROOM_H

#include "agent/agent.h"
#include "agent/socket.h"
#include "agent/workspace.h"

#define ROOM_IDLE_US 1000000LL

struct room {
	struct workspace ws;
	struct agent_socket *socket; /* NULL: its path is too long */
	struct room *next;           /* free ones */
	int64_t left_us;
};

void rooms_init(struct agent *agent);
void rooms_release(struct agent *agent);
int room_take(struct agent *agent, struct room **ret_room, struct err *err);
/* alone: nothing that the attempt started is left alive. */
void room_leave(struct agent *agent, struct room *room, bool alone);

#endif
