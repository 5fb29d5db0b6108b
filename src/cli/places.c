/* SPDX-License-Identifier: MIT */
/* Lists the places where the daemon may be found. */
#include "cli/places.h"

#include <stdlib.h>

#include "base/mem.h"

static void
add(struct places *places, char *where, bool is_url, const char *why)
{
	places->items[places->n++] = (struct place){ where, is_url, why };
}

/* An empty variable counts as none. */
static const char *
env(const char *name)
{
	const char *value = getenv(name);

	return value && *value ? value : NULL;
}

static void
add_defaults(struct places *places)
{
	add(places, xstrdup("/run/reeve/reeve.sock"), false, "system service");
	if (env("XDG_STATE_HOME"))
		add(places, xasprintf("%s/reeve/reeve.sock", env("XDG_STATE_HOME")),
		    false, "default state folder");
	else if (env("HOME"))
		add(places, xasprintf("%s/.local/state/reeve/reeve.sock", env("HOME")),
		    false, "default state folder");
}

void
places_find(struct places *places, const char *url, const char *socket)
{
	*places = (struct places){ 0 };
	if (url)
		add(places, xstrdup(url), true, "--url");
	else if (socket)
		add(places, xstrdup(socket), false, "--socket");
	else if (env("REEVE_URL"))
		add(places, xstrdup(env("REEVE_URL")), true, "REEVE_URL");
	else if (env("REEVE_SOCKET"))
		add(places, xstrdup(env("REEVE_SOCKET")), false, "REEVE_SOCKET");
	else if (env("REEVE_STATE_DIR"))
		add(places, xasprintf("%s/reeve.sock", env("REEVE_STATE_DIR")), false,
		    "REEVE_STATE_DIR");
	else
		add_defaults(places);
}

void
places_release(struct places *places)
{
	for (size_t i = 0; i < places->n; i++)
		free(places->items[i].where);
	*places = (struct places){ 0 };
}
