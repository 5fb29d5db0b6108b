#!/bin/sh
# SPDX-License-Identifier: MIT
# The peers' driver measures what is installed, tells what is not, and counts what was executed.
# shellcheck disable=SC2154
. "${srcdir:-.}/tests/integration/lib.sh"
command -v redis-server >/dev/null || skip 'no redis-server'
command -v python3 >/dev/null || skip 'no python3'
run=$src/tests/bench/peers/run

# BullMQ is not where it is looked for; Celery may be installed here or not.
"$run" --top "$top" --quick --workloads W1,W2 --modules "$work/none" --json "$work/out.json" \
	>"$work/table" 2>"$work/peers.log"
has told "$(cat "$work/peers.log")" 'bullmq is left out: it needs nodejs and npm'
says '.skipped.bullmq and (.faults == [])' <"$work/out.json" >/dev/null || fail 'skipped'
says '[.workloads[].workload] == ["W1", "W2"]' <"$work/out.json" >/dev/null || fail 'workloads'
says '.workloads[0] | .reeve.tasks_per_s.median > 0 and .raw.tasks == 100 and
	.ratio.raw.tasks_per_s > 0 and (.reeve | has("handoff_p50_us") | not)' \
	<"$work/out.json" >/dev/null || fail 'W1'
says '.workloads[1].reeve | .handoff_p50_us.median > 0' <"$work/out.json" >/dev/null || fail 'W2'
says 'if .peers.celery then
		(.workloads[1].celery | .tasks == 10 and .handoff_p99_us.median > 0) and
		.workloads[0].celery.redis_calls_per_task.median > 1
	else .skipped.celery end' <"$work/out.json" >/dev/null || fail 'celery'
has table "$(cat "$work/table")" 'tasks/s'

# A task that ran twice, one that never ran and one that ran in another's place are seen.
PYTHONDONTWRITEBYTECODE=1 PYTHONPATH="$src/tests/bench/peers" python3 - <<'END'
from peers import Failed, figures, shape
good = [(0, 10, 20, 30), (1, 50, 60, 90), (2, 100, 110, 1010)]
found = figures(good, 3, 10, (0.003, 6))
assert found['tasks_per_s'] == 3e6 and found['redis_cpu_us_per_task'] == 1000, found
assert found['handoff_p50_us'] == 0.04 and found['redis_calls_per_task'] == 2, found
for bad in (good + good[:1], good[:2], good[:2] + good[:1]):
    try:
        figures(bad, 3, 10, (0, 0))
    except Failed:
        continue
    raise SystemExit('not seen: %r' % bad)
assert shape('W3', 1) == (10, 1000, 10020) and shape('W4', 1) == (1000, 2, 4000)
END

# Ended in its middle, it leaves nothing behind.
start stopped "$run" --top "$top" --repeat 1000 --workloads W1b --modules "$work/none"
wait_until 60 grep -q 'W1b  1/1000 raw' "$work/stopped.log"
kill -TERM "$pid"
ended "$pid" 30
is interrupted "$code" 130
is 'left behind' "$(ls -d "$work"/reeve-peers-* "$work"/reeve-bench-* 2>/dev/null)" ''
is 'still running' "$(pgrep -f "$work/reeve-" || :)" ''
