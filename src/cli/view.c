/* SPDX-License-Identifier: MIT */
/* Shows how a run goes on: draws it, and follows it to its end. */
#include "cli/view.h"

#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"

#define AWAY_MAX_US (60 * CLOCK_S)
#define AWAY_PAUSE_MS 500
#define RANKS 10 /* of tasks, by how much they are worth a line */

/* --- the panel --- */

static size_t
count(const json_t *run, const char *key)
{
	return (size_t)json_integer_value(json_object_get(run, key));
}

/* ", 1.5 of 20 USD, 3400 of 2000000 tokens": what it has cost of what it may. */
static void
draw_budget(struct buf *out, const json_t *budget)
{
	const json_t *spent = json_object_get(budget, "spent");
	const json_t *usd = json_object_get(budget, "usd");
	const json_t *tokens = json_object_get(budget, "tokens");

	if (json_is_number(usd))
		buf_printf(out, ", %.10g of %.10g USD",
		    json_number_value(json_object_get(spent, "usd")), json_number_value(usd));
	if (json_is_integer(tokens))
		buf_printf(out, ", %lld of %lld tokens",
		    (long long)json_integer_value(json_object_get(spent, "tokens")),
		    (long long)json_integer_value(tokens));
}

static void
draw_head(const struct term *term, struct buf *out, const json_t *run, int64_t now_ms)
{
	const char *status = json_text(run, "status");
	enum term_style style = term_state_style(status);
	size_t total = count(run, "tasks_total"), failed = count(run, "tasks_failed");
	char span[SHORT_SIZE];

	term_text(term, out, style, term_state_mark(term, status));
	buf_addc(out, ' ');
	term_text(term, out, STYLE_BOLD, json_text(run, "workflow"));
	buf_adds(out, "  ");
	term_text(term, out, STYLE_DIM, json_text(run, "id"));
	buf_adds(out, "  ");
	term_text(term, out, style, status);
	if (json_is_true(json_object_get(json_object_get(run, "budget"), "over")))
		term_text(term, out, STYLE_YELLOW, " (budget used up)");
	else if (json_is_true(json_object_get(run, "paused")))
		term_text(term, out, STYLE_YELLOW, " (paused)");
	buf_printf(out, "  %s\n  ", term_span(run, now_ms, span));
	term_bar(term, out, count(run, "tasks_done"), failed, total, 30);
	buf_printf(out, "  %zu/%zu", count(run, "tasks_done"), total);
	if (failed)
		buf_printf(out, ", %zu failed", failed);
	draw_budget(out, json_object_get(run, "budget"));
	buf_addc(out, '\n');
}

static void
draw_progress(const struct term *term, struct buf *out, const json_t *progress)
{
	const json_t *percent = json_object_get(progress, "percent");

	if (json_is_number(percent))
		buf_printf(out, " %.0f%%", json_number_value(percent));
	buf_addc(out, ' ');
	term_text(term, out, STYLE_NONE, json_text(progress, "text"));
}

static void
draw_task(const struct term *term, struct buf *out, const json_t *task, int64_t now_ms,
    unsigned width)
{
	const char *status = json_text(task, "status");
	enum term_style style = term_state_style(status);
	int attempt = (int)json_integer_value(json_object_get(task, "attempt"));
	const json_t *error = json_object_get(task, "error");
	const json_t *waiting = json_object_get(task, "waiting_for");
	const json_t *progress = json_object_get(task, "progress");
	char span[SHORT_SIZE];

	buf_adds(out, "  ");
	term_text(term, out, style, term_state_mark(term, status));
	buf_addc(out, ' ');
	term_cell(term, out, STYLE_NONE, json_text(task, "id"), width + 2);
	term_cell(term, out, STYLE_DIM, json_text(task, "agent_type"), 12);
	buf_addc(out, ' ');
	term_cell(term, out, style, status, 10);
	term_cell(term, out, STYLE_NONE, term_span(task, now_ms, span), 8);
	if (attempt > 1)
		buf_printf(out, " attempt %d", attempt);
	if (json_is_object(error)) {
		buf_addc(out, ' ');
		term_text(term, out, STYLE_RED, json_text(error, "category"));
		buf_adds(out, ": ");
		term_text(term, out, STYLE_NONE, json_text(error, "message"));
	} else if (json_is_object(waiting)) {
		buf_addc(out, ' ');
		term_text(term, out, STYLE_YELLOW, json_text(waiting, "detail"));
	} else if (json_is_object(progress)) {
		draw_progress(term, out, progress);
	}
	buf_addc(out, '\n');
}

/* When there is not room for all: what moves or broke comes first. */
static int
interest(const json_t *task)
{
	static const char *const order[] = { "running", "failed", "waiting", "queued",
		"ready", "succeeded", "cancelled", "skipped", "pending" };
	const char *status = json_text(task, "status");

	for (size_t i = 0; i < ARRAY_LEN(order); i++) {
		if (strcmp(order[i], status) == 0)
			return (int)i;
	}
	return (int)ARRAY_LEN(order);
}

static unsigned
id_width(const json_t *tasks)
{
	unsigned width = 8;

	for (size_t i = 0; i < json_array_size(tasks); i++) {
		unsigned columns =
		    term_columns(json_text(json_array_get(tasks, i), "id"));

		if (columns > width)
			width = columns;
	}
	return width < 40 ? width : 40;
}

/* All tasks below rank are shown, and as many of this rank as there is room for. */
struct cut {
	int rank;
	size_t room;
};

static struct cut
find_cut(const json_t *tasks, size_t room)
{
	size_t counts[RANKS] = { 0 };
	struct cut cut = { 0, room };

	for (size_t i = 0; i < json_array_size(tasks); i++)
		counts[interest(json_array_get(tasks, i))]++;
	while (cut.rank < RANKS - 1 && counts[cut.rank] <= cut.room)
		cut.room -= counts[cut.rank++];
	return cut;
}

static bool
passes(struct cut *cut, const json_t *task)
{
	int rank = interest(task);

	if (rank == cut->rank && cut->room > 0) {
		cut->room--;
		return true;
	}
	return rank < cut->rank;
}

unsigned
view_run(const struct term *term, struct buf *out, const json_t *run, int64_t now_ms,
    unsigned max_lines)
{
	const json_t *tasks = json_object_get(run, "tasks");
	size_t n = json_array_size(tasks), shown = 0;
	size_t room = max_lines > 4 ? max_lines - 4 : max_lines ? 1 : n;
	unsigned width = id_width(tasks), lines = 2;
	struct cut cut = find_cut(tasks, room);

	draw_head(term, out, run, now_ms);
	for (size_t i = 0; i < n; i++) {
		if (!passes(&cut, json_array_get(tasks, i)))
			continue;
		draw_task(term, out, json_array_get(tasks, i), now_ms, width);
		shown++;
	}
	lines += (unsigned)shown;
	if (shown < n) {
		buf_printf(out, "  ... and %zu more tasks\n", n - shown);
		lines++;
	}
	return lines;
}

/* --- following --- */

struct follow {
	struct cli *cli;
	const char *id;
	int64_t deadline_us;
	bool quiet;
	bool live;      /* a panel, redrawn */
	unsigned drawn; /* lines of the last panel */
	json_t *run;
	int64_t away_us; /* since when the daemon does not answer; 0 = it does */
};

static void
redraw(struct follow *follow)
{
	const struct term *term = &follow->cli->out;
	struct buf out = { 0 };

	if (follow->drawn)
		buf_printf(&out, "\033[%uA\033[J", follow->drawn);
	buf_adds(&out, "\033[?7l"); /* a long line must stay one line */
	follow->drawn = view_run(term, &out, follow->run, clock_wall_ms(), term->height);
	buf_adds(&out, "\033[?7h");
	term_write(term, &out);
	buf_release(&out);
}

static void
print_change(const struct term *term, struct buf *out, const json_t *task, int64_t now_ms)
{
	const char *status = json_text(task, "status");
	const json_t *error = json_object_get(task, "error");
	char now[RFC3339_SIZE], span[SHORT_SIZE];

	rfc3339_format(now_ms, now);
	buf_printf(out, "%.8s ", now + 11);
	term_text(term, out, STYLE_NONE, json_text(task, "id"));
	buf_addc(out, ' ');
	term_text(term, out, term_state_style(status), status);
	if (json_is_object(error)) {
		buf_adds(out, ": ");
		term_text(term, out, STYLE_NONE, json_text(error, "category"));
		buf_addc(out, ' ');
		term_text(term, out, STYLE_NONE, json_text(error, "message"));
	} else if (*term_span(task, now_ms, span)) {
		buf_printf(out, " %s", span);
	}
	buf_addc(out, '\n');
}

static void
print_changes(struct follow *follow, const json_t *before)
{
	const struct term *term = &follow->cli->out;
	const json_t *old_tasks = json_object_get(before, "tasks");
	const json_t *tasks = json_object_get(follow->run, "tasks");
	int64_t now_ms = clock_wall_ms();
	struct buf out = { 0 };

	for (size_t i = 0; i < json_array_size(tasks); i++) {
		const json_t *task = json_array_get(tasks, i);
		const char *old = json_text(json_array_get(old_tasks, i), "status");
		const char *status = json_text(task, "status");

		if (strcmp(old, status) != 0 && strcmp(status, "pending") != 0)
			print_change(term, &out, task, now_ms);
	}
	term_write(term, &out);
	buf_release(&out);
}

static bool
is_over(const json_t *run)
{
	return run && json_is_string(json_object_get(run, "finished_at"));
}

/* The next state of the run, once it differs from the one that we have. */
static int
ask(struct follow *follow, int64_t wait_ms, long *ret_status, json_t **ret_body,
    struct err *err)
{
	char *id = client_escape(follow->id);
	char *path;
	int rc;

	if (follow->run)
		path = xasprintf("/api/v1/runs/%s?version=%lld&wait=%lldms", id,
		    (long long)json_integer_value(
			json_object_get(follow->run, "version")),
		    (long long)wait_ms);
	else
		path = xasprintf("/api/v1/runs/%s", id);
	rc = client_call(&follow->cli->client,
	    &(struct client_request){ .method = "GET", .path = path }, ret_status,
	    ret_body, err);
	free(path);
	free(id);
	return rc;
}

/* True: it is away, but not for long: we paused, ask again. */
static bool
sit_out(struct follow *follow)
{
	struct pollfd interrupt = { .fd = follow->cli->client.watch_fd,
		.events = POLLIN };
	int64_t now = clock_mono_us();

	if (!follow->run)
		return false;
	if (!follow->away_us)
		follow->away_us = now;
	if (now - follow->away_us > AWAY_MAX_US)
		return false;
	follow->cli->client.place = NULL;
	(void)poll(&interrupt, 1, AWAY_PAUSE_MS);
	return true;
}

static void
take(struct follow *follow, json_t *run)
{
	json_t *before = follow->run;

	follow->run = run;
	follow->away_us = 0;
	if (follow->live)
		redraw(follow);
	else if (!follow->quiet)
		print_changes(follow, before);
	json_decref(before);
}

/* EXIT_DONE: took a state or paused. */
static int
step(struct follow *follow, int64_t wait_ms)
{
	struct err err = { 0 };
	json_t *body = NULL;
	long status = 0;
	int rc = ask(follow, wait_ms, &status, &body, &err);
	int result = EXIT_DONE;

	if (rc == ERR_CONFLICT)
		return EXIT_DETACHED;
	if (rc == 0 && status == 200 && json_is_object(body)) {
		take(follow, body);
		return EXIT_DONE;
	}
	if (rc < 0 && !sit_out(follow))
		result = cli_fail(follow->cli, EXIT_NO_DAEMON, "%s", err.text);
	else if (rc == 0 && (status != 503 || !sit_out(follow)))
		result = cli_fail(follow->cli,
		    status == 404   ? EXIT_NOT_FOUND
		    : status == 503 ? EXIT_LATER
				    : EXIT_FAILED,
		    "%s", json_text(json_object_get(body, "error"), "message"));
	json_decref(body);
	return result;
}

int
view_follow(
    struct cli *cli, const char *id, int64_t deadline_us, bool quiet, json_t **ret_run)
{
	struct follow follow = {
		.cli = cli, .id = id, .quiet = quiet, .live = cli->out.tty && !quiet
	};
	int64_t now;
	int rc = step(&follow, 0);

	while (rc == EXIT_DONE && !is_over(follow.run)) {
		/* A panel shows seconds pass. */
		int64_t wait_ms = follow.live ? 1000 : 20000;

		now = clock_mono_us();
		if (deadline_us && now >= deadline_us) {
			rc = EXIT_LATER;
			break;
		}
		if (deadline_us && (deadline_us - now) / CLOCK_MS < wait_ms)
			wait_ms = (deadline_us - now) / CLOCK_MS + 1;
		rc = step(&follow, wait_ms);
	}
	*ret_run = follow.run;
	return rc;
}

int
view_catch_interrupt(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	if (sigprocmask(SIG_BLOCK, &set, NULL) != 0)
		return -1;
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}
