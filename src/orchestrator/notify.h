/* SPDX-License-Identifier: MIT */
/*
 * Tells the service manager how we are (the protocol of sd_notify(3)).
 */
#ifndef REEVE_ORCHESTRATOR_NOTIFY_H
#define REEVE_ORCHESTRATOR_NOTIFY_H

/* "READY=1", "STOPPING=1", "STATUS=…".  Nothing happens without NOTIFY_SOCKET. */
void notify_manager(const char *state);

#endif
