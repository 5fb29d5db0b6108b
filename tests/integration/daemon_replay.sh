#!/bin/sh
# SPDX-License-Identifier: MIT
# A dead letter is replayed once: its run goes on from there, or a run of its own does it
# when that has expired; one, edited, by filter, at a rate, also after a restart.
. "${srcdir:-.}/tests/integration/lib.sh"
. "$src/tests/integration/daemon_lib.sh"

start_redis
start_daemon
# fails until it is mended; writes down what it was given
cat >"$work/does" <<'END'
#!/bin/sh
printf '%s %s %s\n' "$REEVE_RUN_ID" "$REEVE_TASK_ID" "$1" >>"$2/done"
echo "given=$1" >>"$REEVE_OUTPUT_FILE"
[ -e "$2/mended" ] || exit 3
END
chmod +x "$work/does"
agent B breaker --concurrency 4 -- "$work/does" '{prompt}' "$work"
cat >"$work/json" <<'END'
#!/bin/sh
cat >"$1/payload.json"
[ -e "$1/mended" ] || exit 3
END
chmod +x "$work/json"
agent J json --stdin json -- "$work/json" "$work"
cat >"$work/flow.yaml" <<'END'
name: flow
tasks:
  - {id: a, agent: breaker, prompt: first}
  - {id: b, agent: breaker, needs: [a], prompt: "after ${{ tasks.a.outputs.given }}"}
END
letters() {
	api "/api/v1/dlq?$1" | jq '.items | length'
}
letters_are() {
	[ "$(letters "$1")" = "$2" ]
}
# fail_run [FILE]: a run that leaves letters; sets $run
fail_run() {
	rm -f "$work/mended"
	submit "${1:-$work/flow.yaml}"
	wait_until 20 run_is "$run" failed
}
letter_of() {
	api "/api/v1/dlq?run=$run&state=all" | jq -r '.items[0].id'
}

# the run goes on, once
fail_run
id=$(letter_of)
is 'what was skipped' "$(task "$run" b .status)" skipped
try dlq replay "$id" --dry-run
is 'dry run' "$out" "$id would be replayed: $run/a"
is 'nothing happened' "$(run_status "$run")" failed
touch "$work/mended"
try dlq replay "$id"
is 'exit code' "$code" 0
is 'what it says' "$out" "$id replayed: $run/a"
wait_until 20 run_is "$run" succeeded
is 'another attempt' "$(task "$run" a .attempt)" 2
is 'what was skipped ran' "$(task "$run" b .outputs.given)" 'after first'
is 'the mark' "$(reeve dlq show "$id" --json | jq -r .replayed_as)" "$run"
is 'open letters of the run' "$(redis HGET "reeve:{0}:run:$run" dl)" ''
is 'open letters' "$(letters '')" 0
is 'replayed ones' "$(letters state=replayed)" 1
try dlq replay "$id"
is 'twice' "$code" 5
has 'why' "$err" 'was replayed already'
has 'who did it' "$(events audit.dlq_replay)" "$id"

# it fails again: a new letter, the old one stays replayed; also over a restart
fail_run
id=$(letter_of)
try dlq replay "$id" --json --priority-boost
is 'the run' "$(printf '%s' "$out" | jq -r '"\(.run) \(.task)"')" "$run a"
again() {
	letters_are "run=$run" 1 && [ "$(letters "run=$run&state=all")" = 2 ]
}
wait_until 20 again
stop_daemon
start_daemon
try dlq replay "$id"
is 'an old letter after a restart' "$code" 5
is 'how often' "$(api "/api/v1/dlq?run=$run" | jq -r '.items[0].replays')" 1

# edited
fail_run
id=$(letter_of)
touch "$work/mended"
echo 'other words' >"$work/edited"
try dlq replay "$id" --edit "$work/edited"
is 'edited' "$code" 0
wait_until 20 run_is "$run" succeeded
has 'it got' "$(grep "$run a" "$work/done" | tail -n 1)" 'other words'
cat >"$work/json.yaml" <<'END'
name: structured
tasks: [{id: p, agent: json, payload: {n: 1}}]
END
fail_run "$work/json.yaml"
id=$(letter_of)
echo '{"n": 1,' >"$work/edited"
try dlq replay "$id" --edit "$work/edited"
is 'bad JSON' "$code" 1
has 'where' "$err" 'edited:2:'
is 'still open' "$(letters "run=$run")" 1
echo '{"n": 2}' >"$work/edited"
touch "$work/mended"
reeve dlq replay "$id" --edit "$work/edited" >/dev/null
wait_until 20 run_is "$run" succeeded
is 'it got' "$(jq -r '.payload.n' "$work/payload.json")" 2

# the run has expired: a run of its own
fail_run
id=$(letter_of)
redis DEL "reeve:{0}:run:$run" >/dev/null
redis ZREM 'reeve:{0}:fin' "$run" >/dev/null
touch "$work/mended"
# two at once: one is refused
api "/api/v1/consumer-groups/breaker_consumers/dlq/replay/${id#*:}" -X POST \
	-H "Content-Type: application/json" -o "$work/one.json" -w '%{http_code}\n' >"$work/one" &
one=$!
api "/api/v1/consumer-groups/dlq/replay/$id?priority_boost=true" -X POST \
	-H "Content-Type: application/json" -o "$work/two.json" -w '%{http_code}\n' >"$work/two"
wait "$one"
is 'one of two' "$(sort "$work/one" "$work/two" | tr '\n' ' ')" '200 409 '
new=$(reeve dlq show "$id" --json | jq -r .replayed_as)
[ "$new" != "$run" ] || fail 'the expired run came back'
wait_until 20 run_is "$new" succeeded
is 'what it is' "$(api "/api/v1/runs/$new" | jq -r '"\(.workflow) \(.replay_of) \(.tasks | length)"')" \
	"flow $run/a 1"
has 'it got' "$(grep "$new a" "$work/done")" 'first'

# by filter, bounded
reeve dlq purge --all >/dev/null
for n in 1 2 3; do
	fail_run
	runs="${runs:-} $run"
done
fail_run "$work/json.yaml"
try dlq replay --type breaker --dry-run
is 'dry run' "$(printf '%s\n' "$out" | tail -n 1)" '3 dead letters, 0 replayed (dry run)'
try dlq replay
is 'nothing said' "$code" 2
try dlq replay --category timeout
is 'none is meant' "$code" 5
try dlq replay --all --rate many
is 'a rate that is none' "$code" 2
redis XADD 'reeve:{0}:q:breaker:dlq' '*' task t run r >/dev/null
touch "$work/mended"
body=$(api /api/v1/consumer-groups/dlq/replay/batch -H 'Content-Type: application/json' -d '
	{"filter_criteria": {"failure_category": "exit", "agent_type": "breaker"},
	 "max_messages": 2, "priority_boost": true}')
is 'a batch' "$(printf '%s' "$body" | jq -r '"\(.matched) \(.replayed) \(.items[0].error)"')" '2 2 null'
try dlq replay --type breaker --rate 200/s --json
is 'the others' "$(printf '%s' "$out" | jq -r '"\(.matched) \(.replayed)"')" '2 1'
has 'what is not ours' "$out" 'not written by Reeve'
for n in $runs; do
	wait_until 20 run_is "$n" succeeded
done
try dlq replay --all --limit 2
is 'the last ones' "$(printf '%s\n' "$out" | tail -n 1)" '2 dead letters, 1 replayed'
wait_until 20 run_is "$run" succeeded
metric_is reeve_dead_letters_replayed_total 7 || fail 'replays are counted'
stop_daemon
