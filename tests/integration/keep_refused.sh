#!/bin/sh
# SPDX-License-Identifier: MIT
# Redis refuses every write because it cannot save (MISCONF): no answer is lost, nobody is
# taken for dead, reads answer, /ready says why; then all of it goes on by itself.
. "${srcdir:-.}/tests/integration/lib.sh"
. "$src/tests/integration/daemon_lib.sh"
start_redis --save '' --stop-writes-on-bgsave-error yes

not_ready() {
	! ready
}
reason() {
	api /ready | jq -r '.reasons[0]'
}
# the RDB file cannot be put where a folder is
break_saving() {
	mkdir -p "$work/dump.rdb/in-the-way"
	redis CONFIG SET save '3600 1000000' >/dev/null
	redis BGSAVE >/dev/null
	wait_until 10 refuses
}
refuses() {
	redis SET probe 1 2>&1 | grep -q MISCONF
}
mend_saving() {
	rm -r "$work/dump.rdb"
	redis BGSAVE >/dev/null
	wait_until 10 takes
}
takes() {
	redis SET probe 1 >/dev/null 2>&1
}
finished() {
	metric_is 'reeve_runs_finished_total{status="succeeded"}' "$1"
}

# refused N: so many commands were refused since the server began
refused() {
	n=$(redis INFO errorstats | sed -n 's/^errorstat_MISCONF:count=\([0-9]*\).*/\1/p')
	[ "${n:-0}" -ge "$1" ]
}

cat >"$types/work.yaml" <<END
type: work
lease: 2s
END
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

break_saving
wait_until 10 not_ready
has 'why' "$(reason)" 'cannot write its AOF or RDB'
# writes are refused with a sentence, reads answer
try run "$work/two.yaml"
is 'exit code of run' "$code" 75
has 'what run says' "$err" 'refuses writes'
try cancel "$first"
is 'exit code of cancel' "$code" 75
try show "$first"
is 'exit code of show' "$code" 0
has 'show' "$out" running
try runs
is 'exit code of runs' "$code" 0
is 'stale' "$(api /api/v1/runs -o /dev/null -D - | grep -ic '^reeve-stale')" 1
try doctor
has 'what mends it' "$out" 'free room on the disk of Redis'
# a file waits in its folder, an agent's result with the agent
printf 'name: dropped\ntasks: [{id: a, agent: work, run: "true"}]\n' | drop dropped.yaml
: >"$work/go"
# the lease clock stands still: much longer than a lease by the wall takes nothing away
wait_until 30 refused 40
is 'attempts lost' "$(metric reeve_attempts_lost_total)" 0
is 'runs' "$(metric reeve_runs_created_total)" 1

mend_saving
wait_until 15 ready
wait_until 20 run_is "$first" succeeded
wait_until 15 created 2
wait_until 15 finished 2
is 'attempts of the task' "$(task "$first" first .attempt)" 1
is 'its outputs' "$(task "$first" first .outputs.out)" 1
is 'attempts lost' "$(metric reeve_attempts_lost_total)" 0
stop_daemon
