#!/bin/sh
# SPDX-License-Identifier: MIT
# A consumer group is destroyed and an agent makes it again before the owner sees it: what
# a living agent runs goes on, and goes back to it.
. "${srcdir:-.}/tests/integration/lib.sh"
. "$src/tests/integration/daemon_lib.sh"

queue='reeve:{0}:q:shell'
start_daemon
drop long.yaml <<EOF
name: long
on: manual
tasks:
  - id: a
    agent: shell
    run: |
      echo begun >>'$work/begun'
      until [ -e '$work/go' ]; do perl -e 'select undef, undef, undef, 0.05'; done
EOF
# its second slot is free, so it reads, and meets NOGROUP
agent A shell --allow-run --concurrency 2
wait_until 10 reeve workflows show long
submit long
wait_until 10 task_is "$run" a running

# the owner stands still
kill -STOP "$reeved_pid"
redis XGROUP DESTROY "$queue" shell_consumers >/dev/null
group_back() {
	redis XINFO GROUPS "$queue" | grep -q shell_consumers
}
held_by_A() {
	redis XPENDING "$queue" shell_consumers - + 10 | grep -qx A
}
wait_until 10 group_back
if held_by_A; then
	fail 'the new group knows of the task'
fi
wait_until 10 grep -q "consumer group was lost; it goes on" "$work/A.log"
kill -CONT "$reeved_pid"
wait_until 10 held_by_A
wait_until 5 metric_is 'reeve_audit_repairs_total{kind="entry_unowned"}' 1

: >"$work/go"
wait_until 10 run_is "$run" succeeded
is 'its attempt' "$(task "$run" a .attempt)" 1
is executions "$(wc -l <"$work/begun")" 1
metric_is reeve_attempts_lost_total 0 || fail 'an attempt was counted as lost'
stop_daemon
