#!/bin/sh
# SPDX-License-Identifier: MIT
# Agents and groups are the same from every daemon, summed over the partitions; a drain that
# one daemon is asked for holds in all of them.
. "${srcdir:-.}/tests/integration/lib.sh"
. "$src/tests/integration/daemon_lib.sh"
. "$src/tests/integration/nodes_lib.sh"

start_redis
node one --partitions 2
node two
wait_until 20 owns one
wait_until 20 owns two
use two
wait_until 20 ready

cat >"$work/wait" <<'END'
#!/bin/sh
while [ ! -e "$1" ]; do perl -e 'select undef, undef, undef, 0.05'; done
END
chmod +x "$work/wait"
agent A t --concurrency 8 --lease 3s -- "$work/wait" "$work/go"
a_log=$work/A.log
echo '{name: flow, on: manual, tasks: [{id: a, agent: t, prompt: x}]}' >"$work/flow.yaml"
runs='' parts=''
for i in 1 2 3 4 5 6 7 8 9 10 11 12; do
	submit "$work/flow.yaml" --idempotency-key "key-$i"
	runs="$runs $run"
done
parts=$(for run in $runs; do echo "${run##*-}"; done | sort -u | wc -l)
[ "$parts" -eq 2 ] || fail "all runs in one partition"

# --- eight run, four wait, whoever is asked
group_is() {
	[ "$(api /api/v1/consumer-groups/t_consumers |
		jq -c '[.consumers, .ready + .queued, .running]')" = "$1" ]
}
for name in one two; do
	use "$name"
	wait_until 20 group_is '[1,4,8]'
	is "A as $name sees it" "$(api /api/v1/agents/A | jq -c '[.status, .running, .concurrency]')" \
		'["active",8,8]'
	is 'one agent' "$(api /api/v1/agents | jq '.items | length')" 1
done

# --- drained through one of them
use one
try drain A
is 'drain' "$code" 0
use two
is 'as the other sees it' "$(api /api/v1/agents/A | jq -r .status)" draining
try drain A
is 'twice' "$code" 5
for p in 0 1; do
	is "drained in $p" "$(redis HEXISTS "reeve:{$p}:drains" A)" 1
done
wait_until 10 grep -q 'drained by the orchestrator' "$a_log"
: >"$work/go"
for name in one two; do
	use "$name"
	wait_until 20 group_is '[1,4,0]'
done
is 'health' "$(api /api/v1/consumer-groups/health | jq -r .status)" degraded
is 'told once' "$(for p in 0 1; do
	redis --json XRANGE "reeve:{$p}:ev" - + | grep -o 'agent.drained' || true; done | wc -l)" 1

# --- the daemon that was asked dies: it is drained still, and undrained through the other
use one
kill_daemon
use two
wait_until 30 owns two 2
is 'still' "$(api /api/v1/agents/A | jq -r .status)" draining
try undrain A
is 'undrain' "$code" 0
for run in $runs; do
	wait_until 20 run_is "$run" succeeded
done
