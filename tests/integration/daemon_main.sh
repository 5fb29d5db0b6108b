#!/bin/sh
# SPDX-License-Identifier: MIT
# A file dropped in the folder becomes finished work by agents of four types.
. "${srcdir:-.}/tests/integration/lib.sh"
. "$src/tests/integration/daemon_lib.sh"

cp "$src"/agents/*.yaml "$types"
cd "$src" # the commands of the example types are relative to it
start_daemon
for type in architect backend frontend qa; do
	agent "$type" "$type"
done
is 'the state folder is private' "$(stat -c %a "$state")" 700
is 'the socket is private' "$(stat -c %a "$REEVE_SOCKET")" 600
is "redis' socket is private" "$(stat -c %a "$state/redis.sock")" 600

try run --wait "$src/workflows/feature-development.yaml" -p feature='a "quoted" page'
is 'by hand' "$code" 0
sed 's/^on: manual/on: drop/' "$src/workflows/feature-development.yaml" |
	drop feature-development.yaml
wait_until 10 created 2
run=$(reeve --json runs --limit 1 | jq -r '.items[0].id')
wait_until 20 run_is "$run" succeeded

# outputs were handed on
has 'the plan' "$(task "$run" architecture .outputs.plan)" "$run: an API"
is 'the artifact' "$(task "$run" backend .outputs.artifact)" backend-backend.tar
is 'the verdict' "$(task "$run" testing .outputs.verdict)" passed
try logs "$run" frontend
has 'the log' "$out" 'Build the pages for backend-backend.tar'
has 'the plan in the log' "$out" "Plan: $run: an API"

# the shapes that scripts rely on
shape() {
	jq -r 'def t: if . == null then "null" else type end;
		to_entries | map("\(.key):\(.value | t)") | join(" ")'
}
run_shape=$(api "/api/v1/runs/$run" | shape)
for field in id:string workflow:string definition:string status:string params:object \
	priority:number created_at:string started_at:string finished_at:string \
	tasks_total:number tasks_done:number tasks_failed:number tasks:array error:null; do
	has 'a run' " $run_shape " " $field "
done
task_shape=$(api "/api/v1/runs/$run/tasks/backend" | shape)
for field in id:string agent_type:string status:string attempt:number crashes:number \
	needs:array agent:string ready_at:string queued_at:string \
	started_at:string finished_at:string outputs:object usage:null error:null waiting_for:null \
	approval:null; do
	has 'a task' " $task_shape " " $field "
done
has 'a time' "$(task "$run" backend .finished_at |
	grep -E '^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}\.[0-9]{3}Z$' || true)" T
flow_shape=$(api /api/v1/workflows | jq '.items[0]' | shape)
for field in name:string file:string sha256:string on:string enabled:boolean error:null \
	loaded_at:string; do
	has 'a workflow' " $flow_shape " " $field "
done
agent_shape=$(api /api/v1/agents | jq '.items[0]' | shape)
for field in id:string types:array capabilities:array concurrency:number status:string \
	running:number last_seen_at:string host:string pid:number; do
	has 'an agent' " $agent_shape " " $field "
done
is 'lists are paged' "$(api '/api/v1/runs?limit=1' | jq -r '.next_cursor | type')" string
cursor=$(api '/api/v1/runs?limit=1' | jq -r .next_cursor)
is 'newest first' "$(api '/api/v1/runs?limit=1' | jq -r '.items[0].id')" "$run"
[ "$(api "/api/v1/runs?limit=1&cursor=$cursor" | jq -r '.items[0].id')" != "$run" ] ||
	fail 'the second page is the first'
is 'the same in the CLI' "$(reeve --json show "$run" | shape)" "$run_shape"

# exit codes
try run "$src/workflows/feature-development.yaml" -p feature=x --json --wait
is 'run --wait' "$code" 0
is 'run --wait --json' "$(printf '%s' "$out" | jq -r .status)" succeeded
try show 00000000000000000zz
is 'an unknown run' "$code" 3
try runs --nonsense
is 'a wrong flag' "$code" 2
for result in duplicate late malformed unknown; do
	is "$result completions" "$(metric "reeve_completions_total{result=\"$result\"}")" 0
done
is 'entries acknowledged' "$(redis XPENDING 'reeve:{0}:q:qa' qa_consumers | head -n 1)" 0
stop_daemon
wait_until 5 gone "$redis_pid"
try runs
is 'no daemon' "$code" 4
