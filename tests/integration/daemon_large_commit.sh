#!/bin/sh
# SPDX-License-Identifier: MIT
# What a commit says goes to Redis in pieces of 256 KiB, for no Redis needs to take longer
# texts than 1 MiB (and the embedded one does not): a large run comes whole.
. "${srcdir:-.}/tests/integration/lib.sh"
. "$src/tests/integration/daemon_lib.sh"

start_daemon
own_redis
letters() { # N: so many letters
	awk -v n="$1" 'BEGIN { while (n-- > 0) printf "x" }'
}
is 'the longest text' "$(redis CONFIG GET proto-max-bulk-len | tail -n 1)" 1048576
{
	echo 'name: large'
	echo 'params: {text: {type: string, default: ""}}'
	echo 'tasks:'
	echo "  - {id: t, agent: hand, prompt: $(letters 250000)}"
} >"$work/large.yaml"
letters 250000 >"$work/text"
jq -n --rawfile yaml "$work/large.yaml" --rawfile text "$work/text" \
	'{source: $yaml, params: {text: $text}}' >"$work/body.json"
connections=$(metric reeve_redis_reconnects_total)
run=$(api /api/v1/runs -H 'Content-Type: application/json' --data-binary @"$work/body.json" |
	jq -r .id)
# shellcheck disable=SC2016  # its shell expands it
agent hand hand -- sh -c 'wc -c <"$REEVE_TASK_FILE" >"$0"' "$work/size"
wait_until 20 run_is "$run" succeeded
[ "$(cat "$work/size")" -gt 500000 ] || fail "the task file has $(cat "$work/size") bytes"
is 'connections to Redis' "$(metric reeve_redis_reconnects_total)" "$connections"
