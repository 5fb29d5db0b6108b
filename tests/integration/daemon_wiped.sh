#!/bin/sh
# SPDX-License-Identifier: MIT
# Single keys are deleted under a serving daemon: the counters of a dead agent (its task
# comes back all the same), and the description of the state (it is written again).
. "${srcdir:-.}/tests/integration/lib.sh"
. "$src/tests/integration/daemon_lib.sh"

start_daemon
own_redis

drop long.yaml <<YAML
name: long
on: manual
tasks:
  - id: a
    agent: shell
    run: |
      echo begun >>'$work/begun'
      until [ -e '$work/go' ]; do perl -e 'select undef, undef, undef, 0.05'; done
YAML
begun() {
	[ "$(grep -c begun "$work/begun" 2>/dev/null)" = "$1" ]
}
counted() {
	[ -n "$(redis HGET 'reeve:{0}:beats' "$1")" ]
}
known_agent() {
	api /metrics >/dev/null
	[ "$(redis XPENDING 'reeve:{0}:q:shell' shell_consumers - + 1 | grep -c A)" = 1 ]
}

# a dead agent whose counter was seen, then deleted
agent A shell --allow-run --lease 3s
wait_until 10 reeve workflows show long
submit long
wait_until 10 begun 1
wait_until 10 counted A
wait_until 10 known_agent
kill -KILL "$agent_pid"
looks=$(redis GET 'reeve:{0}:beat')
looked() {
	[ "$(redis GET 'reeve:{0}:beat')" -ge $((looks + 2)) ]
}
wait_until 10 looked
redis DEL 'reeve:{0}:beats' >/dev/null
agent B shell --allow-run --lease 3s
wait_until 20 begun 2
: >"$work/go"
wait_until 10 run_is "$run" succeeded

# the description of the state
loads=$(metric reeve_state_loads_total)
redis DEL 'reeve:{0}:meta' >/dev/null
described() {
	[ -n "$(redis HGET 'reeve:{0}:meta' nonce)" ]
}
wait_until 10 described
looks=$(redis GET 'reeve:{0}:beat')
wait_until 10 looked
wait_until 10 ready
[ "$(metric reeve_state_loads_total)" -le $((loads + 1)) ] || fail 'it reads the state again and again'
submit long
wait_until 10 run_is "$run" succeeded
stop_daemon
