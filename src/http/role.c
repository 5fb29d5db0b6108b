/* SPDX-License-Identifier: MIT */
/* Names of roles. */
#include "http/role.h"

const char *
http_role_name(enum http_role role)
{
	static const char *const names[] = { "none", "metrics", "read", "logs", "operate",
		"admin" };

	return names[role];
}
