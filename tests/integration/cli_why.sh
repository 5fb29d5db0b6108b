#!/bin/sh
# SPDX-License-Identifier: MIT
# reeve why names the blocker and how it came to that; reeve audit lists who asked for what.
. "${srcdir:-.}/tests/integration/lib.sh"
. "$src/tests/integration/daemon_lib.sh"
# shellcheck disable=SC2119
start_redis
start_daemon

# why WHAT FILTER: of the answer, by jq
why() {
	reeve --json why "$1" | jq -r "$2"
}

# why_is WHAT FILTER VALUE
why_is() {
	[ "$(why "$1" "$2")" = "$3" ]
}

cat >"$work/steps.yaml" <<'END'
name: steps
tasks:
  - {id: build, agent: maker, prompt: x}
  - {id: check, agent: maker, needs: [build], run: "exit 3", retry: {max_attempts: 2, delay: 1m, max_delay: 1m, jitter: 0}}
  - {id: ship, agent: maker, needs: [check], prompt: x}
  - {id: tell, agent: maker, needs: [ship], prompt: x}
END
cp "$work/steps.yaml" "$flows/steps.yaml"
wait_until 10 known_runs 1
run=$(api /api/v1/runs | jq -r '.items[0].id')
steps=$run

# a chain of dependencies is followed to its beginning; nobody serves the type
wait_until 20 why_is "$run/tell" '.blockers[0].command' 'reeve-agent --type maker -- COMMAND'
is 'the task that could move' "$(why "$run/tell" '.blockers[0].task')" build
is 'its kind' "$(why "$run/tell" '.blockers[0].kind')" agent
is 'one blocker' "$(why "$run/tell" '.blockers | length')" 1
has 'who started it' "$(why "$run" '.history[].text')" 'steps.yaml#steps was dropped'

# back-off, with the time; what failed is told
agent maker-1 maker --allow-run -- true
wait_until 20 why_is "$run/check" .status waiting
is 'back-off' "$(why "$run/ship" '.blockers[0] | "\(.task) \(.kind)"')" 'check backoff'
is 'until' "$(why "$run/check" '.blockers[0].until | type')" string
has 'why it is tried again' "$(why "$run/check" '.history[].text')" \
	'attempt 1 failed (exit: exit code 3); it is tried again'
try why "$run/check"
is 'exit code' "$code" 0
has 'for people' "$out" 'backoff: '
has 'for people' "$out" 'how it came to this'

# a limit of the run
cat >"$work/tight.yaml" <<'END'
name: tight
max_parallel: 1
tasks: [{id: one, agent: absent, prompt: x}, {id: two, agent: absent, prompt: x}]
END
submit "$work/tight.yaml"
tight=$run
run=$steps
is 'a limit' "$(why "$tight/two" '.blockers[0].kind')" max_parallel
has 'its numbers' "$(why "$tight/two" '.blockers[0].detail')" '1 of max_parallel 1'

# of what has ended
reeve cancel "$run" >/dev/null
is 'an ended run waits for nothing' "$(why "$run" '.blockers | length')" 0
has 'who ended it' "$(why "$run" '.history[].text')" "cancel: by uid:$(id -u)"
is 'its state' "$(why "$run/check" .status)" cancelled
try why "$run/nobody"
is 'no such task' "$code" 3
has 'no such task' "$err" "no task 'nobody'"
try why 0000
is 'no such run' "$code" 3

# the trail
reeve run steps >/dev/null
audit() {
	reeve --json audit "$@"
}
is 'newest first' "$(audit | jq -r '[.items[].type] | join(" ")')" \
	'audit.submit audit.cancel audit.submit audit.drop'
is 'who' "$(audit --type cancel | jq -r '.items[0].actor | "\(.name) \(.role) \(.via)"')" \
	"uid:$(id -u) admin socket"
is 'about which run' "$(audit --type cancel | jq -r '.items[0].run')" "$run"
is 'by somebody else' "$(audit --actor nobody | jq '.items | length')" 0
is 'of a run' "$(audit --run "$run" | jq '.items | length')" 2
cursor=$(audit --limit 1 | jq -r .next_cursor)
is 'the next page' "$(audit --limit 1 --cursor "$cursor" | jq -r '.items[0].type')" audit.cancel
try audit --cursor nonsense
[ "$code" -ne 0 ] || fail 'a cursor that is none was taken'
try audit
has 'for people' "$out" 'cancel'
# it outlives the daemon
kill_daemon
start_daemon
is 'after a kill' "$(audit | jq '.items | length')" 4
