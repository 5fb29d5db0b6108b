#!/bin/sh
# SPDX-License-Identifier: MIT
# Two daemons: one decides; who takes over counts the agents of the other and doubles none.
. "${srcdir:-.}/tests/integration/lib.sh"
. "$src/tests/integration/daemon_lib.sh"
. "$src/tests/integration/nodes_lib.sh"

# ours NODE: pids of the agents that it started
ours() {
	for record in "$work/state-$1"/scaled/*-[0-9]; do
		[ ! -f "$record" ] || awk '{ print $2 }' "$record"
	done
}
has_agents() {
	[ "$(ours "$1" | wc -l)" = "$2" ]
}
# they outlive the daemons: whatever happens, they end with the test
end_agents() {
	code=$?
	for pid in $(ours one) $(ours two); do
		[ "$pid" = 0 ] || started="$started $pid"
	done
	set +e
	(exit $code)
	at_end
}
trap end_agents EXIT
scale_is() {
	[ "$(api /api/v1/scale | jq -r ".items[0] | $1")" = "$2" ]
}
signed_on() {
	[ "$(api /api/v1/agents | jq '[.items[] | select(.status == "active")] | length')" = "$1" ]
}
cat >"$types/shell.yaml" <<'END'
min_agents: 2
max_agents: 3
lease: 2s
scale: {allow_run: true, cooldown: 1s}
END

start_redis
node one
wait_until 15 has_agents one 2
wait_until 15 signed_on 2
node two
wait_until 15 scale_is .decided_here false
wait_until 15 scale_is .agents 2
# --- asked of either, done by the one that decides ------------------------------------------
try scale shell 3
is 'through the other' "$code" 0
wait_until 15 has_agents one 3
wait_until 15 scale_is .desired_agents 3
is 'nobody else starts any' "$(ours two)" ''
wait_until 15 signed_on 3
# --- a take-over: the agents that live are enough ------------------------------------------------
use one
kill_daemon
use two
wait_until 30 owns two
wait_until 30 scale_is .decided_here true
wait_until 15 scale_is .desired_agents 3
wait_until 15 scale_is .agents 3
is 'what was set by hand holds' "$(api /api/v1/scale | jq -r '.items[0].mode')" manual
is 'none is doubled' "$(ours two)" ''
# --- one of them leaves: the new one replaces it ---------------------------------------------------
kill -TERM "$(ours one | head -n 1)"
wait_until 30 has_agents two 1
# --- the first is back: it only watches its own --------------------------------------------------
node one
use one
wait_until 15 scale_is .decided_here false
wait_until 15 scale_is .local_agents 2
is 'the other ones' "$(ours two | wc -l)" 1
use two
try scale shell 2
is 'fewer' "$code" 0
wait_until 20 has_agents two 0
has_agents one 2 || fail 'agents of the other daemon went too'
# --- the file is gone, everywhere -----------------------------------------------------------------
rm "$types/shell.yaml"
wait_until 20 has_agents one 0
use one
stop_daemon
use two
stop_daemon
