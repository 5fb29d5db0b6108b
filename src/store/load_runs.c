/* SPDX-License-Identifier: MIT */
/* Reads the heads of runs and the definitions that they name, and makes the runs. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "model/canonical.h"
#include "store/commit_private.h"
#include "store/load_private.h"

/* --- heads --------------------------------------------------------------------- */

static void
want_def(struct load *load, const char *sha256)
{
	struct def_item *def;

	HASH_FIND_STR(load->defs, sha256, def);
	if (def)
		return;
	def = xcalloc(1, sizeof *def);
	memcpy(def->sha256, sha256, sizeof def->sha256);
	HASH_ADD_STR(load->defs, sha256, def);
	def->next_wanted = load->wanted;
	load->wanted = def;
}

void
load_run_made(struct run_item *item)
{
	if (!item->head)
		return;
	for (size_t i = 0; i < EARLY_TASKS; i++)
		free(item->head->early[i].text);
	free(item->head->tail);
	free(item->head->key);
	free(item->head->params);
	free(item->head);
	item->head = NULL;
}

static void
keep_early(struct head_item *head, const struct redisReply *reply)
{
	const char *text;
	size_t len;

	for (size_t i = 0; i < EARLY_TASKS; i++) {
		const struct redisReply *value = reply_at(reply, 2 + i);

		if (!value || reply_is_nil(value) || reply_str(value, &text, &len, NULL) < 0)
			continue;
		head->early[i].text = xmemdup(text, len + 1); /* with the end */
		head->early[i].len = len;
	}
}

/* false: nobody can read it. */
static bool
make_head(struct load *load, struct run_item *item, const char *text, size_t len)
{
	struct run_head head;

	if (!run_record_read(text, len, &head)) {
		load_bad(load, item->id, "a run record that this version cannot read");
		return false;
	}
	item->head = xcalloc(1, sizeof *item->head);
	item->head->tail = head.tail ? xstrdup(head.tail) : NULL;
	item->head->key = run_head_key(&head);
	head.key = head.tail = NULL;
	item->head->head = head;
	want_def(load, head.sha256);
	return true;
}

static void
got_head(struct load *load, struct load_ask *from, const struct redisReply *reply)
{
	struct run_item *item = &load->runs[from->item];
	const char *text = "";
	size_t len = 0;

	if (!load_good(load, reply, item->id))
		return;
	(void)reply_str(reply_at(reply, 0), &text, &len, NULL); /* none is none that can be read */
	if (!make_head(load, item, text, len))
		return;
	if (reply_str(reply_at(reply, 1), &text, &len, NULL) == 0)
		item->head->params = xstrndup(text, len);
	keep_early(item->head, reply);
}

/* With the first tasks' records: most runs are small. */
static void
ask_own(struct load *load, size_t i)
{
	char *key = key_make(&load->store->keys, "run:", load->runs[i].id);

	load_question(load, got_head, i, NULL, load->fns.on_text ? 4 : 4 + EARLY_TASKS,
	    (const char *const[4 + EARLY_TASKS]){ "HMGET", key, "r", "p", "0", "1", "2",
		"3" });
	free(key);
}

/* What it was when it began is all there is of it, or its own hash has what became of it. */
static void
got_listed(struct load *load, struct load_ask *from, const struct redisReply *reply)
{
	struct run_item *item = &load->runs[from->item];
	struct run_listed listed;
	const char *text = "";
	char *record;
	size_t len = 0;

	if (!load_good(load, reply, "live"))
		return;
	item->listed = reply_str(reply, &text, &len, NULL) == 0 && len > 0;
	if (!item->listed) {
		ask_own(load, from->item);
		return;
	}
	listed = run_listed_read(text, len);
	record = xstrndup(listed.record, listed.record_len);
	if (make_head(load, item, record, listed.record_len) && listed.params)
		item->head->params = xstrdup(listed.params);
	free(record);
}

void
load_head(struct load *load, size_t i)
{
	char *key;

	if (!load->runs[i].listed) {
		ask_own(load, i);
		return;
	}
	key = key_make(&load->store->keys, "live", NULL);
	load_question(load, got_listed, i, NULL, 3,
	    (const char *const[]){ "HGET", key, load->runs[i].id });
	free(key);
}

/* --- definitions --------------------------------------------------------------- */

static void ask_chunk(struct load *load, struct def_item *def);

static void
got_chunk(struct load *load, struct load_ask *from, const struct redisReply *reply)
{
	struct def_item *def = from->def;
	const char *text;
	size_t len;

	if (!load_good(load, reply, def->sha256))
		return;
	if (reply_str(reply_at(reply, 0), &text, &len, NULL) < 0 ||
	    reply_u64(reply_at(reply, 1), &def->chunks, NULL) < 0) {
		load_bad(load, def->sha256, "a definition that is not all there");
		return;
	}
	buf_add(&def->text, text, len);
	if (++def->next < def->chunks)
		ask_chunk(load, def);
}

static void
ask_chunk(struct load *load, struct def_item *def)
{
	char *key = key_make(&load->store->keys, "def:", def->sha256);
	struct buf field = { 0 };

	buf_addu(&field, def->next);
	load_question(load, got_chunk, 0, def, 4,
	    (const char *const[]){ "HMGET", key, buf_text(&field), "n" });
	buf_release(&field);
	free(key);
}

void
load_wanted_defs(struct load *load)
{
	for (struct def_item *def = load->wanted; def; def = def->next_wanted)
		ask_chunk(load, def);
}

/* --- runs ---------------------------------------------------------------------- */

static void
read_defs(struct load *load)
{
	struct err err = { 0 };

	for (struct def_item *def = load->wanted; def; def = def->next_wanted) {
		if (def->chunks > 0 && def->next == def->chunks)
			def->wf = workflow_from_canonical(def->text.data, def->text.len, &err);
		if (def->wf)
			store_add_def(load->store, def->sha256);
		else if (def->chunks > 0)
			load_bad(load, def->sha256, err.text);
		buf_release(&def->text);
	}
	load->wanted = NULL;
}

static void
make_run(struct load *load, struct run_item *item)
{
	struct head_item *from = item->head;
	struct run_id id = { 0 };
	struct def_item *def;

	HASH_FIND_STR(load->defs, from->head.sha256, def);
	if (!def || !def->wf) {
		load_bad(load, item->id, "its definition is missing");
		return;
	}
	memcpy(id.text, item->id, strlen(item->id));
	item->run = engine_load_run(load->engine, &id, def->wf,
	    from->params ? from->params : "{}", &from->head.record, from->head.priority);
	if (from->head.replay_of[0])
		item->run->replay_of = xstrdup(from->head.replay_of);
	item->run->key = from->key;
	item->run->tail = from->tail;
	item->run->home = item->listed ? HOME_LISTED : HOME_OWN;
	from->key = from->tail = NULL;
	if (load->fns.on_run)
		load->fns.on_run(load->fns.arg, item->run, &from->head);
	if (load_early_tasks(load, item))
		item->next = def->wf->n_tasks;
}

void
load_make_runs(struct load *load)
{
	read_defs(load);
	for (size_t i = load->from; i < load->to; i++) {
		if (load->runs[i].head)
			make_run(load, &load->runs[i]);
		load_run_made(&load->runs[i]);
	}
}
