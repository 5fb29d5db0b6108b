#!/bin/sh
# SPDX-License-Identifier: MIT
# Agents that the daemon starts: as many as the work needs, they outlive it, nothing is doubled.
. "${srcdir:-.}/tests/integration/lib.sh"
. "$src/tests/integration/daemon_lib.sh"

# ours: pids of the agents of this state folder, by its records
ours() {
	for record in "$state"/scaled/*-[0-9]; do
		[ ! -f "$record" ] || awk '{ print $2 }' "$record"
	done
}
# they outlive the daemon: whatever happens, they end with the test
end_agents() {
	code=$?
	for pid in $(ours); do
		[ "$pid" = 0 ] || started="$started $pid"
	done
	set +e
	(exit $code)
	at_end
}
trap end_agents EXIT

scale() {
	api /api/v1/scale | jq -r --arg t "$1" ".items[] | select(.type == \$t) | $2"
}
scale_is() {
	[ "$(scale "$1" "$2")" = "$3" ]
}
# signed_on N: so many of this state folder's agents have a card
signed_on() {
	[ "$(api /api/v1/agents | jq '[.items[] | select(.status == "active")] | length')" = "$1" ]
}
# what a task does: says that it did it, and waits until it may end
cat >"$work/job" <<END
#!/bin/sh
echo "\$REEVE_RUN_ID/\$REEVE_TASK_ID" >>"$work/did"
env >"$work/env"
tr '\0' '\n' </proc/\$PPID/environ >"$work/agent-env"
exec perl -e '\$f = shift; select undef, undef, undef, 0.02 until -e \$f' "$work/\$1"
END
chmod +x "$work/job"
: >"$work/did"
did() {
	[ "$(wc -l <"$work/did")" = "$1" ]
}
cat >"$types/shell.yaml" <<END
min_agents: 1
max_agents: 3
scale: {allow_run: true, cooldown: 1s, target_wait: 500ms}
END
flow() {
	echo "name: $1"
	echo 'on: manual'
	echo 'tasks:'
	for i in $(seq 1 "$3"); do
		echo "  - {id: t$i, agent: shell, run: \"exec $work/job $2\"}"
	done
}

# --- the least number is there, and shows no credentials -------------------------------
REEVE_REDIS_URL=unix:///nowhere
export REEVE_REDIS_URL
start_redis
start_daemon
unset REEVE_REDIS_URL
wait_until 15 signed_on 1
first=$(ours)
has_not 'arguments' "$(tr '\0' ' ' <"/proc/$first/cmdline")" unix:
is 'a session of its own' "$(awk '{ print $6 }' "/proc/$first/stat")" "$first"
# --- more when there is more to do, never more than there may be -----------------------
flow many go 12 >"$work/many.yaml"
submit "$work/many.yaml"
wait_until 15 scale_is shell .desired_agents 3
wait_until 15 signed_on 3
wait_until 15 did 3
has_not 'environment of a task' "$(cat "$work/env" "$work/agent-env")" REEVE_REDIS
before=$(ours | sort)
wait_until 10 scale_is shell .running 3
has 'metric' "$(api /metrics)" 'reeve_desired_agents{type="shell"} 3'
has 'metric' "$(api /metrics)" 'reeve_backlog{type="shell"} 9'
has 'a decision is an event with its numbers' "$(events scale.decided)" '\"waiting\":'
# --- the daemon dies: they work on, and are taken up again ------------------------------
kill_daemon
is 'still there' "$(ours | sort)" "$before"
start_daemon
wait_until 10 scale_is shell .local_agents 3
is 'the same ones' "$(ours | sort)" "$before"
wait_until 10 scale_is shell .desired_agents 3
has 'told' "$(events scale.adopted)" scale.adopted
: >"$work/go"
wait_until 20 run_is "$run" succeeded
is 'each once' "$(sort "$work/did" | uniq | wc -l) of $(wc -l <"$work/did")" '12 of 12'
# --- less to do: they leave, but for the least number ------------------------------------
wait_until 20 scale_is shell .local_agents 1
is 'the number that is wanted' "$(scale shell .desired_agents)" 1
# --- stopping the daemon stops no agent ---------------------------------------------------
last=$(ours)
stop_daemon
is 'still there' "$(ours)" "$last"
running "$last" || fail 'the agent ended with the daemon'
start_daemon
wait_until 10 scale_is shell .local_agents 1
is 'the same one' "$(ours)" "$last"
# --- one that dies is replaced -------------------------------------------------------------
kill -KILL "$last"
replaced() {
	[ -n "$(ours)" ] && [ "$(ours)" != "$last" ] && [ "$(ours)" != 0 ]
}
wait_until 15 replaced
wait_until 15 signed_on 1
# --- what is paused needs no more agents ------------------------------------------------------
reeve pause shell >/dev/null
flow paused go2 8 >"$work/paused.yaml"
submit "$work/paused.yaml"
wait_until 10 scale_is shell .reason held
is 'nothing is added' "$(scale shell .desired_agents)" 1
reeve resume shell >/dev/null
wait_until 15 scale_is shell .local_agents 3
: >"$work/go2"
wait_until 20 run_is "$run" succeeded
# --- by hand ---------------------------------------------------------------------------------
try scale shell 2
is 'by hand' "$code" 0
try scale shell 2
is 'twice' "$code" 5
try scale shell 4
is 'too many' "$code" 1
has 'too many' "$err" "1 to 3 agents"
try scale shell 0
has 'too few' "$err" 'reeve pause'
try scale nobody 1
is 'no such type' "$code" 3
# asked JSON: the error of the API to it
asked() {
	api /api/v1/scale -H 'Content-Type: application/json' -d "$1" | jq -r .error.message
}
has 'negative' "$(asked '{"type": "shell", "agents": -1}')" 'a number from 0'
has 'no number' "$(asked '{"type": "shell"}')" 'a number from 0'
has 'a typing error' "$(asked '{"type": "shell", "agent": 2}')" 'did you mean "agents"'
has 'no name' "$(asked '{"type": "?", "agents": 2}')" 'name of an agent type'
wait_until 20 scale_is shell .local_agents 2
kill_daemon
start_daemon
wait_until 10 scale_is shell .desired_agents 2
is 'it holds' "$(scale shell .mode)" manual
has 'who' "$(reeve audit)" '"agents":2'
try scale shell auto
is 'by itself' "$code" 0
wait_until 20 scale_is shell .local_agents 1
# --- a bad file changes nothing, a file that is gone ends them -----------------------------------
echo 'min_agents: 7' >>"$types/shell.yaml"
wait_until 10 grep -q "shell.yaml:.* error" "$reeved_log"
is 'the old one counts' "$(scale shell .max_agents)" 3
rm "$types/shell.yaml"
nobody() {
	[ -z "$(ours)" ]
}
wait_until 20 nobody
wait_until 10 signed_on 0
stop_daemon
