/* SPDX-License-Identifier: MIT */
/* Keeps the agent types that the files of a watched folder define. */
#include "orchestrator/types.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "model/category.h"
#include "model/faults.h"
#include "orchestrator/folder.h"

#include <uthash.h>

#define FILE_MAX ((size_t)1 << 20)

struct entry {
	UT_hash_handle hh; /* by file */
	char *file;
	struct agent_type *type;
};

/* A file that gave no type. */
struct bad_file {
	UT_hash_handle hh;
	char *file;
};

struct types {
	struct bad_file *bad;
	struct folder *folder;
	struct entry *entries; /* there are few: a type is found by a walk */
	types_change_fn *on_change;
	void *arg;
};

static const struct entry *
find(const struct types *types, const char *name)
{
	const struct entry *entry;

	for (entry = types->entries; entry; entry = entry->hh.next)
		if (strcmp(entry->type->type, name) == 0)
			return entry;
	return NULL;
}

static void
tell(const struct types *types, const char *name, const struct agent_type *type)
{
	if (types->on_change)
		types->on_change(types->arg, name, type);
}

static void
log_lines(enum log_level level, char *lines)
{
	char *rest = lines, *line;

	while ((line = strsep(&rest, "\n")))
		if (*line)
			LOG_AT(level, line);
}

static void
entry_remove(struct types *types, struct entry *entry)
{
	HASH_DEL(types->entries, entry);
	log_info("agent type removed", KV_S("type", entry->type->type));
	tell(types, entry->type->type, NULL);
	agent_type_free(entry->type);
	free(entry->file);
	free(entry);
}

static void
set_bad(struct types *types, const char *name, bool bad)
{
	struct bad_file *file;

	HASH_FIND_STR(types->bad, name, file);
	if (bad && !file) {
		file = xcalloc(1, sizeof *file);
		file->file = xstrdup(name);
		HASH_ADD_KEYPTR(hh, types->bad, file->file, strlen(file->file), file);
	} else if (!bad && file) {
		HASH_DEL(types->bad, file);
		free(file->file);
		free(file);
	}
}

/* Takes type over. */
static void
put(struct types *types, const char *name, struct agent_type *type)
{
	const struct entry *other = find(types, type->type);
	struct entry *entry;

	HASH_FIND_STR(types->entries, name, entry);
	if (other && other != entry) {
		log_error("another file defines this agent type already",
		    KV_S("type", type->type), KV_S("file", name),
		    KV_S("other", other->file));
		agent_type_free(type);
		return;
	}
	if (entry && strcmp(entry->type->type, type->type) != 0) {
		entry_remove(types, entry);
		entry = NULL;
	}
	if (!entry) {
		entry = xcalloc(1, sizeof *entry);
		entry->file = xstrdup(name);
		HASH_ADD_KEYPTR(hh, types->entries, entry->file, strlen(entry->file), entry);
	}
	agent_type_free(entry->type);
	entry->type = type;
	log_info("agent type loaded", KV_S("type", type->type), KV_S("file", name));
	tell(types, type->type, type);
}

static void
file_text(void *arg, const char *name, const char *text, size_t len)
{
	struct types *types = arg;
	char *path = xasprintf("%s/%s", folder_path(types->folder), name);
	struct agent_type *type = NULL;
	struct faults faults = { 0 };
	struct buf lines = { 0 };
	int code = agent_type_load(path, text, len, NULL, &faults, &type);

	faults_render(&faults, path, &lines);
	if (lines.len > 0)
		log_lines(code ? LOG_LEVEL_ERROR : LOG_LEVEL_WARN, lines.data);
	set_bad(types, name, code != 0);
	if (!code)
		put(types, name, type);
	buf_release(&lines);
	faults_release(&faults);
	free(path);
}

static void
file_unreadable(void *arg, const char *name, const struct err *err)
{
	set_bad(arg, name, true);
	log_error("cannot read an agent type", KV_S("file", name), KV_S("error", err->text));
}

static void
file_removed(void *arg, const char *name)
{
	struct types *types = arg;
	struct entry *entry;

	set_bad(types, name, false);
	HASH_FIND_STR(types->entries, name, entry);
	if (entry)
		entry_remove(types, entry);
}

/* Whoever has settings of types that no file defines any more hears that all are read. */
static void
folder_read(void *arg)
{
	tell(arg, "", NULL);
}

int
types_new(struct loop *loop, const char *folder, types_change_fn *on_change, void *arg,
    struct types **ret_types, struct err *err)
{
	struct types *types = xcalloc(1, sizeof *types);
	struct folder_fns fns = { file_text, file_unreadable, file_removed,
		folder_read, types };
	int code = folder_new(loop, folder, FILE_MAX, &fns, &types->folder, err);

	if (code) {
		free(types);
		return code;
	}
	types->on_change = on_change;
	types->arg = arg;
	*ret_types = types;
	return 0;
}

void
types_free(struct types *types)
{
	struct entry *entry, *next;

	if (!types)
		return;
	folder_free(types->folder);
	while (types->bad)
		set_bad(types, types->bad->file, false);
	HASH_ITER(hh, types->entries, entry, next) {
		HASH_DEL(types->entries, entry);
		agent_type_free(entry->type);
		free(entry->file);
		free(entry);
	}
	free(types);
}

const struct agent_type *
types_find(const struct types *types, const char *name)
{
	const struct entry *entry = find(types, name);

	return entry ? entry->type : NULL;
}

void
types_each(const struct types *types, types_change_fn *fn, void *arg)
{
	for (const struct entry *entry = types->entries; entry; entry = entry->hh.next)
		fn(arg, entry->type->type, entry->type);
}

bool
types_has_faults(const struct types *types)
{
	return types->bad != NULL;
}

bool
types_scanned(const struct types *types)
{
	return folder_scanned(types->folder);
}

/* --- the published form --- */

static void
add_text(struct buf *out, const char *text)
{
	buf_add_json(out, text, strlen(text));
}

static void
add_codes(struct buf *out, const uint8_t *codes, size_t n)
{
	buf_addc(out, '[');
	for (size_t i = 0; i < n; i++)
		buf_printf(out, "%s%u", i > 0 ? "," : "", (unsigned)codes[i]);
	buf_addc(out, ']');
}

static void
add_failures(struct buf *out, const struct retry_policy *retry)
{
	const char *comma = "";

	buf_adds(out, "\"on\":[");
	for (int c = CATEGORY_NONE + 1; c < CATEGORY_COUNT; c++)
		if (retry->on & CATEGORY_BIT(c)) {
			buf_adds(out, comma);
			add_text(out, category_name((enum category)c));
			comma = ",";
		}
	buf_adds(out, "],\"exit_codes\":");
	add_codes(out, retry->exit_codes, retry->n_exit_codes);
}

/* says: which of the values (RETRY_SAYS_ bits). */
static void
add_pace(struct buf *out, const struct retry_policy *retry, uint32_t says)
{
	static const char *const kinds[] = { [BACKOFF_EXPONENTIAL] = "exponential",
		[BACKOFF_LINEAR] = "linear", [BACKOFF_FIXED] = "fixed",
		[BACKOFF_ADAPTIVE] = "adaptive" };

	if (says & RETRY_SAYS_MAX_ATTEMPTS)
		buf_printf(out, ",\"max_attempts\":%u", (unsigned)retry->max_attempts);
	if (says & RETRY_SAYS_BACKOFF)
		buf_printf(out, ",\"backoff\":\"%s\"", kinds[retry->backoff]);
	if (says & RETRY_SAYS_DELAY)
		buf_printf(out, ",\"delay_ms\":%lld", (long long)retry->delay_ms);
	if (says & RETRY_SAYS_MAX_DELAY)
		buf_printf(out, ",\"max_delay_ms\":%lld", (long long)retry->max_delay_ms);
	if (says & RETRY_SAYS_FACTOR)
		buf_printf(out, ",\"factor\":%.17g", retry->factor);
	if (says & RETRY_SAYS_JITTER && retry->jitter >= BACKOFF_FULL_JITTER)
		buf_adds(out, ",\"jitter\":\"full\"");
	else if (says & RETRY_SAYS_JITTER)
		buf_printf(out, ",\"jitter\":%.17g", retry->jitter);
}

static void
add_retry(struct buf *out, const struct retry_policy *retry)
{
	buf_printf(out, ",\"retry\":{\"max_attempts\":%u", (unsigned)retry->max_attempts);
	add_pace(out, retry, ~(uint32_t)RETRY_SAYS_MAX_ATTEMPTS);
	buf_printf(out, ",\"poison\":%u,", (unsigned)retry->poison);
	add_failures(out, retry);
	buf_adds(out, ",\"rules\":[");
	for (size_t i = 0; i < retry->n_rules; i++) {
		buf_adds(out, i > 0 ? ",{" : "{");
		add_failures(out, &retry->rules[i]);
		add_pace(out, &retry->rules[i], retry->rules[i].says);
		buf_addc(out, '}');
	}
	buf_adds(out, "]}");
}

/* A command of the back end is the daemon's own business. */
static void
add_scale(struct buf *out, const struct agent_scale *scale)
{
	buf_printf(out, ",\"min_agents\":%u,\"max_agents\":%u,\"scale\":{\"enabled\":%s,"
	    "\"backend\":\"%s\",\"target_wait_ms\":%lld,\"cooldown_ms\":%lld}",
	    (unsigned)scale->min_agents, (unsigned)scale->max_agents,
	    scale->enabled ? "true" : "false", scale_backend_name(scale->backend),
	    (long long)scale->target_wait_ms, (long long)scale->cooldown_ms);
}

static void
add_flow(struct buf *out, const struct agent_type *type)
{
	const struct rate_limit *limit = &type->rate_limit;

	if (type->high_water > 0)
		buf_printf(out, ",\"high_water\":%u", (unsigned)type->high_water);
	if (limit->per_second > 0) {
		buf_printf(out, ",\"rate_limit\":{\"per_second\":%.15g,\"burst\":%.15g,"
		    "\"min_per_second\":%.15g,\"failure_rate\":%.15g", limit->per_second,
		    limit->burst, limit->min_per_second, limit->failure_rate);
		if (limit->target_latency_ms > 0)
			buf_printf(out, ",\"target_latency_ms\":%lld",
			    (long long)limit->target_latency_ms);
		buf_addc(out, '}');
	}
	if (type->circuit.failures > 0)
		buf_printf(out, ",\"circuit\":{\"failures\":%u,\"reset_ms\":%lld}",
		    (unsigned)type->circuit.failures, (long long)type->circuit.reset_ms);
}

void
agent_type_json(const struct agent_type *type, struct buf *out)
{
	buf_adds(out, "{\"type\":");
	add_text(out, type->type);
	buf_printf(out, ",\"concurrency\":%u,\"lease_ms\":%lld,\"grace_ms\":%lld,"
	    "\"success\":{\"exit_codes\":", (unsigned)type->concurrency,
	    (long long)type->lease_ms, (long long)type->grace_ms);
	add_codes(out, type->success_codes, type->n_success_codes);
	buf_addc(out, '}');
	if (type->stall_timeout_ms > 0)
		buf_printf(out, ",\"stall_timeout_ms\":%lld", (long long)type->stall_timeout_ms);
	if (type->start_timeout_ms > 0)
		buf_printf(out, ",\"start_timeout_ms\":%lld", (long long)type->start_timeout_ms);
	if (type->kill_on_disconnect)
		buf_adds(out, ",\"on_disconnect\":\"kill\"");
	add_flow(out, type);
	if (type->command) {
		buf_adds(out, ",\"command\":[");
		for (uint32_t i = 0; i < type->n_command; i++) {
			if (i > 0)
				buf_addc(out, ',');
			add_text(out, type->command[i]);
		}
		buf_addc(out, ']');
	}
	if (type->workdir) {
		buf_adds(out, ",\"workdir\":");
		add_text(out, type->workdir);
	}
	if (type->retry)
		add_retry(out, type->retry);
	if (type->scale.given)
		add_scale(out, &type->scale);
	buf_addc(out, '}');
}
