/* SPDX-License-Identifier: MIT */
/* Tells other owners what happens to the files of this daemon's folder. */
#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "orchestrator/catalog.h"
#include "orchestrator/registry.h"
#include "orchestrator/view.h"

#define TIMEOUT_MS 5000
#define ASKING_MAX 64              /* files that are asked for at once, of one partition */
#define AGAIN_US (500 * CLOCK_MS)  /* after somebody was quicker: news of the folder come first */
#define FAILED_US (2 * CLOCK_S)    /* after the owner did not answer */
#define FULL_US (3 * CLOCK_S)      /* after it said that it is too full */

/* A file and what is known to be accepted for it. */
struct distant {
	char *path;
	char value[DROP_VALUE_SIZE];
	char refused[SHA256_HEX_SIZE];
	bool asking;
	char why[200];        /* it waits: the owner is too full; "" */
	int64_t waits_since_ms; /* wall */
	UT_hash_handle hh;
};

struct distant_files {
	struct distant *files;
	unsigned look;      /* answers to older ones are ignored */
	unsigned asking;
	bool known;         /* what Redis knows was read */
	bool reading, more; /* more: files were turned away */
	int64_t full_until_ms; /* monotonic: the owner is too full for more; 0 */
};

static struct distant_files *
files_of(struct part *part)
{
	if (!part->distant)
		part->distant = xcalloc(1, sizeof *part->distant);
	return part->distant;
}

static struct distant *
find_file(struct part *part, const char *path)
{
	struct distant *file;

	HASH_FIND_STR(files_of(part)->files, path, file);
	return file;
}

static struct distant *
make_file(struct part *part, const char *path)
{
	struct distant *file = find_file(part, path);

	if (file)
		return file;
	file = xcalloc(1, sizeof *file);
	file->path = xstrdup(path);
	HASH_ADD_KEYPTR(hh, files_of(part)->files, file->path, strlen(file->path), file);
	return file;
}

static void
file_free(struct part *part, struct distant *file)
{
	HASH_DEL(part->distant->files, file);
	free(file->path);
	free(file);
}

static void
clear(struct part *part)
{
	struct distant *file, *next;

	HASH_ITER(hh, part->distant->files, file, next)
		file_free(part, file);
	part->distant->known = part->distant->reading = part->distant->more = false;
	part->distant->asking = 0;
	part->distant->look++;
}

void
distant_release(struct part *part)
{
	if (!part->distant)
		return;
	clear(part);
	free(part->distant);
	part->distant = NULL;
}

static void
compare_later(struct orchestrator *orch, int64_t after_us)
{
	if (!loop_timer_active(&orch->distant_timer))
		loop_timer_start(&orch->distant_timer, after_us);
}

/* --- asking the owner -------------------------------------------------------------- */

struct telling {
	struct part *part;
	char *path;
	char sha256[SHA256_HEX_SIZE];
	unsigned look;
};

static struct telling *
telling_new(struct part *part, const char *path, const char *sha256)
{
	struct telling *telling = xcalloc(1, sizeof *telling);

	*telling = (struct telling){ .part = part, .path = xstrdup(path),
		.look = files_of(part)->look };
	snprintf(telling->sha256, sizeof telling->sha256, "%s", sha256);
	return telling;
}

/* The file as it is known now; NULL: all of it was read anew, or it is gone. */
static struct distant *
telling_end(struct telling *telling)
{
	struct part *part = telling->part;
	bool stale = !part->distant || part->distant->look != telling->look;
	struct distant *file = stale ? NULL : find_file(part, telling->path);

	free(telling->path);
	free(telling);
	return file;
}

/* Told once; tried again with all the others, as long as the owner is too full not sooner. */
static void
wait_outside(struct part *part, struct distant *file, const struct err *why)
{
	if (!file->why[0]) {
		file->waits_since_ms = clock_wall_ms();
		log_info("dropped file waits", KV_S("file", file->path), KV_S("why", why->text));
	}
	snprintf(file->why, sizeof file->why, "%.199s", why->text);
	part->distant->full_until_ms = clock_mono_us() / CLOCK_MS + FULL_US / CLOCK_MS;
	compare_later(part->orch, FULL_US);
}

json_t *
distant_waiting(struct part *part, const char *path)
{
	struct distant *file = part->distant ? find_file(part, path) : NULL;

	if (!file || !file->why[0])
		return NULL;
	return json_pack("{s:o, s:s}", "since", view_time(file->waits_since_ms), "detail",
	    file->why);
}

static void
on_told(void *arg, json_t *body, const struct err *err)
{
	struct telling *telling = arg;
	struct part *part = telling->part;
	const char *value = json_string_value(json_object_get(body, "value"));
	char sha256[SHA256_HEX_SIZE];
	struct distant *file;

	memcpy(sha256, telling->sha256, sizeof sha256);
	file = telling_end(telling);
	if (file && part->distant->asking-- > 0 && part->distant->more)
		compare_later(part->orch, 1);
	if (file)
		file->asking = false;
	if (file && value)
		snprintf(file->value, sizeof file->value, "%s", value);
	if (file && err->code != ERR_SHED)
		file->why[0] = '\0';
	if (err->code == ERR_UNAVAILABLE) {
		compare_later(part->orch, FAILED_US);
	} else if (err->code == ERR_SHED) {
		if (file)
			wait_outside(part, file, err);
	} else if (err->code < 0 && file) {
		memcpy(file->refused, sha256, sizeof file->refused);
		log_error("dropped file starts no run", KV_S("file", file->path),
		    KV_S("why", err->text));
	} else if (file && !catalog_same(file->value, sha256)) {
		compare_later(part->orch, AGAIN_US);
	}
	json_decref(body);
}

struct sending {
	struct telling *telling;
	struct workflow *wf;
	char last[DROP_VALUE_SIZE];
};

static void
on_sent(void *arg, const struct err *err)
{
	static const struct facade_actor DROP = { "drop", "operate", "drop" };
	struct sending *sending = arg;
	struct telling *telling = sending->telling;

	if (err->code < 0)
		on_told(telling, NULL, err);
	else
		command_go(command_new(telling->part->orch, telling->part->partition, "drop",
		    json_pack("{s:s, s:s, s:s, s:s}", "path", telling->path, "def",
		        sending->wf->sha256, "workflow", sending->wf->name, "last", sending->last),
		    &DROP, on_told, telling));
	workflow_unref(sending->wf);
	free(sending);
}

bool
distant_drop(struct part *part, const char *path, struct workflow *wf)
{
	struct distant_files *files = files_of(part);
	struct distant *file = find_file(part, path);
	struct sending *sending;

	if (partition_state(part->partition) != PARTITION_STANDBY || !files->known)
		return false; /* compared once it is known who owns it, and what */
	if (file && (file->asking || catalog_same(file->value, wf->sha256) ||
	        strcmp(file->refused, wf->sha256) == 0))
		return true;
	if (clock_mono_us() / CLOCK_MS < files->full_until_ms)
		return false;
	files->more = files->asking >= ASKING_MAX;
	if (files->more)
		return false;
	file = make_file(part, path);
	file->asking = true;
	files->asking++;
	sending = xcalloc(1, sizeof *sending);
	sending->telling = telling_new(part, path, wf->sha256);
	sending->wf = workflow_ref(wf);
	memcpy(sending->last, file->value, sizeof sending->last);
	orchestrator_send_definitions(part->orch, part->partition, &sending->wf, 1, on_sent, sending);
	return true;
}

/* --- a file is gone ------------------------------------------------------------------- */

static void
on_forgotten(void *arg, json_t *body, const struct err *err)
{
	struct part *part = arg;

	json_decref(body);
	if (err->code == 0 || !part->distant)
		return;
	part->distant->known = false; /* what is left is found again */
	compare_later(part->orch, FAILED_US);
}

bool
distant_forget(struct part *part, const char *path)
{
	static const struct facade_actor DROP = { "drop", "operate", "drop" };
	struct distant *file = find_file(part, path);
	json_t *body;

	if (partition_state(part->partition) != PARTITION_STANDBY || !files_of(part)->known)
		return false;
	if (!file)
		return true;
	body = json_pack("{s:s, s:s}", "path", path, "last", file->value);
	if (file->asking)
		part->distant->asking--;
	file_free(part, file);
	command_go(command_new(part->orch, part->partition, "forget", body, &DROP, on_forgotten,
	    part));
	return true;
}

static void
forget_gone(struct part *part)
{
	struct distant *file, *next;

	HASH_ITER(hh, part->distant->files, file, next) {
		if (!file->asking && !registry_has_drop(part->orch->registry, file->path))
			(void)distant_forget(part, file->path);
	}
}

/* --- what Redis knows ------------------------------------------------------------------- */

struct scan {
	struct part *part;
	unsigned look;
};

static void scan_page(struct part *part, const char *cursor);

static void
take_page(struct part *part, const struct redisReply *page)
{
	struct reply_text path, value;

	for (size_t i = 0; i < reply_pairs(page); i++) {
		struct distant *file;

		if (reply_pair(page, i, &path, &value, NULL) < 0 ||
		    !registry_owns_drop(part->orch->registry, path.text))
			continue;
		file = make_file(part, path.text);
		snprintf(file->value, sizeof file->value, "%s", value.text);
	}
}

static void
on_page(void *arg, const struct redisReply *reply, const struct err *err)
{
	struct scan *scan = arg;
	struct part *part = scan->part;
	bool stale = !part->distant || part->distant->look != scan->look;
	const char *cursor = "0";
	size_t len;

	(void)err;
	free(scan);
	if (stale)
		return;
	part->distant->reading = false;
	if (!reply || reply_str(reply_at(reply, 0), &cursor, &len, NULL) < 0) {
		compare_later(part->orch, FAILED_US);
		return;
	}
	take_page(part, reply_at(reply, 1));
	if (strcmp(cursor, "0") != 0) {
		scan_page(part, cursor);
		return;
	}
	part->distant->known = true;
	orchestrator_catalog_changed(part->orch);
	compare_later(part->orch, 1);
}

static void
scan_page(struct part *part, const char *cursor)
{
	char *key = key_make(&partition_store(part->partition)->keys, "drop", NULL);
	struct scan *scan = xcalloc(1, sizeof *scan);

	*scan = (struct scan){ part, part->distant->look };
	part->distant->reading = redis_port_send(orchestrator_queries(part->orch), 5,
	    (const char *const[]){ "HSCAN", key, cursor, "COUNT", "500" }, NULL, TIMEOUT_MS, on_page,
	    scan) == 0;
	if (!part->distant->reading) {
		free(scan);
		compare_later(part->orch, FAILED_US);
	}
	free(key);
}

void
distant_compare(struct part *part, bool scanned)
{
	struct distant_files *files = files_of(part);

	if (partition_state(part->partition) != PARTITION_STANDBY || !part->orch->registry)
		return;
	if (!files->known && !files->reading) {
		clear(part);
		scan_page(part, "0");
	} else if (files->known && scanned) {
		forget_gone(part);
	}
}
