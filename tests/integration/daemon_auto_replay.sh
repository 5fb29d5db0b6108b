#!/bin/sh
# SPDX-License-Identifier: MIT
# Dead letters of a type with auto_replay are replayed by themselves: only the categories
# that it names, a task at most three times, never one whose run is gone.
. "${srcdir:-.}/tests/integration/lib.sh"
. "$src/tests/integration/daemon_lib.sh"

start_redis
cat >"$types/flaky.yaml" <<'END'
auto_replay: {enabled: true, categories: [exit], batch: 2}
END
cat >"$types/other.yaml" <<'END'
auto_replay: {enabled: true}
END
echo 'dead_letters: {auto_replay_delay: 100ms}' >"$work/reeve.yaml"
start_daemon -c "$work/reeve.yaml"
cat >"$work/does" <<'END'
#!/bin/sh
echo "$REEVE_RUN_ID $REEVE_TASK_ID" >>"$1/tries"
case $REEVE_TASK_ID:$REEVE_ATTEMPT in
heals:1 | t:*) exit 3 ;;
esac
END
chmod +x "$work/does"
agent F flaky --concurrency 4 -- "$work/does" "$work"
agent O other -- "$work/does" "$work"
agent P plain -- "$work/does" "$work"
flow() {
	printf 'name: %s\ntasks: [{id: %s, agent: %s, prompt: x}]\n' "$1" "${2:-t}" "$1" \
		>"$work/flow.yaml"
	submit "$work/flow.yaml"
}
tries() {
	grep -c "^$1 " "$work/tries"
}
tries_are() {
	[ "$(tries "$1")" = "$2" ]
}

# four tries in all, and then it is left to people
flow flaky
never=$run
flow other
flow plain
plain=$run
letters_of() {
	[ "$(api "/api/v1/dlq?run=$1&state=$2" | jq '.items | length')" = "$3" ]
}
wait_until 30 letters_of "$never" all 4
is 'tries' "$(tries "$never")" 4
is 'open' "$(api "/api/v1/dlq?run=$never" | jq -r '.items[0].replays')" 3
metric_is reeve_dead_letters_auto_replayed_total 3 || fail 'counted'
has 'who did it' "$(events audit.dlq_replay)" 'auto_replay'
has 'it is said' "$(cat "$reeved_log")" 'without being asked'

# it helps
flow flaky heals
wait_until 20 run_is "$run" succeeded
is 'tries' "$(task "$run" heals .attempt)" 2

# a run that is gone: the letter stays
redis XADD 'reeve:{0}:q:flaky:dlq' '*' run 000000000aaaaaaaaaa-0 task t workflow w \
	category exit attempts 1 index 0 kind prompt failed_at 1000 >/dev/null
flow flaky
wait_until 30 letters_of "$run" all 4
is 'the letter of a run that is gone' "$(api '/api/v1/dlq?run=000000000aaaaaaaaaa-0' |
	jq '.items | length')" 1

# by then the others would have been looked at many times
is 'another category' "$(api '/api/v1/dlq?type=other' | jq -r '.items[0].replays')" 0
is 'no auto_replay' "$(tries "$plain")" 1
is 'and a person may' "$(reeve dlq replay "$(api "/api/v1/dlq?run=$never" |
	jq -r '.items[0].id')" | grep -c replayed)" 1
wait_until 20 tries_are "$never" 5
stop_daemon

# faults of the file
cat >"$types/flaky.yaml" <<'END'
auto_replay: {enabled: perhaps, categories: [often], batch: 0, max: 3}
END
launch_daemon -c "$work/reeve.yaml"
faults() {
	[ "$(grep -c "flaky.yaml:1:.*error" "$reeved_log")" = 4 ]
}
wait_until 20 faults
