#!/bin/sh
# SPDX-License-Identifier: MIT
# A completion that was read may wait for a later trim; whoever owns the partition by then
# trims it, also when no other completion comes.
. "${srcdir:-.}/tests/integration/lib.sh"
. "$src/tests/integration/daemon_lib.sh"
# shellcheck disable=SC2119
start_redis
start_daemon

completions() {
	redis XLEN 'reeve:{0}:done'
}
no_completions() {
	[ "$(completions)" = 0 ]
}

cat >"$work/chain.yaml" <<'YAML'
name: chain
tasks:
  - {id: a, agent: hand, prompt: x}
  - {id: b, agent: nobody, prompt: x, needs: a}
YAML
submit "$work/chain.yaml"
wait_until 10 task_is "$run" a queued
token=$(redis XRANGE 'reeve:{0}:q:hand' - + | grep -A1 '^token$' | tail -n 1)
redis XADD 'reeve:{0}:done' '*' run "$run" task a token "$token" status 'done' >/dev/null
wait_until 10 task_is "$run" b queued
is 'it waits behind the hand-out' "$(completions)" 1
kill_daemon
start_daemon
is 'it still waits' "$(completions)" 1
reeve cancel "$run" >/dev/null
wait_until 10 run_is "$run" cancelled
wait_until 10 no_completions
