/* SPDX-License-Identifier: MIT */
/* Writes down who asked for what. */
#include "orchestrator/audit.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

static char *
put_text(char **at, const char *text)
{
	size_t size = strlen(text) + 1;
	char *copy = memcpy(*at, text, size);

	*at += size;
	return copy;
}

struct facade_actor *
actor_copy(const struct facade_actor *actor)
{
	const char *name = actor && actor->name ? actor->name : "unknown";
	const char *role = actor && actor->role ? actor->role : "";
	const char *via = actor && actor->via ? actor->via : "";
	struct facade_actor *copy =
	    xcalloc(1, sizeof *copy + strlen(name) + strlen(role) + strlen(via) + 3);
	char *at = (char *)(copy + 1);

	copy->name = put_text(&at, name);
	copy->role = put_text(&at, role);
	copy->via = put_text(&at, via);
	return copy;
}

void
audit_note(struct effects *effects, struct run *run, uint32_t task, const char *type,
    const struct facade_actor *actor, json_t *details)
{
	struct effect *note = effects_add(effects, EFFECT_NOTE, run, task);
	struct facade_actor *who = actor_copy(actor);
	json_t *data = details ? details : json_object();
	char *text;

	json_object_set_new(data, "actor",
	    json_pack("{s:s, s:s, s:s}", "name", who->name, "role", who->role, "via", who->via));
	text = json_dumps(data, JSON_COMPACT);
	note->u.note.type = type;
	note->u.note.data = text ? xstrdup(text) : NULL;
	free(text);
	json_decref(data);
	free(who);
}
