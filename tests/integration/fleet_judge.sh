#!/bin/sh
# SPDX-License-Identifier: MIT
# An agent that always fails among three that do not is found and drained, and comes back
# when its probation is over; what it failed at is done by others.
. "${srcdir:-.}/tests/integration/lib.sh"
. "${srcdir:-.}/tests/integration/daemon_lib.sh"
start_redis
echo 'health: {probation: 1h}' >"$work/reeve.yaml"
start_daemon -c "$work/reeve.yaml"

cat >"$work/good" <<'END'
#!/bin/sh
perl -e 'select undef, undef, undef, 0.05'
END
chmod +x "$work/good"

# tasks N: so many independent ones
tasks() {
	echo 'name: many'
	echo 'on: manual'
	echo 'defaults: {agent: t, retry: {max_attempts: 50, backoff: fixed, delay: 100ms, jitter: 0}}'
	echo 'tasks:'
	for n in $(seq 1 "$1"); do
		echo "  - {id: n$n, prompt: x}"
	done
}
drained_by_the_judge() {
	api /api/v1/agents/bad | jq -e '.drained.kind == "failing"'
}
recovered() {
	[ -n "$(events agent.recovered)" ]
}

for n in 1 2 3; do
	agent "good$n" t --concurrency 2 -- "$work/good"
done
agent bad t --concurrency 2 -- false
tasks 120 >"$work/many.yaml"
submit "$work/many.yaml"
wait_until 20 drained_by_the_judge
wait_until 20 run_is "$run" succeeded

# --- it is told, with the numbers
has 'event' "$(events agent.marked)" failing
has 'event' "$(events agent.drained)" 'peers_failure_rate'
is 'who drained it' "$(api /api/v1/agents/bad | jq -r .drained.by)" reeved
is 'the others' "$(api '/api/v1/agents?type=t' | jq -c '[.items[] | select(.drained) | .id]')" \
	'["bad"]'
has 'agents' "$(reeve agents)" 'failing: '
is 'health' "$(api /api/v1/agents/good1 | jq -c '[.health[0].mark, .health[0].attempts > 5]')" \
	'["ok",true]'

# --- and comes back
echo 'health: {probation: 1s}' >"$work/reeve.yaml"
kill -HUP "$reeved_pid"
wait_until 20 recovered
is_active() {
	[ "$(api /api/v1/agents/bad | jq -r .status)" = active ]
}
wait_until 10 is_active
judged_anew() {
	[ "$(api /api/v1/agents/bad | jq -c '[.health[0].mark, .health[0].attempts]')" = '["ok",0]' ]
}
wait_until 10 judged_anew
