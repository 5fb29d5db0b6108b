/* SPDX-License-Identifier: MIT */
/*
 * Judges how an attempt ended.
 */
#include "agent/verdict.h"

#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "agent/outputs.h"
#include "agent/result.h"
#include "base/clock.h"
#include "base/mem.h"

#define EXIT_DATA 65
#define EXIT_TRY_AGAIN 75
#define EXIT_NO_RIGHTS 77
#define EXIT_CONFIG 78

/* What the command left in its files. */
struct findings {
	struct result result;
	char *outputs;  /* a JSON object's text; NULL: none */
	struct err err; /* code 0: all readable */
};

static int
read_outputs(const struct workspace *ws, json_t *outputs, struct err *err)
{
	struct buf text = { 0 };
	bool there = false;
	int rc = workspace_read(ws->output_file, OUTPUTS_LIMIT, &text, &there, err);

	if (rc == 0 && there)
		rc = outputs_parse(buf_text(&text), text.len, outputs, err);
	buf_release(&text);
	return rc;
}

static int
read_result(
    const struct workspace *ws, struct result *result, json_t *outputs, struct err *err)
{
	struct buf text = { 0 };
	bool there = false;
	int rc = workspace_read(ws->result_file, RESULT_LIMIT, &text, &there, err);

	if (rc == 0 && there && text.len > 0)
		rc = result_parse(buf_text(&text), text.len, result, outputs, err);
	buf_release(&text);
	return rc;
}

static int
outputs_text(const json_t *outputs, char **ret_text, struct err *err)
{
	char *text;

	if (json_object_size(outputs) == 0)
		return 0;
	text = json_dumps(outputs, JSON_COMPACT);
	if (text == NULL || strlen(text) > DONE_LIMIT_OUTPUTS) {
		free(text);
		return err_set(err, ERR_LIMIT, "the outputs have more than 64 KiB");
	}
	*ret_text = text;
	return 0;
}

static void
findings_read(struct findings *found, const struct workspace *ws)
{
	json_t *outputs = json_object();
	int rc;

	*found = (struct findings){ 0 };
	result_init(&found->result);
	rc = read_outputs(ws, outputs, &found->err);
	if (rc == 0)
		rc = read_result(ws, &found->result, outputs, &found->err);
	if (rc == 0)
		rc = outputs_text(outputs, &found->outputs, &found->err);
	found->err.code = rc;
	json_decref(outputs);
}

static void
findings_release(struct findings *found)
{
	result_release(&found->result);
	free(found->outputs);
}

static void
add_result(struct report *report, const struct result *result)
{
	char text[DURATION_SIZE];

	if (result->summary != NULL)
		report_add(report, "summary", result->summary);
	if (result->usage != NULL)
		report_add(report, "usage", result->usage);
	if (result->retryable >= 0)
		report_add_number(report, "retryable", result->retryable);
	if (result->retry_after_ms >= 0)
		report_add(
		    report, "retry_after", duration_format(result->retry_after_ms, text));
}

/* The first line of the summary if there is one, else what the exit says. */
static void
add_message(struct report *report, const struct result *result, const char *otherwise)
{
	char *line;

	if (result->summary == NULL || *result->summary == '\0') {
		report_add(report, "message", otherwise);
		return;
	}
	line = xstrndup(result->summary, strcspn(result->summary, "\r\n"));
	report_add(report, "message", line);
	free(line);
}

static void
add_failure(struct report *report, int wait_status, const struct result *result)
{
	char *text;
	int number;

	if (WIFSIGNALED(wait_status)) {
		number = WTERMSIG(wait_status);
		text = xasprintf("ended by signal %d (%s)", number, strsignal(number));
		report_add(report, "category", "signal");
		report_add_number(report, "signal", number);
	} else {
		number = WEXITSTATUS(wait_status);
		text = number == 0 ? xstrdup("the command says that it failed")
				   : xasprintf("exit code %d", number);
		report_add(report, "category", "exit");
		report_add_number(report, "exit_code", number);
	}
	add_message(report, result, text);
	free(text);
}

/* Where the result file does not say, some exit codes do. */
static int
retryable_of(int wait_status)
{
	int code = WIFEXITED(wait_status) ? WEXITSTATUS(wait_status) : -1;

	if (code == EXIT_DATA || code == EXIT_NO_RIGHTS || code == EXIT_CONFIG)
		return 0;
	return code == EXIT_TRY_AGAIN ? 1 : -1;
}

static enum done_status
status_of(bool succeeded, const struct findings *found)
{
	int said = found->err.code == 0 ? found->result.status : -1;

	if (said == DONE_BLOCKED || said == DONE_THROTTLED)
		return (enum done_status)said;
	if (!succeeded || found->err.code != 0 || said == DONE_FAILED)
		return DONE_FAILED;
	return DONE_DONE;
}

static void
ended_itself(int wait_status, const bool success[256], const struct agent_task *task,
    const struct workspace *ws, const char *agent, struct report *report)
{
	bool succeeded = WIFEXITED(wait_status) && success[WEXITSTATUS(wait_status)];
	struct findings found;
	enum done_status status;

	findings_read(&found, ws);
	status = status_of(succeeded, &found);
	if (found.result.retryable < 0 && status == DONE_FAILED && !succeeded)
		found.result.retryable = retryable_of(wait_status);
	report_begin(report, task, agent, status);
	if (status == DONE_DONE) {
		report_add_number(report, "exit_code", WEXITSTATUS(wait_status));
		if (found.outputs != NULL)
			report_add(report, "outputs", found.outputs);
	} else if (status != DONE_FAILED) {
		add_message(report, &found.result, done_status_name(status));
	} else if (succeeded && found.err.code != 0) {
		report_add(report, "category", "invalid_output");
		report_add(report, "message", found.err.text);
	} else {
		add_failure(report, wait_status, &found.result);
	}
	add_result(report, &found.result);
	findings_release(&found);
}

void
verdict_refused(const struct agent_task *task, const char *agent, const char *category,
    const char *why, struct report *report)
{
	report_begin(report, task, agent, DONE_FAILED);
	report_add(report, "category", category);
	report_add(report, "message", why);
}

void
verdict_released(const struct agent_task *task, const char *agent, const char *category,
    const char *why, struct report *report)
{
	report_begin(report, task, agent, DONE_RELEASED);
	if (category != NULL)
		report_add(report, "category", category);
	report_add(report, "message", why);
}

void
verdict_ended(enum end_cause cause, int wait_status, const bool success[256],
    const struct agent_task *task, const struct workspace *ws, const char *agent,
    struct report *report)
{
	char text[DURATION_SIZE];
	char *why;

	switch (cause) {
	case END_ITSELF:
	case END_LOST:
		ended_itself(wait_status, success, task, ws, agent, report);
		return;
	case END_TIMEOUT:
		why = xasprintf(
		    "not done after %s; ended", duration_format(task->timeout_ms, text));
		verdict_refused(task, agent, "timeout", why, report);
		free(why);
		return;
	case END_STALLED:
		why = xasprintf("no output and no progress for %s; ended",
		    duration_format(task->stall_timeout_ms, text));
		verdict_refused(task, agent, "stalled", why, report);
		free(why);
		return;
	case END_NO_START:
		why = xasprintf("no output within %s of its start; ended",
		    duration_format(task->start_timeout_ms, text));
		verdict_refused(task, agent, "stalled", why, report);
		free(why);
		return;
	case END_CUT_OFF:
		verdict_released(task, agent, "lost",
		    "its agent was cut off from Redis; ended before it could run twice",
		    report);
		return;
	case END_CANCELLED:
		verdict_refused(task, agent, "cancelled", "cancelled", report);
		return;
	case END_RELEASED:
		verdict_released(
		    task, agent, NULL, "handed back: the agent stops", report);
		return;
	}
}
