/* SPDX-License-Identifier: MIT */
/*
 * reeved --check: what would keep a daemon with these settings from working.
 */
#ifndef REEVE_ORCHESTRATOR_CHECK_H
#define REEVE_ORCHESTRATOR_CHECK_H

#include "orchestrator/settings.h"

/*
 * Looks at the state folder, the watched folders, the API's addresses and Redis (up to 5 s)
 * and changes nothing.  Each fault ("error: …") and warning ("warning: …") is told to fn.
 * Returns the number of errors.
 */
int check_environment(const struct settings *settings, settings_fault_fn *fn, void *arg);

#endif
