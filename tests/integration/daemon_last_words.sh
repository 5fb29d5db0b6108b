#!/bin/sh
# SPDX-License-Identifier: MIT
# A command that prints much, a last line, and fails at once: its dead letter ends with that
# line, each time; also when the log's script is not known to Redis.
. "${srcdir:-.}/tests/integration/lib.sh"
. "$src/tests/integration/daemon_lib.sh"

start_redis
start_daemon
cat >"$work/breaks" <<'END'
#!/bin/sh
perl -e 'print "line $_ of much output that takes several batches\n" for 1 .. 3000; print "last of $ARGV[0]\n"' "$REEVE_TASK_ID"
exit 1
END
chmod +x "$work/breaks"
agent B breaker --concurrency 2 -- "$work/breaks"

{
	echo 'name: many'
	echo 'tasks:'
	for n in $(seq 1 50); do
		echo "  - {id: t$n, agent: breaker, prompt: x}"
	done
} >"$work/many.yaml"
submit "$work/many.yaml"
wait_until 30 run_is "$run" failed
redis SCRIPT FLUSH >/dev/null
submit "$work/many.yaml"
wait_until 30 run_is "$run" failed

api '/api/v1/dlq?limit=1000' >"$work/letters.json"
is letters "$(jq '.items | length' "$work/letters.json")" 100
is 'letters without the last line' "$(jq -r '.items[] |
	select((.log_tail | split("\n") | map(select(. != "")) | last) != "last of \(.task)") | .task' \
	"$work/letters.json")" ''
stop_daemon
