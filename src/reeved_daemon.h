/* SPDX-License-Identifier: MIT */
/*
 * The daemon as a whole: reeved.c reads the settings, this runs with them.
 */
#ifndef REEVE_REEVED_DAEMON_H
#define REEVE_REEVED_DAEMON_H

#include "orchestrator/settings.h"

/* Until SIGTERM or SIGINT.  0, or why it could not start (logged; enum err_code). */
int reeved_run(struct settings *settings);

#endif
