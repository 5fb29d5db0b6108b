#!/bin/sh
# SPDX-License-Identifier: MIT
# Memory may hold no outputs at all: every task that reads some gets them from Redis, also
# after a kill -9; outputs that are gone or broken fail their readers, and say so.
. "${srcdir:-.}/tests/integration/lib.sh"
. "$src/tests/integration/daemon_lib.sh"

REEVE_LIMITS_OUTPUTS_MEMORY=0
export REEVE_LIMITS_OUTPUTS_MEMORY
start_daemon
agent A shell --allow-run --concurrency 4

# one gives, thirty read it and give, one reads them all
parts=$(seq -s ', p' 1 30)
{
	echo 'name: wide'
	echo 'on: manual'
	echo 'defaults: {agent: shell}'
	echo 'tasks:'
	# shellcheck disable=SC2016
	echo '  - {id: first, run: "echo word=alpha >>$REEVE_OUTPUT_FILE"}'
	for i in $(seq 1 30); do
		# shellcheck disable=SC2016
		echo "  - {id: p$i, needs: [first], run: \"echo got=$i-\${{ tasks.first.outputs.word }}" \
			'>>$REEVE_OUTPUT_FILE"}'
	done
	echo "  - {id: gate, needs: [p$parts], run: \"echo >>'$work/at-gate'; until [ -e '$work/go' ];" \
		"do perl -e 'select undef, undef, undef, 0.05'; done\"}"
	echo "  - {id: last, needs: [p$parts, gate], run: \"cat \$REEVE_TASK_FILE >'$work/last.json'\"}"
} | drop wide.yaml
wait_until 10 reeve workflows show wide
submit wide
wait_until 30 test -e "$work/at-gate"
[ "$(metric reeve_outputs_fetched_total)" -ge 31 ] || fail 'nothing was fetched'
is 'outputs in memory' "$(metric reeve_outputs_memory_bytes)" 0

# the reader of all of them is handed out by the next daemon
kill_daemon
: >"$work/go"
start_daemon
wait_until 20 run_is "$run" succeeded
is 'inputs of the last' "$(jq -r '[.inputs[].outputs.got | select(.)] | length' "$work/last.json")" 30
is 'one of them' "$(jq -r .inputs.p7.outputs.got "$work/last.json")" 7-alpha

# a letter has its payload and inputs all the same, and is tried again with them
drop dies.yaml <<'YAML'
name: dies
on: manual
defaults: {agent: shell}
tasks:
  - {id: one, run: "echo word=alpha >>$REEVE_OUTPUT_FILE"}
  - {id: two, needs: [one], run: "echo says ${{ tasks.one.outputs.word }}; exit 4"}
YAML
wait_until 10 reeve workflows show dies
submit dies
wait_until 20 run_is "$run" failed
letter=$(api /api/v1/dlq | jq -r '.items[0].id')
reeve dlq show "$letter" --json >"$work/letter.json"
is 'kind of a letter' "$(jq -r .payload.kind "$work/letter.json")" run
has 'body of a letter' "$(jq -r .payload.body "$work/letter.json")" 'exit 4'
is 'inputs of a letter' "$(jq -r .payload.meta.inputs.one.outputs.word "$work/letter.json")" alpha
reeve dlq replay "$letter" >/dev/null
second_failed() {
	[ "$(task "$run" two '"\(.attempt) \(.status)"')" = '2 failed' ]
}
wait_until 20 second_failed
has 'its log' "$(reeve logs "$run" two --attempt 2)" 'says alpha'

# somebody deletes or overwrites what a task will read
rm -f "$work/go"
drop lost.yaml <<YAML
name: lost
on: manual
defaults: {agent: shell}
tasks:
  - {id: a, run: "echo k=v >>\$REEVE_OUTPUT_FILE"}
  - {id: b, run: "echo k=v >>\$REEVE_OUTPUT_FILE"}
  - id: gate
    needs: [a, b]
    run: |
      until [ -e '$work/go' ]; do perl -e 'select undef, undef, undef, 0.05'; done
  - {id: ra, needs: [gate], run: "echo \${{ tasks.a.outputs.k }}"}
  - {id: rb, needs: [gate], run: "echo \${{ tasks.b.outputs.k }}"}
  - {id: free, needs: [gate], run: "true"}
YAML
wait_until 10 reeve workflows show lost
submit lost
wait_until 20 task_is "$run" gate running
redis HDEL "reeve:{0}:run:$run" o0 >/dev/null
redis HSET "reeve:{0}:run:$run" o1 'no json' >/dev/null
: >"$work/go"
wait_until 20 run_is "$run" failed
for reader in ra rb; do
	is "category of $reader" "$(task "$run" "$reader" .error.category)" rejected
	has "reason of $reader" "$(task "$run" "$reader" .error.message)" 'are not in redis any more'
done
is 'a task that reads nothing' "$(task "$run" free .status)" succeeded

# a field that is larger than any reply may be: the connection ends, the task fails
rm -f "$work/go"
submit lost
wait_until 20 task_is "$run" gate running
redis CONFIG SET proto-max-bulk-len 64mb >/dev/null
head -c 34000000 /dev/zero | tr '\0' x | redis -x HSET "reeve:{0}:run:$run" o0 >/dev/null
: >"$work/go"
# (while it is there nobody can read the run)
stored_as() {
	redis HGET "reeve:{0}:run:$run" r | grep -q "^1,$1,"
}
wait_until 20 stored_as failed
redis HDEL "reeve:{0}:run:$run" o0 >/dev/null
wait_until 20 run_is "$run" failed
is 'category of ra' "$(task "$run" ra .error.category)" rejected
is 'status of rb' "$(task "$run" rb .status)" succeeded
stop_daemon
