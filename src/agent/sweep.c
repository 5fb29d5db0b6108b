/* SPDX-License-Identifier: MIT */
/*
 * Ends what an attempt leaves behind: when its leader has ended and its group was killed,
 * every living descendant has an ancestor that is an orphan, and so our child.  Each such
 * child is killed, whose own children then become ours, until none is left.
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "agent/agent.h"
#include "agent/attempt.h"
#include "base/log.h"
#include "base/mem.h"

static int
by_pid(const void *a, const void *b)
{
	const pid_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static void
add(struct pids *pids, pid_t pid)
{
	GROW(pids->list, pids->len, pids->cap);
	pids->list[pids->len++] = pid;
}

/* The children that are no orphans; sorted. */
static void
list_known(const struct agent *agent, struct pids *known)
{
	const struct sweeper *sweeper = &agent->sweeper;
	struct held_row *row = NULL;
	pid_t leader;
	size_t i;

	add(known, keeper_pid(agent->keeper));
	for (i = 0; i < sweeper->strangers.len; i++)
		add(known, sweeper->strangers.list[i]);
	while ((row = ledger_next(&agent->ledger, row)) != NULL) {
		leader = row->attempt != NULL ? attempt_leader(row->attempt) : 0;
		if (leader > 0)
			add(known, leader);
	}
	qsort(known->list, known->len, sizeof *known->list, by_pid);
}

/*
 * An orphan of an attempt that still runs may be its helper.  One that hides its
 * environment can be anybody's: it goes when nothing runs.  With children from before our
 * time around, only what shows the token of an attempt that has ended is ours to kill.
 */
static void
judge(struct agent *agent, pid_t pid)
{
	const struct sweeper *sweeper = &agent->sweeper;
	struct held_row *row = NULL;
	char token[TOKEN_SIZE];
	bool shows;

	if (waitpid(pid, NULL, WNOHANG) != 0)
		return; /* it has ended, and nobody else waits for it */
	shows = strays_token(pid, token);
	if (shows)
		row = ledger_find(&agent->ledger, token);
	if (row != NULL && row->attempt != NULL && !row->ending)
		return;
	if (row != NULL && row->ending)
		row->strays++;
	else if (sweeper->strangers.len > 0 || (!shows && sweeper->leaders > 0))
		return;
	log_debug("a process that its task left behind is killed", KV_I("pid", pid));
	(void)kill(pid, SIGKILL);
}

static void
judge_all(struct agent *agent, const struct pids *children)
{
	struct pids known = { 0 };
	size_t i;

	list_known(agent, &known);
	for (i = 0; i < children->len; i++)
		if (bsearch(&children->list[i], known.list, known.len, sizeof *known.list,
			by_pid) == NULL)
			judge(agent, children->list[i]);
	pids_release(&known);
}

/* One that is swept leaves the list, another takes its place. */
static void
finish_swept(struct agent *agent)
{
	const struct sweeper *sweeper = &agent->sweeper;
	size_t i = 0;

	while (i < sweeper->n_ending) {
		if (sweeper->ending[i]->strays == 0)
			attempt_swept(sweeper->ending[i]->attempt);
		else
			i++;
	}
}

void
sweep_begin(struct agent *agent, struct held_row *row)
{
	struct sweeper *sweeper = &agent->sweeper;

	GROW(sweeper->ending, sweeper->n_ending, sweeper->cap_ending);
	sweeper->ending[sweeper->n_ending++] = row;
	sweeper->leaders--;
	row->ending = true;
	sweep_look(agent);
}

void
sweep_end(struct agent *agent, struct held_row *row)
{
	struct sweeper *sweeper = &agent->sweeper;
	size_t i;

	for (i = 0; i < sweeper->n_ending; i++)
		if (sweeper->ending[i] == row) {
			sweeper->ending[i] = sweeper->ending[--sweeper->n_ending];
			break;
		}
	row->ending = false;
}

/* The usual case, nothing but what we know, costs one read of a file. */
void
sweep_look(struct agent *agent)
{
	struct sweeper *sweeper = &agent->sweeper;
	size_t keepers = keeper_pid(agent->keeper) > 0;
	size_t known = sweeper->leaders + keepers + sweeper->strangers.len;
	struct pids children = { 0 };
	bool told;
	size_t i;

	if (agent->left)
		return;
	for (i = 0; i < sweeper->n_ending; i++)
		sweeper->ending[i]->strays = 0;
	told = brood_list(&sweeper->brood, &children);
	if (!told && !sweeper->blind_told)
		log_warn("this kernel does not list children: what a task puts into a "
			 "session of its own outlives it");
	sweeper->blind_told = sweeper->blind_told || !told;
	sweeper->alone = told && children.len == known && sweeper->strangers.len == 0;
	if (told && children.len != known)
		judge_all(agent, &children);
	pids_release(&children);
	finish_swept(agent);
	sweeper->alone = false;
}

/* Of what may live on, only an orphan that has ended brings others to light. */
static void
child_ended(void *arg)
{
	struct agent *agent = arg;
	siginfo_t ended = { 0 };

	keeper_mend(agent->keeper);
	if (agent->sweeper.n_ending == 0 &&
	    waitid(P_ALL, 0, &ended, WEXITED | WNOHANG | WNOWAIT) == 0 &&
	    ended.si_pid == 0)
		return;
	sweep_look(agent);
}

void
sweep_init(struct agent *agent)
{
	struct pids children = { 0 };
	size_t i;

	strays_adopt();
	brood_open(&agent->sweeper.brood);
	(void)brood_list(&agent->sweeper.brood, &children);
	for (i = 0; i < children.len; i++)
		if (children.list[i] != keeper_pid(agent->keeper))
			add(&agent->sweeper.strangers, children.list[i]);
	pids_release(&children);
	loop_watch_children(agent->loop, child_ended, agent);
}

void
sweep_release(struct agent *agent)
{
	pids_release(&agent->sweeper.strangers);
	brood_close(&agent->sweeper.brood);
	free(agent->sweeper.ending);
	agent->sweeper.ending = NULL;
}

void
sweep_abandoned(struct agent *agent)
{
	const char **tokens = xcalloc(
	    ledger_count(&agent->ledger, HELD_RUNNING) + 1, sizeof *tokens);
	struct held_row *row = NULL;
	size_t n = 0;

	while ((row = ledger_next(&agent->ledger, row)) != NULL)
		if (row->state == HELD_RUNNING)
			tokens[n++] = row->task.token;
	if (n > 0)
		strays_kill(tokens, n);
	free(tokens);
}
