/* SPDX-License-Identifier: MIT */
/* reeve dlq replay: tries the tasks of dead letters again. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "cli/dlq.h"
#include "cli/file.h"

#define RATE_DEFAULT 20
#define RATE_MAX 1000
#define PAGE_MAX 1000

static int64_t
number(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

static void
print_item(const struct term *term, const json_t *item, bool dry_run)
{
	struct buf out = { 0 };
	const char *error = json_text(item, "error");

	term_text(term, &out, STYLE_BOLD, json_text(item, "letter"));
	buf_adds(&out, error[0] ? " refused: " : dry_run ? " would be replayed: " : " replayed: ");
	if (error[0]) {
		term_text(term, &out, STYLE_RED, error);
	} else {
		term_text(term, &out, STYLE_NONE, json_text(item, "run"));
		buf_addc(&out, '/');
		term_text(term, &out, STYLE_NONE, json_text(item, "task"));
	}
	buf_addc(&out, '\n');
	term_write(term, &out);
	buf_release(&out);
}

/* --- named letters ------------------------------------------------------------------------ */

/* The kind of a letter's payload says how a file is to be read. */
static int
letter_kind(struct cli *cli, const char *id, bool *ret_json)
{
	json_t *letter = NULL;
	int rc = cli_get_json(cli, &letter, "/api/v1/dlq/%s", id);

	if (rc == EXIT_DONE)
		*ret_json = strcmp(json_text(json_object_get(letter, "payload"), "kind"),
			"payload") == 0;
	json_decref(letter);
	return rc;
}

static int
read_payload(struct cli *cli, const char *path, bool json, json_t **ret_payload)
{
	struct buf text = { 0 };
	struct err err;
	json_error_t fault;
	json_t *payload;

	if (file_read(path, &text, &err) < 0) {
		buf_release(&text);
		return cli_fail(cli, EXIT_FAILED, "%s", err.text);
	}
	payload = json ? json_loadb(buf_text(&text), text.len,
	              JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, &fault)
	               : json_stringn(buf_text(&text), text.len);
	buf_release(&text);
	if (payload) {
		*ret_payload = payload;
		return EXIT_DONE;
	}
	if (json)
		return cli_fail(cli, EXIT_FAILED, "%s:%d:%d: error: the payload must be JSON: %s", path,
		    fault.line, fault.column, fault.text);
	return cli_fail(cli, EXIT_FAILED, "%s is not UTF-8", path);
}

static int
add_payload(struct cli *cli, const char *id, const char *path, json_t *body)
{
	json_t *payload = NULL;
	bool json = false;
	int rc = letter_kind(cli, id, &json);

	if (rc == EXIT_DONE)
		rc = read_payload(cli, path, json, &payload);
	if (rc == EXIT_DONE)
		json_object_set_new(body, "payload", payload);
	return rc;
}

static int
replay_one(struct cli *cli, const struct cli_args *args, const char *letter)
{
	char *id = client_escape(letter), *path = xasprintf("/api/v1/dlq/%s/replay", id);
	json_t *body = json_object(), *answer = NULL;
	int rc = EXIT_DONE;

	json_object_set_new(body, "priority_boost",
	    json_boolean(cli_get(args, "priority-boost") != NULL));
	json_object_set_new(body, "dry_run", json_boolean(cli_get(args, "dry-run") != NULL));
	if (cli_get(args, "edit"))
		rc = add_payload(cli, id, cli_get(args, "edit"), body);
	if (rc == EXIT_DONE)
		rc = cli_call(cli,
		    &(struct client_request){ .method = "POST", .path = path, .body = body },
		    &answer);
	if (rc == EXIT_DONE && cli->json)
		cli_print_json(cli, answer);
	else if (rc == EXIT_DONE)
		print_item(&cli->out, answer, cli_get(args, "dry-run") != NULL);
	json_decref(answer);
	json_decref(body);
	free(path);
	free(id);
	return rc;
}

/* --- by filter, page by page ---------------------------------------------------------------- */

struct totals {
	int64_t matched, replayed, left; /* left: that may still be replayed; -1 = all */
	json_t *items;
};

/* Adds an answer to the totals; moves the body on to the next page.  true: there is one. */
static bool
take_page(struct cli *cli, struct totals *totals, json_t *answer, json_t *body)
{
	json_t *items = json_object_get(answer, "items"), *item;
	const char *cursor = json_text(answer, "next_cursor");
	size_t i;

	totals->matched += number(answer, "matched");
	totals->replayed += number(answer, "replayed");
	if (totals->left >= 0)
		totals->left -= number(answer, "matched");
	json_array_foreach (items, i, item) {
		if (cli->json)
			json_array_append(totals->items, item);
		else
			print_item(&cli->out, item, json_is_true(json_object_get(answer, "dry_run")));
	}
	fflush(cli->out.file);
	if (!cursor[0] || totals->left == 0)
		return false;
	json_object_set_new(body, "cursor", json_string(cursor));
	json_object_set(body, "older_than", json_object_get(answer, "until"));
	return true;
}

static int
replay_pages(struct cli *cli, json_t *body, int64_t rate, struct totals *totals)
{
	bool more = true;
	int rc = EXIT_DONE;

	while (more && rc == EXIT_DONE) {
		/* a page lasts some seconds: one sees how it goes on */
		int64_t page = 3 * rate < PAGE_MAX ? 3 * rate : PAGE_MAX;
		json_t *answer = NULL;

		if (totals->left >= 0 && totals->left < page)
			page = totals->left;
		json_object_set_new(body, "limit", json_integer((json_int_t)page));
		rc = cli_call(cli,
		    &(struct client_request){
		        .method = "POST", .path = "/api/v1/dlq/replay", .body = body },
		    &answer);
		if (rc == EXIT_CONFLICT && totals->matched > 0) {
			rc = EXIT_DONE; /* what was left went meanwhile */
			more = false;
		} else if (rc == EXIT_DONE) {
			more = take_page(cli, totals, answer, body);
		}
		json_decref(answer);
	}
	return rc;
}

static int
read_rate(const struct cli *cli, const struct cli_args *args, int64_t *ret_rate)
{
	const char *text = cli_get(args, "rate");
	char *digits = text ? xstrndup(text, strcspn(text, "/")) : NULL;
	bool good = !text ||
	    (str_to_i64(digits, 1, RATE_MAX, ret_rate) &&
	        (strchr(text, '/') == NULL || strcmp(strchr(text, '/'), "/s") == 0));

	free(digits);
	return good ? EXIT_DONE
	            : cli_fail(cli, EXIT_USAGE, "--rate %s is not of the form N or N/s, N from 1 to %d",
	                  text, RATE_MAX);
}

static void
print_totals(const struct cli *cli, const struct totals *totals, bool dry_run)
{
	json_t *body = json_pack("{s:I, s:I, s:O, s:b}", "matched", (json_int_t)totals->matched,
	    "replayed", (json_int_t)totals->replayed, "items", totals->items, "dry_run",
	    (int)dry_run);

	cli_print_json(cli, body);
	json_decref(body);
}

static int
replay_many(struct cli *cli, const struct cli_args *args)
{
	struct totals totals = { .left = -1 };
	int64_t rate = RATE_DEFAULT;
	bool dry_run = cli_get(args, "dry-run") != NULL;
	json_t *body;
	int rc = read_rate(cli, args, &rate);

	if (rc != EXIT_DONE)
		return rc;
	if (cli_get(args, "limit") && !str_to_i64(cli_get(args, "limit"), 1, INT32_MAX, &totals.left))
		return cli_fail(cli, EXIT_USAGE, "--limit %s is not a number from 1",
		    cli_get(args, "limit"));
	body = dlq_filter(args);
	totals.items = json_array();
	json_object_set_new(body, "rate", json_integer((json_int_t)rate));
	json_object_set_new(body, "priority_boost",
	    json_boolean(cli_get(args, "priority-boost") != NULL));
	rc = replay_pages(cli, body, rate, &totals);
	if (rc == EXIT_DONE && cli->json)
		print_totals(cli, &totals, dry_run);
	else if (rc == EXIT_DONE)
		fprintf(cli->out.file, "%lld dead letters, %lld replayed%s\n",
		    (long long)totals.matched, (long long)totals.replayed,
		    dry_run ? " (dry run)" : "");
	if (rc == EXIT_DONE && totals.replayed == 0 && !dry_run)
		rc = EXIT_CONFLICT;
	json_decref(totals.items);
	json_decref(body);
	return rc;
}

int
cmd_dlq_replay(struct cli *cli, const struct cli_args *args)
{
	int rc = EXIT_DONE;

	if (cli_get(args, "edit") && args->n_words != 2)
		return cli_fail(cli, EXIT_USAGE, "--edit goes with one letter: reeve dlq replay LETTER "
		    "--edit FILE");
	if (args->n_words == 1)
		return replay_many(cli, args);
	for (size_t i = 1; i < args->n_words && rc == EXIT_DONE; i++)
		rc = replay_one(cli, args, args->words[i]);
	return rc;
}
