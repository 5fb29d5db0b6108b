#!/bin/sh
# SPDX-License-Identifier: MIT
# Pools: their units hold over a crash, a reload changes them, and what waits says for what.
. "${srcdir:-.}/tests/integration/lib.sh"
. "$src/tests/integration/daemon_lib.sh"

hold="perl -e 'select undef, undef, undef, 0.02 until -e \$ARGV[0]'"

# configure TEXT: the pools
configure() {
	printf 'pools: %s\n' "$1" >"$work/reeve.yaml"
}

reload() {
	kill -HUP "$reeved_pid"
}

# --- what the file says -----------------------------------------------------------------
printf 'pools:\n  llm: {units: many}\n  gpu: {unit: 2}\n  9x: {units: 1}\n  web: 3\n' \
	>"$work/reeve.yaml"
code=0
"$top/reeved" -c "$work/reeve.yaml" --state-dir "$work/none" --check >"$work/check" 2>&1 || code=$?
is 'faults' "$code" 1
has 'not a number' "$(cat "$work/check")" "reeve.yaml:2:16: error: 'pools.NAME.units': 'many'"
has 'unknown' "$(cat "$work/check")" \
	"reeve.yaml:3:15: error: unknown key 'pools.gpu.unit'; did you mean 'pools.gpu.units'?"
has 'no name' "$(cat "$work/check")" "reeve.yaml:4:15: error: 'pools': '9x' is not a name"
has 'no map' "$(cat "$work/check")" "reeve.yaml:5:8: error: unknown key 'pools.web'"

configure '{llm: {units: 2}}'
start_daemon -c "$work/reeve.yaml"
own_redis
agent A shell --allow-run --concurrency 6
cat >"$flows/three.yaml" <<END
name: three
on: manual
defaults: {agent: shell, pool: llm}
tasks:
  - {id: a, run: "exec $hold '$work/go'"}
  - {id: b, run: "exec $hold '$work/go'"}
  - {id: c, run: "exec $hold '$work/go'", priority: low}
  - {id: free, run: "true", pool: }
END
cat >"$flows/lost.yaml" <<END
name: lost
on: manual
tasks: [{id: a, agent: shell, pool: web, run: "true"}]
END
cat >"$flows/big.yaml" <<END
name: big
on: manual
tasks: [{id: a, agent: shell, pool: {name: llm, units: 9}, run: "true"}]
END
cat >"$flows/slow.yaml" <<END
name: slow
on: manual
defaults: {agent: shell, pool: llm}
tasks:
  - id: a
    run: |
      echo '{"status": "throttled", "retry_after": "1h"}' >"\$REEVE_RESULT_FILE"
  - {id: b, run: "true", priority: low}
END
workflows_are() {
	[ "$(reeve --json workflows | jq '.items | length')" = "$1" ]
}
wait_until 10 workflows_are 4

# waits_for RUN TASK KIND
waits_for() {
	[ "$(task "$1" "$2" '.waiting_for.kind')" = "$3" ]
}

# in_use N: units of the pool
in_use() {
	metric_is 'reeve_pool_units_in_use{pool="llm"}' "$1"
}

# --- units ------------------------------------------------------------------------------------
submit three
wait_until 10 task_is "$run" a running
wait_until 10 task_is "$run" b running
wait_until 10 task_is "$run" free succeeded
wait_until 10 waits_for "$run" c pool
in_use 2 || fail 'two units are in use'
why=$(reeve why "$run/c")
has 'why' "$why" '2 of 2 are in use, 1 tasks wait for it'
has 'who' "$why" "$run/a"
has 'mend' "$why" 'kill -HUP'
is 'health' "$(api /health/comprehensive | jq -c '.parts.pools.items[0] | [.name, .units, .in_use]')" \
	'["llm",2,2]'
kill_daemon
start_daemon -c "$work/reeve.yaml"
wait_until 10 in_use 2
wait_until 10 waits_for "$run" c pool
configure '{llm: {units: 3}}'
reload
wait_until 10 task_is "$run" c running
in_use 3 || fail 'three units are in use'
: >"$work/go"
wait_until 10 run_is "$run" succeeded
wait_until 10 in_use 0

# --- what is not there, or never can be ------------------------------------------------------------
submit lost
wait_until 10 waits_for "$run" a pool
has 'unknown' "$(task "$run" a .waiting_for.detail)" 'the configuration has no pool web'
has 'a finding' "$(api /health/comprehensive | jq -r '.findings[].text')" \
	"workflow 'lost': task a needs pool 'web'"
printf 'pools: {web: {units: x}}\n' >"$work/reeve.yaml"
reload
wait_until 10 grep -q 'nothing was changed' "$reeved_log"
configure '{llm: {units: 3}, web: {per_second: 100}}'
reload
wait_until 10 run_is "$run" succeeded
submit big
wait_until 10 run_is "$run" failed
has 'too much' "$(reeve show "$run")" 'needs 9 units of pool llm, which has 3'

# --- a provider's limit ----------------------------------------------------------------------------
configure '{llm: {units: 1}}'
reload
lost_web() {
	api /health/comprehensive | jq -r '.findings[].text' | grep -q "needs pool 'web'"
}
wait_until 10 lost_web
submit slow
wait_until 10 waits_for "$run" a throttled
wait_until 10 waits_for "$run" b throttled
has 'the pool' "$(task "$run" b .waiting_for.detail)" 'nothing is handed to pool llm'
metric_is 'reeve_pool_held{pool="llm"}' 1 || fail 'held'
reeve cancel "$run"
wait_until 10 run_is "$run" cancelled
stop_daemon
