#!/bin/sh
# SPDX-License-Identifier: MIT
# A drained agent takes nothing new, ends what it runs, and stays drained over restarts.
. "${srcdir:-.}/tests/integration/lib.sh"
. "${srcdir:-.}/tests/integration/daemon_lib.sh"
start_redis
start_daemon

cat >"$work/wait" <<'END'
#!/bin/sh
# waits until the file named like its task is there, then says who did it
while [ ! -e "$1/$REEVE_TASK_ID" ]; do perl -e 'select undef, undef, undef, 0.05'; done
END
chmod +x "$work/wait"
mkdir "$work/go"
flow() {
	echo "{name: flow, on: manual, tasks: [{id: $1, agent: t, prompt: x}]}"
}
agent_status() {
	api "/api/v1/agents/$1" | jq -r .status
}
status_is() {
	[ "$(agent_status "$1")" = "$2" ]
}
knows() {
	grep -q "$2" "$work/$1.log"
}

agent one t --lease 3s -- "$work/wait" "$work/go"
one_pid=$agent_pid
wait_until 10 status_is one active

# --- it has a task; drained it ends that, and nothing new goes to it
flow first >"$work/first.yaml"
submit "$work/first.yaml"
first=$run
wait_until 10 task_is "$first" first running
try drain one --why 'new driver'
is 'drain' "$code" 0
has 'drain' "$out" draining
has 'drain' "$out" 'new driver'
try drain one
is 'drained twice' "$code" 5
has 'drained twice' "$err" 'drained already'
try drain nobody
is 'nobody' "$code" 3
wait_until 10 knows one 'drained by the orchestrator'
flow second >"$work/second.yaml"
submit "$work/second.yaml"
second=$run
wait_until 10 task_is "$second" second queued
touch "$work/go/first"
wait_until 10 run_is "$first" succeeded
is 'the second waits' "$(task "$second" second .status)" queued
is 'it holds nothing' "$(api /api/v1/agents/one | jq .running)" 0
try --json groups t
is 'group' "$(echo "$out" | jq -c '[.name, .consumers, .agents[0].id, .agents[0].drained.kind]')" \
	'["t_consumers",1,"one","asked"]'

degraded() {
	[ "$(api /api/v1/consumer-groups/health | jq -r .status)" = degraded ]
}
wait_until 10 degraded
counts_are() {
	[ "$(api /api/v1/consumer-groups/t |
		jq -c '[.queued, .running, .oldest_ms > 0]')" = "$1" ]
}
wait_until 10 counts_are '[1,0,true]'

# --- another takes it
agent two t --lease 3s -- "$work/wait" "$work/go"
touch "$work/go/second"
wait_until 10 run_is "$second" succeeded
is 'who did it' "$(task "$second" second .agent)" two

# --- both restart: it is drained still
stop_daemon
start_daemon
kill -TERM "$one_pid"
ended "$one_pid" 10
agent one t --lease 3s -- "$work/wait" "$work/go"
wait_until 10 status_is one draining
try drain two
is 'drain two' "$code" 0
wait_until 10 knows two 'drained by the orchestrator'
flow third >"$work/third.yaml"
submit "$work/third.yaml"
third=$run
wait_until 10 task_is "$third" third queued
touch "$work/go/third"
is 'agents' "$(reeve --json agents | jq -c '[.items[] | [.id, .status]]')" \
	'[["one","draining"],["two","draining"]]'

# --- undrained it goes on
try undrain one
is 'undrain' "$code" 0
has 'undrain' "$out" active
wait_until 10 run_is "$third" succeeded
is 'who did it' "$(task "$third" third .agent)" one
try undrain one
is 'undrained twice' "$code" 5

# --- as document 001 says it
is 'by its group' "$(api /api/v1/consumer-groups/t_consumers/consumers/one -X DELETE | jq -r .status)" \
	draining
is 'of another group' "$(api /api/v1/consumer-groups/no_consumers/consumers/one -X DELETE |
	jq -r .error.code)" not_found
is 'metrics' "$(api /api/v1/consumer-groups/metrics | jq -c '[.groups, .agents.draining]')" '[1,2]'

# --- who asked stands in the trail
reeve --json audit >"$work/audit.json"
is 'audited' "$(jq -r '[.items[] | .type] | sort | unique_by(.) | join(" ")' "$work/audit.json" |
	tr ' ' '\n' | grep -c drain)" 2
is 'actors' "$(jq -r '[.items[] | select(.type | test("drain")) | .actor.name] | unique | .[]' \
	"$work/audit.json")" "uid:$(id -u)"
[ -n "$(events agent.drained)" ] || fail 'no event agent.drained'
