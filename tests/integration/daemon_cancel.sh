#!/bin/sh
# SPDX-License-Identifier: MIT
# A cancelled run is cancelled at once, its processes end within a beat, and twice is refused.
. "${srcdir:-.}/tests/integration/lib.sh"
. "$src/tests/integration/daemon_lib.sh"

start_daemon
own_redis
agent A shell --allow-run --lease 3s
cat >"$work/long.yaml" <<EOF
name: long
tasks:
  - {id: a, agent: shell, run: "echo \$\$ >'$work/child'; exec perl -e 'select undef, undef, undef, 600'"}
  - {id: b, agent: shell, needs: [a], run: "true"}
EOF
submit "$work/long.yaml"
wait_until 10 test -s "$work/child"
child=$(cat "$work/child")

try cancel "$run"
is 'exit' "$code" 0
is 'the run' "$(run_status "$run")" cancelled
is 'what ran' "$(task "$run" a .status)" cancelled
is 'what waited' "$(task "$run" b .status)" cancelled
wait_until 10 gone "$child"
settled() {
	[ "$(redis XLEN 'reeve:{0}:q:shell')" = 0 ] && [ "$(redis SCARD 'reeve:{0}:cancel')" = 0 ]
}
wait_until 10 settled
is 'the late result changed nothing' "$(run_status "$run")" cancelled

try cancel "$run"
is 'twice' "$code" 5
try cancel 000000000aaaaaaaaaa-0
is 'no such run' "$code" 3
has 'who did it' "$(events audit.cancel)" 'uid:'

# one task: what depends on it follows by its needs, the others go on
cat >"$work/tasks.yaml" <<EOF
name: tasks
tasks:
  - {id: a, agent: shell, run: "echo \$\$ >'$work/child2'; exec perl -e 'select undef, undef, undef, 600'"}
  - {id: b, agent: shell, needs: [a], run: "true"}
  - {id: c, agent: shell, needs: [{task: a, on: done}], run: "true"}
EOF
submit "$work/tasks.yaml"
wait_until 10 test -s "$work/child2"
try cancel "$run/b"
is 'a task that waits' "$code" 0
is 'a task that waits' "$(task "$run" b .status)" cancelled
try cancel "$run/b"
is 'twice' "$code" 5
try cancel "$run/nothing"
is 'no such task' "$code" 3
wait_until 10 run_is "$run" running
try cancel "$run/a"
is 'a task that runs' "$code" 0
is 'a task that runs' "$(task "$run" a .status)" cancelled
wait_until 10 gone "$(cat "$work/child2")"
wait_until 10 run_is "$run" cancelled
is 'what needs it done' "$(task "$run" c .status)" succeeded
wait_until 10 settled
has 'who did it' "$(events audit.cancel)" 'uid:'

# the agent is free again
cat >"$work/short.yaml" <<EOF
name: short
tasks: [{id: a, agent: shell, run: "true"}]
EOF
try run --wait "$work/short.yaml"
is 'next run' "$code" 0
stop_daemon
