#!/bin/sh
# SPDX-License-Identifier: MIT
# An agent that floods is quarantined; what others report, and what it reports itself of
# honest work, counts.
. "${srcdir:-.}/tests/integration/lib.sh"
. "${srcdir:-.}/tests/integration/daemon_lib.sh"
start_redis
REEVE_FLOOD_REPORTS=64K REEVE_FLOOD_LOGS=64K
export REEVE_FLOOD_REPORTS REEVE_FLOOD_LOGS
start_daemon

quarantined() {
	[ "$(api "/api/v1/agents/$1" | jq -r '[.status, .drained.kind] | join(" ")')" = \
		'draining flood' ]
}
flow() {
	echo "{name: $1, on: manual, tasks: [{id: a, agent: $2, prompt: x}]}" >"$work/$1.yaml"
}

# --- an agent made of redis-cli takes a task, floods, and then reports that it is done
agent honest t -- true
flow held h
submit "$work/held.yaml"
held=$run
wait_until 10 task_is "$held" a queued
redis XREADGROUP GROUP h_consumers loud COUNT 1 STREAMS 'reeve:{0}:q:h' '>' >"$work/entry"
token=$(grep -A1 '^token$' "$work/entry" | tail -n 1)
perl -e 'my $n = "x" x 512; for (1 .. 3000) {
	print "XADD reeve:{0}:done * run r task t token 00000000000000ff status done agent loud ",
		"summary $n\n" }' | redis-cli -s "$redis_socket" >/dev/null
wait_until 20 quarantined loud
redis XADD 'reeve:{0}:done' '*' run "$held" task a token "$token" status 'done' agent loud >/dev/null
wait_until 10 run_is "$held" succeeded

# --- others were served, it was told once, and not three thousand times
flow other t
submit "$work/other.yaml"
wait_until 10 run_is "$run" succeeded
is 'honest' "$(api /api/v1/agents/honest | jq -r .status)" active
has 'event' "$(events agent.quarantined)" 'reports that end nothing'
wait_until 10 metric_is 'reeve_completions_total{result="malformed"}' 3000
told=$(grep -c 'completion not taken' "$reeved_log")
[ "$told" -le 1000 ] || fail "told of $told reports"
has 'the rest' "$(cat "$reeved_log")" 'many reports that end nothing'
is 'metric' "$(metric reeve_agents_quarantined_total)" 1
has 'agents' "$(reeve agents)" 'flood: '

# --- output counts likewise
cat >"$work/shout" <<'END'
#!/bin/sh
perl -e 'print "y" x 1023, "\n" for 1 .. 4096'
END
chmod +x "$work/shout"
agent shouter s -- "$work/shout"
flow loudly s
submit "$work/loudly.yaml"
wait_until 20 quarantined shouter
wait_until 20 run_is "$run" succeeded
has 'event' "$(events agent.quarantined)" 'output: more than'

# --- somebody lifts it
try undrain loud
is 'undrain' "$code" 0
lifted() {
	! quarantined loud
}
wait_until 10 lifted
