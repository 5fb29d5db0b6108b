#!/bin/sh
# SPDX-License-Identifier: MIT
# Redis is nearly full, full, and has room again: nothing new starts, agents go on, reads
# answer, /ready says why; then all of it goes on by itself.
. "${srcdir:-.}/tests/integration/lib.sh"
. "$src/tests/integration/daemon_lib.sh"
# shellcheck disable=SC2119
start_redis

not_ready() {
	! ready
}
reason() {
	api /ready | jq -r '.reasons[0]'
}
# limit PERCENT: maxmemory so that what is used now is so much of it
limit() {
	used=$(redis INFO memory | sed -n 's/^used_memory:\([0-9]*\).*/\1/p')
	redis CONFIG SET maxmemory $((used * 100 / $1)) >/dev/null
}
finished() {
	metric_is 'reeve_runs_finished_total{status="succeeded"}' "$1"
}

redis SETRANGE ballast 60000000 x >/dev/null
start_daemon
agent work-1 work --allow-run --concurrency 4
cat >"$work/two.yaml" <<END
name: two
tasks:
  - {id: first, agent: work, run: "while [ ! -e '$work/go' ]; do sleep 0.1; done; echo out=1 >>\$REEVE_OUTPUT_FILE"}
  - {id: second, agent: work, needs: [first], run: "echo second"}
END
submit "$work/two.yaml"
first=$run
wait_until 10 task_is "$first" first running

# --- nearly full -------------------------------------------------------------------------
limit 95
wait_until 10 not_ready
has 'why' "$(reason)" 'nearly full'
try run "$work/two.yaml"
is 'exit code of run' "$code" 75
has 'what run says' "$err" 'nearly full'
try doctor
has 'what doctor says' "$out" 'nearly full'
has 'what mends it' "$out" 'reeve purge --older-than'
printf 'name: dropped\ntasks: [{id: a, agent: work, run: "true"}]\n' | drop dropped.yaml
try runs
is 'exit code of runs' "$code" 0
has 'runs' "$out" two
try show "$first"
is 'exit code of show' "$code" 0

# --- full: what is allowed then still works -------------------------------------------------
limit 150
redis SET more 1 2>/dev/null && fail 'this redis is not full'
: >"$work/go"
wait_until 15 task_is "$first" first succeeded
is 'its outputs' "$(task "$first" first .outputs.out)" 1
# handed out to nobody
is 'the next task' "$(task "$first" second .status)" ready
is 'entries' "$(redis XLEN 'reeve:{0}:q:work')" 0
is 'runs while it is full' "$(metric reeve_runs_created_total)" 1
try cancel "$first"
is 'exit code of cancel' "$code" 0
wait_until 10 run_is "$first" cancelled

# --- room again: by itself ---------------------------------------------------------------------
redis CONFIG SET maxmemory 0 >/dev/null
wait_until 10 ready
wait_until 10 created 2
wait_until 15 finished 1
submit "$work/two.yaml"
wait_until 15 run_is "$run" succeeded
stop_daemon
