/* SPDX-License-Identifier: MIT */
/* The table of commands and options. */
#include "cli/command.h"

const struct cli_option cli_globals[] = {
	{ "url", 0, "URL", "the daemon's address (TCP may only read)" },
	{ "socket", 0, "PATH", "the daemon's unix socket" },
	{ "token-file", 0, "FILE", "a file (mode 600) with a bearer token" },
	{ "json", 0, NULL, "prints JSON, errors too" },
	{ "help", 'h', NULL, "prints help" },
	{ "version", 0, NULL, "prints the version" },
	{ NULL, 0, NULL, NULL },
};

const char *const cli_later[] = { "approve", "reject", "signal", "edit",
	"schedules",
	"events", "send", "inbox", "report", "top", "dashboard", "token",
	"agent-guide", "next", "current", "heartbeat", "done", "fail", "release", "ask",
	"checkpoint", NULL };

static const struct cli_option run_options[] = {
	{ "param", 'p', "KEY=VALUE", "sets a parameter; may be repeated" },
	{ "wait", 'w', NULL, "shows progress and waits for the end" },
	{ "timeout", 0, "DURATION", "gives up waiting (exit 1); the run goes on" },
	{ "idempotency-key", 0, "KEY", "the same key starts the same run once" },
	{ "priority", 0, "P", "0 to 9, low, normal, high or urgent" },
	{ NULL, 0, NULL, NULL },
};

static const struct cli_option runs_options[] = {
	{ "status", 's', "STATUS", "only runs in this state" },
	{ "workflow", 0, "NAME", "only runs of this workflow" },
	{ "since", 0, "TIME", "only runs since then: a time, or 12h" },
	{ "limit", 'n', "N", "at most so many (20)" },
	{ "cursor", 0, "CURSOR", "goes on behind a page: its next_cursor" },
	{ NULL, 0, NULL, NULL },
};

static const struct cli_option retry_options[] = {
	{ "task", 0, "TASK", "only this one, and what was skipped because of it" },
	{ "downstream", 0, NULL, "with --task: also all that depends on it, finished or not" },
	{ "category", 0, "C", "only what failed by this: exit, timeout, lost ..." },
	{ "status", 's', "STATUS", "of every run in this state: failed, cancelled, timed_out" },
	{ "workflow", 0, "NAME", "with --status: only runs of this workflow" },
	{ "since", 0, "TIME", "with --status: only runs since then: a time, or 12h" },
	{ "limit", 'n', "N", "with --status: at most so many runs (1000)" },
	{ "dry-run", 0, NULL, "changes nothing, says what would run again" },
	{ NULL, 0, NULL, NULL },
};

static const struct cli_option logs_options[] = {
	{ "follow", 'f', NULL, "goes on until the attempt ends" },
	{ "attempt", 0, "N", "of this attempt (the last one)" },
	{ "tail", 'n', "N", "only the last lines" },
	{ NULL, 0, NULL, NULL },
};

static const struct cli_option audit_options[] = {
	{ "type", 't', "WHAT", "only these requests: submit, cancel, ..." },
	{ "actor", 'a', "NAME", "only by this one" },
	{ "run", 0, "ID", "only about this run" },
	{ "since", 0, "TIME", "only since then: a time, or 12h" },
	{ "limit", 'n', "N", "at most so many (50)" },
	{ "cursor", 0, "CURSOR", "goes on behind a page: its next_cursor" },
	{ NULL, 0, NULL, NULL },
};

static const struct cli_option purge_options[] = {
	{ "older-than", 0, "DURATION", "runs that ended at least so long ago" },
	{ "workflow", 0, "NAME", "only runs of this workflow" },
	{ "dry-run", 0, NULL, "only says what would be removed" },
	{ NULL, 0, NULL, NULL },
};

static const struct cli_option dlq_options[] = {
	{ "type", 't', "TYPE", "only of this agent type" },
	{ "category", 'c', "CATEGORY", "only of this category: exit, timeout, lost, ..." },
	{ "workflow", 0, "NAME", "only of this workflow" },
	{ "run", 0, "ID", "only of this run, or of runs whose ids begin so" },
	{ "since", 0, "TIME", "only failed since then: a time, or 12h" },
	{ "older-than", 0, "TIME", "only failed before: a time, or 3d" },
	{ "state", 's', "STATE", "open (list), replayed, or all (the others)" },
	{ "all", 0, NULL, "replay, purge: every letter" },
	{ "priority-boost", 0, NULL, "replay: two priorities more" },
	{ "edit", 0, "FILE", "replay: of one letter, with this payload (- is standard input)" },
	{ "rate", 0, "N/s", "replay: so many a second (20)" },
	{ "dry-run", 0, NULL, "changes nothing, says what would be" },
	{ "limit", 'n', "N", "list, replay: at most so many (50; replay: all)" },
	{ "cursor", 0, "CURSOR", "list: goes on behind a page: its next_cursor" },
	{ NULL, 0, NULL, NULL },
};

static const struct cli_option graph_options[] = {
	{ "dot", 0, NULL, "for Graphviz" },
	{ "mermaid", 0, NULL, "for Markdown pages" },
	{ "svg", 0, NULL, "a picture" },
	{ NULL, 0, NULL, NULL },
};

static const struct cli_option fmt_options[] = {
	{ "check", 0, NULL, "writes nothing; exit 1 if a file would change" },
	{ "write", 'w', NULL, "rewrites the files in place" },
	{ "force", 0, NULL, "also where comments would be lost" },
	{ NULL, 0, NULL, NULL },
};

static const struct cli_option progress_options[] = {
	{ "percent", 0, "N", "how much is done, 0 to 100" },
	{ "usage", 0, "NAME=N", "what it took so far, as input_tokens=1200; may be repeated" },
	{ NULL, 0, NULL, NULL },
};

static const struct cli_option bench_options[] = {
	{ "workload", 'w', "W,...", "of W1, W1b, W2, W3, W4 (all)" },
	{ "repeat", 'n', "N", "measurements of each (5)" },
	{ "scale", 0, "F", "size of the workloads (1)" },
	{ "agents", 0, "N,...", "agent processes, 1 to 64 (1; with --spawn 2)" },
	{ "payload", 0, "BYTES,...", "text in each task: 0, 1k, 16k (0)" },
	{ "partitions", 0, "P,...", "of reeved's state, 1 to 16 (1)" },
	{ "load", 0, "N,...", "latencies at N percent of full speed, as 10,50,80" },
	{ "floors", 0, NULL, "what must be reached, met or missed; exit 1 if one is missed" },
	{ "unix", 0, NULL, "Redis on a unix socket (the default)" },
	{ "tcp", 0, NULL, "Redis on a TCP port; with --unix on both" },
	{ "appendfsync", 0, "WHEN,...", "no, everysec (the default) or always" },
	{ "source", 0, NULL, "submits YAML each time, not a workflow's name" },
	{ "growth", 0, "[KIND,...]", "what grows: live, agents, runs, dag, idle (all)" },
	{ "max", 0, "N", "no larger sizes with --growth" },
	{ "recovery", 0, "N,...", "kills reeved with so many live tasks" },
	{ "spawn", 0, NULL, "a process for each task, beside posix_spawn, make and ninja" },
	{ "slots", 0, "N", "with --spawn: of each agent, 1 to 64 (16)" },
	{ "awake", 0, NULL, "idle cores do not sleep meanwhile (root)" },
	{ "keep", 0, NULL, "leaves the temporary folders" },
	{ NULL, 0, NULL, NULL },
};

static const struct cli_option agents_options[] = {
	{ "type", 't', "TYPE", "only of this agent type" },
	{ "status", 's', "STATUS", "only active, draining or lost ones" },
	{ NULL, 0, NULL, NULL },
};

static const struct cli_option drain_options[] = {
	{ "why", 0, "TEXT", "a line for those who look later" },
	{ NULL, 0, NULL, NULL },
};

#define RUN_ABOUT "RUN is a run's id, a unique beginning of one, or @last."

const struct cli_command cli_commands[] = {
	{ "init", "[NAME]", "writes a first workflow, NAME.yaml", "Never overwrites a file.", NULL,
	    "  reeve init\n"
	    "  reeve init nightly-tests\n",
	    0, 1, cmd_init },
	{ "validate", "FILE...", "checks workflow files",
	    "Prints every fault as FILE:LINE:COL: error: text.  Exit 0 if all are right, else 1.\n"
	    "Needs no daemon.", NULL,
	    "  reeve validate workflows/*.yaml\n",
	    1, CLI_ARGS_MAX, cmd_validate },
	{ "plan", "FILE", "says what a file would do, in which order",
	    "The first column is the level: tasks of one level may run at once.", NULL,
	    "  reeve plan workflows/feature-development.yaml\n",
	    1, 1, cmd_plan },
	{ "graph", "FILE|RUN", "draws the tasks of a file or a run", NULL, graph_options,
	    "  reeve graph workflows/feature-development.yaml\n"
	    "  reeve graph @last --dot | dot -Tpng > run.png\n"
	    "  reeve graph deploy.yaml --mermaid >> README.md\n",
	    1, 1, cmd_graph },
	{ "fmt", "FILE...", "rewrites workflow files to the canonical spelling",
	    "Without --write or --check prints the result.", fmt_options,
	    "  reeve fmt old.yaml\n"
	    "  reeve fmt --write workflows/*.yaml\n"
	    "  reeve fmt --check workflows/*.yaml\n",
	    1, CLI_ARGS_MAX, cmd_fmt },
	{ "schema", "[KIND]", "prints a JSON Schema, for editors",
	    "KIND: workflow (the default), task, result, message, event, config.", NULL,
	    "  reeve schema workflow > workflow.schema.json\n",
	    0, 1, cmd_schema },
	{ "run", "WORKFLOW|FILE", "starts a run",
	    "WORKFLOW is the name of one in the watched folder; FILE a path (- is standard input).\n"
	    "Prints the run's id.  With --wait: exit 0 if it succeeded, else 1; Ctrl-C detaches\n"
	    "(exit 130) and the run goes on, as it does when --timeout passes (exit 1).",
	    run_options,
	    "  reeve run feature-development --wait\n"
	    "  reeve run ./deploy.yaml -p target=dev -p version=1.2\n"
	    "  reeve run nightly --idempotency-key nightly-2026-11-21\n",
	    1, 1, cmd_run },
	{ "runs", "", "lists runs, newest first", NULL, runs_options,
	    "  reeve runs\n"
	    "  reeve runs --status failed --since 12h\n"
	    "  reeve runs --json --limit 100 | jq -r '.items[].id'\n",
	    0, 0, cmd_runs },
	{ "show", "RUN", "shows a run with its tasks and outputs", RUN_ABOUT, NULL,
	    "  reeve show @last\n"
	    "  reeve show 01kaj2 --json\n",
	    1, 1, cmd_show },
	{ "watch", "RUN", "shows a run until it ends",
	    RUN_ABOUT "  Exit 0 if it succeeded, else 1.\nCtrl-C stops watching (exit 130).", NULL,
	    "  reeve watch @last\n",
	    1, 1, cmd_watch },
	{ "why", "RUN[/TASK]", "names what a run or a task waits for, and what mends it",
	    RUN_ABOUT "\nA chain of dependencies is followed to the task that could move.  Below it\n"
	    "stands how it came to this: who asked, what failed, who got it.", NULL,
	    "  reeve why @last\n"
	    "  reeve why @last/backend\n",
	    1, 1, cmd_why },
	{ "cancel", "RUN[/TASK]", "ends a run, or one task of it, now",
	    RUN_ABOUT "\nWhat runs is stopped by its agents within a beat; finished work is kept.  What\n"
	    "depends on a cancelled task follows by its needs: mostly it is skipped.", NULL,
	    "  reeve cancel @last\n"
	    "  reeve cancel @last/testing\n",
	    1, 1, cmd_cancel },
	{ "retry", "[RUN]", "runs again what failed or was cancelled",
	    RUN_ABOUT "\nFinished work is kept.  Without --task: all that failed or was cancelled, and what\n"
	    "was skipped because of it; also of a run that has ended: it goes on.  Attempts are\n"
	    "counted on.  Without RUN: every run that --status and its filters name, newest\n"
	    "first, 20 a second; --dry-run shows which.  Exit 5: nothing to retry.",
	    retry_options,
	    "  reeve retry @last\n"
	    "  reeve retry @last --task testing\n"
	    "  reeve retry @last --task backend --downstream\n"
	    "  reeve retry --status failed --since 12h --category lost --dry-run\n",
	    0, 1, cmd_retry },
	{ "pause", "[RUN|WORKFLOW|TYPE]", "starts nothing new of it; without a name lists what is paused",
	    "What runs goes on to its end.  Of a paused workflow new runs are accepted, and wait.\n"
	    "A paused agent type is handed nothing, whatever the run.  Timeouts of runs go on\n"
	    "counting.  Where a workflow and a type have the same name: workflow:NAME, type:NAME.", NULL,
	    "  reeve pause @last\n"
	    "  reeve pause feature-development\n"
	    "  reeve pause type:backend\n"
	    "  reeve pause\n",
	    0, 1, cmd_pause },
	{ "resume", "RUN|WORKFLOW|TYPE|budget|pool:NAME", "lets go on what is paused, or whose budget is used up",
	    "A run whose budget is used up may cost as much again; \"budget\" is the day's of all\n"
	    "runs, pool:NAME that of a pool: they may then cost as much again until the day (UTC)\n"
	    "ends.  Of an agent type it also closes an open circuit (circuit in its file): tasks\n"
	    "start again at once.", NULL,
	    "  reeve resume @last\n"
	    "  reeve resume type:backend\n"
	    "  reeve resume workflow:feature-development\n"
	    "  reeve resume budget\n",
	    1, 1, cmd_resume },
	{ "agents", "[AGENT]", "lists the agents, or shows one",
	    "RUNNING is how many tasks an agent holds, of how many that it can.  Consumers of a\n"
	    "group that never signed on have no slots.  Exit 3: no such agent.", agents_options,
	    "  reeve agents\n"
	    "  reeve agents --type backend --status lost\n"
	    "  reeve agents build-7:4711\n"
	    "  reeve agents --json | jq -r '.items[] | select(.drained) | .id'\n",
	    0, 1, cmd_agents },
	{ "groups", "[GROUP|TYPE]", "lists the agent types with their backlog, or shows one",
	    "READY waits inside the orchestrator, QUEUED in the stream, RUNNING is with agents.\n"
	    "OLDEST is how long the first of the waiting has waited.  Exit 3: no such group.", NULL,
	    "  reeve groups\n"
	    "  reeve groups backend\n"
	    "  reeve groups --json | jq '.items[] | {agent_type, ready, oldest_ms}'\n",
	    0, 1, cmd_groups },
	{ "scale", "[TYPE N|auto]", "says how many agents a type shall have, or lists it",
	    "N holds, within min_agents and max_agents of the type's file, also over restarts,\n"
	    "until auto lets the scaler say it again.  Agents that are too many finish what they\n"
	    "work on.  Exit 1: N is out of bounds; 3: no such type; 5: it is so already, or the\n"
	    "type's file has no scale.", NULL,
	    "  reeve scale\n"
	    "  reeve scale backend 4\n"
	    "  reeve scale backend auto\n",
	    0, 2, cmd_scale },
	{ "drain", "AGENT", "hands an agent nothing new",
	    "It ends what it runs; what it has not begun goes back.  It hears of it with its next\n"
	    "heartbeat (5 s).  This lasts, over restarts of the daemon and of the agent, until\n"
	    "reeve undrain.  Exit 3: no such agent; 5: it is drained already.", drain_options,
	    "  reeve drain build-7:4711\n"
	    "  reeve drain gpu-2 --why \"driver update\"\n",
	    1, 1, cmd_drain },
	{ "undrain", "AGENT", "hands an agent tasks again",
	    "Also one that the daemon drained itself because it failed too often, was slow, stuck\n"
	    "or flooded.  Exit 3: no such agent; 5: it is not drained.", NULL,
	    "  reeve undrain gpu-2\n",
	    1, 1, cmd_undrain },
	{ "workflows", "[show WORKFLOW]", "lists the workflows that the daemon has loaded",
	    "A bad file is listed with its fault; its last good version stays in use.", NULL,
	    "  reeve workflows\n"
	    "  reeve workflows show feature-development\n",
	    0, 2, cmd_workflows },
	{ "logs", "RUN [TASK]", "prints what tasks wrote", RUN_ABOUT, logs_options,
	    "  reeve logs @last\n"
	    "  reeve logs @last backend -f\n"
	    "  reeve logs 01kaj2 testing --attempt 1 --tail 50\n",
	    1, 2, cmd_logs },
	{ "audit", "", "lists who asked for what, newest first",
	    "Every request that changes something is kept for 90 days.", audit_options,
	    "  reeve audit --since 1d\n"
	    "  reeve audit --type cancel --actor uid:1000\n"
	    "  reeve audit --json | jq -r '.items[] | [.at, .type, .actor.name, .run] | @tsv'\n",
	    0, 0, cmd_audit },
	{ "recover", "accept|restore", "goes on after Redis lost its state", NULL, NULL,
	    "  reeve recover restore   # writes the live runs back from the daemon's memory\n"
	    "  reeve recover accept    # goes on with what Redis holds now\n",
	    1, 1, cmd_recover },
	{ "stats", "[WORKFLOW|TYPE]", "says what became of attempts in the last days",
	    "Attempts, tasks that succeeded only after a retry, how long successful attempts took,\n"
	    "and the time that went into failed ones, by category.  Counted by day, kept 7 days.",
	    NULL,
	    "  reeve stats\n"
	    "  reeve stats backend --json\n",
	    0, 1, cmd_stats },
	{ "dlq", "list|show|replay|purge|stats|analyze [LETTER...]", "looks after dead letters",
	    "A task that failed for good leaves a dead letter with its payload and the end of its\n"
	    "log.  Letters are dropped after 7 days, or when an agent type has 10,000.\n"
	    "replay tries the task again in its run, which goes on from there; when the run is gone\n"
	    "the task becomes a run of its own.  A letter is replayed once: twice is exit 5.\n"
	    "analyze groups alike errors, says how they develop and what to do about them.",
	    dlq_options,
	    "  reeve dlq list --category timeout --since 12h\n"
	    "  reeve dlq show backend:1763712000000-0\n"
	    "  reeve dlq analyze --type backend\n"
	    "  reeve dlq replay backend:1763712000000-0 --priority-boost\n"
	    "  reeve dlq replay backend:1763712000000-0 --edit payload.json\n"
	    "  reeve dlq replay --category lost --rate 5/s\n"
	    "  reeve dlq purge --older-than 3d --dry-run\n",
	    1, CLI_ARGS_MAX, cmd_dlq },
	{ "purge", "", "removes ended runs with their logs",
	    "Runs with an open dead letter stay.  Exit 5 if there is nothing to remove.",
	    purge_options,
	    "  reeve purge --older-than 7d --dry-run\n"
	    "  reeve purge --older-than 12h --workflow nightly\n",
	    0, 0, cmd_purge },
	{ "doctor", "", "finds what is wrong, and what mends it",
	    "Tells also what takes the room in Redis, and the command that frees it.", NULL,
	    "  reeve doctor\n",
	    0, 0, cmd_doctor },
	{ "log-level", "[LEVEL]", "shows or changes how much the daemon logs",
	    "LEVEL: error, warn, info or debug.  Lasts until the daemon restarts.", NULL,
	    "  reeve log-level debug\n",
	    0, 1, cmd_log_level },
	{ "progress", "[TEXT]", "inside a task: tells how far it is",
	    "Its agent passes the last word on with its next heartbeat; reeve show and the API\n"
	    "have it as the task's progress.  It also counts as a sign of life for stall_timeout.",
	    progress_options,
	    "  reeve progress \"12 of 40 files\" --percent 30\n"
	    "  reeve progress --usage input_tokens=1200 --usage output_tokens=300\n",
	    0, 1, cmd_progress },
	{ "bench", "", "measures this machine beside the raw limit of its Redis",
	    "Starts a redis-server and a reeved of its own for each measurement; W1 is 10,000\n"
	    "runs of one task, W1b one run of 10,000, W2 a chain of 1,000, W3 ten runs of\n"
	    "1 -> 1,000 -> 1, W4 1,000 diamonds.  Of options with several values each\n"
	    "combination is measured, in turn.  With --load, --floors, --growth and\n"
	    "--recovery the workloads are left out but those that are named.", bench_options,
	    "  reeve bench\n"
	    "  reeve bench --workload W2 --repeat 7 --json\n"
	    "  reeve bench --workload W4 --agents 1,8,64 --payload 0,1k\n"
	    "  reeve bench --load 10,50,80\n"
	    "  reeve bench --floors\n",
	    0, 0, cmd_bench },
	{ "version", "", "prints the versions of reeve and reeved", NULL, NULL,
	    "  reeve version --json\n",
	    0, 0, cmd_version },
	{ "help", "[COMMAND]", "explains a command", NULL, NULL,
	    "  reeve help run\n",
	    0, 1, cmd_help },
	{ NULL, NULL, NULL, NULL, NULL, NULL, 0, 0, NULL },
};
