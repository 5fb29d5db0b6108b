/* SPDX-License-Identifier: MIT */
/* The invariants: what must hold after each commit, while all is idle, and at the end. */
#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "fake_private.h"
#include "orchestrator/partition_private.h"
#include "store/record.h"
#include "unpack.h"
#include "world.h"

#define COMMIT_ENTRIES (COMMIT_CHANGES + 250)

/* --- after each commit ---------------------------------------------------------------- */

struct open_task {
	char name[120];
	UT_hash_handle hh;
};

static void
open_task_add(struct world *world, struct open_task **all, const struct entry *entry)
{
	struct open_task *task, *found;

	task = xcalloc(1, sizeof *task);
	snprintf(task->name, sizeof task->name, "%s/%s", entry->fields[1].data,
	    entry->fields[3].data);
	HASH_FIND_STR(*all, task->name, found);
	if (found)
		world_fail(world, "two attempts of %s are outstanding", task->name);
	HASH_ADD_STR(*all, name, task);
}

static bool
is_open(const struct stream *stream, const struct entry *entry)
{
	const struct group *group = stream->n_groups ? &stream->groups[0] : NULL;

	if (!group || stream_id_cmp(entry->id, group->delivered) > 0)
		return true;
	for (size_t i = 0; i < group->n_pending; i++) {
		if (stream_id_cmp(group->pending[i].id, entry->id) == 0)
			return true;
	}
	return false;
}

struct object *
check_find(struct world *world, const char *name)
{
	char key[120];

	snprintf(key, sizeof key, "reeve:{0}:%s", name);
	return object_find(world->redis, key, strlen(key));
}

static struct object *
find_queue(struct world *world, unsigned type)
{
	char name[40];

	snprintf(name, sizeof name, "q:%s", type_name(type));
	return check_find(world, name);
}

bool
check_is_outstanding(struct world *world, unsigned type, const char *token)
{
	struct object *object = find_queue(world, type);
	bool found = false;

	for (size_t i = object ? object->stream.head : 0; object && i < object->stream.len; i++)
		found = found || (strcmp(object->stream.entries[i].fields[7].data, token) == 0 &&
		    is_open(&object->stream, &object->stream.entries[i]));
	return found;
}

static uint32_t
high_water(const struct world *world, unsigned type)
{
	uint32_t own = world->limits[type].rule.high_water;

	return own ? own : world->shape.window;
}

static void
check_queues(struct world *world)
{
	struct open_task *all = NULL, *task, *next;
	uint32_t used[POOLS] = { 0 };

	for (unsigned type = 0; type < TYPES; type++) {
		struct object *object = find_queue(world, type);
		size_t open = 0;

		for (size_t i = object ? object->stream.head : 0; object && i < object->stream.len;
		     i++) {
			if (!is_open(&object->stream, &object->stream.entries[i]))
				continue;
			open_task_add(world, &all, &object->stream.entries[i]);
			pools_count(world, &object->stream.entries[i], used);
			open++;
		}
		if (open > high_water(world, type))
			world_fail(world, "%zu entries are outstanding for %s, the high water is %u", open,
			    type_name(type), high_water(world, type));
	}
	pools_check(world, used);
	HASH_ITER(hh, all, task, next) {
		HASH_DEL(all, task);
		free(task);
	}
}

/* The entries that a commit adds, by its arguments (wire/lua/commit.lua). */
static long
number_of(const char *text)
{
	return strtol(text, NULL, 10);
}

struct commit_walk
check_adds(const char *const *argv)
{
	const char *const *at = argv + 2 + 4;
	long n;

	at += 1 + 2 * number_of(*at); /* types */
	for (n = number_of(*at++); n > 0; n--) /* runs */
		at += 3 + number_of(at[2]) + number_of(at[1]) * (1 + number_of(at[2]));
	at += 1 + 2 * number_of(*at); /* groups */
	return (struct commit_walk){ at + 1, number_of(*at), 1 };
}

bool
check_next_add(struct commit_walk *walk, struct commit_add *ret_add)
{
	const char *const *at = walk->at;

	while (walk->n == 0 && walk->sections > 0) {
		walk->n = number_of(*at++);
		walk->sections--;
	}
	if (walk->n == 0)
		return false;
	walk->n--;
	ret_add->key = at[0];
	ret_add->n_words = number_of(at[2]);
	ret_add->n_places = number_of(at[3]);
	ret_add->entries = number_of(at[4]);
	ret_add->words = at + 5;
	ret_add->places = ret_add->words + ret_add->n_words;
	ret_add->values = ret_add->places + ret_add->n_places;
	walk->at = ret_add->values + ret_add->n_places * ret_add->entries;
	return true;
}

const char *
check_added(const struct commit_add *add, const char *field)
{
	long place = 2;

	while (place <= add->n_words && strcmp(add->words[place - 2], field) != 0)
		place++;
	for (long k = 0; k < add->n_places; k++) {
		if (number_of(add->places[k]) == place)
			return add->values[(add->entries - 1) * add->n_places + k];
	}
	return add->words[place - 1];
}

static long
count_added(const char *const *argv)
{
	struct commit_walk walk = check_adds(argv);
	struct commit_add add;
	long added = 0;

	while (check_next_add(&walk, &add))
		added += add.entries;
	return added;
}

void
check_commit(struct world *world, int argc, const char *const *argv)
{
	struct unpacked args = unpack_args(argc, argv, NULL, 2 + 4);

	check_kept(world);
	check_passed(world);
	if (count_added(args.v) > COMMIT_ENTRIES)
		world_fail(world, "a commit adds %ld entries", count_added(args.v));
	/* without its group one cannot tell what of a stream is outstanding */
	if (world->harmed_at < 0)
		check_queues(world);
	check_limits(world, args.v);
	unpacked_release(&args);
}

/* --- memory is what Redis holds --------------------------------------------------------- */

struct question {
	redisReply *reply;
	redis_reply_fn *fn;
	void *arg;
};

/* Answers at once, but never from inside send. */
struct sync_port {
	struct redis_port port; /* first */
	struct fake_redis *redis;
	struct question *items;
	size_t n, cap;
};

static int
sync_send(struct redis_port *port, int argc, const char *const *argv, const size_t *lens,
    int64_t timeout_ms, redis_reply_fn *fn, void *arg)
{
	struct sync_port *sync = (struct sync_port *)port;
	size_t *own = xcalloc((size_t)argc, sizeof *own);

	(void)timeout_ms;
	for (int i = 0; !lens && i < argc; i++)
		own[i] = strlen(argv[i]);
	GROW(sync->items, sync->n, sync->cap);
	sync->items[sync->n++] = (struct question){
		fake_redis_run(sync->redis, argc, argv, lens ? lens : own), fn, arg };
	free(own);
	return 0;
}

struct loaded {
	struct world *world;
	struct daemon *daemon;
	bool done;
	struct run *run; /* check_read_run() */
};

static void
load_done(void *arg, const struct err *err, struct stream_id cursor)
{
	struct loaded *loaded = arg;

	(void)cursor;
	if (err->code < 0)
		world_fail(loaded->world, "the state cannot be loaded: %s", err->text);
	loaded->done = true;
}

static void
load_drop(void *arg, const char *field, const char *value)
{
	(void)arg;
	(void)field;
	(void)value;
}

static void
load_bad_key(void *arg, const char *key, const char *what)
{
	world_fail(((struct loaded *)arg)->world, "%s cannot be read: %s", key, what);
}

static void
load_now(void *arg, struct moment *ret_now)
{
	partition_moment(((struct loaded *)arg)->daemon->partition, ret_now);
}

/* It really owns, and nothing that it sent is under way. */
static bool
owns_now(struct world *world, const struct partition *p)
{
	struct object *fence = check_find(world, "fence");
	char text[80], token[TOKEN_SIZE];

	snprintf(text, sizeof text, "%s:%llu:", token_format(p->nonce, token),
	    (unsigned long long)p->seq);
	return fence && p->commands_up && strncmp(fence->string.data, text, strlen(text)) == 0;
}

void
check_same_load(struct world *world, struct daemon *daemon)
{
	struct partition *p = daemon->partition;
	struct loaded loaded = { world, daemon, false, NULL };
	const struct load_fns fns = { .done = load_done, .on_drop = load_drop,
		.on_bad = load_bad_key, .now = load_now, .arg = &loaded };
	struct sync_port port = { .port = { sync_send, NULL }, .redis = world->redis };
	struct effects effects = { 0 };
	struct engine *engine;
	struct store store;
	struct rng rng;

	if (!world->redis_up || !owns_now(world, p) || p->n_withdrawals > 0)
		return;
	rng_init(&rng, 1);
	store_init(&store, NULL, 0);
	engine = engine_new(&p->config.engine, &rng);
	load_start(&store, engine, &port.port, &effects, &fns);
	for (size_t i = 0; i < port.n; i++) {
		struct question question = port.items[i];

		question.fn(question.arg, question.reply, NULL);
		freeReplyObject(question.reply);
	}
	if (!loaded.done)
		world_fail(world, "a load never ends");
	check_same_engine(world, p->engine, engine);
	effects_release(&effects);
	engine_free(engine);
	store_release(&store);
	free(port.items);
}

/* Where nobody meddled and nothing was lost there is nothing to repair. */
void
check_audit(struct world *world, const struct daemon *daemon)
{
	if (world->harmed_at >= 0 || world->lost_at >= 0)
		return;
	for (int kind = 0; kind < AUDIT_KINDS; kind++) {
		if (kind != AUDIT_ENTRY_UNOWNED && kind != AUDIT_GROUP &&
		    daemon->metrics.value[METRIC_AUDIT_ENTRY_GONE + kind] > 0)
			world_fail(world, "the audit of %s found %s where nothing was wrong", daemon->name,
			    audit_kind_name((enum audit_kind)kind));
	}
}

/* --- the end ------------------------------------------------------------------------------ */

bool
check_all_ended(struct world *world)
{
	bool serves = false;

	if (!world->redis_up || check_find(world, "live"))
		return false;
	for (size_t i = 0; i < DAEMONS; i++) {
		struct daemon *daemon = &world->daemons[i];

		if (daemon_serves(daemon) && commits_idle(daemon->partition))
			serves = true;
	}
	return serves;
}

static void
load_run(void *arg, struct run *run, const struct run_head *head)
{
	(void)head;
	((struct loaded *)arg)->run = run_ref(run);
}

bool
check_owns(struct world *world, const struct daemon *daemon)
{
	return world->redis_up && owns_now(world, daemon->partition) &&
	    commits_idle(daemon->partition);
}

struct run *
check_read_run(struct world *world, struct daemon *daemon, struct engine *engine,
    const char *id)
{
	struct loaded loaded = { world, daemon, false, NULL };
	const struct load_fns fns = { .done = load_done, .on_drop = load_drop,
		.on_bad = load_bad_key, .now = load_now, .on_run = load_run, .arg = &loaded };
	struct sync_port port = { .port = { sync_send, NULL }, .redis = world->redis };
	struct effects effects = { 0 };

	load_one(&daemon->partition->store, engine, &port.port, &effects, &fns, id);
	for (size_t i = 0; i < port.n; i++) {
		struct question question = port.items[i];

		question.fn(question.arg, question.reply, NULL);
		freeReplyObject(question.reply);
	}
	effects_release(&effects);
	free(port.items);
	return loaded.run;
}

/* --- the oracle: what a graph comes to, from the ends of its tasks alone ---------------------- */

struct verdict {
	char *states; /* a letter a task: s f k c, or 0 */
	struct run_head head;
};

static const struct member *
field(const struct object *object, const char *name)
{
	struct member *member;

	HASH_FIND_STR(object->members, name, member);
	return member;
}

static void
check_told(struct world *world, const struct asked *asked, uint32_t task,
    const struct task_record *record)
{
	char token[TOKEN_SIZE];
	struct told *told;
	unsigned kinds;

	HASH_FIND_STR(world->told, token_format(record->token, token), told);
	kinds = told ? told->kinds : 0;
	if (record->state == TASK_SUCCEEDED && !(kinds & TOLD_DONE))
		world_fail(world, "%s/%s succeeded, but nobody said so", asked->id.text,
		    asked->wf->tasks[task].id);
	if (record->state == TASK_FAILED && record->attempt > 0 && kinds == 0 && !record->timed_out &&
	    record->category == CATEGORY_EXIT)
		world_fail(world, "%s/%s failed, but nobody said so", asked->id.text,
		    asked->wf->tasks[task].id);
}

/* Outputs are stored before anybody asks for them. */
static void
check_fetched(struct world *world, const struct asked *asked, const struct object *object,
    uint32_t task)
{
	const struct member *error;
	char name[12];

	snprintf(name, sizeof name, "e%u", task);
	error = field(object, name);
	if (!asked->restored && error && strstr(error->value.data, "not in redis"))
		world_fail(world, "%s/%s: %s", asked->id.text, asked->wf->tasks[task].id,
		    error->value.data);
}

static void
read_tasks(struct world *world, const struct asked *asked, const struct object *object,
    char *states)
{
	for (uint32_t i = 0; i < asked->wf->n_tasks; i++) {
		const struct member *member;
		struct task_record record;
		const char *tail;
		char name[12], *agent = NULL;

		snprintf(name, sizeof name, "%u", i);
		member = field(object, name);
		if (!member)
			continue;
		if (!task_record_read(member->value.data, member->value.len, &record, &agent, &tail))
			world_fail(world, "%s/%u: its record cannot be read", asked->id.text, i);
		free(agent);
		check_told(world, asked, i, &record);
		check_fetched(world, asked, object, i);
		if (record.state == TASK_SUCCEEDED)
			states[i] = 's';
		else if (record.state == TASK_FAILED)
			states[i] = 'f';
		else if (record.state == TASK_CANCELLED)
			states[i] = 'c';
		else if (record.state == TASK_SKIPPED)
			states[i] = 'k';
	}
}

static bool
is_met(const struct workflow *wf, const struct need *need, char state)
{
	switch (need->on) {
	case NEED_SUCCESS:
		return state == 's' || (state == 'f' && wf->tasks[need->task].continue_on_error);
	case NEED_FAILURE:
		return state == 'f';
	case NEED_SKIPPED:
		return state == 'k';
	case NEED_DONE:
		break;
	}
	return true;
}

/*
 * Without an intent a task ran exactly if its needs were met; all others are skipped, or
 * somebody cancelled them.  What ran again may have met needs of others before.
 */
static void
check_graph(struct world *world, const struct asked *asked, const struct run_head *head,
    char *states)
{
	const struct workflow *wf = asked->wf;
	uint32_t s = 0, f = 0, c = 0, broken = 0;
	bool stopped = head->record.intent != INTENT_NONE;

	for (uint32_t i = 0; i < wf->n_tasks; i++) {
		bool met = true, ran = states[i] == 's' || states[i] == 'f';

		for (uint32_t k = 0; k < wf->tasks[i].n_needs; k++)
			met &= is_met(wf, &wf->tasks[i].needs[k], states[wf->tasks[i].needs[k].task]);
		if (!stopped && !asked->again && states[i] != 'c' && met != ran)
			world_fail(world, "%s/%s: its needs are %smet, and it %s", asked->id.text,
			    wf->tasks[i].id, met ? "" : "not ", ran ? "ran" : "did not run");
		if (states[i] == 0)
			states[i] = 'k';
		s += states[i] == 's';
		f += states[i] == 'f';
		c += states[i] == 'c';
		broken += states[i] == 'f' && !wf->tasks[i].continue_on_error;
	}
	if (s != head->record.succeeded || f != head->record.failed ||
	    s + f + head->record.skipped + head->record.cancelled != wf->n_tasks ||
	    (!stopped && head->record.cancelled != c) ||
	    (!stopped && head->record.state != (broken ? RUN_FAILED
	            : c > 0 ? RUN_CANCELLED : RUN_SUCCEEDED)))
		world_fail(world, "run %s is %s with %u succeeded %u failed %u skipped %u cancelled; "
		    "its tasks say %u and %u", asked->id.text, run_state_name(head->record.state),
		    head->record.succeeded, head->record.failed, head->record.skipped,
		    head->record.cancelled, s, f);
}

static void
check_run(struct world *world, const struct asked *asked)
{
	char name[60];
	struct object *object;
	struct run_head head;
	const struct member *member;
	char *states;

	snprintf(name, sizeof name, "run:%s", asked->id.text);
	object = check_find(world, name);
	if (!object && asked->accepted && !asked->purged)
		world_fail(world, "run %s was accepted and is lost", asked->id.text);
	if (!object)
		return;
	check_key(world, asked);
	member = field(object, "r");
	if (!member || !run_record_read(member->value.data, member->value.len, &head))
		world_fail(world, "run %s: its record cannot be read", asked->id.text);
	if (!run_state_ended(head.record.state))
		world_fail(world, "run %s has not ended: %s", asked->id.text, member->value.data);
	states = xcalloc(asked->wf->n_tasks, 1);
	read_tasks(world, asked, object, states);
	check_graph(world, asked, &head, states);
	free(states);
}

/*
 * Where somebody meddled: what others acknowledged is trimmed together with the next that
 * the owner settles; whose report was deleted waits until the lease is over, which may be
 * an hour.  But nothing waits to be delivered.
 */
static void
check_left(struct world *world, unsigned type, const struct stream *stream)
{
	for (size_t i = stream->head; i < stream->len; i++) {
		bool waits = stream->n_groups > 0 &&
		    stream_id_cmp(stream->entries[i].id, stream->groups[0].delivered) > 0;

		if (world->harmed_at < 0 || waits)
			world_fail(world, "%zu entries are left for %s", stream->len - stream->head,
			    type_name(type));
	}
}

static void
check_residue(struct world *world)
{
	struct object *done = check_find(world, "done"), *cursor = check_find(world, "cursor");
	char last[STREAM_ID_SIZE];

	for (unsigned type = 0; type < TYPES; type++) {
		struct object *object = find_queue(world, type);

		if (!object)
			continue;
		check_left(world, type, &object->stream);
		for (size_t i = 0; i < object->stream.n_groups; i++) {
			/* a deleted entry leaves the list when its agent looks there */
			if (object->stream.groups[i].n_pending > 0 && world->harmed_at < 0)
				world_fail(world, "%zu entries are left pending for %s",
				    object->stream.groups[i].n_pending, type_name(type));
		}
	}
	if (check_find(world, "cancel") && world->harmed_at < 0)
		world_fail(world, "tokens are left in cancel");
	if (done && done->stream.len != done->stream.head)
		world_fail(world, "%zu completions are left", done->stream.len - done->stream.head);
	/* a power cut may have taken completions whose effects were stored afterwards */
	if (done && world->lost_at < 0 && world->harmed_at < 0 && (done->stream.last.ms || done->stream.last.seq) &&
	    (!cursor || strcmp(cursor->string.data, stream_id_format(done->stream.last, last)) != 0))
		world_fail(world, "the cursor is %s, the last completion %s",
		    cursor ? cursor->string.data : "missing", last);
}

void
check_end(struct world *world)
{
	check_residue(world);
	for (size_t i = 0; i < world->n_asked; i++)
		check_run(world, world->asked[i]);
	check_letters(world);
	check_keep(world);
	check_passing(world);
	if (!world->events_lost)
		check_history(world);
	for (size_t i = 0; i < DAEMONS; i++) {
		if (daemon_serves(&world->daemons[i]) &&
		    commits_idle(world->daemons[i].partition))
			check_same_load(world, &world->daemons[i]);
	}
}
