#!/bin/sh
# SPDX-License-Identifier: MIT
# Three agent types, real agents, a load that rises to 20 times and falls; the daemon is
# killed in the middle.  Agents follow; nothing is lost, nothing is done twice.
#
# LOW_S, HIGH_S, REST_S: how long each part takes; COOLDOWN, TARGET_WAIT: of the types;
# OUT: a folder that gets load.csv.  'make check-scaling' takes its time.
. "${srcdir:-.}/tests/integration/lib.sh"
. "$src/tests/integration/daemon_lib.sh"

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

kinds='quick middle slow'
printf 'max_agents: 3\nscale: {allow_run: true, cooldown: %s, target_wait: %s}\n' \
	"${COOLDOWN:=2s}" "${TARGET_WAIT:=1s}" >"$types/quick.yaml"
sed 's/max_agents: 3/max_agents: 6\nmin_agents: 1/' "$types/quick.yaml" >"$types/middle.yaml"
sed 's/max_agents: 3/max_agents: 8\nconcurrency: 2/' "$types/quick.yaml" >"$types/slow.yaml"

# load N: a workflow with N tasks of each type, for one second
load() {
	echo "name: load$1"
	echo 'tasks:'
	for n in $(seq 1 "$1"); do
		for kind in quick:0.05 middle:0.3 slow:1; do
			echo "  - {id: ${kind%:*}$n, agent: ${kind%:*}, run: \"echo" \
				"\$REEVE_RUN_ID/\$REEVE_TASK_ID >>$executions; exec perl -e" \
				"'select undef, undef, undef, ${kind#*:}'\"}"
		done
	done
}
load 1 >"$work/low.yaml"
load 10 >"$work/high.yaml"
csv=$work/load.csv
echo "seconds,tasks_per_s$(for kind in $kinds; do
	printf ',%s_open,%s_desired,%s_agents' "$kind" "$kind" "$kind"
done)" >"$csv"

began=$(date +%s%3N)
now_ms() {
	echo $(($(date +%s%3N) - began))
}
# sample RATE: a row of the table, if the daemon answers
sample() {
	api /api/v1/scale 2>/dev/null | jq -r --arg at "$(now_ms)" --arg rate "$1" '
		[.items[] | {key: .type, value: .}] | from_entries as $t |
		[($at | tonumber / 1000), ($rate | tonumber)] +
		[$t["quick", "middle", "slow"] |
			((.waiting // 0) + (.running // 0)), .desired_agents, .agents + .draining] |
		if any(. == null) then empty else map(tostring) | join(",") end
	' >>"$csv" 2>/dev/null || true
}
tick=0 asked=0
# second FILE RATE TASKS: one second of load; what was not answered is asked again
second() {
	tick=$((tick + 1))
	until "$top/reeve" --json run "$1" --idempotency-key "tick-$tick" >/dev/null 2>&1; do
		nap
	done
	asked=$((asked + $3))
	sample "$2"
	while [ "$(now_ms)" -lt $((tick * 1000)) ]; do
		nap
	done
}
# desired TYPE
desired() {
	api /api/v1/scale | jq -r --arg t "$1" '.items[] | select(.type == $t) | .desired_agents'
}
# taken_up N: so many agents of the daemon before
taken_up() {
	[ "$(grep -c 'agent of an earlier daemon taken up' "$reeved_log")" -ge "$1" ]
}
# reached TYPE N: so many are wanted and there
reached() {
	api /api/v1/scale | jq -e --arg t "$1" --argjson n "$2" '.items[] | select(.type == $t) |
		.desired_agents >= $n and .agents >= $n'
}

start_daemon
part_ends=$((${LOW_S:=2} + tick))
while [ $tick -lt $part_ends ]; do
	if [ $((tick % 2)) -eq 0 ]; then
		second "$work/low.yaml" 0.5 3
	else
		tick=$((tick + 1))
	fi
done
part_ends=$((tick + ${HIGH_S:=6})) middle=$((tick + HIGH_S / 2))
while [ $tick -lt $part_ends ]; do
	second "$work/high.yaml" 10 30
	[ $tick -eq $middle ] || continue
	wait_until 20 reached slow 2
	kill_daemon
	start_daemon
	wait_until 10 taken_up 2
done
wait_until 20 reached slow 3
part_ends=$((tick + ${REST_S:=1}))
while [ $tick -lt $part_ends ]; do
	if [ $((tick % 2)) -eq 0 ]; then
		second "$work/low.yaml" 0.5 3
	else
		tick=$((tick + 1))
	fi
done

wait_until 60 all_ended
wait_until 60 reached middle 1
back() {
	sample 0
	[ "$(desired quick) $(desired middle) $(desired slow)" = '0 1 0' ] && [ "$(ours | wc -l)" = 1 ]
}
wait_until 120 back

# --- nothing lost, nothing twice -----------------------------------------------------------
is 'tasks done' "$(wc -l <"$executions")" "$asked"
is 'tasks done twice' "$(sort "$executions" | uniq -d)" ''
is 'runs that did not succeed' \
	"$(api '/api/v1/runs?limit=1000' | jq '[.items[] | select(.status != "succeeded")] | length')" 0
is 'attempts taken back' "$(metric reeve_attempts_lost_total)" 0
# --- as many as were needed, never more than there may be -------------------------------------
# most COLUMN
most() {
	awk -F, -v c="$1" 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == c) n = i; next }
		$n + 0 > m + 0 { m = $n } END { print m + 0 }' "$csv"
}
[ "$(most quick_agents)" -le 3 ] || fail "too many quick: $(most quick_agents)"
[ "$(most middle_agents)" -le 6 ] || fail "too many middle: $(most middle_agents)"
[ "$(most slow_agents)" -le 8 ] || fail "too many slow: $(most slow_agents)"
[ -z "${OUT:-}" ] || cp "$csv" "$OUT/load.csv"
rm "$types/middle.yaml"
nobody() {
	[ -z "$(ours)" ]
}
wait_until 20 nobody
stop_daemon
