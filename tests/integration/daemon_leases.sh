#!/bin/sh
# SPDX-License-Identifier: MIT
# Work of a dead agent comes back after its lease; what a lost group held is handed out anew;
# a living agent that works longer than its lease keeps its task.
. "${srcdir:-.}/tests/integration/lib.sh"
. "$src/tests/integration/daemon_lib.sh"

start_daemon
own_redis

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
begun() {
	[ "$(grep -c begun "$work/begun" 2>/dev/null)" = "$1" ]
}

# a dead agent
agent A shell --allow-run --lease 3s
wait_until 10 reeve workflows show long
submit long
first=$run
wait_until 10 begun 1
kill -KILL "$agent_pid"
agent B shell --allow-run --lease 3s
wait_until 20 begun 2
is 'attempt' "$(task "$first" a .attempt)" 2
is 'crashes' "$(task "$first" a .crashes)" 1
wait_until 5 metric_is reeve_attempts_lost_total 1

# B works on for more than its lease: nothing is taken from it
beats() {
	[ "$(redis HGET 'reeve:{0}:beats' B)" -ge "$1" ]
}
wait_until 20 beats 6
begun 2 || fail 'the task of a living agent was given away'

# the group is lost while B runs one task and another waits undelivered
submit long
second=$run
wait_until 5 task_is "$second" a queued
redis XGROUP DESTROY 'reeve:{0}:q:shell' shell_consumers >/dev/null
group_back() {
	[ "$(redis XINFO GROUPS 'reeve:{0}:q:shell' | grep -c shell_consumers)" = 1 ]
}
wait_until 10 group_back
: >"$work/go"
wait_until 10 run_is "$first" succeeded
is 'its attempt is the one that ran on' "$(task "$first" a .attempt)" 2
wait_until 40 run_is "$second" succeeded
begun 3 || fail "executed $(grep -c begun "$work/begun") times, not 3"
is 'dispatched anew' "$(task "$second" a .attempt)" 2
counted() {
	[ "$(metric "reeve_audit_repairs_total{kind=\"$1\"}")" -ge 1 ]
}
wait_until 10 counted entry_unowned

# without an agent that might make the group, the daemon does
kill -TERM "$agent_pid"
wait_until 20 gone "$agent_pid"
submit long
wait_until 5 task_is "$run" a queued
redis XGROUP DESTROY 'reeve:{0}:q:shell' shell_consumers >/dev/null
wait_until 10 counted group
wait_until 10 group_back
agent C shell --allow-run --lease 3s
wait_until 40 run_is "$run" succeeded

# nothing is left behind
settled() {
	[ "$(redis XLEN 'reeve:{0}:q:shell')" = 0 ]
}
wait_until 10 settled
stop_daemon
