/* SPDX-License-Identifier: MIT */
/* Keeps for each workflow name the last good definition of a watched folder. */
#include "orchestrator/registry.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "model/faults.h"
#include "model/load.h"
#include "orchestrator/folder.h"

#include <uthash.h>

#define FOLDER_ID_SIZE 17
#define DELETED_KEPT 1000 /* files that are listed though they are gone */

struct entry {
	struct registry_entry pub; /* first: an entry is what others see of it */
	UT_hash_handle hh;         /* in by_name, while it owns its name */
	struct source *source;
	struct entry *next;        /* of the same file */
	bool owns_name;
	bool seen;                 /* in the content that is being taken over */
};

/* One file, also after it was deleted (its workflows stay listed). */
struct source {
	UT_hash_handle hh;
	char *name;
	char *path;
	struct entry *entries;
	bool there;
	bool bad;      /* its newest content, or a part of it, is not in use */
	bool conflict; /* because another file owns a name */
	enum standing { NOT_THERE, GOOD, BAD, STANDINGS } standing; /* as counted */
};

struct registry {
	struct registry_config config;
	struct model_limits limits;
	struct folder *folder;
	struct source *sources; /* by file name */
	struct entry *by_name;
	size_t count[STANDINGS]; /* of sources */
	bool conflicts;          /* there may be some */
	char **unforgotten;      /* drop paths that on_forget did not take */
	size_t n_unforgotten, cap_unforgotten;
	uint64_t version;
	char *path;
	char id[FOLDER_ID_SIZE];
};

/* --- entries --- */

static void
tell(struct registry *registry, enum registry_change change, const struct entry *entry)
{
	registry->version++;
	if (registry->config.fns.on_change)
		registry->config.fns.on_change(registry->config.fns.arg, change, &entry->pub);
}

static struct entry *
entry_add(struct registry *registry, struct source *source, const char *name)
{
	struct entry *entry = xcalloc(1, sizeof *entry), **end = &source->entries;

	entry->source = source;
	entry->pub.name = xstrdup(name);
	entry->pub.file = xstrdup(source->path);
	entry->pub.drop_path = xasprintf("%s/%s#%s", registry->id, source->name, name);
	while (*end)
		end = &(*end)->next;
	*end = entry;
	return entry;
}

static struct entry *
entry_of(struct source *source, const char *name)
{
	struct entry *entry = source->entries;

	while (entry && strcmp(entry->pub.name, name) != 0)
		entry = entry->next;
	return entry;
}

static void
give_name_back(struct registry *registry, struct entry *entry)
{
	if (entry->owns_name)
		HASH_DEL(registry->by_name, entry);
	entry->owns_name = false;
}

static void
entry_free(struct registry *registry, struct entry *entry)
{
	give_name_back(registry, entry);
	workflow_unref(entry->pub.workflow);
	free(entry->pub.name);
	free(entry->pub.file);
	free(entry->pub.error);
	free(entry->pub.drop_path);
	free(entry);
}

/* Takes an entry out of its file. */
static void
entry_drop(struct registry *registry, struct entry *entry)
{
	struct entry **at = &entry->source->entries;

	while (*at != entry)
		at = &(*at)->next;
	*at = entry->next;
	entry_free(registry, entry);
}

static struct entry *
name_owner(const struct registry *registry, const char *name)
{
	struct entry *entry;

	HASH_FIND_STR(registry->by_name, name, entry);
	return entry;
}

static void
entry_set_error(struct registry *registry, struct entry *entry, const char *text)
{
	free(entry->pub.error);
	entry->pub.error = xstrdup(text);
	entry->source->bad = true;
	if (entry->pub.enabled)
		log_warn("the last good version stays in use",
		    KV_S("workflow", entry->pub.name), KV_S("file", entry->pub.file));
	tell(registry, REGISTRY_ERROR, entry);
}

static bool
tell_forget(const struct registry *registry, const char *drop_path)
{
	const struct registry_fns *fns = &registry->config.fns;

	return !fns->on_forget || fns->on_forget(fns->arg, drop_path);
}

static void
forget(struct registry *registry, const char *drop_path)
{
	if (tell_forget(registry, drop_path))
		return;
	GROW(registry->unforgotten, registry->n_unforgotten, registry->cap_unforgotten);
	registry->unforgotten[registry->n_unforgotten++] = xstrdup(drop_path);
}

static void
forget_again(struct registry *registry)
{
	size_t kept = 0;

	for (size_t i = 0; i < registry->n_unforgotten; i++)
		if (tell_forget(registry, registry->unforgotten[i]))
			free(registry->unforgotten[i]);
		else
			registry->unforgotten[kept++] = registry->unforgotten[i];
	registry->n_unforgotten = kept;
}

static void
entry_disable(struct registry *registry, struct entry *entry)
{
	bool was = entry->pub.enabled;

	give_name_back(registry, entry);
	if (was)
		forget(registry, entry->pub.drop_path);
	if (!entry->pub.workflow) {
		tell(registry, REGISTRY_REMOVED, entry);
		entry_drop(registry, entry);
		return;
	}
	entry->pub.enabled = false;
	free(entry->pub.error);
	entry->pub.error = NULL;
	if (was) {
		log_info("workflow removed", KV_S("workflow", entry->pub.name),
		    KV_S("file", entry->pub.file));
		tell(registry, REGISTRY_REMOVED, entry);
	}
}

/* --- one file's new content --- */

static void
log_faults(const char *text)
{
	const char *end;
	char *line;

	for (; *text; text = *end ? end + 1 : end) {
		end = text + strcspn(text, "\n");
		line = xstrndup(text, (size_t)(end - text));
		log_error(line);
		free(line);
	}
}

static void
source_free(struct registry *registry, struct source *source)
{
	while (source->entries)
		entry_drop(registry, source->entries);
	HASH_DEL(registry->sources, source);
	free(source->name);
	free(source->path);
	free(source);
}

static void
forget_deleted(struct registry *registry)
{
	struct source *source, *next;

	HASH_ITER(hh, registry->sources, source, next)
		if (source->standing == NOT_THERE &&
		    registry->count[NOT_THERE] > DELETED_KEPT) {
			registry->count[NOT_THERE]--;
			source_free(registry, source);
		}
}

static struct source *
source_get(struct registry *registry, const char *name)
{
	struct source *source;

	HASH_FIND_STR(registry->sources, name, source);
	if (source)
		return source;
	source = xcalloc(1, sizeof *source);
	source->name = xstrdup(name);
	source->path = xasprintf("%s/%s", registry->path, name);
	HASH_ADD_KEYPTR(hh, registry->sources, source->name, strlen(source->name), source);
	registry->count[NOT_THERE]++;
	return source;
}

/* Counts a file anew, and forgets the oldest of the deleted ones when they are many. */
static void
recount(struct registry *registry, struct source *source)
{
	registry->count[source->standing]--;
	source->standing = !source->there ? NOT_THERE : source->bad ? BAD : GOOD;
	registry->count[source->standing]++;
	if (registry->config.metrics) {
		metrics_set(registry->config.metrics, METRIC_WORKFLOW_FILES,
		    registry->count[GOOD]);
		metrics_set(registry->config.metrics, METRIC_WORKFLOW_FILES_BAD,
		    registry->count[BAD]);
	}
	if (registry->count[NOT_THERE] > 2 * DELETED_KEPT)
		forget_deleted(registry);
}

/* The content cannot be used: all that the file defined keeps its last good version. */
static void
source_refuse(struct registry *registry, struct source *source, const char *text)
{
	struct entry *entry, *next;
	char *stem;

	source->bad = true;
	if (!source->entries) {
		stem = xstrndup(source->name, strcspn(source->name, "."));
		entry_add(registry, source, stem);
		free(stem);
	}
	for (entry = source->entries; entry; entry = next) {
		next = entry->next;
		entry_set_error(registry, entry, text);
	}
}

static void
take_conflict(struct registry *registry, struct source *source, const struct workflow *wf,
    const struct entry *owner)
{
	struct entry *entry = entry_of(source, wf->name);
	char *text;

	if (owner->source == source) {
		text = xasprintf("%s:1:1: error: the name '%s' stands twice in this file",
		    source->path, wf->name);
	} else {
		text = xasprintf("%s:1:1: error: '%s' defines a workflow '%s' already; give this "
		    "one another name", source->path, owner->pub.file, wf->name);
		source->conflict = registry->conflicts = true;
	}
	source->bad = true;
	log_faults(text);
	if (!entry)
		entry = entry_add(registry, source, wf->name);
	entry->seen = true;
	entry_set_error(registry, entry, text);
	free(text);
}

/* wf's reference goes to the entry. */
static void
take_good(struct registry *registry, struct source *source, struct workflow *wf)
{
	struct entry *entry = entry_of(source, wf->name);
	bool news;

	if (!entry)
		entry = entry_add(registry, source, wf->name);
	news = !entry->pub.enabled || entry->pub.error || !entry->pub.workflow ||
	    strcmp(entry->pub.workflow->sha256, wf->sha256) != 0;
	if (!entry->owns_name)
		HASH_ADD_KEYPTR(hh, registry->by_name, entry->pub.name,
		    strlen(entry->pub.name), entry);
	workflow_unref(entry->pub.workflow);
	free(entry->pub.error);
	entry->pub.workflow = wf;
	entry->pub.error = NULL;
	entry->pub.enabled = entry->owns_name = entry->seen = true;
	if (news) {
		entry->pub.loaded_at_ms = clock_wall_ms();
		log_info("workflow loaded", KV_S("workflow", wf->name),
		    KV_S("file", source->path), KV_I("tasks", wf->n_tasks));
		tell(registry, REGISTRY_LOADED, entry);
	}
	if ((wf->on & WORKFLOW_ON_DROP) && registry->config.fns.on_drop)
		registry->config.fns.on_drop(registry->config.fns.arg, entry->pub.drop_path, wf);
}

/* A name became free: the files that wanted it are read again. */
static void
retry_conflicts(struct registry *registry)
{
	struct source *source;

	if (!registry->conflicts)
		return;
	registry->conflicts = false; /* those that remain say so again */
	for (source = registry->sources; source; source = source->hh.next)
		if (source->there && source->conflict)
			folder_reread(registry->folder, source->name);
}

static void
source_take(struct registry *registry, struct source *source, struct workflow **list, size_t n)
{
	struct entry *entry, *next;
	bool freed = false;

	source->bad = source->conflict = false;
	for (entry = source->entries; entry; entry = entry->next)
		entry->seen = false;
	for (size_t i = 0; i < n; i++) {
		struct entry *owner = name_owner(registry, list[i]->name);

		if (owner && (owner->source != source || owner->seen))
			take_conflict(registry, source, list[i], owner);
		else
			take_good(registry, source, workflow_ref(list[i]));
	}
	for (entry = source->entries; entry; entry = next) {
		next = entry->next;
		if (entry->seen)
			continue;
		freed = freed || entry->owns_name;
		entry_disable(registry, entry);
	}
	if (freed)
		retry_conflicts(registry);
}

/* --- what the folder says --- */

static void
folder_text(void *arg, const char *name, const char *text, size_t len)
{
	struct registry *registry = arg;
	struct source *source = source_get(registry, name);
	struct workflow **list = NULL;
	struct faults faults = { 0 };
	struct buf lines = { 0 };
	size_t n = 0;
	int code = workflow_load(source->path, text, len, &registry->limits, &faults, &list, &n);

	source->there = true;
	faults_render(&faults, source->path, &lines);
	if (code) {
		log_faults(buf_text(&lines));
		source_refuse(registry, source, buf_text(&lines));
	} else {
		if (lines.len > 0)
			log_warn("workflow file has warnings", KV_S("warnings", lines.data));
		source_take(registry, source, list, n);
		workflow_list_free(list, n);
	}
	recount(registry, source);
	faults_release(&faults);
	buf_release(&lines);
}

static void
folder_unreadable(void *arg, const char *name, const struct err *err)
{
	struct registry *registry = arg;
	struct source *source = source_get(registry, name);
	char *text = xasprintf("%s:1:1: error: %s", source->path, err->text);

	source->there = true;
	log_faults(text);
	source_refuse(registry, source, text);
	recount(registry, source);
	free(text);
}

static void
folder_removed(void *arg, const char *name)
{
	struct registry *registry = arg;
	struct source *source = source_get(registry, name);
	struct entry *entry, *next;

	source->there = source->bad = source->conflict = false;
	for (entry = source->entries; entry; entry = next) {
		next = entry->next;
		entry_disable(registry, entry);
	}
	retry_conflicts(registry);
	recount(registry, source);
}

static void
folder_read(void *arg)
{
	struct registry *registry = arg;

	if (registry->config.fns.on_scanned)
		registry->config.fns.on_scanned(registry->config.fns.arg);
}

/* --- from outside --- */

int
registry_new(struct loop *loop, const struct registry_config *config,
    struct registry **ret_registry, struct err *err)
{
	static const struct model_limits defaults = MODEL_LIMITS_DEFAULT;
	struct registry *registry = xcalloc(1, sizeof *registry);
	struct folder_fns fns = { folder_text, folder_unreadable, folder_removed, folder_read,
		registry };
	int code;

	registry->config = *config;
	registry->limits = config->limits ? *config->limits : defaults;
	registry->path = xstrdup(config->folder);
	code = folder_new(loop, config->folder, registry->limits.file_bytes, &fns,
	    &registry->folder, err);
	if (code) {
		registry_free(registry);
		return code;
	}
	folder_identify(registry->path, registry->id);
	*ret_registry = registry;
	return 0;
}

void
registry_free(struct registry *registry)
{
	struct source *source, *next;

	if (!registry)
		return;
	folder_free(registry->folder);
	HASH_ITER(hh, registry->sources, source, next)
		source_free(registry, source);
	for (size_t i = 0; i < registry->n_unforgotten; i++)
		free(registry->unforgotten[i]);
	free(registry->unforgotten);
	free(registry->path);
	free(registry);
}

const struct registry_entry *
registry_find(const struct registry *registry, const char *name)
{
	const struct entry *entry = name_owner(registry, name);

	return entry ? &entry->pub : NULL;
}

static int
by_name(const void *a, const void *b)
{
	const struct registry_entry *const *x = a, *const *y = b;
	int order = strcmp((*x)->name, (*y)->name);

	return order ? order : strcmp((*x)->file, (*y)->file);
}

void
registry_each(const struct registry *registry, registry_fn *fn, void *arg)
{
	const struct registry_entry **list = NULL;
	size_t n = 0, cap = 0;

	for (struct source *source = registry->sources; source; source = source->hh.next)
		for (struct entry *entry = source->entries; entry; entry = entry->next) {
			/* What was deleted gives way to its successor of that name. */
			if (!source->there && name_owner(registry, entry->pub.name))
				continue;
			GROW(list, n, cap);
			list[n++] = &entry->pub;
		}
	if (n > 0)
		qsort(list, n, sizeof(const struct registry_entry *), by_name);
	for (size_t i = 0; i < n; i++)
		fn(arg, list[i]);
	free(list);
}

uint64_t
registry_version(const struct registry *registry)
{
	return registry->version;
}

bool
registry_scanned(const struct registry *registry)
{
	return folder_scanned(registry->folder);
}

const char *
registry_folder(const struct registry *registry)
{
	return registry->path;
}

const char *
registry_folder_id(const struct registry *registry)
{
	return registry->id;
}

void
registry_drop_all(struct registry *registry)
{
	const struct registry_fns *fns = &registry->config.fns;

	forget_again(registry);
	for (struct entry *entry = registry->by_name; entry; entry = entry->hh.next)
		if ((entry->pub.workflow->on & WORKFLOW_ON_DROP) && fns->on_drop)
			fns->on_drop(fns->arg, entry->pub.drop_path, entry->pub.workflow);
}

bool
registry_owns_drop(const struct registry *registry, const char *drop_path)
{
	size_t id_len = strlen(registry->id);

	return strncmp(drop_path, registry->id, id_len) == 0 && drop_path[id_len] == '/';
}

bool
registry_has_drop(const struct registry *registry, const char *drop_path)
{
	size_t id_len = strlen(registry->id);
	const char *name = drop_path + id_len + 1, *hash = strrchr(drop_path, '#');
	struct source *source;
	struct entry *entry;
	char *file;
	bool there;

	if (strncmp(drop_path, registry->id, id_len) != 0 || drop_path[id_len] != '/' || !hash ||
	    hash < name)
		return true; /* another folder's */
	file = xstrndup(name, (size_t)(hash - name));
	HASH_FIND_STR(registry->sources, file, source);
	there = (source && source->there) || folder_has(registry->folder, file);
	free(file);
	if (!source || !source->there)
		return there; /* not read yet: somebody still writes it */
	entry = entry_of(source, hash + 1);
	return source->bad || (entry && entry->pub.enabled);
}
